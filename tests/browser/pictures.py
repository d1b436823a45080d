"""Pictures of pages for docs/screens: whole pages, few colours, so that the folder stays small."""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from tests.browser import audit

EXACT, COLOURS = 64, 96
LONGEST = 2000  # px; what a page has below is more of the same


def palette(picture: Image.Image) -> Image.Image:
    """A palette of 96: the colours that cover most of the picture as they are, and some that stand for the others.

    Pillow's own would rather blend: paper turns pink, and the one saffron dot grey.
    """
    counted = sorted(picture.getcolors(picture.width * picture.height), reverse=True)
    colours = [channel for _, colour in counted[:EXACT] for channel in colour]
    rest = picture.quantize(COLOURS - EXACT, method=Image.Quantize.MAXCOVERAGE).getpalette()
    made = Image.new("P", (1, 1))
    made.putpalette((colours + rest)[: 3 * COLOURS])
    return made


SIZES = ((390, 844), (1280, 900))


def take(
    page: Page, folder: Path, name: str, *, dark: bool = False, sizes: tuple[tuple[int, int], ...] = SIZES
) -> None:
    """Save NAME-390.png and NAME-1280.png, of the dark theme NAME-390-dark.png and NAME-1280-dark.png."""
    folder.mkdir(parents=True, exist_ok=True)
    page.emulate_media(color_scheme="dark" if dark else "light")
    audit.ask(page, "() => document.fonts.ready.then(() => true)")
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        # As tall as the page, so that what sticks to an edge of the window stands where the page ends.
        whole = min(LONGEST, audit.ask(page, "() => document.documentElement.scrollHeight"))
        page.set_viewport_size({"width": width, "height": max(height, whole)})
        seen = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
        few = seen.quantize(palette=palette(seen), dither=Image.Dither.NONE)
        few.save(folder / f"{name}-{width}{'-dark' if dark else ''}.png", optimize=True)
    page.emulate_media(color_scheme="light")
