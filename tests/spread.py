"""Who of several processes runs which tests, and what begins first; a pytest plugin, of use with pytest-xdist alone.

The tests of a file share what is made for them (a shop that is up, a warm process), so they stay with one process, and
so do files that share something bigger than one of them. What takes longest begins first: nobody works alone at the
end. (xdist's own `loadgroup` writes the group into the name of a test, which pytest 9.2 reads elsewhere: it spreads the
members of a group as if there were none.)
"""

from typing import Any

import pytest

TOGETHER = {  # files that lean on one thing of the session
    "tests/browser/test_pages.py": "the house",
    "tests/browser/test_checkout_form.py": "the house",
    "tests/browser/test_purchase.py": "the house",
    "tests/browser/test_catalogue_walk.py": "the house",
    "tests/browser/test_audit.py": "the house",
    "tests/jobs/test_up.py": "the sandbox",
    "tests/api/test_walk.py": "the sandbox",
}
LONGEST = [  # measured; whatever is not named here takes less than some twenty seconds
    "tests/stories/test_guards.py",
    "tests/browser/test_gallery.py",
    "the house",
    "tests/proof/test_campaign.py",
    "tests/browser/test_desks.py",
    "tests/browser/test_accounts.py",
    "tests/browser/test_lost_line.py",
    "tests/jobs/test_outage.py",
    "spark",
    "tests/browser/test_refunds.py",
    "tests/browser/test_orders_desk.py",
    "tests/browser/test_incidents.py",
    "tests/browser/test_order_walks.py",
    "tests/browser/test_cart_walk.py",
    "tests/browser/test_goods_desk.py",
    "tests/browser/test_prices_desk.py",
    "tests/browser/test_newsletter_desk.py",
    "tests/browser/test_search_walk.py",
    "tests/browser/test_tariff_desk.py",
    "the sandbox",
    "tests/rooms/test_registry_real.py",
    "tests/jobs/test_commands.py",
    "tests/rooms/test_payments.py",
    "tests/api/test_schema.py",
    "tests/stories/test_money.py",
    "tests/jobs/test_bench_audit.py",
    "tests/jobs/test_registry_command.py",
    "tests/gateways/test_audit_worlds.py",
    "tests/rules/test_clauses.py",
    "tests/browser/test_media_desk.py",
    "tests/jobs/test_startup.py",
    "tests/browser/test_report.py",
    "tests/jobs/test_tariff_sample.py",
    "tests/gateways/test_logs_fuzz.py",
]


def unit_of(test: str) -> str:
    """Return what a test (its name in full) belongs to: all of one unit run in one process, one after the other."""
    if test.endswith("[spark]"):
        return "spark"  # one for all: it takes long to start
    file = test.partition("::")[0]
    return TOGETHER.get(file, file)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # one of several processes; units are given out in the order they are met
        places = {unit: place for place, unit in enumerate(LONGEST)}
        items.sort(key=lambda item: places.get(unit_of(item.nodeid), len(places)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415  there only where this is asked

    class Spread(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid)

    config.option.loadscopereorder = False  # by number of tests, that is
    return Spread(config, log)
