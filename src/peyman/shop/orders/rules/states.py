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
    (FINAL, "cancel"): Step(CANCELLED, "D31"),
    (SHORT, "give_back"): Step(CANCELLED, "D30"),
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
