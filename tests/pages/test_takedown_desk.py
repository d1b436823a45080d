"""The desk where a picture is taken out of the world: by the address that a complaint names, with who and why."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from peyman.entrypoints import media as work
from peyman.promises.models import TermsVersion
from peyman.shop.catalog.models import CatalogChange
from peyman.shop.media import actions
from peyman.shop.media.models import MediaFile, Takedown
from tests import make, media
from tests.make import NOW
from tests.pages.reading import html_of, plain_html_of, text_of

DESK = "/desk/takedowns/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(client: Client, shop: TermsVersion, settings: Any, tmp_path: Path) -> str:
    """The key of a picture that two products show; somebody of privacy is at the desk."""
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    client.force_login(make.person(role="catalogue"))
    for code, title in (("KTL-1", "کتری برقی"), ("CUP-1", "لیوان")):
        make.variant(product=make.product(code=code, title=title, slug=code.lower()), sku=f"{code}-01")
        sent = {"files": [SimpleUploadedFile("a.jpg", media.jpeg(), "image/jpeg")], "alt": "نمای روبه‌رو"}
        client.post(f"/desk/goods/{code}/media/", sent)
    work.work(NOW)
    client.force_login(make.person(role="privacy", full_name="نگار راد"))
    return MediaFile.objects.get().key


@pytest.mark.parametrize("role", ["customer", "orders", "tariff", "finance"])
def test_only_those_who_answer_complaints_find_the_desk(client: Client, key: str, role: str) -> None:
    client.force_login(make.person(role=role))
    form = {"address": key, "reason": "privacy", "why": "درخواست ۱۲"}
    assert client.get(DESK).status_code == client.get(f"{DESK}new", {"address": key}).status_code == 404
    assert client.post(f"{DESK}new", form).status_code == client.post(f"{DESK}1/lift", form).status_code == 404
    assert not Takedown.objects.exists()


@pytest.mark.parametrize(
    "written",
    ["/media/{key}-640.webp", "https://peyman.ir/media/{key}-160.webp?x=1", " {key} ", "HTTPS://X/media/{KEY}.MP4#t=1"],
)
def test_an_address_finds_the_picture_and_all_that_shows_it(client: Client, key: str, written: str) -> None:
    html = html_of(client.get(f"{DESK}new", {"address": written.format(key=key, KEY=key.upper())}))
    assert f"/media/{key}-640.webp" in html and "KTL-1" in html and "CUP-1" in html
    assert "راه بازگشت ندارد." in html


@pytest.mark.parametrize("written", ["", "   ", "f" * 40, "/goods/ktl-1/", "x" * 300_000, "%00", "‮", "٠" * 40])
def test_an_address_that_names_no_picture_is_told_and_stays_typed(client: Client, key: str, written: str) -> None:
    html = html_of(client.post(f"{DESK}new", {"address": written, "reason": "privacy", "why": "درخواست ۱۲"}), 422)
    assert "تصویری با این نشانی نداریم." in html and not Takedown.objects.exists()


def test_it_goes_from_pages_that_were_kept_and_every_address_says_gone(client: Client, key: str) -> None:
    reader = Client()
    pages = ("/goods/ktl-1/", "/goods/cup-1/", "/goods/", "/api/v1/products/ktl-1", "/api/v1/products")
    for _ in range(2):  # the second time from what is kept
        assert all(key in reader.get(page).content.decode() for page in pages)
    address = f"/media/{key}-640.webp"
    assert reader.get(address).status_code == 200
    form = {"address": address, "reason": "rights", "why": "درخواست ۱۲ پدیدآور"}
    answer = client.post(f"{DESK}new", form)
    row = Takedown.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"{DESK}?done={row.pk}")
    assert not any(key in reader.get(page).content.decode() for page in pages)
    for name in (*(f"{key}-{width}.webp" for width in (160, 320, 640, 1280)), f"{key}.mp4"):
        assert reader.get(f"/media/{name}").status_code == 410
    html = plain_html_of(client.get(answer["Location"]))
    assert "حذف شد: از همه کالاها برداشته شد و چیزی از آن نگه نداشتیم." in html
    assert html.count(f"{key}-") == 4  # what a CDN is told to forget
    assert "حق پدیدآور یا نشان تجاری" in html and "درخواست ۱۲ پدیدآور" in html and "نگار راد" in html
    assert client.post(f"{DESK}new", form)["Location"] == answer["Location"]  # pressed twice
    assert CatalogChange.objects.filter(why__startswith="حذف همیشگی").count() == 2


def test_the_history_of_each_product_says_who_and_why(client: Client, key: str) -> None:
    client.post(f"{DESK}new", {"address": key, "reason": "order", "why": "نامه ۴۵ دادسرا"})
    client.force_login(make.person(role="catalogue"))
    for code in ("KTL-1", "CUP-1"):
        text = text_of(client.get(f"/desk/goods/{code}/history/"))
        assert "حذف همیشگی، دستور مرجع قانونی: نامه ۴۵ دادسرا" in text and "نگار راد" in text
    html = html_of(client.get(f"{DESK}new", {"address": key}))
    assert "این فایل پیش‌تر حذف شده است." in html and "حذف همیشگی</button>" not in html


def test_without_a_reason_and_why_nothing_goes_and_what_is_typed_stays(client: Client, key: str) -> None:
    html = html_of(client.post(f"{DESK}new", {"address": key, "reason": "", "why": "بد"}), 422)
    assert "دو مورد مانده است" in html and 'value="بد"' in html
    html = html_of(client.post(f"{DESK}new", {"address": key, "reason": "privacy", "why": "و" * 301}), 422)
    assert "تا ۳۰۰ نویسه" in html
    assert not Takedown.objects.exists()


def test_the_same_file_is_refused_at_the_desk_of_pictures_until_it_is_allowed(client: Client, key: str) -> None:
    client.post(f"{DESK}new", {"address": key, "reason": "privacy", "why": "درخواست ۱۲"})
    row = Takedown.objects.get()
    privacy = Client()
    privacy.force_login(make.person(role="manager", full_name="رضا نیک"))
    client.force_login(make.person(role="catalogue"))

    def bring() -> Any:
        sent = {"files": [SimpleUploadedFile("a.jpg", media.jpeg(), "image/jpeg")], "alt": "نمای روبه‌رو"}
        return client.post("/desk/goods/KTL-1/media/", sent)

    assert "به‌دنبال یک درخواست برای همیشه حذف شده است" in html_of(bring(), 422)
    html = html_of(privacy.post(f"{DESK}{row.pk}/lift", {"why": ""}), 422)
    assert "اجازه داده نشد." in html and "<details open>" in html
    assert privacy.post(f"{DESK}{row.pk}/lift", {"why": "پس گرفته شد"})["Location"] == f"{DESK}?lifted"
    html = plain_html_of(privacy.get(f"{DESK}?lifted"))
    assert "این فایل دوباره پذیرفته می‌شود." in html and "رضا نیک" in html and "پس گرفته شد" in html
    assert privacy.post(f"{DESK}{row.pk}/lift", {"why": "پس گرفته شد"}).status_code == 404
    assert privacy.post(f"{DESK}999999/lift", {"why": "پس گرفته شد"}).status_code == 404
    assert bring().status_code == 302


def test_what_could_not_be_deleted_at_once_is_told_so(
    client: Client, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_bury", _refuses)
    way = client.post(f"{DESK}new", {"address": key, "reason": "privacy", "why": "درخواست ۱۲"})["Location"]
    html = plain_html_of(client.get(way))
    assert "پاک کردن فایل‌ها تمام نشد" in html and "در حال پاک شدن" in html
    row = Takedown.objects.get()
    assert "هنوز تمام نشده است" in html_of(client.post(f"{DESK}{row.pk}/lift", {"why": "پس گرفته شد"}), 409)


def _refuses(*_: object) -> None:
    raise OSError(30, "Read-only file system")


def test_the_page_costs_the_same_whatever_was_taken_down(
    client: Client, key: str, django_assert_max_num_queries: Any
) -> None:
    sent = {"files": [SimpleUploadedFile(f"{n}.png", media.png(400 + n, 300)) for n in range(4)], "alt": "نمای پشت"}
    client.force_login(make.person(role="manager"))
    client.post("/desk/goods/KTL-1/media/", sent)
    for row in MediaFile.objects.all():
        actions.take_down(key=row.key, reason="privacy", why="درخواست ۱۲", by="P-7", now=NOW)
    with django_assert_max_num_queries(7):  # session, person, rows, their products, names, frame
        client.get(DESK)
