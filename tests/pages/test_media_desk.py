"""The desk of a product's pictures: brought in, described, put in order, taken away, and how far the work is."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory

from peyman.entrypoints import media as work
from peyman.entrypoints.uploads import Measured
from peyman.people.models import Person
from peyman.promises.models import TermsVersion
from peyman.shop.catalog.models import Product
from peyman.shop.media.models import MediaFile, ProductMedia
from tests import make, media
from tests.make import NOW
from tests.pages.reading import html_of, plain_html_of, text_of

DESK = "/desk/goods/KTL-1/media/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def colleague(client: Client, shop: TermsVersion, settings: Any, tmp_path: Path) -> Client:
    """Somebody of the catalogue at the desk of a kettle in red and white."""
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    kettle = make.product(code="KTL-1", title="کتری برقی")
    for color in ("قرمز", "سفید"):
        make.variant(product=kettle, color=color)
    client.force_login(make.person(role="catalogue", full_name="سارا احمدی"))
    return client


def files(*data: bytes, name: str = "photo.jpg") -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(name, one, "image/jpeg") for one in data]


def rows() -> list[ProductMedia]:
    return list(ProductMedia.objects.filter(removed_at=None).order_by("position"))


@pytest.mark.parametrize("role", ["customer", "orders", "privacy", "tariff", "finance"])
def test_only_those_of_the_catalogue_find_the_desk(client: Client, shop: TermsVersion, role: str) -> None:
    make.product(code="KTL-1")
    client.force_login(make.person(role=role))
    assert client.get(DESK).status_code == 404
    assert client.post(DESK, {"files": files(media.jpeg())}).status_code == 404
    for way in ("save", "1/remove", "1/restore"):
        assert client.post(f"{DESK}{way}").status_code == 404
    assert not MediaFile.objects.exists()


def test_a_product_that_is_not_there_has_no_desk(colleague: Client) -> None:
    assert colleague.get("/desk/goods/NONE/media/").status_code == 404
    assert colleague.post("/desk/goods/NONE/media/", {"files": files(media.jpeg())}).status_code == 404


def test_a_product_without_pictures_says_what_is_shown_instead(colleague: Client) -> None:
    html = plain_html_of(colleague.get(DESK))
    assert "این کالا هنوز تصویر ندارد و با طرح دسته‌اش نشان داده می‌شود." in html
    assert "تا ۲۰ مگابایت و ۴۰ میلیون نقطه" in html and "تا ۱۰۰ مگابایت و ۱۸۰ ثانیه" in html


def test_several_files_come_in_and_the_page_tells_how_far_they_are(colleague: Client) -> None:
    sent = {"files": files(media.jpeg(), media.png(), media.webp()), "alt": "کتري برقی", "color": "قرمز"}
    answer = colleague.post(DESK, sent)
    assert (answer.status_code, answer["Location"]) == (302, f"{DESK}progress/")
    by = Person.objects.get(full_name="سارا احمدی").code
    assert [(row.alt, row.color, row.by) for row in rows()] == [("کتری برقی", "قرمز", by)] * 3
    waiting = colleague.get(f"{DESK}progress/")
    assert "۰ از ۳ آماده" in html_of(waiting) and waiting["Refresh"] == "2"
    work.work(NOW, most=1)
    assert "۱ از ۳ آماده" in html_of(colleague.get(f"{DESK}progress/"))
    assert "<b>۱ از ۳ آماده.</b>" in html_of(colleague.get(DESK))
    work.work(NOW)
    done = colleague.get(f"{DESK}progress/")
    assert (done.status_code, done["Location"]) == (302, f"{DESK}?came")
    html = plain_html_of(colleague.get(f"{DESK}?came"))
    assert "فایل‌ها آمد و آماده است." in html and html.count("تصویر اصلی</span>") == 1
    assert f"/media/{rows()[0].file.key}-160.webp" in html


def test_what_is_refused_is_named_with_its_reason_and_the_rest_comes_in(colleague: Client) -> None:
    program, bomb = files(b"MZ" + b"\0" * 80, name="</b><script>.jpg"), files(media.png_bomb(), name="b.png")
    sent = [*files(media.jpeg()), *program, *bomb]
    html = html_of(colleague.post(DESK, {"files": sent, "alt": "کتری"}), 422)
    assert "۲ فایل پذیرفته نشد؛ ۱ فایل دیگر آمد." in html
    assert "محتوای فایل یک برنامه است، نه تصویر." in html and "<script>" not in html
    assert "تصویر ۳۰۰۰۰ در ۳۰۰۰۰ نقطه است؛ بیش از ۴۰ میلیون نقطه پذیرفته نمی‌شود." in html
    assert len(rows()) == 1


def test_a_form_without_files_or_with_words_that_say_nothing_is_told_so(colleague: Client) -> None:
    assert "فایلی برگزیده نشد." in html_of(colleague.post(DESK, {"alt": "کتری"}), 422)
    html = html_of(colleague.post(DESK, {"files": files(media.jpeg()), "alt": "IMG_1"}), 422)
    assert "به فارسی بنویسید در تصویر چه دیده می‌شود." in html and 'value="IMG_1"' in html
    assert not MediaFile.objects.exists()


def test_words_order_and_colour_are_saved_together(colleague: Client) -> None:
    colleague.post(DESK, {"files": files(media.jpeg(), media.png())})
    work.work(NOW)
    first, second = rows()
    html = html_of(colleague.get(DESK))
    assert "<b>۲ مورد نوشته ندارد</b>" in html and html.count("نشان داده نمی‌شود</span>") == 2
    typed = {f"alt-{first.pk}": "نمای پشت", f"position-{first.pk}": "۲", f"color-{first.pk}": "سفید",
             f"alt-{second.pk}": "نمای روبه‌رو", f"position-{second.pk}": "۱"}  # fmt: skip
    assert colleague.post(f"{DESK}save", typed)["Location"] == f"{DESK}?saved"
    assert [(row.pk, row.alt, row.color) for row in rows()] == [
        (second.pk, "نمای روبه‌رو", ""), (first.pk, "نمای پشت", "سفید"),
    ]  # fmt: skip
    assert "ذخیره شد." in plain_html_of(colleague.get(f"{DESK}?saved"))
    typed |= {f"position-{first.pk}": "1", f"position-{second.pk}": "2", "first": str(second.pk)}
    colleague.post(f"{DESK}save", typed)
    product = Product.objects.get(code="KTL-1")
    assert product.picture == second.file.key and [item["alt"] for item in product.gallery] == [
        "نمای روبه‌رو",
        "نمای پشت",
    ]


def test_what_cannot_be_saved_stays_typed_and_is_named(colleague: Client) -> None:
    colleague.post(DESK, {"files": files(media.jpeg(), media.png()), "alt": "کتری"})
    first, second = rows()
    typed = {f"alt-{first.pk}": "", f"alt-{second.pk}": "photo", f"position-{second.pk}": "2"}
    html = html_of(colleague.post(f"{DESK}save", typed), 422)
    assert "دو مورد مانده است" in html and 'value="photo"' in html
    assert f'href="#f-alt-{first.pk}"' in html and f'href="#f-alt-{second.pk}"' in html
    html = html_of(colleague.post(f"{DESK}save", {f"alt-{first.pk}": "کتری", f"position-{first.pk}": "اول"}), 422)
    assert "جای آن را با یک عدد بنویسید." in html
    assert [row.alt for row in rows()] == ["کتری", "کتری"]


def test_the_history_of_the_product_tells_of_its_pictures(colleague: Client) -> None:
    colleague.post(DESK, {"files": files(media.jpeg(), media.png()), "alt": "کتری"})
    first, second = rows()
    colleague.post(f"{DESK}save", {f"alt-{row.pk}": "کتری" for row in rows()} | {"first": str(second.pk)})
    html = html_of(colleague.get("/desk/goods/KTL-1/history/"))
    assert html.count("تصویر یا ویدیو") >= 2 and "ترتیب تصویرها" in html and "سارا احمدی" in html
    assert "تصویر، «کتری»" in html and first.pk != second.pk


def test_what_is_taken_away_can_be_brought_back(colleague: Client) -> None:
    colleague.post(DESK, {"files": files(media.jpeg()), "alt": "کتری"})
    work.work(NOW)
    row = rows()[0]
    assert colleague.post(f"{DESK}{row.pk}/remove")["Location"] == f"{DESK}?removed"
    html = plain_html_of(colleague.get(f"{DESK}?removed"))
    assert "تا ۳۰ روز می‌توانید آن را بازگردانید." in html and "برداشته‌شده‌ها" in html
    assert colleague.post(f"{DESK}{row.pk}/restore")["Location"] == f"{DESK}?restored"
    assert [one.pk for one in rows()] == [row.pk]
    assert colleague.post(f"{DESK}{row.pk + 9}/remove").status_code == 404


def test_the_page_costs_the_same_whatever_a_product_has(colleague: Client, django_assert_max_num_queries: Any) -> None:
    colleague.post(DESK, {"files": files(*(media.png(400 + n, 300) for n in range(4))), "alt": "کتری"})
    with django_assert_max_num_queries(12):  # session, person, product, the rows, colours, gone, progress, frame
        colleague.get(DESK)


# ---- How much may stream in ----


def test_files_that_are_too_large_together_are_cut_off_and_told(colleague: Client, settings: Any) -> None:
    settings.UPLOAD_LIMITS = {**settings.UPLOAD_LIMITS, "media": 100_000}
    html = html_of(colleague.post(DESK, {"alt": "کتری", "files": files(media.jpeg() + b"\0" * 100_000)}), 422)
    assert "فایل‌ها روی هم بیش از اندازه بزرگ بودند و هیچ‌کدام نیامد." in html
    assert not MediaFile.objects.exists()


def test_whoever_is_no_colleague_sends_little(client: Client, shop: TermsVersion) -> None:
    for person in (None, make.person()):
        if person:
            client.force_login(person)
        for path in ("/cart/add", DESK, "/desk/money/upload"):
            answer = client.post(path, {"files": files(b"\0" * 2_100_000)})
            assert answer.status_code == 413, path
            assert client.post(path, {"files": files(b"\0" * 1000)}).status_code != 413


def test_a_length_that_lies_is_counted_all_the_same(settings: Any) -> None:
    settings.UPLOAD_LIMITS = {"anyone": 1000, "staff": 1000, "media": 1000}
    request = RequestFactory().post("/cart/add", {"files": files(b"\0" * 5000)})
    request.upload_handlers = [Measured(request)]
    request.META["CONTENT_LENGTH"] = request.environ["CONTENT_LENGTH"] = "1000000"
    with pytest.raises(Exception, match="too large"):
        _ = request.FILES


# ---- On the product's page ----


def test_pages_may_play_films_and_show_pictures_of_ours_alone(client: Client, shop: TermsVersion) -> None:
    policy = client.get("/")["Content-Security-Policy"]
    assert "img-src 'self' data:" in policy and re.search(r"media-src 'self'(;|$)", policy)


def test_the_names_of_files_are_only_shown(colleague: Client) -> None:
    colleague.post(DESK, {"files": files(media.jpeg(), name="../../etc/\u202egpj.exe"), "alt": "کتری"})
    assert rows()[0].file_name == "gpj.exe"
    assert "gpj.exe" in text_of(colleague.get(DESK))
