"""Public codes: what a tired person types wrong is noticed."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.kernel import codes

GOOD = "DBC-7K2M-9QXR-4WTB-T"  # check sign worked out by hand, see below


def test_the_check_sign_is_the_one_of_the_written_rule():
    # Values: 2-9 are 0-7, A is 8 … The places from the right weigh 2, 3, 4 …; sum and check sign make 0 modulo 31.
    alphabet = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
    values = [5, 17, 0, 18, 7, 21, 28, 22, 2, 27, 24, 9]
    assert [alphabet[v] for v in values] == list("7K2M9QXR4WTB")
    assert 65 + 204 + 0 + 180 + 63 + 168 + 196 + 132 + 10 + 108 + 72 + 18 == 1216 == 39 * 31 + 7
    assert alphabet[31 - 7] == "T"
    assert codes.is_valid(GOOD, "DBC")


def test_a_new_code_has_its_form_and_is_valid():
    for prefix in ("DBC", "ORD", "PAY", "REF", "PRM", "MSG", "PER"):
        code = codes.new(prefix)
        assert [len(part) for part in code.split("-")] == [3, 4, 4, 4, 1]
        assert codes.is_valid(code, prefix)
    assert [len(part) for part in codes.new("DBC", groups=1).split("-")] == [3, 4, 1]
    assert len(set(codes.new("DBC") for _ in range(1000))) == 1000


@pytest.mark.parametrize("groups", [0, -1, 8])
def test_a_code_has_one_to_seven_groups(groups):
    with pytest.raises(ValueError):
        codes.new("DBC", groups)


@pytest.mark.clause("D57")
@pytest.mark.parametrize("groups", [1, 3, 7])
def test_every_single_wrong_sign_is_noticed(groups):
    code = codes.new("DBC", groups)
    for at, sign in enumerate(code):
        if at > 3 and sign != "-":
            for wrong in set(codes.ALPHABET) - {sign}:
                assert not codes.is_valid(code[:at] + wrong + code[at + 1 :], "DBC")


@pytest.mark.clause("D57")
@given(st.text(codes.ALPHABET, min_size=12, max_size=12))
def test_any_two_signs_swapped_are_noticed(body):
    code = codes.clean("DBC" + body + codes._check(body))
    assert codes.is_valid(code, "DBC")
    places = [at for at in range(4, len(code)) if code[at] != "-"]
    for a, b in itertools.combinations(places, 2):
        swapped = list(code)
        swapped[a], swapped[b] = swapped[b], swapped[a]
        assert codes.is_valid("".join(swapped), "DBC") is (code[a] == code[b])


@pytest.mark.parametrize(
    "code",
    [
        "", "-", "DBC", "DBC-", "DBC-2", "ORD-7K2M-9QXR-4WTB-T", "dbc-7k2m-9qxr-4wtb-t", "DBC7K2M9QXR4WTBT", " " + GOOD,
        "2" * 5000, GOOD + " ", GOOD[:-2], GOOD + "-", "DBC-7K2M-9QXR-4WTBT",
        "DBC-7K2M-9QXR-4W0B-T", "DBC-7K2M--9QXR-4WTB-T",
    ],
)  # fmt: skip
def test_what_is_not_exactly_a_code_is_refused(code):
    assert not codes.is_valid(code, "DBC")


@pytest.mark.parametrize(
    "typed",
    [
        GOOD, GOOD.lower(), GOOD.replace("-", ""), GOOD.replace("-", " "), f"  {GOOD}\n", "dbc ۷k۲m9qxr–4wtb_t",
        "DBC-٧K2M-9QXR-٤WTB-T", "\u200eDBC-7K2M-9QXR-4WTB-T\u200f", "D B C 7K2M—9QXR/4WTB.T",
    ],
)  # fmt: skip
def test_codes_are_read_however_they_are_typed(typed):
    assert codes.clean(typed) == GOOD


@given(st.text(max_size=40))
def test_whatever_is_typed_is_cleaned_once_and_for_all(typed):
    assert codes.clean(codes.clean(typed)) == codes.clean(typed)
    assert not codes.is_valid(codes.clean(typed), "XX0")
