"""The catalogue: the tree of categories, the sources of specifications, and addresses that lead on."""

from datetime import datetime

from peyman.entrypoints.jobs.invariants.finding import Finding, check
from peyman.shop.catalog.models import Category, FormerSlug, Product
from peyman.shop.catalog.rules.goods import MOST_LEVELS, path_of
from peyman.shop.catalog.rules.specs import SOURCES


@check("categories_stand_where_their_paths_say")
def _tree(now: datetime) -> Finding:
    """A path is the path above it and the title; a level is one more than the level above, three at most."""
    found = Finding()
    rows = {row.pk: row for row in Category.objects.all()}
    for row in rows.values():
        above = rows.get(row.parent_id or 0)
        path = path_of(above.path if above else "", row.title)
        level = above.level + 1 if above else 1
        found.look(row.slug, (row.path, row.level) == (path, level) and level <= MOST_LEVELS)
    return found


@check("sources_vouch_for_what_is_there")
def _sources(now: datetime) -> Finding:
    """Each source is of a specification that the product has (D113)."""
    found = Finding()
    sourced = Product.objects.exclude(sources={}).values_list("code", "attributes", "sources")
    for code, attributes, sources in sourced.iterator():
        for name, source in sources.items():
            found.look(f"{code} {name}", bool(attributes.get(name)) and source[0] in SOURCES)
    return found


@check("former_addresses_are_nobodys")
def _addresses(now: datetime) -> Finding:
    """An address that leads on is the address of no product."""
    found = Finding()
    taken = set(Product.objects.filter(slug__in=FormerSlug.objects.values("slug")).values_list("slug", flat=True))
    for slug in FormerSlug.objects.values_list("slug", flat=True).iterator():
        found.look(slug, slug not in taken)
    return found
