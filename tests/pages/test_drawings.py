"""The drawings of goods: one file, whole and harmless, a drawing for every key, in the colours of the page."""

import base64
import csv
import json
import re
from collections import Counter
from importlib import resources
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page

from peyman.entrypoints.storefront import icons
from peyman.promises.models import TermsVersion
from peyman.shop.catalog import rules
from tests import make

SVG = "{http://www.w3.org/2000/svg}"
FILE = resources.files("peyman.entrypoints.storefront").joinpath("static/drawings.svg")
SHAPES = {"path", "rect", "circle", "ellipse"}


@pytest.fixture(scope="module")
def sprite() -> Element:
    return fromstring(FILE.read_bytes())


def test_every_drawing_has_a_name_of_its_own_and_the_same_frame(sprite: Element) -> None:
    symbols = sprite.findall(f"{SVG}symbol")
    ids = Counter(element.get("id") for element in sprite.iter() if "id" in element.attrib)
    assert len(symbols) >= 90 and ids == Counter({symbol.get("id"): 1 for symbol in symbols})
    assert {symbol.get("viewBox") for symbol in symbols} == {"0 0 120 120"}


def test_the_file_holds_shapes_and_one_style_and_reaches_for_nothing(sprite: Element) -> None:
    """No script, no event, no link, no text, no colour of its own: the page's colours fill every shape."""
    tags = {element.tag.removeprefix(SVG) for element in sprite.iter()}
    assert tags == {"svg", "style", "symbol", "g", *SHAPES}
    allowed = {"class", "d", "x", "y", "width", "height", "rx", "ry", "cx", "cy", "r", "id", "viewBox", "transform"}
    names = {name for element in sprite.iter() for name in element.attrib}
    assert names <= allowed | {"fill-rule", "opacity", "stroke-dasharray"}
    (style,) = sprite.findall(f"{SVG}style")
    assert not re.search(r"url|@|#[0-9a-f]{3}|rgb|expression", style.text or "")
    text = FILE.read_text("utf-8")
    assert "<!" not in text and "<?" not in text and "href" not in text


def test_every_shape_of_a_drawing_is_of_a_known_kind(sprite: Element) -> None:
    """A shape without its class would be black on every page."""
    (style,) = sprite.findall(f"{SVG}style")
    known = set(re.findall(r"\.([a-z0-9]+)", re.sub(r"\{.*?\}", " ", style.text or "")))
    assert known == {"a1", "a2", "a3", "a4", "as", "am", "al", "at"}
    for symbol in sprite.findall(f"{SVG}symbol"):
        shapes = [element for element in symbol.iter() if element.tag.removeprefix(SVG) in SHAPES]
        kinds = [set((shape.get("class") or "").split()) for shape in shapes]
        assert len(shapes) >= 3, symbol.get("id")
        assert all(kind <= known and len(kind - {"at"}) == 1 for kind in kinds), symbol.get("id")
        assert any(kind & {"a2", "a3"} for kind in kinds), symbol.get("id")  # a body, seen on a light and a dark tile


def test_the_goods_and_categories_of_the_shop_all_have_their_drawing() -> None:
    goods = resources.files("peyman.shop.catalog").joinpath("sample/goods.csv").read_text("utf-8")
    wanted = {row["drawing"] for row in csv.DictReader(goods.splitlines()) if row["drawing"]} | set(rules.drawings())
    assert len(wanted) > 40 and wanted - icons.drawings() == set()
    assert {icons.drawing(key) for key in wanted} == wanted


def test_a_key_that_nobody_drew_is_shown_as_a_box() -> None:
    assert icons.drawing("unheard-of") == "box" == rules.PLAIN_BOX
    assert "box" in icons.drawings()


def test_the_file_stays_small() -> None:
    assert len(FILE.read_bytes()) < 60_000


# ---- Drawings as files of their own ----


@pytest.mark.parametrize("key", sorted(icons.drawings()))
def test_each_drawing_stands_alone_without_a_style_that_a_policy_could_take(key: str) -> None:
    whole = fromstring(icons.standing(key, "v4").encode())
    shapes = [element for element in whole.iter() if element.tag.removeprefix(SVG) in SHAPES]
    assert len(shapes) >= 4 and {shape.get("fill") for shape in shapes} <= {*LIGHT["v4"], "none", "#ebe9e1", "#f0b02f"}
    assert all(shape.get("stroke") in LIGHT["v4"] for shape in shapes if shape.get("fill") == "none")
    assert not any("class" in element.attrib or element.tag == f"{SVG}style" for element in whole.iter())


def test_drawings_that_stand_alone_have_the_colours_of_the_stylesheet_by_day() -> None:
    sheet = FILE.parent.joinpath("peyman.css").read_text("utf-8")
    assert icons.COLOURS == LIGHT
    for tint, (face, body, dark) in icons.COLOURS.items():
        said = f"--art-1: {face}; --art-2: {body}; --art-3: {dark};"
        assert (f".{tint} {{ {said}" if tint else said) in sheet


@pytest.mark.django_db
def test_a_drawing_is_sent_without_asking_the_database(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/drawings/pot.v4.svg")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml")
    assert answer.content.decode() == icons.standing("pot", "v4") != icons.standing("pot", "")
    assert client.get("/drawings/pot.svg").content.decode() == icons.standing("pot", "")


def test_what_nobody_drew_is_no_file(client: Client, shop: TermsVersion) -> None:
    asked = ("nothing.svg", "pot.v9.svg", "pot.v4.png", "d-pot.svg")
    assert [client.get(f"/drawings/{name}").status_code for name in asked] == [404] * 4


@pytest.mark.parametrize(("fields", "image"), [({"drawing": "pot", "tint": "v4"}, "/drawings/pot.v4.svg"), ({}, "")])
def test_machines_are_told_of_a_drawing_made_for_the_goods_and_of_no_other(
    client: Client, shop: TermsVersion, fields: dict[str, str], image: str
) -> None:
    make.variant(product=make.product(slug="a-pot", category=make.category(drawing="phone"), **fields))
    html = client.get("/goods/a-pot/").content.decode()
    told = json.loads(html.split('<script type="application/ld+json">')[1].split("</script>")[0])[0]
    assert told.get("image", "") == (f"{settings.PUBLIC_URL}{image}" if image else "")


# Light face, body, dark body, of the page's own colours and of the three tints.
LIGHT = {
    "": ("#cfd8ee", "#6f86c4", "#27386f"),
    "v2": ("#cfe6e2", "#4c9b96", "#0d4c4e"),
    "v3": ("#ece0c8", "#b8975c", "#563f1b"),
    "v4": ("#efd5d8", "#b56877", "#5c2132"),
}
DARK = {
    "": ("#2a3557", "#7289cb", "#b9c6ee"),
    "v2": ("#1c4645", "#4c9b96", "#b5ddd8"),
    "v3": ("#4a3c22", "#b8975c", "#ecd9b4"),
    "v4": ("#4c2531", "#b56877", "#efc6ce"),
}
COUNT_COLOURS = """async (png) => {
    const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], {type: "image/png"}));
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
    context.drawImage(image, 0, 0);
    const {data} = context.getImageData(0, 0, image.width, image.height);
    const counts = {};
    for (let i = 0; i < data.length; i += 4) {
        const colour = "#" + [0, 1, 2].map((j) => data[i + j].toString(16).padStart(2, "0")).join("");
        counts[colour] = (counts[colour] || 0) + 1;
    }
    return counts;
}"""


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "colours"), [("light", LIGHT), ("dark", DARK)])
def test_chromium_fills_the_drawings_with_the_colours_of_the_page(
    page: Page, live_server, shop: TermsVersion, scheme: str, colours: dict[str, tuple[str, str, str]]
) -> None:
    """Under the policy that the shop sends: an outer sprite gets no class rules, yet its properties are inherited."""
    for tint in colours:
        make.variant(product=make.product(slug=f"pot-{tint or 'plain'}", drawing="pot", tint=tint))
    page.emulate_media(color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    for tint, wanted in colours.items():
        answer = page.goto(f"{live_server.url}/goods/pot-{tint or 'plain'}/", wait_until="networkidle")
        assert "style-src 'self'" in answer.headers["content-security-policy"]
        png = base64.b64encode(page.locator(".art svg").first.screenshot()).decode()
        blank = page.context.new_page()  # the shop's own policy would not let a test run code on its page
        seen = blank.evaluate(COUNT_COLOURS, png)
        blank.close()
        assert [seen.get(colour, 0) > 200 for colour in wanted] == [True, True, True], (tint, seen)
        assert "#000000" not in seen
    assert complaints == []
