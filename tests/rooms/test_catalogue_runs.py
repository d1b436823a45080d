"""Catalogue files with a memory: what changed is told and corrected goods are named, and killed imports go on."""

import csv
import io
from collections.abc import Collection, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from peyman.entrypoints import catalogue_runs
from peyman.kernel.delimited import csv_rows
from peyman.shop.catalog import actions, queries, rules
from peyman.shop.catalog.actions import importing, runs
from peyman.shop.catalog.models import CatalogChange, ImportRow, ImportRun, PriceChange, Product, Variant
from peyman.shop.catalog.rules.tables import export_line, read_header, rows
from peyman.shop.stock.actions import count_many
from peyman.shop.stock.models import Movement, Stock
from tests import make
from tests.rooms.test_catalogue_import import LATER, _lists, record

pytestmark = pytest.mark.django_db
__all__ = ["_lists"]  # a fixture


def brought(*records: dict[str, Any], sold: Collection[int] | None = None, **how: Any) -> importing.Report:
    numbered = (rules.Row(n, n + 1, each) for n, each in enumerate(records, start=1))
    was_sold = None if sold is None else lambda keys: set(keys) & set(sold)
    return actions.import_records(
        rows=numbered,
        count_stock=count_many,
        **{"by": "import a.csv", "now": make.NOW, "was_sold": was_sold, **how},
    )


def history() -> list[tuple[str, str, str, str, bool]]:
    return [(row.key, row.field, row.old, row.new, row.is_correction) for row in CatalogChange.objects.order_by("pk")]


# ---- What an import leaves in the history ----


@pytest.mark.clause("D113")
def test_an_import_tells_what_it_changed_and_names_what_it_corrected() -> None:
    brought(record())
    assert history() == [("A1", "created", "", "گوشی سامسونگ مدل A1", False)]
    product = Product.objects.get()
    changed = record(title_fa="گوشی سامسونگ مدل A1 نو", attributes='{"رم":"12 گیگابایت"}', color="سفید", weight_g="210")
    brought(changed, now=LATER, sold=[product.pk], why="import a.csv")
    assert set(history()[1:]) == {
        ("A1", "title", "گوشی سامسونگ مدل A1", "گوشی سامسونگ مدل A1 نو", False),
        ("A1", "attributes/رم", "8 گیگابایت", "12 گیگابایت", True),
        ("A1", "weight_g", "200", "210", True),
        ("A1-01", "color", "مشکی", "سفید", False),
    }
    row = CatalogChange.objects.latest("pk")
    assert (row.by, row.why, row.at, row.product_id) == ("import a.csv", "import a.csv", LATER, product.pk)
    brought(changed, now=LATER, sold=[product.pk])
    brought({**changed, "price_rial": "5100000", "stock": "9"}, now=LATER, sold=[product.pk])
    assert CatalogChange.objects.count() == 5  # prices and counts have histories of their own


def test_categories_and_brands_are_told_by_their_names() -> None:
    brought(record())
    brought(record(category_slug="kettles", brand_slug="misc", brand_fa="متفرقه"), now=LATER)
    assert set(history()[1:]) == {
        ("A1", "category", "گوشی موبایل", "کتری", False), ("A1", "brand", "سامسونگ", "متفرقه", False),
    }  # fmt: skip


def test_a_refused_record_and_a_dry_run_leave_no_history() -> None:
    brought(record(), record(sku="A1-02", price_rial="رایگان"), dry_run=True)
    assert history() == []


# ---- Sources and references in files ----

OWN = {"attribute_sources": '{"رم":["manufacturer","دفترچه"],"نور":["editorial",""]}', "price_reference": "فهرست آوند"}


@pytest.mark.clause("D113", "D117")
def test_a_file_brings_sources_of_what_it_specifies_and_what_a_price_rests_on() -> None:
    report = brought(record(**OWN))
    assert report.rows[0].outcome == "accept"
    assert Product.objects.get().sources == {"رم": ["manufacturer", "دفترچه"]}  # the file says nothing of a light
    assert Variant.objects.get().price_reference == "فهرست آوند"
    assert brought(record(**OWN), now=LATER).is_no_change
    assert brought(record(), now=LATER).is_no_change  # without the columns they stay
    brought(record(attribute_sources="", price_reference=""), now=LATER)
    assert (Product.objects.get().sources, Variant.objects.get().price_reference) == ({}, "")
    assert [row[:4] for row in history()[1:]] == [
        ("A1", "sources/رم", "سازنده: دفترچه", ""), ("A1-01", "price_reference", "فهرست آوند", ""),
    ]  # fmt: skip


@pytest.mark.clause("D113")
def test_a_source_goes_with_the_value_that_it_vouched_for() -> None:
    brought(record(attributes='{"رم":"8","نور":"گرم"}', **OWN))
    brought(record(attributes='{"رم":"12","نور":"گرم"}'), now=LATER)
    assert Product.objects.get().sources == {"نور": ["editorial", ""]}


def test_sources_that_are_none_refuse_the_record_alone() -> None:
    report = brought(record(attribute_sources='{"رم":"hearsay"}'), record(sku="A1-02", price_reference="<b>"))
    assert [(row.codes, row.fields) for row in report.rows] == [
        (("sources_invalid",), ("attribute_sources",)), (("markup",), ("price_reference",)),
    ]  # fmt: skip
    assert not Product.objects.exists()


def test_importing_an_export_changes_nothing_sources_references_and_history_included() -> None:
    brought(record(**OWN), record(sku="A1-02", color="سفید"))
    Product.objects.update(sources={"رم": ["editorial", '-۵ درجه، «ص ۳»، "پیوست"']})
    Variant.objects.filter(sku="A1-02").update(price_reference="-5% کاتالوگ، ص ۲")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for values in queries.export_rows():
        writer.writerow(export_line(values))
    before = CatalogChange.objects.count()
    lines = csv_rows(text.getvalue().splitlines(keepends=True))
    _, names = next(lines)
    found = rows(lines, read_header(names or []), is_sheet=False)
    report = actions.import_records(rows=found, count_stock=count_many, by="test", now=LATER)
    assert report.is_no_change and {row.outcome for row in report.rows} == {"accept"}
    assert CatalogChange.objects.count() == before


# ---- Runs ----

HEADER = "sku,product_code,category_slug,brand_slug,title_fa,price_rial,price_basis,stock"


@pytest.fixture
def run(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> ImportRun:
    """A file of ten records in batches of three, looked through already."""
    settings.DATA_DIR = tmp_path
    settings.CLOCK_FILE = tmp_path / "clock"
    settings.CLOCK_FILE.write_text(make.NOW.isoformat())
    monkeypatch.setattr(importing, "BATCH", 3)
    lines = [f"G{n}-01,G{n // 2},mobile-phone,samsung,گوشی {n // 2},{5_000_000 + n * 10},market,{n}" for n in range(10)]
    text = "\n".join([HEADER, *lines, lines[0].replace("5000000", "6000000")])
    place = catalogue_runs.keep([text.encode()])
    made = runs.hand_in(file_name="goods.csv", file=place, by="PER-1", now=make.NOW)
    assert catalogue_runs.sweep(now=make.NOW) == 1
    made.refresh_from_db()
    assert (made.state, made.done, made.counts["products_new"]) == ("checked", 11, 5)
    return made


def kill_after(batches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the worker die while it writes down its next batch."""
    told = runs.went_on
    left = [batches]

    def dying(**how: Any) -> runs.Stand:
        stand = told(**how)
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return stand

    monkeypatch.setattr(runs, "went_on", dying)


@pytest.mark.parametrize("batches", [0, 1, 2, 3])
def test_a_killed_import_goes_on_where_it_was_and_ends_the_same(
    run: ImportRun, batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.start(run_id=run.pk, by="PER-2", now=make.NOW)
    with monkeypatch.context() as dying:
        kill_after(batches, dying)
        with pytest.raises(KeyboardInterrupt):
            catalogue_runs.sweep(now=make.NOW)
    run.refresh_from_db()
    assert (run.state, run.done, Variant.objects.count()) == ("importing", batches * 3, batches * 3)
    assert catalogue_runs.sweep(now=make.NOW) == 0  # the lease of the dead one
    Stock.objects.filter(variant__sku="G1-01").update(on_hand=0)  # sold meanwhile
    assert catalogue_runs.sweep(now=make.NOW + timedelta(hours=1)) == 1

    run.refresh_from_db()
    assert (run.state, run.done) == ("done", 11)
    assert {name: run.counts[name] for name in ("repair", "refuse", "products_new", "variants_new")} == {
        "repair": 10, "refuse": 1, "products_new": 5, "variants_new": 10,
    }  # fmt: skip
    assert list(ImportRow.objects.order_by("record").values_list("record", flat=True)) == list(range(1, 12))
    assert ImportRow.objects.get(record=11).codes == ["sku_duplicate"]  # compared with records before the kill
    assert PriceChange.objects.count() == 10 and not Movement.objects.exists()
    if batches:
        assert Stock.objects.get(variant__sku="G1-01").on_hand == 0
    assert set(CatalogChange.objects.values_list("by", "why")) == {("PER-2", "import goods.csv")}


def test_a_killed_look_begins_again(run: ImportRun, monkeypatch: pytest.MonkeyPatch) -> None:
    again = runs.hand_in(file_name="goods.csv", file=run.file, by="PER-1", now=make.NOW)
    with monkeypatch.context() as dying:
        kill_after(2, dying)
        with pytest.raises(KeyboardInterrupt):
            catalogue_runs.sweep(now=make.NOW)
    assert catalogue_runs.sweep(now=make.NOW + timedelta(hours=1)) == 1
    again.refresh_from_db()
    assert (again.state, again.done, again.counts) == ("checked", 11, run.counts)
    assert ImportRow.objects.filter(run=again).count() == 11 and not Product.objects.exists()


def test_a_run_that_is_dropped_stops_before_its_next_batch(run: ImportRun, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.start(run_id=run.pk, by="PER-2", now=make.NOW)
    told = runs.went_on

    def dropped(**how: Any) -> runs.Stand:
        stand = told(**how)
        if stand.done == 6:
            ImportRun.objects.update(state="dropped")
        return stand

    monkeypatch.setattr(runs, "went_on", dropped)
    assert catalogue_runs.sweep(now=make.NOW) == 1
    run.refresh_from_db()
    assert (run.state, run.done, Variant.objects.count()) == ("dropped", 6, 6)
    assert catalogue_runs.sweep(now=LATER) == 0


def test_what_is_not_to_be_done_now_is_refused(run: ImportRun) -> None:
    runs.start(run_id=run.pk, by="PER-2", now=make.NOW)
    for act in (lambda: runs.start(run_id=run.pk, by="PER-2", now=LATER),):
        with pytest.raises(runs.NotNow):
            act()
    runs.drop(run_id=run.pk, now=LATER)
    with pytest.raises(runs.NotNow):
        runs.drop(run_id=run.pk, now=LATER)


def test_two_workers_never_hold_the_same_run(run: ImportRun) -> None:
    runs.start(run_id=run.pk, by="PER-2", now=make.NOW)
    first = runs.claim(now=make.NOW)
    assert first is not None and runs.claim(now=make.NOW) is None
    second = runs.claim(now=make.NOW + runs.LEASE)
    assert second is not None
    with pytest.raises(runs.TakenAway):
        runs.went_on(run=first, before={}, readings=_readings(), report=importing.Report(), now=LATER)


def _readings() -> Sequence[rules.Reading]:
    return [rules.Reading(1, 2, "A-01", "accept")]


# ---- Files that nobody needs any longer ----


def kept(run: ImportRun) -> bool:
    """Whether the file of a run, as it was handed in, still lies there."""
    return (catalogue_runs.settings.DATA_DIR / run.file).is_file()


@pytest.mark.parametrize("way", ["done", "dropped", "failed"])
def test_a_file_is_deleted_thirty_days_after_its_run_ended_and_what_became_of_its_records_stays(
    run: ImportRun, way: str
) -> None:
    if way == "done":
        runs.start(run_id=run.pk, by="PER-2", now=make.NOW)
        catalogue_runs.sweep(now=make.NOW)
    elif way == "dropped":
        runs.drop(run_id=run.pk, now=make.NOW)
    else:
        (catalogue_runs.settings.DATA_DIR / run.file).write_bytes(b"PK\x03\x04")
        runs.start(run_id=run.pk, by="PER-2", now=make.NOW)
        catalogue_runs.sweep(now=make.NOW)
    ended = ImportRun.objects.get()
    assert (ended.state, ended.ended_at) == (way, make.NOW)
    rows = ImportRow.objects.count()
    assert catalogue_runs.forget(make.NOW + timedelta(days=30)) == 0 and kept(run)
    assert catalogue_runs.forget(make.NOW + timedelta(days=30, seconds=1)) == 1 and not kept(run)
    assert catalogue_runs.forget(make.NOW + timedelta(days=31)) == 0
    after = ImportRun.objects.get()
    assert (after.file, after.counts, ImportRow.objects.count()) == ("", ended.counts, rows)


def test_a_file_that_may_still_be_needed_stays_however_old_it_is(
    run: ImportRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    years = make.NOW + timedelta(days=900)
    assert catalogue_runs.forget(years) == 0 and kept(run)  # looked through; somebody may say yes
    runs.start(run_id=run.pk, by="PER-2", now=make.NOW)
    with monkeypatch.context() as dying:
        kill_after(1, dying)
        with pytest.raises(KeyboardInterrupt):
            catalogue_runs.sweep(now=make.NOW)
    assert catalogue_runs.forget(years) == 0 and kept(run)  # half of it is in
    assert catalogue_runs.sweep(now=make.NOW + timedelta(hours=1)) == 1
    again = runs.hand_in(file_name="goods.csv", file=run.file, by="PER-1", now=make.NOW)
    assert catalogue_runs.forget(years) == 0 and kept(run)  # another run reads the same file
    runs.drop(run_id=again.pk, now=make.NOW)
    assert catalogue_runs.forget(years) == 2 and not kept(run)


def test_a_deletion_that_was_killed_is_finished(run: ImportRun) -> None:
    runs.drop(run_id=run.pk, now=make.NOW)
    (catalogue_runs.settings.DATA_DIR / run.file).unlink()  # and then it died
    assert catalogue_runs.forget(make.NOW + timedelta(days=31)) == 1
    assert ImportRun.objects.get().file == ""


def test_what_the_dead_left_of_files_is_deleted_after_a_day(run: ImportRun, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = catalogue_runs.settings.DATA_DIR / catalogue_runs.FOLDER
    for name in (".half.goods.part", "nobodys.goods"):
        (folder / name).write_bytes(b"x")
    (folder / "of-somebody-else.csv").write_bytes(b"x")
    catalogue_runs.forget(make.NOW)
    assert len(list(folder.iterdir())) == 4
    monkeypatch.setattr(catalogue_runs, "LEFT", -60)
    catalogue_runs.forget(make.NOW)
    assert {path.name for path in folder.iterdir()} == {"of-somebody-else.csv", Path(run.file).name}
