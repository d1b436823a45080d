"""Pages per second of the server's processor, held against an empty answer of the same server."""

import http.client
import statistics
import threading
import time
from urllib.parse import urlsplit

from peyman.entrypoints.jobs.bench import serving
from peyman.entrypoints.jobs.bench.figures import ROUNDS, Figure
from peyman.entrypoints.jobs.console import CouldNot, tell
from peyman.shop.catalog.models import Product


def _load(url: str, path: str, seconds: float, clients: int) -> tuple[int, int]:
    """Ask for one path over kept connections; returns how many answers came, and the size of one."""
    stop, counts, sizes = time.monotonic() + seconds, [0] * clients, [0] * clients

    def client(n: int) -> None:
        link = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        while time.monotonic() < stop:
            link.request("GET", path)
            reply = link.getresponse()
            sizes[n] = len(reply.read())
            if reply.status != 200:
                raise AssertionError(f"{path}: {reply.status}")
            counts[n] += 1
        link.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts), max(sizes)


def bench_pages(seconds: float) -> list[Figure]:
    """Answers per second of the server's processor: home, list, product, search, API, beside an empty answer."""
    slug = Product.objects.filter(is_on_sale=True).order_by("pk").values_list("slug", flat=True).first()
    if slug is None:
        raise CouldNot("کالایی نیست که صفحه‌اش سنجیده شود؛ نخست peyman init --sample را اجرا کنید.")
    pages = {
        "home": "/",
        "list of goods": "/goods/",
        "search": "/goods/?q=%DA%A9%D8%AA%D8%A7%D8%A8%E2%80%8C%D8%AE%D9%88%D8%A7%D9%86",
        "product": f"/goods/{slug}/",
        "API: products": "/api/v1/products",
        "terms": "/terms/",
    }
    figures = []
    with serving.web() as (url, group):

        def rate(path: str) -> tuple[float, int]:
            rates = []
            for _ in range(ROUNDS):
                before = serving.processor_seconds(group)
                answers, size = _load(url, path, seconds, clients=8)
                rates.append(answers / max(serving.processor_seconds(group) - before, 0.01))
            return statistics.median(rates), size

        for path in ["/healthz", *pages.values()]:
            _load(url, path, 0.5, clients=4)  # warm
        limit, _ = rate("/healthz")
        for name, path in pages.items():
            tell(f"pages: {name}")
            figure, size = rate(path)
            figures.append(
                Figure(
                    f"page: {name} ({size / 1000:.0f} kB)",
                    "answers per processor second",
                    figure,
                    limit,
                    "an empty answer of the same server (/healthz)",
                )
            )
    return figures
