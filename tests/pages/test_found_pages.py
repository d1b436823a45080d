"""Pages that are found: categories and brands, addresses with titles, what machines are told, what leads nowhere."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import OperationalError
from django.test import Client

from peyman.entrypoints.storefront import addresses, context, status
from peyman.messages.models import Attempt, Message
from peyman.people.rules import rights
from peyman.promises.models import TermsVersion
from peyman.shop.catalog.actions import switch_sale
from peyman.shop.catalog.models import FormerSlug, Product
from peyman.shop.catalog.queries import maps
from tests import make
from tests.make import NOW
from tests.pages.reading import text_of

HOST = "http://127.0.0.1:8000"
TITLED = "/goods/reader-a6/کتاب-خوان-آوند-a6-صفحه-6-اینچ/"


@pytest.fixture
def reader(shop: TermsVersion) -> Product:
    digital = make.category(slug="digital", title="کالای دیجیتال")
    readers = make.category(slug="readers", title="کتاب‌خوان", parent=digital)
    avand = make.brand(slug="avand", name="آوند", name_latin="Avand", country="ایران")
    product = make.product(
        title="کتاب‌خوان آوند A6، صفحه 6 اینچ", slug="reader-a6", code="P-A6", category=readers, brand=avand,
        model="A6", description="جوهر الکترونیکی </script><b>", attributes={"باتری": "2,800 میلی‌آمپرساعت"},
        sources={"باتری": ["manufacturer", "دفترچه، ص ۳"]},
    )  # fmt: skip
    make.variant(product=product, sku="A6-1", color="سرمه‌ای", price=98_400_000, list_price=112_000_000)
    make.variant(product=product, sku="A6-2", color="کرم", price=99_000_000, on_hand=0)
    return product


def data_of(html: str) -> list[dict[str, Any]]:
    """The blocks of structured data of a page, as a machine reads them."""
    said = json.loads(html.split('<script type="application/ld+json">')[1].split("</script>")[0])
    return said if isinstance(said, list) else [said]


# ---- Addresses ----


@pytest.mark.parametrize(
    ("title", "tail"),
    [
        ("کتاب‌خوان آوند A6، صفحه ۶ اینچ", "کتاب-خوان-آوند-a6-صفحه-6-اینچ"),
        ("  «قُل‌قُل» / 100% پنبه!  ", "قل-قل-100-پنبه"),
        ("آی‌پد", "آی-پد"),
        ("؟!", ""),
        ("Corrections", ""),  # that address is taken
        ("دراز " * 40, "-".join(["دراز"] * 16)),
    ],
)
def test_a_title_stands_in_an_address_by_its_words(title: str, tail: str) -> None:
    assert addresses.titled(title) == tail


def test_a_product_has_its_title_in_its_address_and_the_short_one_shows_the_same_page(
    client: Client, reader: Product
) -> None:
    assert f'href="{TITLED}"' in text_of(client.get("/category/readers/"))
    for url in (TITLED, "/goods/reader-a6/"):
        assert f'<link rel="canonical" href="{HOST}{quote(TITLED)}">' in text_of(client.get(url))


@pytest.mark.clause("D115")
def test_an_old_title_and_an_old_slug_lead_to_the_address_in_use(client: Client, reader: Product) -> None:
    FormerSlug.objects.create(slug="old-reader", product=reader, at=NOW)
    moved = client.get("/goods/reader-a6/نام-پیشین/?sku=A6-2")
    assert (moved.status_code, moved["Location"]) == (301, f"{quote(TITLED)}?sku=A6-2")
    assert moved["Cache-Control"] == "no-cache"  # the title may change back, and browsers would go in a circle
    for url in ("/goods/old-reader/", "/goods/old-reader/هر-نامی/"):
        assert (client.get(url).status_code, client.get(url)["Location"]) == (301, "/goods/reader-a6/")


def test_categories_that_were_asked_for_in_the_old_way_are_sent_on(client: Client, reader: Product) -> None:
    old = client.get("/goods/", {"category": "readers", "sort": "cheapest"})
    assert (old.status_code, old["Location"]) == (301, "/category/readers/?sort=cheapest")
    searched = client.get("/goods/", {"category": "readers", "q": "آوند"})
    assert searched.status_code == 200  # a search within a category stays a search


def test_a_category_shows_all_below_it_and_narrows_on_its_own_address(client: Client, reader: Product) -> None:
    html = text_of(client.get("/category/digital/"))
    assert "<h1>کالای دیجیتال</h1>" in html and "کتاب‌خوان آوند" in html
    assert (
        '<a class="check" href="/category/readers/">' in html
        and '<form class="card" action="/category/digital/">' in html
    )
    assert f'<link rel="canonical" href="{HOST}/category/digital/">' in html
    narrowed = text_of(client.get("/category/digital/?brand=avand&sort=cheapest"))
    assert f'<link rel="canonical" href="{HOST}/category/digital/">' in narrowed and 'value="avand" checked' in narrowed


def test_a_brand_says_who_it_is_and_shows_its_goods(client: Client, reader: Product) -> None:
    make.variant(product=make.product(title="کتری", slug="kettle", brand=make.brand(slug="parto", name="پرتو")))
    html = text_of(client.get("/brand/avand/"))
    assert "<h1>کالاهای آوند</h1>" in html and 'lang="en">Avand</span>' in html and "ساخت ایران" in html
    assert "کتاب‌خوان آوند" in html and "کتری" not in html
    assert '<a class="check" href="/category/digital/?brand=avand">' in html
    assert data_of(html)[1] == {
        "@context": "https://schema.org", "@type": "Brand", "name": "آوند", "alternateName": "Avand",
        "url": f"{HOST}/brand/avand/",
    }  # fmt: skip
    assert client.get("/brand/nobody/").status_code == 404


def test_pages_of_a_list_name_the_one_behind_them(client: Client, shop: TermsVersion) -> None:
    for _ in range(30):
        make.variant(product=make.product())
    first = text_of(client.get("/category/phones/"))
    behind = first.split('<link rel="next" href="')[1].split('"')[0]
    assert behind.startswith("/category/phones/?after=")
    last = text_of(client.get(behind))
    assert 'rel="next"' not in last and f'<link rel="canonical" href="{HOST}{behind}">' in last


# ---- What machines are told ----


def test_a_product_is_told_with_an_offer_for_each_variant_in_rials(client: Client, reader: Product) -> None:
    html = text_of(client.get(TITLED))
    product, trail = data_of(html)
    assert (product["@type"], product["name"], product["productID"]) == ("Product", reader.title, "P-A6")
    assert product["brand"] == {"@type": "Brand", "name": "آوند"} and product["sku"] == "A6-1"
    assert product["description"] == "جوهر الکترونیکی </script><b>"
    assert [(o["sku"], o["price"], o["priceCurrency"], o["availability"]) for o in product["offers"]] == [
        ("A6-1", "98400000", "IRR", "https://schema.org/InStock"),
        ("A6-2", "99000000", "IRR", "https://schema.org/OutOfStock"),
    ]
    assert [(step["position"], step["name"]) for step in trail["itemListElement"]] == [
        (1, "خانه"), (2, "کالای دیجیتال"), (3, "کتاب‌خوان"), (4, reader.title),
    ]  # fmt: skip


def test_no_text_of_a_product_can_end_its_data_or_begin_a_script(client: Client, reader: Product) -> None:
    html = text_of(client.get(TITLED))
    block = html.split('<script type="application/ld+json">')[1].split("</script>")[0]
    assert not set("<>&\u2028\u2029") & set(block)
    assert html.count("</script>") == html.count("<script")


def test_home_says_who_we_are_and_how_to_search(client: Client, reader: Product) -> None:
    us, site = data_of(text_of(client.get("/")))
    assert (us["@type"], us["name"], us["url"]) == ("Organization", "پیمان", f"{HOST}/")
    assert site["potentialAction"]["target"]["urlTemplate"] == HOST + "/goods/?q={q}"


def test_what_is_shared_carries_a_title_and_a_sentence(client: Client, reader: Product) -> None:
    html = text_of(client.get(TITLED))
    assert '<meta property="og:title" content="کتاب‌خوان آوند A6، صفحه ۶ اینچ">' in html
    assert '<meta name="description" content="کتاب‌خوان آوند A6، صفحه ۶ اینچ، برند آوند، ۹٬۸۴۰٬۰۰۰ تومان.' in html
    assert '<meta name="robots" content="noindex, follow">' in text_of(client.get("/goods/?q=آوند"))


def test_sitemaps_name_what_is_sold_and_when_it_last_changed(client: Client, reader: Product) -> None:
    make.variant(product=make.product(slug="gone", is_on_sale=False))
    index = text_of(client.get("/sitemap.xml"))
    assert index.count("<sitemap>") == 2
    assert f"<loc>{HOST}/sitemaps/goods-1.xml</loc><lastmod>2024-12-05T06:30:00Z</lastmod>" in index
    goods = b"".join(client.get("/sitemaps/goods-1.xml").streaming_content).decode()  # type: ignore[attr-defined]
    assert goods.count("<url>") == 1
    assert f"<url><loc>{HOST}{quote(TITLED)}</loc><lastmod>2024-12-05T06:30:00Z</lastmod></url>" in goods
    pages = text_of(client.get("/sitemaps/pages.xml"))
    for path in ("/", "/category/digital/", "/category/readers/", "/brand/avand/"):
        assert f"<loc>{HOST}{path}</loc>" in pages
    assert "/category/phones/" not in pages and client.get("/sitemaps/goods-2.xml").status_code == 404


def test_a_file_of_a_sitemap_holds_a_range_of_keys_and_is_read_by_pieces(
    reader: Product, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    monkeypatch.setattr(maps, "A_FILE", 2)
    for _ in range(4):
        make.variant(product=make.product())
    keys = sorted(Product.objects.values_list("pk", flat=True))
    numbers = [number for number, _ in maps.files()]
    told = [len(list(maps.goods_of(number))) for number in numbers]
    assert sum(told) == len(keys) and max(told) == 2 and numbers[-1] == (keys[-1] - 1) // 2 + 1


# ---- What leads nowhere ----


@pytest.mark.clause("D115")
def test_an_address_that_leads_nowhere_proposes_a_search_for_its_words(client: Client, reader: Product) -> None:
    html = text_of(client.get("/goods/never-was/چای-سیاه/"), 404)
    assert 'name="q" maxlength="100" value="چای سیاه"' in html and "بند ۱۷-۶" in html
    assert 'name="q" maxlength="100" value="never was"' in text_of(client.get("/goods/never-was/"), 404)
    assert 'name="q" maxlength="100" value=""' in text_of(client.get("/12345/"), 404)


def test_an_address_that_leads_nowhere_is_answered_where_no_terms_are_published_and_while_the_database_is_away(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    html = text_of(client.get("/nothing/at-all/"), 404)
    assert "چیزی با این نشانی پیدا نشد." in html and "بند" not in html.split("<main")[1].split("</main>")[0]

    def away(now: object) -> None:
        raise OperationalError

    monkeypatch.setattr(context.promises, "terms_in_force", away)
    assert client.get("/nothing/at-all/").status_code == 503


@pytest.mark.clause("D115", "D27")
def test_what_was_taken_off_sale_says_since_when_and_what_remains(client: Client, reader: Product) -> None:
    switch_sale(scope="product", key="P-A6", on=False, reason="پایان تولید", by="test", now=NOW - timedelta(days=3))
    html = text_of(client.get("/goods/reader-a6/"), 410)
    assert "چهارشنبه ۱۲ دی ۱۴۰۳، ساعت ۱۰" in html and "نمودار قیمت" in html
    assert "بند ۱۷-۶" in html and 'href="/category/readers/"' in html and "افزودن به سبد</button>" not in html
    assert data_of(html)[0]["offers"][0]["availability"] == "https://schema.org/Discontinued"


@pytest.mark.clause("D113")
def test_each_specification_names_its_source_and_the_page_promises_no_perfection(
    client: Client, reader: Product
) -> None:
    html = text_of(client.get(TITLED))
    assert "منبع: سازنده: دفترچه، ص ۳" in html and "بی‌خطا بودنشان را ضمانت نمی‌کنیم" in html and "بند ۱۷-۴" in html
    assert 'href="/goods/reader-a6/corrections/"' in html and "همه مشخصات و منبع آن‌ها" in html


@pytest.mark.clause("D113")
@pytest.mark.parametrize(
    ("own", "says"),
    [
        ({}, "منبع همه این مشخصات: پخش‌کننده رسمی"),
        ({"حافظه": ["manufacturer", ""]}, "منبع بقیه مشخصات: پخش‌کننده رسمی"),
        ({"حافظه": ["manufacturer", ""], "نور": ["editorial", ""]}, ""),
    ],
)
def test_what_the_file_of_goods_says_of_its_specifications_is_told_of_those_without_a_source_of_their_own(
    client: Client, shop: TermsVersion, own: dict[str, list[str]], says: str
) -> None:
    made = make.product(slug="reader-b7", title="کتاب‌خوان", attributes={"حافظه": "۳۲", "نور": "گرم"}, sources=own)
    make.variant(product=made, sku="B7-01", spec_source="distributor")
    html = text_of(client.get("/goods/reader-b7/"))
    assert [says] == re.findall("منبع (?:همه این|بقیه) مشخصات: [^<]*", html) if says else "پخش‌کننده" not in html


@pytest.mark.clause("D113")
def test_goods_whose_source_nobody_wrote_down_claim_none(client: Client, shop: TermsVersion) -> None:
    made = make.product(slug="reader-b8", title="کتاب‌خوان", attributes={"حافظه": "۳۲"})
    make.variant(product=made, sku="B8-01")
    html = text_of(client.get("/goods/reader-b8/"))
    assert "منبع همه" not in html and ">همه مشخصات</a>" in html


@pytest.mark.clause("D119")
def test_everybody_reads_that_nobody_sells_for_us_and_all_roles_are_desks_of_ours(
    client: Client, shop: TermsVersion
) -> None:
    html = text_of(client.get("/official/"))
    assert 'id="agency"' in html and "همه خدمات و پرداخت‌ها از دفتر مرکزی ما می‌گذرد" in html and "بند ۱۷-۱۰" in html
    assert '<a href="/official/#agency">نمایندگی نداریم</a>' in text_of(client.get("/cart/"))
    assert all("desk" in may for may in rights.RIGHTS.values())  # whoever acts for us sits at our own desks


# ---- What works now ----


def tried(outcome: str, provider: str = "kavenegar") -> None:
    n = make.number()
    message = Message.objects.create(
        code=f"MSG-{n}", channel="sms", to="+989120000000", template="code", text="x", key=f"k{n}",
        created_at=NOW, due_at=NOW, sent_at=NOW,
    )  # fmt: skip
    Attempt.objects.create(message=message, provider=provider, outcome=outcome, at=NOW - timedelta(minutes=n))


def states(client: Client) -> dict[str, str]:
    html = text_of(client.get("/status/"))
    rows = html.split('<div class="promise is-')[1:]
    return {row.split('<p class="what">')[1].split("</p>")[0]: row.split('"')[0] for row in rows}


@pytest.mark.clause("D115")
def test_the_page_of_states_says_what_works_and_what_we_cannot_know(client: Client, shop: TermsVersion) -> None:
    tried("sent")
    assert states(client) == {
        "صفحه‌ها": "kept", "پایگاه داده": "kept", "صف پیام‌ها و کارهای سررسیده": "kept", "پیامک": "kept", "ایمیل": "open",
        "درگاه زرین‌پال": "open", "درگاه پرداخت الکترونیک سامان": "open",
    }  # fmt: skip


@pytest.mark.clause("D115")
def test_a_queue_that_waits_and_messages_that_nobody_takes_are_told(
    client: Client, shop: TermsVersion, clock: Path
) -> None:
    tried("unknown")
    Message.objects.create(
        code="MSG-L", channel="sms", to="+989120000000", template="code", text="x", key="late",
        created_at=NOW, due_at=NOW - timedelta(minutes=7),
    )  # fmt: skip
    told = states(client)
    assert (told["صف پیام‌ها و کارهای سررسیده"], told["پیامک"]) == ("broken", "broken")
    assert "نخستین پیام ۷ دقیقه است که منتظر مانده" in text_of(client.get("/status/"))
    Message.objects.filter(code="MSG-L").update(sent_at=NOW)
    assert states(client)["صف پیام‌ها و کارهای سررسیده"] == "broken"  # as it was seen, for ten seconds
    clock.write_text((NOW + timedelta(seconds=10)).isoformat())
    assert states(client)["صف پیام‌ها و کارهای سررسیده"] == "kept"


@pytest.mark.clause("D115")
def test_while_the_database_is_away_the_page_of_states_says_so_and_nothing_else(
    client: Client, shop: TermsVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(now: object) -> None:
        raise OperationalError

    monkeypatch.setattr(status.promises, "terms_in_force", away)
    answer = client.get("/status/")
    html = text_of(answer, 503)
    assert answer["Retry-After"] == "30" and "در دسترس نیست. هرچه پیش از این ثبت شده است سر جای خود است." in html
    assert "پیامک" not in html
