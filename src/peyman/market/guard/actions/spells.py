"""When a delivery went dark for an operator, and when it was found in order again: so that it is relit slowly (B02)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

import structlog
from django.db import transaction
from django.db.models import F

from peyman.kernel.clauses import carries_out
from peyman.market.guard.models import Spell, Watch
from peyman.market.guard.queries import scene
from peyman.market.guard.queries.scene import Scene, Serving
from peyman.market.tariff.rules import guard as rules
from peyman.market.tariff.rules.guard import Decision

Verdict = tuple[Serving, str, Decision]  # on a delivery, for an operator

log = structlog.get_logger()


@dataclass(frozen=True)
class Noted:
    """How many spells of darkness began, and how many ended."""

    began: int
    ended: int

    @property
    def count(self) -> int:
        return self.began + self.ended


def note(*, now: datetime) -> Noted:
    """Take down what went dark and what is in order again, where anything moved or a time has come.

    Two queries where nothing did; what every tick pays. Any number of workers may do it: a spell begins and ends once.
    """
    watch, _ = Watch.objects.get_or_create(pk=1)
    if watch.mark == _mark(scene.mark()) and (watch.next_at is None or now < watch.next_at):
        return Noted(0, 0)
    found = scene.read(now)
    verdicts = _verdicts(found)
    noted = _note(verdicts, now)
    # What was written just now is no reason to look again; what others wrote meanwhile shows in the next mark.
    seen = scene.moved(found.mark) if noted.count else found.mark
    Watch.objects.filter(pk=watch.pk).update(mark=_mark(seen), next_at=_next(verdicts, found.at))
    return noted


def _verdicts(found: Scene) -> list[Verdict]:
    return [
        (one, operator, found.decide((one.name,), operator, darks=False))
        for one in found.deliveries
        for operator in found.operators
    ]


def _mark(of: str) -> str:
    digest = blake2b(repr(scene.limits()).encode(), digest_size=8).hexdigest()
    return f"{of}#{digest}"


@carries_out("B02")
@transaction.atomic
def _note(verdicts: Sequence[Verdict], now: datetime) -> Noted:
    open_ = {(row.delivery, row.operator): row for row in Spell.objects.filter(gone_at=None)}
    coming: list[Spell] = []
    going: list[Spell] = []
    for one, operator, decision in verdicts:
        if not one.is_for(operator):
            continue
        reason = next(filter(rules.begins_a_spell, decision.evidence.against), "")
        known = open_.pop((one.name, operator), None)
        if reason and known is None:
            coming.append(Spell(delivery=one.name, operator=operator, reason=reason, since=now))
        elif not reason and known is not None:
            going.append(known)
    # A delivery or an operator that is no more has nothing that could be relit.
    going += open_.values()
    if not coming and not going:
        return Noted(0, 0)
    Watch.objects.filter(pk=1).update(edition=F("edition") + 1)
    made = Spell.objects.bulk_create(coming, ignore_conflicts=True)
    ended = 0
    for row in going:
        ended += Spell.objects.filter(pk=row.pk, gone_at=None).update(gone_at=max(now, row.since))
    log.info("guard.noted", dark=len(made), in_order=ended)
    return Noted(len(made), ended)


def _next(verdicts: Sequence[Verdict], at: datetime) -> datetime:
    """Return the next instant at which a verdict may change by itself."""
    return min((decision.until for _, _, decision in verdicts), default=at + rules.AT_MOST)
