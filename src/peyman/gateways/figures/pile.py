"""How many ranges serve in each state, piled up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from peyman.gateways.figures.axis import LETTER, Span
from peyman.gateways.figures.lanes import Bar, joined, state_at
from peyman.gateways.figures.values import SHORT, STATES, Track
from peyman.kernel import jalali
from peyman.kernel.text import persian_digits

SUM_TOP, SUM_HEIGHT = 10, 140
_NARROWEST_SUM_LABEL = 2.5  # percent of the span that a number needs


@dataclass(frozen=True)
class Level:
    y: float
    count: int


def pile(
    tracks: Sequence[Track], span: Span, now: datetime
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
            state_at(track, begins) for track in tracks if any(one.begins <= begins < one.ends for one in track.serves)
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
                f"{SHORT[state]}: {persian_digits(states[state])} بازه، "
                f"{jalali.plain_date(begins, year=True)} تا {jalali.plain_date(ends, year=True)}"
            )
            piled.append(Bar(state, x, round(x2 - x, 2), round(floor - height, 1), height, title=title))
            floor -= height
    piled.sort(key=lambda bar: (STATES.index(bar.kind), bar.x))
    return joined(piled), _sum_words(counts, span, most), _levels(most), most


def _sum_words(counts: Sequence[tuple[datetime, datetime, Counter[str]]], span: Span, most: int) -> tuple[Bar, ...]:
    """Name each state once, where it has most room."""
    best: dict[str, tuple[float, Bar]] = {}
    for begins, ends, states in counts:
        x, x2 = span.x(begins), span.x(ends)
        floor = float(SUM_TOP + SUM_HEIGHT)
        for state in STATES:
            height = states[state] / most * SUM_HEIGHT
            if height >= 15 and x2 - x >= _NARROWEST_SUM_LABEL and (x2 - x) * height > best.get(state, (0.0, None))[0]:
                middle = round(floor - height / 2 + 4, 1)
                words = f"{persian_digits(states[state])} بازه {SHORT[state]}"
                if len(words) * LETTER > x2 - x:
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
