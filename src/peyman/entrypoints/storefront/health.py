"""Whether we stand: for load balancers and whoever watches. And what robots may read."""

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from peyman.kernel.clauses import carries_out

_CLOSED = (
    "/cart/ /checkout/ /orders/ /pay/ /p/ /promises/ /desk/ /account/ /guardian/ /opt-out/ /privacy/ /login/ /welcome/",
    "/api/ /sandbox/",
    "/goods/?* /category/*?* /brand/*?*",  # every search and sort of a list
)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer without asking anybody: the process is up."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the database does, 503 otherwise."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("database away\n", status=503, content_type="text/plain", headers={"Retry-After": "5"})
    return HttpResponse("ready\n", content_type="text/plain")


@require_safe
@carries_out("D19")
def robots(request: HttpRequest) -> HttpResponse:
    """Let search engines read pages meant for everybody, and say how others are licensed to: one part of D19."""
    if settings.SANDBOX:
        lines = ["User-agent: *", "Disallow: /"]
    else:
        lines = [
            "# The list of goods, specifications and prices may be taken by machine with a written licence only",
            f"# ({settings.PUBLIC_URL}/terms/#c-3-4). Write to {settings.MAIL_FROM}; a licence has a key that opens",
            f"# {settings.PUBLIC_URL}/api/v1/export/products. Search engines are welcome to the pages below.",
            "User-agent: *",
            *(f"Disallow: {path}" for line in _CLOSED for path in line.split()),
            "Crawl-delay: 10",
            f"Sitemap: {settings.PUBLIC_URL}/sitemap.xml",
        ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
