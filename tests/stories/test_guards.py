"""Each clause that is due has a guard, and taking it away is noticed by a test that is marked with the clause."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from peyman.entrypoints.jobs import clauses
from tests import guards
from tests.guards import GUARDS, Cut, Guard
from tests.warm import Warm

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def joined() -> clauses.Joined:
    return clauses.read(REPO)


@pytest.fixture(scope="module")
def warm(joined: clauses.Joined) -> Iterator[Warm]:
    """What runs the witnesses: one process for each guard would spend its time on imports."""
    witnesses = {test.partition("::")[0] for guard in GUARDS for test in joined.tests_of(guard.clause)}
    with Warm(sorted(path for path in witnesses if not path.startswith("tests/browser/"))) as warm:
        yield warm


@pytest.mark.slow
@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_that_is_taken_away_is_missed(guard: Guard, joined: clauses.Joined, warm: Warm, tmp_path: Path) -> None:
    witnesses = joined.tests_of(guard.clause)
    assert witnesses, f"no test is marked with {guard.clause}"
    report = tmp_path / "report.xml"
    options = ["-p", "tests.guards", f"--take-away={guard.name}", "-m", "not browser", "-x", f"--junitxml={report}"]
    code, said = warm.run(*options, *witnesses)
    assert code == 1, f"{guard.name}: nobody misses it\n{said}"
    suite = ElementTree.parse(report).getroot().find("testsuite")  # noqa: S314  # written by pytest just now
    assert suite is not None
    assert int(suite.get("failures", "0")) >= 1
    assert int(suite.get("errors", "0")) == 0, said


def test_nobody_misses_anything_when_nothing_is_taken_away(joined: clauses.Joined, warm: Warm) -> None:
    for clause in ("D04", "D21"):  # rules, tables and pages; the API as well
        code, said = warm.run("-p", "tests.guards", "-m", "not browser", *joined.tests_of(clause))
        assert code == 0, said


def test_each_clause_that_is_due_and_more_than_text_has_a_guard(joined: clauses.Joined) -> None:
    due = {row.entry.id for row in joined.rows if row.entry.due and not row.entry.shown}
    begun = {row.entry.id for row in joined.rows if row.code and row.tests}  # a clause may be carried out part by part
    guarded = {guard.clause for guard in GUARDS}
    assert due - guarded == set()
    assert guarded - begun == set()


def test_guards_have_names_of_their_own() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)


# ---- The knife itself ----


def total(price: int, *, fee: int = 10) -> int:
    """A function to cut into."""
    if price < 0:
        raise ValueError("no such price")
    return price + fee


ALIAS = total


@contextmanager
def whole_again() -> Iterator[None]:
    code, defaults = total.__code__, total.__kwdefaults__
    try:
        yield
    finally:
        total.__code__, total.__kwdefaults__ = code, defaults


def test_a_cut_function_is_cut_for_everybody_who_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "named", lambda target: total)
    with whole_again():
        Cut("here:total", "if price < 0:", "if False:").apply()
        assert (ALIAS(-5), ALIAS(-5, fee=5)) == (5, 0)
    with pytest.raises(ValueError):
        ALIAS(-5)


@pytest.mark.parametrize("old", ["if price > 0:", "price"])
def test_a_piece_that_is_not_there_exactly_once_cannot_be_cut(monkeypatch: pytest.MonkeyPatch, old: str) -> None:
    monkeypatch.setattr(guards, "named", lambda target: total)
    with whole_again(), pytest.raises(LookupError):
        Cut("here:total", old, "").apply()
    assert ALIAS(5) == 15


def test_what_decorators_wrap_is_what_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapper = SimpleNamespace(__wrapped__=total)
    monkeypatch.setattr(guards, "named", lambda target: wrapper)
    assert guards.function_at("here:total") is total


def test_every_piece_is_still_there() -> None:
    assert [guard.name for guard in GUARDS if guard.away.pieces() != 1] == []
