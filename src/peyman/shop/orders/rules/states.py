"""The road of an order: one table of (from, event) → step. Pages draw it, tests walk it."""

from dataclasses import dataclass

from peyman.kernel.errors import Refused

REGISTERED, INCOMPLETE, EXPIRED, SHORT, FINAL = "registered", "incomplete", "expired", "short", "final"
PROCESSED, HANDED_OVER, DELIVERED, CANCELLED, VOID = "processed", "handed_over", "delivered", "cancelled", "void"


class NotNow(Refused):
    """The order is in no state for this."""

    code = "order_state"
    says = "سفارش در وضعیت «{state}» است و این کار از اینجا شدنی نیست. چیزی تغییر نکرد."


class NotCancellable(NotNow):
    """Withdrawal is open until hand-over only."""

    code, clause = "not_cancellable", "D31"
    says = "سفارش در وضعیت «{state}» است و دیگر نمی‌توان از آن انصراف داد. چیزی تغییر نکرد."


class NothingAsked(NotNow):
    """There is no open request for data to answer."""

    code, clause = "nothing_asked", "D41"
    says = "برای این سفارش پرسش بازی نیست؛ وضعیت آن «{state}» است. چیزی تغییر نکرد."


class NotPayable(NotNow):
    """Only a registered order whose time has not run out is paid for."""

    code, clause = "not_payable", "D57"
    says = "این سفارش اکنون پرداختنی نیست؛ وضعیت آن «{state}» است. پولی گرفته نشد."


@dataclass(frozen=True)
class Step:
    """Where an event leads, and the clause that says so."""

    to: str
    clause: str


STEPS: dict[tuple[str, str], Step] = {
    ("", "place"): Step(REGISTERED, "D24"),
    (REGISTERED, "issue_cart_code"): Step(FINAL, "D57"),
    (REGISTERED, "run_short"): Step(SHORT, "D28"),
    (REGISTERED, "expire"): Step(EXPIRED, "D57"),
    (REGISTERED, "cancel"): Step(CANCELLED, "D31"),
    (INCOMPLETE, "cancel"): Step(CANCELLED, "D31"),
    (SHORT, "cancel"): Step(CANCELLED, "D31"),
    (FINAL, "cancel"): Step(CANCELLED, "D31"),
    (SHORT, "give_back"): Step(CANCELLED, "D30"),
    # Asked for more (D41): clocks stand until the answer (D39), and an order whose cart code was issued keeps it.
    (REGISTERED, "ask_more"): Step(INCOMPLETE, "D41"),
    (FINAL, "ask_more"): Step(INCOMPLETE, "D41"),
    (INCOMPLETE, "complete"): Step(REGISTERED, "D39"),
    (INCOMPLETE, "complete_final"): Step(FINAL, "D39"),
    (INCOMPLETE, "unanswered"): Step(CANCELLED, "D41"),
    # By the shop, with a reason that names its own clause; see `reasons`.
    (REGISTERED, "cancel_by_shop"): Step(CANCELLED, "D33"),
    (INCOMPLETE, "cancel_by_shop"): Step(CANCELLED, "D33"),
    (SHORT, "cancel_by_shop"): Step(CANCELLED, "D33"),
    (FINAL, "cancel_by_shop"): Step(CANCELLED, "D33"),
}

TITLES = {
    REGISTERED: "ثبت‌شده",
    INCOMPLETE: "ناقص",
    EXPIRED: "منقضی",
    SHORT: "ناموجود پس از پرداخت",
    FINAL: "قطعی",
    PROCESSED: "پردازش‌شده",
    HANDED_OVER: "تحویل به ارسال",
    DELIVERED: "تحویل‌شده",
    CANCELLED: "لغوشده",
    VOID: "بی‌اثر",
}


def step(state: str, event: str) -> Step:
    """Return where `event` leads from `state`; raises NotNow when it leads nowhere."""
    try:
        return STEPS[state, event]
    except KeyError:
        raise NotNow(state=TITLES.get(state, state)) from None


def sources(event: str) -> list[str]:
    """Return the states from which `event` may happen."""
    return [state for state, name in STEPS if name == event]
