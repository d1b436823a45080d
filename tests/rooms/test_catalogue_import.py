"""Catalogue files into the tables and out again."""

import csv
import io
import itertools
import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from django.db import IntegrityError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peyman.entrypoints.jobs.catalogue import command
from peyman.kernel.delimited import csv_rows
from peyman.shop.catalog import actions, queries, rules
from peyman.shop.catalog.actions import importing
from peyman.shop.catalog.models import Brand, Category, PriceChange, Product, Variant
from peyman.shop.catalog.rules.tables import export_line, read_header, rows
from peyman.shop.stock.actions import count_many
from peyman.shop.stock.models import Movement, Stock
from tests import make
from tests.conftest import SHARED

pytestmark = pytest.mark.django_db

CATALOGUE = SHARED / "data" / "catalogue"
LATER = make.NOW + timedelta(days=3)


@pytest.fixture(autouse=True)
def _lists() -> None:
    make.category(slug="mobile-phone", title="گوشی موبایل", drawing="phone")
    make.category(slug="kettles", title="کتری", drawing="kettle")
    make.brand(slug="misc", name="متفرقه", name_latin="Miscellaneous")
    make.brand(slug="samsung", name="سامسونگ", aliases=["سامسونک"])


def record(**changes: Any) -> dict[str, Any]:
    plain = {
        "sku": "A1-01",
        "product_code": "A1",
        "category_slug": "mobile-phone",
        "brand_slug": "samsung",
        "brand_fa": "سامسونگ",
        "title_fa": "گوشی سامسونگ مدل A1",
        "title_en": "Samsung A1",
        "model": "A1",
        "attributes": '{"رم":"8 گیگابایت"}',
        "color": "مشکی",
        "size": "",
        "warranty": "گارانتی ۱۸ ماهه",
        "price_rial": "5000000",
        "list_price_rial": "6000000",
        "price_basis": "approved",
        "stock": "3",
        "age_mark": "",
        "weight_g": "200",
        "image_hint": "mobile-phone/black",
        "spec_source": "editorial",
        "listed_on": "2026-01-01",
        "origin": "composed",
        "source": "S0",
    }
    return {**plain, **changes}


def brought(*records: dict[str, Any], now: Any = make.NOW, dry_run: bool = False) -> importing.Report:
    numbered = (rules.Row(n, n + 1, each) for n, each in enumerate(records, start=1))
    return actions.import_records(rows=numbered, count_stock=count_many, by="test", now=now, dry_run=dry_run)


def history(sku: str) -> list[tuple[int, int, str]]:
    changes = PriceChange.objects.filter(variant__sku=sku).order_by("at")
    return [(change.price, change.list_price, change.reason) for change in changes]


def test_a_record_becomes_a_product_a_variant_a_price_and_a_count() -> None:
    report = brought(record())
    assert (report.products_new, report.variants_new, report.count("accept")) == (1, 1, 1)
    variant = Variant.objects.select_related("product", "stock").get()
    assert (variant.sku, variant.color, variant.price, variant.list_price) == ("A1-01", "مشکی", 5_000_000, 6_000_000)
    assert (variant.product.slug, variant.product.attributes) == ("samsung-a1", {"رم": "8 گیگابایت"})
    assert (variant.stock.initial, variant.stock.on_hand, variant.stock.allocated) == (3, 3, 0)
    assert history("A1-01") == [(5_000_000, 6_000_000, "import")]


def test_the_same_file_again_changes_nothing() -> None:
    records = [record(), record(sku="A1-02", color="سفید"), record(sku="B1-01", product_code="B1", title_fa="کتری")]
    brought(*records)
    versions = list(Product.objects.order_by("pk").values_list("version"))
    report = brought(*records, now=LATER)
    assert report.is_no_change
    assert report.count("accept") == 3
    assert (PriceChange.objects.count(), Movement.objects.count()) == (3, 0)
    assert list(Product.objects.order_by("pk").values_list("version")) == versions


@pytest.mark.clause("D122")
def test_a_new_price_is_one_more_row_of_history() -> None:
    brought(record())
    report = brought(record(price_rial="4500000"), now=LATER)
    assert (report.prices_changed, report.variants_new, report.stock_changed) == (1, 0, 0)
    assert history("A1-01") == [(5_000_000, 6_000_000, "import"), (4_500_000, 6_000_000, "import")]
    variant = Variant.objects.select_related("product").get()
    assert (variant.price, variant.cheaper_at, variant.product.version) == (4_500_000, LATER, 2)


def test_a_new_count_leaves_a_movement_and_the_page_stale() -> None:
    brought(record())
    assert brought(record(stock="5"), now=LATER).stock_changed == 1
    assert Stock.objects.get().on_hand == 5
    assert list(Movement.objects.values_list("quantity", "reason")) == [(2, "import")]
    assert Product.objects.get().version == 2


def test_a_count_below_what_is_owed_is_told_and_left() -> None:
    brought(record())
    Stock.objects.update(allocated=2)
    assert brought(record(stock="1"), now=LATER).stock_owed == ["A1-01"]
    assert Stock.objects.get().on_hand == 3


def test_new_words_of_a_product_and_a_variant_replace_the_old() -> None:
    brought(record())
    report = brought(record(title_fa="گوشی تازه", category_slug="kettles", warranty="بی ضمانت"), now=LATER)
    assert (report.products_changed, report.variants_changed, report.prices_changed) == (1, 1, 0)
    product = Product.objects.select_related("category").get()
    assert (product.title, product.category.slug, product.slug, product.version) == (
        "گوشی تازه",
        "kettles",
        "samsung-a1",
        2,
    )
    assert "تازه" in product.search_words
    assert Variant.objects.get().warranty == "بی ضمانت"


def test_what_the_first_record_says_of_a_product_stands() -> None:
    records = [record(), record(sku="A1-02", weight_g="300")]
    brought(*records)
    assert Product.objects.get().weight_g == 200
    assert brought(*records, now=LATER).is_no_change


def test_a_refused_record_changes_nothing_and_the_rest_is_imported() -> None:
    report = brought(record(price_rial="استعلام"), record(sku="B1-01", product_code="B1", title_fa="کتری"))
    assert [row.outcome for row in report.rows] == ["refuse", "accept"]
    assert list(Variant.objects.values_list("sku", flat=True)) == ["B1-01"]


def test_a_sku_of_another_product_is_refused() -> None:
    brought(record())
    report = brought(record(product_code="Z9", title_fa="کتری"), now=LATER)
    assert [(row.outcome, row.codes) for row in report.rows] == [("refuse", ("product_conflict",))]
    assert list(Product.objects.values_list("code", flat=True)) == ["A1"]


def test_a_dry_run_says_the_same_and_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    brought(record(sku="A1-02"))
    records = [
        record(price_rial="4000000"),
        record(sku="B1-01", product_code="B1", title_fa="کتری"),
        record(sku="A1-02", stock="9"),
        record(sku="B1-02", product_code="B1", title_fa="کتری"),
        record(sku="C1-01", price_rial="x"),
    ]
    before = list(Variant.objects.values_list("sku", "price")), Stock.objects.get().on_hand
    dry = brought(*records, now=LATER, dry_run=True)
    assert (list(Variant.objects.values_list("sku", "price")), Stock.objects.get().on_hand) == before
    assert (Product.objects.count(), PriceChange.objects.count()) == (1, 1)
    assert dry == brought(*records, now=LATER)


def test_an_import_that_was_killed_is_completed_by_running_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    records = [record(sku=f"A{n}-01", product_code=f"A{n}") for n in range(5)]

    def killed(done: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        actions.import_records(
            rows=(rules.Row(n, n, each) for n, each in enumerate(records)),
            count_stock=count_many,
            by="test",
            now=make.NOW,
            on_batch=killed,
        )
    assert Variant.objects.count() == Stock.objects.count() == PriceChange.objects.count() == 4
    assert brought(*records, now=LATER).variants_new == 1
    assert Variant.objects.count() == Stock.objects.count() == PriceChange.objects.count() == 5


def test_goods_of_the_same_name_get_addresses_of_their_own() -> None:
    brought(*[record(sku=f"A{n}-01", product_code=f"A{n}") for n in range(2)])
    brought(record(sku="X9-01", product_code="X9", title_en=""))
    assert list(Product.objects.order_by("pk").values_list("slug", flat=True)) == [
        "samsung-a1",
        "samsung-a1-a1",
        "mobile-phone-x9",
    ]


def test_goods_of_a_category_that_is_not_sold_do_not_go_on_sale() -> None:
    Category.objects.filter(slug="kettles").update(is_on_sale=False)
    brought(record(), record(sku="B1-01", product_code="B1", category_slug="kettles", title_fa="کتری"))
    assert list(Product.objects.order_by("pk").values_list("is_on_sale", flat=True)) == [True, False]


def test_own_columns_that_a_file_does_not_have_stay_as_they_are() -> None:
    brought(record(description="خوب است.", drawing="reader", tint="v2"))
    assert brought(record(), now=LATER).is_no_change
    assert list(Product.objects.values_list("description", "drawing", "tint")) == [("خوب است.", "reader", "v2")]


@pytest.mark.parametrize("count", [2, 40])
def test_a_batch_costs_the_same_queries_whatever_it_holds(count: int, django_assert_num_queries: Any) -> None:
    def records(price: str) -> list[dict[str, Any]]:
        return [record(sku=f"A{n}-01", product_code=f"A{n}", title_en="", price_rial=price) for n in range(count)]

    # lists 4, look 3, former addresses 1, goods 2, history 1, prices 2, counters 2, words and values 5, the edition 1,
    # begin and end of 2 actions
    with django_assert_num_queries(25):
        brought(*records("5000000"))
    with django_assert_num_queries(8):  # lists 4, look 2, begin and end
        brought(*records("5000000"), now=LATER)
    with django_assert_num_queries(13):  # and prices 2, goods 1, versions 1, edition 1
        brought(*records("5500000"), now=LATER)


def test_a_batch_that_met_another_import_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other import brings the same product between our look and our writing."""
    written = importing._written
    met: list[bool] = []

    def met_another(plan: Any, how: Any) -> list[str]:
        if not met:
            met.append(True)
            raise IntegrityError("catalog_product.code")
        return written(plan, how)

    monkeypatch.setattr(importing, "_written", met_another)
    assert brought(record()).variants_new == 1
    assert Variant.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_imports_of_one_file_at_once_bring_everything_once(threads: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 10)
    records = [record(sku=f"A{n}-01", product_code=f"A{n}") for n in range(30)]
    reports = threads(3, lambda _: brought(*records))
    assert sum(report.variants_new for report in reports) == 30
    assert (
        Product.objects.count() == Variant.objects.count() == PriceChange.objects.count() == Stock.objects.count() == 30
    )
    assert len(set(Product.objects.values_list("slug", flat=True))) == 30


# ---- The product's own lists and the sample shop ----


def test_the_lists_are_loaded_once_and_what_staff_changed_stays() -> None:
    actions.load_reference()
    assert Category.objects.count() == 1007 + 1  # "kettles" is the test's own
    assert Brand.objects.count() == 307
    power_bank = Category.objects.select_related("parent").get(slug="power-bank")
    assert (power_bank.parent and power_bank.parent.slug, power_bank.level, power_bank.drawing) == (
        "mobile-accessories",
        3,
        "power",
    )
    Category.objects.filter(slug="power-bank").update(title="شارژر همراه")
    actions.load_reference()
    assert Category.objects.count() == 1008
    assert Category.objects.get(slug="power-bank").title == "شارژر همراه"


def test_the_sample_shop_comes_whole_and_only_once() -> None:
    actions.load_reference()
    report = actions.load_sample(count_stock=count_many, now=make.NOW)
    assert (len(report.rows), {row.outcome for row in report.rows}) == (80, {"accept"})
    assert (Product.objects.count(), Variant.objects.count()) == (44, 80)
    assert len(set(Product.objects.values_list("drawing", flat=True)) - {""}) == 44
    assert not Product.objects.filter(description="").exists()
    page = queries.product_page("avand-a6-e-reader", now=make.NOW)
    assert [(step.price, step.reason) for step in page.variants[0].steps] == [
        (104_500_000, "import"),
        (109_000_000, "fx-rise"),
        (112_000_000, "supplier"),
        (98_400_000, "sale"),
    ]
    Variant.objects.filter(sku="AVD-A6-01").update(price=1_000_000)
    again = actions.load_sample(count_stock=count_many, now=LATER)
    assert again.rows == []
    assert Variant.objects.get(sku="AVD-A6-01").price == 1_000_000


def test_the_prices_of_the_sample_shop_end_where_its_goods_say() -> None:
    actions.load_reference()
    actions.load_sample(count_stock=count_many, now=make.NOW)
    file = Path(importing.__file__).parents[1] / "sample" / "goods.csv"
    with file.open(encoding="utf-8") as goods:
        told = {row["sku"]: (int(row["price_rial"]), int(row["list_price_rial"])) for row in csv.DictReader(goods)}
    stored = {sku: (price, struck) for sku, price, struck in Variant.objects.values_list("sku", "price", "list_price")}
    assert stored == told


# ---- Out, and in again ----


def exported() -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(export_line(line) for line in queries.export_rows())
    return out.getvalue()


def imported(text: str) -> importing.Report:
    records = csv_rows(io.StringIO(text, newline=""))
    header = read_header(next(records)[1] or [])
    found = rows(records, header, is_sheet=False)
    return actions.import_records(rows=found, count_stock=count_many, by="test", now=LATER)


def test_what_is_exported_can_be_imported_and_changes_nothing() -> None:
    brought(record(color="-5 درجه", warranty="'-x", age_mark="+18", description="۱، «۲»\n۳"))
    report = imported(exported())
    assert ([row.outcome for row in report.rows], report.is_no_change) == (["accept"], True)
    assert list(Variant.objects.values_list("color", "warranty")) == [("-5 درجه", "-x")]


def test_an_exported_cell_never_begins_like_a_formula() -> None:
    brought(record(color="-5 درجه", age_mark="+18"))
    cells = [cell for line in csv.reader(io.StringIO(exported())) for cell in line]
    assert not [cell for cell in cells if cell[:1] in "=+-@" and cell]
    assert "'+18" in cells


words = st.text(alphabet="'=+-@abc ,;\"\n\tشیکي۵‌", max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "color": words,
                "size": words,
                "model": words,
                "description": words,
                "price_rial": st.integers(1, 10**9).map(lambda n: str(n * 10)),
                "stock": st.integers(0, 1000).map(str),
                "age_mark": st.sampled_from(["", "+3", "18+"]),
                "listed_on": st.sampled_from(["", "1404/03/16", "2026-01-01"]),
            }
        ),
        min_size=1,
        max_size=4,
    )
)
def test_importing_an_export_is_no_change_whatever_was_imported(changes: list[dict[str, str]]) -> None:
    brought(*[record(sku=f"A{n}-01", product_code=f"A{n}", **change) for n, change in enumerate(changes)])
    report = imported(exported())
    assert {row.outcome for row in report.rows} <= {"accept"}
    assert report.is_no_change


# ---- The command ----


def peyman(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def saved(path: Path, records: Iterable[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(record()))
        writer.writeheader()
        writer.writerows(records)
    return path


def test_the_command_reports_on_every_record_and_exits_1_when_one_was_refused(tmp_path: Path) -> None:
    file = saved(tmp_path / "goods.csv", [record(), record(sku="A1-02", stock="موجود"), record(sku="a1-03")])
    result = peyman("import", str(file), "--json")
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert [line["outcome"] for line in told] == ["accept", "refuse", "repair"]
    assert told[1:] == [
        {
            "record": 2,
            "line": 3,
            "sku": "A1-02",
            "outcome": "refuse",
            "codes": ["stock_not_number"],
            "fields": ["stock"],
            "expected": {},
        },
        {
            "record": 3,
            "line": 4,
            "sku": "A1-03",
            "outcome": "repair",
            "codes": ["case"],
            "fields": ["sku"],
            "expected": {"sku": "A1-03"},
        },
    ]
    assert Variant.objects.count() == 2


def test_columns_that_nobody_knows_are_told_once_and_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "goods.csv"
    file.write_text("قیمت همکار;" + ";".join(record()) + "\n1;" + ";".join(record().values()) + "\n", "utf-8")
    result = peyman("import", str(file), "--json")
    assert (result.exit_code, json.loads(result.stdout)["outcome"]) == (0, "accept")
    assert result.stderr.count("قیمت همکار") == 1


def test_the_command_tells_people_what_to_do(tmp_path: Path) -> None:
    file = saved(tmp_path / "goods.csv", [record(stock="موجود")])
    result = peyman("import", str(file))
    assert "ردشده | رکورد ۱، سطر ۲ | A1-01، stock | موجودی را با رقم بنویسید" in result.stdout


def test_the_command_exits_0_when_all_is_well_and_says_when_nothing_changed(tmp_path: Path) -> None:
    file = saved(tmp_path / "goods.csv", [record()])
    assert peyman("import", str(file)).exit_code == 0
    again = peyman("import", str(file))
    assert (again.exit_code, "چیزی عوض نشد." in again.stdout) == (0, True)


@pytest.mark.parametrize("name", ["products_dirty.csv", "products_dirty.xlsx"])
def test_the_command_does_with_each_record_of_a_dirty_file_what_an_importer_does(name: str) -> None:
    if not CATALOGUE.exists():
        return  # the supplier's file is not part of the repository
    actions.load_reference()
    result = peyman("import", str(CATALOGUE / name), "--dry-run", "--json")
    told = [json.loads(line) for line in result.stdout.splitlines()]
    with (CATALOGUE / "products_dirty_expected.csv").open(encoding="utf-8") as file:
        wanted = list(csv.DictReader(file))
    assert [line["record"] for line in told] == [int(row["record"]) for row in wanted]
    assert [line["line"] for line in told] == [int(row["line"]) for row in wanted] or name.endswith("xlsx")
    missed = [
        (line["record"], line["outcome"], row["outcome"])
        for line, row in zip(told, wanted, strict=True)
        if line["outcome"] not in (row["outcome"], row["also_ok"])
    ]
    assert (result.exit_code, missed, Variant.objects.count()) == (1, [], 0)


@pytest.mark.parametrize("content", [None, b"", b"no,catalogue\n1,2\n"])
def test_the_command_exits_2_when_the_file_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "goods.csv"
    if content is not None:
        file.write_bytes(content)
    result = peyman("import", str(file))
    assert (result.exit_code, "این فایل خوانده نشد" in result.stderr) == (2, True)


def test_the_command_exports_what_it_imports(tmp_path: Path) -> None:
    peyman("import", str(saved(tmp_path / "goods.csv", [record(), record(sku="A1-02")])))
    out = tmp_path / "out.csv"
    assert json.loads(peyman("export", str(out), "--json").stdout) == {"file": str(out), "records": 2}
    assert [line["sku"] for line in csv.DictReader(out.open(encoding="utf-8"))] == ["A1-01", "A1-02"]
    assert peyman("import", str(out)).exit_code == 0
    assert peyman("export", str(tmp_path / "missing" / "out.csv")).exit_code == 2


def test_the_supplier_file_comes_in_whole() -> None:
    """A thousand records of the big file: none is refused, and again none changes."""
    if not CATALOGUE.exists():
        return  # the supplier's file is not part of the repository
    actions.load_reference()
    with (CATALOGUE / "products.csv").open(encoding="utf-8") as file:
        some = list(itertools.islice(csv.DictReader(file), 1000))
    report = brought(*some)
    assert (report.count("accept"), report.variants_new) == (1000, 1000)
    assert brought(*some, now=LATER).is_no_change


def test_an_import_that_brings_nothing_new_leaves_remembered_lists_alone() -> None:
    brought(record())
    before = queries.mark()
    brought(record(), now=LATER)
    assert queries.mark() == before
    brought(record(title_fa="گوشی تازه"), now=LATER)
    assert queries.mark() != before
