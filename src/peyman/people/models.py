"""People: how they log in and are reached, what they agreed to, what is kept of them and who looked at it."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q

from peyman.sealed import HashField, SealedDate, SealedField, SealedJSON


class PersonManager(BaseUserManager["Person"]):
    """Django asks for one; people are made by `actions.person_of`."""


class Person(AbstractBaseUser):
    """A customer or a member of staff. One mobile number, one person (clause D06)."""

    class Role(models.TextChoices):
        CUSTOMER = "customer"
        ORDERS = "orders"  # staff of the order desk
        CATALOGUE = "catalogue"
        PRIVACY = "privacy"  # looks after personal data
        TARIFF = "tariff"  # holds the network against the national registry
        FINANCE = "finance"  # holds the banks' statements against the ledger
        MANAGER = "manager"

    code = models.CharField(max_length=32, unique=True)  # public id, random
    mobile = SealedField(blank=True)  # E.164, "+989121234567"; empty once erased
    mobile_hash = HashField(of="mobile", about="mobile", unique=True)
    mobile_confirmed_at = models.DateTimeField(null=True)
    full_name = models.CharField(max_length=120, blank=True)
    email = SealedField(blank=True)
    email_confirmed_at = models.DateTimeField(null=True)
    mail_for_orders = models.BooleanField(
        default=True
    )  # what Consent says of transactional mail, kept beside the address
    landline = SealedField(blank=True)  # "02188888888"; vouched for by the customer (D40)
    birth_date = SealedDate(null=True)
    national_id = SealedField(blank=True)  # ten digits; as its owner says, until staff saw the card
    national_id_hash = HashField(of="national_id", about="person_national_id", db_index=True)
    national_id_confirmed_at = models.DateTimeField(null=True)
    sheba = SealedField(blank=True)  # "IR" and 24 digits: where money goes back to
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.CUSTOMER)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)  # closed by its owner; see Erasure

    objects = PersonManager()

    USERNAME_FIELD = "code"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["national_id_hash"],
                condition=Q(national_id_confirmed_at__isnull=False),
                name="confirmed_national_id_once",
            ),
            models.CheckConstraint(
                name="role_is_known",
                condition=Q(role__in=["customer", "orders", "catalogue", "privacy", "tariff", "finance", "manager"]),
            ),
        ]

    def __str__(self) -> str:
        return self.code  # logs and error pages must not show a number

    @property
    def is_staff(self) -> bool:
        return self.role != self.Role.CUSTOMER


class ApiToken(models.Model):
    """A bearer token. Only its SHA-256 is kept."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="api_tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)


class LoginCode(models.Model):
    """A log-in code sent by SMS, for pages and API alike. Only a keyed hash of it is kept.

    `nth` counts the codes of one number: of two requests at once one finds its place taken, looks
    again, and meets the limit. Only the newest code of a number opens anything.
    """

    mobile_hash = models.CharField(max_length=64)
    nth = models.PositiveIntegerField()
    code_hash = models.CharField(max_length=64)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mobile_hash", "nth"], name="nth_code_once")]
        indexes = [models.Index(fields=["created_at"], name="login_code_by_age")]


# ---- Consent ----


class Consent(models.Model):
    """What somebody wants to hear and how, as it stands now; no row: what `rules.DEFAULT` says (D11, D12)."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="consents")
    topic = models.CharField(max_length=16)
    channel = models.CharField(max_length=8)
    given = models.BooleanField()
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "topic", "channel"], name="consent_stands_once"),
            models.CheckConstraint(
                name="consent_topic_is_known", condition=Q(topic__in=["marketing", "transactional"])
            ),
            models.CheckConstraint(name="consent_channel_is_known", condition=Q(channel__in=["sms", "email"])),
        ]


class ConsentEvent(models.Model):
    """One yes or no, and how it was said."""

    append_only = True

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="consent_events")
    topic = models.CharField(max_length=16)
    channel = models.CharField(max_length=8)
    given = models.BooleanField()
    how = models.CharField(max_length=16)  # profile, welcome, one_click, erasure
    at = models.DateTimeField()


# ---- Contacts ----


class Contact(models.Model):
    """One contact of a person while it was an official one (D08): from `since` until before `until`.

    The history of contacts. What an erased person's were is gone; that there were some stays.
    """

    class Kind(models.TextChoices):
        MOBILE = "mobile"
        EMAIL = "email"
        LANDLINE = "landline"

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="contacts")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    value = SealedField(blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "kind"], condition=Q(until=None), name="contact_of_a_kind_once"),
            models.CheckConstraint(name="contact_kind_is_known", condition=Q(kind__in=["mobile", "email", "landline"])),
        ]


class ContactChange(models.Model):
    """One step in the life of a contact. It names no address."""

    append_only = True

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="contact_changes")
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, null=True, related_name="changes")
    kind = models.CharField(max_length=8)
    event = models.CharField(max_length=12)  # asked, confirmed, vouched, retired, refused, erased, lost, objected
    by = models.CharField(max_length=32)  # "customer", or the code of a member of staff
    at = models.DateTimeField()


class ContactCode(models.Model):
    """A code that proves a contact before it is official. Only a keyed hash of the code is kept.

    `kind`: "email", or for a change of mobile "mobile_old" and "mobile_new": both must be proven. Of a lost line
    "lost_email" and "lost_new"; "login_email" proves who comes back after a long time.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="contact_codes")
    kind = models.CharField(max_length=12)
    target = SealedField()
    target_hash = models.CharField(max_length=64)
    nth = models.PositiveIntegerField()
    code_hash = models.CharField(max_length=64)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["target_hash", "nth"], name="nth_contact_code_once")]
        indexes = [models.Index(fields=["created_at"], name="contact_code_by_age")]


# ---- Where someone is logged in ----


class Visit(models.Model):
    """One log-in that may still be open: a session of a browser, ended by its owner or by leaving (D15)."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="visits")
    code = models.CharField(max_length=32, unique=True)
    session_key = models.CharField(max_length=40, unique=True)
    device = models.CharField(max_length=60)  # in words
    network = models.CharField(max_length=45)  # the first half of an address: enough to know one's own
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)


class LoginEvent(models.Model):
    """Someone logged in, or a session was ended from the list (D15)."""

    append_only = True

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="login_events")
    event = models.CharField(max_length=12)  # login, api, ended
    device = models.CharField(max_length=60)
    network = models.CharField(max_length=45)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["person", "at"], name="login_event_of_person")]


# ---- Written down once, used at each order ----


class Address(models.Model):
    """An address in a customer's book. Everything but whose it is is sealed (D16)."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="addresses")
    code = models.CharField(max_length=32, unique=True)
    particulars: "models.Field[Any, Any]" = SealedJSON()  # as the order form reads them, and "title"
    created_at = models.DateTimeField()
    used_at = models.DateTimeField()  # the newest first


class LegalEntity(models.Model):
    """An organisation that a customer buys for, with its validated ids (D44)."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="legal_entities")
    code = models.CharField(max_length=32, unique=True)
    national_id = SealedField()
    national_id_hash = HashField(of="national_id", about="national_id")
    particulars: "models.Field[Any, Any]" = SealedJSON()
    created_at = models.DateTimeField()
    used_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "national_id_hash"], name="legal_entity_once_a_person")
        ]


class LostLine(models.Model):
    """A request to change a mobile number whose line is lost; the new one is proven (D08, D15)."""

    code = models.CharField(max_length=32, unique=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="lost_lines")
    mobile = SealedField(blank=True)  # the new one; empty once erased
    how = models.CharField(max_length=8)  # email, staff
    identity = models.CharField(max_length=12, blank=True)  # how staff checked it: a name of rules.IDENTITY_CHECKS
    by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    upheld_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=8)
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    objected_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(state__in=["unproven", "waiting", "objected"]),
                name="lost_line_open_once",
            ),
            models.CheckConstraint(
                name="lost_line_state_is_known",
                condition=Q(state__in=["unproven", "waiting", "objected", "done", "refused"]),
            ),
            models.CheckConstraint(
                name="lost_line_of_staff_was_checked", condition=Q(how="email") | Q(by__isnull=False) & ~Q(identity="")
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="waiting"), name="lost_line_due")]


# ---- Who someone is ----


class IdentityChange(models.Model):
    """One step in the life of a national id, an account number or a birth date. It names no number."""

    append_only = True

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="identity_changes")
    what = models.CharField(max_length=12)  # national_id, sheba, birth_date
    event = models.CharField(max_length=12)  # told, removed, confirmed, refused, corrected, erased
    by = models.CharField(max_length=32)  # "customer", or the code of a member of staff
    at = models.DateTimeField()


# ---- Minors ----


class GuardianConfirmation(models.Model):
    """A parent or guardian was asked to agree to one order of a minor, and did or did not (D20).

    The number is written to for nothing else (A15).
    """

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="guardian_confirmations")
    subject = models.CharField(max_length=40)  # "order:ORD-…"
    name = SealedField(blank=True)
    mobile = SealedField(blank=True)
    mobile_hash = HashField(of="mobile", about="mobile", db_index=True)
    token_hash = models.CharField(max_length=64, unique=True)
    code_hash = models.CharField(max_length=64)
    tries = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    how = models.CharField(max_length=8, blank=True)  # link, code

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject"], condition=Q(confirmed_at__isnull=False), name="guardian_confirms_once"
            ),
        ]
        indexes = [models.Index(fields=["subject"], name="guardian_of_subject")]


# ---- Who looked, what was reported, what was erased ----


class AccessLog(models.Model):
    """A member of staff looked at somebody's personal data: who, whose, what, why, when (D16)."""

    append_only = True

    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="looked_at")
    whose = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="looked_at_by")
    subject = models.CharField(max_length=60)  # "person:PER-…", "privacy_case:PRV-…"
    what = models.CharField(max_length=24)
    why = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["whose", "at"], name="access_to_person")]


class PrivacyCase(models.Model):
    """A reported violation of privacy, from its report to its end (D17). Its state moves over `rules.CASE_STEPS`."""

    code = models.CharField(max_length=32, unique=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="privacy_cases")
    topic = models.CharField(max_length=16)
    text = SealedField()
    contact_kind = models.CharField(max_length=8)  # "sms" or "email": how whoever reported it is answered
    contact = SealedField()
    state = models.CharField(max_length=12)
    taken_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    received_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_why = models.CharField(max_length=16, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="case_state_is_known", condition=Q(state__in=["received", "taken", "answered", "closed"])
            ),
            models.CheckConstraint(
                name="closed_case_has_a_reason",
                condition=Q(state="closed", closed_at__isnull=False) & ~Q(closed_why="")
                | ~Q(state="closed") & Q(closed_at=None, closed_why=""),
            ),
        ]
        indexes = [models.Index(fields=["state", "received_at"], name="case_by_state")]


class PrivacyAnswer(models.Model):
    """What we wrote to whoever reported."""

    case = models.ForeignKey(PrivacyCase, on_delete=models.PROTECT, related_name="answers")
    text = SealedField()
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()


class PrivacyEvent(models.Model):
    """One step of one case."""

    append_only = True

    case = models.ForeignKey(PrivacyCase, on_delete=models.PROTECT, related_name="events")
    event = models.CharField(max_length=12)
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12)
    by = models.CharField(max_length=32)  # "reporter", or the code of a member of staff
    at = models.DateTimeField()


class Permission(models.Model):
    """A written permission to use what is ours (D18). Rows are ended, never changed or removed."""

    code = models.CharField(max_length=32, unique=True)
    to_whom = models.CharField(max_length=200)
    what_for = models.CharField(max_length=400)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True)  # the last day on which it holds
    document_sha256 = models.CharField(max_length=64)  # of the signed paper
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="permission_ends_after_it_starts",
                condition=Q(ends_on=None) | Q(ends_on__gte=models.F("starts_on")),
            ),
        ]


class Erasure(models.Model):
    """A customer asked us to forget them: when, what was done, and what the law makes us keep (D16)."""

    code = models.CharField(max_length=32, unique=True)
    person = models.OneToOneField(Person, on_delete=models.PROTECT, related_name="erasure")
    asked_at = models.DateTimeField()
    kept = models.JSONField(default=list)  # [{"what", "why", "until"}]: names of rules.KEPT, no data
    done_at = models.DateTimeField(null=True)  # None while something is still open


# ---- Told to many ----


class Mailing(models.Model):
    """Something told to many, in batches that follow the keys of people: how far it came (D05, D11, D121)."""

    class Kind(models.TextChoices):
        TERMS_CHANGED = "terms_changed"
        FORCE_MAJEURE = "force_majeure"
        FORCE_MAJEURE_ENDED = "force_majeure_ended"
        NEWSLETTER = "newsletter"

    code = models.CharField(max_length=32, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    subject = models.CharField(max_length=80, unique=True)  # "terms:2", "period:FMJ-…", "newsletter:" and a hash
    content = models.JSONField(default=dict)  # of a newsletter: its words, nothing personal
    after = models.BigIntegerField(default=0)  # key of the last person who was dealt with
    told = models.PositiveIntegerField(default=0)  # messages queued
    began_at = models.DateTimeField()
    open_until = models.DateTimeField(null=True)  # who joins before then is told too
    done_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="mailing_kind_is_known",
                condition=Q(kind__in=["terms_changed", "force_majeure", "force_majeure_ended", "newsletter"]),
            ),
            models.CheckConstraint(name="mailing_ends_once", condition=Q(done_at=None) | Q(stopped_at=None)),
        ]
        indexes = [
            models.Index(fields=["kind"], condition=Q(done_at=None, stopped_at=None), name="mailing_open"),
        ]


class DailySweep(models.Model):
    """A sweep that runs once a day: the day on which it last came to its end."""

    name = models.CharField(max_length=32, unique=True)
    day = models.DateField()
