"""When web and worker refuse to start, and what they say then."""

import os
import sqlite3
import subprocess
import sys
import time

import httpx
import psycopg
import pytest

from peyman.entrypoints.jobs import startup
from peyman.entrypoints.jobs.up import free_port
from tests.conftest import PATIENCE

GOOD_SECRET = "k3J-9xQ_vT7w2Lm8Zr5Yb1Nc6Hd4Gf0Ps"


def in_production(peyman):
    """The same installation, as its customers would meet it."""
    del peyman.environment["PEYMAN_SANDBOX"]
    peyman.environment |= {"PEYMAN_SECRET_KEY": GOOD_SECRET, "PEYMAN_PUBLIC_URL": "https://shop.example"}
    return peyman


@pytest.fixture
def production(peyman):
    return in_production(peyman)


def comes_up(peyman) -> bool:
    """Whether web answers at all; in production it sends plain HTTP away."""
    port = free_port(set())
    web = peyman.start("web", "--bind", f"127.0.0.1:{port}")
    try:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if web.poll() is not None:
                return False
            try:
                answer = httpx.get(
                    f"http://127.0.0.1:{port}/healthz", headers={"Host": "shop.example"}, timeout=PATIENCE
                )
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return answer.status_code == 301
        return False
    finally:
        web.terminate()
        web.communicate(timeout=PATIENCE)


@pytest.mark.any_database
@pytest.mark.parametrize("service", ["web", "worker"])
@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"PEYMAN_SECRET_KEY": ""}, "کلید رمز خالی است"),
        ({"PEYMAN_SECRET_KEY": "sandbox-only-never-a-secret-sandbox-only-never-a-secret-"}, "کلید رمز نمونه"),
        ({"PEYMAN_SECRET_KEY": "short"}, "کلید رمز نمونه یا کوتاه"),
        ({"PEYMAN_FIELD_KEYS": "short"}, "کلیدی در PEYMAN_FIELD_KEYS کوتاه است"),
        ({"PEYMAN_BANK_URL": "http://127.0.0.1:9000"}, "PEYMAN_BANK_URL نشانی شبیه‌ساز است"),
        ({"PEYMAN_BANK_URL": "https://sandbox.zarinpal.com"}, "PEYMAN_BANK_URL نشانی شبیه‌ساز است"),
        ({"PEYMAN_BANK_URL": "http://0.0.0.0:9000"}, "PEYMAN_BANK_URL نشانی شبیه‌ساز است"),
        ({"PEYMAN_SMS_URL": "http://localhost:9000"}, "PEYMAN_SMS_URL نشانی شبیه‌ساز است"),
    ],
)
def test_production_does_not_start_as_a_sandbox(production, service, environment, reason):
    ended = production(service, **environment)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.any_database
def test_nothing_of_the_sandbox_stands_in_for_a_bank_of_production(production):
    """Each secret that the sandbox makes up is refused by its name, all of them at once."""
    samples = {name: sample for name, sample in startup.SAMPLES.values()}
    ended = production("web", **samples)
    assert ended.returncode == 2
    assert [name for name in samples if f"{name} مقدار فروشگاه آزمایشی" not in ended.stderr] == []


def test_the_samples_are_what_the_sandbox_really_uses(settings):
    """Checked here, so that no secret of the sandbox changes and is let into production."""
    assert {name: getattr(settings, name) for name in startup.SAMPLES} == {
        name: sample for name, (_, sample) in startup.SAMPLES.items()
    }


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"PEYMAN_ZARINPAL_MERCHANT": "6a1c5b1e-ours"}, "PEYMAN_ZARINPAL_TOKEN خالی است"),
        ({"PEYMAN_GATEWAYS": "saman"}, "PEYMAN_GATEWAYS درگاهی را نام می‌برد که برپا نیست (saman)"),
        ({"PEYMAN_GATEWAYS": "mellat"}, "PEYMAN_GATEWAYS درگاهی را نام می‌برد که برپا نیست (mellat)"),
    ],
)
def test_a_bank_that_is_half_set_up_opens_no_shop(production, environment, reason):
    ended = production("web", **environment)
    assert ended.returncode == 2
    assert reason in ended.stderr


@pytest.mark.parametrize("service", ["web", "worker"])
def test_a_database_that_was_never_prepared_is_not_served(bare, service):
    ended = in_production(bare)(service)
    assert ended.returncode == 2
    assert "پایگاه داده به‌روز نیست: «peyman init» را اجرا کنید." in ended.stderr


def test_history_without_its_guards_is_not_served(production, on_postgres):
    assert production("init").returncode == 0
    if on_postgres:
        with psycopg.connect(production.environment["DATABASE_URL"]) as link:
            link.execute("DROP TRIGGER append_only_rows ON billing_entry")
    else:
        with sqlite3.connect(production.environment["DATABASE_URL"].removeprefix("sqlite:///")) as link:
            link.execute("DROP TRIGGER append_only_billing_entry_delete")
    ended = production("web")
    assert ended.returncode == 2
    assert "نگهبان جدول‌های فقط‌افزودنی نیست (billing_entry)" in ended.stderr
    assert production("init").returncode == 0
    if on_postgres:  # the tests' own server does not sync, and that is the next reason
        ended = production("web")
        assert ended.returncode == 2
        assert "PostgreSQL با fsync=off کار می‌کند" in ended.stderr
        assert "نگهبان" not in ended.stderr
    else:
        assert comes_up(production)


@pytest.mark.any_database
def test_sample_people_and_goods_are_kept_out_of_production(production):
    ended = production("init", "--sample")
    assert ended.returncode == 2
    assert "تنها در فروشگاه آزمایشی" in ended.stderr


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--bind", "0.0.0.0:8000"], "تنها روی همین دستگاه"),
        (["--bind", "8000"], "به شکل HOST:PORT"),
        (["--bind", "127.0.0.1:99999"], "به شکل HOST:PORT"),
        (["--bind", "127.0.0.1:۸۰۰۰"], "به شکل HOST:PORT"),
        (["--workers", "0"], "دست‌کم یک است"),
    ],
)
def test_the_sandbox_is_heard_on_this_machine_only(peyman, options, reason):
    ended = peyman("web", *options)
    assert ended.returncode == 2
    assert reason in ended.stderr


@pytest.mark.any_database
@pytest.mark.parametrize("process", ["peyman.config.urls", "peyman.entrypoints.jobs.worker"])
def test_what_runs_all_day_does_without_the_engine_of_the_audit(process):
    asked = f"import django, importlib, sys; django.setup(); importlib.import_module({process!r}); print(*sys.modules)"
    environment = os.environ | {"PEYMAN_SANDBOX": "1", "DJANGO_SETTINGS_MODULE": "peyman.config.settings"}
    done = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    brought = set(done.stdout.split())
    assert process in brought
    assert not brought & {"duckdb", "pyarrow", "typst", "datafusion", "pyspark"}
