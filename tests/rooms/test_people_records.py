"""Contacts, consent, minors, reports and forgetting: with rows."""

from datetime import timedelta

import pytest
from django.core.exceptions import FieldError
from django.db import IntegrityError, connection, transaction

from peyman import sealed
from peyman.kernel.errors import Invalid, Missing
from peyman.people import actions, queries, rules
from peyman.people.actions.records import BookFull
from peyman.people.models import (
    AccessLog,
    Address,
    ConsentEvent,
    Contact,
    ContactChange,
    ContactCode,
    Erasure,
    GuardianConfirmation,
    LegalEntity,
    LoginEvent,
    Permission,
    Person,
    PrivacyCase,
    PrivacyEvent,
)
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db

OLD, NEW, OTHER = "+989121111111", "+989122222222", "+989123333333"
TODAY = NOW.date()
PLACE = {
    "recipient": "سارا احمدی", "mobile": OLD, "landline": "", "province": "تهران", "city": "تهران",
    "street": "خیابان ولیعصر", "plate": "12", "unit": "", "postal_code": "1234567890", "title": "خانه",
}  # fmt: skip
COMPANY = {
    "name": "شرکت نمونه", "national_id": "10380284790", "economic_code": "41111111111",
    "registration_number": "1234", "postal_code": "1234567890", "phone": "02188888888",
}  # fmt: skip


def stored(table: str) -> str:
    """Everything that a table holds, as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")  # noqa: S608  # names of our own tables
        return repr(cursor.fetchall())


# ---- Sealed at rest ----


@pytest.mark.clause("D16")
def test_no_table_holds_a_number_an_address_a_birth_date_or_an_id_in_clear():
    person = make.person(mobile=OLD, email="zahra@example.ir", email_confirmed_at=NOW)
    actions.tell_birth_date(person=person, typed="1380/4/5", today=TODAY, now=NOW)
    actions.vouch_landline(person=person, typed="021-88887777", vouched=True, now=NOW)
    actions.keep_address(person=person, particulars=PLACE, now=NOW)
    actions.keep_legal_entity(person=person, particulars=COMPANY, now=NOW)
    actions.ask_email(person=person, typed="sara@example.ir", now=NOW)
    actions.issue_login_code(mobile=OLD, now=NOW)
    actions.ask_guardian(person=person, subject="order:ORD-1", name="مادر نمونه", mobile=NEW, now=NOW)
    tables = [
        model._meta.db_table
        for model in (Person, Contact, ContactChange, ContactCode, Address, LegalEntity, GuardianConfirmation)
    ]
    clear = " ".join(stored(table) for table in [*tables, "people_logincode"])
    for personal in ("9121111111", "9122222222", "example.ir", "2001", "88887777", "ولیعصر", "1234567890", "1038028"):
        assert personal not in clear
    again = Person.objects.get(pk=person.pk)
    assert (again.mobile, again.email, again.landline) == (OLD, "zahra@example.ir", "02188887777")
    assert str(again.birth_date) == "2001-06-26"
    assert Address.objects.get().particulars == PLACE


def test_a_sealed_column_is_not_searched_by_mistake():
    make.person(mobile=OLD)
    with pytest.raises(FieldError):
        list(Person.objects.filter(mobile=OLD))
    assert queries.by_mobile(OLD) is not None
    assert list(Person.objects.filter(email="")) == [queries.by_mobile(OLD)]


def test_rows_move_to_a_new_key_and_are_found_before_and_after(settings):
    settings.FIELD_KEYS = ("old-key",)
    person = make.person(mobile=OLD, email="zahra@example.ir")
    settings.FIELD_KEYS = ("new-key", "old-key")
    assert queries.by_mobile(OLD) == person
    assert actions.person_of(mobile=OLD, now=NOW) == person
    assert sealed.reseal(Person, batch=1) == 1
    assert sealed.reseal(Person, batch=1) == 0
    settings.FIELD_KEYS = ("new-key",)
    assert queries.by_mobile(OLD) == person
    assert Person.objects.get().email == "zahra@example.ir"


def test_sealing_what_was_kept_in_clear_has_a_way_back():
    make.person(mobile=OLD, email="zahra@example.ir")
    sealed.unseal(Person, "mobile", "email")
    assert "zahra@example.ir" in stored("people_person")
    assert Person.objects.get().email == "zahra@example.ir"
    assert sealed.reseal(Person) == 1
    assert "zahra@example.ir" not in stored("people_person")


# ---- E-mail ----


@pytest.mark.clause("D08")
def test_an_address_counts_only_after_its_code_and_the_old_one_until_then():
    person = make.person(mobile=OLD, email="old@example.ir", email_confirmed_at=NOW)
    proof = actions.ask_email(person=person, typed="NEW@Example.ir", now=NOW)
    assert (person.pk, "old@example.ir") in queries.official_contacts([person.pk])
    with pytest.raises(rules.WrongCode):
        actions.confirm_email(person=person, code="x", now=NOW)
    later = NOW + timedelta(minutes=5)
    assert actions.confirm_email(person=person, code=proof.code, now=later) == "NEW@example.ir"
    assert queries.official_contacts([person.pk]) == {(person.pk, OLD), (person.pk, "NEW@example.ir")}
    with pytest.raises(rules.WrongCode):  # a used code opens nothing
        actions.confirm_email(person=person, code=proof.code, now=later)
    steps = [(step.kind, step.event, step.value) for step in queries.contact_history(person)]
    assert steps == [("email", "confirmed", "NEW@example.ir"), ("email", "asked", "")]


@pytest.mark.clause("D08")
def test_a_code_is_over_after_half_an_hour_and_five_wrong_tries():
    person = make.person(mobile=OLD)
    proof = actions.ask_email(person=person, typed="a@example.ir", now=NOW)
    with pytest.raises(rules.WrongCode):
        actions.confirm_email(person=person, code=proof.code, now=NOW + timedelta(minutes=30))
    proof = actions.ask_email(person=person, typed="a@example.ir", now=NOW)
    wrong = "000000" if proof.code != "000000" else "111111"
    for _ in range(5):
        with pytest.raises(rules.WrongCode):
            actions.confirm_email(person=person, code=wrong, now=NOW)
    with pytest.raises(rules.WrongCode):
        actions.confirm_email(person=person, code=proof.code, now=NOW)
    assert not Person.objects.get().email


def test_one_address_is_not_written_to_without_end():
    person = make.person(mobile=OLD)
    for _ in range(3):
        actions.ask_email(person=person, typed="a@example.ir", now=NOW)
    with pytest.raises(rules.TooManyCodes):
        actions.ask_email(person=person, typed="a@example.ir", now=NOW)
    assert ContactCode.objects.count() == 3


def test_one_person_does_not_write_to_twenty_one_addresses_a_day():
    person = make.person(mobile=OLD)
    for n in range(20):
        actions.ask_email(person=person, typed=f"a{n}@example.ir", now=NOW)
    with pytest.raises(rules.TooManyCodes):
        actions.ask_email(person=person, typed="b@example.ir", now=NOW)


# ---- Mobile ----


@pytest.mark.clause("D08")
def test_a_mobile_changes_when_both_numbers_confirm_and_not_before():
    person = make.person(mobile=OLD)
    old, new = actions.ask_mobile(person=person, typed="۰۹۱۲ ۲۲۲ ۲۲۲۲", now=NOW)
    assert (old.to, new.to) == (OLD, NEW)
    for codes in [(old.code, ""), ("", new.code), (new.code, old.code)]:
        if codes == (new.code, old.code) and old.code == new.code:
            continue
        with pytest.raises(rules.WrongCode):
            actions.change_mobile(person=person, old_code=codes[0], new_code=codes[1], now=NOW)
    assert Person.objects.get().mobile == OLD
    actions.change_mobile(person=person, old_code=old.code, new_code=new.code, now=NOW)
    assert queries.by_mobile(NEW) == person and queries.by_mobile(OLD) is None
    assert [(c.value, c.until) for c in Contact.objects.order_by("pk")] == [(NEW, None)]
    with pytest.raises(rules.WrongCode):
        actions.change_mobile(person=person, old_code=old.code, new_code=new.code, now=NOW)


@pytest.mark.clause("D08")
def test_a_number_of_another_account_is_refused_only_to_who_proved_to_hold_it():
    make.person(mobile=NEW)
    person = make.person(mobile=OLD)
    old, new = actions.ask_mobile(person=person, typed=NEW, now=NOW)
    with pytest.raises(rules.MobileTaken):
        actions.change_mobile(person=person, old_code=old.code, new_code=new.code, now=NOW)
    assert person.mobile == OLD
    assert Person.objects.get(pk=person.pk).mobile == OLD
    assert ContactChange.objects.filter(event="refused").count() == 1


@pytest.mark.clause("D08")
def test_of_two_people_who_claim_one_number_one_gets_it(threads):
    people = [make.person(mobile=mobile) for mobile in (OLD, OTHER)]
    proofs = [actions.ask_mobile(person=person, typed=NEW, now=NOW) for person in people]

    def claim(n):
        try:
            actions.change_mobile(
                person=Person.objects.get(pk=people[n].pk),
                old_code=proofs[n][0].code,
                new_code=proofs[n][1].code,
                now=NOW,
            )
        except rules.MobileTaken:
            return "taken"
        return "changed"

    assert sorted(threads(2, claim)) == ["changed", "taken"]
    assert queries.by_mobile(NEW) is not None
    assert Person.objects.count() == 2


@pytest.mark.clause("D40")
def test_a_landline_is_kept_when_the_customer_vouches_for_it():
    person = make.person(mobile=OLD)
    with pytest.raises(rules.NotVouched):
        actions.vouch_landline(person=person, typed="02188887777", vouched=False, now=NOW)
    assert not Person.objects.get().landline
    actions.vouch_landline(person=person, typed="+98 21 8888 7777", vouched=True, now=NOW)
    assert Person.objects.get().landline == "02188887777"
    actions.vouch_landline(person=person, typed="", vouched=False, now=NOW)
    assert [step.event for step in queries.contact_history(person)] == ["retired", "vouched"]


# ---- Consent ----


@pytest.mark.clause("D11", "D12")
def test_consent_holds_at_once_and_every_yes_and_no_stays():
    person = make.person()
    assert not queries.may_market(person, "sms")
    assert actions.agree(person=person, topic="marketing", channel="sms", given=True, how="profile", now=NOW)
    assert not actions.agree(person=person, topic="marketing", channel="sms", given=True, how="profile", now=NOW)
    assert queries.may_market(person, "sms") and not queries.may_market(person, "email")
    assert actions.agree(person=person, topic="marketing", channel="sms", given=False, how="one_click", now=NOW)
    assert not queries.may_market(person, "sms")
    assert [(row.given, row.how) for row in ConsentEvent.objects.order_by("pk")] == [
        (True, "profile"),
        (False, "one_click"),
    ]
    with pytest.raises(IntegrityError), transaction.atomic():
        ConsentEvent.objects.all().delete()


def test_an_opt_out_link_is_ours_or_nobodys():
    person = make.person()
    assert queries.whose_opt_out(queries.opt_out_token(person.code, "email")) == (person, "email")
    for forged in (
        "",
        "x",
        queries.opt_out_token(person.code, "email")[:-1] + "x",
        queries.opt_out_token("PER-0", "sms"),
    ):
        with pytest.raises(Missing):
            queries.whose_opt_out(forged)


# ---- Addresses and organisations ----


def test_an_address_is_written_once_changed_and_removed_by_its_owner_only():
    person, stranger = make.person(), make.person()
    kept = actions.keep_address(person=person, particulars=PLACE, now=NOW)
    assert actions.keep_address(person=person, particulars=PLACE, now=NOW) == kept
    with pytest.raises(Missing):
        actions.keep_address(person=stranger, particulars=PLACE, code=kept.code, now=NOW)
    with pytest.raises(Missing):
        actions.drop_address(person=stranger, code=kept.code)
    actions.keep_address(person=person, particulars=PLACE | {"plate": "13"}, code=kept.code, now=NOW)
    assert [row.particulars["plate"] for row in queries.addresses(person)] == ["13"]
    actions.drop_address(person=person, code=kept.code)
    assert queries.addresses(person) == []


def test_a_book_of_addresses_has_an_end():
    person = make.person()
    for n in range(20):
        actions.keep_address(person=person, particulars=PLACE | {"plate": str(n)}, now=NOW)
    with pytest.raises(BookFull):
        actions.keep_address(person=person, particulars=PLACE | {"plate": "99"}, now=NOW)


@pytest.mark.clause("D44")
def test_an_organisation_is_kept_once_by_its_national_id():
    person = make.person()
    actions.keep_legal_entity(person=person, particulars=COMPANY, now=NOW)
    actions.keep_legal_entity(person=person, particulars=COMPANY | {"name": "نام تازه"}, now=NOW)
    assert [row.particulars["name"] for row in queries.legal_entities(person)] == ["نام تازه"]
    with pytest.raises(Invalid):
        actions.keep_legal_entity(person=person, particulars=COMPANY | {"national_id": "10380284791"}, now=NOW)


# ---- Minors ----


@pytest.mark.clause("D20")
def test_a_birth_date_is_written_once_by_its_owner_and_mended_by_staff_with_a_reason():
    person, staff = make.person(), make.person(role="privacy")
    actions.tell_birth_date(person=person, typed="1389/4/5", today=TODAY, now=NOW)
    actions.tell_birth_date(person=person, typed="1389/4/5", today=TODAY, now=NOW)
    with pytest.raises(rules.BirthDateStands):
        actions.tell_birth_date(person=person, typed="1379/4/5", today=TODAY, now=NOW)
    actions.correct_birth_date(person=person, typed="1379/4/5", why="کارت ملی را دیدم", by=staff, today=TODAY, now=NOW)
    assert str(Person.objects.get(pk=person.pk).birth_date) == "2000-06-25"
    assert [(row.by, row.whose, row.what) for row in AccessLog.objects.all()] == [(staff, person, "birth_date")]


def minor(**fields):
    person = make.person(**fields)
    actions.tell_birth_date(person=person, typed="1390/1/1", today=TODAY, now=NOW)
    return person


@pytest.mark.clause("D20")
def test_a_minors_order_waits_until_the_guardian_follows_the_link():
    person = minor(mobile=OLD)
    assert queries.needs_guardian(person, "order:1", TODAY, 18)
    asked = actions.ask_guardian(person=person, subject="order:1", name="مادر نمونه", mobile="0912 222 2222", now=NOW)
    assert asked.to == NEW
    with pytest.raises(rules.ConfirmationOver):
        actions.confirm_by_link(token="x" * 22, now=NOW)
    actions.confirm_by_link(token=asked.token, now=NOW)
    actions.confirm_by_link(token=asked.token, now=NOW + timedelta(days=9))
    assert not queries.needs_guardian(person, "order:1", TODAY, 18)
    assert queries.needs_guardian(person, "order:2", TODAY, 18)
    state = queries.guardian_state("order:1", NOW)
    assert state is not None and state.confirmed_at == NOW


@pytest.mark.clause("D20")
def test_a_guardians_code_is_tried_five_times_and_only_the_newest_counts():
    person = minor(mobile=OLD)
    first = actions.ask_guardian(person=person, subject="order:1", name="مادر نمونه", mobile=NEW, now=NOW)
    later = NOW + timedelta(minutes=3)
    second = actions.ask_guardian(person=person, subject="order:1", name="مادر نمونه", mobile=NEW, now=later)
    with pytest.raises(rules.ConfirmationOver):
        actions.confirm_by_link(token=first.token, now=later)
    wrong = "000000" if second.code != "000000" else "111111"
    for _ in range(5):
        with pytest.raises(rules.ConfirmationOver):
            actions.confirm_by_code(person=person, subject="order:1", code=wrong, now=later)
    with pytest.raises(rules.ConfirmationOver):
        actions.confirm_by_code(person=person, subject="order:1", code=second.code, now=later)
    assert queries.needs_guardian(person, "order:1", TODAY, 18)


@pytest.mark.clause("D20")
def test_a_guardian_has_another_number_and_is_not_written_to_without_end():
    person = minor(mobile=OLD)
    with pytest.raises(rules.OwnNumber):
        actions.ask_guardian(person=person, subject="order:1", name="مادر نمونه", mobile=OLD, now=NOW)
    for n in range(3):
        actions.ask_guardian(person=person, subject=f"order:{n}", name="مادر نمونه", mobile=NEW, now=NOW)
    with pytest.raises(rules.TooManyCodes):
        actions.ask_guardian(person=minor(mobile=OTHER), subject="order:9", name="مادر نمونه", mobile=NEW, now=NOW)


def test_a_guardian_who_never_answered_is_forgotten():
    person = minor(mobile=OLD)
    actions.ask_guardian(person=person, subject="order:1", name="مادر نمونه", mobile=NEW, now=NOW)
    assert actions.forget_guardians(now=NOW + timedelta(days=30)) == 0
    assert actions.forget_guardians(now=NOW + timedelta(days=32)) == 1
    row = GuardianConfirmation.objects.get()
    assert (row.name, row.mobile, row.mobile_hash) == ("", "", None)


# ---- Reports ----


def case() -> PrivacyCase:
    return actions.report_violation(
        topic="leak", text="شماره من در سایتی دیگر بود.", contact_kind="sms", contact=NEW, now=NOW
    )


@pytest.mark.clause("D17")
def test_a_report_is_taken_by_one_answered_by_them_and_closed_with_a_result(threads):
    found, staff, other = case(), make.person(role="privacy"), make.person(role="privacy")
    with pytest.raises(rules.CaseStands):
        actions.answer_case(case=found, text="پاسخ ما این است.", by=staff, now=NOW)
    actions.take_case(case=found, by=staff, now=NOW)
    with pytest.raises(rules.NotYourCase):
        actions.answer_case(case=found, text="پاسخ ما این است.", by=other, now=NOW)
    actions.answer_case(case=found, text="پاسخ ما این است.", by=staff, now=NOW)
    with pytest.raises(Invalid):
        actions.close_case(case=found, why="", by=staff, now=NOW)
    actions.close_case(case=found, why="mended", by=staff, now=NOW)
    with pytest.raises(rules.CaseStands):
        actions.answer_case(case=found, text="باز هم پاسخ.", by=staff, now=NOW)
    events = list(PrivacyEvent.objects.order_by("pk").values_list("event", "to_state"))
    assert events == [("report", "received"), ("take", "taken"), ("answer", "answered"), ("close", "closed")]
    assert "شماره من" not in stored("people_privacycase")


@pytest.mark.clause("D17")
def test_of_two_who_take_a_report_at_once_one_has_it(threads):
    found = case()
    staff = [make.person(role="privacy") for _ in range(2)]

    def take(n):
        try:
            actions.take_case(case=PrivacyCase.objects.get(pk=found.pk), by=staff[n], now=NOW)
        except rules.CaseStands:
            return False
        return True

    took = threads(2, take)
    found.refresh_from_db()
    assert found.taken_by in staff
    assert PrivacyEvent.objects.filter(event="take").count() == sum(took)


def test_a_permission_is_ended_and_stays_in_the_register():
    staff = make.person(role="manager")
    form = rules.PermissionForm("روزنامه نمونه", "چاپ دو عکس", TODAY, None, "a" * 64)
    row = actions.register_permission(form=form, by=staff, now=NOW)
    assert [view.holds for view in queries.permissions(TODAY)] == [True]
    assert [view.holds for view in queries.permissions(TODAY - timedelta(days=1))] == [False]
    actions.withdraw_permission(code=row.code, by=staff, now=NOW)
    actions.withdraw_permission(code=row.code, by=staff, now=NOW + timedelta(days=1))
    assert Permission.objects.get().withdrawn_at == NOW
    assert [view.holds for view in queries.permissions(TODAY)] == [False]


# ---- Looking and forgetting ----


@pytest.mark.clause("D16")
def test_a_look_needs_a_reason_and_its_row_is_never_changed():
    staff, person = make.person(role="privacy"), make.person()
    with pytest.raises(Invalid):
        actions.note_access(by=staff, whose=person, subject="person:x", what="contacts", why="  ", now=NOW)
    assert AccessLog.objects.count() == 0
    actions.note_access(by=staff, whose=person, subject="person:x", what="contacts", why="تماس مشتری", now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessLog.objects.update(why="دلیل دیگر")


@pytest.mark.clause("D16")
def test_who_asks_is_forgotten_and_the_number_is_free_again():
    person = make.person(mobile=OLD)
    actions.confirm_mobile(person=person, now=NOW)
    proof = actions.ask_email(person=person, typed="zahra@example.ir", now=NOW)
    actions.confirm_email(person=person, code=proof.code, now=NOW)
    actions.keep_address(person=person, particulars=PLACE, now=NOW)
    actions.agree(person=person, topic="marketing", channel="email", given=True, how="profile", now=NOW)
    actions.begin_visit(person=person, session_key="s1", user_agent="", address="5.1.2.3", now=NOW)
    row, keys = actions.erase(person=person, kept=[], is_open=False, now=NOW)
    assert keys == ["s1"] and row.done_at == NOW
    again = Person.objects.get(pk=person.pk)
    assert (again.mobile, again.mobile_hash, again.email, again.full_name, again.is_active) == ("", None, "", "", False)
    assert not Address.objects.exists() and not ContactCode.objects.exists()
    assert {contact.value for contact in Contact.objects.all()} == {""}
    assert not queries.may_market(again, "email")
    assert actions.erase(person=again, kept=[], is_open=False, now=NOW) == (row, [])
    assert actions.person_of(mobile=OLD, now=NOW).pk != person.pk
    assert LoginEvent.objects.filter(person=person).count() == 2


@pytest.mark.clause("D16")
def test_who_still_waits_for_goods_stays_reachable_until_they_came():
    person = make.person(mobile=OLD)
    row, _ = actions.erase(person=person, kept=[], is_open=True, now=NOW)
    assert row.done_at is None
    assert Person.objects.get(pk=person.pk).mobile == OLD
    assert not Person.objects.get(pk=person.pk).is_active
    assert actions.finish_erasure(erasure=Erasure.objects.get(), now=NOW)
    assert not actions.finish_erasure(erasure=Erasure.objects.get(), now=NOW)
    assert Person.objects.get(pk=person.pk).mobile == ""


@pytest.mark.clause("D15")
def test_a_session_is_ended_by_its_owner_only_and_the_log_in_stays_in_the_history():
    person, stranger = make.person(), make.person()
    actions.begin_visit(person=person, session_key="s1", user_agent="Firefox Linux", address="5.1.2.3", now=NOW)
    code = person.visits.get().code
    with pytest.raises(Missing):
        actions.end_visit(person=stranger, code=code, now=NOW)
    assert actions.end_visit(person=person, code=code, now=NOW) == "s1"
    with pytest.raises(Missing):
        actions.end_visit(person=person, code=code, now=NOW)
    told = [(row.event, row.device, row.network) for row in queries.login_history(person)]
    assert told == [("ended", "فایرفاکس در لینوکس", "5.1.2.0/24"), ("login", "فایرفاکس در لینوکس", "5.1.2.0/24")]
