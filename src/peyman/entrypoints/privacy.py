"""Reports of privacy violations: people, promises and messages together (D17)."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from peyman.entrypoints import limits
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.kernel.text import persian_digits
from peyman.messages import actions as messages
from peyman.messages.rules import Why
from peyman.people import actions as people
from peyman.people import queries, rules
from peyman.people.models import Person, PrivacyAnswer, PrivacyCase
from peyman.promises import actions as promises
from peyman.promises import queries as terms
from peyman.promises.models import Promise
from peyman.promises.rules import parameter

HOURS, KIND = "complaint_hours", "privacy"


def contact_of(person: Person | None, typed: str) -> tuple[str, str]:
    """Return channel and address by which a report is answered: a customer's own, else the one that was typed.

    Raises Invalid that names "contact".
    """
    if person is not None:
        if person.email and person.email_confirmed_at:
            return rules.EMAIL, person.email
        return rules.SMS, person.mobile
    if "@" in typed:
        try:
            return rules.EMAIL, rules.new_email(typed, "")
        except Invalid as refusal:
            raise Invalid({"contact": refusal.fields["email"]}) from None
    return rules.SMS, rules.mobile_number(typed, field="contact")


@carries_out("D17")
def report(
    request: HttpRequest, person: Person | None, topic: str, text: str, contact: str, now: datetime
) -> PrivacyCase:
    """Open a numbered case, promise its answer and tell the reporter, together.

    Raises Invalid naming every field that is wrong, and TooManyRequests.
    """
    wrong: dict[str, str] = {}
    for rule, typed in ((rules.case_topic, topic), (rules.report_text, text)):
        try:
            rule(typed)
        except Invalid as refusal:
            wrong |= refusal.fields
    channel, to = "", ""
    try:
        channel, to = contact_of(person, contact)
    except Invalid as refusal:
        wrong |= refusal.fields
    if wrong:
        raise Invalid(wrong)
    limits.spend(limits.Limit("privacy_report", 20, 3600), limits.caller(request), now)
    version = terms.terms_in_force(now)
    with transaction.atomic():
        case = people.report_violation(topic=topic, text=text, contact_kind=channel, contact=to, person=person, now=now)
        promise = promises.make(
            promises.NewPromise(
                clause="D17",
                kind=KIND,
                subject=f"privacy_case:{case.code}",
                order="",
                person_id=person.pk if person else None,
                what=f"پاسخ به گزارش حریم خصوصی {case.code}",
                terms=version,
                start=now,
                hours=parameter(version.parameters, HOURS),
            ),
            now=now,
        )
        clause = f"بند {persian_digits(terms.clause_number(version, 'D17'))}"
        context = {
            "case": case.code,
            "link": link_of(case),
            "due": jalali.deadline(promise.due_at),
        } | ({"received_at": jalali.moment(now), "clause": clause} if channel == rules.EMAIL else {})
        messages.queue(_message(case, "privacy_received", context, f"privacy_received:{case.code}"), now=now)
    return case


@carries_out("D17")
def answer(case: PrivacyCase, text: str, by: Person, now: datetime) -> PrivacyAnswer:
    """Answer the reporter and keep the promise, together. Raises Invalid, CaseStands, NotYourCase."""
    with transaction.atomic():
        row = people.answer_case(case=case, text=text, by=by, now=now)
        context = {"case": case.code, "link": link_of(case)}
        if case.contact_kind == rules.EMAIL:
            context["answer"] = row.text
        key = f"privacy_answered:{case.code}:{row.pk}"
        messages.queue(_message(case, "privacy_answered", context, key), now=now)
        promises.keep_many(
            [f"privacy_case:{case.code}"], kind=KIND, evidence={"answer": row.pk, "by": by.code}, now=now
        )
    return row


def promise_of(case: PrivacyCase) -> Promise | None:
    """Return the promise to answer this case. One query."""
    return Promise.objects.filter(subject=f"privacy_case:{case.code}", kind=KIND).first()


def link_of(case: PrivacyCase) -> str:
    """Return the address under which whoever reported reads their case, without log-in."""
    return f"{settings.PUBLIC_URL}{path_of(case)}"


def path_of(case: PrivacyCase) -> str:
    return f"/privacy/case/{case.code}/{queries.case_signature(case.code)}/"


def _message(case: PrivacyCase, template: str, context: dict[str, str], key: str) -> messages.NewMessage:
    return messages.NewMessage(
        channel=case.contact_kind,
        to=case.contact,
        template=template,
        context=context,
        key=key,
        person_id=case.person_id,
        about=f"privacy_case:{case.code}",
        why=Why.OFFICIAL if case.person_id else Why.DESK_REPLY,
    )
