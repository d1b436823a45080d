"""The price guard: how far one person may move a price alone."""

from typing import Final

from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import has_controls, normalise

SHORTEST_WHY: Final = 3
LONGEST_WHY: Final = 300


class SamePerson(Refused):
    """Whoever asked for a price does not approve it."""

    code, clause = "same_person", None
    says = "ثبت نشد: کسی که این قیمت را پیشنهاد کرده است نمی‌تواند خودش آن را تأیید کند. همکار دیگری باید ببیند."


class Decided(Refused):
    """Somebody was quicker."""

    code, clause = "already_decided", None
    says = "ثبت نشد: درباره این پیشنهاد پیش‌تر تصمیم گرفته شده است. قیمت از این کار شما دگرگون نشد."


class PriceMoved(Refused):
    """What the second person saw is not what stands."""

    code, clause = "price_moved", None
    says = (
        "ثبت نشد: قیمت {sku} از زمان پیشنهاد دگرگون شده است. این پیشنهاد را رد کنید و اگر هنوز لازم است، "
        "قیمت تازه را دوباره بنویسید."
    )


class BelowFloor(Refused):
    """Less than the variant costs."""

    code, clause, status = "below_floor", None, 422
    says = "قیمت {sku} ثبت نشد: از کف قیمت آن ({floor} تومان) کمتر است. کف را کسی که آن را می‌داند باید عوض کند."


class WhyNeeded(Invalid):
    """A price moved without a reason."""

    code = "why_needed"


def crosses(*, price: int, list_price: int, was_price: int, was_list_price: int, percent: int) -> str:
    """Say which limit a new price crosses: "down", "up", "list" (the struck-out price grows), or "" for none.

    `percent` is how far it may fall, and it may rise by the same ratio: with 50 to the half and to the double, both of
    which pass. A struck-out price that falls, or stands on the price itself, makes no discount greater and is nobody's
    matter.
    """
    if _falls_beyond(was_price, price, percent):
        return "down"
    if _falls_beyond(price, was_price, percent):
        return "up"
    if list_price > price and _falls_beyond(list_price, was_list_price, percent):
        return "list"
    return ""


def _falls_beyond(high: int, low: int, percent: int) -> bool:
    return (high - low) * 100 > high * percent


def check_floor(*, sku: str, price: int, floor: int) -> None:
    """Let a price pass that is not below `floor` (rials, 0 is none). Raises BelowFloor."""
    if floor and price < floor:
        raise BelowFloor(sku=sku, floor=f"{floor // 10:,}".replace(",", "٬"))


def check_why(typed: str) -> str:
    """Return a reason for the log, in the one spelling. Raises WhyNeeded."""
    why = normalise(typed[: LONGEST_WHY * 2])
    if len(why) < SHORTEST_WHY or has_controls(why):
        raise WhyNeeded({"why": "بنویسید چرا؛ در سرگذشت نزد همکاران می‌ماند."})
    return why[:LONGEST_WHY]
