"""Pictures and videos of goods: taken in, made ready by whoever works, written on the product, and swept in the end."""

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from peyman.entrypoints import media as work
from peyman.entrypoints.jobs import invariants
from peyman.kernel.errors import Invalid, Missing, TryLater
from peyman.shop.catalog.models import CatalogChange, Edition, Product
from peyman.shop.media import actions, queries
from peyman.shop.media.models import MediaFile, ProductMedia
from peyman.shop.media.rules import FAULTS
from tests import make, media
from tests.make import NOW

pytestmark = pytest.mark.django_db

ALT = "کتری برقی از روبه‌رو"


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """Where PEYMAN_DATA is; nothing that came or is half written may be left there."""
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    yield tmp_path


@pytest.fixture
def product() -> Product:
    return make.product(code="KTL-1", title="کتری برقی")


def bring(*files: bytes, alt: str = ALT, color: str = "", now: Any = NOW, code: str = "KTL-1") -> list[str]:
    """Offer files and return the word of each refusal, "" for what was taken."""
    offered = [work.Offered(BytesIO(data), f"{n}.jpg", alt, color) for n, data in enumerate(files, 1)]
    return [one.fault for one in work.bring_in(code=code, offered=offered, by="سارا", now=now)]


def gallery(product: Product) -> list[dict[str, Any]]:
    product.refresh_from_db()
    return product.gallery


def incoming(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "media/incoming").glob("*"))


def stored(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "media").glob("??/*"))


def test_a_picture_waits_is_made_and_stands_on_its_product(folder: Path, product: Product) -> None:
    assert bring(media.jpeg(700, 500)) == [""]
    assert gallery(product) == [] and product.picture == ""
    assert queries.progress("KTL-1") == queries.Progress(ready=0, waiting=1, unfit=0)
    before, edition = product.version, Edition.objects.get().number

    assert work.work(NOW) == 1
    file = MediaFile.objects.get()
    assert (file.state, file.width, file.height, file.due_at, file.incoming) == ("ready", 700, 500, None, "")
    assert stored(folder) == sorted(f"{file.key}-{width}.webp" for width in (160, 320, 640, 1280))
    assert file.stored == sum(path.stat().st_size for path in (folder / "media").glob("??/*"))
    assert incoming(folder) == []
    shown = {"key": file.key, "alt": ALT, "w": 700, "h": 500, "color": "", "kind": "picture"}
    assert gallery(product) == [shown] and product.picture == file.key
    assert product.version > before and Edition.objects.get().number > edition
    assert work.work(NOW) == 0


def test_each_change_leaves_who_when_and_what(folder: Path, product: Product) -> None:
    bring(media.jpeg())
    work.work(NOW)
    row = ProductMedia.objects.get()
    edit = actions.Edit(alt="کتری در آشپزخانه", color="", position=1)
    actions.arrange(code="KTL-1", edits={row.pk: edit}, by="رضا", now=NOW + timedelta(hours=1))
    actions.remove(code="KTL-1", row_id=row.pk, by="رضا", now=NOW + timedelta(hours=2))
    changes = CatalogChange.objects.order_by("pk").values_list("key", "field", "old", "new", "by", "at")
    field = f"media/{row.file.key[:12]}"
    assert list(changes) == [
        ("KTL-1", field, "", f"تصویر، «{ALT}»", "سارا", NOW),
        ("KTL-1", field, f"تصویر، «{ALT}»", "تصویر، «کتری در آشپزخانه»", "رضا", NOW + timedelta(hours=1)),
        ("KTL-1", field, "تصویر، «کتری در آشپزخانه»", "", "رضا", NOW + timedelta(hours=2)),
    ]


def test_the_same_picture_is_stored_once_whoever_shows_it(folder: Path, product: Product) -> None:
    other = make.product(code="KTL-2")
    data = media.png()
    assert bring(data, data) == ["", ""]
    assert bring(data, code="KTL-2") == [""]
    assert (MediaFile.objects.count(), ProductMedia.objects.count()) == (1, 2)
    assert len(incoming(folder)) == 1
    assert work.work(NOW) == 1
    assert gallery(product)[0]["key"] == gallery(other)[0]["key"] == product.picture
    third = make.product(code="KTL-3")
    assert bring(data, code="KTL-3") == [""]
    assert third.pk and gallery(third)[0]["key"] == product.picture  # at once: nothing is left to do
    assert incoming(folder) == []


def test_what_is_not_fit_is_named_and_the_rest_comes_in(folder: Path, product: Product) -> None:
    svg = b'<svg onload="alert(1)"/>'
    assert bring(media.jpeg(), svg, media.png_bomb(), media.moving("GIF"), b"MZ" + b"\0" * 99, media.webp()) == [
        "", "svg", "vast", "gif", "program", "",
    ]  # fmt: skip
    assert MediaFile.objects.count() == 2 and len(incoming(folder)) == 2
    work.work(NOW)
    assert [item["kind"] for item in gallery(product)] == ["picture", "picture"]


def test_what_turns_out_torn_is_told_and_nothing_of_it_is_kept(folder: Path, product: Product) -> None:
    torn = media.jpeg(quality=95)[:4000]
    assert bring(torn) == [""]
    assert work.work(NOW) == 1
    row = queries.media_of("KTL-1")[0]
    assert (row.state, row.fault, row.is_shown) == ("unfit", FAULTS["torn"], False)
    assert gallery(product) == [] and incoming(folder) == [] and stored(folder) == []
    assert bring(torn) == [""]  # again: it is tried again
    assert queries.progress("KTL-1").waiting == 1


def test_no_refusal_leaves_anything_behind(folder: Path, product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Missing):
        bring(media.jpeg(), code="NONE")
    monkeypatch.setattr("peyman.shop.media.actions.showing.MOST", 1)
    with pytest.raises(actions.TooMany):
        bring(media.jpeg(), media.png())
    monkeypatch.setattr("peyman.gateways.whole.os.fsync", _disk_is_full)
    with pytest.raises(TryLater):
        bring(media.jpeg())
    assert incoming(folder) == [] and list((folder / "media/incoming").glob(".*")) == []
    assert not ProductMedia.objects.exists() and not MediaFile.objects.exists() and not CatalogChange.objects.exists()


def _disk_is_full(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_puts_the_work_off_and_no_longer(
    folder: Path, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(media.jpeg())
    with monkeypatch.context() as patch:
        patch.setattr("peyman.gateways.whole.os.fsync", _disk_is_full)
        work.work(NOW)
    assert MediaFile.objects.get().state == "waiting" and stored(folder) == []
    assert work.work(NOW + timedelta(minutes=4)) == 0
    assert work.work(NOW + timedelta(minutes=5)) == 1
    assert len(gallery(product)) == 1


def test_whoever_is_killed_over_a_file_lets_it_fall_due_again(folder: Path, product: Product) -> None:
    bring(media.jpeg())
    assert len(actions.claim_due(now=NOW)) == 1  # and was killed
    assert work.work(NOW + timedelta(minutes=2)) == 0
    assert work.work(NOW + timedelta(minutes=3)) == 1
    assert len(gallery(product)) == 1


def test_a_file_that_killed_everybody_who_tried_is_given_up(folder: Path, product: Product) -> None:
    bring(media.jpeg())
    for attempt in range(4):
        assert len(actions.claim_due(now=NOW + attempt * actions.LEASE)) == 1
    assert actions.claim_due(now=NOW + 4 * actions.LEASE) == []
    assert queries.media_of("KTL-1")[0].fault == FAULTS["too_hard"]


def test_a_slow_worker_changes_nothing_once_another_was_faster(folder: Path, product: Product) -> None:
    bring(media.jpeg())
    slow = actions.claim_due(now=NOW)[0]
    assert work.work(NOW + actions.LEASE) == 1
    assert not actions.made(file=slow, made=actions.Made(9, 9, 9), now=NOW + actions.LEASE)
    assert not actions.give_up(key=slow.key, incoming=slow.incoming, fault="torn")
    assert gallery(product)[0]["w"] == 700


def test_workers_side_by_side_make_each_file_once(folder: Path, product: Product, threads: Any) -> None:
    bring(*(media.png(400 + n, 300) for n in range(6)))
    done = threads(3, lambda _: work.work(NOW))
    assert sum(done) == 6
    assert len(gallery(product)) == 6 and incoming(folder) == []


def test_order_words_and_colours_are_given_and_the_first_is_the_main_one(folder: Path, product: Product) -> None:
    make.variant(product=product, color="قرمز")
    bring(media.png(400, 300), alt="")
    bring(media.png(401, 300), media.png(402, 300))
    work.work(NOW)
    assert [item["w"] for item in gallery(product)] == [401, 402]  # what has no words is not shown
    a, b, c = (row.id for row in queries.media_of("KTL-1"))
    edits = {
        a: actions.Edit("نمای پشت", "قرمز", 3),
        b: actions.Edit(ALT, "بنفش", 2),  # no variant has that colour
        c: actions.Edit(ALT, "", 0),
    }
    assert actions.arrange(code="KTL-1", edits=edits, by="سارا", now=NOW) == 2
    assert [(item["w"], item["color"]) for item in gallery(product)] == [(402, ""), (401, ""), (400, "قرمز")]
    assert product.picture == gallery(product)[0]["key"]
    assert [row.position for row in queries.media_of("KTL-1")] == [1, 2, 3]
    assert actions.arrange(code="KTL-1", edits=edits | {c: actions.Edit(ALT, "", 1)}, by="سارا", now=NOW) == 0


def test_words_that_say_nothing_change_nothing(folder: Path, product: Product) -> None:
    bring(media.jpeg(), media.png())
    work.work(NOW)
    before = gallery(product)
    first, second = (row.id for row in queries.media_of("KTL-1"))
    edits = {first: actions.Edit("نمای تازه", "", 9), second: actions.Edit("IMG_1", "", 1)}
    with pytest.raises(Invalid) as refusal:
        actions.arrange(code="KTL-1", edits=edits, by="سارا", now=NOW)
    assert list(refusal.value.fields) == [f"alt-{second}"]
    assert gallery(product) == before
    with pytest.raises(Missing):
        actions.arrange(code="KTL-1", edits={first + 100: edits[first]}, by="سارا", now=NOW)


def test_a_video_is_shown_once_a_picture_stands_for_it(folder: Path, product: Product) -> None:
    bring(media.mp4(beside=[media.WITH_A_PLACE]), media.jpeg())
    work.work(NOW)
    film, picture = queries.media_of("KTL-1")
    assert [item["kind"] for item in gallery(product)] == ["picture"]
    edits = {film.id: actions.Edit(ALT, "", 1, poster=picture.id)}
    actions.arrange(code="KTL-1", edits=edits, by="سارا", now=NOW)
    shown = gallery(product)
    assert shown[0] == {
        "key": film.key, "alt": ALT, "w": 640, "h": 360, "color": "", "kind": "mp4", "poster": picture.key,
    }  # fmt: skip
    assert product.picture == picture.key  # a video is never the main picture
    kept = (folder / f"media/{film.key[:2]}/{film.key}.mp4").read_bytes()
    assert b"SECRET" not in kept and len(kept) == film.size

    with pytest.raises(Invalid):  # a film does not stand for a film, nor a picture for itself
        wrong = {picture.id: actions.Edit(ALT, "", 2, poster=picture.id)}
        actions.arrange(code="KTL-1", edits=wrong, by="سارا", now=NOW)
    actions.remove(code="KTL-1", row_id=picture.id, by="سارا", now=NOW)
    assert gallery(product) == [] and product.picture == ""


def test_what_was_taken_away_can_come_back_until_it_is_swept(folder: Path, product: Product) -> None:
    bring(media.jpeg(), media.png())
    work.work(NOW)
    first, second = (row.id for row in queries.media_of("KTL-1"))
    for row_id in (first, second):
        actions.remove(code="KTL-1", row_id=row_id, by="سارا", now=NOW)
    with pytest.raises(Missing):
        actions.remove(code="KTL-1", row_id=first, by="سارا", now=NOW)
    assert gallery(product) == [] and len(queries.gone_of("KTL-1")) == 2
    actions.restore(code="KTL-1", row_id=first, by="سارا", now=NOW)
    assert [item["w"] for item in gallery(product)] == [700]
    assert work.sweep(NOW + timedelta(days=30)) == 0
    assert work.sweep(NOW + timedelta(days=30, seconds=1)) == 1
    assert len(stored(folder)) == 4 and len(gallery(product)) == 1
    assert queries.gone_of("KTL-1") == []
    with pytest.raises(Missing):
        actions.restore(code="KTL-1", row_id=second, by="سارا", now=NOW)
    assert bring(media.png()) == [""]  # brought again, it is made again
    assert work.work(NOW) == 1 and len(stored(folder)) == 8


def test_a_picture_that_another_product_shows_is_not_swept(folder: Path, product: Product) -> None:
    make.product(code="KTL-2")
    bring(media.jpeg())
    bring(media.jpeg(), code="KTL-2")
    work.work(NOW)
    actions.remove(code="KTL-1", row_id=queries.media_of("KTL-1")[0].id, by="سارا", now=NOW)
    assert work.sweep(NOW + timedelta(days=400)) == 0 and len(stored(folder)) == 4


def test_a_killed_sweep_is_finished_and_a_new_file_waits_for_it(folder: Path, product: Product) -> None:
    bring(media.jpeg())
    work.work(NOW)
    actions.remove(code="KTL-1", row_id=queries.media_of("KTL-1")[0].id, by="سارا", now=NOW)
    late = NOW + timedelta(days=31)
    assert len(actions.sweep_unused(before=late - timedelta(days=30))) == 1  # and was killed before it removed a file
    assert len(stored(folder)) == 4
    assert work.sweep(late) == 1 and stored(folder) == []
    assert work.sweep(late) == 0

    bring(media.jpeg(), now=late)
    work.work(late)
    actions.remove(code="KTL-1", row_id=queries.media_of("KTL-1")[0].id, by="سارا", now=late)
    later = late + timedelta(days=31)
    assert len(actions.sweep_unused(before=later - timedelta(days=30))) == 1
    bring(media.jpeg(), now=later)  # while its files are still being removed
    assert work.work(later) == 0
    assert work.work(later + actions.LEASE) == 1 and len(gallery(product)) == 1
    assert work.sweep(later + actions.LEASE) == 0 and len(stored(folder)) == 4


def test_tables_that_are_older_than_their_folder_find_what_was_made(folder: Path, product: Product) -> None:
    bring(media.png(500, 400), media.mp4(), media.jpeg())
    before = {row.key: (row.incoming, row.due_at) for row in MediaFile.objects.all()}
    work.work(NOW)
    shown, rows = gallery(product), MediaFile.objects.order_by("pk").values_list("key", "state", "width", "stored")
    made = list(rows)
    for key, (place, due_at) in before.items():  # as after a restore
        MediaFile.objects.filter(key=key).update(state="waiting", incoming=place, due_at=due_at, stored=0)
    assert work.work(NOW) == 3
    assert list(rows) == made and gallery(product) == shown
    lost = next(row for row in MediaFile.objects.all() if row.width == 700)
    (folder / f"media/{lost.key[:2]}/{lost.key}-320.webp").unlink()
    MediaFile.objects.filter(pk=lost.pk).update(state="waiting", incoming="media/incoming/gone", due_at=NOW)
    work.work(NOW)
    assert MediaFile.objects.get(pk=lost.pk).fault == "torn"


def test_what_the_dead_left_is_removed_after_a_day(
    folder: Path, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(media.jpeg())
    named = incoming(folder)
    for left in (folder / "media/incoming/left", folder / "media/ab/.half.webp.1-2"):
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_bytes(b"x")
    work.sweep(NOW)
    assert "left" in incoming(folder)
    monkeypatch.setattr(work, "LEFT", -60)
    work.sweep(NOW)
    assert incoming(folder) == named and not (folder / "media/ab/.half.webp.1-2").exists()


def test_people_who_change_the_same_product_lose_nothing_of_each_other(
    folder: Path, product: Product, threads: Any
) -> None:
    bring(*(media.png(400 + n, 300) for n in range(4)))
    rows = [row.id for row in queries.media_of("KTL-1")]

    def one(number: int) -> object:
        if number == 4:
            return work.work(NOW)
        edit = actions.Edit(f"نمای تازه {number}", "", number + 1)
        return actions.arrange(code="KTL-1", edits={rows[number]: edit}, by="سارا", now=NOW)

    threads(5, one)
    assert sorted(item["alt"] for item in gallery(product)) == [f"نمای تازه {n}" for n in range(4)]
    assert [row.position for row in queries.media_of("KTL-1")] == [1, 2, 3, 4]


def test_the_queries_of_the_desk_cost_the_same_whatever_there_is(
    folder: Path, product: Product, django_assert_num_queries: Any
) -> None:
    bring(*(media.png(400 + n, 300) for n in range(3)))
    with django_assert_num_queries(3):
        queries.media_of("KTL-1"), queries.progress("KTL-1"), queries.colors_of("KTL-1")


def test_files_are_known_by_code_by_slug_and_by_what_their_supplier_calls_them(product: Product) -> None:
    make.variant(product=product, color="قرمز", image_hint="kettle/red")
    make.variant(product=product, color="سفید", image_hint="kettle/white")
    make.variant(product=make.product(code="CUP-1", title="لیوان"), image_hint="cup")
    make.variant(product=make.product(code="CUP-2", title="فنجان"), image_hint="cup")
    found = queries.by_hints(["KTL-1", product.slug, "kettle/red", "kettle/blue", "cup", "nothing"])
    assert found == {
        "KTL-1": ("KTL-1", "کتری برقی", ""),
        product.slug: ("KTL-1", "کتری برقی", ""),
        "kettle/red": ("KTL-1", "کتری برقی", "قرمز"),
        "cup": ("", "", ""),  # of two products: whose it is, is not ours to guess
    }


def test_what_is_stored_can_be_opened_by_others(folder: Path, product: Product) -> None:
    bring(media.with_a_place())
    work.work(NOW)
    for path in (folder / "media").glob("??/*"):
        with Image.open(path) as picture:
            assert picture.format == "WEBP" and not picture.getexif() and "icc_profile" not in picture.info


def test_the_invariants_find_a_file_that_is_gone_and_a_product_that_shows_something_else(
    folder: Path, product: Product
) -> None:
    def bad(name: str) -> list[str]:
        return invariants.CHECKS[name](NOW).bad

    bring(media.jpeg(), media.mp4())
    work.work(NOW)
    assert bad("pictures_are_there") == [] and bad("products_show_what_they_were_given") == []
    picture, film = queries.media_of("KTL-1")
    (folder / f"media/{film.key[:2]}/{film.key}.mp4").unlink()
    (folder / f"media/{picture.key[:2]}/{picture.key}-640.webp").unlink()
    assert sorted(bad("pictures_are_there")) == sorted([picture.key, film.key])
    Product.objects.filter(pk=product.pk).update(picture="")
    assert bad("products_show_what_they_were_given") == ["KTL-1"]
    Product.objects.filter(pk=product.pk).update(picture=picture.key)
    ProductMedia.objects.update(removed_at=NOW)
    assert bad("products_show_what_they_were_given") == ["KTL-1"]
