"""What the desk lists: runs with what they differ in, incidents with their steps, and what a step is judged by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch

from peyman.kernel.errors import Missing
from peyman.kernel.text import latin_digits
from peyman.market.incidents.models import AuditRun, Incident, Notice, SigningKey, Step, Stretch
from peyman.market.incidents.rules import signing
from peyman.market.incidents.rules.notice import Shown
from peyman.market.incidents.rules.runs import Difference, NewRun, difference
from peyman.market.incidents.rules.signing import Link
from peyman.market.incidents.rules.steps import Known
from peyman.market.tariff.models import Drift
from peyman.people.models import Person

SHOWN = 50
FULL_PRICE = ("ineligible", "unregistered", "pending")  # kinds of drift of which we know that operators bill in full


# ---- Runs ----


def runs(many: int = SHOWN) -> list[AuditRun]:
    """Return the runs, the last handed in first, with what took their place and their incidents: three queries."""
    rows = AuditRun.objects.select_related("made_by", "replaces").order_by("-made_at", "-pk")
    return list(rows.prefetch_related("replaced_by", "incidents")[:many])


def run(code: str) -> AuditRun:
    """Raises Missing where there is none of that code."""
    found = AuditRun.objects.select_related("made_by", "replaces").filter(code=typed(code)).first()
    if found is None:
        raise Missing
    return found


def as_read(of: AuditRun) -> NewRun:
    """Return a run as its folder said it."""
    return NewRun(
        of.sha256,
        of.folder,
        of.files,
        of.totals,
        of.intervals,
        of.operators,
        of.users,
        of.parameters,
        of.code_version,
        of.first_day,
        of.last_day,
    )


def difference_of(of: AuditRun) -> Difference | None:
    """Return how a run differs from the one that it replaces, None where it replaces none."""
    return difference(as_read(of.replaces), as_read(of)) if of.replaces else None


# ---- Incidents ----


def incidents(states: Sequence[str] = (), many: int = SHOWN) -> list[Incident]:
    """Return the incidents, the last opened first: three queries."""
    rows = Incident.objects.select_related("run").order_by("-opened_at", "-pk")
    if states:
        rows = rows.filter(state__in=states)
    held = Stretch.objects.filter(superseded_at=None).order_by("starts_at", "pk")
    return list(rows.prefetch_related(Prefetch("stretches", held, to_attr="standing"), "notices")[:many])


@dataclass(frozen=True)
class File:
    """All that is held of one incident."""

    incident: Incident
    stretches: list[Stretch]
    earlier: list[Stretch]  # that other runs took the place of
    steps: list[Step]
    notices: list[Notice]
    faults: list[str]  # of the chain of steps

    @property
    def notice(self) -> Notice | None:
        return self.notices[-1] if self.notices else None

    @property
    def is_counted(self) -> bool:
        return all(one.bytes is not None for one in self.stretches)


def incident(code: str) -> Incident:
    """Raises Missing where there is none of that code."""
    found = Incident.objects.select_related("run", "opened_by").filter(code=typed(code)).first()
    if found is None:
        raise Missing
    return found


def file(code: str) -> File:
    """Return one incident with everything, its chain of steps checked: five queries. Raises Missing."""
    found = incident(code)
    stretches = list(
        Stretch.objects.filter(incident=found).select_related("run").order_by("starts_at", "operator", "pk")
    )
    steps = list(Step.objects.filter(incident=found).select_related("by", "key").order_by("number"))
    notices = list(Notice.objects.filter(incident=found).select_related("run", "published_by").order_by("number"))
    return File(
        found,
        [one for one in stretches if one.superseded_at is None],
        [one for one in stretches if one.superseded_at is not None],
        steps,
        notices,
        signing.faults([link(one, found.code) for one in steps], {one.key.kid: one.key.public for one in steps}),
    )


def shown(of: Sequence[Stretch]) -> list[Shown]:
    """Return stretches that were counted, as a notice gives them."""
    return [
        Shown(
            tuple(one.edges),
            one.operator,
            one.cause,
            one.starts_at,
            one.ends_at,
            one.lines or 0,
            one.bytes or 0,
            one.rials_low,
            one.rials_high,
        )
        for one in of
    ]


def link(step: Step, incident: str) -> Link:
    """Return a step as the chain is checked by; its people, key loaded."""
    return Link(
        incident,
        step.number,
        step.event,
        step.to,
        step.at,
        step.by.code if step.by else "",
        step.reason,
        step.content,
        step.sha256,
        step.key.kid,
        step.signature,
    )


def known(of: Incident, *, by: str, reason: str, not_mended: Sequence[str] = ()) -> Known:
    """Return what a step of an incident is judged by: two queries."""
    checked = Step.objects.filter(incident=of, event__in=["confirm", "attach"]).select_related("by").order_by("number")
    last = checked.last()
    found = AuditRun.objects.filter(pk=of.run_id).first() if of.run_id else None
    return Known(
        by=by,
        reason=reason,
        run=found.code if found else "",
        run_state=found.state if found else "",
        differences=tuple(map(str, (found.recount or {}).get("differences", ()))) if found else (),
        checked_by=last.by.code if last and last.by else "",
        not_mended=tuple(not_mended),
    )


def all_chains() -> list[tuple[Incident, list[str]]]:
    """Return every incident with what is wrong with its chain of steps, and with its state: three queries."""
    publics = dict(SigningKey.objects.values_list("kid", "public"))
    steps: dict[int, list[Step]] = {}
    for step in Step.objects.select_related("by", "key").order_by("incident", "number"):
        steps.setdefault(step.incident_id, []).append(step)
    found = []
    for one in Incident.objects.order_by("pk"):
        links = [link(step, one.code) for step in steps.get(one.pk, [])]
        wrong = signing.faults(links, publics)
        if not links or links[-1].to != one.state:
            wrong.append(f"{one.code}: its state is not that of its last step")
        found.append((one, wrong))
    return found


def names(codes: Iterable[str]) -> dict[str, str]:
    """Return what people are called, by code: one query."""
    return dict(Person.objects.filter(code__in=set(codes)).values_list("code", "full_name"))


def drifts_without_incident() -> list[Drift]:
    """Return the drifts by which operators bill in full, that held and stand, and that no incident holds: two queries,
    one where none stands.
    """
    standing = list(Drift.objects.filter(kind__in=FULL_PRICE, alarmed_at__isnull=False, cleared_at=None).order_by("pk"))
    if not standing:
        return []
    held = {code for codes in Incident.objects.values_list("drifts", flat=True) for code in codes}
    return [row for row in standing if row.code not in held]


def waiting(now: datetime) -> int:
    """Return how many incidents wait for a person: detected or confirmed. One query."""
    return Incident.objects.filter(state__in=["detected", "confirmed"], opened_at__lte=now).count()


def typed(code: str) -> str:
    return latin_digits(code).strip().upper().replace("\0", "")[:40]
