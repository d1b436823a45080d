"""Whether we stand: for load balancers and whoever watches. And what robots may read."""

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

_CLOSED = (
    "/cart/ /checkout/ /orders/ /pay/ /p/ /promises/ /desk/ /account/ /guardian/ /opt-out/ /privacy/ /login/ /welcome/",
    "/api/ /sandbox/",
    "/goods/?*",  # every search and sort of the list
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
def robots(request: HttpRequest) -> HttpResponse:
    """Let search engines read pages meant for everybody, and nothing else: one part of what D19 asks."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for line in _CLOSED for path in line.split()), "Crawl-delay: 10"]
    if settings.SANDBOX:
        lines = ["User-agent: *", "Disallow: /"]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
