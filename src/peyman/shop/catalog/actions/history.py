"""Every change of the catalogue's words leaves a row: who, when, from what to what, and why."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from peyman.kernel.clauses import carries_out
from peyman.shop.catalog.actions.prices import CHUNK
from peyman.shop.catalog.models import CatalogChange, Product
from peyman.shop.catalog.rules.changes import ATTRIBUTE, ChangedMeanwhile, Difference, corrects
from peyman.shop.catalog.rules.specs import source_words

Kind = CatalogChange.Kind


class Subject(NamedTuple):
    """What was changed. `product`: itself, or the product of a variant; `is_sold`: somebody bought it before."""

    kind: str
    key: str
    product: Product | None = None
    is_sold: bool = False


@carries_out("D113")
def remember(
    changed: Iterable[tuple[Subject, Sequence[Difference]]], *, why: str, by: str, now: datetime
) -> list[CatalogChange]:
    """Write down what changed; a specification of what had been sold already as a correction, with its source."""
    rows = [
        CatalogChange(
            kind=subject.kind,
            key=subject.key,
            product=subject.product,
            field=each.field[:120],
            old=each.old,
            new=each.new,
            why=why[:300],
            source=_source(subject.product, each.field),
            is_correction=subject.is_sold and corrects(each),
            by=by[:120],
            at=now,
        )
        for subject, found in changed
        for each in found
    ]
    return CatalogChange.objects.bulk_create(rows, batch_size=CHUNK)


def _source(product: Product | None, field: str) -> str:
    if product is None or not field.startswith(ATTRIBUTE):
        return ""
    return source_words(product.sources.get(field.removeprefix(ATTRIBUTE)))[:340]


def check_seen(kind: str, key: str, seen: int) -> None:
    """Let whoever read the history of this up to row `seen` go on.

    For a transaction that holds the row itself. Raises ChangedMeanwhile with what came since. Pictures are changed on
    a page of their own, and stand in nobody's way.
    """
    rows = CatalogChange.objects.filter(kind=kind, key=key, pk__gt=seen).exclude(field__startswith="media/")
    since = list(rows.order_by("pk"))
    if since:
        raise ChangedMeanwhile(since=since)
