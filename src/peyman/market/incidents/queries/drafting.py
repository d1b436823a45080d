"""A notice before it is published: the draft from the facts, and all that it would say."""

from datetime import datetime
from typing import Any

from peyman.kernel.clauses import carries_out
from peyman.market.incidents.models import AuditRun, Incident, Notice, Stretch
from peyman.market.incidents.queries.desk import shown
from peyman.market.incidents.queries.lanes import lanes
from peyman.market.incidents.queries.who_knew import who_knew
from peyman.market.incidents.rules import notice as rules
from peyman.market.incidents.rules.notice import Words


def draft(incident: Incident, *, contact: str, signer: str, now: datetime) -> Words:
    """Return the words to begin with: those of the last version, or those that the facts give: two queries."""
    stretches = list(Stretch.objects.filter(incident=incident, superseded_at=None).order_by("starts_at", "pk"))
    return rules.draft(shown(stretches), now=now, contact=contact, signer=signer)


def last(incident: Incident) -> Notice | None:
    """Return the last published version, if any: one query."""
    return Notice.objects.filter(incident=incident).order_by("number").last()


@carries_out("B11")
def said(incident: Incident, run: AuditRun, words: Words, *, number: int, now: datetime) -> dict[str, Any]:
    """Return all that a version would say if it were published now: its words, and the figures of the run."""
    stretches = Stretch.objects.filter(incident=incident, superseded_at=None).order_by("starts_at", "operator", "pk")
    return rules.content(
        incident=incident.code,
        number=number,
        words=words,
        run=run.code,
        run_sha256=run.sha256,
        totals=run.totals,
        operators=run.operators,
        users=run.users,
        stretches=shown(list(stretches)),
        facts=[one.as_json() for one in who_knew(incident, now)],
        lanes=lanes(incident, now),
        opened_at=incident.opened_at,
        now=now,
    )
