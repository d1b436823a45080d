"""What a product's page shows of it, in which order, and the words that stand for it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from peyman.kernel.errors import Invalid
from peyman.kernel.text import has_controls, normalise
from peyman.shop.media.rules.keys import WIDTHS, widths_of

LONGEST_ALT: Final = 200
_PERSIAN_WORD: Final = re.compile(r"[آ-ی]{2}")
FOLDER: Final = "/media/"


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture or a video as pages show it; `width` and `height` of the largest there is, in pixels.

    `poster` is the key of the picture that stands for a video until it is played.
    """

    key: str
    alt: str
    width: int
    height: int
    kind: str  # picture, mp4 or webm
    color: str = ""
    poster: str = ""

    @property
    def is_video(self) -> bool:
        return self.kind != "picture"

    @property
    def face(self) -> str:
        """The key of the picture to show."""
        return self.poster if self.is_video else self.key

    @property
    def address(self) -> str:
        """Where all of it is: the largest picture, or the film."""
        return f"{FOLDER}{self.key}.{self.kind}" if self.is_video else f"{FOLDER}{self.key}-{WIDTHS[-1]}.webp"

    @property
    def files(self) -> list[tuple[str, int]]:
        """(Address, pixels across) of the picture to show, the narrowest first; of a poster at most so many."""
        if self.is_video:
            return faces(self.poster)
        return [(f"{FOLDER}{self.key}-{one}.webp", min(one, self.width)) for one in widths_of(self.width)]

    @property
    def srcset(self) -> str:
        """All widths of a picture with how wide each really is, as `srcset` wants them."""
        return ", ".join(f"{address} {width}w" for address, width in self.files)


def faces(key: str) -> list[tuple[str, int]]:
    """Return (address, pixels across at most) of a picture of which only the key is known; none without one."""
    return [(f"{FOLDER}{key}-{one}.webp", one) for one in WIDTHS[:-1]] if key else []


def arranged(gallery: Sequence[Mapping[str, Any]], color: str = "") -> list[Shot]:
    """Return a product's gallery as its page shows it: what shows the chosen colour first, other colours last."""
    shots = [
        Shot(one["key"], one["alt"], one["w"], one["h"], one["kind"], one.get("color", ""), one.get("poster", ""))
        for one in gallery
    ]
    if not color:
        return shots
    return sorted(shots, key=lambda shot: 0 if shot.color == color else 1 if not shot.color else 2)


def check_alt(typed: str) -> str:
    """Return the words that stand for a picture, normalised. Raises Invalid("alt") for what says nothing in Persian."""
    alt = normalise(typed)
    if not alt:
        raise Invalid({"alt": "بنویسید در تصویر چه دیده می‌شود؛ بی آن نشان داده نمی‌شود."})
    if has_controls(alt) or len(alt) > LONGEST_ALT:
        raise Invalid({"alt": "تا ۲۰۰ نویسه بنویسید، در یک سطر."})
    if not _PERSIAN_WORD.search(alt):
        raise Invalid({"alt": "به فارسی بنویسید در تصویر چه دیده می‌شود."})
    return alt
