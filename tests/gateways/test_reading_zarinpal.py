"""What each answer of Zarinpal means, read from bytes. Plain values, no wire."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.billing.rules import (
    Mismatch,
    RefundAccepted,
    RefundRefused,
    Reversed,
    ReverseRefused,
    Status,
    TokenGranted,
    TokenRefused,
    TooLate,
    Unknown,
    Unpaid,
    Verified,
)
from peyman.gateways.zarinpal import (
    Paid,
    mask,
    read_inquiry,
    read_refund,
    read_reverse,
    read_token,
    read_unverified,
    read_verify,
)

TOKEN = "A00000000000000000000000000217885159"


def pay_at(token: str) -> str:
    return f"https://bank/pay/{token}"


def done(**data: object) -> bytes:
    return json.dumps({"data": data, "errors": []}).encode()


def refused(code: object, message: str = "no") -> bytes:
    return json.dumps({"data": [], "errors": {"code": code, "message": message, "validations": []}}).encode()


def graph(**data: object) -> bytes:
    return json.dumps({"data": data}).encode()


UNREADABLE = [
    ("a server error", 500, done(code=100, authority=TOKEN, ref_id=1, status="PAID")),
    ("a gateway time-out", 504, b""),
    ("a redirect", 302, done(code=100, authority=TOKEN, ref_id=1, status="PAID")),
    ("success under an error status", 403, done(code=100, authority=TOKEN, ref_id=1, status="PAID", authorities=[])),
    ("nothing", 200, b""),
    ("a page", 200, "<!doctype html><p>سامانه در دست تعمیر است".encode()),
    ("half an object", 200, b'{"data": {"code": 100'),
    ("a list", 200, b'[{"data": {"code": 100}}]'),
    ("a number", 200, b"100"),
    ("null", 200, b"null"),
    ("another character set", 200, '{"data": {"code": 100, "ref_id": "۱"}}'.encode("utf-16")),
    ("not a number", 200, b'{"data": {"code": NaN}}'),
    ("a pit", 200, b"[" * 200_000),
    ("a code of 10,000 digits", 200, b'{"data": {"code": ' + b"1" * 10_000 + b"}}"),
    ("a code in quotes", 200, done(code="100", authority=TOKEN, ref_id=1, status="PAID")),
    ("a true code", 200, done(code=True, authority=TOKEN, ref_id=1, status="PAID")),
    ("a fraction", 200, done(code=100.0, authority=TOKEN, ref_id=1, status="PAID")),
    ("no code", 200, done(authority=TOKEN, ref_id=1, status="PAID")),
    ("data in a list", 200, b'{"data": [{"code": 100}], "errors": []}'),
    ("data and errors at once", 200, b'{"data": {"code": 100, "ref_id": 1}, "errors": {"code": -51}}'),
    ("errors without a code", 200, b'{"data": [], "errors": {"message": "?"}}'),
    ("errors as text", 200, b'{"data": [], "errors": "down"}'),
    ("errors with a code of success", 200, refused(100)),
    ("an error the bank did not expect", 200, refused(-52)),
]


@pytest.mark.parametrize(("case", "status", "body"), UNREADABLE, ids=[row[0] for row in UNREADABLE])
def test_what_cannot_be_read_is_unknown_to_every_call(case: str, status: int, body: bytes) -> None:
    assert isinstance(read_token(status, body, pay_at), Unknown)
    assert isinstance(read_verify(status, body), Unknown)
    assert isinstance(read_inquiry(status, body), Unknown)
    assert isinstance(read_reverse(status, body), Unknown)
    assert isinstance(read_unverified(status, body), Unknown)
    assert not isinstance(read_refund(status, body, 50_000), RefundAccepted)


def test_a_token_is_36_letters_and_digits() -> None:
    assert read_token(200, done(code=100, authority=TOKEN), pay_at) == TokenGranted(TOKEN, "https://bank/pay/" + TOKEN)


@pytest.mark.parametrize(
    "authority",
    [None, "", "A1", TOKEN + "0", TOKEN[:-1], TOKEN[:-1] + "/", TOKEN[:-1] + "۱", TOKEN + "\n", 36, [TOKEN]],
)
def test_any_other_token_is_unknown(authority: object) -> None:
    assert isinstance(read_token(200, done(code=100, authority=authority), pay_at), Unknown)


@pytest.mark.parametrize("code", [-9, -10, -11, -12, -14, -41])
def test_a_refused_request_names_its_code(code: int) -> None:
    assert read_token(422, refused(code, "Validation error"), pay_at) == TokenRefused(str(code), "Validation error")


@pytest.mark.parametrize(
    ("case", "body", "answer"),
    [
        ("now", done(code=100, ref_id=201, card_pan="603799******5995"), Verified("201", "603799******5995", False)),
        ("before", done(code=101, ref_id=201, card_pan="603799******5995"), Verified("201", "603799******5995", True)),
        ("receipt as text", done(code=100, ref_id="A-201"), Verified("A-201", "", False)),
        (
            "a bare card",
            done(code=100, ref_id=1, card_pan="6037991234565995"),
            Verified("1", "603799******5995", False),
        ),
        ("other amount", refused(-50), Mismatch("-50")),
        ("not paid", refused(-51), Unpaid("-51")),
        ("not paid, told as data", done(code=-51), Unpaid("-51")),
        ("another merchant's", refused(-53), Mismatch("-53")),
        ("no such token", refused(-54), Mismatch("-54")),
        ("not found", refused(-55), Mismatch("-55")),
        ("our terminal", refused(-10), Unknown("code -10")),
        ("too many", refused(-12), Unknown("code -12")),
    ],
)
def test_verify_answers(case: str, body: bytes, answer: object) -> None:
    assert read_verify(200, body) == answer


@pytest.mark.parametrize("ref_id", [None, 0, -1, 1.5, True, "", "a b", "۱۲", "1" * 65, 10**30, [201], {"id": 201}])
@pytest.mark.parametrize("code", [100, 101])
def test_no_receipt_no_verified(code: int, ref_id: object) -> None:
    assert read_verify(200, done(code=code, ref_id=ref_id)) == Unknown(f"code {code} without a usable ref_id")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("IN_BANK", Status.IN_BANK),
        ("PAID", Status.PAID),
        ("VERIFIED", Status.VERIFIED),
        ("FAILED", Status.FAILED),
        ("REVERSED", Status.REVERSED),
    ],
)
def test_inquiry_tells_one_of_five_states(word: str, status: Status) -> None:
    assert read_inquiry(200, done(code=100, status=word)) == status


@pytest.mark.parametrize("word", ["paid", "", "OK", None, 1, "name", "__class__"])
def test_another_state_is_unknown(word: object) -> None:
    assert isinstance(read_inquiry(200, done(code=100, status=word)), Unknown)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (done(code=100, message="Reversed"), Reversed()),
        (refused(-60), ReverseRefused("-60")),
        (refused(-61), ReverseRefused("-61")),
        (refused(-62), ReverseRefused("-62")),
        (refused(-63), TooLate("-63")),
        (refused(-12), Unknown("code -12")),
        (done(code=101), Unknown("code 101")),
    ],
)
def test_reverse_answers(body: bytes, answer: object) -> None:
    assert read_reverse(200, body) == answer


def test_unverified_payments_are_listed_with_their_amounts() -> None:
    body = done(code=100, authorities=[{"authority": TOKEN, "amount": 50_000, "callback_url": "", "date": ""}])
    assert read_unverified(200, body) == [Paid(TOKEN, 50_000)]
    assert read_unverified(200, done(code=100, authorities=[])) == []


@pytest.mark.parametrize("row", [None, {}, {"authority": "x", "amount": 1}, {"authority": TOKEN, "amount": "1"}])
def test_one_odd_row_makes_the_list_unknown(row: object) -> None:
    body = done(code=100, authorities=[{"authority": TOKEN, "amount": 50_000}, row])
    assert read_unverified(200, body) == Unknown("a row that cannot be read")


@pytest.mark.parametrize(
    ("case", "status", "body", "answer"),
    [
        (
            "asked",
            200,
            graph(resource={"id": "77", "amount": 50_000, "timeline": {"refund_status": "PENDING"}}),
            RefundAccepted("77", False),
        ),
        (
            "arrived",
            200,
            graph(resource={"id": 77, "amount": 50_000, "timeline": [{"refund_status": "PAID"}]}),
            RefundAccepted("77", True),
        ),
        ("no timeline", 200, graph(resource={"id": "77", "amount": 50_000}), RefundAccepted("77", False)),
        ("other amount", 200, graph(resource={"id": "77", "amount": 5_000}), Unknown("a refund of another amount")),
        ("no number", 200, graph(resource={"amount": 50_000}), Unknown("a refund without its number")),
        ("nothing", 200, graph(resource=None), Unknown("a refund without its number")),
        ("refused", 200, b'{"errors": [{"message": "balance is not enough"}]}', RefundRefused("balance is not enough")),
        (
            "its own fault",
            200,
            b'{"errors": [{"message": "Internal server error"}]}',
            Unknown("errors that say nothing lasting"),
        ),
        ("token too old", 401, b'{"errors": [{"message": "no"}]}', Unknown("http 401")),
        ("too many", 429, b'{"errors": [{"message": "no"}]}', Unknown("http 429")),
        ("down", 502, b"<html>", Unknown("http 502")),
    ],
)
def test_refund_answers(case: str, status: int, body: bytes, answer: object) -> None:
    assert read_refund(status, body, 50_000) == answer


@pytest.mark.parametrize(
    ("card", "kept"),
    [
        ("603799******5995", "603799******5995"),
        ("6037xxxxxxxx5995", "6037********5995"),
        ("6037991234565995", "603799******5995"),
        ("6037991234567895995", "603799******5995"),
        ("6037-9912-3456-5995", ""),
        ("۶۰۳۷۹۹۱۲۳۴۵۶۵۹۹۵", ""),
        ("", ""),
        (None, ""),
        (6037991234565995, ""),
    ],
)
def test_no_card_number_gets_through(card: object, kept: str) -> None:
    assert mask(card) == kept


scalars = st.none() | st.booleans() | st.integers(-70, 110) | st.integers() | st.floats() | st.text(max_size=40)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner), max_leaves=8
)
codes = st.sampled_from([100, 101, -9, -50, -51, -52, -54, -60, -61, -63]) | scalars
near_misses = st.fixed_dictionaries(
    {},
    optional={
        "data": st.fixed_dictionaries(
            {},
            optional={
                "code": codes,
                "ref_id": scalars,
                "authority": scalars | st.just(TOKEN),
                "status": scalars | st.just("PAID"),
                "card_pan": scalars,
                "authorities": documents,
                "resource": documents,
            },
        )
        | documents,
        "errors": st.just([]) | st.fixed_dictionaries({}, optional={"code": codes, "message": scalars}) | documents,
    },
)
bodies = st.binary(max_size=200) | (documents | near_misses).map(lambda value: json.dumps(value).encode())
statuses = st.sampled_from([200, 200, 201, 301, 400, 401, 422, 429, 500, 503]) | st.integers(100, 599)


@given(statuses, bodies)
def test_nothing_a_bank_sends_raises_or_passes_for_more_than_it_says(status: int, body: bytes) -> None:
    verified = read_verify(status, body)
    if isinstance(verified, Verified):
        data = json.loads(body)["data"]
        assert 200 <= status < 300
        assert type(data["code"]) is int and data["code"] in (100, 101)
        assert verified.again == (data["code"] == 101)
        assert verified.refnum == str(data["ref_id"]) != ""
    granted = read_token(status, body, pay_at)
    if isinstance(granted, TokenGranted):
        assert granted.token == TOKEN
    assert read_inquiry(status, body) in (Status.PAID,) or isinstance(read_inquiry(status, body), Unknown)
    if isinstance(read_reverse(status, body), Reversed):
        assert json.loads(body)["data"]["code"] == 100
    assert isinstance(read_unverified(status, body), list | Unknown)
    if isinstance(read_refund(status, body, 50_000), RefundAccepted):
        assert json.loads(body)["data"]["resource"]["amount"] == 50_000


@given(st.text(max_size=30) | st.from_regex(r"[0-9]{12,22}", fullmatch=True))
def test_a_kept_card_never_holds_more_than_ten_digits(card: str) -> None:
    assert sum(letter.isdigit() for letter in mask(card)) <= 10
