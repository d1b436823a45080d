"""Reports of violations, looks at personal data, written permissions (D16-D18)."""

from collections.abc import Collection
from datetime import datetime

import structlog
from django.db import transaction

from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.people import rules
from peyman.people.models import AccessLog, Permission, Person, PrivacyAnswer, PrivacyCase, PrivacyEvent

log = structlog.get_logger(__name__)


@carries_out("D16")
def note_access(*, by: Person, subject: str, what: str, why: str, whose: Person | None = None, now: datetime) -> None:
    """Write down that a member of staff is about to see personal data; before it is shown, or it is not.

    Raises kernel.errors.Invalid for a reason that says nothing.
    """
    AccessLog.objects.create(by=by, whose=whose, subject=subject, what=what, why=rules.access_reason(why), at=now)
    log.info("people.personal_data_seen", by=by.code, subject=subject, what=what)


@carries_out("D16")
def note_access_many(*, by: Person, whose: Collection[int], subject: str, what: str, why: str, now: datetime) -> None:
    """Write the same down for many people at once, by key, before their data leave. Raises Invalid, too."""
    reason = rules.access_reason(why)
    AccessLog.objects.bulk_create(
        [AccessLog(by=by, whose_id=key, subject=subject, what=what, why=reason, at=now) for key in whose]
    )
    log.info("people.personal_data_seen", by=by.code, subject=subject, what=what, people=len(whose))


# ---- Reports ----


@carries_out("D17")
@transaction.atomic
def report_violation(
    *, topic: str, text: str, contact_kind: str, contact: str, person: Person | None = None, now: datetime
) -> PrivacyCase:
    """Open a numbered case. `contact` is clean already, and for a customer one of their official ones.

    Raises kernel.errors.Invalid.
    """
    case = PrivacyCase.objects.create(
        code=codes.new("PRV"),
        person=person,
        topic=rules.case_topic(topic),
        text=rules.report_text(text),
        contact_kind=contact_kind,
        contact=contact,
        state=rules.RECEIVED,
        received_at=now,
    )
    _event(case, "report", "", rules.RECEIVED, "reporter", now)
    log.info("privacy.case_received", case=case.code, topic=topic)
    return case


@carries_out("D17")
@transaction.atomic
def take_case(*, case: PrivacyCase, by: Person, now: datetime) -> None:
    """Make a case one's own. Raises rules.CaseStands. Taking one's own again does nothing."""
    if case.state == rules.TAKEN and case.taken_by_id == by.pk:
        return
    _move(case, "take", by, now, taken_by=by)


@carries_out("D17")
@transaction.atomic
def answer_case(*, case: PrivacyCase, text: str, by: Person, now: datetime) -> PrivacyAnswer:
    """Answer the reporter; the caller sends it in this transaction. Raises Invalid, CaseStands, NotYourCase."""
    words = rules.report_text(text)
    if case.taken_by_id not in (None, by.pk):
        raise rules.NotYourCase
    _move(case, "answer", by, now, answered_at=case.answered_at or now)
    return PrivacyAnswer.objects.create(case=case, text=words, by=by, at=now)


@carries_out("D17")
@transaction.atomic
def close_case(*, case: PrivacyCase, why: str, by: Person, now: datetime) -> None:
    """End an answered case with its result. Raises Invalid, CaseStands, NotYourCase."""
    reason = rules.closing_reason(why)
    if case.taken_by_id != by.pk:
        raise rules.NotYourCase
    _move(case, "close", by, now, closed_at=now, closed_why=reason)


def _move(case: PrivacyCase, event: str, by: Person, now: datetime, **changes: object) -> None:
    """Take a case one step over the table; nobody else may have moved it meanwhile."""
    before, after = case.state, rules.step(case.state, event)
    here = PrivacyCase.objects.filter(pk=case.pk, state=before, taken_by=case.taken_by_id)
    if not here.update(state=after, **changes):
        raise rules.CaseStands(state=rules.STATE_WORDS[PrivacyCase.objects.get(pk=case.pk).state])
    case.refresh_from_db()
    _event(case, event, before, after, by.code, now)
    log.info("privacy.case_moved", case=case.code, step=event, by=by.code)


def _event(case: PrivacyCase, event: str, before: str, after: str, by: str, now: datetime) -> None:
    PrivacyEvent.objects.create(case=case, event=event, from_state=before, to_state=after, by=by, at=now)


# ---- Written permissions ----


@carries_out("D18")
def register_permission(*, form: rules.PermissionForm, by: Person, now: datetime) -> Permission:
    """Add a written permission to the public register."""
    row = Permission.objects.create(
        code=codes.new("PMT"),
        to_whom=form.to_whom,
        what_for=form.what_for,
        starts_on=form.starts_on,
        ends_on=form.ends_on,
        document_sha256=form.document_sha256,
        by=by,
        at=now,
    )
    log.info("people.permission_registered", permission=row.code, by=by.code)
    return row


@carries_out("D18")
def withdraw_permission(*, code: str, by: Person, now: datetime) -> None:
    """End a permission at this instant; it stays in the register as withdrawn. A repeat is a no-op. Raises Missing."""
    if not Permission.objects.filter(code=code).exists():
        raise Missing
    if Permission.objects.filter(code=code, withdrawn_at=None).update(withdrawn_at=now):
        log.info("people.permission_withdrawn", permission=code, by=by.code)
