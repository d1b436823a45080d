"""What search finds, by kind of query, and how long it takes among 100,000 products.

The goods come from a catalogue file (`--goods`); what people type, and which goods answer it, stands in the files
`search_queries*.txt`.
For the time every product is copied, each copy with a word of its own, so that the vocabulary grows with the shelf.
Every query is another one, so that each list is composed anew.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from pathlib import Path

from django.db import connection, transaction

from peyman.entrypoints import clock
from peyman.entrypoints.jobs import web
from peyman.entrypoints.jobs.bench.figures import Figure
from peyman.entrypoints.jobs.bench.scratch import scratch_database
from peyman.entrypoints.jobs.console import CouldNot, tell
from peyman.kernel import text
from peyman.kernel.delimited import csv_rows
from peyman.shop.catalog import actions, queries
from peyman.shop.catalog.models import Product
from peyman.shop.catalog.queries import marks, search
from peyman.shop.catalog.queries.suggest import suggest
from peyman.shop.catalog.rules.tables import read_header, rows
from peyman.shop.stock.actions import count_many

FIRST, LEAST_RECALL, MOST_EMPTY = 10, 85.0, 3.0
MOST_MILLISECONDS, LEAST_IMPORTED = 50.0, 5_000 / 60
OURS = "search_queries.txt"
FILES = {"": OURS, "second set: ": "search_queries_second.txt", "third set: ": "search_queries_third.txt"}
_CATALOGUE_TABLES = ("catalog_product", "catalog_variant", "stock_stock")


@dataclass(frozen=True)
class Query:
    """A query, its kind, and the conditions that a product meets that answers it."""

    kind: str
    typed: str
    wanted: tuple[tuple[str, tuple[str, ...]], ...]


def bench_search(goods: Path | None, products: int) -> list[Figure]:
    """Measure recall among the goods of a file, and the time of each query among `products`."""
    if goods is None:
        raise CouldNot("برای سنجش جست‌وجو، پرونده کالاها را با ‎--goods‎ بدهید (همان ستون‌های peyman catalogue import).")
    with scratch_database():
        begun = time.perf_counter()
        _imported(goods)
        there = Product.objects.count()
        rate = there / (time.perf_counter() - begun)
        figures = [Figure("search: products imported", "1/s", rate, LEAST_IMPORTED, "5,000 in a minute")]
        for of, file in FILES.items():
            figures += _recall(file, of)
        tell(f"search: {connection.vendor}, copying {there} products to {products}")
        _copied(there, products)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SET max_parallel_workers_per_gather = 0"
                )  # one process does all: its time is all there is
        figures += _times(products)
    return figures


def _imported(goods: Path) -> None:
    actions.load_reference()
    with goods.open(encoding="utf-8-sig", newline="") as file:
        records = csv_rows(file)
        _, names = next(records)
        read = rows(records, read_header(names or []), is_sheet=False)
        actions.import_records(rows=read, count_stock=count_many, by="bench", now=clock.now())


def read_queries(file: str = OURS) -> Iterator[Query]:
    """Read one of the files of queries that ship with the bench."""
    lines = resources.files("peyman.entrypoints.jobs.bench").joinpath(file).read_text("utf-8")
    kind = ""
    for line in map(str.strip, lines.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            kind = line[1:-1]
        elif line and not line.startswith("#"):
            typed, _, conditions = line.rpartition(" | ")
            pairs = (condition.strip().partition("=") for condition in conditions.split(";"))
            yield Query(kind, typed, tuple((name, tuple(values.split(","))) for name, _, values in pairs))


@dataclass(frozen=True)
class _Told:
    category: str
    brand: str
    words: frozenset[str]
    joined: str
    colors: frozenset[str]
    sizes: frozenset[str]

    def meets(self, wanted: tuple[tuple[str, tuple[str, ...]], ...]) -> bool:
        by: dict[str, Callable[[str], bool]] = {
            "category": lambda value: self.category == value,
            "brand": lambda value: self.brand == value,
            "has": self._has,
            "color": self.colors.__contains__,
            "size": self.sizes.__contains__,
        }
        return all(any(by[name](value) for value in values) for name, values in wanted)

    def _has(self, value: str) -> bool:
        words = text.search_words(value)
        return set(words.split()) <= self.words or (len(words) > 3 and words.replace(" ", "") in self.joined)


def _recall(file: str, of: str) -> list[Figure]:
    """The share of the right goods among the first ten, of as many as could be there; and how many found nothing."""
    told = {}
    for row in Product.objects.filter(is_on_sale=True).select_related("category", "brand").prefetch_related("variants"):
        colors = frozenset(variant.color for variant in row.variants.all())
        sizes = frozenset(variant.size for variant in row.variants.all())
        parts = [row.title, row.title_latin, *map(str, row.attributes.values()), *colors, *sizes]
        words = text.search_words(" ".join(parts))
        told[row.slug] = _Told(
            row.category.slug, row.brand.slug, frozenset(words.split()), words.replace(" ", ""), colors, sizes
        )
    recalls, empty, many = defaultdict[str, list[float]](list), 0, 0
    for query in read_queries(file):
        right = {slug for slug, product in told.items() if product.meets(query.wanted)}
        if not right:
            raise CouldNot(f"در این پرونده هیچ کالایی پاسخ «{query.typed}» نیست؛ این سنجش برای کاتالوگ دیگری است.")
        found = [
            card.slug for card in queries.list_cards(queries.Ask(q=query.typed, sort="relevant", limit=FIRST)).items
        ]
        recalls[query.kind].append(len(right & set(found)) / min(FIRST, len(right)))
        empty += not found
        many += 1
    recalls["all"] = [recall for each in recalls.values() for recall in each]
    figures = [
        Figure(f"search: {of}{kind} ({len(each)})", "%", 100 * sum(each) / len(each), LEAST_RECALL, "recall@10")
        for kind, each in recalls.items()
    ]
    figures.append(Figure(f"search: {of}queries without a result", "%", 100 * empty / many, MOST_EMPTY, "the most"))
    return figures


@transaction.atomic
def _copied(there: int, products: int) -> None:
    """Copy all goods until there are so many, each copy with codes and one word of its own."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        columns = {
            table: [
                each.name
                for each in connection.introspection.get_table_description(cursor, table)
                if each.name != "search_vector"  # follows the words by itself
            ]
            for table in _CATALOGUE_TABLES
        }
        steps = {}
        for table in _CATALOGUE_TABLES:
            cursor.execute(f"SELECT MAX({'variant_id' if table == 'stock_stock' else 'id'}) FROM {table}")  # noqa: S608
            steps[table] = int(cursor.fetchone()[0] or 0)
        product, variant = steps["catalog_product"], steps["catalog_variant"]
        changed = {
            "catalog_product": {
                "id": f"id + %s * {product}", "code": "code || '-' || %s", "slug": "slug || '-' || %s",
                "search_words": "search_words || ' c' || %s || 'x' || id",
            },
            "catalog_variant": {
                "id": f"id + %s * {variant}", "sku": "sku || '-' || %s", "product_id": f"product_id + %s * {product}",
            },
            "stock_stock": {"id": f"id + %s * {variant}", "variant_id": f"variant_id + %s * {variant}"},
        }  # fmt: skip
        for copy, _ in pairwise(range(1, -(-products // there) + 1)):
            for table in _CATALOGUE_TABLES:
                into = ", ".join(map(quote, columns[table]))
                told = [changed[table].get(name, quote(name)) for name in columns[table]]
                key = "variant_id" if table == "stock_stock" else "id"
                cursor.execute(
                    f"INSERT INTO {table} ({into}) SELECT {', '.join(told).replace('%s', str(copy))} "  # noqa: S608
                    f"FROM {table} WHERE {key} <= {steps[table]}"
                )
        cursor.execute(
            "INSERT INTO catalog_searchword (text) SELECT 'c' || %s || 'x' || id FROM catalog_product WHERE id > %s",
            ["1", product],
        )
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE")


def _times(products: int) -> list[Figure]:
    search.forget()
    used = _processor()
    words = len(search.vocabulary())
    learned = (_processor() - used) * 1000
    asked = list(dict.fromkeys(query.typed for file in FILES.values() for query in read_queries(file)))
    marks.forget()
    web.keep_what_is_loaded()  # as the process that serves searches does
    begun = time.perf_counter()
    lists = _each(asked, lambda typed: queries.list_cards(queries.Ask(q=typed, sort="relevant")))
    passed = (time.perf_counter() - begun) * 1000 / len(asked)
    suggest("الف")  # the words of the shelf are known from now on
    begins = list(dict.fromkeys(typed[:length] for typed in asked for length in (2, 4, 7)))
    proposed = _each(begins, suggest)
    of = f"processor time, among {products:,} products"
    return [
        Figure(f"search: p50 ({len(asked)})", "ms", lists[len(lists) // 2], MOST_MILLISECONDS, of),
        Figure("search: p95", "ms", lists[int(len(lists) * 0.95)], MOST_MILLISECONDS, of),
        Figure("search: the slowest", "ms", lists[-1], MOST_MILLISECONDS, of),
        Figure("search: mean by the clock", "ms", passed, MOST_MILLISECONDS, "as loaded as the machine was"),
        Figure(f"search: suggestions, p50 ({len(begins)})", "ms", proposed[len(proposed) // 2], MOST_MILLISECONDS, of),
        Figure("search: suggestions, p95", "ms", proposed[int(len(proposed) * 0.95)], MOST_MILLISECONDS, of),
        Figure(f"search: {words:,} words read by a process", "ms", learned, 0, "once; no limit"),
    ]


def _each(asked: Iterable[str], answer: Callable[[str], object]) -> list[float]:
    """Milliseconds of processor time for each, in order of size."""
    taken = []
    for typed in asked:
        begun = _processor()
        answer(typed)
        taken.append((_processor() - begun) * 1000)
    return sorted(taken)


def _processor() -> float:
    """Seconds of processor that this process has used, and the one of PostgreSQL that serves it."""
    return time.process_time() + (_backend() if connection.vendor == "postgresql" else 0.0)


def _backend() -> float:
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
