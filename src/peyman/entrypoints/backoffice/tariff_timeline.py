"""The story of ranges, drawn: what the registry said of each above when it served, time from left to right.

Plain values in and out; coordinates across are percent of the span, down they are pixels. Ranges with the same story
within the span are one lane. What the registry's rows say of the time before our first look is claimed, not seen, and
drawn so: dates in a list are no proof that operators went by them, and a row that is not there proves nothing at all.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from peyman.kernel import jalali
from peyman.kernel.text import persian_digits
from peyman.kernel.worktime import DAY, day_start, tehran_day

W = TypeVar("W")

# What may be said of a range at an instant, the best first: the order in which the sum is piled up.
REGISTERED = "registered"  # listed and due, seen
CLAIMED = "claimed"  # listed later with dates that lie before our first look
PENDING = "pending"  # listed, not due
PARTIAL = "partial"  # some of its addresses are registered and due, some are not
UNKNOWN = "unknown"  # our looks do not say
UNPROVEN = "unproven"  # before our first look, and no row claims it
ABSENT = "unregistered"  # our looks say it was not listed
GONE = "gone"  # listed before, and not any more
INELIGIBLE = "ineligible"  # private or abroad: never to be registered
STATES = (REGISTERED, CLAIMED, PENDING, PARTIAL, UNKNOWN, UNPROVEN, ABSENT, GONE, INELIGIBLE)
FAULTY = (
    INELIGIBLE,
    GONE,
    ABSENT,
    UNPROVEN,
    UNKNOWN,
    PARTIAL,
    PENDING,
)  # serving under these is serving without evidence, the worst first

WORDS = {
    REGISTERED: "ثبت و موعد رسیده",
    CLAIMED: "بنا به تاریخ ردیف ثبت بود؛ ندیده‌ایم",
    PENDING: "ثبت، پیش از موعد",
    UNKNOWN: "میان دو نسخه؛ نمی‌دانیم",
    UNPROVEN: "پیش از نخستین نسخه، بی هیچ ردیفی",
    ABSENT: "در فهرست نبود",
    GONE: "از فهرست رفته",
    PARTIAL: "بخشی ثبت، بخشی نه",
    INELIGIBLE: "خصوصی یا خارج؛ هرگز ثبت نمی‌شود",
}
_SHORT = {
    REGISTERED: "ثبت‌شده",
    CLAIMED: "با ادعای ردیف",
    PENDING: "پیش از موعد",
    UNKNOWN: "نامعلوم",
    UNPROVEN: "بی هیچ مدرک",
    ABSENT: "ثبت‌نشده",
    GONE: "رفته از فهرست",
    PARTIAL: "بخشی ثبت",
    INELIGIBLE: "ثبت‌نشدنی",
}
_LABELS = {
    ABSENT: "نبود",
    GONE: "رفته",
    UNPROVEN: "بی‌مدرک",
    PARTIAL: "بخشی",
    INELIGIBLE: "ثبت‌نشدنی",
    "unlisted": "رفته",
}

REGISTRY, SERVES, SERVES_AT = 22, 10, 28  # pixels: height of the upper bar, of the lower, and where that one begins
SUM_TOP, SUM_HEIGHT = 10, 140
_NARROWEST_SUM_LABEL, _LETTER = 2.5, 0.62  # percent of the span: that a number in the sum needs, and each letter
_NARROWEST_LABEL, _NARROWEST_DUE = 5.0, 9.0
_LONGEST_MARK = 40


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


# ---- What is drawn ----


@dataclass(frozen=True)
class Bar:
    """A rectangle: `kind` is its state; `pale` where it lies ahead."""

    kind: str
    x: float
    width: float
    y: float
    height: float
    pale: bool = False
    label: str = ""
    label_x: float = 0.0
    label_y: float = 0.0
    title: str = ""


@dataclass(frozen=True)
class Tick:
    x: float
    label_x: float
    label: str
    strong: bool


@dataclass(frozen=True)
class Flag:
    """A mark on the axis: its number, its words, on which of the rows of words it stands, and towards which side."""

    number: int
    x: float
    name: str
    day: date
    row: int
    to_right: bool

    @property
    def y(self) -> int:
        return 48 + 20 * self.row


@dataclass(frozen=True)
class Pin:
    """Rows of one update date, as a dot as large as they are many."""

    x: float
    radius: float
    rows: int
    day: date
    due: date | None
    label: str
    label_x: float
    anchor: str
    is_apart: bool


@dataclass(frozen=True)
class Bracket:
    """A long time in which nothing was registered."""

    x1: float
    x2: float
    label: str
    begins: date
    ends: date

    @property
    def middle(self) -> float:
        return round((self.x1 + self.x2) / 2, 2)


@dataclass(frozen=True)
class Lane:
    """One story: the ranges that share it, what is drawn and what is said."""

    prefixes: tuple[str, ...]
    cdns: tuple[str, ...]
    addresses: int
    bars: tuple[Bar, ...]
    tone: str
    verdict: str
    sentence: str
    table: tuple[tuple[str, datetime, datetime, str], ...]  # row, from, to, words

    @property
    def count(self) -> int:
        return len(self.prefixes)

    @property
    def first(self) -> str:
        return self.prefixes[0]


@dataclass(frozen=True)
class Level:
    y: float
    count: int


@dataclass(frozen=True)
class Figure:
    """All of it: the axis, the sum of all ranges that serve, the registrations, and the lanes."""

    since: datetime
    until: datetime
    now_x: float | None
    ticks: tuple[Tick, ...]
    minor: tuple[Tick, ...]
    flags: tuple[Flag, ...]
    pins: tuple[Pin, ...]
    bracket: Bracket | None
    sum: tuple[Bar, ...]
    sum_words: tuple[Bar, ...]
    levels: tuple[Level, ...]
    lanes: tuple[Lane, ...]
    kinds: tuple[str, ...]  # that the legend explains
    said: str  # one sentence for who does not see it
    has_ahead: bool
    most: int
    flag_rows: int = 0
    headline: str = ""

    @property
    def legend(self) -> list[tuple[str, str]]:
        return [(kind, WORDS[kind]) for kind in self.kinds]

    @property
    def axis_height(self) -> int:
        return 32 + 22 * self.flag_rows


def draw(
    tracks: Sequence[Track],
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    rows: Sequence[Rows] = (),
    marks: Sequence[Mark] = (),
) -> Figure:
    """Draw `tracks` from `since` until `until`; what lies after `now` is pale. `until` must lie after `since`."""
    if until <= since:
        raise ValueError("time runs forward")
    span = _Span(since, until)
    clipped = [_clip(track, span) for track in tracks]
    lanes, used = _lanes(clipped, span, now)
    piled, words, levels, most = _sum(clipped, span, now)
    flags = _flags(marks, span)
    ticks, minor = _ticks(span)
    pins = _pins(rows, span)
    bracket = _bracket(rows, span)
    fresh = _fresh(clipped, bracket)
    if not fresh:
        bracket = None  # nothing began without evidence while nothing was registered: nothing to tell
    return Figure(
        since=since,
        until=until,
        now_x=span.x(now) if since < now < until else None,
        ticks=ticks,
        minor=minor,
        flags=flags,
        pins=pins,
        bracket=bracket,
        sum=piled,
        sum_words=words,
        levels=levels,
        lanes=lanes,
        kinds=tuple(state for state in STATES if state in used),
        said=_said(lanes, bracket, span),
        has_ahead=any(bar.pale for lane in lanes for bar in lane.bars),
        most=most,
        flag_rows=max((flag.row + 1 for flag in flags), default=0),
        headline=_headline(fresh, bracket),
    )


@dataclass(frozen=True)
class _Span:
    since: datetime
    until: datetime

    def x(self, at: datetime) -> float:
        """Return where `at` stands, in percent."""
        share = (at - self.since) / (self.until - self.since)
        return round(min(1.0, max(0.0, share)) * 100, 2)

    @property
    def days(self) -> float:
        return (self.until - self.since) / DAY


def _clip(track: Track, span: _Span) -> Track:
    def inside(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
        found: list[Stretch] = []
        for one in stretches:
            if one.begins >= span.until or one.ends <= span.since:
                continue
            due = one.due if one.due and span.since <= day_start(one.due) else None  # older ones are not of this story
            begins, ends = max(one.begins, span.since), min(one.ends, span.until)
            if found and (found[-1].state, found[-1].ends, found[-1].due or due) == (one.state, begins, due):
                found[-1] = Stretch(one.state, found[-1].begins, ends, due)
            else:
                found.append(Stretch(one.state, begins, ends, due))
        return tuple(found)

    return Track(track.prefix, track.addresses, track.cdn, inside(track.serves), inside(track.registry), track.note)


# ---- Lanes ----


def _lanes(tracks: Sequence[Track], span: _Span, now: datetime) -> tuple[tuple[Lane, ...], set[str]]:
    stories: dict[object, list[Track]] = defaultdict(list)
    for track in tracks:
        if track.serves or any(one.state in (REGISTERED, CLAIMED, PENDING, PARTIAL) for one in track.registry):
            stories[track.serves, track.registry, track.note].append(track)
    end = min(now, span.until)
    ordered = sorted(stories.values(), key=lambda same: _rank(same[0], len(same), end))
    lanes = tuple(_lane(same, span, now) for same in ordered)
    used = {bar.kind for lane in lanes for bar in lane.bars} - {"serves", "unlisted"}
    return lanes, used


def _rank(track: Track, count: int, now: datetime) -> tuple[object, ...]:
    """What is wrong now comes first, then what was wrong longest, then the many before the few, the early first."""
    state = _now(track, now)
    is_wrong_now = state in FAULTY and _is_serving(track, now)
    wrong = sum((time for state, time in _served(track, now).items() if state in FAULTY), timedelta())
    begins = min((one.begins for one in (*track.serves, *track.registry)), default=now)
    return (not is_wrong_now, -wrong * count, -count, begins, track.prefix)


def _lane(same: Sequence[Track], span: _Span, now: datetime) -> Lane:
    track = same[0]
    bars: list[Bar] = []
    for one in track.registry:
        for begins, ends, serving in _split(one, track.serves):
            kind = one.state
            if not serving and kind in (UNPROVEN, UNKNOWN, ABSENT, INELIGIBLE):
                continue
            if not serving and kind == GONE:
                kind = "unlisted"
            bars.extend(_bars(kind, begins, ends, span, now, one))
    for one in track.serves:
        bars.extend(_bars("serves", one.begins, one.ends, span, now, one))
    tone, verdict = _verdict(track, min(now, span.until))
    return Lane(
        prefixes=tuple(one.prefix for one in same),
        cdns=tuple(sorted({one.cdn for one in same if one.cdn})),
        addresses=sum(one.addresses for one in same),
        bars=_said_once(_joined(bars)),
        tone=tone,
        verdict=verdict,
        sentence=" ".join(part for part in (_sentence(track, span, now), track.note) if part),
        table=_table(track, now),
    )


def _split(one: Stretch, serves: Sequence[Stretch]) -> list[tuple[datetime, datetime, bool]]:
    """Cut a stretch where serving begins and ends."""
    cuts = {one.begins, one.ends}
    for serving in serves:
        cuts |= {at for at in (serving.begins, serving.ends) if one.begins < at < one.ends}
    return [
        (begins, ends, any(serving.begins <= begins < serving.ends for serving in serves))
        for begins, ends in pairwise(sorted(cuts))
    ]


def _bars(kind: str, begins: datetime, ends: datetime, span: _Span, now: datetime, of: Stretch) -> Iterable[Bar]:
    y, height = (SERVES_AT, SERVES) if kind == "serves" else (0, REGISTRY)
    for start, end, pale in ((begins, min(ends, now), False), (max(begins, now), ends, True)):
        if start >= end:
            continue
        x, x2 = span.x(start), span.x(end)
        label = "" if pale else _label(kind, of.due, start, x2 - x)
        title = f"{_row_words(kind)}: {jalali.plain_date(start, year=True)} تا {jalali.plain_date(end, year=True)}"
        yield Bar(kind, x, round(x2 - x, 2), y, height, pale, label, round((x + x2) / 2, 2), 15, title)


def _label(kind: str, due: date | None, start: datetime, width: float) -> str:
    """Name a bar where it has room; a due date where it comes in or near its beginning."""
    near = due is not None and (kind == PENDING or abs(day_start(due) - start) < 10 * DAY)
    if kind in (REGISTERED, CLAIMED, PENDING) and width >= _NARROWEST_DUE:
        said = [f"موعد {jalali.plain_date(due)}"] if due and near else []
        return "؛ ".join([*said, "ندیده‌ایم"] if kind == CLAIMED else said)
    return _LABELS.get(kind, "") if width >= _NARROWEST_LABEL else ""


def _joined(bars: Sequence[Bar]) -> tuple[Bar, ...]:
    """Join neighbours that look alike, such as two registrations that follow each other."""
    joined: list[Bar] = []
    for bar in bars:
        before = joined[-1] if joined else None
        if (
            before
            and (before.kind, before.y, before.height, before.pale) == (bar.kind, bar.y, bar.height, bar.pale)
            and abs(before.x + before.width - bar.x) < 0.02
            and bar.kind != PENDING
        ):
            width = round(bar.x + bar.width - before.x, 2)
            joined[-1] = Bar(
                bar.kind, before.x, width, bar.y, bar.height, bar.pale, before.label or bar.label,
                round(before.x + width / 2, 2), bar.label_y, before.title.rpartition(" تا ")[0] + " تا "
                + bar.title.rpartition(" تا ")[2],
            )  # fmt: skip
        else:
            joined.append(bar)
    return tuple(joined)


def _said_once(bars: Sequence[Bar]) -> tuple[Bar, ...]:
    """Keep each label where it is read first."""
    said: set[str] = set()
    kept: list[Bar] = []
    for bar in bars:
        kept.append(replace(bar, label="") if bar.label in said else bar)
        said.add(bar.label)
    return tuple(kept)


def _row_words(kind: str) -> str:
    return {"serves": "فایل می‌دهد", "unlisted": "در فهرست نبود"}.get(kind) or WORDS[kind]


def _table(track: Track, now: datetime) -> tuple[tuple[str, datetime, datetime, str], ...]:
    said = [("فهرست ملی", one.begins, one.ends, WORDS[one.state]) for one in track.registry]
    said += [("سرور", one.begins, one.ends, "فایل می‌دهد") for one in track.serves]
    return tuple(said)


def _now(track: Track, now: datetime) -> str:
    """The state up to `now`, or the last one before it."""
    known = [one for one in track.registry if one.begins < now]
    return known[-1].state if known else UNKNOWN


def _is_serving(track: Track, now: datetime) -> bool:
    """Whether it serves up to `now`: what is known ends there."""
    return any(one.begins < now <= one.ends for one in track.serves)


def _served(track: Track, now: datetime) -> Mapping[str, timedelta]:
    """How long it served in each state, until now."""
    times: dict[str, timedelta] = defaultdict(timedelta)
    for one in track.registry:
        for begins, ends, serving in _split(one, track.serves):
            if serving and begins < now:
                times[one.state] += min(ends, now) - begins
    return times


def _verdict(track: Track, now: datetime) -> tuple[str, str]:
    state, serving = _now(track, now), _is_serving(track, now)
    if not serving:
        return ("", "فایل نمی‌دهد") if state in (REGISTERED, CLAIMED, PENDING, PARTIAL) else ("", "کنار رفته")
    return {
        REGISTERED: ("kept", "هم‌خوان"),
        CLAIMED: ("", "ندیده‌ایم"),
        PENDING: ("time", "پیش از موعد"),
        UNKNOWN: ("", "نامعلوم"),
        UNPROVEN: ("", "نامعلوم"),
        ABSENT: ("broken", "ثبت‌نشده"),
        GONE: ("broken", "از فهرست رفته"),
        PARTIAL: ("time", "بخشی ثبت"),
        INELIGIBLE: ("broken", "ثبت‌نشدنی"),
    }[state]


def _sentence(track: Track, span: _Span, now: datetime) -> str:
    """The story in words: since when it serves, for how long without evidence, and what it waited for."""
    times = _served(track, now)
    if not track.serves:
        return "ثبت است و در این مدت فایلی نداده است."
    first, last = track.serves[0], track.serves[-1]
    since = "از پیش از" if first.begins == span.since else "از"
    said = [f"{since} {jalali.plain_date(first.begins, year=True)} فایل می‌دهد"]
    if not _is_serving(track, min(now, span.until)):
        ends = jalali.plain_date(last.ends - timedelta.resolution, year=True)
        said = [f"{since} {jalali.plain_date(first.begins, year=True)} تا پایان {ends} فایل داد"]
    if times.get(INELIGIBLE, timedelta()):
        said.append("نشانی خصوصی یا بیرون از ایران است و هرگز ثبت نمی‌شود")
    seen = times.get(ABSENT, timedelta()) + times.get(GONE, timedelta())
    without = seen + times.get(UNPROVEN, timedelta())
    if without >= DAY:
        part = ""
        if seen >= DAY and without - seen >= DAY:
            part = f" ({days_words(seen)} آن را در نسخه‌ها دیده‌ایم که نبود)"
        elif seen < DAY:
            part = " (پیش از نخستین نسخه ما)"
        said.append(f"{days_words(without)} بی مدرک ثبت{part}")
    if times.get(PENDING, timedelta()) >= DAY:
        said.append(f"{days_words(times[PENDING])} ثبت‌شده ولی پیش از موعد")
    if times.get(PARTIAL, timedelta()) >= DAY:
        said.append(f"{days_words(times[PARTIAL])} تنها بخشی از نشانی‌هایش ثبت بود")
    if times.get(UNKNOWN, timedelta()) >= DAY:
        said.append(f"{days_words(times[UNKNOWN])} نامعلوم")
    dues = [one.due for one in track.registry if one.due and one.state in (PENDING, REGISTERED)]
    if dues and len(said) > 1:
        said.append(f"موعد {jalali.plain_date(dues[0], year=True)}")
    if len(said) == 1:
        said.append("همه آن با ثبت" if not times.get(CLAIMED) else "همه آن با ثبت، بخشی بنا به تاریخ ردیف")
    return "؛ ".join(said) + "."


def days_words(time: timedelta) -> str:
    """Return «۲ سال و ۴ ماه», «۲۹ روز»: days up to two months, then months of 30.44 days, rounded down."""
    days = time // DAY
    if days < 62:
        return persian_digits(f"{days} روز")
    months = int(days / 30.437)
    years, months = divmod(months, 12) if months >= 12 else (0, months)
    parts = [persian_digits(f"{n} {unit}") for n, unit in ((years, "سال"), (months, "ماه")) if n]
    return " و ".join(parts)


# ---- The sum ----


def _sum(
    tracks: Sequence[Track], span: _Span, now: datetime
) -> tuple[tuple[Bar, ...], tuple[Bar, ...], tuple[Level, ...], int]:
    """Pile up how many ranges serve in each state while nothing changes, the best at the floor."""
    moments = {span.since, span.until}
    for track in tracks:
        for one in (*track.serves, *track.registry):
            moments |= {one.begins, one.ends}
    end = min(now, span.until)
    instants = sorted(at for at in moments | {end} if span.since <= at <= end)
    counts: list[tuple[datetime, datetime, Counter[str]]] = []
    for begins, ends in pairwise(instants):
        states = Counter(
            _state_at(track, begins) for track in tracks if any(one.begins <= begins < one.ends for one in track.serves)
        )
        if counts and counts[-1][2] == states:
            counts[-1] = (counts[-1][0], ends, states)
        else:
            counts.append((begins, ends, states))
    most = max((states.total() for _, _, states in counts), default=0)
    if not most:
        return (), (), (), 0
    piled: list[Bar] = []
    for begins, ends, states in counts:
        floor = float(SUM_TOP + SUM_HEIGHT)
        x, x2 = span.x(begins), span.x(ends)
        for state in STATES:
            if not states[state]:
                continue
            height = round(states[state] / most * SUM_HEIGHT, 1)
            title = (
                f"{_SHORT[state]}: {persian_digits(states[state])} بازه، "
                f"{jalali.plain_date(begins, year=True)} تا {jalali.plain_date(ends, year=True)}"
            )
            piled.append(Bar(state, x, round(x2 - x, 2), round(floor - height, 1), height, title=title))
            floor -= height
    piled.sort(key=lambda bar: (STATES.index(bar.kind), bar.x))
    return _joined(piled), _sum_words(counts, span, most), _levels(most), most


def _sum_words(counts: Sequence[tuple[datetime, datetime, Counter[str]]], span: _Span, most: int) -> tuple[Bar, ...]:
    """Name each state once, where it has most room."""
    best: dict[str, tuple[float, Bar]] = {}
    for begins, ends, states in counts:
        x, x2 = span.x(begins), span.x(ends)
        floor = float(SUM_TOP + SUM_HEIGHT)
        for state in STATES:
            height = states[state] / most * SUM_HEIGHT
            if height >= 15 and x2 - x >= _NARROWEST_SUM_LABEL and (x2 - x) * height > best.get(state, (0.0, None))[0]:
                middle = round(floor - height / 2 + 4, 1)
                words = f"{persian_digits(states[state])} بازه {_SHORT[state]}"
                if len(words) * _LETTER > x2 - x:
                    words = persian_digits(states[state])
                at = round((x + x2) / 2, 2)
                best[state] = (
                    (x2 - x) * height,
                    Bar(state, x, round(x2 - x, 2), middle, height, False, words, at, middle),
                )
            floor -= height
    return tuple(bar for _, bar in best.values())


def _levels(most: int) -> tuple[Level, ...]:
    step = max(1, most // 2)
    for nice in (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 5000):
        if most / nice <= 4:
            step = nice
            break
    return tuple(
        Level(round(SUM_TOP + SUM_HEIGHT * (1 - count / most), 1), count) for count in range(0, most + 1, step)
    )


def _state_at(track: Track, at: datetime) -> str:
    return next((one.state for one in track.registry if one.begins <= at < one.ends), UNKNOWN)


# ---- Registrations ----


def _pins(rows: Sequence[Rows], span: _Span) -> tuple[Pin, ...]:
    pins: list[Pin] = []
    inside = [one for one in sorted(rows, key=lambda one: one.day) if span.since <= day_start(one.day) < span.until]
    for n, one in enumerate(inside):
        x = span.x(day_start(one.day))
        following = span.x(day_start(inside[n + 1].day)) if n + 1 < len(inside) else 100.0
        radius = round(min(13.0, 4.0 + one.rows**0.5 * 1.5), 1)
        words = persian_digits(f"{one.rows} ردیف، {jalali.plain_date(one.day)}")
        if one.is_apart:
            words = persian_digits(f"{one.rows} ردیف برنامه‌ها")
        # Words stand on the side that has room; where neither has, the dot is read in the table.
        before = span.x(day_start(inside[n - 1].day)) if n else 0.0
        if following - x >= (8 if n + 1 == len(inside) else 12):
            label, label_x, anchor = words, x, "end"
        elif x - before >= 12:
            label, label_x, anchor = words, x, "start"
        else:
            label, label_x, anchor = "", x, "end"
        pins.append(Pin(x, radius, one.rows, one.day, one.due, label, label_x, anchor, one.is_apart))
    return tuple(pins)


def _bracket(rows: Sequence[Rows], span: _Span) -> Bracket | None:
    """The longest time without any registration, where it is a fifth of the span and two months at least."""
    days = sorted({one.day for one in rows if not one.is_apart and day_start(one.day) < span.until})
    first = tehran_day(span.since)
    longest: tuple[timedelta, date, date] | None = None
    for before, after in pairwise(days):
        seen = day_start(after) - max(day_start(before), span.since)
        if after > first and (longest is None or seen > longest[0]):
            longest = (seen, before, after)
    if longest is None or longest[0] < timedelta(days=60) or longest[0] / (span.until - span.since) < 0.2:
        return None
    _, before, after = longest
    words = f"{days_words(day_start(after) - day_start(before))} بی هیچ ثبت تازه"
    return Bracket(span.x(day_start(before)), span.x(day_start(after)), words, before, after)


# ---- The axis ----

_SEASONS = ("بهار", "تابستان", "پاییز", "زمستان")


def _ticks(span: _Span) -> tuple[tuple[Tick, ...], tuple[Tick, ...]]:
    """Jalali years, and below them months, seasons or nothing, as there is room."""
    months = _month_starts(span)
    years = [(start, year) for start, year, month in months if month == 1]
    first_year = jalali.jalali(span.since).year
    edges = [(span.since, first_year), *[(at, year) for at, year in years if at > span.since]]
    ticks = _between(edges, span, lambda year: persian_digits(year), 5.0, strong=True)
    if span.days <= 430:
        named = [(start, (year, month)) for start, year, month in months]
        minor = _between(named, span, lambda at: jalali.month_name(at[1]), 4.5)
    elif span.days <= 1600:
        named = [(start, (year, month)) for start, year, month in months if month in (1, 4, 7, 10)]
        start = jalali.jalali(span.since)
        named = [(span.since, (start.year, start.month)), *[one for one in named if one[0] > span.since]]
        minor = _between(named, span, lambda at: _SEASONS[(at[1] - 1) // 3], 4.0)
    else:
        minor = ()
    return ticks, minor


def _month_starts(span: _Span) -> list[tuple[datetime, int, int]]:
    at = jalali.jalali(span.since).replace(day=1)
    found: list[tuple[datetime, int, int]] = []
    while day_start(at.to_gregorian()) < span.until:
        found.append((day_start(at.to_gregorian()), at.year, at.month))
        at = jalali.jalali(at.to_gregorian() + timedelta(days=32)).replace(day=1)
    return found


def _between(
    edges: Sequence[tuple[datetime, W]],
    span: _Span,
    words: Callable[[W], str],
    narrowest: float,
    *,
    strong: bool = False,
) -> tuple[Tick, ...]:
    """Name each stretch between neighbours in its middle, where it has room for the name."""
    ticks = []
    for n, (start, what) in enumerate(edges):
        x = span.x(start)
        x2 = span.x(edges[n + 1][0]) if n + 1 < len(edges) else 100.0
        ticks.append(Tick(x, round((x + x2) / 2, 2), words(what) if x2 - x >= narrowest else "", strong))
    return tuple(ticks)


def _flags(marks: Sequence[Mark], span: _Span) -> tuple[Flag, ...]:
    """Number the marks in the order of time and give their words rows on which they do not run into each other."""
    flags: list[Flag] = []
    taken: dict[int, float] = {}
    inside = [one for one in sorted(marks, key=lambda one: one.day) if span.since <= day_start(one.day) < span.until]
    for number, one in enumerate(inside, 1):
        x = span.x(day_start(one.day))
        wide = 2.5 + len(one.name) * _LETTER
        to_right = x + wide <= 100
        left, right = (x, x + wide) if to_right else (x - wide, x)
        row = next((row for row in range(6) if taken.get(row, -1.0) < left), 5)
        taken[row] = right
        flags.append(Flag(number, x, one.name[:_LONGEST_MARK], one.day, row, to_right))
    return tuple(flags)


# ---- Words ----


def _fresh(tracks: Sequence[Track], bracket: Bracket | None) -> int:
    """Count the ranges that began to serve without evidence in a time in which nothing was registered."""
    if bracket is None:
        return 0
    begins, ends = day_start(bracket.begins), day_start(bracket.ends)
    return sum(
        begins < track.serves[0].begins < ends
        and _state_at(track, track.serves[0].begins) in (ABSENT, UNPROVEN, UNKNOWN)
        for track in tracks
        if track.serves
    )


def _headline(fresh: int, bracket: Bracket | None) -> str:
    if bracket is None:
        return ""
    return f"{bracket.label}؛ در این میان {persian_digits(fresh)} بازه بی مدرک ثبت به فایل‌دادن آغاز کرد."


def _said(lanes: Sequence[Lane], bracket: Bracket | None, span: _Span) -> str:
    said = [
        f"خط زمان از {jalali.plain_date(span.since, year=True)} تا {jalali.plain_date(span.until, year=True)}، "
        f"{persian_digits(sum(lane.count for lane in lanes))} بازه در {persian_digits(len(lanes))} سرگذشت"
    ]
    if bracket:
        said.append(
            f"{bracket.label}، از {jalali.plain_date(bracket.begins, year=True)} "
            f"تا {jalali.plain_date(bracket.ends, year=True)}"
        )
    said += [f"{persian_digits(lane.count)} بازه: {lane.sentence.removesuffix('.')}" for lane in lanes[:6]]
    return "؛ ".join(said) + "."
