"""Whatever the description allows, and much that it does not, is answered as described and never with a fault."""

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    missing_required_header,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from peyman.config.wsgi import application
from peyman.entrypoints.api import urls  # noqa: F401  # hangs the routers in
from peyman.entrypoints.api.door import api
from tests import make

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
    missing_required_header,
    ignored_auth,
]

bounded = hypothesis.settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[*HealthCheck],
)
pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def described():
    """The application is called as a server would; only it must not close the connection of the test."""
    make.terms()
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.fixture
def token():
    """Somebody with a cart, in a shop that sells something; no bank answers."""
    make.calendar()
    make.carrier()
    person = make.person()
    make.cart(person=person, lines=[(make.variant(sku="SKU-1"), 1)])
    return make.token(person)


def calls():
    paths = api.get_openapi_schema(path_prefix="/api/v1/")["paths"]
    return [(path, method.upper()) for path, methods in paths.items() for method in methods]


@pytest.mark.parametrize(("path", "method"), calls())
def test_every_call_answers_as_it_is_described(described, token, settings, path, method):
    settings.BANK_URL = "http://127.0.0.1:9"
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    operation = described[path][method]

    @given(case=operation.as_strategy() | operation.as_strategy(GenerationMode.NEGATIVE))
    @bounded
    def asked(case):
        case.call_and_validate(headers=headers, checks=CHECKS)

    asked()
