"""What an audit goes by besides logs and history: probes, overhead, clocks, an end that is stated."""

import json
from fractions import Fraction
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from peyman.gateways.audit.recount import recount
from peyman.market.tariff.rules.audit import Code, Probe, Register, Span, Terms, by_network, by_probes, compared, micros
from peyman.market.tariff.rules.audit_joins import ClockOffset, Clocks
from peyman.market.tariff.rules.history import moment
from tests.jobs.test_audit import audit, by_user_day, done, failed, line, place, prints, write_csv

__all__ = ["place"]

PROBES = "operator,edge,at,factor,source\n"


def at(text: str) -> int:
    return micros(moment(text)[0])


# ---- Probes ----

EDGE = ip_address("185.143.232.10")
GRACE = [Span(0, 100, Code.OVERCHARGED, "pending"), Span(100, 200, Code.IN_GRACE), Span(200, 300, Code.FINE)]
HALF, FULL = Fraction(1, 2), Fraction(1)


def drawn(*probes: tuple[int, Fraction]) -> list[tuple[int, int, str]]:
    found = by_probes(GRACE, [Probe("mci", EDGE, when, factor) for when, factor in probes])
    return [(span.start, span.end, span.code.reason) for span in found]


@pytest.mark.clause("B09")
@pytest.mark.parametrize(
    ("case", "probes", "expected"),
    [
        ("none", [], [(0, 100, "overcharged"), (100, 200, "in_grace"), (200, 300, "fine")]),
        ("less", [(150, HALF)], [(0, 100, "overcharged"), (100, 150, "in_grace"), (150, 300, "fine")]),
        ("full", [(150, FULL)], [(0, 151, "overcharged"), (151, 200, "in_grace"), (200, 300, "fine")]),
        (
            "full, then less",
            [(120, FULL), (160, HALF)],
            [(0, 121, "overcharged"), (121, 160, "in_grace"), (160, 300, "fine")],
        ),
        (
            "less, then full: nobody knows",
            [(120, HALF), (160, FULL)],
            [(0, 100, "overcharged"), (100, 200, "in_grace"), (200, 300, "fine")],
        ),
        (
            "full, less, full, less: what is before and after is known",
            [(110, FULL), (120, HALF), (130, FULL), (140, HALF)],
            [(0, 111, "overcharged"), (111, 140, "in_grace"), (140, 300, "fine")],
        ),
        (
            "too near to tell",
            [(150, Fraction(4, 5))],
            [(0, 100, "overcharged"), (100, 200, "in_grace"), (200, 300, "fine")],
        ),
        ("outside", [(50, HALF), (250, FULL)], [(0, 100, "overcharged"), (100, 200, "in_grace"), (200, 300, "fine")]),
    ],
)
def test_what_was_measured_decides_in_the_days_of_grace_and_nowhere_else(
    case: str, probes: list[tuple[int, Fraction]], expected: list[tuple[int, int, str]]
) -> None:
    assert drawn(*probes) == expected


def test_a_probe_that_speaks_against_the_history_is_told_as_contrary() -> None:
    register = Register([], by_network([]), probes=[Probe("mci", EDGE, 5, HALF), Probe("mci", EDGE, 6, Fraction(4, 5))])
    assert [one.says for one in compared(register, Terms())] == ["unknown", "unclear"]


def rows(*days: str, **given: Any) -> list[dict[str, Any]]:
    return [
        line(ts_start=f"{day}T08:00:00Z", ts_end=f"{day}T08:00:01Z", edge_ip="185.112.32.70", request_id=day, **given)
        for day in days
    ]


@pytest.mark.clause("B08", "B09")
def test_lines_in_grace_become_fine_or_overcharged_where_a_probe_says_so(place: Path) -> None:
    write_csv(
        place / "log.csv", rows("2023-05-05", "2023-05-06", "2023-05-07") + rows("2023-05-08", client_ip="5.5.1.1")
    )
    found = done(place, "--grace-days", "5")
    assert found["unknown"] == {"in_grace": 4}
    (place / "probes.csv").write_text(
        PROBES
        + "mci,185.112.32.70,2023-05-05T20:00:00Z,1,sim 1\n"
        + "mci,185.112.32.70,2023-05-07T01:00:00Z,0.5,sim 1\n"
        + "mci,185.112.32.70,2023-05-12T01:00:00Z,1,sim 2\n"
    )
    found = done(place, "--grace-days", "5", "--probes", str(place / "probes.csv"))
    assert (found["fine"], found["overcharged"], found["unknown"]) == (1, 1, {"in_grace": 2})
    assert [(row["user"], row["operator"], row["lines"]) for row in by_user_day(place)] == [("anonymous", "mci", 1)]
    assert (found["probes"]["decides"], found["probes"]["contrary"]) == (2, 1)
    assert [one["at"] for one in found["probes"]["contrary_to_history"]] == ["2023-05-12T01:00:00.000Z"]
    assert recount(place / "out").differences == ()
    interval = json.loads((place / "out" / "intervals.json").read_text())[0]
    assert (interval["to"], interval["cause"]) == ("2023-05-05T20:00:00.000Z", "grace")


@pytest.mark.clause("B09")
def test_probes_change_nothing_where_no_grace_is_given_and_a_kept_answer_is_the_same_with_them(place: Path) -> None:
    write_csv(place / "log.csv", rows("2023-05-05", "2023-05-06", "2023-05-07"))
    (place / "probes.csv").write_text(PROBES + "mci,185.112.32.70,2023-05-06T01:00:00Z,1,sim 1\n")
    probes = ["--probes", str(place / "probes.csv")]
    assert done(place, *probes)["fine"] == 3
    for grace in ("0", "5", "2"):
        kept = ["--keep", str(place / "kept")]
        done(place, *probes, "--grace-days", grace, *kept)
        done(place, *probes, "--grace-days", grace, out="plain")
        assert prints(place / "out") == prints(place / "plain")


def test_probes_that_cannot_be_are_named_by_their_line(place: Path) -> None:
    (place / "probes.csv").write_text(PROBES + "mci,185.112.32.0/24,2023-05-06,1,x\nmci,185.112.32.1,2023-05-06,3,x\n")
    failed(audit(place, "--probes", str(place / "probes.csv")), "سطر ۲", "سطر ۳", "edge", "factor")


# ---- What no log sees ----


@pytest.mark.clause("B08")
def test_the_overhead_is_applied_once_to_the_bytes_of_a_day_and_reported_apart(place: Path) -> None:
    found = done(place, "--overhead-factor", "1.05")
    # sara: 2,000,002 bytes · 21/20 · 50 and 80/3 rials for a million bytes, each rounded up
    assert (found["rials_low"], found["rials_high"], found["bytes_overcharged"]) == (57, 106, 3_000_003)
    assert found["overhead"] == {"factor": "21/20", "bytes": 150_001, "rials_low": 3, "rials_high": 5}
    assert "overhead" not in done(place, "--overhead-factor", "1")
    assert json.loads((place / "out" / "manifest.json").read_text())["parameters"]["overhead_factor"] == "1"
    done(place, "--overhead-factor", "1.05")
    assert recount(place / "out").differences == ()


@pytest.mark.parametrize("factor", ["0.99", "2.1", "x", "-1", "1.00001"])
def test_an_overhead_that_is_none_is_refused(place: Path, factor: str) -> None:
    failed(audit(place, "--overhead-factor", factor), "--overhead-factor")


# ---- Clocks ----

OFFSETS = "cdn,node,valid_from,valid_to,ahead_seconds,tolerance_seconds\n"


def test_a_row_of_a_node_goes_before_one_of_its_cdn_and_rows_that_differ_widen_the_tolerance() -> None:
    rows = [
        ClockOffset("arvan", "", 60, 5, 0, 100),
        ClockOffset("arvan", "n1", -30, 1, 0, 100),
        ClockOffset("own", "", 10, 2, 0, 50),
        ClockOffset("own", "", 13, 1, 40, 100),
    ]
    clocks = Clocks(rows, tolerance=3)
    assert clocks.at("arvan", "n1", 50) == (-30, 1)
    assert clocks.at("arvan", "n2", 50) == (60, 5)
    assert clocks.at("arvan", "n2", 100) == (0, 3)
    assert clocks.at("own", "", 45) == (10, 5)
    assert clocks.at("none", "", 45) == (0, 3)
    assert clocks.widest == 5


@pytest.mark.clause("B09")
def test_lines_are_moved_by_what_their_clock_was_ahead_and_each_cdn_has_a_tolerance_of_its_own(place: Path) -> None:
    due = "2023-05-21T20:30"  # midnight in Tehran at which the row is due

    def near(cdn: str, node: str, start: str, number: int) -> dict[str, Any]:
        return line(ts_start=start, ts_end=start, cdn=cdn, node=node, request_id=f"c{number}")

    write_csv(
        place / "log.csv",
        [
            near("arvan", "", f"{due}:45Z", 1),  # a minute ahead: 15 s before midnight, right to 5 s
            near("arvan", "", f"{due}:57Z", 2),  # 3 s before
            near("arvan", "n1", f"{due}:03Z", 3),  # 3 s after, right to 1 s
            near("own", "", f"{due}:03Z", 4),  # nothing known: 10 s
            near("own", "", f"{due}:11Z", 5),
        ],
    )
    (place / "clocks.csv").write_text(OFFSETS + "arvan,,2023-01-01,,60,5\narvan,n1,2023-01-01,,0,1\n")
    options = ["--clock-offsets", str(place / "clocks.csv"), "--tolerance", "10"]
    found = done(place, *options)
    assert (found["overcharged"], found["fine"], found["unknown"]) == (1, 2, {"crosses_change": 2})
    assert [str(row["day"]) for row in by_user_day(place)] == ["2023-05-21"]
    done(place, *options, "--keep", str(place / "kept"), out="again")
    assert prints(place / "again") == prints(place / "out")
    assert recount(place / "out").differences == ()


def test_the_clock_of_a_cdn_moves_a_line_to_the_day_it_was_on(place: Path) -> None:
    write_csv(place / "log.csv", [line(ts_start="2023-05-13T20:30:10Z", ts_end="2023-05-13T20:30:11Z", cdn="arvan")])
    done(place)
    assert [str(row["day"]) for row in by_user_day(place)] == ["2023-05-14"]
    (place / "clocks.csv").write_text(OFFSETS + "arvan,,2023-01-01,,20.5,1\n")
    done(place, "--clock-offsets", str(place / "clocks.csv"))
    assert [str(row["day"]) for row in by_user_day(place)] == ["2023-05-13"]


def test_a_clock_that_cannot_be_is_named(place: Path) -> None:
    (place / "clocks.csv").write_text(OFFSETS + "arvan,,2023-01-01,,1d,1\narvan,,2023-01-01,,1,-1\n")
    failed(audit(place, "--clock-offsets", str(place / "clocks.csv")), "ahead_seconds", "tolerance_seconds")


# ---- The end of the logs ----


def test_lines_after_the_stated_end_are_rejected_whatever_the_machines_clock_says(place: Path) -> None:
    write_csv(place / "log.csv", rows("2023-05-06", "2023-05-07", "2097-01-01"))
    found = done(place, "--until", "2023-05-07T08:00:00Z")
    assert (found["lines"], found["rejected"]) == (1, {"in_the_future": 2})
    found = done(place, "--until", "2023-05-07T08:00:00.000001Z")
    assert (found["lines"], found["rejected"]) == (2, {"in_the_future": 1})
    found = done(place)  # no end is stated: what the history cannot say is unknown
    assert (found["rejected"], found["unknown"]) == ({}, {"after_history": 1})
    failed(audit(place, "--until", "soon"), "ISO")
