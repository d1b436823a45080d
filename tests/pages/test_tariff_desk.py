"""The desk of the tariff: every page with its states, what it costs, and that nothing moves before it was shown."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from peyman.market.tariff.actions import drift, edges
from peyman.market.tariff.models import Drift, Edge, Fetch, Snapshot
from peyman.market.tariff.queries import drift as drifting
from peyman.market.tariff.rules.history import moment
from peyman.promises.models import TermsVersion
from tests import make, registry
from tests.pages.reading import plain_html_of as html_of

NOW = make.NOW  # 1403/10/15
DAY = timedelta(days=1)
MINE = "http://bazargah.example"
PAGES = [
    "/desk/tariff/",
    "/desk/tariff/drift/",
    "/desk/tariff/snapshots/",
    "/desk/tariff/address/",
    "/desk/tariff/edges/",
    "/desk/tariff/requests/",
]


@pytest.fixture
def keeper(client: Client, shop: TermsVersion, settings: Any) -> Client:
    """Someone of the desk, logged in; the market's registrant is named."""
    settings.REGISTRANTS = ["bazargah.example"]
    client.force_login(make.person(role="tariff"))
    return client


def row(network: str, update: str = "1403/07/01", due: str = "1403/07/15") -> Any:
    return registry.line(network, name=MINE, update=update, due=due)


def lists(*days: str, rows: list[Any]) -> list[Snapshot]:
    return [registry.take(registry.listing(day, *rows), now=moment(day)[0] + DAY / 2) for day in days]


def declare(prefix: str, since: str = "2024-11-01", *, cdn: str = "asiatech", until: str = "") -> Edge:
    return edges.declare(
        cdn=cdn,
        prefix=prefix,
        valid_from=moment(since)[0],
        valid_to=moment(until)[0] if until else None,
        source="قرارداد",
        by=None,
        now=NOW,
    )


WEEKS = ("2024-12-06", "2024-12-13", "2024-12-20", "2024-12-27", "2025-01-03")


def world() -> None:
    """Two ranges in step, one not listed, one pending, one idle, one abroad."""
    rows = [row("185.143.232.0/24"), row("185.143.233.0/24"), row("185.143.235.0/28"),
            row("185.143.234.0/24", "1403/10/10", "1403/10/15")]  # fmt: skip
    lists(*WEEKS[:-1], rows=rows[:-1])
    lists(WEEKS[-1], rows=[*rows[:-1], row("185.143.234.0/24", "1403/10/10", "1403/11/15")])
    for prefix in ("185.143.232.0/24", "185.143.233.0/24", "185.143.234.0/24", "5.160.179.168/29", "8.8.8.0/24"):
        declare(prefix)
    drift.note(looked=drifting.look(NOW), now=NOW)


# ---- Who gets in, and pages that are not full ----


@pytest.mark.parametrize("url", PAGES)
def test_only_those_with_the_right_find_the_desk(client: Client, shop: TermsVersion, url: str) -> None:
    assert client.get(url).headers["Location"] == f"/login/?next={url}"
    for role in ("customer", "orders", "privacy"):
        client.force_login(make.person(role=role))
        assert client.get(url).status_code == 404
    for role in ("manager", "tariff"):
        client.force_login(make.person(role=role))
        assert client.get(url).status_code == 200


def test_an_empty_desk_says_what_would_be_there(keeper: Client) -> None:
    for url, says in zip(
        PAGES,
        (
            "بازه‌های شبکه توزیع را اعلام کنید",
            "همه چیز هم‌خوان است",
            "هنوز نسخه‌ای نیامده است",
            "نشانی سرور و زمان را بنویسید",
            "هنوز هیچ بازه‌ای اعلام نشده است",
            "هنوز درخواستی نساخته‌ایم",
        ),
        strict=True,
    ):
        assert says in html_of(keeper.get(url)), url


# ---- The story ----


def test_the_overview_counts_what_has_evidence_and_draws_one_lane_for_each_story(keeper: Client) -> None:
    world()
    html = html_of(keeper.get("/desk/tariff/"))
    assert "<b>۲ از ۵</b>" in html, "two of the five that serve"
    assert "<b>۳</b><span>ناهم‌خوانی باز؛ و ۱ بازه بی‌کار" in html
    assert "<b>۳۰ روز</b><span>تا نزدیک‌ترین موعد اعمال، ۱۵ بهمن" in html
    assert "۲ بازه با همین سرگذشت" in html and html.count('<section class="net" ') == 5
    assert html.index("8.8.8.0/24") < html.index("۲ بازه با همین سرگذشت"), "what is wrong now comes first"
    assert "<b>۱۰ ساعت</b><span>از آخرین نسخه سالم گذشته است" in html
    assert "از کی فایل می‌دهند: قرارداد" in html


@pytest.mark.parametrize("n", [1, 40])
def test_the_pages_cost_the_same_queries_whatever_they_show(
    keeper: Client, n: int, django_assert_num_queries: Any
) -> None:
    rows = [row(f"185.143.{i}.0/24") for i in range(n)]
    lists(*WEEKS, rows=rows)
    for i in range(n):
        declare(f"185.143.{i}.0/24")
        declare(f"5.160.{i}.0/24")
        registry.held(registry.listing(f"2024-11-{1 + i % 28:02}", *rows[: i + 1], source=f"m{i}"), "shrunk")
    drift.note(looked=drifting.look(NOW), now=NOW)
    for url, queries in COSTS.items():
        keeper.get(url)
        with django_assert_num_queries(queries):
            html_of(keeper.get(url))


COSTS = {
    "/desk/tariff/": 11,
    "/desk/tariff/?range=all": 14,
    "/desk/tariff/?from=1403/8/1&to=1403/9/1": 15,
    "/desk/tariff/drift/": 10,
    "/desk/tariff/snapshots/": 8,
    "/desk/tariff/address/?address=185.143.0.1": 7,
    "/desk/tariff/edges/": 5,
    "/desk/tariff/requests/": 6,
}


def test_a_time_is_chosen_by_links_and_by_days_with_marks(keeper: Client) -> None:
    world()
    for name in ("quarter", "year", "all"):
        assert f'href="?range={name}" aria-current="true"' in html_of(keeper.get(f"/desk/tariff/?range={name}"))
    html = html_of(keeper.get("/desk/tariff/?from=۱۴۰۳/۸/۱&to=2024-12-20&mark=۱۴۰۳/۸/۱۵ آغاز؛ 1403/9/1 پوزش"))
    assert "خط زمان، آبان ۱۴۰۳ تا آذر ۱۴۰۳" in html
    assert "آغاز، ۱۵ آبان" in html and "پوزش، ۱ آذر" in html


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("from=دیروز", "این تاریخ خوانده نشد"),
        ("from=1403/9/1&to=1403/8/1", "پایان باید پس از آغاز باشد"),
        ("from=1300/1/1&to=1403/1/1", "درازتر از سی سال"),
        ("mark=1403/9/1", "هر نشانه یک تاریخ و یک نام است"),
        ("mark=1403/9/1 a؛1403/9/1 b؛1403/9/1 c؛1403/9/1 d؛1403/9/1 e", "بیش از چهار نشانه"),
    ],
)
def test_a_time_that_cannot_be_drawn_says_why(keeper: Client, asked: str, says: str) -> None:
    html = html_of(keeper.get(f"/desk/tariff/?{asked}"), 422)
    assert says in html and "خطا:" in html


def test_what_lies_before_our_first_look_is_claimed_and_never_seen(keeper: Client) -> None:
    lists(*WEEKS, rows=[row("185.143.232.0/24")])
    declare("185.143.232.0/24", "2024-01-01")
    html = html_of(keeper.get("/desk/tariff/?from=1402/10/11&to=1403/10/15"))
    kinds = re.findall(r'<rect class="b-(\w+)', html)
    assert {"claimed", "unproven", "registered"} <= set(kinds)
    assert "بنا به تاریخ ردیف ثبت بود؛ ندیده‌ایم" in html and "نخستین نسخه ما" in html


# ---- Drift ----


def test_drift_is_shown_by_kind_with_since_when_and_when_we_knew(keeper: Client) -> None:
    world()
    html = html_of(keeper.get("/desk/tariff/drift/"))
    order = [html.index(words) for words in ("هرگز ثبت نمی‌شود", "فایل می‌دهد و ثبت نیست", "ثبت شده و پیش از موعد",
                                             "ثبت است و فایل نمی‌دهد")]  # fmt: skip
    assert order == sorted(order)
    assert "۸ نشانی از ۸" in html and 'دانستیم <time datetime="2025-01-04T06:30:00Z">شنبه ۱۵ دی ۱۴۰۳، ساعت ۱۰' in html
    assert 'تا <time datetime="2025-02-03">دوشنبه ۱۵ بهمن ۱۴۰۳' in html
    assert '<input type="hidden" name="prefixes" value="5.160.179.168/29">' in html
    assert 'name="prefixes" value="8.8.8.0/24"' not in html, "what is abroad is never asked for"
    assert '<b class="left broken">۳ ناهم‌خوانی</b> باز است' in html


@pytest.mark.clause("B17")
def test_days_since_the_last_drift_are_counted_and_drawn(keeper: Client, clock: Any) -> None:
    lists(*WEEKS, rows=[row("185.143.232.0/24")])
    declare("185.143.232.0/24")
    wrong = declare("5.160.179.168/29")
    drift.note(looked=drifting.look(NOW), now=NOW)
    edges.end(edge_id=wrong.pk, valid_to=NOW, by=None, now=NOW)
    for hours in (1, 30):
        at = NOW + timedelta(hours=hours)
        drift.note(looked=drifting.look(at), now=at)
    clock.write_text((NOW + 3 * DAY).isoformat())
    html = html_of(keeper.get("/desk/tariff/drift/"))
    assert "همه چیز هم‌خوان است" in html and "از آخرین ناهم‌خوانی گذشته است" in html
    assert "5.160.179.168/29" in html.partition("آنچه برطرف شد")[2]
    assert "۶۰ روز گذشته؛ امروز ۲۵۶ از ۲۵۶" in html


# ---- Lists ----


def test_lists_say_in_words_why_they_are_not_good(keeper: Client) -> None:
    good = lists(*WEEKS, rows=[row("185.143.232.0/24")])
    bad = registry.held(registry.listing("2025-01-04", row("1.1.1.0/24")), "shrunk")
    Fetch.objects.create(at=NOW, url="https://r.example", outcome="timeout", seconds=60.25)
    html = html_of(keeper.get("/desk/tariff/snapshots/"))
    assert "همه، ۶" in html and "سالم، ۵" in html and "در قرنطینه، ۱" in html
    assert html.index(bad.code) < html.index(good[0].code)
    assert "سامانه در مهلت پاسخ نداد" in html and "۶۰٫۲" in html
    only = html_of(keeper.get("/desk/tariff/snapshots/?state=quarantined"))
    assert bad.code in only and good[0].code not in only
    for odd in ("?state=x", "?before=x", "?before=9999999999999", "?before=۳"):
        html_of(keeper.get(f"/desk/tariff/snapshots/{odd}"))


def test_one_list_tells_what_came_and_went_and_which_rows_of_ours(keeper: Client) -> None:
    other = registry.line("1.1.1.0/24", name="http://other.example")
    registry.take(registry.listing("2024-12-27", row("185.143.232.0/24"), row("185.143.233.0/24"), other))
    last = registry.take(registry.listing("2025-01-03", row("185.143.232.0/24"), row("185.143.234.0/24")))
    html = html_of(keeper.get(f"/desk/tariff/snapshots/{last.code}/"))
    assert "<b>۱</b> ردیف آمد و <b>۲</b> ردیف رفت" in html
    assert "185.143.233.0/24" in html and "185.143.234.0/24" in html
    assert "185.143.232.0/24" not in html and "1.1.1.0/24" not in html
    assert last.sha256 in html
    assert keeper.get("/desk/tariff/snapshots/SNP-NONE/").status_code == 404


def test_a_list_is_released_in_two_steps_with_a_reason(keeper: Client, monkeypatch: Any) -> None:
    one = registry.listing("2025-01-03", row("185.143.232.0/24"))
    bad = registry.held(one, "shrunk")
    monkeypatch.setattr("peyman.entrypoints.registry_watch.read_again", registry.shelf(one))
    url = f"/desk/tariff/snapshots/{bad.code}/release"
    assert "بنویسید چرا این فهرست با وجود ایرادش درست است" in html_of(keeper.post(url, {"note": ""}), 422)
    html = html_of(keeper.post(url, {"note": "سامانه پاکسازی کرد"}))
    assert "این نسخه به تاریخچه بپیوندد" in html and "سامانه پاکسازی کرد" in html
    assert Snapshot.objects.get().state == "quarantined"
    done = keeper.post(url, {"note": "سامانه پاکسازی کرد", "step": "confirm"})
    assert done.headers["Location"] == f"/desk/tariff/snapshots/{bad.code}/?released"
    bad.refresh_from_db()
    assert (bad.state, bad.note) == ("good", "سامانه پاکسازی کرد")
    assert "آزاد شد" in html_of(keeper.get(done.headers["Location"]))
    again = html_of(keeper.post(url, {"note": "باز", "step": "confirm"}), 409)
    assert "هم‌اکنون بخشی از تاریخچه است" in again


# ---- An address ----


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("address=۱۸۵٫۱۴۳.۲۳۲.۱".replace("٫", "."), ["ثبت و موعد رسیده", "185.143.232.0/24", "۱۴۰۳/۰۷/۱۵"]),
        ("address=185.143.234.9", ["ثبت، پیش از موعد", "دوشنبه ۱۵ بهمن ۱۴۰۳"]),
        ("address=185.143.232.1&date=۱۴۰۳/۹/۲۳", ["ثبت و موعد رسیده", "جمعه ۲۳ آذر ۱۴۰۳"]),
        ("address=9.9.9.9&date=2024-12-13", ["ثبت‌نشده", "هیچ ردیفی"]),
        ("address=185.143.232.1&date=1403/1/1", ["نامعلوم", "پیش از نخستین نسخه ماست"]),
        ("address=185.143.232.1&date=2024-12-13&registrant=other.example", ["ثبت‌نشده"]),
        ("address=%3A%3Affff%3A185.143.232.1&date=2024-12-13", ["185.143.232.1", "ثبت و موعد رسیده"]),
    ],
)
def test_an_address_has_its_status_with_the_rows_and_lists_that_say_so(
    keeper: Client, asked: str, says: list[str]
) -> None:
    rows = [row("185.143.232.0/24"), row("185.143.234.0/24", "1403/10/01", "1403/11/15")]
    lists(*WEEKS, "2025-01-04", rows=rows)
    html = html_of(keeper.get(f"/desk/tariff/address/?{asked}"))
    for said in says:
        assert said in html, said


def test_an_address_that_is_none_is_named_by_field(keeper: Client) -> None:
    html = html_of(keeper.get("/desk/tariff/address/?address=x&date=دیروز&registrant=%20%2F"), 422)
    for says in ("نشانی اینترنتی خوانده نشد", "این روز یا ساعت خوانده نشد", "نام دامنه خوانده نشد"):
        assert says in html
    assert "کارت شبکه" in html_of(keeper.get("/desk/tariff/address/?address=fe80::1%25eth0"), 422)


# ---- Edges ----


def declared(**changes: str) -> dict[str, str]:
    return {
        "cdn": "Asiatech",
        "prefix": "۱۸۵.۱۴۳.۲۳۲.۰/۲۴",
        "from": "۱۴۰۳/۸/۱",
        "to": "",
        "source": "قرارداد ۱۲",
        **changes,
    }


@pytest.mark.clause("B04")
def test_a_range_is_declared_listed_and_ended_and_the_belief_stays(keeper: Client) -> None:
    assert keeper.post("/desk/tariff/edges/", declared()).headers["Location"] == "/desk/tariff/edges/?declared"
    edge = Edge.objects.get()
    assert (edge.cdn, edge.prefix, edge.valid_from.isoformat()) == (
        "asiatech", "185.143.232.0/24", "2024-10-21T20:30:00+00:00",
    )  # fmt: skip
    html = html_of(keeper.get("/desk/tariff/edges/?declared"))
    assert "بازه اعلام شد" in html and "قرارداد ۱۲" in html
    assert "این تاریخ خوانده نشد" in html_of(keeper.post(f"/desk/tariff/edges/{edge.pk}/end", {"on": "فردا"}), 422)
    assert "پایان باید پس از آغاز باشد" in html_of(
        keeper.post(f"/desk/tariff/edges/{edge.pk}/end", {"on": "1402/1/1"}), 422
    )
    assert keeper.post(f"/desk/tariff/edges/{edge.pk}/end", {"on": "۱۴۰۳/۱۰/۱۴"}).status_code == 302
    now = Edge.objects.get(superseded_at=None)
    assert now.valid_to is not None and now.valid_to.isoformat() == "2025-01-03T20:30:00+00:00"
    assert "آنچه پیش‌تر باور داشتیم" in html_of(keeper.get("/desk/tariff/edges/?over=1"))
    assert keeper.post(f"/desk/tariff/edges/{edge.pk}/end", {"on": ""}).status_code == 404


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"prefix": "x"}, "نشانی اینترنتی خوانده نشد"),
        ({"prefix": "0.0.0.0/0"}, "همه نشانی‌های جهان"),
        ({"cdn": ""}, "نام شبکه توزیع را بنویسید"),
        ({"source": ""}, "از کجا می‌دانیم"),
        ({"from": "x"}, "این تاریخ خوانده نشد"),
        ({"to": "1403/7/1"}, "پایان باید پس از آغاز باشد"),
    ],
)
def test_a_range_that_cannot_be_declared_says_why_and_keeps_what_was_typed(
    keeper: Client, typed: dict[str, str], says: str
) -> None:
    html = html_of(keeper.post("/desk/tariff/edges/", declared(**typed)), 422)
    assert says in html and "خطا:" in html
    assert f'value="{declared(**typed)["prefix"]}"' in html
    assert not Edge.objects.exists()


def upload(keeper: Client, content: bytes, **typed: str) -> Any:
    file = io.BytesIO(content)
    file.name = "edges.csv"
    return keeper.post("/desk/tariff/edges/upload", {"file": file, **typed})


def test_a_file_of_ranges_comes_in_whole_or_not_at_all(keeper: Client) -> None:
    head = "cdn,prefix,valid_from,valid_to,source\n"
    bad = upload(keeper, f"{head}a,185.143.232.0/24,2024-01-01,,x\na,nowhere,2024-01-01,,x\n".encode())
    html = html_of(bad, 422)
    assert "سطر ۳" in html and "نشانی اینترنتی خوانده نشد" in html and not Edge.objects.exists()
    done = upload(keeper, f"{head}a,185.143.232.0/24,2024-01-01,,x\na,185.143.233.0/24,2024-01-01,,x\n".encode())
    assert done.headers["Location"] == "/desk/tariff/edges/?brought=2&added=2"
    assert "۲ سطر خوانده شد؛ ۲ بازه تازه" in html_of(keeper.get(done.headers["Location"]))
    plain = upload(keeper, b"5.160.1.0/24\n5.160.2.0/24\n", file_cdn="b", file_source="feed", file_seen="1403/9/1")
    assert plain.status_code == 302 and Edge.objects.filter(cdn="b").count() == 2


@pytest.mark.parametrize("content", [b"", b"<html>no</html>", b"\xff\xfe\x00", b'{"a": 1}', b"PK\x03\x04" + b"\0" * 99])
def test_a_file_that_is_no_list_changes_nothing_and_is_told(keeper: Client, content: bytes) -> None:
    html = html_of(upload(keeper, content), 422)
    assert "ثبت نشد" in html and not Edge.objects.exists()


def test_no_file_and_a_file_too_big_are_told(keeper: Client, monkeypatch: Any) -> None:
    assert "فایلی برگزیده نشد" in html_of(keeper.post("/desk/tariff/edges/upload", {}), 422)
    monkeypatch.setattr("peyman.market.tariff.actions.edges.LONGEST_FILE", 10)
    assert "بزرگ‌تر از فهرست" in html_of(upload(keeper, b"5.160.1.0/24\n5.160.2.0/24\n"), 422)


# ---- Requests ----


@pytest.mark.clause("B06")
def test_a_request_goes_from_drift_to_file_to_hand_in_to_due(keeper: Client) -> None:
    world()
    html = html_of(keeper.get("/desk/tariff/requests/"))
    assert "5.160.179.168/29" in html and "8.8.8.0/24" not in html
    assert "اگر امروز تحویل دهید، موعد اعمال <b>" in html and "دوشنبه ۱۵ بهمن ۱۴۰۳" in html
    made = keeper.post("/desk/tariff/requests/", {"prefixes": ["5.160.179.168/29"]})
    url = made.headers["Location"]
    page = html_of(keeper.get(url))
    assert "گرفتن CSV" in page and "آماده تحویل" in page
    csv, xlsx = keeper.get(f"{url[:-1]}.csv"), keeper.get(f"{url[:-1]}.xlsx")
    assert "5.160.179.168/29" in csv.content.decode("utf-8-sig") and xlsx.content[:2] == b"PK"
    assert csv.headers["Content-Disposition"].startswith("attachment;")
    assert "این تاریخ خوانده نشد" in html_of(keeper.post(f"{url}sent", {"on": "x"}), 422)
    assert "هنوز نیامده" in html_of(keeper.post(f"{url}sent", {"on": "1403/10/20"}), 422)
    assert keeper.post(f"{url}sent", {"on": ""}).status_code == 302
    page = html_of(keeper.get(url))
    assert "تحویل‌شده، در انتظار موعد" in page and "موعد اعمال <time" in page and "۳۰ روز مانده" in page
    assert "دیگر در آن حالت نیست" in html_of(keeper.post(f"{url}sent", {"on": ""}), 409)
    drift_page = html_of(keeper.get("/desk/tariff/drift/"))
    assert url in drift_page, "who asked already is led to what was asked"


def test_a_request_is_dropped_in_two_steps_with_a_reason(keeper: Client) -> None:
    world()
    url = keeper.post("/desk/tariff/requests/").headers["Location"]
    assert "بنویسید چرا" in html_of(keeper.post(f"{url}drop", {"note": ""}), 422)
    assert "کنار گذاشته شود؟" in html_of(keeper.post(f"{url}drop", {"note": "اشتباه بود"}))
    assert "آماده تحویل" in html_of(keeper.get(url))
    assert keeper.post(f"{url}drop", {"note": "اشتباه بود", "step": "confirm"}).status_code == 302
    assert "کنار گذاشته شد: اشتباه بود" in html_of(keeper.get(url))


def test_nothing_to_ask_and_nobody_to_ask_for_are_told(keeper: Client, settings: Any) -> None:
    lists(*WEEKS, rows=[row("185.143.232.0/24")])
    html = html_of(keeper.post("/desk/tariff/requests/", {"prefixes": ["192.168.1.0/24"]}), 422)
    assert "درخواستی ساخته نشد" in html
    assert "نشانی اینترنتی خوانده نشد" in html_of(keeper.post("/desk/tariff/requests/", {"prefixes": ["x"]}), 422)
    settings.REGISTRANTS = []
    assert "نام دامنه‌ای" in html_of(keeper.post("/desk/tariff/requests/", {"prefixes": ["5.160.1.0/24"]}), 422)
    assert keeper.get("/desk/tariff/requests/UPR-NONE/").status_code == 404


@pytest.mark.parametrize(("day", "better"), [("2025-01-19", "دوشنبه ۱ بهمن ۱۴۰۳")])
def test_a_thirtieth_is_warned_of_with_the_better_day(keeper: Client, clock: Any, day: str, better: str) -> None:
    world()
    clock.write_text(f"{day}T08:00:00+00:00")
    html = html_of(keeper.get("/desk/tariff/requests/"))
    assert "امروز تحویل ندهید" in html and better in html


def test_a_form_without_its_token_is_refused(shop: TermsVersion) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make.person(role="tariff"))
    for url in ("/desk/tariff/edges/", "/desk/tariff/requests/", "/desk/tariff/edges/upload"):
        assert strict.post(url, {}).status_code == 403
    assert not Drift.objects.exists() and not Edge.objects.exists()
