"""The API itself: its description, and how it answers when something is not as it should be."""

from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from peyman.entrypoints.api import problems
from peyman.entrypoints.api.reading import StrictParser
from peyman.kernel.errors import Invalid, Refused

log = structlog.get_logger(__name__)

_WRONG = "این مقدار درست نیست."
# What is wrong with a field, by the kind of fault; fields that a room judges have the room's own sentence.
_SENTENCES = {
    "missing": "این فیلد لازم است.",
    "extra_forbidden": "چنین فیلدی پذیرفته نیست؛ بها، جمع، کد و وضعیت را ما می‌نویسیم، نه درخواست شما.",
    "string_type": "باید متن باشد.",
    "int_type": "باید عددی درست باشد، نه متن و نه اعشاری.",
    "int_parsing": "باید عددی درست باشد.",
    "int_from_float": "باید عددی درست باشد، نه اعشاری.",
    "greater_than_equal": "این عدد کوچک‌تر از اندازه است.",
    "less_than_equal": "این عدد بزرگ‌تر از اندازه است.",
    "string_too_long": "این نوشته بلندتر از اندازه است؛ کوتاه‌ترش کنید.",
    "string_too_short": "این نوشته کوتاه‌تر از اندازه است.",
    "too_long": "شمار این‌ها بیش از اندازه است.",
    "too_short": "دست‌کم یکی لازم است.",
    "literal_error": "این مقدار را نمی‌شناسیم.",
    "enum": "این مقدار را نمی‌شناسیم.",
    "bool_parsing": "true یا false بنویسید.",
    "list_type": "باید فهرست باشد.",
    "model_type": "باید یک شیء باشد.",
    "model_attributes_type": "باید یک شیء باشد.",
    "dict_type": "باید یک شیء باشد.",
    "string_pattern_mismatch": "این نوشته به شکلی نیست که باید باشد.",
}


class UnknownField(Invalid):
    """The request carries a field we do not take: a price, a state, a slip of the pen."""

    code = "unknown_field"
    says = "درخواست فیلدی دارد که نمی‌پذیریم. چیزی ثبت نشد."


class BadFields(Invalid):
    code = "invalid"
    says = "چند مورد از درخواست کامل یا درست نیست. چیزی ثبت نشد."


class Api(NinjaAPI):
    """Ninja, answering nothing but JSON, and describing its errors."""

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**kwargs)
        schema["components"]["schemas"]["Problem"] = _PROBLEM
        content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                for status in _statuses(path, operation):
                    answer: dict[str, Any] = {"description": _DESCRIBED[status], "content": content}
                    if status in (429, 503):
                        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "required": True}}
                    if status == 401:
                        answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}}
                    operation["responses"][status] = answer
        return schema


_DESCRIBED = {
    400: "The body is not JSON that every reader reads alike.",
    401: "No token, or not a valid one.",
    403: "Not open to this account.",
    404: "No such thing, or not yours.",
    409: "Refused by the state of things; `code` and `clause` say why.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "Fields are missing or wrong; `fields` names each.",
    429: "Too many requests.",
    503: "Something we depend on is away. Nothing was promised.",
}
_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. Further members are figures that decided, for instance `shown_total` and `total`.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "pattern": "^[a-z0-9_]+$", "description": "Stable; branch on this."},
        "detail": {"type": "string", "description": "Persian, for people."},
        "clause": {"type": "string", "description": "The clause that refused, by the register's id."},
        "clause_number": {"type": "string", "description": "The same clause as it is published."},
        "fields": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}


def _statuses(path: str, operation: dict[str, Any]) -> list[int]:
    statuses = [429, 503]
    if operation.get("security"):
        statuses += [401]
    if operation.get("requestBody"):
        statuses += [400, 403, 409, 413, 415, 422]
    if operation.get("parameters"):
        statuses += [404, 409, 422]
    if operation["operationId"] == "half_price":  # with a parameter that only a token opens
        statuses += [401, 403]
    if operation["operationId"] == "export_products":  # a licence may be over
        statuses += [403]
    return sorted(set(statuses))


api = Api(
    title="Peyman",
    version="1",
    description=(
        "Money is whole rials; times are ISO 8601 in UTC. Errors are RFC 9457 problem documents with a stable `code`. "
        "Lists page by key: send `next` of an answer as `after`. Writes that create take an `Idempotency-Key`."
    ),
    docs_url=None,
    urls_namespace="api",
    parser=StrictParser(),
)


@api.exception_handler(Refused)
def refused(request: HttpRequest, refusal: Refused) -> HttpResponse:
    log.info("api.refused", code=refusal.code, clause=refusal.clause, path=request.path)
    return problems.of_refusal(refusal)


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields = {_path(fault["loc"]): _SENTENCES.get(fault["type"], _WRONG) for fault in error.errors}
    unknown = any(fault["type"] == "extra_forbidden" for fault in error.errors)
    return problems.of_refusal(UnknownField(fields) if unknown else BadFields(fields))


def _path(loc: tuple[str | int, ...]) -> str:
    """Return the way to a field as the caller knows it: ("body", "body", "delivery", "unit") → "delivery.unit"."""
    parts = loc[2:] if loc[0] == "body" else loc[-1:]
    return ".".join(str(part) for part in parts) or "body"


@api.exception_handler(HttpError)
def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error.__cause__, Refused):
        return problems.of_refusal(error.__cause__)
    return problems.of_status(error.status_code)


@api.exception_handler(AuthenticationError)
def unauthorized(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return problems.of_status(401)


@api.exception_handler(Http404)
def not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return problems.of_status(404)


@api.exception_handler(PermissionDenied)
def forbidden(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    return problems.of_status(403)


@api.exception_handler(SuspiciousOperation)
def suspicious(request: HttpRequest, error: SuspiciousOperation) -> HttpResponse:
    return problems.of_status(400)


@api.exception_handler(RequestDataTooBig)
@api.exception_handler(TooManyFieldsSent)
def too_large(request: HttpRequest, error: Exception) -> HttpResponse:
    return problems.of_status(413)


@api.exception_handler(UnreadablePostError)
def cut_off(request: HttpRequest, error: Exception) -> HttpResponse:
    return problems.of_status(400)


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def database_away(request: HttpRequest, error: Exception) -> HttpResponse:
    log.error("database.away", path=request.path, exc_info=error)
    return problems.of_status(503)


@api.exception_handler(Exception)
def fault(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer a bug of ours without showing it, and keep it loud where we read: in the log."""
    if settings.DEBUG:
        raise error
    log.error("api.fault", path=request.path, exc_info=error)
    return problems.of_status(500, number=getattr(request, "number", ""))
