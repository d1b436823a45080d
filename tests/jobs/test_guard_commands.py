"""`peyman guard` and `peyman deliveries`: what they print and how they end."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from peyman.entrypoints.jobs import deliveries, guard
from peyman.market.guard.models import Delivery, Spell
from tests.guarding import CUSTOMER, NOW, OBJECT, OTHER, OURS, STRANGER, edge, lit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(settings: Any, tmp_path: Any) -> None:
    settings.CLOCK_FILE = tmp_path / "clock"
    settings.CLOCK_FILE.write_text(NOW.isoformat())


def run(command: Any, *arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def asked(client: str = CUSTOMER, *more: str, object_: str = OBJECT) -> Result:
    return run(guard.command, "--object", object_, "--client-ip", client, *more)


@pytest.mark.clause("B02")
def test_the_guard_prints_its_evidence_as_json_and_ends_with_0_where_half_price_may_be_said():
    lit()
    done = asked(CUSTOMER, "--json")
    said = json.loads(done.stdout)
    code = said["snapshot"].pop("code")
    assert code.startswith("REG-")
    assert (done.exit_code, said) == (
        0,
        {
            "object": OBJECT,
            "client_ip": CUSTOMER,
            "at": "2025-01-04T06:30:00Z",
            "allowed": True,
            "wording": "half",
            "wording_version": 1,
            "text": "این دانلود برای شما نیم‌بها حساب می‌شود.",
            "scope": "اینترنت شما: hamrah. این جمله تا شنبه ۱۵ دی، ساعت ۱۰:۱۰ معتبر است.",
            "reason": "admitted",
            "reason_text": "همه نشانی‌هایی که این فایل را می‌دهند پذیرفته‌اند و چیزی در برابرش نیست.",
            "against": [],
            "until": "2025-01-04T06:40:00Z",
            "relied_until": "2025-01-05T06:30:00Z",
            "relit_at": None,
            "operator": "hamrah",
            "rate": "hamrah/mobile",
            "deliveries": ["apps"],
            "dark_because": [],
            "incidents": [],
            "snapshot": {"seen_at": "2025-01-04T05:30:00Z"},
            "addresses": [
                {
                    "range": OURS,
                    "addresses": 4,
                    "admitted": True,
                    "status": "registered",
                    "reason": "admitted",
                    "reason_text": "ثبت است، موعدش رسیده و دوره اطمینان پس از موعد گذشته است.",
                    "due": "2024-12-05",
                    "admitted_from": "2024-12-07T20:30:00Z",
                }
            ],
        },
    )


@pytest.mark.clause("B02")
@pytest.mark.parametrize(
    ("client", "reason"),
    [
        (OTHER, "tariff_unverified"),
        (STRANGER, "unknown_isp"),
        ("fe80::1%eth0", "client_zoned"),
        ("x", "client_unreadable"),
    ],
)
def test_the_guard_ends_with_1_where_it_may_not_and_says_why(client, reason):
    lit()
    done = asked(client, "--json")
    assert (done.exit_code, json.loads(done.stdout)["reason"]) == (1, reason)
    plain = asked(client)
    assert plain.exit_code == 1
    assert "نمی‌شود گفت «نیم‌بها»؛ متن خنثی نشان داده می‌شود." in plain.output
    assert f"[{reason}]" in plain.output


@pytest.mark.clause("B02")
def test_an_instant_that_has_passed_is_answered_and_nothing_is_written():
    lit()
    done = asked(CUSTOMER, "--at", "2025-01-04T08:59", "--json")
    assert (done.exit_code, json.loads(done.stdout)["reason"]) == (1, "no_history")
    assert asked(CUSTOMER, "--at", "2025-01-04T09:00").exit_code == 0
    assert not Spell.objects.exists()


def test_what_cannot_be_answered_ends_with_2():
    lit()
    assert asked(CUSTOMER, "--at", "yesterday").exit_code == 2
    assert asked(CUSTOMER, object_="/").exit_code == 2


@pytest.mark.clause("B07")
def test_deliveries_are_put_listed_darkened_lit_and_ended_and_refused_with_1():
    lit()
    edge("185.143.233.0/30", cdn="road")
    refused = run(deliveries.command, "put", "road", "--objects", "road/*", "--cdn", "road", "--json")
    said = json.loads(refused.stdout.splitlines()[0])
    assert (refused.exit_code, said["error"]["code"], said["error"]["clause"], said["addresses"]) == (
        1,
        "delivery_not_admitted",
        "B07",
        [{"range": "185.143.233.0/30", "reason": "absent"}],
    )
    assert not Delivery.objects.filter(name="road").exists()
    assert (
        run(deliveries.command, "put", "road", "--objects", "road/*", "--cdn", "road", "--dark", "در راه").exit_code
        == 0
    )
    assert run(deliveries.command, "light", "road").exit_code == 1
    assert run(deliveries.command, "dark", "apps", "--why", "سنجش").exit_code == 0
    assert asked(CUSTOMER, "--json").exit_code == 1
    assert run(deliveries.command, "light", "apps").exit_code == 0
    assert run(deliveries.command, "end", "road", "--to", "2025-01-04T11:00").exit_code == 0
    listed = json.loads(run(deliveries.command, "list", "--json").stdout)["deliveries"]
    assert [(one["name"], one["objects"], one["dark_because"], one["valid_to"]) for one in listed] == [
        ("apps", "apps/*", None, None),
        ("road", "road/*", "در راه", "2025-01-04T07:30:00Z"),
    ]
    assert "خاموش: در راه" in run(deliveries.command, "list").output
    assert run(deliveries.command, "put", "", "--objects", "*.apk").exit_code == 1
    assert run(deliveries.command, "dark", "none", "--why", "x").exit_code == 1
