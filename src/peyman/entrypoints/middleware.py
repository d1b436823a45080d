"""What stands at every door: a number for each request, and pages for refusals."""

import secrets
from collections.abc import Callable

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from peyman.entrypoints.storefront import errors
from peyman.kernel.errors import Refused

log = structlog.get_logger()

API = "/api/"


class Door:
    """Give each request a number that its log lines carry, and answer refusals raised by pages.

    The API answers its own refusals, as problem documents.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.number = secrets.token_hex(4)  # type: ignore[attr-defined]  # what a customer can quote of a fault
        with structlog.contextvars.bound_contextvars(request=request.number):  # type: ignore[attr-defined]
            return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        """Refuse a NUL wherever it is sent: nobody types one, and PostgreSQL cannot hold it."""
        if request.path.startswith(API):
            return None
        sent = [
            request.path,
            *(text for form in (request.GET, request.POST) for _, texts in form.lists() for text in texts),
        ]
        return errors.bad_request(request) if any("\0" in text for text in sent) else None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Turn refusals and an absent database into pages; anything else is a bug and stays loud."""
        if request.path.startswith(API):
            return None
        if isinstance(exception, Refused):
            log.info("page.refused", code=exception.code, clause=exception.clause, path=request.path)
            return errors.refused(request, exception)
        if isinstance(exception, (OperationalError, InterfaceError)):
            log.error("database.away", path=request.path, exc_info=exception)
            return errors.away(request)
        return None


door = Door
