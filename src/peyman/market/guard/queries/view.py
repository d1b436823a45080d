"""The guard in memory: every verdict compiled, answered without a query, and replaced whole when anything moves.

A process asks at most once a second whether anything moved. A decision is made from one view, so from one edition.
"""

import threading
import time
from datetime import datetime, timedelta
from functools import lru_cache
from socket import AF_INET, inet_pton
from typing import Final

from django.conf import settings

from peyman.kernel.clauses import carries_out
from peyman.market.guard.queries import scene
from peyman.market.guard.queries.scene import Customers, Names, Scene
from peyman.market.guard.rules.lookup import BLOCK, OPERATORS, PRIVATE, TRANSLATED, UNKNOWN, UNREADABLE, ZONED, Lookup
from peyman.market.guard.rules.objects import Objects
from peyman.market.tariff.rules import guard as rules
from peyman.market.tariff.rules.guard import Decision

_OF_CLIENT: Final = {
    PRIVATE: "client_private",
    TRANSLATED: "client_translated",
    UNREADABLE: "client_unreadable",
    ZONED: "client_zoned",
}
_BEHIND: Final = timedelta(seconds=5)  # so far apart two threads may have read the clock
_from_bytes = int.from_bytes


class View:
    """All verdicts that hold in `at` ≤ t < `until`, from one scene. Never changed."""

    __slots__ = ("_by_block", "_cells", "_number", "at", "customers", "lookup", "mark", "scene", "until")

    def __init__(self, of: Scene) -> None:
        self.scene = of
        self.at, self.mark = of.at, of.mark
        self.customers: Customers = of.customers
        self.lookup: Lookup = of.customers.lookup
        self._by_block = self.lookup.by_block.get
        compiled = Objects(one.pattern for one in of.deliveries)
        self._number = compiled.number
        by_pattern: dict[str, list[str]] = {}
        for one in of.deliveries:
            by_pattern.setdefault(one.pattern, []).append(one.name)
        names = [
            tuple(sorted(name for pattern in patterns for name in by_pattern[pattern])) for patterns in compiled.sets
        ]
        self._cells = tuple(self._row(each) for each in names)
        soonest = min((cell.until for row in self._cells for cell in row), default=of.at + rules.AT_MOST)
        self.until = min([soonest, *of.changes[:1]])

    def _row(self, names: Names) -> tuple[Decision, ...]:
        """Return the verdicts on what these deliveries serve, by the code of an operator."""
        until = min([self.at + rules.AT_MOST, *self.scene.changes[:1]])
        nobody = self.scene.decide(names, "")
        told = [
            nobody if code == UNKNOWN else rules.refuse(_OF_CLIENT[code], self.at, until) for code in range(OPERATORS)
        ]
        return (*told, *self.scene.decide_for_all(names, self.lookup.operators[OPERATORS:]))

    def holds_at(self, at: datetime) -> bool:
        return self.at <= at < self.until

    @carries_out("B02")
    def decide(self, object_: str, client: str, at: datetime) -> Decision:
        """Say whether "half price" may be said of an object to whoever has this address; whatever they are, an answer.

        For an instant that the view is not of, nothing is known: neutral.
        """
        if not self.at <= at < self.until:
            return rules.refuse("not_current", at, at)
        try:
            number = _from_bytes(inet_pton(AF_INET, client), "big")
            code = self._by_block(number >> BLOCK)
            if code is None:
                code = self.lookup.v4(number)
        except (OSError, ValueError):
            code = self.lookup.of(client)
        return self._cells[self._number(object_)][code]

    def operator(self, client: str) -> str:
        """Return whose customer an address is, "" where it is nobody's that we know."""
        return self.lookup.operators[self.lookup.of(client)]


# ---- The one that holds now ----


class _Holder:
    """The view of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.view: View | None = None
        self.looked = 0.0  # when it was asked last whether anything moved; of the monotonic clock

    def current(self, now: datetime) -> View:
        found = self.view
        if found is not None and self._holds(found, now) and time.monotonic() - self.looked < settings.GUARD_LOOK:
            return found
        with self.lock:
            found = self.view
            begun = time.monotonic()
            if found is not None and self._holds(found, now):
                if begun - self.looked < settings.GUARD_LOOK:
                    return found
                if found.mark == scene.mark() and found.scene.limits == scene.limits():
                    self.looked = begun
                    return found
            made = View(scene.read(now, found.scene if found else None))
            self.view, self.looked = made, begun
            return made

    @staticmethod
    def _holds(view: View, now: datetime) -> bool:
        return view.at - _BEHIND <= now < view.until


@lru_cache(maxsize=1)
def _holder() -> _Holder:
    return _Holder()


def view(now: datetime) -> View:
    """Return what holds now. At most one small query a second for each process, and a dozen when anything moved.

    Raises what `scene.read` raises, and OperationalError where the database is away: whoever asks says nothing then.
    """
    return _holder().current(now)


@carries_out("B02")
def decide(object_: str, client: str, now: datetime) -> Decision:
    """Say whether "half price" may be said of an object, now, to whoever has this address."""
    found = view(now)
    return found.decide(object_, client, max(now, found.at))


def at(moment: datetime) -> View:
    """Return what the history says of another instant, by what we believe now; compiled for this one question."""
    return View(scene.read(moment))
