"""The desk of goods: what staff see of products, categories, brands and files, and what becomes of what they type."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from peyman.entrypoints import catalogue_runs
from peyman.people.models import Person
from peyman.promises.models import TermsVersion
from peyman.shop.catalog.models import (
    CatalogChange,
    Category,
    CategoryAttribute,
    ImportRun,
    Product,
    SaleSwitch,
    Variant,
)
from peyman.shop.stock.models import Stock
from tests import make
from tests.pages.reading import html_of

DESK = "/desk/goods/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def me(shop: TermsVersion) -> Person:
    return make.person(role="catalogue", full_name="مینا کالایی")


@pytest.fixture
def staff(client: Client, me: Person) -> Client:
    client.force_login(me)
    return client


def form_of(html: str) -> dict[str, str]:
    """What the form of a page would send as it stands: `seen` and `was`, and every box."""
    was = json.loads(re.search(r'name="was" value="([^"]*)"', html)[1].replace("&quot;", '"').replace("&#x27;", "'"))
    seen = re.search(r'name="seen" value="(\d+)"', html)[1]
    return {**was, "seen": seen, "was": json.dumps(was, ensure_ascii=False)}


def test_every_page_of_the_desk_opens(staff: Client) -> None:
    variant = make.variant(sku="A-01", product=make.product(code="A", attributes={"رم": "8 گیگابایت"}))
    make.category(slug="top", title="بالا")
    for path in (
        "", "new", "history/", "categories/", "categories/new", "categories/phones/", "brands/", "brands/new",
        "brands/samsung/", "imports/", "A/", "A/specs/", "A/variants/", "A/variants/new", "A/variants/A-01/",
        "A/history/",
    ):  # fmt: skip
        html_of(staff.get(f"{DESK}{path}"))
    assert staff.get("/desk/goods.csv").status_code == 200
    html_of(staff.get(f"/goods/{variant.product.slug}/corrections/"))


def test_whoever_has_not_the_right_finds_no_desk(client: Client, shop: TermsVersion) -> None:
    make.product(code="A")
    for role in ("customer", "orders", "finance", "privacy", "tariff"):
        client.force_login(make.person(role=role))
        for path in ("", "new", "A/", "A/specs/", "categories/", "brands/", "imports/", "history/", "imports/1/"):
            assert client.get(f"{DESK}{path}").status_code == 404
        for path in ("imports/upload", "imports/1/start", "categories/phones/attribute", "A/variants/A/switch"):
            assert client.post(f"{DESK}{path}").status_code == 404
        assert client.get("/desk/goods.csv").status_code == 404


def test_what_is_not_there_is_not_found(staff: Client) -> None:
    make.variant(sku="A-01", product=make.product(code="A"))
    make.variant(sku="B-01", product=make.product(code="B"))
    for path in (
        "NONE/", "NONE/specs/", "NONE/history/", "A/variants/B-01/", "A/variants/NONE/", "categories/none/",
        "brands/none/", "imports/9/", "imports/99999999999999999999/",
    ):  # fmt: skip
        assert staff.get(f"{DESK}{path}").status_code == 404, path
    for path in ("imports/9/start", "imports/9/drop", "categories/none/attribute", "categories/phones/remove"):
        assert staff.post(f"{DESK}{path}", {"name": "رم"}).status_code == 404, path
    assert staff.get("/goods/none/corrections/").status_code == 404


def test_a_product_is_saved_and_its_history_says_who(staff: Client, me: Person) -> None:
    make.variant(sku="A-01", product=make.product(code="A", slug="alpha", title="گوشی آلفا"))
    form = form_of(html_of(staff.get(f"{DESK}A/")))
    answer = staff.post(f"{DESK}A/", {**form, "slug": "beta", "model": "B1", "why": "سازنده گفت"})
    assert answer["Location"] == f"{DESK}A/?saved"
    assert staff.post(f"{DESK}A/", form_of(html_of(staff.get(f"{DESK}A/"))))["Location"] == f"{DESK}A/?same"
    html = html_of(staff.get(f"{DESK}A/history/"))
    assert "مینا کالایی" in html and "چرا: سازنده گفت" in html and "alpha" in html and me.code in html
    assert "B1" in html_of(staff.get(f"{DESK}A/history/?field=model&by={me.code}"))
    assert "چیزی با این نشانه‌ها نیست." in html_of(staff.get(f"{DESK}A/history/?by=x&show=corrections"))
    assert "نشانی‌های پیشین" in html_of(staff.get(f"{DESK}A/"))
    moved = staff.get("/goods/alpha/corrections/")
    assert (moved.status_code, moved["Location"]) == (301, "/goods/beta/corrections/")
    assert moved["Cache-Control"] == "no-cache"  # it may go back


def test_a_form_that_is_refused_keeps_what_was_typed_and_names_its_fields(staff: Client) -> None:
    make.product(code="A", slug="alpha", title="گوشی آلفا")
    make.product(code="B", slug="taken")
    form = form_of(html_of(staff.get(f"{DESK}A/")))
    bad = {"title": "<script>alert(1)</script>", "slug": "taken", "weight_g": "سنگین", "description": "ا" * 4001}
    html = html_of(staff.post(f"{DESK}A/", {**form, **bad}), 422)
    for says in (
        "عنوان: کد <bdi>HTML</bdi> دارد",
        "نشانی صفحه: این نشانی از آن محصول دیگری است",
        "وزن: وزن را به گرم",
        "توضیح:",
    ):
        assert html.count(says) == 2, says  # in the summary and at its box
    assert "چهار مورد مانده است" in html and "&lt;script&gt;" in html and "<script>" not in html
    assert not CatalogChange.objects.exists() and Product.objects.get(code="A").title == "گوشی آلفا"


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE catalog_product; --",
        "%s%n",
        "\u202eabc\u2066",
        "\x07",
        "ا" * 4_900,
        "{{ 7*7 }}",
        "\ud800",
        "&lt;b&gt;",
    ],
    ids=["sql", "percents", "bidi", "control", "long", "template", "surrogate", "entity"],
)
def test_whatever_is_typed_is_taken_or_refused_and_never_a_fault(staff: Client, text: str) -> None:
    make.variant(sku="A-01", product=make.product(code="A", slug="alpha", title="گوشی"))
    sent = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    pages = {
        f"{DESK}A/": ("title", "slug", "model", "description", "category", "weight_g", "why", "was", "seen"),
        f"{DESK}A/specs/": ("0-name", "0-value", "0-source", "0-reference", "was", "seen", "999-name", "x-name"),
        f"{DESK}A/variants/A-01/": ("color", "price_reference", "image_hint", "position"),
        f"{DESK}new": ("title", "code", "sku", "price"),
        f"{DESK}categories/phones/": ("title", "parent", "drawing"),
        f"{DESK}categories/phones/attribute": ("name", "kind", "choices", "position"),
        f"{DESK}brands/samsung/": ("name", "aliases"),
    }
    for path, names in pages.items():
        for name in names:
            answer = staff.post(path, {name: sent})
            assert answer.status_code in (302, 400, 409, 422), (path, name, answer.status_code)
    for query in ("q", "category", "brand", "shelf", "page"):
        assert staff.get(DESK, {query: sent}).status_code == 200
    for query in ("field", "by", "before", "show"):
        assert staff.get(f"{DESK}A/history/", {query: sent}).status_code == 200


def test_a_nul_and_a_body_of_two_megabytes_are_bad_requests(staff: Client) -> None:
    make.product(code="A")
    assert staff.get(f"{DESK}?q=%00").status_code == 400
    assert staff.post(f"{DESK}A/", {"title": "a\0"}).status_code == 400
    assert staff.post(f"{DESK}A/", {"title": "ا" * 1_000_000}).status_code in (400, 413)


@pytest.mark.clause("D113")
def test_who_comes_second_is_told_what_changed_and_keeps_what_they_typed(staff: Client, me: Person) -> None:
    make.product(code="A", slug="alpha", title="گوشی آلفا", attributes={"رم": "8", "نور": "گرم"})
    first, second = (form_of(html_of(staff.get(f"{DESK}A/"))) for _ in range(2))
    staff.post(f"{DESK}A/", {**first, "model": "B1"})
    html = html_of(staff.post(f"{DESK}A/", {**second, "title": "گوشی بتا"}), 409)
    assert "کس دیگری همین را عوض کرده است" in html and "مینا کالایی" in html
    assert 'value="گوشی بتا"' in html and 'value="B1"' in html
    again = {**form_of(html), "title": "گوشی بتا"}
    assert staff.post(f"{DESK}A/", again)["Location"] == f"{DESK}A/?saved"
    product = Product.objects.get()
    assert (product.title, product.model) == ("گوشی بتا", "B1")

    first, second = (form_of(html_of(staff.get(f"{DESK}A/specs/"))) for _ in range(2))
    staff.post(f"{DESK}A/specs/", {**first, "0-value": "12", "2-name": "قاب", "2-value": "فلزی"})
    html = html_of(staff.post(f"{DESK}A/specs/", {**second, "1-value": "سرد", "2-name": "قلم", "2-value": "دارد"}), 409)
    for kept in ("12", "سرد", "قاب", "فلزی", "قلم", "دارد"):
        assert f'value="{kept}"' in html, kept
    fields = {name: value for name, value in re.findall(r'name="(\d+-(?:name|value))"[^>]* value="([^"]*)"', html)}
    seen = re.search(r'name="seen" value="(\d+)"', html)
    assert seen
    staff.post(f"{DESK}A/specs/", {**fields, "seen": seen[1], "was": "{}"})
    product.refresh_from_db()
    assert product.attributes == {"رم": "12", "نور": "سرد", "قاب": "فلزی", "قلم": "دارد"}


@pytest.mark.clause("D113")
def test_a_correction_of_what_was_sold_needs_a_reason_and_is_read_by_everybody_without_names(
    staff: Client, me: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = make.product(code="A", slug="alpha", title="گوشی آلفا", attributes={"رم": "8"})
    monkeypatch.setattr("peyman.entrypoints.backoffice.goods_product.sold_products", lambda keys: set(keys))
    form = form_of(html_of(staff.get(f"{DESK}A/specs/")))
    typed = {**form, "0-value": "12", "0-source": "manufacturer", "0-reference": "دفترچه، ص ۴"}
    html = html_of(staff.post(f"{DESK}A/specs/", typed), 422)
    assert "بنویسید چرا" in html and 'value="دفترچه، ص ۴"' in html
    staff.post(f"{DESK}A/specs/", {**typed, "why": "چاپ نخست نادرست بود"})
    public = html_of(Client().get("/goods/alpha/corrections/"))
    assert "رم" in public and "سازنده: دفترچه، ص ۴" in public and "شنبه ۱۵ دی ۱۴۰۳" in public
    assert me.full_name not in public and me.code not in public and "چاپ نخست" not in public
    product.refresh_from_db()
    assert product.sources == {"رم": ["manufacturer", "دفترچه، ص ۴"]}
    assert "تا امروز چیزی اصلاح نشده است." in html_of(Client().get(f"/goods/{make.product().slug}/corrections/"))


@pytest.mark.clause("D117", "D27")
def test_a_variant_is_added_saved_and_taken_from_sale_but_never_deleted(staff: Client) -> None:
    make.variant(sku="A-01", product=make.product(code="A"))
    html = html_of(staff.post(f"{DESK}A/variants/new", {"sku": "a-02", "price": "۱۰۰ هزار"}), 422)
    assert "قیمت فروش:" in html and "مبنای قیمت:" in html
    typed = {"sku": "a-02", "price": "۱۰۰٬۰۰۰ تومان", "price_basis": "market", "price_reference": "بازار موبایل"}
    assert staff.post(f"{DESK}A/variants/new", typed)["Location"] == f"{DESK}A/variants/A-02/?added"
    assert Variant.objects.get(sku="A-02").price == 1_000_000 and Stock.objects.get(variant__sku="A-02").on_hand == 0
    path = f"{DESK}A/variants/A-02/"
    form = form_of(html_of(staff.get(path)))
    html = html_of(staff.post(path, {**form, "price_basis": "approved", "price_reference": ""}), 422)
    assert "مرجع قیمت: بنویسید این قیمت را چه کسی" in html
    assert staff.post(path, {**form, "color": "سفيد"})["Location"] == f"{path}?saved"
    assert "بنویسید چرا؛" in html_of(staff.post(f"{path}switch", {"on": "0", "reason": " "}), 422)
    assert staff.post(f"{path}switch", {"on": "0", "reason": "تولید نمی‌شود"})["Location"] == f"{path}?stopped"
    assert not Variant.objects.get(sku="A-02").is_on_sale and SaleSwitch.objects.get().reason == "تولید نمی‌شود"
    assert "هیچ‌گاه پاک نمی‌شود" in html_of(staff.get(path))
    assert staff.post(f"{path}switch", {"on": "1", "reason": "دوباره آمد"})["Location"] == f"{path}?resumed"


def test_categories_brands_and_what_is_asked_of_goods_are_written_at_the_desk(staff: Client) -> None:
    made = staff.post(f"{DESK}categories/new", {"slug": "kettles", "title": "کتري", "parent": "", "drawing": ""})
    path = f"{DESK}categories/kettles/"
    assert made["Location"] == f"{path}?added" and Category.objects.get().title == "کتری"
    for number in ("۴۵", "٤٥", "−5"):
        sent = {"slug": "no-name", "title": number, "parent": "", "drawing": ""}
        assert "نام دسته را با حرف بنویسید" in html_of(staff.post(f"{DESK}categories/new", sent), 422)
    form = form_of(html_of(staff.get(path)))
    html = html_of(staff.post(path, {**form, "parent": "kettles"}), 422)
    assert "زیر کدام دسته: دسته نمی‌تواند زیر خودش" in html
    assert staff.post(path, {**form, "title": "کتری برقی"})["Location"] == f"{path}?saved"
    asked = {"name": "گنجایش", "kind": "number", "unit": "لیتر", "is_required": "1"}
    seen = re.search(r'name="seen" value="(\d+)"', html_of(staff.get(path)))
    assert seen and staff.post(f"{path}attribute", {**asked, "seen": seen[1]})["Location"] == f"{path}?saved#specs"
    assert staff.post(f"{path}attribute", {**asked, "seen": "0"}).status_code == 409
    assert "گنجایش" in html_of(staff.get(f"{path}?spec=گنجایش")) and CategoryAttribute.objects.get().is_required
    make.product(code="K", category=Category.objects.get())
    html = html_of(staff.get(f"{DESK}K/"))
    assert "مشخصاتی که دسته می‌خواهد و نیست" in html
    assert "گنجایش: این مشخصه در این دسته لازم است" in html_of(
        staff.post(f"{DESK}K/specs/", form_of(html_of(staff.get(f"{DESK}K/specs/")))), 422
    )
    assert staff.post(f"{path}remove", {"name": "گنجایش"})["Location"] == f"{path}?removed#specs"

    made = staff.post(f"{DESK}brands/new", {"slug": "pars", "name": "پارس", "aliases": "پارس خزر، pars"})
    assert made["Location"] == f"{DESK}brands/pars/?added"
    assert "پارس" in html_of(staff.get(f"{DESK}brands/?q=PARS"))
    html = html_of(staff.post(f"{DESK}brands/new", {"slug": "x", "name": "پارس"}), 422)
    assert "نام: برند «پارس» هم به نام «پارس» خوانده می‌شود" in html


# ---- Files ----

HEADER = "sku,product_code,category_slug,brand_slug,title_fa,price_rial,price_basis,stock"


def upload(staff: Client, *lines: str, name: str = "goods.csv") -> ImportRun:
    file = SimpleUploadedFile(name, "\n".join([HEADER, *lines]).encode())
    answer = staff.post(f"{DESK}imports/upload", {"file": file})
    assert answer.status_code == 302, html_of(answer, 422)
    return ImportRun.objects.latest("pk")


def test_a_file_is_looked_through_and_brought_in_by_the_worker(
    staff: Client, me: Person, tmp_path: Path, settings: Any
) -> None:
    settings.DATA_DIR = tmp_path
    make.category()
    make.brand()
    make.brand(slug="misc", name="متفرقه", name_latin="")
    run = upload(
        staff,
        "AA-01,AA,phones,samsung,گوشی آلفا,5000000,market,3",
        "BB-01,BB,phones,samsung,گوشي بتا,۵۰۰۰ تومان,market,3",
        "CC-01,CC,phones,samsung,گوشی گاما,رایگان,market,3",
        name="../../‮فهرست.csv",
    )
    path = f"{DESK}imports/{run.pk}/"
    waiting = staff.get(path)
    assert waiting["Refresh"] == "4" and 'max="1"' in html_of(waiting)
    assert staff.post(f"{path}start").status_code == 409
    assert catalogue_runs.sweep(now=make.NOW) == 1
    page = staff.get(path)
    html = html_of(page)
    assert "Refresh" not in page and "هنوز چیزی عوض نشده است" in html and not Product.objects.exists()
    assert "۲ محصول تازه" in html and "قیمت را با رقم بنویسید" in html and "حرف‌های عربی به فارسی برگردانده شد." in html
    assert "CC-01" not in html_of(staff.get(f"{path}?outcome=repair"))

    assert staff.post(f"{path}start")["Location"] == f"{path}?begun"
    assert staff.post(f"{path}start").status_code == 409
    assert catalogue_runs.sweep(now=make.NOW) == 1 and catalogue_runs.sweep(now=make.NOW) == 0
    html = html_of(staff.get(path))
    assert "چه شد" in html and "مینا کالایی" in html
    assert set(Variant.objects.values_list("sku", "price")) == {("AA-01", 5_000_000), ("BB-01", 50_000)}
    run.refresh_from_db()
    assert (run.state, run.done, run.counts["refuse"]) == ("done", 3, 1)
    assert {(row.by, row.why) for row in CatalogChange.objects.all()} == {(me.code, f"import {run.file_name}")}
    assert staff.post(f"{path}drop").status_code == 409
    assert "آمد" in html_of(staff.get(f"{DESK}imports/"))


def test_a_file_that_is_none_is_said_to_be_none(staff: Client, tmp_path: Path, settings: Any) -> None:
    settings.DATA_DIR = tmp_path
    assert "فایلی برگزیده نشد." in html_of(staff.post(f"{DESK}imports/upload"), 422)
    empty = SimpleUploadedFile("a.csv", b"")
    assert "این فایل خالی است." in html_of(staff.post(f"{DESK}imports/upload", {"file": empty}), 422)
    for number, content in enumerate((b"PK\x03\x04junk", b"\xd0\xcf\x11\xe0", b"hello", b"\xff\xfea\x00"), start=1):
        staff.post(f"{DESK}imports/upload", {"file": SimpleUploadedFile("a.xlsx", content)})
        assert catalogue_runs.sweep(now=make.NOW) == 1
        run = ImportRun.objects.latest("pk")
        assert (run.state, ImportRun.objects.count()) == ("failed", number)
        assert "این فایل خوانده نشد" in html_of(staff.get(f"{DESK}imports/{run.pk}/"))
    run = upload(staff, "AA-01,AA,phones,samsung,گوشی آلفا,5000000,market,3")
    assert staff.post(f"{DESK}imports/{run.pk}/drop")["Location"] == f"{DESK}imports/{run.pk}/?dropped"
    assert catalogue_runs.sweep(now=make.NOW) == 0


def test_the_export_holds_sources_and_references_and_runs_nothing_in_a_spreadsheet(staff: Client) -> None:
    product = make.product(code="A", attributes={"رم": "8"}, sources={"رم": ["editorial", "=1+1"]})
    make.variant(sku="A-01", product=product, price_reference="=cmd()")
    answer = staff.get("/desk/goods.csv")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert lines[0].endswith("attribute_sources,price_reference") and "'=cmd()" in lines[1]


def test_a_list_leaves_as_a_file_with_all_its_pages_and_nothing_else(staff: Client) -> None:
    phones, books = make.category(), make.category(slug="books", title="کتاب")
    for n in range(42):
        make.variant(sku=f"A{n:02}-01", product=make.product(code=f"A{n:02}", title="گوشی نوا", category=phones))
    make.variant(sku="B-01", product=make.product(code="B", title="کتاب نوا", category=books))
    html = html_of(staff.get(f"{DESK}?category={phones.slug}&page=2"))
    assert f'href="/desk/goods.csv?category={phones.slug}&amp;shelf=all"' in html
    assert "همین‌ها در یک فایل" not in html_of(staff.get(DESK))

    def skus(query: str) -> list[str]:
        answer = staff.get(f"/desk/goods.csv?{query}")
        return [line.split(",")[0] for line in b"".join(answer.streaming_content).decode().splitlines()[1:]]

    assert skus(f"category={phones.slug}&shelf=all") == [f"A{n:02}-01" for n in range(42)]
    assert (skus("q=b-01"), skus("q=کتاب"), len(skus(""))) == (["B-01"], ["B-01"], 43)
