"""Who reads how much: counts that stay small whatever comes, what is too much, and what a licence may be (D19)."""

import hashlib
import heapq
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing, Refused, TryLater
from peyman.kernel.text import normalise, persian_digits, whole_number

KINDS: Final = ("list", "product", "search", "api")  # what is read, in the order it is counted
DEEP: Final = 4  # pages that a further page of a list weighs: it tells the prices of 24 goods, and people seldom go on
KEPT: Final = timedelta(days=1)  # counts of readers are personal data of a kind: no longer than a day
KEY_MARK: Final = "pyl_"
HOLDS: Final = {
    1: "یک ساعت",
    24: "یک روز",
    168: "یک هفته",
    720: "سی روز",
}  # for how many hours staff may shut a reader out


class TooManyReads(TryLater):
    """One reader asked for more pages of the catalogue than people read."""

    code, clause, status = "too_many_reads", "D19", 429
    says = (
        "این صفحه فرستاده نشد، چون از اینجا در این مدت بسیار بیش از یک خواننده خوانده شد. "
        "سبد، سفارش‌ها و پرداخت باز است؛ {wait} دیگر دوباره بیایید. "
        "برداشت خودکار فهرست، مشخصات و قیمت‌ها اجازه کتبی می‌خواهد: "
        "به {mail} بنویسید چه کسی هستید و برای چه می‌خواهید، تا کلید دسترسی بگیرید."
    )


class ShutOut(Refused):
    """Staff shut this reader out of the catalogue."""

    code, clause, status = "reader_shut_out", "D19", 403
    says = (
        "این صفحه فرستاده نشد، چون خواندن کالاها از این نشانی را بسته‌ایم: {reason}. "
        "سبد، سفارش‌ها و پرداخت باز است. اگر اشتباه کرده‌ایم، یا اجازه کتبی می‌خواهید، به {mail} بنویسید."
    )


class OwnReader(Refused):
    """Whoever shuts out would shut out themselves, and with them everybody at the desk's address."""

    code, clause, status = "reader_is_yours", "D19", 409
    says = (
        "خواندن بسته نشد، چون این نشانی یا مرورگر خود شماست: همکارانی هم که از همین نشانی کار می‌کنند دیگر کالاها را "
        "نمی‌دیدند. اگر کسی از همین شبکه برداشت می‌کند، مرورگر او را ببندید، یا از نشانی دیگری به میز بیایید."
    )


class LicenceNeeded(Refused):
    code, clause, status = "licence_needed", "D19", 401
    says = (
        "برونبرد کالاها کلید دسترسی می‌خواهد و این درخواست کلید درستی ندارد. کلید با اجازه کتبی داده می‌شود: "
        "به {mail} بنویسید چه کسی هستید و برای چه می‌خواهید؛ کلید را در سرایند X-Licence-Key بفرستید."
    )


class LicenceOver(Refused):
    code, clause, status = "licence_over", "D19", 403
    says = "این کلید دیگر باز نمی‌کند، چون {why}. برای اجازه تازه به {mail} بنویسید."


class LicenceSpent(TryLater):
    code, clause, status = "licence_spent", "D19", 429
    says = "این کلید امروز {per_day} کالا گرفته است و بیش از آن نمی‌گیرد؛ {wait} دیگر از همان‌جا که ماندید پی بگیرید."


class UnknownLicence(Missing):
    code = "licence_unknown"


class LicenceInvalid(Invalid):
    code = "licence_invalid"


# ---- Counting readers ----


@dataclass
class Count:
    """What one reader read. `least` is sure; `most` may hold what others read before it (see `Sketch`)."""

    shown: str
    most: int = 0
    extra: int = 0
    kinds: list[int] = field(default_factory=lambda: [0] * len(KINDS))
    refused: int = 0

    @property
    def least(self) -> int:
        return self.most - self.extra


class Sketch:
    """The heaviest readers among any number of them, in a place that does not grow: Space-Saving (Metwally 2005).

    At most `capacity` readers are held. A new one takes the place of the lightest and inherits its count as `extra`,
    so that whoever read more than all ÷ capacity is surely held, and `least` never says more than a reader read: a
    flood of addresses pushes nobody innocent over a limit. Not safe for threads by itself.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._counts: dict[str, Count] = {}
        self._heap: list[tuple[int, str]] = []  # (a count it had, reader): never more than it has now
        self.total = 0  # of all that was added
        self.pages = 0  # of what was read: one page counts at each of its readers

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, reader: str, shown: str, weight: int, kind: int) -> Count:
        """Count `weight` pages of one reader and return its count."""
        self.total += weight
        count = self._counts.get(reader)
        if count is None:
            inherited = self._make_room() if len(self._counts) >= self._capacity else 0
            count = self._counts[reader] = Count(shown, inherited, inherited)
            heapq.heappush(self._heap, (inherited, reader))
        count.most += weight
        count.kinds[kind] += weight
        return count

    def _make_room(self) -> int:
        """Forget the lightest and return its count."""
        while True:
            told, reader = heapq.heappop(self._heap)
            is_now = self._counts[reader].most
            if told == is_now:
                del self._counts[reader]
                return told
            heapq.heappush(self._heap, (is_now, reader))

    def heaviest(self, n: int) -> list[tuple[str, Count]]:
        """Return the `n` who surely asked for most, what they were refused included; the heaviest first."""
        return heapq.nlargest(n, self._counts.items(), key=lambda pair: (pair[1].least + pair[1].refused, pair[0]))


@dataclass(frozen=True)
class Allowed:
    """At most so many pages within a minute, and within an hour."""

    minute: int
    hour: int


@dataclass(frozen=True)
class Asked:
    """One request, for counting: `readers` are (kind of reader, key, shown), `page` indexes KINDS."""

    readers: tuple[tuple[str, str, str], ...]
    page: int
    weight: int


class Readers:
    """What one process knows of who reads, by minutes and hours: two sketches, and a few minutes that are over."""

    _FINISHED = 5  # minutes that wait to be written down; older ones are forgotten

    def __init__(self, limits: Mapping[str, Allowed], capacity: int = 4096) -> None:
        self._limits, self._capacity = limits, capacity
        self._windows = {60: (-1, Sketch(capacity)), 3600: (-1, Sketch(capacity))}
        self._finished: list[tuple[int, Sketch]] = []

    @carries_out("D19")
    def take(self, asked: Asked, at: int) -> int:
        """Count a request at second `at` and return 0, or the seconds to wait where one of its readers had its share.

        What is refused is counted as refused and takes nothing: who waits is let in again at once.
        """
        wait = 0
        counts = []
        for seconds in (60, 3600):
            sketch = self._window(seconds, at)
            for kind, reader, shown in asked.readers:
                count = sketch.add(reader, shown, 0, asked.page)
                limit = self._limits[kind]
                if count.least + asked.weight > (limit.minute if seconds == 60 else limit.hour):
                    wait = max(wait, seconds - at % seconds)
                counts.append((sketch, reader, shown, count))
        if not wait:
            self._windows[60][1].pages += asked.weight
        for sketch, reader, shown, count in counts:
            if wait:
                count.refused += 1
            else:
                sketch.add(reader, shown, asked.weight, asked.page)
        return wait

    def _window(self, seconds: int, at: int) -> Sketch:
        number = at // seconds
        there, sketch = self._windows[seconds]
        if there != number:
            if seconds == 60 and len(sketch):
                self._finished = [*self._finished, (there * 60, sketch)][-self._FINISHED :]
            sketch = Sketch(self._capacity)
            self._windows[seconds] = (number, sketch)
        return sketch

    def finished(self, at: int) -> list[tuple[int, Sketch]]:
        """Return the minutes that are over and were not returned before: (second it began, its readers)."""
        self._window(60, at)
        done, self._finished = self._finished, []
        return done


def hidden(secret: str, what: str) -> str:
    """Return what stands for an address or a browser where it is counted: nobody reads the address from it."""
    return hashlib.blake2b(what.encode(), key=hashlib.sha256(secret.encode()).digest(), digest_size=12).hexdigest()


def shortened(address: str) -> str:
    """Return an address as staff see it: 5.112.44.7 → "5.112.44.x", an IPv6 one by its first three groups.

    `address` is canonical text; an IPv6 one may be its /64.
    """
    if "." in address and ":" not in address:
        return address.rpartition(".")[0] + ".x"
    groups = address.split(":")
    return ":".join([*(group for group in groups[:3] if group), "…"])


@carries_out("D19")
def page_of(path: str, after: bool, q: bool) -> tuple[int, int] | None:
    """Return which of KINDS a path reads, and how many pages it weighs; None for what anybody may read as often.

    `after`: it asks for a further page of a list; `q`: it searches.
    """
    weight = DEEP if after else 1
    if path.startswith("/api/v1/products"):
        return KINDS.index("api"), weight
    if path in ("/", "/goods/") or path.startswith(("/category/", "/brand/")):
        return KINDS.index("search" if q else "list"), weight
    if path == "/goods/suggest":  # has a limit of its own
        return None
    if path.startswith("/goods/"):
        return KINDS.index("product"), 1
    return None


# ---- Licences ----


@dataclass(frozen=True)
class LicenceForm:
    owner: str
    purpose: str
    contact: str
    days: int
    per_day: int


_MOST_DAYS, _MOST_PER_DAY = 366, 5_000_000


@carries_out("D19")
def licence(raw: Mapping[str, str]) -> LicenceForm:
    """Return the form of a licence. Raises LicenceInvalid with every fault."""
    wrong: dict[str, str] = {}
    typed = {name: normalise(raw.get(name, "")).strip() for name in ("owner", "purpose", "contact")}
    for name, says, longest in (
        ("owner", "بنویسید اجازه به چه کسی داده می‌شود.", 120),
        ("purpose", "بنویسید برای چه استفاده‌ای.", 300),
        ("contact", "بنویسید با چه نشانی یا شماره‌ای به او می‌رسیم.", 120),
    ):
        if not typed[name]:
            wrong[name] = says
        elif len(typed[name]) > longest:
            wrong[name] = f"کوتاه‌تر بنویسید؛ تا {persian_digits(longest)} نویسه."
    numbers = {}
    for name, most in (("days", _MOST_DAYS), ("per_day", _MOST_PER_DAY)):
        try:
            numbers[name] = whole_number(raw.get(name, ""))
        except ValueError:
            numbers[name] = 0
        if not 1 <= numbers[name] <= most:
            wrong[name] = f"عددی از ۱ تا {persian_digits(most)} بنویسید."
    if wrong:
        raise LicenceInvalid(wrong)
    return LicenceForm(typed["owner"], typed["purpose"], typed["contact"], numbers["days"], numbers["per_day"])


@dataclass(frozen=True)
class Hold:
    """For how long a reader is shut out, and why."""

    hours: int
    reason: str

    LONGEST: ClassVar[int] = 200


def hold(raw: Mapping[str, str]) -> Hold:
    """Return the form of a hold. Raises LicenceInvalid with every fault."""
    reason, hours = normalise(raw.get("reason", "")).strip(), raw.get("hours", "")
    wrong = {}
    if not reason:
        wrong["reason"] = "سبب را بنویسید؛ خواننده آن را می‌بیند."
    elif len(reason) > Hold.LONGEST:
        wrong["reason"] = f"کوتاه‌تر بنویسید؛ تا {persian_digits(Hold.LONGEST)} نویسه."
    if hours not in {str(each) for each in HOLDS}:
        wrong["hours"] = "یکی از زمان‌های فهرست را برگزینید."
    if wrong:
        raise LicenceInvalid(wrong)
    return Hold(int(hours), reason)


def new_key() -> str:
    """Return the key of a licence: 256 random bits behind a mark by which a leaked one is known."""
    return KEY_MARK + secrets.token_urlsafe(32)


def key_hash(key: str) -> str:
    """Return what is kept of a key; it is random enough that a plain SHA-256 gives nothing away."""
    return hashlib.sha256(f"licence:{key}".encode()).hexdigest()


def over(*, valid_until: datetime, revoked_at: datetime | None, now: datetime) -> str:
    """Return why a licence opens nothing any more, in Persian; "" while it does."""
    if revoked_at is not None:
        return "پس گرفته شده است"
    return "" if now < valid_until else "زمان آن گذشته است"
