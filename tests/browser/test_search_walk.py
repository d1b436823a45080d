"""Searching in a real browser: five spellings of one kettle, proposals by keyboard and by hand, and the desk."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import audit, pictures
from tests.browser.audit import fit
from tests.browser.conftest import DESK, PHONE, House
from tests.browser.staff import Staff

pytestmark = [
    pytest.mark.browser,
    pytest.mark.any_database,
]  # of looks; the words themselves: tests/rules/test_search.py

KETTLE = "کتری برقی"
SPELLINGS = (KETTLE, "كتري‌برقي", "کتریبرقی", "ketri barghi", "کتری برفی")


def show(page: Page, folder: Path | None, name: str, width: int) -> None:
    if folder:
        pictures.take(page, folder, name, sizes=((width, 844 if width < 720 else 900),))


@pytest.mark.parametrize("context", [PHONE, DESK], ids=["at 390 px", "at 1280 px"])
def test_five_spellings_find_one_kettle_and_proposals_lead_to_it(
    office: House, visit: Callable[..., Page], folder_of_pictures: Path | None, context: dict[str, object]
) -> None:
    office.at("2026-11-28 10:00")
    page = visit(office, **context)
    box = page.get_by_role("combobox", name="جست‌وجو در کالاها")
    page.goto("/")
    for typed in SPELLINGS:
        box.fill(typed)
        box.press("Enter")
        expect(page.locator(".good h3").first).to_contain_text(KETTLE)
    expect(page.locator(".notice[role=status]").first).to_contain_text("«کتری برفی» را «کتری برقی» خواندیم")
    page.goto("/goods/?q=قژقژی کتری")
    expect(page.locator(".notice[role=status]").first).to_contain_text("«قژقژی» در جست‌وجو کنار ماند")
    fit(page)
    show(page, folder_of_pictures, "search-understood", int(context["viewport"]["width"]))  # type: ignore[index]

    page.goto("/goods/")
    box.fill("کتر")  # at once: between keys, a slow machine would propose more than once
    listed = page.get_by_role("listbox", name="پیشنهادها")
    expect(listed).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(listed.get_by_role("option").first).to_have_text(KETTLE[:4])
    show(page, folder_of_pictures, "search-proposals", int(context["viewport"]["width"]))  # type: ignore[index]
    wrong = audit.violations(page)
    assert not wrong, "\n".join(wrong)
    box.press("ArrowDown")
    first = listed.get_by_role("option").first
    expect(first).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == first.get_attribute("id")
    box.press("Escape")
    expect(listed).to_be_hidden()
    expect(box).to_have_value("کتر")
    box.press("ArrowDown")
    expect(listed).to_be_visible()
    box.press("ArrowUp")  # to the box
    box.press("ArrowUp")  # and around to the last: the kettle itself
    box.press("Enter")
    page.wait_for_url("**/goods/parto-k17-electric-kettle/**")
    box.fill("کتر")
    listed.get_by_role("option").last.click()
    page.wait_for_url("**/goods/parto-k17-electric-kettle/**")


@pytest.mark.parametrize(("context", "word"), [(PHONE, "جوشانک"), (DESK, "غلغلانک")], ids=["at 390 px", "at 1280 px"])
def test_the_desk_says_why_and_makes_a_word_mean_the_same(
    office: House,
    colleague: Callable[..., Staff],
    folder_of_pictures: Path | None,
    context: dict[str, object],
    word: str,
) -> None:
    office.at("2026-11-28 10:00")
    keeper: Staff = colleague(office, "catalogue", **context)
    page = keeper.page
    page.goto(f"/desk/search/?q=هدفن بلوتوث {word}")
    expect(page.get_by_role("row", name=word).first).to_contain_text("ناآشنا")
    fit(page)
    page.goto(f"/desk/search/?words={word}#new")
    keeper.press("از همین دم به کار بگیر")
    expect(page.get_by_role("alert")).to_contain_text("مورد مانده است")
    page.get_by_label("واژه‌هایی که یک معنی دارند").fill(f"{word} = {KETTLE}")
    page.get_by_label("چرا", exact=True).fill("مردم چنین می‌نویسند")
    keeper.press("از همین دم به کار بگیر")
    expect(page.get_by_role("status").first).to_contain_text("از همین دم به کار است.")
    expect(page.get_by_role("listitem").first).to_contain_text(KETTLE)
    fit(page)
    show(page, folder_of_pictures, "search-desk", int(context["viewport"]["width"]))  # type: ignore[index]
    page.get_by_role("button", name=f"کنار بگذار {word}").click()
    expect(page.get_by_role("status").first).to_contain_text("کنار گذاشته شد.")
    page.get_by_role("row", name=word).get_by_role("link", name="۲ نسخه").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"تاریخچه {word}")
    expect(page.get_by_role("row")).to_have_count(3)
    fit(page)
