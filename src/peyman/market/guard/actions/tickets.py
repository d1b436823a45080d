"""Issuing tickets: the receipt of each showing of the message, without a write for each download (clause B03)."""

import os
import threading
import time
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import structlog
from django.db import IntegrityError, transaction

from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Refused
from peyman.market.guard.models import Statement
from peyman.market.guard.queries import keys as queries
from peyman.market.guard.rules import tickets as rules
from peyman.market.guard.rules import wording
from peyman.market.guard.rules.keyring import NoKey
from peyman.market.guard.rules.tickets import Said, Signed, SigningKey
from peyman.market.tariff.rules.guard import Decision, Evidence

log = structlog.get_logger()

WINDOW: Final = 60  # seconds of showings that one signature serves
LIFE: Final = 600  # seconds for which a ticket is good, from the beginning of its window
_SHORTEST: Final = 30  # seconds that a ticket must have left to be worth showing
_KEY_LOOK: Final = 60.0  # seconds after which a process asks again which key signs
_MOST_SIGNED, _MOST_STATED = 50_000, 2_000  # that a process remembers


class NothingToSay(Refused):
    """The message may not be shown, so there is nothing a ticket could state."""

    code, clause = "nothing_to_say", "B02"
    says = "بلیتی صادر نشد، چون پیام نیم‌بها برای این دانلود گفتنی نیست."


class Issued(NamedTuple):
    """One ticket, and until when it is good."""

    token: str
    expires_at: datetime
    statement: str
    wording: int


class _Ready(NamedTuple):
    """A signed statement, shown in starts ≤ t < until (seconds)."""

    signed: Signed
    starts: int
    until: int
    naming: bytes
    expires_at: datetime
    statement: str
    wording: int


def evidence_of(found: Evidence, words: wording.Wording) -> dict[str, Any]:
    """Return what a statement rests on, as it is kept and hashed."""
    snapshot = found.snapshot
    if snapshot is None or not found.operator:
        raise NothingToSay
    return {
        "version": 1,
        "operator": found.operator,
        "deliveries": list(found.deliveries),
        "addresses": [
            {
                "range": one.range,
                "addresses": one.addresses,
                "status": one.status,
                "due": one.due.isoformat() if one.due else None,
                "admitted_from": jalali.iso(one.since) if one.since else None,
            }
            for one in found.addresses
        ],
        "snapshot": {"code": snapshot.code, "says_when": snapshot.says_when, "ends_at": jalali.iso(snapshot.ends_at)},
        "rate": found.rate,
        "wording": {"number": words.number, "sha256": words.sha256},
    }


@carries_out("B03")
def state(*, evidence: Evidence, words: wording.Wording, now: datetime) -> bytes:
    """Write down what tickets rest on, once for each such content, and return its code. Raises NothingToSay."""
    content = rules.content(evidence_of(evidence, words))
    code = rules.code_of(content)
    if not Statement.objects.filter(code=code.hex()).exists():
        try:
            with transaction.atomic():
                Statement.objects.create(
                    code=code.hex(),
                    content=content,
                    operator=evidence.operator,
                    snapshot=evidence.snapshot.code if evidence.snapshot else "",
                    wording=words.number,
                    recorded_at=now,
                )
            log.info("statement.recorded", code=code.hex(), snapshot=evidence.snapshot and evidence.snapshot.code)
        except IntegrityError:  # another worker stated the same
            log.info("statement.known", code=code.hex())
    return code


class Booth:
    """Issues the tickets of one process. A statement is signed once for each object, operator and window of time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: SigningKey | None = None
        self._looked = float("-inf")
        self._stated: dict[int, tuple[Evidence, bytes]] = {}
        self._signed: dict[tuple[int, str], _Ready] = {}

    @carries_out("B03")
    def issue(self, *, decision: Decision, object_: str, account: str, now: datetime) -> Issued:
        """Return the ticket of one showing to `account` (a code of a person, "" for nobody).

        It is good for minutes, and no longer than the decision. Raises NothingToSay where the message may not be shown,
        NoKey where nothing signs.
        """
        if not decision.allowed:
            raise NothingToSay
        if object_[:1] != "/":
            object_ = f"/{object_}"
        second = rules.seconds(now)
        ready = self._signed.get((id(decision.evidence), object_))
        if ready is None or not ready.starts <= second < ready.until or time.monotonic() - self._looked > _KEY_LOOK:
            ready = self._sign(decision, object_, second, now)
        account_name = _pseudonym(ready.naming, account)
        token = ready.signed.show(grant=os.urandom(12), account=account_name, at=second)
        return Issued(token, ready.expires_at, ready.statement, ready.wording)

    def _sign(self, decision: Decision, object_: str, second: int, now: datetime) -> _Ready:
        with self._lock:
            if not rules.is_object(object_):
                raise NothingToSay
            key = self._signing(second, now)
            evidence = decision.evidence
            known = self._stated.get(id(evidence))
            if known is None:
                known = evidence, state(evidence=evidence, words=wording.CURRENT, now=now)
                self._stated[id(evidence)] = known
            starts = max(second - second % WINDOW, key.signs_from)
            # Half-open, in whole seconds: never a second longer than the decision.
            life = min(LIFE, rules.seconds(decision.until) - starts)
            if starts + life - second < _SHORTEST:
                raise NothingToSay
            snapshot = evidence.snapshot
            signed = rules.sign(
                Said(
                    object=object_,
                    operator=evidence.operator,
                    starts=starts,
                    life=life,
                    wording=wording.CURRENT.number,
                    statement=known[1],
                    snapshot=snapshot.code if snapshot else "",
                ),
                key,
            )
            if len(self._signed) >= _MOST_SIGNED or len(self._stated) >= _MOST_STATED:
                self._signed.clear()
                self._stated.clear()
                self._stated[id(evidence)] = known
            until = min(starts + WINDOW, starts + life - _SHORTEST + 1, key.signs_until)
            expires_at = rules.instant(starts + life)
            ready = _Ready(signed, starts, until, key.naming, expires_at, known[1].hex(), wording.CURRENT.number)
            self._signed[id(evidence), object_] = ready
            return ready

    def _signing(self, second: int, now: datetime) -> SigningKey:
        key = self._key
        if key is None or time.monotonic() - self._looked > _KEY_LOOK or not key.signs_from <= second < key.signs_until:
            key = queries.signing(now)
            if key is None or self._key is None or key.kid != self._key.kid:
                self._signed.clear()
            self._key, self._looked = key, time.monotonic()
        if key is None:
            raise NoKey
        return key


_pseudonym = lru_cache(maxsize=50_000)(rules.pseudonym)


@lru_cache(maxsize=1)
def booth() -> Booth:
    """Return the booth of this process."""
    return Booth()


def issue(*, decision: Decision, object_: str, account: str, now: datetime) -> Issued:
    """Return the ticket of one showing: Booth.issue of this process."""
    return booth().issue(decision=decision, object_=object_, account=account, now=now)


def good_for() -> timedelta:
    """Return the longest that a ticket is good."""
    return timedelta(seconds=LIFE)
