"""Before anything moves, staff see what would: the same words for holidays, pauses and their ends."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest

from peyman.kernel.text import whole_number
from peyman.promises import queries, rules

_SHOWN = 200


@dataclass(frozen=True)
class Preview:
    """What an edit would move. `seen` is the version of the calendar that it was counted by."""

    seen: int
    moves: list[queries.Move]
    total: int
    overdue: int  # promises whose time would have passed already
    stopping: int  # promises whose clock would stand

    @property
    def rest(self) -> int:
        return self.total - len(self.moves)


def preview(seen: int, by: rules.Reckoning, now: datetime) -> Preview:
    """Count what `by` would move; the overdue ones are shown first."""
    found = sorted(queries.what_moves(by, now), key=lambda move: not move.overdue)
    return Preview(
        seen=seen,
        moves=found[:_SHOWN],
        total=len(found),
        overdue=sum(move.overdue for move in found),
        stopping=sum(move.new.held_since is not None and move.old.held_since is None for move in found),
    )


def is_confirmed(request: HttpRequest) -> bool:
    """Say whether this form confirms what its preview showed."""
    return request.POST.get("step") == "confirm"


def seen_of(request: HttpRequest) -> int:
    """Return the version whose preview was confirmed; 0 for a form that does not say."""
    try:
        return whole_number(request.POST.get("seen", ""))
    except ValueError:
        return 0
