"""Implied acceptance: who uses the site has accepted the terms it showed (D01, A10), and hears of their changes (D05).

The first page names the version in force in a signed cookie, without a row. It becomes a row at the first real write of
someone who is logged in, as "implied", which never stands for an explicit yes. When another version comes into force,
the cookie names it, and pages carry a banner until their reader has seen it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from peyman.entrypoints import clock
from peyman.kernel.clauses import carries_out
from peyman.people.models import Person
from peyman.promises import actions, queries

COOKIE = "terms"
_SALT = "peyman.implied"
_AGE = timedelta(days=365)
_HELD = "_peyman_implied"  # where a request remembers its mark
_CARRIED = "_peyman_implied_carried"  # and the one it came with
# What one does on the way in is no use of the shop yet; the welcome takes an explicit yes.
_ON_THE_WAY_IN = ("/login/", "/welcome/", "/logout/")
_SILENT = ("/api/", "/static/", "/sandbox/", "/healthz", "/readyz", "/robots.txt", "/desk/")


@dataclass(frozen=True)
class Mark:
    """What a browser carries: the version it was shown, since when, and which one it knew before."""

    version: int
    at: str  # ISO
    before: int = 0  # another version that the reader was not told to be gone; 0 = nothing to tell
    stored: str = ""  # code of the person for whom this is a row already


def mark_of(request: HttpRequest) -> Mark | None:
    """Return what the browser carries; None for nothing, and for what we did not sign."""
    if COOKIE not in request.COOKIES:
        return None
    if not hasattr(request, _CARRIED):
        setattr(request, _CARRIED, _read(request.COOKIES[COOKIE]))
    carried: Mark | None = getattr(request, _CARRIED)
    return carried


def _read(cookie: str) -> Mark | None:
    try:
        return Mark(**signing.loads(cookie, salt=_SALT, max_age=_AGE))
    except (signing.BadSignature, TypeError):
        return None


@lru_cache(maxsize=8192)
def is_ours(cookie: str) -> bool:
    """Say whether we signed what a browser carries, however long ago."""
    try:
        signing.loads(cookie, salt=_SALT)
    except signing.BadSignature:
        return False
    return True


def current(request: HttpRequest) -> Mark | None:
    """Return the mark this page leaves: the version in force now, and the one known before, if another; asked once."""
    if not hasattr(request, _HELD):
        now = clock.now()
        number, carried = queries.number_in_force(now), mark_of(request)
        mark = carried
        if number and (carried is None or carried.version != number):
            before = (carried.before or carried.version) if carried else 0
            mark = Mark(number, now.isoformat(), before if before != number else 0)
        setattr(request, _HELD, mark)
    held: Mark | None = getattr(request, _HELD)
    return held


def told(request: HttpRequest, number: int) -> None:
    """Remember that this reader knows of version `number`: the banner has done its work."""
    mark = current(request)
    if mark is not None and mark.version == number and mark.before:
        setattr(request, _HELD, replace(mark, before=0))


class Implied:
    """Leave the mark on pages, and keep it as a row at the first write of someone who is logged in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith(_SILENT) or response.status_code >= 400:
            return response
        if request.method in ("GET", "HEAD"):
            if response.status_code == 200 and response.get("Content-Type", "").startswith("text/html"):
                self._leave(request, response, current(request))
        elif not request.path.startswith(_ON_THE_WAY_IN):
            carried = getattr(request, _HELD, None) or mark_of(request)
            if carried is not None:
                self._leave(request, response, self._store(request, carried))
        return response

    @carries_out("D01")
    def _store(self, request: HttpRequest, mark: Mark) -> Mark:
        person = request.user if isinstance(request.user, Person) else None
        if person is None or mark.stored == person.code:
            return mark
        version = queries.terms(mark.version)
        actions.accept(person=person, version=version, kind="implied", now=datetime.fromisoformat(mark.at))
        return replace(mark, stored=person.code)

    def _leave(self, request: HttpRequest, response: HttpResponse, mark: Mark | None) -> None:
        if mark is None or mark == mark_of(request):
            return
        response.set_cookie(
            COOKIE,
            signing.dumps(vars(mark), salt=_SALT),
            max_age=_AGE,
            secure=settings.HTTPS,
            httponly=True,
            samesite="Lax",
        )


implied = Implied
