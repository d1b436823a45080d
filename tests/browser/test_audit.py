"""The eyes of the page tests: each fault that they look for is found on a page that has all of them."""

import pytest
from playwright.sync_api import Error

from tests.browser import audit
from tests.browser.conftest import DESK

pytestmark = [pytest.mark.browser, pytest.mark.any_database]  # of looks

BAD = """<!doctype html><html lang="en"><head><title>بد</title></head><body>
<p style="color: #bbb; inline-size: 2000px">این متن كمرنگ است و 12 رقم دارد؛ ٣ عربی هم.</p>
<p onclick="alert(1)"><a href="/">نه</a></p><button>+</button><img src="data:,">
<a href="/" class="flexed">مدل <bdi>A6</bdi></a>
<script>window.bad = 1</script></body></html>"""


def test_a_page_with_every_fault_is_told_so(visit):
    page = visit(**DESK)
    page.set_content(BAD)
    page.add_style_tag(content=".flexed { display: flex }")
    words = "\n".join(audit.wrong_words(page))
    for fault in (
        "html is lang=en dir=",
        "0 h1",
        "inline style",
        "inline onclick",
        "inline: <script>",
        "a space is lost: <a",
        "Latin digits: این متن",
        "Arabic digits: این متن",
        "Arabic letters: این متن",
    ):
        assert fault in words, words
    misfits = "\n".join(audit.misfits(page))
    for width in audit.WIDTHS:
        assert f"{width} px: scrolls sideways" in misfits
    assert "target of" in misfits and "<button>" in misfits
    rules = {fault.split(": ")[1] for fault in audit.violations(page)}
    assert {"color-contrast", "image-alt", "landmark-one-main", "page-has-heading-one"} <= rules


def test_a_page_that_asks_too_much_or_elsewhere_is_told_so(visit, house):
    page = visit(**DESK)
    page.route("**/heavy", lambda route: route.fulfill(body="<p>" + "بد" * 60_000, content_type="text/html"))
    assert "bytes" in "\n".join(audit.first_view(page, f"{house.url}/heavy"))
    parts = "".join(f'<img src="/part-{n}">' for n in range(5))
    page.route("**/part-*", lambda route: route.fulfill(body="", content_type="image/png"))
    page.route("**/many", lambda route: route.fulfill(body=parts, content_type="text/html"))
    assert "6 requests" in "\n".join(audit.first_view(page, f"{house.url}/many"))


LEAVE = """() => location.pathname === '/replaced-2' ? document.body.innerText :
  new Promise(() => location.replace('/replaced-2'))"""


def test_a_page_that_takes_the_place_of_another_is_the_one_that_is_asked(visit, house):
    page = visit(**DESK)
    page.route("**/replaced-*", lambda route: route.fulfill(body="<p>second", content_type="text/html"))
    page.goto(f"{house.url}/replaced-1")
    assert audit.ask(page, LEAVE) == "second"
    with pytest.raises(Error, match="no such thing"):
        audit.ask(page, "() => { throw new Error('no such thing') }")
