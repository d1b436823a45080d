"""The guard's answer for every door: its text in the wording of now, its reasons and its evidence."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.market.guard.rules import wording
from peyman.market.tariff.rules import guard as rules
from peyman.market.tariff.rules.guard import AddressEvidence, Decision
from peyman.market.tariff.rules.says import address_reason, guard_reason


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a download, until when it may be leant on, and in which version of the wording."""

    text: str
    scope: str
    version: int
    until: datetime


@carries_out("B02")
def said(decision: Decision, at: datetime) -> Said:
    """Return what to say: "half price" for a decision that allows it, in every other case the neutral text."""
    until = rules.showing_until(decision, at, settings.GUARD_SHOWING)
    current = wording.CURRENT
    if decision.wording == rules.HALF:
        scope = current.scope.format(operator=decision.evidence.operator, until=jalali.moment(until))
        return Said(current.half, scope, current.number, until)
    return Said(current.neutral, current.why, current.number, until)


def as_json(decision: Decision, at: datetime) -> dict[str, object]:
    """Return a decision with all its evidence."""
    told, evidence = said(decision, at), decision.evidence
    look = evidence.snapshot
    return {
        "allowed": decision.allowed,
        "wording": decision.wording,
        "wording_version": told.version,
        "text": told.text,
        "scope": told.scope,
        "reason": decision.reason,
        "reason_text": guard_reason(decision.reason),
        "against": [{"reason": code, "text": guard_reason(code)} for code in evidence.against],
        "until": jalali.iso(told.until),
        "relied_until": jalali.iso(decision.until),
        "relit_at": jalali.iso(evidence.relit_at) if evidence.relit_at else None,
        "operator": evidence.operator or None,
        "rate": evidence.rate,
        "deliveries": list(evidence.deliveries),
        "dark_because": list(evidence.dark_because),
        "incidents": list(evidence.incidents),
        "snapshot": {"code": look.code, "seen_at": look.says_when} if look else None,
        "addresses": [_address(one) for one in evidence.addresses],
    }


def _address(one: AddressEvidence) -> dict[str, object]:
    return {
        "range": one.range,
        "addresses": one.addresses,
        "admitted": one.admitted,
        "status": one.status,
        "reason": one.reason,
        "reason_text": address_reason(one.reason),
        "due": one.due.isoformat() if one.due else None,
        "admitted_from": jalali.iso(one.since) if one.since else None,
    }
