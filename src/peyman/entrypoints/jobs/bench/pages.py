"""Pages per second of the server's processor, held against what any page must cost; and what a web process holds."""

import http.client
import random
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q

from peyman.entrypoints.jobs.bench import browsers, serving
from peyman.entrypoints.jobs.bench.figures import ROUNDS, Figure
from peyman.entrypoints.jobs.console import CouldNot, tell
from peyman.shop.catalog.models import Category, Product

_SERVER = (
    *(sys.executable, "-m", "peyman.entrypoints.jobs.otherwise"),
    *("--addresses", "peyman.entrypoints.jobs.bench.pages_cell"),
)
_PER = "answers per processor second"
_CELL = "same server and middlewares, a row by its key, bytes of this size that lie ready"
_EMPTY = "an empty answer of the same server (/healthz)"
_MIXED = 10_000  # requests before memory is looked at
_SEED = 7
_THREADS = 32  # of `peyman web`, each with a connection


@dataclass(frozen=True)
class _Measured:
    name: str
    path: str
    against_cell: bool
    is_new: bool = False  # asked for by somebody new each time, who gets cookies; else by readers who have them


def bench_pages(seconds: float) -> list[Figure]:
    """Answers per second of the server's processor, each beside a limit that was measured in turns with it; then the
    memory of a web process after many different pages.
    """
    goods = list(Product.objects.filter(is_on_sale=True).order_by("pk").values_list("pk", "slug"))
    categories = list(Category.objects.filter(products__is_on_sale=True).distinct().values_list("slug", flat=True))
    if not goods:
        raise CouldNot("کالایی نیست که صفحه‌اش سنجیده شود؛ نخست peyman init --sample را اجرا کنید.")
    key, slug = goods[0]
    pages = [
        _Measured("product", f"/goods/{slug}/", True),
        _Measured("product, first visit", f"/goods/{slug}/", True, is_new=True),
        _Measured("category", f"/category/{_fullest()}/", True),
        _Measured("all goods", "/goods/", True),
        _Measured("home", "/", True),
        _Measured("search", f"/goods/?q={quote('کتاب‌خوان')}", False),
        _Measured("API: products", "/api/v1/products", False),
        _Measured("terms", "/terms/", False),
    ]
    figures = []
    with serving.web(_SERVER) as (url, group):
        for page in pages:
            tell(f"pages: {page.name}")
            size = _load(url, page.path, 0.5, clients=4)[1]
            limit = f"/goods/limit-{key}-{size}/" if page.against_cell else "/healthz"
            _load(url, limit, 0.2, clients=4)
            rates: dict[str, list[float]] = {page.path: [], limit: []}
            for _ in range(ROUNDS):
                for path, found in rates.items():
                    found.append(_rate(url, group, path, seconds, page.is_new))
            figures.append(
                Figure(
                    f"page: {page.name} ({size / 1000:.0f} kB)",
                    _PER,
                    statistics.median(rates[page.path]),
                    statistics.median(rates[limit]),
                    _CELL if page.against_cell else _EMPTY,
                )
            )
    tell(f"pages: memory after {_MIXED} mixed requests")
    return [*figures, _memory([slug for _, slug in goods], categories)]


def _fullest() -> str:
    """The category with the most goods: a whole page of them."""
    many = Count("products", filter=Q(products__is_on_sale=True))
    return str(Category.objects.annotate(many=many).order_by("-many", "pk").values_list("slug", flat=True)[0])


def _rate(url: str, group: int, path: str, seconds: float, is_new: bool) -> float:
    before = serving.processor_seconds(group)
    answers, _ = _load(url, path, seconds, clients=8, is_new=is_new)
    return answers / max(serving.processor_seconds(group) - before, 0.01)


def _load(url: str, path: str, seconds: float, clients: int, *, is_new: bool = False) -> tuple[int, int]:
    """Ask for one path over kept connections; how many answers came, and the size of one."""
    stop, counts, sizes = time.monotonic() + seconds, [0] * clients, [0] * clients
    faults: list[str] = []

    def client(n: int) -> None:
        link = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        cookies: dict[str, str] = {}
        while time.monotonic() < stop and not faults:
            link.request("GET", path, headers=cookies)
            reply = link.getresponse()
            given = [value.partition(";")[0] for value in reply.headers.get_all("Set-Cookie", [])]
            if given and not is_new:
                cookies = {"Cookie": "; ".join(given)}
            sizes[n] = len(reply.read())
            if reply.status != 200:
                faults.append(f"{path}: {reply.status}")
            counts[n] += 1
        link.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise AssertionError(faults[0])
    return sum(counts), max(sizes)


def _memory(slugs: list[str], categories: list[str]) -> Figure:
    """What one web process holds after requests for goods, categories and searches all over the shop."""
    pick = random.Random(_SEED)  # noqa: S311  the same requests each time
    words = [part for slug in slugs[:400] for part in slug.split("-") if len(part) > 2]
    kinds = [
        lambda: f"/goods/{pick.choice(slugs)}/",
        lambda: f"/category/{pick.choice(categories)}/?sort={pick.choice(['cheapest', 'dearest', 'newest'])}",
        lambda: f"/goods/?q={quote(pick.choice(words))}",
        lambda: "/",
    ]
    paths = [pick.choices(kinds, weights=[12, 5, 2, 1])[0]() for _ in range(_MIXED)]
    with serving.web(_SERVER) as (url, group):
        browsers.come_back(url, ["/", "/goods/", f"/goods/{slugs[0]}/"] * 20, clients=8)
        before = serving.resident(group)
        came = browsers.come_back(url, paths, clients=8)
        after = serving.resident(group)
    if set(came.statuses) != {200}:
        raise AssertionError(f"mixed requests: {dict(came.statuses)}")
    may_keep = settings.KEPT_PAGES + settings.KEPT_LISTS
    if connection.vendor == "sqlite":
        may_keep += _THREADS * settings.SQLITE_PAGES
    return Figure(
        f"memory after {_MIXED} requests ({before / 1e6:.0f} MB before)",
        "MB (lower is better)",
        after / 1e6,
        (before + may_keep) / 1e6,
        f"before, and {may_keep / 1e6:.0f} MB that kept pages and lists, and the database's own pages, may weigh",
    )
