"""When plans of one variant get in each other's way."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from peyman.kernel.errors import Invalid, Refused

FARTHEST: Final = timedelta(days=366)
SHORTEST: Final = timedelta(minutes=5)


class Span(NamedTuple):
    """A plan in time: half-open, `starts_at <= t < ends_at`; without an end, the instant at which a price is set."""

    starts_at: datetime
    ends_at: datetime | None = None
    code: str = ""
    words: str = ""


class Overlaps(Refused):
    """Another plan of the variant stands in the way."""

    code, clause = "plans_overlap", None
    says = "ثبت نشد: «{words}» ({other}) در همین زمان است. زمان را عوض کنید یا نخست آن را متوقف کنید."


class Began(Refused):
    """What has begun is not changed any more."""

    code, clause = "plan_began", None
    says = "ثبت نشد: این برنامه آغاز شده یا پایان یافته است. پیشنهاد در جریان را تنها می‌شود متوقف کرد."


class PlanOver(Refused):
    """Its time went by while it waited for a second person."""

    code, clause = "plan_over", None
    says = "ثبت نشد: زمان این برنامه گذشته است. آن را رد کنید و برنامه تازه‌ای بنویسید."


class NotCheaper(Refused):
    """An offer that is no offer."""

    code, clause, status = "offer_not_cheaper", None, 422
    says = "ثبت نشد: قیمت پیشنهاد باید از قیمت کنونی {sku} کمتر باشد."


class PlanTimes(Invalid):
    """Instants that make no plan."""

    code = "plan_times"


def check_times(*, is_offer: bool, starts_at: datetime, ends_at: datetime | None, now: datetime) -> None:
    """Let the instants of a plan pass: not before `now`, within a year, an offer at least five minutes. Raises
    PlanTimes.
    """
    wrong = {}
    if starts_at < now:
        wrong["starts_date"] = "آغاز گذشته است؛ زمانی پس از این لحظه بنویسید، یا برای همین حالا خالی بگذارید."
    elif starts_at > now + FARTHEST:
        wrong["starts_date"] = "آغاز بیش از یک سال دیگر است؛ زمان نزدیک‌تری بنویسید."
    if is_offer and ends_at is None:
        wrong["ends_date"] = "بنویسید پیشنهاد تا کی برقرار است."
    elif is_offer and ends_at and ends_at < starts_at + SHORTEST:
        wrong["ends_date"] = "پایان باید دست‌کم پنج دقیقه پس از آغاز باشد."
    elif is_offer and ends_at and ends_at > starts_at + FARTHEST:
        wrong["ends_date"] = "پیشنهاد بیش از یک سال طول نمی‌کشد؛ پایان نزدیک‌تری بنویسید."
    if wrong:
        raise PlanTimes(wrong)


def in_the_way(new: Span, others: Iterable[Span]) -> Span | None:
    """Return the first of `others` that the new plan of the same variant would meet, None where there is none.

    A price may be set at the very instant at which an offer ends; not while it runs, nor two at one instant.
    """
    return next((other for other in others if _meet(new, other)), None)


def _meet(a: Span, b: Span) -> bool:
    if a.ends_at is None and b.ends_at is None:
        return a.starts_at == b.starts_at
    if a.ends_at is None or b.ends_at is None:
        point, span = (a, b) if a.ends_at is None else (b, a)
        return span.starts_at <= point.starts_at and (span.ends_at is None or point.starts_at < span.ends_at)
    return a.starts_at < b.ends_at and b.starts_at < a.ends_at
