"""Publishing terms, and who accepted them."""

from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from peyman.kernel.clauses import carries_out
from peyman.people.models import Person
from peyman.promises import rules
from peyman.promises.models import Acceptance, TermsClause, TermsVersion

log = structlog.get_logger(__name__)


@carries_out("D03", "D04")
@transaction.atomic
def publish_terms(
    *, document: rules.TermsDocument, now: datetime, effective_at: datetime | None = None
) -> TermsVersion:
    """Publish a document as the next version, in force from `effective_at`, or at once.

    A text that was published before, in whatever version, is not published again: that version is returned. Raises
    rules.EffectiveInThePast for an `effective_at` before `now`.
    """
    effective_at = rules.effective(effective_at, now)
    known = TermsVersion.objects.filter(sha256=document.sha256).first()
    if known:
        return known
    newest = TermsVersion.objects.order_by("-number").first()
    try:
        with transaction.atomic():
            version = TermsVersion.objects.create(
                number=newest.number + 1 if newest else 1,
                title=document.title,
                parameters=dict(document.parameters),
                source=document.source,
                sha256=document.sha256,
                published_at=now,
                effective_at=effective_at,
            )
    except IntegrityError:
        # Another process published at this moment: the same text is done, another text is for the caller to repeat.
        return TermsVersion.objects.get(sha256=document.sha256)
    TermsClause.objects.bulk_create(
        TermsClause(
            version=version,
            clause=clause.clause,
            number=clause.number,
            section=clause.section,
            title=clause.title,
            text=clause.text,
            position=position,
        )
        for position, clause in enumerate(document.clauses, start=1)
    )
    log.info("terms.published", version=version.number, sha256=version.sha256, clauses=len(document.clauses))
    return version


@carries_out("D01", "D02", "D05")
def accept(*, person: Person, version: TermsVersion, kind: str, subject: str = "", now: datetime) -> Acceptance:
    """Record that the person accepted this version: at "sign_up", with an "order" (`subject`), or "implied".

    Repeating it returns the first record, with its first hour. Raises ValueError for another kind, and for an
    order without its code. An implied acceptance never stands for an explicit one, nor the other way round (A10).
    """
    kind = Acceptance.Kind(kind)
    if (kind == Acceptance.Kind.ORDER) != bool(subject):
        raise ValueError("an acceptance with an order names the order, and no other does")
    acceptance, _ = Acceptance.objects.get_or_create(
        person=person, version=version, kind=kind, subject=subject, defaults={"sha256": version.sha256, "at": now}
    )
    return acceptance
