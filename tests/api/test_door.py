"""How the API answers when something is not as it should be: problem documents, and never a page."""

import json

import pytest
from django.db import OperationalError

from peyman.entrypoints import limits
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _terms():
    make.terms()


@pytest.fixture
def bearer():
    return {"Authorization": f"Bearer {make.token(make.person())}"}


def problem(response, status, code):
    assert response.status_code == status, response.content.decode()
    assert response["Content-Type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"] == f"urn:peyman:problem:{code}"
    assert document["title"]
    assert document["detail"]
    return document


def test_the_description_is_openapi_3_1_and_names_every_call(client):
    schema = client.get("/api/v1/openapi.json").json()
    assert schema["openapi"] == "3.1.0"
    calls = {f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods}
    assert calls == {
        "POST /api/v1/auth/code",
        "POST /api/v1/auth/token",
        "DELETE /api/v1/auth/token",
        "GET /api/v1/terms",
        "GET /api/v1/carriers",
        "GET /api/v1/export/products",
        "GET /api/v1/half-price",
        "GET /api/v1/products",
        "GET /api/v1/products/{slug}",
        "GET /api/v1/suggestions",
        "GET /api/v1/cart",
        "PUT /api/v1/cart/lines/{sku}",
        "DELETE /api/v1/cart/lines/{sku}",
        "POST /api/v1/orders",
        "GET /api/v1/orders",
        "GET /api/v1/orders/{order}",
        "POST /api/v1/orders/{order}/cancel",
        "POST /api/v1/orders/{order}/data",
        "POST /api/v1/orders/{order}/payments",
    }


def test_there_is_no_page_of_documentation(client):
    problem(client.get("/api/v1/docs"), 404, "not_found")


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/", "/api/", "/api/v2/products", "/api/v1/products/x/y"])
def test_an_address_that_is_none_is_a_problem_document(client, path):
    problem(client.get(path), 404, "not_found")


def test_a_method_that_is_not_taken_says_which_are(client, bearer):
    response = client.patch("/api/v1/cart", headers=bearer)
    problem(response, 405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["products", "carriers", "terms", "cart", "orders", "openapi.json"])
def test_where_get_is_answered_head_is_with_the_same_headers_and_no_body(client, bearer, path):
    make.terms()
    whole = client.get(f"/api/v1/{path}", headers=bearer)
    head = client.head(f"/api/v1/{path}", headers=bearer)
    assert (whole.status_code, head.status_code) == (200, 200)
    assert head.content == b""
    assert head["Content-Type"] == whole["Content-Type"]
    assert head["Content-Length"] == str(len(whole.content))


@pytest.mark.parametrize(("path", "status"), [("nothing", 404), ("cart", 401), ("auth/code", 405)])
def test_head_is_refused_as_get_would_be_and_says_nothing_more(client, path, status):
    head = client.head(f"/api/v1/{path}")
    assert (head.status_code, head.content) == (status, b"")
    assert head["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer x", "Basic eDp5", "bearer pym_x", "Bearer پیمان"])
def test_without_a_valid_token_the_answer_is_401(client, header):
    response = client.get("/api/v1/cart", headers={"Authorization": header} if header else {})
    problem(response, 401, "unauthorized")
    assert response["WWW-Authenticate"] == 'Bearer realm="peyman"'


def test_the_session_of_the_pages_opens_nothing_here(client):
    client.force_login(make.person())
    problem(client.get("/api/v1/cart"), 401, "unauthorized")


def test_answers_are_kept_by_nobody(client, bearer):
    response = client.get("/api/v1/cart", headers=bearer)
    assert response["Cache-Control"] == "no-store"
    assert "Authorization" in response["Vary"]
    assert not response.cookies


def test_a_foreign_host_is_refused_in_the_same_form(client):
    problem(client.get("/api/v1/terms", headers={"Host": "evil.ir"}), 400, "bad_request")


@pytest.mark.parametrize(
    "body",
    [
        "", "{", "[]", '"x"', "null", "1", "{'mobile': 1}", '{"mobile": NaN}', '{"mobile": Infinity}',
        '{"mobile": 1e999}', '{"mobile": "1", "mobile": "2"}', '{"mobile": "\\ud800"}', '{"mobile": "\\u0000"}',
        '{"mobile": ' + "9" * 5000 + "}",
        '{"a":' * 100_000, "[" * 5000, '{"a":' * 500 + "1" + "}" * 500, b"\xff\xfe{", '{"mobile": "1"} x', "\ufeff{}",
    ],
)  # fmt: skip
def test_a_body_that_readers_could_read_differently_is_refused(client, body):
    response = client.post("/api/v1/auth/code", body, content_type="application/json")
    if body == "":
        problem(response, 422, "invalid")
    else:
        problem(response, 400, "malformed_json")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_a_body_of_another_kind_is_415(client, kind):
    response = client.generic("POST", "/api/v1/auth/code", '{"mobile": "09121234567"}', content_type=kind)
    problem(response, 415, "unsupported_media_type")


def test_a_body_that_is_too_large_is_413(client):
    body = json.dumps({"mobile": "9" * 1_100_000})
    problem(client.post("/api/v1/auth/code", body, content_type="application/json"), 413, "too_large")


def test_fields_are_named_with_what_is_wrong(client):
    response = client.post("/api/v1/auth/token", {"mobile": 9121234567}, content_type="application/json")
    document = problem(response, 422, "invalid")
    assert document["fields"] == {"mobile": "باید متن باشد.", "code": "این فیلد لازم است."}


def test_a_field_we_do_not_take_is_refused_and_never_passed_over(client):
    body = {"mobile": "09121234567", "role": "manager"}
    document = problem(client.post("/api/v1/auth/code", body, content_type="application/json"), 422, "unknown_field")
    assert list(document["fields"]) == ["role"]


def test_too_many_calls_are_answered_429_with_the_seconds(client, settings, bearer):
    settings.CALL_LIMITS = {"anonymous": 3, "person": 3, "wrong_token": 3}
    limits._leases.clear()
    for headers in ({}, bearer, {"Authorization": "Bearer wrong"}):
        path = "/api/v1/cart" if headers else "/api/v1/terms"
        answers = [client.get(path, headers=headers).status_code for _ in range(4)]
        assert answers[3] == 429
        assert 429 not in answers[:3]
    response = client.get("/api/v1/cart", headers=bearer)
    problem(response, 429, "too_many_requests")
    assert 1 <= int(response["Retry-After"]) <= 60


def test_a_forged_address_does_not_widen_the_limit(client, settings):
    settings.CALL_LIMITS = {**settings.CALL_LIMITS, "anonymous": 3}
    limits._leases.clear()
    answers = [client.get("/api/v1/terms", headers={"X-Forwarded-For": f"5.1.1.{n}"}).status_code for n in range(5)]
    assert answers == [200, 200, 200, 429, 429]


def test_a_fault_of_ours_shows_nothing_and_an_absent_database_is_503(client, monkeypatch):
    def broken(now):
        raise RuntimeError("secret path /etc")

    monkeypatch.setattr("peyman.promises.queries.terms_in_force", broken)
    document = problem(client.get("/api/v1/terms"), 500, "fault")
    assert "secret" not in json.dumps(document)

    def away(now):
        raise OperationalError("connection refused")

    monkeypatch.setattr("peyman.promises.queries.terms_in_force", away)
    response = client.get("/api/v1/terms")
    problem(response, 503, "try_later")
    assert response["Retry-After"] == "30"
