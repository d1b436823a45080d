"""Which way a refund goes, on whose word, in what lines; whose account it is; what a statement says of transfers."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from peyman.billing.rules import paya, statements
from peyman.billing.rules.statements import Differs, Kind, Ours
from peyman.kernel.errors import Invalid

OUR = "IR820540102680020817909002"
AT = datetime(2025, 1, 4, 8, tzinfo=UTC)
LIMIT = 200_000_000


# ---- Which way ----


@pytest.mark.parametrize(
    ("code", "tries", "is_over"),
    [
        ("no_refund_service", 0, True),
        ("below_minimum", 0, True),
        ("no_access_token", 0, True),
        ("no_access_token", 1, False),  # an earlier request may have come through
        ("no_access_token", 99, False),
        ("key_of_another_amount", 99, False),
        ("insufficient_balance", 0, False),
        ("insufficient_balance", 5, False),
        ("insufficient_balance", 6, True),
        ("no_session", 5, False),  # a fresh payment is listed a little later
        ("no_session", 6, True),
    ],
)
@pytest.mark.clause("D30")
def test_a_gateway_is_done_with_when_it_says_so_and_never_where_it_may_have_paid(
    code: str, tries: int, is_over: bool
) -> None:
    assert paya.is_for_good(code, tries) is is_over


@pytest.mark.parametrize(
    ("amount", "by_staff", "by_paya", "persons"),
    [
        (LIMIT, True, True, 0),
        (LIMIT + 1, True, False, 2),
        (LIMIT + 1, False, True, 2),
        (LIMIT + 1, True, True, 2),
        (LIMIT + 1, False, False, 0),
        (1, True, True, 0),
    ],
)
@pytest.mark.clause("D30")
def test_two_persons_stand_behind_what_is_above_the_limit(
    amount: int, by_staff: bool, by_paya: bool, persons: int
) -> None:
    assert paya.persons_needed(amount=amount, above=LIMIT, is_by_staff=by_staff, is_paya=by_paya) == persons


def waiting(**stands: Any) -> str:
    free = {
        "is_done": False, "is_paya": True, "has_account": True, "is_seen": True, "needs": 0, "given": 0, "left": 5,
        "has_left": False,
    }  # fmt: skip
    return paya.waits_for(**{**free, **stands})


def test_a_refund_waits_for_one_thing_at_a_time_in_their_order() -> None:
    assert waiting(has_account=False, is_seen=False, needs=2) == "account"
    assert waiting(is_seen=False, needs=2) == "holder"
    assert waiting(needs=2, given=1) == "second_person"
    assert waiting(needs=2, given=2) == "batch"
    assert waiting(left=0) == "batch"  # in a batch whose file nobody took
    assert waiting(left=0, has_left=True) == "bank"
    assert waiting(left=3, has_left=True) == "batch"  # a part came back
    assert waiting(is_paya=False, needs=2, given=1) == "second_person"
    assert waiting(is_paya=False, has_account=False) == "bank"
    assert waiting(is_done=True, has_account=False) == ""


# ---- Whose account ----


@pytest.mark.parametrize(
    ("ours", "theirs", "is_one"),
    [
        ("سارا احمدی", "سارا احمدی", True),
        ("سارا احمدی", "خانم احمدی سارا", True),
        ("سارا احمدی", "سارا  احمدي", True),
        ("علی‌رضا رضایی", "رضائی علیرضا", True),
        ("آرش آرامی", "ارش ارامی", True),
        ("سید محمد حسینی", "محمد حسینی", True),
        ("سارا احمدی", "سارا محمدی", False),
        ("سارا احمدی", "سارا", False),
        ("سارا احمدی", "سارا احمدی و رضا مرادی", False),
        ("علی رضا", "رضا علی رضا", False),
        ("", "", False),
        ("سارا", "خانم", False),
    ],
)
@pytest.mark.clause("D35")
def test_one_name_in_two_ways_of_writing_is_one_name(ours: str, theirs: str, is_one: bool) -> None:
    assert paya.is_same_name(ours, theirs) is is_one
    assert paya.is_same_name(theirs, ours) is is_one


@pytest.mark.clause("D35")
def test_a_name_that_is_not_the_customer_s_needs_a_reason_that_says_something() -> None:
    assert paya.holder(seen=" خانم  سارا احمدی ", customer="سارا احمدی", why="x") == ("خانم سارا احمدی", "")
    assert paya.holder(seen="شرکت آوند", customer="سارا احمدی", why="خریدار رسمی است") == (
        "شرکت آوند", "خریدار رسمی است",
    )  # fmt: skip
    for seen, why, field in (("", "", "seen_name"), ("شرکت آوند", "کوتاه", "why"), ("ن" * 121, "", "seen_name")):
        with pytest.raises(Invalid) as refusal:
            paya.holder(seen=seen, customer="سارا احمدی", why=why)
        assert list(refusal.value.fields) == [field]


def test_a_sheba_names_its_bank() -> None:
    assert paya.bank_of(OUR) == "بانک پارسیان"
    assert paya.bank_of("IR060170000000000000000001") == "بانک ملی ایران"
    assert paya.bank_of("IR069990000000000000000001") == paya.bank_of("") == ""


# ---- Lines ----


@pytest.mark.parametrize(
    ("amount", "lines"),
    [
        (1, [1]),
        (2_000_000_000, [2_000_000_000]),
        (2_000_000_001, [2_000_000_000, 1]),
        (4_500_000_000, [2_000_000_000, 2_000_000_000, 500_000_000]),
    ],
)
def test_what_one_transfer_cannot_carry_goes_in_several(amount: int, lines: list[int]) -> None:
    assert paya.parts(amount) == lines


def test_nothing_is_no_transfer() -> None:
    with pytest.raises(ValueError, match="carries something"):
        paya.parts(0)


@given(some.integers(1, 999_999), some.integers(1, 9999))
def test_each_line_has_a_number_of_its_own_that_one_wrong_digit_spoils(batch: int, n: int) -> None:
    number = paya.reference(batch, n)
    assert paya.is_reference(number) and number[:10] == f"{batch:06}{n:04}"
    for place in range(12):
        other = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
        assert not paya.is_reference(other)


def test_the_number_of_the_first_line_is_this() -> None:
    assert (paya.reference(1, 1), paya.reference(1, 2)) == ("000001000168", "000001000265")
    assert not paya.is_reference("") and not paya.is_reference("۰۰۰۰۰۱۰۰۰۱۶۸") and not paya.is_reference("68")


# ---- Statements ----


def read(*lines: str) -> statements.Statement:
    return statements.read(["refnum,terminal,amount,kind,at\n", *(f"{line}\n" for line in lines)])


def wire(key: int = 1, **stands: Any) -> Ours:
    free: dict[str, Any] = {"is_done": False}
    number = paya.reference(1, key)
    return Ours(key, number, Kind.TRANSFER, OUR, number, 500, AT, **{**free, **stands})


def compare(statement: statements.Statement, *ours: Ours) -> statements.Compared:
    return statements.compare(statement, ours, {OUR}, statement.span, {line.terminal for line in statement.lines})


@pytest.mark.parametrize("word", ["transfer", "TRANSFER", "paya", "پایا", "حواله", "انتقال", "refund", "استرداد"])
@pytest.mark.clause("D30")
def test_a_line_of_our_own_account_pays_the_transfer_that_it_names_in_whatever_word(word: str) -> None:
    statement = read(f"۰۰۰۰۰۱۰۰۰۱۶۸,ir82 0540 1026 8002 0817 9090 02,۵۰۰,{word},2025-01-04T12:00")
    found = compare(statement, wire())
    assert [(row.key, line.number) for row, line in found.wired] == [(1, 2)]
    assert (found.matched, found.differences, found.came_back) == (1, (), ())
    assert "000001000168" in found.agreed


@pytest.mark.parametrize("word", ["returned", "برگشت حواله", "reversal", "برگشت"])
def test_a_line_that_gives_a_transfer_back_is_no_payment_of_it(word: str) -> None:
    found = compare(read(f"000001000168,{OUR},500,{word},2025-01-04T12:00"), wire(is_done=True))
    assert [row.key for row, _ in found.came_back] == [1]
    assert (found.wired, found.differences) == ((), ())


def test_what_is_known_is_matched_and_does_nothing_again() -> None:
    lines = [f"000001000168,{OUR},500,{word},2025-01-04T12:00" for word in ("transfer", "returned")]
    found = compare(read(*lines), wire(is_done=True, is_back=True))
    assert (found.matched, found.wired, found.came_back, found.differences) == (2, (), (), ())


@pytest.mark.parametrize(
    ("line", "row", "how"),
    [
        ("000001000168,{our},501,transfer", {}, Differs.AMOUNT),
        ("000001000168,{our},500,transfer", {"is_undue": True}, Differs.UNDUE),
        ("000001000168,{our},500,payment", {}, Differs.UNDUE),
        ("000001000265,{our},500,transfer", {}, Differs.UNKNOWN_REFUND),
        ("000001000265,{our},500,returned", {}, Differs.UNKNOWN_REFUND),
        ("000001000168,IR000000000000000000000000,500,transfer", {}, Differs.FOREIGN_TERMINAL),
    ],
)
def test_what_the_bank_says_otherwise_of_a_transfer_is_a_difference(
    line: str, row: dict[str, Any], how: Differs
) -> None:
    found = compare(read(line.format(our=OUR) + ",2025-01-04T12:00"), wire(**row))
    assert ([one.how for one in found.differences], found.wired, found.came_back) == ([how], (), ())


def test_a_transfer_that_the_bank_made_twice_pays_once_and_is_shown() -> None:
    found = compare(read(*(f"000001000168,{OUR},500,transfer,2025-01-04T12:0{n}" for n in range(3))), wire())
    assert (len(found.wired), [one.how for one in found.differences]) == (1, [Differs.TWICE] * 2)


def test_a_paid_transfer_that_the_file_leaves_out_is_missing_from_it() -> None:
    found = compare(read(f"7,{OUR},5,transfer,2025-01-04T11:30"), wire(is_done=True))
    assert {one.how for one in found.differences} == {Differs.UNKNOWN_REFUND, Differs.MISSING}
