"""The story of one order, of all rooms on one thread: steps, payments, refunds, messages, promises, and who looked."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from peyman.billing.models import Payment, Refund
from peyman.billing.queries.refunds import WAYS, reason_title
from peyman.entrypoints.backoffice.messages import TEMPLATES
from peyman.entrypoints.backoffice.order_figures import Strip, strip
from peyman.entrypoints.backoffice.order_words import BAD_EVENTS, CHANNELS, EVENTS, KINDS
from peyman.entrypoints.words import kind_words
from peyman.gateways import banks
from peyman.kernel import jalali
from peyman.kernel.money import grouped
from peyman.messages.queries import Letter
from peyman.people.models import AccessLog
from peyman.promises.queries import Owing
from peyman.shop.orders.models import OrderEvent
from peyman.shop.orders.queries import OrderFile
from peyman.shop.orders.rules import reasons, requests, states

ORDER, MONEY, MESSAGE, PROMISE, LOOK = "order", "money", "message", "promise", "staff"
# Of what happened in one instant: a payment moves the order, and the order's step makes refunds, promises and messages.
_PLACE = {"place": 0, "payment": 1, "step": 2, "refund": 3, "promise": 4, "message": 5, "look": 6}


@dataclass(frozen=True)
class Knot:
    """One knot of the thread, as parts/thread.html prints it, with the room it is of and the clause behind it."""

    at: datetime
    lane: str
    state: str  # kept, open, next, broken
    word: str
    title: str
    sub: str = ""
    code: str = ""  # a number or code behind it, as banks and books write it
    who: str = ""
    clause: str = ""
    cause: str = "step"  # of _PLACE


def story(
    file: OrderFile,
    *,
    payments: Sequence[Payment],
    refunds: Sequence[Refund],
    owed: Sequence[Owing],
    letters: Sequence[Letter],
    looks: Sequence[AccessLog],
    names: Mapping[str, str],
) -> list[Knot]:
    """Return everything that happened to an order, the oldest first. `names`: of staff, by code."""
    pieces = sum(line.quantity for line in file.lines)
    knots = [
        *(_event(event, pieces, file, names) for event in file.events),
        *_papers(file),
        *(replace(knot, cause="payment") for payment in payments for knot in _payment(payment)),
        *(replace(knot, cause="refund") for refund in refunds for knot in _refund(refund)),
        *(replace(knot, cause="promise") for knot in _promises(owed)),
        *(replace(_letter(letter), cause="message") for letter in letters),
        *(replace(_look(look), cause="look") for look in looks),
    ]
    return sorted(knots, key=lambda knot: (knot.at, _PLACE[knot.cause]))


def drawn(
    file: OrderFile,
    *,
    payments: Sequence[Payment],
    refunds: Sequence[Refund],
    owed: Sequence[Owing],
    letters: Sequence[Letter],
    due_at: datetime | None,
    now: datetime,
) -> Strip | None:
    """Return the same as a drawing; None for an order that no event tells of."""
    steps = [(event.at, event.to_state) for event in file.events]
    if not steps:
        return None
    money = [(one.captured_at, "kept") for one in payments if one.captured_at]
    money += [(one.created_at, "next") for one in payments if not one.captured_at]
    money += [(one.created_at, "open") for one in refunds]
    money += [(one.done_at, "kept") for one in refunds if one.done_at]
    told = [(one.created_at, "kept" if one.sent_at else "broken" if one.dead_at else "open") for one in letters]
    return strip(
        steps=steps,
        money=money,
        letters=told,
        promises=[(KINDS.get(one.promise.kind, kind_words(one.promise.kind)), one.promise) for one in owed],
        due_at=due_at,
        now=now,
    )


# ---- The order's own steps ----


def _event(event: OrderEvent, pieces: int, file: OrderFile, names: Mapping[str, str]) -> Knot:
    bad = event.event in BAD_EVENTS
    parts = [EVENTS.get(event.event, event.event) if event.event != "cancel" else ""]
    title = parts[0] or ("مشتری انصراف داد" if event.by == "customer" else "سفارش لغو شد")
    return Knot(
        event.at,
        ORDER,
        "broken" if bad else "kept",
        "پایان" if bad else "انجام شد",
        title,
        _event_words(event, pieces, file),
        who=who(event.by, names),
        clause=event.clause,
        cause="place" if event.event == "place" else "step",
    )


def _event_words(event: OrderEvent, pieces: int, file: OrderFile) -> str:
    """Say what came with a step: money, pieces, what was asked or why it ended."""
    told: dict[str, Any] = event.details
    match event.event:
        case "place":
            return f"{grouped(pieces)} عدد؛ چیزی از موجودی برداشته نشد"
        case "issue_cart_code":
            return f"{grouped(pieces)} عدد از موجودی برداشته شد؛ جمع {_rials(told.get('total'))}"
        case "run_short":
            return f"تمام شده بود: {'، '.join(told['skus'])}" if told.get("skus") else "چیزی از موجودی برداشته نشد"
        case "ask_more":
            titles = requests.TITLES | requests.ORGANISATION_TITLES
            return "، ".join(titles.get(name, name) for name in told.get("fields", ()))
        case "cancel_by_shop":
            why = reasons.REASONS.get(str(told.get("reason", "")))
            gone = f" ({'، '.join(told['skus'])})" if told.get("skus") else ""
            back = _back(event, pieces, told.get("skus", ()), file)
            return "؛ ".join(part for part in ((f"چون {why.title}{gone}" if why else ""), back) if part)
        case "cancel" | "unanswered":
            return _back(event, pieces, (), file)
    return ""


def _back(event: OrderEvent, pieces: int, gone: Iterable[str], file: OrderFile) -> str:
    """Say how many pieces returned to sale: those of an order whose cart code was issued, but for what is gone."""
    taken = any(each.event == "issue_cart_code" for each in file.events)
    missing = set(gone)
    kept = sum(line.quantity for line in file.lines if line.sku not in missing) if missing else pieces
    return f"{grouped(kept)} عدد به فروش برگشت" if taken and kept and event.from_state != states.SHORT else ""


def _papers(file: OrderFile) -> list[Knot]:
    """Return the later versions of the pro-forma; the first one comes with the order."""
    return [
        Knot(paper.at, ORDER, "kept", "انجام شد", f"پیش‌فاکتور، نسخه {paper.version}", _rials(paper.total))
        for paper in file.pro_formas
        if paper.version > 1
    ]


def who(by: str, names: Mapping[str, str]) -> str:
    """Return who acted, in words: «خودکار», «مشتری», a colleague's name."""
    kind, _, code = by.partition(":")
    if kind == "staff":
        return names.get(code, code)
    return {"customer": "مشتری", "system": "خودکار", "guardian": "پدر، مادر یا قیم"}.get(kind, by)


# ---- Money ----


def _payment(payment: Payment) -> list[Knot]:
    begun = f"{banks.title(payment.gateway)}، {_rials(payment.amount)}"
    asked = f"؛ {grouped(payment.checks)} بار از بانک پرسیدیم" if payment.checks else ""
    words = f"{begun}{asked}"
    match payment.state:
        case "captured":
            start = Knot(payment.created_at, MONEY, "next", "آغاز", "پرداخت آغاز شد", words, payment.code)
            card = f"، کارت {payment.card_mask}" if payment.card_mask else ""
            at = payment.captured_at or payment.created_at
            return [
                start,
                Knot(at, MONEY, "kept", "رسید", "پول رسید", f"{begun}{card}، رسید", payment.refnum or ""),
            ]
        case "failed":
            return [
                Knot(payment.created_at, MONEY, "next", "نشد", "کوشش پرداخت؛ بانک گفت پرداخت نشد", words, payment.code)
            ]
        case "returned":
            return [
                Knot(
                    payment.created_at, MONEY, "next", "برگشت", "کوشش پرداخت؛ بانک پول را برگرداند", words, payment.code
                )
            ]
    return [
        Knot(payment.created_at, MONEY, "open", "نامعلوم", "پرداخت آغاز شد؛ پایان آن را نمی‌دانیم", words, payment.code)
    ]


def _refund(refund: Refund) -> list[Knot]:
    way = WAYS.get(refund.kind, refund.kind)
    words = f"{_rials(refund.amount)}، {reason_title(refund.reason)}، {way}"
    found = [
        Knot(
            refund.created_at, MONEY, "next", "بدهی", "بازگشت وجه پذیرفته شد", words, refund.code, clause=refund.clause
        )
    ]
    if refund.done_at:
        done = _rials(refund.amount) + ("، شماره بانک" if refund.provider_ref else "")
        found.append(Knot(refund.done_at, MONEY, "kept", "انجام شد", "وجه برگشت", done, refund.provider_ref))
    return found


def _rials(amount: int | None) -> str:
    return f"{grouped(amount)} ریال" if amount is not None else ""


# ---- Promises ----


def _promises(owed: Sequence[Owing]) -> list[Knot]:
    """Return what was promised, all of one instant on one knot, and how each promise moved and ended."""
    made: dict[datetime, list[Owing]] = defaultdict(list)
    for one in owed:
        made[one.promise.start].append(one)
    found = [
        Knot(
            at,
            PROMISE,
            "next",
            "قول",
            "قول دادیم",
            "؛ ".join(f"{one.promise.what}، {jalali.deadline(_first_due(one))}" for one in together),
        )
        for at, together in made.items()
    ]
    for one in owed:
        found += _moves(one)
        found += _ending(one)
    return found


def _first_due(one: Owing) -> datetime:
    return one.moves[0].old if one.moves else one.promise.due_at


def _moves(one: Owing) -> list[Knot]:
    found = []
    for move in one.moves:
        if move.held:
            title, sub = "شمارش ایستاد", ""
        elif jalali.moment(move.old) == jalali.moment(move.new):  # it stood for less than a minute
            title, sub = "شمارش ادامه یافت", jalali.deadline(move.new)
        else:
            title = "موعد جابه‌جا شد"
            sub = f"از {jalali.moment(move.old)} به {jalali.moment(move.new)}"
        why = "قوه قهریه" if move.by_pause else "ناقص‌بودن سفارش" if move.by_order else "تغییر تعطیلات"
        words = f"{sub}{'، ' if sub else ''}به سبب {why}"
        found.append(Knot(move.at, PROMISE, "next", "جابه‌جا", f"{title}: {one.promise.what}", words))
    return found


def _ending(one: Owing) -> list[Knot]:
    promise = one.promise
    found = []
    if promise.broken_at:
        remedy = f"جبران بدهکار: {_rials(one.remedy)}" if one.remedy else ""
        found.append(Knot(promise.broken_at, PROMISE, "broken", "دیر شد", f"دیر شد: {promise.what}", remedy))
    if promise.kept_at:
        late = f"{jalali.duration_words(promise.late_by)} دیر" if promise.late_by else ""
        found.append(Knot(promise.kept_at, PROMISE, "kept", "وفا شد", f"وفا شد: {promise.what}", late))
    return found


# ---- Messages, and who looked ----


def _letter(letter: Letter) -> Knot:
    title = f"{TEMPLATES.get(letter.template, letter.template)}، {CHANNELS.get(letter.channel, letter.channel)}"
    to = f"به {letter.to.replace('+98', '0', 1)}"
    if letter.sent_at:
        return Knot(letter.created_at, MESSAGE, "kept", "رفت", title, f"{to}؛ رفت {jalali.hour(letter.sent_at)}")
    if letter.dead_at:
        return Knot(letter.created_at, MESSAGE, "broken", "نرفت", title, f"{to}؛ نرفت: {letter.reason} {letter.code}")
    tries = f"، {grouped(letter.attempts)} بار کوشیدیم" if letter.attempts else ""
    return Knot(letter.created_at, MESSAGE, "open", "در صف", title, f"{to}؛ در صف{tries}")


def _look(look: AccessLog) -> Knot:
    return Knot(look.at, LOOK, "next", "دیده شد", "گیرنده و نشانی دیده شد", look.why, who=look.by.full_name)
