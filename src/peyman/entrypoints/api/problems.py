"""Errors of the API: RFC 9457 problem documents, and nothing else."""

import json
from typing import Any

from django.http import HttpResponse

from peyman.entrypoints import clock
from peyman.kernel.errors import Invalid, Refused, TryLater
from peyman.promises import queries as promises

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 30  # seconds, where nobody knows better

SAYS = {
    400: "درخواست خوانده نشد. چیزی ثبت نشد.",
    401: "برای این کار باید وارد شوید: توکن نیامده است، یا درست نیست، یا زمانش گذشته است.",
    403: "این کار برای این حساب باز نیست.",
    404: "چیزی با این نشانی پیدا نشد.",
    405: "این نشانی این کار را نمی‌پذیرد.",
    413: "درخواست بزرگ‌تر از اندازه است.",
    415: "بدنه درخواست باید JSON باشد: Content-Type: application/json.",
    422: "چند مورد از اطلاعات کامل یا درست نیست.",
    500: "خطا از ماست، نه از شما. ببینید آیا کار انجام شده است، یا با همان Idempotency-Key دوباره بفرستید.",
    503: "اکنون نمی‌توانیم این کار را انجام دهیم. چیزی ثبت نشد و پولی گرفته نشد؛ کمی بعد دوباره تلاش کنید.",
}
CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    500: "fault",
    503: "try_later",
}


class Unreadable(Refused):
    """The body is no JSON that two readers would read the same."""

    code, status = "malformed_json", 400
    says = "بدنه درخواست JSON درستی نیست: {why}. چیزی ثبت نشد."


class NotJson(Refused):
    code, status = "unsupported_media_type", 415
    says = SAYS[415]


class TooLarge(Refused):
    code, status = "too_large", 413
    says = SAYS[413]


def of_status(status: int, *, code: str = "", detail: str = "", **more: Any) -> HttpResponse:
    """Return the problem document of a plain HTTP status."""
    code = code or CODES.get(status, "error")
    document = {
        "type": f"urn:peyman:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail or SAYS.get(status, SAYS[400]),
        **more,
    }
    response = HttpResponse(json.dumps(document, ensure_ascii=False), status=status, content_type=MEDIA_TYPE)
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="peyman"'
    if status == 503:
        response["Retry-After"] = str(RETRY_AFTER)
    response["Cache-Control"] = "no-store"
    return response


def of_refusal(refusal: Refused) -> HttpResponse:
    """Return the problem document of a refusal, with its clause and the figures that decided.

    `clause` is the register's id, for machines; `clause_number` («11-3») is the published one, for people.
    """
    more: dict[str, Any] = {name: value for name, value in refusal.details.items() if _is_figure(name, value)}
    if refusal.clause:
        more["clause"] = refusal.clause
        terms = promises.terms_in_force(clock.now())
        more["clause_number"] = promises.clause_number(terms, refusal.clause)
    if isinstance(refusal, Invalid):
        more["fields"] = refusal.fields
    response = of_status(refusal.status, code=refusal.code, detail=refusal.detail, **more)
    if isinstance(refusal, TryLater):
        response["Retry-After"] = str(refusal.retry_after)
    return response


def _is_figure(name: str, value: object) -> bool:
    return name == "sku" or (isinstance(value, int) and not isinstance(value, bool))
