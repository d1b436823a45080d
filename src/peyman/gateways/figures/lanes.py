"""Lanes: ranges with the same story, what is drawn of them and what is said."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

from peyman.gateways.figures.axis import LETTER, Span
from peyman.gateways.figures.values import (
    ABSENT,
    AFTER,
    BEFORE,
    CLAIMED,
    FAULTY,
    GONE,
    INELIGIBLE,
    NOT_DUE,
    PARTIAL,
    PENDING,
    REGISTERED,
    UNKNOWN,
    UNPROVEN,
    WORDS,
    Stretch,
    Track,
)
from peyman.kernel import jalali
from peyman.kernel.text import persian_digits
from peyman.kernel.worktime import DAY, day_start

_LABELS = {
    ABSENT: "نبود",
    GONE: "رفته",
    NOT_DUE: "پیش از موعد",
    BEFORE: "نمی‌دانیم",
    AFTER: "نمی‌دانیم",
    UNPROVEN: "بی‌مدرک",
    PARTIAL: "بخشی",
    INELIGIBLE: "ثبت‌نشدنی",
    "unlisted": "رفته",
}

REGISTRY, SERVES, SERVES_AT = 22, 10, 28  # pixels: height of the upper bar, of the lower, and where that one begins
_NARROWEST_LABEL, _NARROWEST_DUE = 5.0, 9.0


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


def clip(track: Track, span: Span) -> Track:
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


def lanes(tracks: Sequence[Track], span: Span, now: datetime) -> tuple[tuple[Lane, ...], set[str]]:
    stories: dict[object, list[Track]] = defaultdict(list)
    for track in tracks:
        if track.serves or any(one.state in (REGISTERED, CLAIMED, PENDING, PARTIAL) for one in track.registry):
            stories[track.serves, track.registry, track.note].append(track)
    end = min(now, span.until)
    ordered = sorted(stories.values(), key=lambda same: _rank(same[0], len(same), end))
    told = tuple(_lane(same, span, now) for same in ordered)
    used = {bar.kind for lane in told for bar in lane.bars} - {"serves", "unlisted"}
    return told, used


def _rank(track: Track, count: int, now: datetime) -> tuple[object, ...]:
    """What is wrong now comes first, then what was wrong longest, then the many before the few, the early first."""
    state = _now(track, now)
    is_wrong_now = state in FAULTY and _is_serving(track, now)
    wrong = sum((time for state, time in _served(track, now).items() if state in FAULTY), timedelta())
    begins = min((one.begins for one in (*track.serves, *track.registry)), default=now)
    return (not is_wrong_now, -wrong * count, -count, begins, track.prefix)


def _lane(same: Sequence[Track], span: Span, now: datetime) -> Lane:
    track = same[0]
    bars: list[Bar] = []
    for one in track.registry:
        for begins, ends, serving in _split(one, track.serves):
            kind = one.state
            if not serving and kind in (UNPROVEN, UNKNOWN, BEFORE, AFTER, ABSENT, NOT_DUE, INELIGIBLE):
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
        bars=_said_once(joined(bars)),
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


def _bars(kind: str, begins: datetime, ends: datetime, span: Span, now: datetime, of: Stretch) -> Iterable[Bar]:
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
        words = "؛ ".join([*said, "ندیده‌ایم"] if kind == CLAIMED else said)
        return words if len(words) * LETTER <= width else ""
    return _LABELS.get(kind, "") if width >= _NARROWEST_LABEL else ""


def joined(bars: Sequence[Bar]) -> tuple[Bar, ...]:
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
        NOT_DUE: ("broken", "پیش از موعد"),
        UNKNOWN: ("", "نامعلوم"),
        BEFORE: ("", "نامعلوم"),
        AFTER: ("", "نامعلوم"),
        UNPROVEN: ("", "نامعلوم"),
        ABSENT: ("broken", "ثبت‌نشده"),
        GONE: ("broken", "از فهرست رفته"),
        PARTIAL: ("time", "بخشی ثبت"),
        INELIGIBLE: ("broken", "ثبت‌نشدنی"),
    }[state]


def _sentence(track: Track, span: Span, now: datetime) -> str:
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
    if times.get(NOT_DUE, timedelta()) >= DAY:
        said.append(f"{days_words(times[NOT_DUE])} میان دو نسخه و پیش از موعد")
    where = {BEFORE: " (پیش از نخستین نسخه ما)", AFTER: " (پس از آخرین نسخه ما)", UNKNOWN: ""}
    for state, part in where.items():
        if times.get(state, timedelta()) >= DAY:
            said.append(f"{days_words(times[state])} نامعلوم{part}")
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


def state_at(track: Track, at: datetime) -> str:
    return next((one.state for one in track.registry if one.begins <= at < one.ends), UNKNOWN)
