"""The ticket: showings, statements signed, and tickets verified, each beside the bare arithmetic it rests on."""

import hashlib
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from peyman.entrypoints import clock
from peyman.entrypoints.jobs.bench.figures import ROUNDS, Figure
from peyman.entrypoints.jobs.bench.scratch import scratch_database
from peyman.market.guard.actions import keys
from peyman.market.guard.actions.tickets import Booth
from peyman.market.guard.queries import keys as queries
from peyman.market.guard.rules.tickets import Bad, Verifier
from peyman.market.tariff.rules.guard import AddressEvidence, Decision, Evidence, LastList

SHOWINGS, STATEMENTS = 20_000, 2_000
MOST_ADDED = 20  # microseconds that the whole guard may add to a request


def bench_ticket(showings: int = SHOWINGS, statements: int = STATEMENTS) -> list[Figure]:
    """Measure each thing some rounds and take the best."""
    with scratch_database():
        now = clock.now()
        keys.sweep(now=now)
        return _measured(now, showings, statements)


def _measured(now: datetime, showings: int, statements: int) -> list[Figure]:
    decision = _decision(now)
    booth = Booth()

    def show() -> list[str]:
        return [
            booth.issue(decision=decision, object_="/apps/a.apk", account=f"PER-{n % 997}", now=now).token
            for n in range(showings)
        ]

    def state() -> list[str]:
        fresh = Booth()
        return [
            fresh.issue(decision=decision, object_=f"/apps/{n}.apk", account="", now=now).token
            for n in range(statements)
        ]

    tokens, others = show(), state()
    known = queries.own()
    private = Ed25519PrivateKey.generate()
    public, message = private.public_key(), b"x" * 140
    signature = private.sign(message)
    shown = showings / _best(show)
    signed = statements / _best(state)
    one_statement = showings / _best(lambda: _verified(Verifier(known), tokens))
    each_its_own = statements / _best(lambda: _verified(Verifier(known), others))
    bare_tag = showings / _best(lambda: _tags(showings))
    bare_sign = statements / _best(lambda: [private.sign(message) for _ in range(statements)])
    bare_verify = statements / _best(lambda: [public.verify(signature, message) for _ in range(statements)])
    return [
        Figure("ticket: showings of one statement", "tickets/s", shown, bare_tag, "the tag alone"),
        Figure("ticket: microseconds of a showing", "us", 1e6 / shown, MOST_ADDED, "what the guard may add"),
        Figure("ticket: each of another object", "tickets/s", signed, bare_sign, "the Ed25519 signature alone"),
        Figure("ticket: verified, one statement", "tickets/s", one_statement, bare_tag, "the tag alone"),
        Figure(
            "ticket: verified, each its own", "tickets/s", each_its_own, bare_verify, "the Ed25519 verification alone"
        ),
    ]


def _decision(now: datetime) -> Decision:
    ranges = tuple(
        AddressEvidence(f"185.143.{n}.0/24", 256, "registered", "admitted", None, None, True) for n in range(40)
    )
    snapshot = LastList("REG-2345-6789-ABCD-E", "2025-01-03", now)
    evidence = Evidence("mci", "mci/internet", ("apk",), snapshot, ranges, ())
    return Decision(True, "half", "admitted", now + timedelta(days=1), evidence)


def _verified(verifier: Verifier, tokens: list[str]) -> None:
    if any(isinstance(verifier.ticket(token), Bad) for token in tokens):
        raise RuntimeError("a ticket of ours did not verify")


def _tags(many: int) -> None:
    message, key = b"x" * 240, b"k" * 32
    for _ in range(many):
        hashlib.blake2b(message, key=key, digest_size=16).digest()


def _best(work: Callable[[], object]) -> float:
    """Return the seconds of the quickest round."""
    found = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return min(found)
