"""A bank's statement, read and held against our rows: tables of cases by hand, and drawn ledgers."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from peyman.billing.rules.statements import Compared, Differs, Fault, Kind, Line, NoStatement, Ours, compare, read

NOON = datetime(2025, 1, 4, 8, 30, tzinfo=UTC)  # 12:00 in Tehran
HEAD = "refnum,terminal,amount,kind,at\n"
T = "m-1"


def paid(refnum: str = "R1", amount: int = 1000, key: int = 1, at: datetime = NOON) -> Ours:
    return Ours(key, f"PAY-{key}", Kind.PAYMENT, T, refnum, amount, at)


def back(
    refnum: str = "", amount: int = 400, key: int = 7, of: str = "R1", is_done: bool = True, at: datetime = NOON
) -> Ours:
    return Ours(key, f"REF-{key}", Kind.REFUND, T, refnum, amount, at, of=of, is_done=is_done)


def held(text: str, *ours: Ours, terminals: tuple[str, ...] = (T,)) -> Compared:
    statement = read((HEAD + text).splitlines(keepends=True))
    return compare(statement, ours, terminals, statement.span, {line.terminal for line in statement.lines})


def hows(compared: Compared) -> list[tuple[str, int | None, int | None]]:
    return [(one.how.value, one.theirs, one.ours) for one in compared.differences]


def test_what_a_difference_is_known_by_fits_its_column_whatever_a_stranger_writes() -> None:
    long = f"{'R' * 80},{'m' * 80},{10**15},reversal,2025-01-04\n"
    (one,) = held(long).differences
    (other,) = held(long.replace("R,", "S,")).differences
    assert len(one.key("")) <= 200 and one.key("") != other.key("") and one.key("") == one.key("another file")


# ---- Reading ----


def test_digits_of_any_script_signs_between_thousands_and_persian_words_are_read() -> None:
    text = "٢٠٠۱,m-۱,«۱٬۲۵۰٬۰۰۰»,بازگشت وجه,2025-01-04 12:00\n".replace("«", '"').replace("»", '"')
    (line,) = read([HEAD, text]).lines
    assert line == Line(2, "2001", "m-1", 1_250_000, Kind.REFUND, NOON)


@pytest.mark.parametrize(
    ("at", "instant"),
    [
        ("2025-01-04T08:30:00Z", NOON),
        ("2025-01-04T12:00:00+03:30", NOON),
        ("2025-01-04 12:00:00", NOON),
        ("۲۰۲۵-۰۱-۰۴T۱۲:۰۰", NOON),
        ("2025-01-04", NOON - timedelta(hours=12)),
        ("1403-10-15T12:00:00", NOON),
        ("۱۴۰۳/۱۰/۱۵ ۱۲:۰۰", NOON),
        ("1403/10/15 9:00", NOON - timedelta(hours=3)),
    ],
)
def test_a_time_without_an_offset_is_tehrans(at: str, instant: datetime) -> None:
    (line,) = read([HEAD, f"R1,{T},1000,payment,{at}\n"]).lines
    assert line.at == instant


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (f",{T},1000,payment,2025-01-04", "refnum"),
        ("R1,,1000,payment,2025-01-04", "terminal"),
        (f"R1,{T},-1000,payment,2025-01-04", "amount"),
        (f"R1,{T},0,payment,2025-01-04", "amount"),
        (f"R1,{T},12.5,payment,2025-01-04", "amount"),
        (f"R1,{T},1e3,payment,2025-01-04", "amount"),
        (f"R1,{T},{10**15 + 1},payment,2025-01-04", "amount"),
        (f"R1,{T},1000,gift,2025-01-04", "kind"),
        (f"R1,{T},1000,payment,yesterday", "at"),
        (f"R1,{T},1000,payment,2025-13-01", "at"),
        (f"R1,{T},1000,payment,0500-01-01", "at"),
        (f"R1,{T},1000,payment,1403-12-31", "at"),
        (f"R1,{T},1000,payment,9999-12-31", "at"),
        (f"R1,{T},1000,payment", "columns"),
        (f'R1,{T},1000,"payment,2025-01-04', "columns"),
        (f"{'R' * 81},{T},1000,payment,2025-01-04", "refnum"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_stops_nothing(row: str, code: str) -> None:
    found = read([HEAD, f"{row}\n", f"R2,{T},1000,payment,2025-01-04\n"])
    assert found.faults == (Fault(2, code),)
    assert [line.refnum for line in found.lines] == ["R2"]


def test_columns_come_in_any_order_with_others_beside_them_and_empty_lines_are_nothing() -> None:
    found = read(["at;note;kind;amount;terminal;refnum\n", "\n", f"2025-01-04 12:00;hi;PAYMENT;1000;{T};R1\n"])
    assert found.lines == (Line(3, "R1", T, 1000, Kind.PAYMENT, NOON),)
    assert not found.faults


@pytest.mark.parametrize("text", ["", "<html>", "refnum,terminal,amount\n", "۱,۲,۳\n"])
def test_a_file_without_our_columns_is_no_statement(text: str) -> None:
    with pytest.raises(NoStatement) as refused:
        read(text.splitlines(keepends=True))
    assert "«refnum,terminal,amount,kind,at»" in refused.value.detail


def test_a_line_that_is_there_twice_counts_once() -> None:
    row = f"R1,{T},1000,payment,2025-01-04 12:00\n"
    found = read([HEAD, row, f"R1,{T},۱۰۰۰,پرداخت,2025-01-04T08:30Z\n", row])
    assert (len(found.lines), found.duplicates) == (1, (3, 4))


# ---- Comparing ----


def test_what_both_sides_say_agrees() -> None:
    found = held(f"R1,{T},1000,payment,2025-01-04 12:00\nR1,{T},400,refund,2025-01-04 12:00\n", paid(), back())
    assert (found.matched, hows(found), found.proven) == (2, [], ())
    assert found.agreed == {"PAY-1", (T, "R1"), "REF-7"}


@pytest.mark.parametrize(
    ("case", "text", "ours", "expected"),
    [
        ("money we know nothing of", "R9,m-1,1000,payment,2025-01-04 12:00\n", (), [("unknown_payment", 1000, None)]),
        ("given back to nobody", "R9,m-1,500,refund,2025-01-04 12:00\n", (), [("unknown_refund", 500, None)]),
        ("another amount", "R1,m-1,999,payment,2025-01-04 12:00\n", (paid(),), [("amount", 999, 1000)]),
        (
            "a refund of another amount by its own number",
            "R1,m-1,1000,payment,2025-01-04 12:00\nB1,m-1,399,refund,2025-01-04 12:00\n",
            (paid(), back("B1")),
            [("amount", 399, 400)],
        ),
        (
            "a refund of another amount by its payment's number is nobody's, and ours is missing",
            "R1,m-1,1000,payment,2025-01-04 12:00\nR1,m-1,399,refund,2025-01-04 12:00\n",
            (paid(), back("B1")),
            [("unknown_refund", 399, None), ("missing", None, 400)],
        ),
        (
            "one receipt on two lines that differ",
            "R1,m-1,1000,payment,2025-01-04 12:00\nR1,m-1,1001,payment,2025-01-04 12:00\n",
            (paid(),),
            [("twice", 1001, 1000)],
        ),
        ("not our terminal", "R1,m-2,1000,payment,2025-01-04 12:00\n", (paid(),), [("foreign_terminal", 1000, None)]),
        (
            "what we took in and the bank does not list",
            "R1,m-1,1000,payment,2025-01-04 12:00\n",
            (paid(), paid("R2", 50, 2)),
            [("missing", None, 50)],
        ),
        (
            "one line proves one refund",
            "R1,m-1,1000,payment,2025-01-04 12:00\nR1,m-1,400,refund,2025-01-04 12:00\n",
            (paid(), back(key=7), back(key=8)),
            [("missing", None, 400)],
        ),
    ],
)
def test_each_way_to_differ_has_its_name(
    case: str, text: str, ours: tuple[Ours, ...], expected: list[tuple[str, int | None, int | None]]
) -> None:
    assert hows(held(text, *ours)) == expected


@pytest.mark.parametrize(("minutes", "is_missing"), [(-1, False), (0, True), (30, True), (60, True), (61, False)])
def test_nothing_is_missing_of_a_time_that_the_statement_does_not_cover(minutes: int, is_missing: bool) -> None:
    found = held(
        f"R1,{T},1000,payment,2025-01-04 12:00\nR3,{T},1000,payment,2025-01-04 13:00\n",
        paid(),
        paid("R3", key=3),
        paid("R2", key=2, at=NOON + timedelta(minutes=minutes)),
    )
    assert [one.how for one in found.differences] == ([Differs.MISSING] if is_missing else [])


def test_nothing_is_missing_at_a_bank_of_which_the_statement_does_not_speak() -> None:
    other = Ours(5, "PAY-5", Kind.PAYMENT, "m-2", "S1", 70, NOON)
    found = held(f"R1,{T},1000,payment,2025-01-04 12:00\n", paid(), other, terminals=(T, "m-2"))
    assert hows(found) == []


@pytest.mark.clause("D30")
def test_a_line_proves_the_refund_that_was_asked_for_before_one_that_is_known() -> None:
    waiting = back(key=9, is_done=False, at=NOON + timedelta(hours=1))
    text = f"R1,{T},1000,payment,2025-01-04 12:00\nR1,{T},400,reversal,2025-01-04 12:00\n"
    found = held(text, paid(), waiting)
    assert [(row.code, line.number) for row, line in found.proven] == [("REF-9", 3)]
    assert hows(found) == []


def test_a_refund_that_is_owed_is_not_missing_at_the_bank() -> None:
    found = held(f"R1,{T},1000,payment,2025-01-04 12:00\n", paid(), back(is_done=False))
    assert (hows(found), found.proven) == ([], ())


def test_what_we_never_took_in_and_the_bank_gave_back_whole_is_no_difference() -> None:
    text = f"X1,{T},1000,payment,2025-01-04 12:00\nX1,{T},1000,reversal,2025-01-04 12:05\n"
    assert (held(text).matched, hows(held(text))) == (2, [])
    part = f"X1,{T},1000,payment,2025-01-04 12:00\nX1,{T},999,reversal,2025-01-04 12:05\n"
    assert hows(held(part)) == [("unknown_payment", 1000, None), ("unknown_refund", 999, None)]


def test_an_unreadable_line_is_work_for_a_person() -> None:
    found = held("R1,m-1,x,payment,2025-01-04\n")
    assert [(one.how, one.line, one.why) for one in found.differences] == [(Differs.UNREADABLE, 2, "amount")]


def test_drawn_ledgers_with_planted_faults_give_those_faults_and_no_others() -> None:
    draw = random.Random(11)
    planted = 0
    for _ in range(400):
        rows, text, expected = list[Ours](), list[str](), list[str]()
        for key in range(draw.randint(1, 12)):
            at = NOON + timedelta(minutes=draw.randint(0, 600))
            when, amount = at.isoformat(), draw.randint(1, 10**9)
            fate = draw.choice(["same", "same", "same", "gone", "more", "stranger"])
            if fate != "stranger":
                rows.append(paid(f"R{key}", amount, key, at))
            if fate == "same":
                text.append(f"R{key},{T},{amount},payment,{when}")
            elif fate == "more":
                text.append(f"R{key},{T},{amount + 1},payment,{when}")
                expected.append(f"amount:PAY-{key}")
            elif fate == "stranger":
                text.append(f"R{key},{T},{amount},payment,{when}")
                expected.append(f"unknown_payment:R{key}")
            else:
                expected.append(f"missing:PAY-{key}")
        text.append(f"A,{T},1,payment,{NOON.isoformat()}")
        text.append(f"Z,{T},1,payment,{(NOON + timedelta(minutes=600)).isoformat()}")
        rows += [paid("A", 1, 100), paid("Z", 1, 101, NOON + timedelta(minutes=600))]
        draw.shuffle(text)
        found = held("\n".join(text) + "\n", *rows)
        said = sorted(f"{one.how}:{one.row.code if one.row else one.refnum}" for one in found.differences)
        assert said == sorted(expected)
        planted += len(expected)
    assert planted > 800
