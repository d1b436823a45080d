"""Whatever the description allows, and much that it does not, is answered as described and never with a fault.

A longer run by hand: `SCHEMA_EXAMPLES=500 .venv/bin/pytest tests/api/test_schema.py`.
"""

import os

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
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
from peyman.entrypoints import clock
from peyman.entrypoints.api import urls  # noqa: F401  # hangs the routers in
from peyman.entrypoints.api.door import api
from peyman.gateways.simulators import BankSimulator
from tests import make
from tests.make import NOW
from tests.rooms.test_orders import place

EXAMPLES = int(
    os.environ.get("SCHEMA_EXAMPLES", "40")
)  # of each call; a stranger, who is mostly turned away, a quarter
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


def bounded(examples):
    return hypothesis.settings(
        max_examples=examples,
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
def bank(settings, monkeypatch):
    """A bank that answers; the clock stands, so that an order of NOW may still be paid for."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    with BankSimulator() as simulator:
        settings.BANK_URL = simulator.url
        yield simulator


@pytest.fixture
def buyer():
    """Somebody with a cart and an order, in a shop that sells something."""
    make.calendar()
    make.carrier()
    person = make.person()
    variant = make.variant(sku="SKU-1")
    make.cart(person=person, lines=[(variant, 1)])
    return person, {
        "order": place(person, [("SKU-1", 1)]).order.code, "sku": "SKU-1", "slug": variant.product.slug,
    }  # fmt: skip


def calls():
    paths = api.get_openapi_schema(path_prefix="/api/v1/")["paths"]
    return [(path, method.upper()) for path, methods in paths.items() for method in methods]


@pytest.mark.parametrize("who", ["buyer", "stranger"])
@pytest.mark.parametrize(("path", "method"), calls())
def test_every_call_answers_as_it_is_described(described, bank, buyer, path, method, who):
    person, known = buyer
    headers = {"Accept-Encoding": "identity"}
    if who == "buyer":
        headers["Authorization"] = f"Bearer {make.token(person)}"
    operation = described[path][method]

    @given(case=operation.as_strategy() | operation.as_strategy(GenerationMode.NEGATIVE), meets=st.booleans())
    @bounded(EXAMPLES if who == "buyer" else max(1, EXAMPLES // 4))
    def asked(case, meets):
        if meets:  # what is really there, since nobody guesses the name of an order
            case.path_parameters = {
                name: known.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
        case.call_and_validate(headers=headers, checks=CHECKS)

    asked()
