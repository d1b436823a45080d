"""Whether we may say "half price" of a download now (B02, B07): decided from values, closed where one is missing.

`tariff.md` §3.7 is the rule. The message goes out at once with its evidence, and comes back only some time after the
last reason against it is gone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.prefixes import Network
from peyman.kernel.worktime import day_start
from peyman.market.tariff.rules import admission
from peyman.market.tariff.rules.drift import Part

HALF: Final = "half"
NEUTRAL: Final = "neutral"
ADMITTED: Final = "admitted"
RELIGHTING: Final = "relighting"
NOT_ADMITTED: Final = "not_admitted:"  # followed by the reason of admission

# About whoever asks, not about a delivery: nothing can be said before an address is known to be a customer's.
OF_CLIENT: Final = ("client_unreadable", "client_zoned", "client_private", "client_translated")
# What ends without a hold after it: nothing was wrong with what was served, or the hold after a due date is the hold.
WITHOUT_HOLD: Final = frozenset(
    {"unknown_isp", "no_delivery", "no_addresses", RELIGHTING, f"{NOT_ADMITTED}not_due", f"{NOT_ADMITTED}hold"}
)
AT_MOST: Final = timedelta(days=1)  # for which a decision is relied on, whatever was forgotten
_TICK: Final = timedelta.resolution
_EVERYBODY: Final = ""


# ---- What is decided from ----


@dataclass(frozen=True, slots=True)
class LastList:
    """The last good list: until when it speaks for itself (the end of its day in Tehran, or its instant)."""

    code: str
    says_when: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Way:
    """A delivery that serves the object to the operator; `dark_because`: why staff keep it dark, blank where not."""

    name: str
    dark_because: str = ""


@dataclass(frozen=True, slots=True)
class Range(Part):
    """A part that may serve the object; `is_drifting`: some of its addresses lie in a drift that is not cleared."""

    is_drifting: bool = False

    def meets(self, network: Network) -> bool:
        return (
            network.version == self.first.version
            and int(network.network_address) <= int(self.last)
            and int(self.first) <= int(network.broadcast_address)
        )


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident that is not closed: on which addresses (none named: all), of which operators ("": of all)."""

    networks: tuple[Network, ...]
    operators: tuple[str, ...]
    code: str = ""

    def touches(self, operator: str, ranges: Sequence[Range]) -> bool:
        """Say whether it names any of the addresses, for whomever; where it names none, whether it names the operator.

        One that names neither touches everything.
        """
        if self.networks:
            return any(one.meets(network) for network in self.networks for one in ranges)
        return not self.operators or _EVERYBODY in self.operators or operator in self.operators


@dataclass(frozen=True, slots=True)
class ContraryProbe:
    """A measurement by which `operator` ("": any) bills what comes from `network` in full."""

    operator: str
    network: Network


@dataclass(frozen=True, slots=True)
class Dark:
    """It was found dark from `since` on, and found in order at `gone_at` (None: not yet)."""

    reason: str
    since: datetime
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """The guard's parameters."""

    list_age: timedelta = timedelta(hours=48)  # of the last good list; at this very age it is still young enough
    hold: timedelta = timedelta(days=3)  # after a due date
    relight: timedelta = timedelta(minutes=30)  # after the last reason went away


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known, at one instant, of one object's way to the customers of one operator.

    `operator` is blank where the client's address is nobody's that we know. `rate`: what the operator's verified row of
    the tariff is called, None where there is none. `is_held_back`: lists came, and none was good. `changes`: instants
    at which any of this changes by itself.
    """

    operator: str
    rate: str | None
    ways: tuple[Way, ...]
    ranges: tuple[Range, ...]
    last_list: LastList | None
    is_held_back: bool = False
    incidents: tuple[OpenIncident, ...] = ()
    probes: tuple[ContraryProbe, ...] = ()
    darks: tuple[Dark, ...] = ()
    changes: tuple[datetime, ...] = ()
    limits: Limits = field(default_factory=Limits)


# ---- What comes of it ----


@dataclass(frozen=True, slots=True)
class AddressEvidence:
    """What is said of neighbouring addresses: admitted or why not, and from when their dates allow it."""

    range: str
    addresses: int
    status: str
    reason: str
    due: date | None
    since: datetime | None
    admitted: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why: which list, which addresses, which operator and rate, and every reason there is against it."""

    operator: str
    rate: str | None
    deliveries: tuple[str, ...]
    snapshot: LastList | None
    addresses: tuple[AddressEvidence, ...]
    against: tuple[str, ...]  # empty where it is allowed; the first is the reason
    incidents: tuple[str, ...] = ()
    dark_because: tuple[str, ...] = ()
    relit_at: datetime | None = None  # when it is lit again if nothing new comes up; None: not known, or not dark


@dataclass(frozen=True, slots=True)
class Decision:
    """May we say it? It can be relied on in `at` ≤ t < `until`, as long as nothing is learned in between."""

    allowed: bool
    wording: str
    reason: str
    until: datetime
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Judged:
    """The addresses of a way, judged once for all operators: `against` are the reasons of those not admitted."""

    evidence: tuple[AddressEvidence, ...]
    against: tuple[str, ...]
    changes: tuple[datetime, ...]


# ---- Deciding ----


@carries_out("B02")
def decide(facts: Facts, at: datetime, judged: Judged | None = None) -> Decision:
    """Say whether the message may be shown at `at`: only where nothing whatever speaks against it.

    `judged`: what `judge` says of the same addresses, list and instant, where somebody has asked already.
    """
    judged = judged or judge(facts.ranges, facts.last_list, at, facts.limits)
    against = tuple(dict.fromkeys(_against(facts, at, judged)))
    if not against and any(_is_dark(one, at, facts.limits.relight) for one in facts.darks):
        against = (RELIGHTING,)
    evidence = Evidence(
        operator=facts.operator,
        rate=facts.rate,
        deliveries=tuple(way.name for way in facts.ways),
        snapshot=facts.last_list,
        addresses=judged.evidence,
        against=against,
        incidents=tuple(one.code for one in facts.incidents if one.touches(facts.operator, facts.ranges)),
        dark_because=tuple(way.dark_because for way in facts.ways if way.dark_because),
        relit_at=_relit_at(facts, at) if against == (RELIGHTING,) else None,
    )
    reason = against[0] if against else ADMITTED
    until = min((moment for moment in _changes(facts, judged) if moment > at), default=at + AT_MOST)
    return Decision(not against, NEUTRAL if against else HALF, reason, min(until, at + AT_MOST), evidence)


def refuse(reason: str, at: datetime, until: datetime) -> Decision:
    """Return the neutral answer where no way was looked for: the client's address says nothing, or nothing is known."""
    return Decision(False, NEUTRAL, reason, min(until, at + AT_MOST), Evidence("", None, (), None, (), (reason,)))


@carries_out("B02")
def showing_until(decision: Decision, at: datetime, life: timedelta) -> datetime:
    """Return until when a page or ticket may go by a decision: minutes, since much is learned without notice."""
    return min(decision.until, at + life)


@carries_out("B07")
def judge(ranges: Iterable[Range], last_list: LastList | None, at: datetime, limits: Limits) -> Judged:
    """Judge every address that may serve: admitted, or why not (rules.admission)."""
    is_fresh = last_list is not None and at - last_list.ends_at <= limits.list_age
    evidence: list[AddressEvidence] = []
    changes: list[datetime] = []
    for one in ranges:
        said = admission.admit(
            one.status,
            one.reason,
            one.due,
            at,
            hold=limits.hold,
            is_fresh=is_fresh,
            is_drifting=one.is_drifting,
        )
        evidence.append(
            AddressEvidence(
                one.range,
                one.addresses,
                one.status,
                said.reason,
                one.due,
                said.since,
                said.admitted,
            )
        )
        if one.due is not None:
            due = day_start(one.due)
            changes += [due, due + limits.hold]
    against = dict.fromkeys(f"{NOT_ADMITTED}{one.reason}" for one in evidence if not one.admitted)
    return Judged(tuple(evidence), tuple(against), tuple(changes))


def _against(facts: Facts, at: datetime, judged: Judged) -> Iterator[str]:
    """Yield every reason that stands against it, the one to name first."""
    if not facts.operator:
        yield "unknown_isp"
    if not facts.ways:
        yield "no_delivery"
    elif not judged.evidence:
        yield "no_addresses"
    if any(way.dark_because for way in facts.ways):
        yield "forced_dark"
    if facts.last_list is None:
        yield "only_held_back" if facts.is_held_back else "no_history"
    elif at - facts.last_list.ends_at > facts.limits.list_age:
        yield "list_too_old"
    if any(one.touches(facts.operator, facts.ranges) for one in facts.incidents):
        yield "open_incident"
    yield from (reason for reason in judged.against if reason != f"{NOT_ADMITTED}list_too_old")
    if any(
        one.operator in (facts.operator, _EVERYBODY) and any(each.meets(one.network) for each in facts.ranges)
        for one in facts.probes
    ):
        yield "contrary_probe"
    if facts.operator and facts.rate is None:
        yield "tariff_unverified"


def _is_dark(one: Dark, at: datetime, relight: timedelta) -> bool:
    return one.since <= at and (one.gone_at is None or at < one.gone_at + relight)


def _relit_at(facts: Facts, at: datetime) -> datetime | None:
    """Return when the last hold is over, where every reason is known to be gone."""
    ends = [
        None if one.gone_at is None else one.gone_at + facts.limits.relight
        for one in facts.darks
        if _is_dark(one, at, facts.limits.relight)
    ]
    return None if None in ends else max(filter(None, ends), default=None)


def _changes(facts: Facts, judged: Judged) -> Iterator[datetime]:
    """Yield every instant at which the decision may become another one by itself."""
    yield from facts.changes
    yield from judged.changes
    if facts.last_list is not None:
        yield facts.last_list.ends_at + facts.limits.list_age + _TICK
    for one in facts.darks:
        yield one.since
        if one.gone_at is not None:
            yield one.gone_at + facts.limits.relight


def begins_a_spell(reason: str) -> bool:
    """Say whether what was dark for this reason is lit again only after the hold."""
    return reason != ADMITTED and reason not in WITHOUT_HOLD
