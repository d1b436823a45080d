"""What must hold of every page, at every width, in both themes (look §6 to §8)."""

import re
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Error, Page, Response

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_COLOURS = ["color-contrast", "link-in-text-block"]
WIDTHS = (320, 390, 1280)
BYTES, REQUESTS = 100_000, 4
DRAWINGS = re.compile(r"/drawings\.([0-9a-f]+\.)?svg|/media/|^data:")

# A press ends when another document took the page's place, and that one may have no element yet.
_STAND = """() => document.readyState === 'complete' ||
  new Promise((stands) => addEventListener('load', () => stands(true), {once: true}))"""
_REPLACED = re.compile("context was destroyed|because of a navigation|Cannot find context|navigating and changing")
REPLACEMENTS = 5  # a page that leads on by itself is one that is looked at in the end

# Everything of the document itself that can be read off at once. Returns sentences about what is wrong.
_WRONG = r"""() => {
  const wrong = [];
  const name = (element) => element.outerHTML.slice(0, 160);
  const root = document.documentElement;
  if (root.lang !== 'fa' || root.dir !== 'rtl') wrong.push(`html is lang=${root.lang} dir=${root.dir}`);
  const headings = [...document.querySelectorAll('h1')];
  if (headings.length !== 1) wrong.push(`${headings.length} h1`);
  for (const element of document.querySelectorAll('*'))
    for (const attribute of element.attributes)
      if (/^(style$|on)/.test(attribute.name)) wrong.push(`inline ${attribute.name}: ${name(element)}`);
  const scripts = 'script:not([src], [type="application/ld+json"])';
  for (const element of document.querySelectorAll(`${scripts}, main style, body style`))
    if (!element.closest('svg')) wrong.push(`inline: ${name(element)}`);

  // A flex box drops the space between a word and the bdi after it, unless it has a gap of its own.
  for (const element of document.querySelectorAll('body *')) {
    const style = getComputedStyle(element);
    if (!style.display.includes('flex') || parseFloat(style.columnGap) > 0) continue;
    for (const child of element.childNodes)
      if (child.nodeType === 3 && child.data.trim() &&
          ((/\s$/.test(child.data) && child.nextSibling) || (/^\s/.test(child.data) && child.previousSibling)))
        wrong.push(`a space is lost: ${name(element)}`);
  }

  // Words: on the page, in its title, and where only some readers hear them.
  const spoken = [document.title, ...[...document.querySelectorAll('*')].flatMap((element) =>
    ['aria-label', 'placeholder', 'alt', 'title', 'label', 'content'].map((key) => element.getAttribute(key) || ''))];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const home = node.parentElement;
    if (home.closest('script, style')) continue;
    spoken.push(node.data);
    // A message stands in the inbox as it left, with its codes and addresses; what someone types is theirs.
    if (home.closest('bdi, code, body [lang="en"], .message, textarea')) continue;
    const said = node.data.trim().slice(0, 120);
    if (/[0-9]/.test(said)) wrong.push(`Latin digits: ${said}`);
    if (/[\u0660-\u0669]/.test(said)) wrong.push(`Arabic digits: ${said}`);
  }
  for (const text of spoken)
    if (/[\u064a\u0643]/.test(text)) wrong.push(`Arabic letters: ${text.trim().slice(0, 120)}`);
  return wrong;
}"""

# What depends on the width: sideways scrolling, and targets that a finger would miss.
_MISFIT = r"""() => {
  const wrong = [];
  const name = (element) => element.outerHTML.slice(0, 160);
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > wide) {
    wrong.push(`scrolls sideways: ${document.documentElement.scrollWidth} > ${wide}`);
    for (const element of document.querySelectorAll('body *')) {
      const box = element.getBoundingClientRect();
      if ((box.left < -1 || box.right > wide + 1) && box.width) { wrong.push(`sticks out: ${name(element)}`); break; }
    }
  }
  const covers = (element) => {  // a link may reach over the card it stands in
    const after = getComputedStyle(element, '::after');
    return after.content !== 'none' && after.position === 'absolute';
  };
  const isInText = (element) => {  // part of a sentence: no box of its own, and other words beside it
    if (element.matches('.clause')) return true;  // a reference, as a footnote's number is
    if (!getComputedStyle(element).display.startsWith('inline') || element.matches('.btn, .chip')) return false;
    const home = element.parentElement.closest('p, li, dd, dt, td, th, label, h1, h2, h3, div');
    return home.textContent.replace(/\s+/g, '') !== element.textContent.replace(/\s+/g, '');
  };
  for (const element of document.querySelectorAll('a[href], button, input, select, textarea, summary')) {
    if (element.disabled || element.type === 'hidden' || !element.checkVisibility({visibilityProperty: true})) continue;
    let area = element;
    if (['checkbox', 'radio'].includes(element.type)) area = element.closest('label') || element;
    else if (element.matches('a') && covers(element)) area = element.offsetParent;
    else if (element.matches('a') && isInText(element)) continue;
    const box = area.getBoundingClientRect();
    if (box.width <= 1 || box.height <= 1) continue;  // the skip link, until it has the focus
    if (box.height < 43.5 || box.width < 43.5)
      wrong.push(`target of ${Math.round(box.width)}×${Math.round(box.height)}: ${name(element)}`);
  }
  return wrong;
}"""


def ask(page: Page, script: str, given: Any = None) -> Any:
    """Evaluate once the document stands whole; where another takes its place meanwhile, ask that one."""
    for more in reversed(range(REPLACEMENTS)):
        page.wait_for_load_state()
        try:
            page.evaluate(_STAND)
            return page.evaluate(script, given)
        except Error as fault:
            if not more or not _REPLACED.search(fault.message):
                raise
    raise AssertionError("unreachable")


def first_view(page: Page, url: str) -> list[str]:
    """What a browser that was never here loads to show `url` once, drawings of goods apart: too much, or too often."""
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(url, wait_until="networkidle")
    counted = [answer.request for answer in answers if not DRAWINGS.search(answer.url)]
    wrong = []
    # Scripts are deferred: the page stands before they come, and works without them. Their bytes count.
    awaited = [request for request in counted if request.resource_type != "script"]
    if len(awaited) > REQUESTS:
        wrong.append(f"{len(awaited)} requests: {[request.url for request in awaited]}")
    sizes = {request.url: request.sizes() for request in counted}
    total = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes.values())
    if total > BYTES:
        wrong.append(f"{total} bytes: { {url: size['responseBodySize'] for url, size in sizes.items()} }")
    return wrong


def wrong_words(page: Page) -> list[str]:
    return list(ask(page, _WRONG))


def misfits(page: Page) -> list[str]:
    """Sideways scrolling at 320, 390 and 1280 px, and targets under 44 px."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{width} px: {fault}" for fault in ask(page, _MISFIT)]
    return found


def violations(page: Page) -> list[str]:
    """What axe finds at 390 and 1280 px: WCAG 2.x A and AA and its best practices, and the colours of both themes.

    The dark theme differs from the light one in its colours alone, and they do not follow the width: only what looks
    at colours looks again, once.
    """
    found: list[str] = []
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        for theme in ("light", "dark") if width == 390 else ("light",):
            page.emulate_media(color_scheme=theme)
            answer = _axe(page, TAGS if theme == "light" else {"type": "rule", "values": OF_COLOURS})
            for fault in answer["violations"]:
                nodes = "; ".join(node["html"][:160] for node in fault["nodes"][:3])
                why = fault["nodes"][0].get("failureSummary", "").replace("\n", " ")
                found.append(f"{width} px, {theme}: {fault['id']}: {fault['help']} ({why}) {nodes}")
    page.emulate_media(color_scheme="light")
    return found


def _axe(page: Page, only: Any) -> dict[str, Any]:
    """Run axe, which a document has to be given first."""
    run = "only => window.axe ? axe.run(document, {runOnly: only, resultTypes: ['violations']}) : null"
    for _ in range(REPLACEMENTS):
        answer: dict[str, Any] | None = ask(page, run, only)
        if answer:
            return answer
        ask(page, AXE)
    raise AssertionError(f"{page.url} is replaced again and again")


def fit(page: Page, *, back: bool = False) -> Page:
    """Hold a page to all of the above; `back` to the size it had, else it stays at the last one that was looked at."""
    size = page.viewport_size
    wrong = wrong_words(page) + misfits(page) + violations(page)
    assert not wrong, "\n".join([page.url, *wrong])
    if back and size:
        page.set_viewport_size(size)
    return page
