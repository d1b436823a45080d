"""Log-in by code, tokens, the terms in force."""

from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Router
from ninja.responses import Status

from peyman.entrypoints import clock, logins
from peyman.entrypoints.api import schemas
from peyman.entrypoints.api.guard import Bearer, anyone
from peyman.people import actions as people
from peyman.people import rules
from peyman.promises import queries as promises

router = Router(tags=["account"])


@router.post("/auth/code", auth=anyone, response={202: schemas.CodeSent}, operation_id="ask_for_code")
def ask_for_code(request: HttpRequest, body: schemas.CodeAsk) -> Any:
    """Send a log-in code by SMS. The answer is the same whether or not the number is known."""
    until = logins.send_code(request, rules.mobile_number(body.mobile), clock.now())
    return Status(202, {"expires_at": until})


@router.post("/auth/token", auth=anyone, response=schemas.TokenGiven, operation_id="get_token")
def get_token(request: HttpRequest, body: schemas.TokenAsk) -> Any:
    """Exchange the code for a bearer token. A code works once, for three minutes, for five tries."""
    now = clock.now()
    person = logins.prove(request, rules.mobile_number(body.mobile), body.code, now)
    given = people.issue_token(person=person, now=now)
    agent, address = request.headers.get("User-Agent", ""), get_adapter().get_client_ip(request)
    people.note_api_login(person=person, user_agent=agent, address=address, now=now)
    return given


@router.delete("/auth/token", auth=Bearer(), response={204: None}, operation_id="end_token")
def end_token(request: HttpRequest) -> HttpResponse:
    """End the token this request carries."""
    token = request.headers["Authorization"].partition(" ")[2]
    people.revoke_token(token=token, now=clock.now())
    return HttpResponse(status=204)


@router.get("/terms", auth=anyone, response=schemas.TermsGiven, tags=["terms"], operation_id="terms")
def terms(request: HttpRequest) -> Any:
    """The version of the terms in force; send its number as `terms_version` when placing."""
    version = promises.terms_in_force(clock.now())
    return {
        "version": version.number,
        "title": version.title,
        "sha256": version.sha256,
        "effective_at": version.effective_at,
        "parameters": version.parameters,
        "url": f"{settings.PUBLIC_URL}/terms/{version.number}/",
    }
