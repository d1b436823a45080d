"""What is told to many: changes of the terms, force majeure, newsletters. People, promises and messages together.

What happened and the row that it is to be told of are written in one transaction; the messages are not, since ten
thousand of them would hold locks for as long as they take to write. A sweep queues them in batches that follow the keys
of people: each batch and the place it reached are one transaction, each message has a key of its own, so a worker may
be killed anywhere and nobody is told twice. The sweep also waits while the outbox is long: the cart code of an order
must not stand behind a newsletter.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from peyman.entrypoints import contacts, termdiff
from peyman.entrypoints.words import scope_words
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.text import persian_digits
from peyman.messages import actions as messages
from peyman.messages.actions import NewMessage
from peyman.messages.models import Message
from peyman.messages.rules import Row, Why
from peyman.people import actions as people
from peyman.people import queries, rules
from peyman.people.models import Mailing, Person
from peyman.promises import actions as promises
from peyman.promises import queries as promised
from peyman.promises.models import ForceMajeure, ForceMajeureEnd, Promise, TermsVersion
from peyman.promises.rules import Declaration, TermsDocument

BATCH: Final = 200  # people of one transaction
ROOM: Final = 1000  # messages that may wait in the outbox before a mailing waits too
_NAMED: Final = 20  # clauses, and promises, that a mail lists; the page behind its link has all

Letter = Callable[[Person], NewMessage | None]


# ---- What is told, with what it tells ----


@carries_out("D121")
@transaction.atomic
def declare_force_majeure(*, declaration: Declaration, by: Person, now: datetime, seen: int | None) -> ForceMajeure:
    """Declare a period, to be told to those whose open promises it holds. Raises as the action of promises."""
    made = promises.declare_force_majeure(declaration=declaration, by=by, now=now, seen=seen)
    people.begin_mailing(kind=Mailing.Kind.FORCE_MAJEURE, subject=f"period:{made.code}", by=by, now=now)
    return made


@carries_out("D121")
@transaction.atomic
def end_force_majeure(*, code: str, note: str, by: Person, now: datetime, seen: int | None) -> ForceMajeureEnd:
    """End a period, to be told to those whose clocks run again. Raises as the action of promises."""
    end = promises.end_force_majeure(code=code, note=note, by=by, now=now, seen=seen)
    people.begin_mailing(kind=Mailing.Kind.FORCE_MAJEURE_ENDED, subject=f"ended:{code}", by=by, now=now)
    return end


@carries_out("D05")
@transaction.atomic
def publish_terms(
    *, document: TermsDocument, now: datetime, effective_at: datetime | None = None, by: Person | None = None
) -> TermsVersion:
    """Publish a version, to be told to those who accepted an earlier one; the first is news to nobody."""
    made = promises.publish_terms(document=document, now=now, effective_at=effective_at)
    if made.number > 1:
        people.begin_mailing(
            kind=Mailing.Kind.TERMS_CHANGED,
            subject=f"terms:{made.number}",
            open_until=made.effective_at,  # who signs up before then accepts the version that is going
            by=by,
            now=now,
        )
    return made


@carries_out("D11")
@transaction.atomic
def send_newsletter(*, letter: rules.Newsletter, by: Person, now: datetime) -> Mailing:
    """Begin to send a letter to its readers. Raises people.rules.AlreadySent and NobodyWantsIt."""
    subject = f"newsletter:{letter.sha256}"
    known = queries.mailing_about(subject)
    if known is None and not queries.count_readers(letter.channels).all:
        raise rules.NobodyWantsIt
    row, is_new = people.begin_mailing(
        kind=Mailing.Kind.NEWSLETTER, subject=subject, content=letter.content, by=by, now=now
    )
    if not is_new:
        raise rules.AlreadySent(when=jalali.moment(row.began_at, year=True))
    return row


# ---- The sweep ----


@carries_out("D05", "D11", "D121")
def send_out(now: datetime, *, most: int = ROOM) -> int:
    """Queue the next batches of what is being told, what nobody asked for last; return how many were queued.

    Ends after about `most` messages, and while the outbox has no room.
    """
    queued = 0
    for mailing in sorted(queries.open_mailings(), key=lambda row: row.kind == Mailing.Kind.NEWSLETTER):
        more = True
        while more and queued < most and has_room():
            count, more = _next_batch(mailing, now)
            queued += count
    return queued


def has_room() -> bool:
    """Say whether the outbox is short enough for more that is not urgent. One query, over the waiting rows only."""
    return Message.objects.filter(sent_at=None, dead_at=None)[:ROOM].count() < ROOM


def _next_batch(mailing: Mailing, now: datetime) -> tuple[int, bool]:
    """Queue one batch; return how many, and whether there may be another."""
    with transaction.atomic():
        found, letter = _AUDIENCES[Mailing.Kind(mailing.kind)](mailing, now)
        news = [new for new in map(letter, found) if new is not None]
        if found and not people.take_batch(mailing=mailing, until=found[-1].pk, told=len(news)):
            return 0, False  # another worker has it
        if news:
            messages.queue_many(news, now=now)
        is_last = len(found) < BATCH
        if is_last and (mailing.open_until is None or mailing.open_until <= now):
            people.finish_mailing(mailing=mailing, now=now)
    return len(news), not is_last


def _message(
    mailing: Mailing, person: Person, sms: dict[str, str], mail: dict[str, str | Sequence[Row]]
) -> NewMessage | None:
    """Return the message to an official contact; `mail` is what the mail prints beside the SMS."""
    way = queries.way_to(person)
    if way is None:
        return None
    channel, to = way
    return NewMessage(
        channel=channel,
        to=to,
        template=mailing.kind,
        context={**sms, **mail, "name": person.full_name} if channel == rules.EMAIL else sms,
        key=f"mailing:{mailing.pk}:{person.pk}",
        person_id=person.pk,
        about=mailing.subject[:60],
    )


# ---- Terms ----


def _terms_changed(mailing: Mailing, now: datetime) -> tuple[list[Person], Letter]:
    version = promised.terms(int(mailing.subject.removeprefix("terms:")))
    found = promised.accepted_earlier(version, after=mailing.after, limit=BATCH)
    sms, mail = _terms_words(version) if found else ({}, {})
    return found, lambda person: _message(mailing, person, sms, mail)


def _terms_words(version: TermsVersion) -> tuple[dict[str, str], dict[str, str | Sequence[Row]]]:
    before = promised.terms(version.number - 1)
    changed = termdiff.changes(promised.clauses(before), promised.clauses(version))
    sms = {
        "version": persian_digits(version.number),
        "effective_at": jalali.moment(version.effective_at, year=True),
        "link": f"{settings.PUBLIC_URL}/terms/difference/?old={before.number}&new={version.number}",
    }
    rows = [{"number": persian_digits(change.number), "title": change.title} for change in changed[:_NAMED]]
    return sms, {"changes": rows, "clause": _clause(version, "D05")}


# ---- Force majeure ----


def _declared(mailing: Mailing, now: datetime) -> tuple[list[Person], Letter]:
    code = mailing.subject.removeprefix("period:")
    period = promised.period(code, now)
    if period.state == "over":
        return [], _nobody  # whoever was not told that clocks stand is told that they run again
    terms = promised.terms_in_force(now)
    titles = promised.clause_titles(terms)
    sms = {
        "reason": period.title,
        "from": jalali.moment(period.starts_at),
        "link": f"{settings.PUBLIC_URL}/force-majeure/{code}/",
    }
    if period.ends_at:
        sms["until"] = jalali.deadline(period.ends_at)
    mail = {
        "scope": scope_words(period.scope, lambda clause: titles.get(clause, clause)),
        "signer": period.signer,
        "clause": _clause(terms, "D121"),
    }
    return _moved(mailing, promised.calendar_of(code, ended=False), sms, mail)


def _ended(mailing: Mailing, now: datetime) -> tuple[list[Person], Letter]:
    code = mailing.subject.removeprefix("ended:")
    period = promised.period(code, now)
    sms = {
        "reason": period.title,
        "from": jalali.moment(period.ends_at or now),
        "link": f"{settings.PUBLIC_URL}/force-majeure/{code}/",
    }
    mail = {"note": period.end_note, "clause": _clause(promised.terms_in_force(now), "D121")}
    return _moved(mailing, promised.calendar_of(code, ended=True), sms, mail)


def _moved(
    mailing: Mailing, calendar: int | None, sms: dict[str, str], mail: dict[str, str]
) -> tuple[list[Person], Letter]:
    if calendar is None:
        return [], _nobody
    found = promised.moved_by(calendar, after=mailing.after, limit=BATCH)
    of = {person.pk: rows for person, rows in found}
    return (
        [person for person, _ in found],
        lambda person: _message(mailing, person, sms, {**mail, "promises": _promises(of[person.pk])}),
    )


def _promises(rows: Iterable[Promise]) -> list[Row]:
    return [
        {
            "what": row.what,
            "due": "تا پایان این دوره ایستاده است" if row.held_since else jalali.deadline(row.due_at),
        }
        for row in list(rows)[:_NAMED]
    ]


def _nobody(person: Person) -> None:
    return None


# ---- Newsletters ----


def _newsletter(mailing: Mailing, now: datetime) -> tuple[list[Person], Letter]:
    found = list(queries.readers(mailing.content["channels"], after=mailing.after)[:BATCH])
    return found, lambda person: newsletter_to(person, mailing)


def newsletter_to(person: Person, mailing: Mailing) -> NewMessage:
    """Return a letter to one of its readers, as `queries.readers` found them."""
    by_mail = bool(getattr(person, "by_email", False))
    channel = rules.EMAIL if by_mail else rules.SMS
    opt_out = contacts.opt_out_url(person, channel)
    return NewMessage(
        channel=channel,
        to=person.email if by_mail else person.mobile,
        template="newsletter",
        context=newsletter_words(mailing.content, channel, person.full_name, opt_out),
        key=f"mailing:{mailing.pk}:{person.pk}",
        person_id=person.pk,
        about=f"newsletter:{mailing.code}",
        why=Why.NEWSLETTER,
        opt_out_url=opt_out,
    )


def newsletter_words(
    content: dict[str, object], channel: str, name: str, opt_out: str
) -> dict[str, str | Sequence[Row]]:
    """Return what a letter prints by this way; its paths become addresses of ours."""
    words: dict[str, str | Sequence[Row]] = {
        "title": str(content["title"]),
        "link": f"{settings.PUBLIC_URL}{content['link']}",
        "opt_out": opt_out,
    }
    if channel == rules.EMAIL:
        items = content["items"] if isinstance(content["items"], list) else []
        words |= {
            "intro": str(content["intro"]),
            "name": name,
            "items": [{**item, "link": f"{settings.PUBLIC_URL}{item['link']}"} for item in items],
        }
    return words


def _clause(version: TermsVersion, clause: str) -> str:
    return f"بند {persian_digits(promised.clause_number(version, clause))}"


_AUDIENCES: Final[dict[Mailing.Kind, Callable[[Mailing, datetime], tuple[list[Person], Letter]]]] = {
    Mailing.Kind.TERMS_CHANGED: _terms_changed,
    Mailing.Kind.FORCE_MAJEURE: _declared,
    Mailing.Kind.FORCE_MAJEURE_ENDED: _ended,
    Mailing.Kind.NEWSLETTER: _newsletter,
}
