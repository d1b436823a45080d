"""What anybody may read: published notices with their versions, and the banner where the message stood (B11)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.market.incidents.models import Incident, Notice, SigningKey, Step
from peyman.market.incidents.queries.desk import typed
from peyman.market.incidents.queries.open import STANDING
from peyman.market.incidents.rules import signing
from peyman.market.incidents.rules.notice import closes_at


@dataclass(frozen=True)
class Published:
    """One notice as the public reads it. `content` is what was published, to the letter."""

    code: str
    number: int
    content: Mapping[str, Any]
    sha256: str
    published_at: datetime
    until_day: date
    is_closed: bool
    closed_at: datetime | None
    versions: tuple[tuple[int, datetime], ...]

    @property
    def words(self) -> Mapping[str, str]:
        words: Mapping[str, str] = self.content["words"]
        return words

    @property
    def first_published_at(self) -> datetime:
        return self.versions[0][1]

    @property
    def is_last(self) -> bool:
        return self.number == self.versions[-1][0]

    @property
    def closes_at(self) -> datetime:
        """The window's end: the end of its last day in Tehran."""
        return closes_at(self.until_day)


def notices() -> list[Published]:
    """Return the last version of each notice, the newest first: one query."""
    by_incident: dict[int, list[Notice]] = {}
    for one in Notice.objects.select_related("incident").order_by("incident", "number"):
        by_incident.setdefault(one.incident_id, []).append(one)
    found = [_published(versions[-1], versions) for versions in by_incident.values()]
    return sorted(found, key=lambda one: (one.first_published_at, one.code), reverse=True)


@dataclass(frozen=True)
class Headline:
    """The notice that was published last, in a line."""

    code: str
    title: str
    published_at: datetime
    is_closed: bool


_LATEST = """
SELECT n.id, i.state FROM incidents_notice n JOIN incidents_incident i ON i.id = n.incident_id
ORDER BY n.published_at DESC, n.id DESC LIMIT 1
"""


def latest_state() -> tuple[int, str] | None:
    """Return what `latest` would be made of, as a key and a state; the same while they are. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_LATEST)
        found: tuple[int, str] | None = cursor.fetchone()
    return found


def latest() -> Headline | None:
    """Return what was published last, None where nothing ever was: one query."""
    one = Notice.objects.select_related("incident").order_by("-published_at", "-pk").first()
    if one is None:
        return None
    is_closed = one.incident.state == Incident.State.CLOSED
    return Headline(one.incident.code, json.loads(one.content)["words"]["title"], one.published_at, is_closed)


@carries_out("B11")
def notice(code: str, number: int | None = None) -> Published:
    """Return one version of a notice, the last without `number`: one query. Raises Missing where none was published."""
    rows = list(Notice.objects.filter(incident__code=typed(code)).select_related("incident").order_by("number"))
    wanted = [one for one in rows if number is None or one.number == number]
    if not wanted:
        raise Missing
    return _published(wanted[-1], rows)


def _published(one: Notice, versions: list[Notice]) -> Published:
    is_closed = one.incident.state == Incident.State.CLOSED
    return Published(
        one.incident.code,
        one.number,
        json.loads(one.content),
        one.sha256,
        one.published_at,
        one.until_day,
        is_closed,
        one.incident.ended_at if is_closed else None,
        tuple((other.number, other.published_at) for other in versions),
    )


@carries_out("B11")
def document(code: str, number: int | None = None) -> dict[str, Any]:
    """Return a notice for machines: what was published, and the signed steps without people, with the keys that check
    them. Four queries. Raises Missing.
    """
    found = notice(code, number)
    steps = Step.objects.filter(incident__code=found.code).select_related("key").order_by("number")
    chain = []
    for step in steps:
        content = json.loads(step.content)
        chain.append(
            {
                "number": step.number,
                "event": step.event,
                "at": jalali.iso(step.at),
                "document": content["document"],
                "previous": content["previous"],
                "sha256": step.sha256,
                "statement": signing.statement(content, step.sha256),
                "key": step.key.kid,
                "signature": step.signature,
            }
        )
    kids = {row["key"] for row in chain}
    return {
        **found.content,
        "sha256": found.sha256,
        "state": "closed" if found.is_closed else "published",
        "closed_at": jalali.iso(found.closed_at) if found.closed_at else None,
        "versions": [{"notice": number, "published_at": jalali.iso(at)} for number, at in found.versions],
        "steps": chain,
        "keys": dict(SigningKey.objects.filter(kid__in=kids).values_list("kid", "public")),
    }


@dataclass(frozen=True, slots=True)
class Banner:
    """What stands where the half-price message stood, while a notice is open: in text, too."""

    code: str
    title: str
    until_day: date
    path: str

    @property
    def text(self) -> str:
        """For an app without pages."""
        return f"{self.title} شرح و راه خبر دادن، تا {jalali.long_date(self.until_day, year=True)}: {self.path}"


@carries_out("B11")
def banner(now: datetime) -> list[Banner]:
    """Return the notices whose window is open at `now`, its last day whole, the newest first: one query."""
    return [
        Banner(one.code, one.words["title"], one.until_day, f"/official/incidents/{one.code}/")
        for one in notices()
        if one.first_published_at <= now < one.closes_at
    ]


def sound_notices() -> Iterator[tuple[str, bool]]:
    """Yield each notice's name and whether it is what was signed and says what its run said: two queries."""
    signed: dict[tuple[int, str], str] = {}
    for incident, event, content in Step.objects.filter(event__in=["publish", "correct"]).values_list(
        "incident", "event", "content"
    ):
        signed[incident, json.loads(content)["document"]] = event
    for one in Notice.objects.select_related("incident", "run").order_by("pk"):
        said = json.loads(one.content)
        is_said = said["totals"] == one.run.totals and said["run"]["manifest_sha256"] == one.run.sha256
        is_signed = one.sha256 == signing.digest(one.content) and (one.incident_id, one.sha256) in signed
        yield f"{one.incident.code}/{one.number}", is_said and is_signed


def export_rows() -> Iterator[dict[str, Any]]:
    """Yield every incident as `peyman export incidents` writes it, in the order they were opened."""
    rows = Incident.objects.select_related("run").prefetch_related("stretches", "steps__by", "notices").order_by("pk")
    for one in rows.iterator(chunk_size=200):
        yield {
            "incident": one.code,
            "state": one.state,
            "origin": one.origin,
            "title": one.title,
            "drifts": one.drifts,
            "run": one.run.code if one.run else None,
            "manifest_sha256": one.run.sha256 if one.run else None,
            "totals": one.run.totals if one.run else None,
            "opened_at": one.opened_at,
            "ended_at": one.ended_at,
            "stretches": [
                {
                    "edges": stretch.edges,
                    "operator": stretch.operator,
                    "cause": stretch.cause,
                    "from": stretch.starts_at,
                    "to": stretch.ends_at,
                    "lines": stretch.lines,
                    "bytes": stretch.bytes,
                    "rials_low": stretch.rials_low,
                    "rials_high": stretch.rials_high,
                }
                for stretch in sorted(one.stretches.all(), key=lambda stretch: stretch.pk)
                if stretch.superseded_at is None
            ],
            "steps": [
                {
                    "number": step.number,
                    "event": step.event,
                    "to": step.to,
                    "by": step.by.code if step.by else "",
                    "at": step.at,
                    "sha256": step.sha256,
                }
                for step in sorted(one.steps.all(), key=lambda step: step.number)
            ],
            "notices": [
                {"notice": notice.number, "published_at": notice.published_at, "sha256": notice.sha256}
                for notice in sorted(one.notices.all(), key=lambda notice: notice.number)
            ],
            "is_open": one.state in STANDING,
        }
