"""The report of an audit in Chromium, opened as the file that it is; and its pictures for docs/screens."""

import io
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image
from playwright.sync_api import Browser, Page

from peyman.entrypoints.jobs.audit import command
from peyman.gateways.audit import report
from peyman.gateways.audit.report import paper
from peyman.gateways.audit.report.telling import tell
from tests import incident_1402
from tests.browser import audit, pictures
from tests.gateways.test_audit_report import answer_in

pytestmark = pytest.mark.browser


def test_the_report_is_read_at_every_width_in_both_themes_and_asks_nobody(
    tmp_path: Path, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    report.write(tmp_path, answer_in(tmp_path))
    context = browser.new_context(**{**browser_context_args, "bypass_csp": True})  # for axe, which is a script
    try:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "report.html").as_uri())
        page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true })")
        wrong = audit.wrong_words(page) + audit.misfits(page) + audit.violations(page)
        assert not wrong, "\n".join(wrong)
        assert [url.partition(":")[0] for url in asked if not url.startswith("data:")] == ["file"]
    finally:
        context.close()


def test_the_policy_of_the_page_lets_its_own_style_and_letters_in(
    tmp_path: Path, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    report.write(tmp_path, answer_in(tmp_path))
    context = browser.new_context(**browser_context_args)
    try:
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto((tmp_path / "report.html").as_uri())
        assert page.evaluate("() => document.fonts.ready.then(() => document.fonts.check('16px Vazirmatn'))")
        assert page.evaluate("() => getComputedStyle(document.querySelector('.card')).borderRadius") == "12px"
        assert said == []
    finally:
        context.close()


@pytest.mark.skipif(not incident_1402.DATA.is_dir(), reason="the project's data is not here")
def test_the_incident_of_1402_is_taken_for_the_folder_of_pictures(
    tmp_path: Path,
    browser: Browser,
    browser_context_args: dict[str, Any],
    folder_of_pictures: Path | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not folder_of_pictures:
        pytest.skip("pictures are taken by `make screens`")
    folder = incident_1402.write(tmp_path)
    told: list[report.Answer] = []
    write = report.write
    monkeypatch.setattr(report, "write", lambda to, answer: (told.append(answer), write(to, answer)))
    done = CliRunner().invoke(command, incident_1402.options(folder, "--registrant", incident_1402.REGISTRANT))
    assert done.exit_code == 0, done.output
    context = browser.new_context(**browser_context_args)
    try:
        page = context.new_page()
        page.goto((folder / "out" / "report.html").as_uri())
        pictures.take(page, folder_of_pictures, "report")
        pictures.take(page, folder_of_pictures, "report", dark=True)
        timeline(page, folder_of_pictures / "incident-1402.png")
    finally:
        context.close()
    pages = paper.pictures(tell(folder / "out", told[0]), folder / "out")
    assert len(pages) == 7
    for number, name in ((0, "report-paper-1.png"), (1, "report-paper-2.png")):
        kept(Image.open(io.BytesIO(pages[number])).convert("RGB"), folder_of_pictures / name)


def timeline(page: Page, file: Path) -> None:
    """Take the drawn timeline alone."""
    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate("() => document.fonts.ready.then(() => true)")
    seen = page.locator("section:has(> #story)").screenshot(animations="disabled")
    kept(Image.open(io.BytesIO(seen)).convert("RGB"), file)


def kept(picture: Image.Image, file: Path) -> None:
    few = picture.quantize(palette=pictures.palette(picture), dither=Image.Dither.NONE)
    few.save(file, optimize=True)
