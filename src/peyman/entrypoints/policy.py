"""The content security policy, on every answer.

It is the same for all of them, so it is written once: django-csp builds it anew for each answer, twice, for nonces and
exceptions that we have none of. A page with a script of its own would be one (see `tests/pages/test_look.py`).
"""

from collections.abc import Callable

from csp.constants import HEADER
from csp.utils import build_policy
from django.http import HttpRequest, HttpResponse


class Policy:
    """Send CONTENT_SECURITY_POLICY of the settings along, where no answer has one of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.policy = build_policy()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(HEADER, self.policy)
        return response


policy = Policy
