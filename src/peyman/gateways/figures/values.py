"""What is told in a figure of time: ranges with what may be said of them, rows and days that matter."""

from dataclasses import dataclass
from datetime import date, datetime

# What may be said of a range at an instant, the best first: the order in which the sum is piled up.
REGISTERED = "registered"  # listed and due, seen
CLAIMED = "claimed"  # listed later with dates that lie before our first look
PENDING = "pending"  # listed, not due
PARTIAL = "partial"  # some of its addresses are registered and due, some are not
NOT_DUE = "not_due"  # absent or listed and not due: either is full price
UNKNOWN = "unknown"  # our looks do not say
BEFORE = "before_history"  # before our first look, whatever its rows claim
AFTER = "after_history"  # after our last one
UNPROVEN = "unproven"  # before our first look, and no row claims it
ABSENT = "unregistered"  # our looks say it was not listed
GONE = "gone"  # listed before, and not any more
INELIGIBLE = "ineligible"  # private or abroad: never to be registered
STATES = (
    REGISTERED,
    CLAIMED,
    PENDING,
    NOT_DUE,
    PARTIAL,
    UNKNOWN,
    BEFORE,
    AFTER,
    UNPROVEN,
    ABSENT,
    GONE,
    INELIGIBLE,
)
FAULTY = (
    INELIGIBLE,
    GONE,
    ABSENT,
    NOT_DUE,
    UNPROVEN,
    UNKNOWN,
    PARTIAL,
    PENDING,
)  # serving under these is serving without evidence, the worst first

WORDS = {
    REGISTERED: "ثبت و موعد رسیده",
    CLAIMED: "بنا به تاریخ ردیف ثبت بود؛ ندیده‌ایم",
    PENDING: "ثبت، پیش از موعد",
    NOT_DUE: "نبود یا پیش از موعد؛ هر دو تمام‌بهاست",
    UNKNOWN: "میان دو نسخه؛ نمی‌دانیم",
    BEFORE: "پیش از نخستین نسخه؛ نمی‌دانیم",
    AFTER: "پس از آخرین نسخه؛ نمی‌دانیم",
    UNPROVEN: "پیش از نخستین نسخه، بی هیچ ردیفی",
    ABSENT: "در فهرست نبود",
    GONE: "از فهرست رفته",
    PARTIAL: "بخشی ثبت، بخشی نه",
    INELIGIBLE: "خصوصی یا خارج؛ هرگز ثبت نمی‌شود",
}
SHORT = {
    REGISTERED: "ثبت‌شده",
    CLAIMED: "با ادعای ردیف",
    PENDING: "پیش از موعد",
    NOT_DUE: "پیش از موعد یا نبوده",
    UNKNOWN: "نامعلوم",
    BEFORE: "پیش از نخستین نسخه",
    AFTER: "پس از آخرین نسخه",
    UNPROVEN: "بی هیچ مدرک",
    ABSENT: "ثبت‌نشده",
    GONE: "رفته از فهرست",
    PARTIAL: "بخشی ثبت",
    INELIGIBLE: "ثبت‌نشدنی",
}


@dataclass(frozen=True)
class Stretch:
    """One state from `begins` until before `ends`."""

    state: str
    begins: datetime
    ends: datetime
    due: date | None = None


@dataclass(frozen=True)
class Track:
    """One range: when it served, and what may be said of its registration. Both in order, without overlaps."""

    prefix: str
    addresses: int
    cdn: str
    serves: tuple[Stretch, ...]
    registry: tuple[Stretch, ...]
    note: str = ""  # what its state hides, such as how many of its addresses are registered


@dataclass(frozen=True)
class Rows:
    """Rows of one update date: how many, of how many ranges, and when they fall due."""

    day: date
    rows: int
    due: date | None
    is_apart: bool = False  # not of our own doing: an app's developer entered a page of ours


@dataclass(frozen=True)
class Mark:
    """A day that matters, with its name."""

    day: date
    name: str
