"""Who may be written to, about what and how: marketing and transactional messages are agreed to apart (D11, D12)."""

from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused

MARKETING, TRANSACTIONAL = "marketing", "transactional"
SMS, EMAIL = "sms", "email"
TOPICS: Final = (MARKETING, TRANSACTIONAL)
CHANNELS: Final = (SMS, EMAIL)

# What holds while somebody said nothing: nobody gets a newsletter without asking for it, everybody hears of orders.
DEFAULT: Final[dict[str, bool]] = {MARKETING: False, TRANSACTIONAL: True}


class OrdersAreTold(Refused):
    """The one channel that everybody has cannot be closed to what an order has to tell."""

    code, clause, status = "orders_are_told", "D09", 422
    says = (
        "پیامک‌های سفارش لغو نشد، چون کد سبد و خبرهای سفارش باید دست‌کم از یک راه به شما برسد. "
        "خبرنامه جداست و هر زمان لغو می‌شود."
    )


@carries_out("D11", "D12")
def choice(topic: str, channel: str, given: bool) -> None:
    """Return when this may be chosen. Raises Invalid for unknown words, OrdersAreTold for closing the last way."""
    if topic not in TOPICS or channel not in CHANNELS:
        raise Invalid({"channel": "این راه پیام‌رسانی را نمی‌شناسیم."})
    if topic == TRANSACTIONAL and channel == SMS and not given:
        raise OrdersAreTold
