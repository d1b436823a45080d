"""Pictures taken out of the world: off every product, out of the folder whoever dies, and not taken again."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from peyman.entrypoints import media as work
from peyman.entrypoints.jobs import invariants
from peyman.kernel.errors import Invalid, Missing
from peyman.shop.catalog.models import CatalogChange, Edition, Product
from peyman.shop.media import actions, queries, rules
from peyman.shop.media.models import MediaFile, ProductMedia, Takedown
from tests import make, media
from tests.make import NOW

pytestmark = pytest.mark.django_db

WHY = "درخواست ۱۲ حریم خصوصی"
LATER = NOW + timedelta(days=3)


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    return tmp_path


@pytest.fixture
def products(folder: Path) -> list[Product]:
    """A kettle and a cup."""
    return [make.product(code=code, title=title) for code, title in (("KTL-1", "کتری برقی"), ("CUP-1", "لیوان"))]


def bring(*files: bytes, code: str = "KTL-1", now: Any = NOW) -> list[str]:
    offered = [work.Offered(BytesIO(data), f"{n}.jpg", "کتری از روبه‌رو") for n, data in enumerate(files, 1)]
    return [one.fault for one in work.bring_in(code=code, offered=offered, by="سارا", now=now)]


def lying(folder: Path) -> list[str]:
    """Names of all that lies in the folder of media, what came in and what is half written included."""
    return sorted(path.name for path in (folder / "media").rglob("*") if path.is_file())


def down(key: str, now: Any = NOW) -> Takedown:
    return work.take_down(key=key, reason="privacy", why=WHY, by="P-7", now=now)


def gallery(product: Product) -> list[str]:
    product.refresh_from_db()
    return [item["key"] for item in product.gallery]


def bad() -> list[str]:
    return invariants.CHECKS["what_was_taken_down_is_gone"](LATER).bad


def test_a_picture_goes_from_all_products_and_from_the_folder_in_one_act(folder: Path, products: list[Product]) -> None:
    bring(media.jpeg(), media.png())
    bring(media.jpeg(), code="CUP-1")
    work.work(NOW)
    key, other = gallery(products[0])
    assert gallery(products[1]) == [key]
    versions, edition = [product.version for product in products], Edition.objects.get().number

    row = down(key)
    assert gallery(products[0]) == [other] and gallery(products[1]) == []
    assert [product.picture for product in products] == [other, ""]
    assert lying(folder) == sorted([f"{key}.down", *(f"{other}-{width}.webp" for width in rules.WIDTHS)])
    assert (row.cleared_at, row.file.state, row.file.stored) == (NOW, "down", 0)
    assert all(product.version > before for product, before in zip(products, versions, strict=True))
    assert Edition.objects.get().number > edition  # what is kept of both, and of lists that show them, is stale
    history = CatalogChange.objects.filter(why__startswith="حذف همیشگی").order_by("key")
    assert [(each.key, each.field, each.old, each.new, each.by, each.why) for each in history] == [
        (code, f"media/{key[:12]}", "تصویر، «کتری از روبه‌رو»", "", "P-7", f"حذف همیشگی، حریم خصوصی: {WHY}")
        for code in ("CUP-1", "KTL-1")
    ]
    assert bad() == []


def test_a_second_press_changes_nothing(folder: Path, products: list[Product]) -> None:
    bring(media.jpeg())
    work.work(NOW)
    key = gallery(products[0])[0]
    first = down(key)
    changes = CatalogChange.objects.count()
    assert work.take_down(key=key, reason="other", why="دوباره فشرده شد", by="P-8", now=LATER).pk == first.pk
    assert (Takedown.objects.count(), CatalogChange.objects.count()) == (1, changes)
    assert Takedown.objects.get().by == "P-7"


def test_what_cannot_be_taken_down_changes_nothing(folder: Path, products: list[Product]) -> None:
    bring(media.jpeg())
    work.work(NOW)
    key = gallery(products[0])[0]
    with pytest.raises(Missing):
        down("f" * 40)
    with pytest.raises(Invalid) as refusal:
        work.take_down(key=key, reason="mood", why="  ", by="P-7", now=NOW)
    assert set(refusal.value.fields) == {"reason", "why"}
    assert gallery(products[0]) == [key] and not Takedown.objects.exists() and len(lying(folder)) == 4


def test_whoever_dies_between_the_row_and_the_files_leaves_work_that_the_worker_ends(
    folder: Path, products: list[Product]
) -> None:
    bring(media.jpeg())
    work.work(NOW)
    key = gallery(products[0])[0]
    actions.take_down(key=key, reason="rights", why=WHY, by="P-7", now=NOW)  # and died
    assert len(lying(folder)) == 4 and gallery(products[0]) == [] and bad() == [key]
    assert len(actions.claim_takedowns(now=NOW)) == 1  # and so did the worker
    assert work.clear_takedowns(NOW) == 0  # which another waits for
    assert work.clear_takedowns(NOW + actions.LEASE) == 1
    assert lying(folder) == [f"{key}.down"]
    assert work.clear_takedowns(NOW + actions.LEASE) == 0 and bad() == []


def test_a_folder_that_refuses_is_asked_again(
    folder: Path, products: list[Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(media.jpeg())
    work.work(NOW)
    key = gallery(products[0])[0]
    with monkeypatch.context() as patch:
        patch.setattr(work, "write", _full)
        assert down(key).cleared_at is None
    assert lying(folder) == []  # a full disk takes no mark, and is emptied all the same
    assert work.clear_takedowns(NOW + actions.LEASE) == 1 and lying(folder) == [f"{key}.down"]


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_what_is_not_ready_yet_goes_with_what_came(folder: Path, products: list[Product]) -> None:
    bring(media.jpeg())
    file = MediaFile.objects.get()
    down(file.key)
    assert lying(folder) == [f"{file.key}.down"]
    assert work.work(LATER) == 0 and gallery(products[0]) == []
    assert queries.media_of("KTL-1") == [] and MediaFile.objects.get().incoming == ""


def test_a_worker_that_had_it_in_hand_leaves_nothing(
    folder: Path, products: list[Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(media.jpeg())
    key = MediaFile.objects.get().key
    make_it = work._make_picture

    def slowly(file: MediaFile, path: Path) -> actions.Made:
        made = make_it(file, path)
        down(key)
        work.write(folder / "media" / rules.picture_file(key, 160), [b"the last width"])
        return made

    monkeypatch.setattr(work, "_make_picture", slowly)
    assert work.work(NOW) == 1
    assert lying(folder) == [f"{key}.down"] and gallery(products[0]) == []
    assert MediaFile.objects.get().state == "down"


def test_what_a_restored_folder_brings_back_is_deleted_again(folder: Path, products: list[Product]) -> None:
    bring(media.jpeg())
    work.work(NOW)
    key = gallery(products[0])[0]
    kept = {path: path.read_bytes() for path in (folder / "media").glob("??/*.webp")}
    down(key)
    (folder / "media" / rules.tombstone(key)).unlink()
    for path, data in kept.items():
        path.write_bytes(data)
    assert bad() == [key]
    work.clear_takedowns(NOW + 2 * actions.LEASE)
    assert lying(folder) == [f"{key}.down"] and bad() == []
    assert Takedown.objects.get().cleared_at == NOW


def test_what_was_taken_away_before_can_be_taken_down_and_does_not_come_back(
    folder: Path, products: list[Product]
) -> None:
    bring(media.jpeg())
    work.work(NOW)
    row = queries.media_of("KTL-1")[0]
    actions.remove(code="KTL-1", row_id=row.id, by="سارا", now=NOW)
    down(row.key)
    assert queries.gone_of("KTL-1") == [] and lying(folder) == [f"{row.key}.down"]
    with pytest.raises(Missing):
        actions.restore(code="KTL-1", row_id=row.id, by="سارا", now=NOW)
    assert work.sweep(NOW + timedelta(days=400)) == 0


def test_the_same_file_is_not_taken_again_and_others_beside_it_are(folder: Path, products: list[Product]) -> None:
    bring(media.jpeg())
    work.work(NOW)
    down(gallery(products[0])[0])
    assert bring(media.jpeg(), media.png(), code="CUP-1", now=LATER) == ["taken_down", ""]
    assert work.work(LATER) == 1 and len(gallery(products[1])) == 1
    came = actions.Came(MediaFile.objects.get(state="down").key, rules.Looked("picture", "jpeg", 700, 500), 9, "x")
    with pytest.raises(rules.TakenDown):  # it was looked at before it was taken down
        actions.take(code="CUP-1", came=[came], by="سارا", now=LATER)
    assert len(gallery(products[1])) == 1 and MediaFile.objects.filter(state="down").count() == 1


def test_a_video_whose_picture_goes_waits_for_another(folder: Path, products: list[Product]) -> None:
    bring(media.mp4(), media.jpeg())
    bring(media.jpeg(), code="CUP-1")
    work.work(NOW)
    film, picture = queries.media_of("KTL-1")
    words = film.alt
    edits = {film.id: actions.Edit(words, "", 1, poster=picture.id), picture.id: actions.Edit(words, "", 2)}
    actions.arrange(code="KTL-1", edits=edits, by="سارا", now=NOW)
    actions.remove(code="KTL-1", row_id=picture.id, by="سارا", now=NOW)
    assert ProductMedia.objects.get(pk=film.id).poster is None
    actions.restore(code="KTL-1", row_id=picture.id, by="سارا", now=NOW)
    actions.arrange(code="KTL-1", edits=edits, by="سارا", now=NOW)
    assert gallery(products[0]) == [film.key, picture.key]
    down(picture.key)
    assert gallery(products[0]) == [] and ProductMedia.objects.get(pk=film.id).poster is None
    down(film.key)
    assert lying(folder) == sorted([f"{film.key}.down", f"{picture.key}.down"])


def test_one_that_is_lifted_can_be_brought_in_again_with_why(folder: Path, products: list[Product]) -> None:
    bring(media.jpeg())
    work.work(NOW)
    key = gallery(products[0])[0]
    row = down(key)
    with pytest.raises(Invalid):
        work.lift(takedown_id=row.pk, why="", by="P-8", now=LATER)
    work.lift(takedown_id=row.pk, why="درخواست پس گرفته شد", by="P-8", now=LATER)
    assert lying(folder) == [] and gallery(products[0]) == []
    with pytest.raises(Missing):
        work.lift(takedown_id=row.pk, why="درخواست پس گرفته شد", by="P-8", now=LATER)
    assert bring(media.jpeg(), now=LATER) == [""]
    assert work.work(LATER) == 0  # whoever may still delete is waited for
    assert work.work(LATER + actions.LEASE) == 1 and gallery(products[0]) == [key] and len(lying(folder)) == 4
    assert work.clear_takedowns(LATER + timedelta(days=1)) == 0 and len(lying(folder)) == 4
    again = down(key, now=LATER + timedelta(days=1))
    assert again.pk != row.pk and lying(folder) == [f"{key}.down"]


def test_what_is_still_being_deleted_is_not_lifted(folder: Path, products: list[Product]) -> None:
    bring(media.jpeg())
    work.work(NOW)
    row = actions.take_down(key=gallery(products[0])[0], reason="order", why=WHY, by="P-7", now=NOW)
    with pytest.raises(rules.NotYetGone):
        work.lift(takedown_id=row.pk, why="درخواست پس گرفته شد", by="P-8", now=NOW)
    assert Takedown.objects.get().lifted_at is None


def test_the_database_lets_nobody_rewrite_who_took_down_what_and_why(folder: Path, products: list[Product]) -> None:
    bring(media.jpeg())
    row = down(MediaFile.objects.get().key)
    for change in ({"why": "دیگر"}, {"by": "P-9"}, {"at": LATER}, {"reason": "other"}):
        with pytest.raises(IntegrityError, match="append only"), transaction.atomic():
            Takedown.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(IntegrityError, match="append only"), transaction.atomic():
        Takedown.objects.filter(pk=row.pk).delete()


@pytest.mark.django_db(transaction=True)
def test_people_who_bring_it_in_while_it_is_taken_down_show_it_nowhere(
    folder: Path, products: list[Product], threads: Any
) -> None:
    bring(media.jpeg())
    key = MediaFile.objects.get().key

    def one(number: int) -> object:
        if number == 0:
            return work.work(NOW)
        if number == 1:
            return down(key).pk
        try:
            return bring(media.jpeg(), media.png(400 + number, 300), code="CUP-1")
        except rules.TakenDown:
            return "taken down"

    threads(4, one)
    work.work(NOW)
    work.clear_takedowns(NOW + 2 * actions.LEASE)
    assert key not in gallery(products[0]) + gallery(products[1])
    assert not ProductMedia.objects.filter(file__key=key, removed_at=None).exists()
    assert [name for name in lying(folder) if key in name] == [f"{key}.down"] and bad() == []
