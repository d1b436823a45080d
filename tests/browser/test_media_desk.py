"""Pictures of goods in a real browser: brought in at the desk, made by the worker, seen on the product's page."""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import Page, Response, expect

from tests import media
from tests.browser import pictures
from tests.browser.audit import fit
from tests.browser.conftest import DESK, PHONE, House
from tests.browser.staff import Staff

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # on both: tests/pages/test_media_desk.py

PATH = "/desk/goods/PRT-K17/media/"
STEEL, GREEN = (176, 182, 190), (64, 122, 96)


def kettle(color: tuple[int, int, int], *, from_above: bool = False, size: tuple[int, int] = (1600, 1600)) -> bytes:
    """A kettle as a shop photographs it: on white, with light from one side."""
    width, height = size
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    shade = tuple(part * 2 // 3 for part in color)
    if from_above:
        draw.ellipse((width * 0.2, height * 0.2, width * 0.8, height * 0.8), fill=color, outline=shade, width=24)
        draw.ellipse((width * 0.42, height * 0.42, width * 0.58, height * 0.58), fill=shade)
    else:
        draw.arc((width * 0.55, height * 0.2, width * 0.92, height * 0.75), 270, 90, fill=(40, 42, 48), width=60)
        draw.polygon(
            [(width * 0.3, height * 0.2), (width * 0.7, height * 0.2), (width * 0.78, height * 0.86),
             (width * 0.22, height * 0.86)], fill=color,
        )  # fmt: skip
        draw.polygon(
            [(width * 0.3, height * 0.2), (width * 0.42, height * 0.2), (width * 0.4, height * 0.86),
             (width * 0.22, height * 0.86)], fill=shade,
        )  # fmt: skip
        draw.rectangle((width * 0.2, height * 0.86, width * 0.8, height * 0.91), fill=(40, 42, 48))
        draw.ellipse((width * 0.46, height * 0.14, width * 0.54, height * 0.21), fill=(40, 42, 48))
    return media.encoded(picture.filter(ImageFilter.GaussianBlur(2)), "JPEG", quality=90)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pictures")
    made = {
        "steel.jpg": kettle(STEEL),
        "above.jpg": kettle(STEEL, from_above=True, size=(1600, 1200)),
        "green.jpg": kettle(GREEN),
        "film.mp4": media.mp4(),
        "program.jpg": b"MZ\x90" + b"\0" * 200,
    }
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return {name: folder / name for name in made}


def bring(page: Page, alt: str, *paths: Path, color: str = "") -> None:
    page.get_by_label("در این تصویرها چه دیده می‌شود").fill(alt)
    page.get_by_label("رنگی که نشان می‌دهند").select_option(color)
    page.get_by_label("فایل‌ها").set_input_files(list(paths))
    page.get_by_role("button", name="آوردن این فایل‌ها").click()


def test_pictures_come_in_are_put_in_order_and_stand_on_the_page(
    house: House,
    colleague: Callable[..., Staff],
    visit: Callable[..., Page],
    files: dict[str, Path],
    folder_of_pictures: Path | None,
) -> None:
    staff = colleague(house, "manager", **DESK)
    page = staff.page
    page.goto(PATH)
    fit(page)
    bring(page, "کتری برقی استیل پرتو از روبه‌رو", files["steel.jpg"], files["above.jpg"], color="استیل")
    page.wait_for_url(f"**{PATH}?came", timeout=60_000)  # the page of progress leads back by itself
    expect(page.get_by_role("status")).to_contain_text("فایل‌ها آمد و آماده است.")

    bring(page, "کتری برقی سبز پرتو", files["green.jpg"], files["film.mp4"], files["program.jpg"], color="سبز")
    expect(page.get_by_role("alert")).to_contain_text("۱ فایل پذیرفته نشد؛ ۲ فایل دیگر آمد.")
    expect(page.get_by_role("alert")).to_contain_text("محتوای فایل یک برنامه است، نه تصویر.")
    page.goto(f"{PATH}progress/")
    page.wait_for_url(f"**{PATH}?came", timeout=60_000)
    have = page.get_by_role("form", name="آنچه این کالا دارد")
    expect(have.get_by_role("listitem")).to_have_count(4)
    have.get_by_label("چه دیده می‌شود").nth(1).fill("همان کتری از بالا")
    have.get_by_label("تصویر روی ویدیو").select_option(label="تصویر ۳: کتری برقی سبز پرتو")
    have.get_by_role("button", name=re.compile("ذخیره")).click()
    expect(page.get_by_role("status")).to_contain_text("ذخیره شد.")
    fit(page)
    if folder_of_pictures:
        pictures.take(page, folder_of_pictures, "desk-media", sizes=(pictures.SIZES[1],))

    for context, theme in ((PHONE, "dark"), (DESK, "light")):
        reader = visit(**context, color_scheme=theme)
        reader.goto("/goods/?q=کتری", wait_until="networkidle")
        link = reader.get_by_role("link", name=re.compile("کتری برقی پرتو"))
        card = reader.get_by_role("article").filter(has=link).first
        expect(card.locator("img")).to_have_js_property("complete", True)
        assert re.search(
            r"/media/[0-9a-f]{40}-(160|320|640).webp$", card.locator("img").evaluate("it => it.currentSrc")
        )
        card.get_by_role("link").click()
        shown = reader.get_by_role("group", name="تصویرهای کالا")
        expect(shown.get_by_role("link", name=re.compile("^تصویر ۱ از ۴"))).to_be_visible()
        expect(shown.locator(".shots > li:visible")).to_have_count(1)
        shown.get_by_role("link", name=re.compile("از بالا")).last.click()
        expect(shown.locator(".shots > li:visible img")).to_have_attribute("alt", "همان کتری از بالا")
        fit(reader)
        if folder_of_pictures and theme == "dark":
            pictures.take(reader, folder_of_pictures, "product-pictures", dark=True, sizes=(pictures.SIZES[0],))
        reader.get_by_role("link", name="سبز", exact=True).click()
        expect(shown.locator(".shots > li:visible img")).to_have_attribute("alt", "کتری برقی سبز پرتو")
        shown.get_by_role("link", name=re.compile("^ویدیو")).click()
        film = shown.locator("video")
        expect(film).to_be_visible()
        assert film.get_attribute("preload") == "none" and film.get_attribute("controls") is not None
        source = film.locator("source").get_attribute("src")
        part = reader.request.get(f"{house.url}{source}", headers={"Range": "bytes=0-7"})
        assert (part.status, part.body()[4:]) == (206, b"ftyp")

    saving = visit(**PHONE, extra_http_headers={"Save-Data": "on"})
    came: list[Response] = []
    saving.on("response", lambda answer: came.append(answer) if "/media/" in answer.url else None)
    saving.goto("/goods/?q=کتری", wait_until="networkidle")
    assert [Image.open(BytesIO(answer.body())).width for answer in came] == [160]
