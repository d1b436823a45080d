"""A walk through Chromium that fails is walked once more, with what its file shares made anew; a pytest plugin.

A browser is several processes that we did not write, on a machine that does other things. Nothing else is ever run
twice, and what failed first is told at the end by its name with all that was said: whatever needs this is to be mended.
"""

from types import SimpleNamespace
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

WALKS = "tests/browser/"
RERUN = "rerun"  # as the outcome of a report: neither passed nor failed


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    if not (item.nodeid.startswith(WALKS) and item.get_closest_marker("browser")):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    faults = [report for report in reports if report.failed]
    if faults and not item.session.shouldstop:
        faults[0].outcome = RERUN
        faults[0].sections += _let_go_of_the_file(item)
        item.ihook.pytest_runtest_logreport(report=faults[0])
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _let_go_of_the_file(item: pytest.Item) -> list[tuple[str, str]]:
    """End what the tests of a file share: half a walk may have moved it. Returns what went wrong in that."""
    above = [node for node in item.listchain() if not isinstance(node, pytest.Module | pytest.Item)]
    try:
        item.session._setupstate.teardown_exact(SimpleNamespace(listchain=lambda: above))
    except Exception as fault:  # noqa: BLE001  whatever a fixture's end may raise
        return [("the end of what its file shares", repr(fault))]
    return []


def pytest_report_teststatus(report: Any) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    return (RERUN, "R", ("RERUN", {"yellow": True})) if report.outcome == RERUN else None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = terminalreporter.stats.get(RERUN, [])
    if not reports:
        return
    terminalreporter.section("failed, and was run once more", yellow=True)
    for report in reports:
        terminalreporter.section(report.nodeid, sep="_", yellow=True)
        report.toterminal(terminalreporter._tw)
    for report in reports:
        terminalreporter.line(f"RERUN {report.nodeid} (its {report.when})", yellow=True)
