"""Readings of the catalogue at the door: counted (see `entrypoints.readers`), turned away where there are too many."""

import json
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from peyman.entrypoints import clock, readers
from peyman.entrypoints.storefront import errors
from peyman.entrypoints.storefront.errors import Act, Words
from peyman.people.rules import waiting
from peyman.shop.licences import rules
from peyman.shop.licences.rules import ShutOut, TooManyReads

_CLAUSE = Act("/terms/#c-3-4", "بند ۳-۴ شرایط")


class ReadersAtTheDoor:
    """Count each reading of the catalogue, and turn away who reads more than people do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        page = rules.page_of(request.path, "after" in request.GET, bool(request.GET.get("q")))
        if page is None:
            return self.get_response(request)
        at = int(clock.now().timestamp())
        try:
            wait = readers.desk.take(
                readers.desk.origin(readers.address_of(request)), readers.sign_of(request), page, at
            )
        except ShutOut as refusal:
            return refused(request, refusal)
        if wait:
            return refused(request, TooManyReads(wait, wait=waiting(wait), mail=settings.MAIL_FROM))
        return self.get_response(request)


reading = ReadersAtTheDoor


def refused(request: HttpRequest, refusal: TooManyReads | ShutOut) -> HttpResponse:
    """Answer without asking the database anything: who is turned away must cost nothing."""
    wait = refusal.retry_after if isinstance(refusal, TooManyReads) else None
    if request.path.startswith(readers.API):
        return _problem(refusal, wait)
    heading = "این صفحه اکنون فرستاده نشد." if wait else "این صفحه برای شما بسته است."
    words = Words(heading, refusal.detail, [_CLAUSE, Act("/cart/", "دیدن سبد")], tone="time")
    return errors.page(None, words, refusal.status, retry_after=wait)


def _problem(refusal: TooManyReads | ShutOut, wait: int | None) -> HttpResponse:
    document = {
        "type": f"urn:peyman:problem:{refusal.code}",
        "title": refusal.code.replace("_", " ").capitalize(),
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.detail,
        "clause": refusal.clause,
        "clause_number": "3-4",
    }
    response = HttpResponse(
        json.dumps(document, ensure_ascii=False), status=refusal.status, content_type="application/problem+json"
    )
    if wait:
        response["Retry-After"] = str(wait)
    response["Cache-Control"] = "no-store"
    return response
