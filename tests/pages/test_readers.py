"""Who reads too fast to be a reader, whom staff shut out, and who may read by machine (D19)."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from peyman.entrypoints import readers
from peyman.entrypoints.readers import Desk
from peyman.promises.models import TermsVersion
from peyman.shop.licences import actions, queries
from peyman.shop.licences.models import Licence, LicenceUse, ReaderHold, ReaderMinute
from peyman.shop.licences.rules import Hold, LicenceForm, LicenceSpent
from tests import make
from tests.make import NOW

ALLOWED = 12  # pages of a stranger within a minute, as the fixture sets it


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A process that just began and allows a fiftieth of everything."""
    fresh = Desk(factor=0.02)
    monkeypatch.setattr(readers, "desk", fresh)
    yield fresh


def at(address: str, **more: str) -> dict[str, str]:
    return {"REMOTE_ADDR": address, **more}


def read(client: Client, times: int, address: str = "5.112.44.7", path: str = "/goods/") -> list[int]:
    return [client.get(path, **at(address)).status_code for _ in range(times)]


def strangers(times: int, path: str = "/goods/") -> list[int]:
    """So many readers at one address, none of whom carries anything of ours."""
    return [read(Client(), 1, path=path)[0] for _ in range(times)]


# ---- At the door ----


@pytest.mark.clause("D19")
def test_who_reads_faster_than_people_is_told_how_long_to_wait_and_how_to_be_licensed(
    shop: TermsVersion, desk: Desk
) -> None:
    answers = [Client().get("/goods/", **at("5.112.44.7")) for _ in range(ALLOWED + 1)]
    assert [answer.status_code for answer in answers] == [200] * ALLOWED + [429]
    refused = answers[-1]
    html = refused.content.decode()
    assert refused["Retry-After"] == "60" and "۱ دقیقه دیگر دوباره بیایید" in html
    assert "سبد، سفارش‌ها و پرداخت باز است" in html and "کلید دسترسی" in html
    assert 'href="/terms/#c-3-4">بند ۳-۴ شرایط</a>' in html
    assert "Content-Security-Policy" in refused and refused["Cache-Control"] == "no-store"


@pytest.mark.clause("D19")
def test_to_be_turned_away_costs_the_database_nothing(shop: TermsVersion, desk: Desk) -> None:
    strangers(ALLOWED)
    with CaptureQueriesContext(connection) as log:
        assert strangers(3) == [429] * 3
        assert Client().get("/api/v1/products", **at("5.112.44.7")).status_code == 429
    assert len(log) == 0


def test_the_api_says_the_same_as_a_problem_document(shop: TermsVersion, desk: Desk) -> None:
    strangers(ALLOWED, path="/api/v1/products")
    answer = Client().get("/api/v1/products", **at("5.112.44.7"))
    assert (answer.status_code, answer["Content-Type"], answer["Retry-After"]) == (
        429,
        "application/problem+json",
        "60",
    )
    told = answer.json()
    assert (told["code"], told["clause"], told["clause_number"]) == ("too_many_reads", "D19", "3-4")


def test_what_is_not_the_catalogue_stays_open(shop: TermsVersion, desk: Desk) -> None:
    client = Client()
    strangers(ALLOWED + 5)
    for path in ("/cart/", "/login/", "/terms/", "/healthz", "/robots.txt"):
        assert client.get(path, **at("5.112.44.7")).status_code == 200
    variant = make.variant()
    assert client.post("/cart/add", {"sku": variant.sku}, **at("5.112.44.7")).status_code == 302


def test_a_minute_later_the_door_is_open_again(shop: TermsVersion, desk: Desk, clock: Path) -> None:
    strangers(ALLOWED + 1)
    clock.write_text((NOW + timedelta(minutes=1)).isoformat())
    assert read(Client(), 1) == [200]


@pytest.mark.clause("D19")
def test_browsers_behind_one_address_of_a_carrier_do_not_shut_each_other_out(
    shop: TermsVersion, desk: Desk, clock: Path
) -> None:
    browsers = [Client() for _ in range(8)]
    for n, browser in enumerate(browsers):
        clock.write_text((NOW + timedelta(seconds=n)).isoformat())  # no two browsers come at one instant
        assert read(browser, 5) == [200] * 5  # the first as a stranger, four under its own sign
    assert strangers(5) == [200] * 4 + [429]  # twelve strangers a minute
    assert read(browsers[0], 1) == [429]  # four pages a minute are a browser's share


def test_a_sign_that_we_did_not_sign_makes_nobody_a_new_reader(shop: TermsVersion, desk: Desk) -> None:
    answers = []
    for n in range(ALLOWED + 2):
        client = Client()
        client.cookies["terms"] = f"eyJ2IjoxfQ:{n}:forged"
        answers += read(client, 1)
    assert answers == [200] * ALLOWED + [429] * 2


def test_headers_of_any_length_fill_no_memory(shop: TermsVersion, desk: Desk) -> None:
    client = Client(headers={"X-Forwarded-For": "9" * 5000})
    client.cookies["terms"] = "x" * 5000
    request = client.get("/goods/", **at("5.112.44.7")).wsgi_request
    assert (readers.address_of(request), readers.sign_of(request)) == ("5.112.44.7", "")


def test_one_subscriber_of_ipv6_is_one_reader_whatever_the_end_of_the_address(shop: TermsVersion, desk: Desk) -> None:
    ends = [read(Client(), 1, address=f"2a01:5ec0:1234:5678::{n:x}")[0] for n in range(ALLOWED + 1)]
    assert ends == [200] * ALLOWED + [429]
    assert read(Client(), 1, address="2a01:5ec0:1234:5679::1") == [200]


def test_a_proxy_that_does_not_say_who_asks_shuts_nobody_out(shop: TermsVersion, desk: Desk, settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    told = ["5.1.2.3, 10.0.0.1", "5.1.2.3", "nonsense, 10.0.0.1", ""]
    answers = [Client().get("/goods/", HTTP_X_FORWARDED_FOR=each, REMOTE_ADDR="10.0.0.1") for each in told]
    assert [answer.status_code for answer in answers] == [200] * 4


@pytest.mark.clause("D19")
def test_a_crawler_is_known_by_the_addresses_it_published_and_not_by_its_name(
    shop: TermsVersion, desk: Desk, settings: Any, tmp_path: Path
) -> None:
    published = tmp_path / "googlebot.json"
    published.write_text(json.dumps({"prefixes": [{"ipv4Prefix": "66.249.64.0/27"}, {"ipv6Prefix": "2001:4860::/64"}]}))
    settings.CRAWLERS = [str(published), str(tmp_path / "not-there.json")]
    desk.note(NOW)
    assert read(Client(), 20, address="66.249.64.9") == [200] * 20  # 24 in this world
    claims = Client(headers={"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"})
    assert [claims.get("/goods/", **at("66.249.65.9")).status_code for _ in range(20)].count(429) > 0


@pytest.mark.parametrize("text", ["", "[]", "{", '{"prefixes": [{"ipv4Prefix": "0.0.0.0/0"}]}', '{"prefixes": [{}]}'])
def test_a_broken_list_of_a_crawler_changes_nothing(desk: Desk, settings: Any, tmp_path: Path, text: str) -> None:
    published = tmp_path / "googlebot.json"
    published.write_text('{"prefixes": [{"ipv4Prefix": "66.249.64.0/27"}]}')
    settings.CRAWLERS = [str(published)]
    desk.learn_crawlers()
    other = tmp_path / "other.json"
    other.write_text(text)
    settings.CRAWLERS = [str(published), str(other)]
    desk.learn_crawlers()
    assert desk.origin("66.249.64.9").crawler == "googlebot"
    assert desk.origin("8.8.8.8").crawler == ""


# ---- What is written down ----


@pytest.mark.clause("D16")
def test_a_minute_is_one_row_without_an_address_and_gone_after_a_day(shop: TermsVersion, desk: Desk) -> None:
    strangers(ALLOWED + 2)
    desk.note(NOW)
    assert not ReaderMinute.objects.exists()  # the minute is not over
    assert desk.note(NOW + timedelta(minutes=1)) == 1
    row = ReaderMinute.objects.get()
    assert (row.minute_at, row.process, row.total, len(row.readers)) == (NOW, desk.process, ALLOWED, 2)
    assert "5.112.44.7" not in json.dumps(row.readers)
    assert [(shown, kinds, refused) for _, shown, kinds, refused in row.readers] == [
        ("5.112.44.x", [ALLOWED, 0, 0, 0], 2),
        ("5.112.44.x", [ALLOWED, 0, 0, 0], 2),
    ]
    assert desk.note(NOW + timedelta(minutes=2)) == 0
    assert actions.forget_readers(now=NOW + timedelta(days=1)) == 0
    assert actions.forget_readers(now=NOW + timedelta(days=1, seconds=1)) == 1


def test_two_processes_are_one_list(shop: TermsVersion, desk: Desk) -> None:
    for process in ("one", "two"):
        ReaderMinute.objects.create(
            process=process,
            minute_at=NOW,
            total=10,
            readers=[["s1", "5.1.2.x", [3, 2, 0, 0], 1], ["s2", "5.1.3.x", [1, 0, 0, 0], 0]],
        )
    heaviest, total = queries.heaviest(since=NOW)
    assert total == 20
    assert [(each.key, each.kinds, each.pages, each.refused) for each in heaviest] == [
        ("s1", [6, 4, 0, 0], 10, 2),
        ("s2", [2, 0, 0, 0], 2, 0),
    ]


# ---- The desk ----


def staff(role: str = "catalogue") -> Client:
    client = Client()
    client.force_login(make.person(role=role, full_name="نگار کاویانی"))
    return client


@pytest.mark.clause("D19")
def test_staff_see_the_heaviest_readers_shut_one_out_and_let_it_in_again(
    shop: TermsVersion, desk: Desk, clock: Path
) -> None:
    strangers(ALLOWED + 3)
    now = NOW + timedelta(minutes=1)
    clock.write_text(now.isoformat())
    desk.note(now)
    client = staff()
    html = client.get("/desk/readers/").content.decode()
    assert html.count(">5.112.44.x</bdi>") == 2 and "فهرست ۱۲" in html and "۳ بار" in html
    assert "5.112.44.7" not in html
    key = next(each.key for each in queries.heaviest(since=NOW)[0] if each.key.startswith("a"))
    form = {"reader": key, "reason": "برداشت فهرست، بی‌اجازه", "hours": "24"}
    assert client.post("/desk/readers/out", {**form, "reason": ""}).status_code == 422
    assert client.post("/desk/readers/out", {**form, "reader": "a-nobody"}).status_code == 404
    assert client.post("/desk/readers/out", form)["Location"] == "/desk/readers/?saved=out"
    assert read(Client(), 1) == [200]  # this process has not heard of it yet
    desk.note(now)
    answer = Client().get("/goods/", **at("5.112.44.7"))
    assert answer.status_code == 403 and "برداشت فهرست، بی‌اجازه" in answer.content.decode()
    assert Client().get("/cart/", **at("5.112.44.7")).status_code == 200
    assert read(Client(), 1, address="5.112.44.8") == [200]
    assert "برداشت فهرست، بی‌اجازه" in client.get("/desk/readers/?span=day").content.decode()
    hold = ReaderHold.objects.get()
    assert client.post(f"/desk/readers/holds/{hold.pk}/lift")["Location"] == "/desk/readers/?saved=in"
    desk.note(now)
    assert read(Client(), 1) == [200]


@pytest.mark.clause("D19")
def test_nobody_at_the_desk_shuts_out_the_address_or_browser_that_they_sit_at(
    shop: TermsVersion, desk: Desk, clock: Path
) -> None:
    client = staff()
    read(client, 1, path="/")  # gives the browser its sign
    read(client, 2)
    strangers(1)
    now = NOW + timedelta(minutes=1)
    clock.write_text(now.isoformat())
    desk.note(now)
    kinds = {each.key[:1]: each.key for each in queries.heaviest(since=NOW)[0]}
    assert sorted(kinds) == ["a", "b", "s"]
    form = {"reason": "برداشت", "hours": "24"}
    for key in kinds.values():
        refused = client.post("/desk/readers/out", {**form, "reader": key}, **at("5.112.44.7"))
        assert refused.status_code == 409 and "این نشانی یا مرورگر خود شماست" in refused.content.decode()
    assert not ReaderHold.objects.exists()
    html = client.get("/desk/readers/", **at("5.112.44.7")).content.decode()
    assert html.count("خود شما از اینجا می‌خوانید") == 3 and "بستن خواندن کالاها</button>" not in html
    elsewhere = staff().get("/desk/readers/", **at("5.112.99.1")).content.decode()
    assert elsewhere.count("بستن خواندن کالاها</button>") == 3


@pytest.mark.clause("D19")
def test_a_hold_ends_by_itself_and_a_day_later_nobody_knows_whom_it_was_about(shop: TermsVersion, desk: Desk) -> None:
    origin = desk.origin("5.112.44.7")
    reader = queries.Reader("a" + origin.key, origin.shown)
    actions.shut_out(reader=reader, hold=Hold(1, "برداشت"), by=make.person(role="manager"), now=NOW)
    assert queries.shut_out(NOW + timedelta(minutes=59)) == {"a" + origin.key: "برداشت"}
    assert queries.shut_out(NOW + timedelta(hours=1)) == {}
    actions.forget_readers(now=NOW + timedelta(hours=25))
    assert ReaderHold.objects.get().reader != ""
    actions.forget_readers(now=NOW + timedelta(hours=25, seconds=1))
    assert list(ReaderHold.objects.values_list("reader", "shown", "reason")) == [("", "", "برداشت")]


@pytest.mark.parametrize("role", ["customer", "orders", "finance", "privacy", "tariff"])
def test_who_has_not_the_right_finds_no_such_page(shop: TermsVersion, role: str) -> None:
    client = staff(role)
    assert [client.get(path).status_code for path in ("/desk/readers/", "/desk/readers/licences/")] == [404, 404]
    for path in ("/desk/readers/out", "/desk/readers/licences/", "/desk/readers/holds/1/lift"):
        assert client.post(path).status_code == 404


FORM = {"owner": "آسمان", "purpose": "مقایسه قیمت", "contact": "a@b.example", "days": "۹۰", "per_day": "۳"}


@pytest.mark.clause("D19")
def test_a_licence_shows_its_key_once_and_the_same_form_grants_no_second(shop: TermsVersion) -> None:
    client = staff()
    html = client.post("/desk/readers/licences/", {**FORM, "form_key": "abc"}).content.decode()
    key = html.split('<code class="mono message key" dir="ltr">')[1].split("</code>")[0]
    assert key.startswith("pyl_") and len(key) == 47
    again = client.post("/desk/readers/licences/", {**FORM, "form_key": "abc"}).content.decode()
    assert key not in again and "کلید دوباره نشان داده نمی‌شود" in again
    assert key not in client.get("/desk/readers/licences/").content.decode()
    licence = Licence.objects.get()
    assert key not in str(vars(licence))
    assert client.post("/desk/readers/licences/", {**FORM, "days": "0"}).status_code == 422
    client.post(f"/desk/readers/licences/{licence.code}/revoke", {"why": "بازنشر"})
    html = client.get("/desk/readers/licences/").content.decode()
    assert "پس گرفته شده است" in html and "بازنشر" in html


# ---- The export ----


@pytest.fixture
def key(shop: TermsVersion) -> str:
    form = LicenceForm("آسمان", "مقایسه قیمت", "a@b.example", days=90, per_day=6)
    return actions.grant(form=form, form_key="x", by=make.person(role="manager"), now=NOW).key


def export(key: str = "", query: str = "") -> Any:
    return Client().get(f"/api/v1/export/products{query}", headers={"X-Licence-Key": key} if key else {})


def body(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


@pytest.mark.clause("D19")
@pytest.mark.parametrize("wrong", ["", "pyl_nobody", "ü" * 5, "x" * 300])
def test_without_a_key_the_export_says_how_to_get_one(shop: TermsVersion, wrong: str) -> None:
    make.variant()
    headers = {"HTTP_X_LICENCE_KEY": wrong} if wrong else {}
    answer = Client().get("/api/v1/export/products", **headers)
    told = answer.json()
    assert (answer.status_code, told["code"], told["clause"], told["clause_number"]) == (
        401,
        "licence_needed",
        "D19",
        "3-4",
    )
    assert "X-Licence-Key" in told["detail"] and "@" in told["detail"]
    assert not LicenceUse.objects.exists()


@pytest.mark.clause("D19")
def test_with_a_key_goods_come_in_portions_that_go_on_where_one_stopped(key: str) -> None:
    variants = [make.variant(price=1_000_000 * n, on_hand=n) for n in range(1, 5)]
    make.variant(product=make.product(is_on_sale=False))
    answer = export(key, "?limit=3")
    rows = [json.loads(line) for line in body(answer).splitlines()]
    assert [row["code"] for row in rows] == [each.product.code for each in variants[:3]]
    assert rows[1]["variants"] == [
        {
            "sku": variants[1].sku,
            "color": "",
            "size": "",
            "warranty": "",
            "price": 2_000_000,
            "list_price": 2_000_000,
            "price_basis": "market",
            "available": 2,
        }
    ]
    assert answer["Link"].endswith(f'/api/v1/export/products?after={rows[2]["code"]}&limit=3&format=jsonl>; rel="next"')
    rest = export(key, f"?after={rows[2]['code']}&limit=3")
    assert [json.loads(line)["code"] for line in body(rest).splitlines()] == [variants[3].product.code]
    assert "Link" not in rest
    assert list(LicenceUse.objects.values_list("goods", flat=True)) == [3, 1]


def test_a_table_has_a_line_for_each_variant_and_no_cell_that_a_spreadsheet_runs(key: str) -> None:
    product = make.product(title="=HYPERLINK(1)")
    for color in ("آبی", "سبز"):
        make.variant(product=product, color=color)
    answer = export(key, "?format=csv")
    lines = body(answer).split("\r\n")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert lines[0].startswith("code,slug,title,") and len(lines) == 4 and lines[3] == ""
    assert all(",'=HYPERLINK(1)," in line for line in lines[1:3])


@pytest.mark.clause("D19")
def test_a_key_takes_its_share_of_a_day_and_goes_on_the_next(key: str, clock: Path) -> None:
    for _ in range(4):
        make.variant()
    assert body(export(key)) != ""
    answer = export(key)
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (429, "licence_spent", str(14 * 3600))
    clock.write_text((NOW + timedelta(hours=14)).isoformat())  # midnight in Tehran
    assert export(key).status_code == 200


@pytest.mark.clause("D19")
def test_a_key_that_was_taken_back_or_is_too_old_opens_nothing(key: str, clock: Path) -> None:
    make.variant()
    clock.write_text((NOW + timedelta(days=90)).isoformat())
    answer = export(key)
    assert (answer.status_code, answer.json()["code"]) == (403, "licence_over")
    clock.write_text(NOW.isoformat())
    actions.revoke(code=Licence.objects.get().code, why="بازنشر", by=make.person(role="manager"), now=NOW)
    assert "پس گرفته شده است" in export(key).json()["detail"]
    assert not LicenceUse.objects.exists()


def test_a_place_that_is_none_is_not_found_and_spends_nothing(key: str) -> None:
    make.variant()
    assert [export(key, query).status_code for query in ("?after=NOBODY", "?limit=0", "?format=xml")] == [404, 422, 422]
    assert not LicenceUse.objects.exists()


def test_head_is_answered_without_a_body(key: str) -> None:
    make.variant()
    answer = Client().head("/api/v1/export/products", headers={"X-Licence-Key": key})
    assert (answer.status_code, answer.content) == (200, b"")


def test_two_calls_at_once_take_no_more_than_the_share_of_a_day(threads: Any) -> None:
    make.terms()
    form = LicenceForm("آسمان", "مقایسه قیمت", "a@b.example", days=90, per_day=6)
    key = actions.grant(form=form, form_key="x", by=make.person(role="manager"), now=NOW).key
    answers = threads(5, lambda n: actions.spend(key=key, goods=2, format="csv", mail="", now=NOW).pk)
    assert sum(isinstance(answer, LicenceSpent) for answer in answers) == 2
    assert LicenceUse.objects.count() == 3


# ---- robots.txt ----


@pytest.mark.clause("D19")
def test_robots_are_told_what_is_open_and_how_to_be_licensed(client: Client, settings: Any) -> None:
    settings.SANDBOX = False
    text = client.get("/robots.txt").content.decode()
    lines = text.splitlines()
    for line in ("User-agent: *", "Disallow: /cart/", "Disallow: /api/", "Disallow: /goods/?*", "Disallow: /brand/*?*"):
        assert line in lines
    assert f"Sitemap: {settings.PUBLIC_URL}/sitemap.xml" in lines
    assert f"# {settings.PUBLIC_URL}/api/v1/export/products. Search engines are welcome to the pages below." in lines
    settings.SANDBOX = True
    assert client.get("/robots.txt").content.decode() == "User-agent: *\nDisallow: /\n"
