"""How files are called: by what they are made of and by the recipe that made them, so that an address never changes."""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

WIDTHS: Final = (160, 320, 640, 1280)  # pixels
RECIPE: Final = b"peyman media 1\0"  # a new recipe gives all files new keys, and so new addresses
_NAME: Final = re.compile(r"(?P<key>[0-9a-f]{40})(?:-(?P<width>160|320|640|1280)\.webp|\.(?P<form>mp4|webm))", re.ASCII)


def key_of(pieces: Iterable[bytes]) -> str:
    """Return the key of a file as it came: the same content has the same one."""
    digest = hashlib.sha256(RECIPE)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()[:40]


def widths_of(width: int) -> list[int]:
    """Return the widths that are made of a picture so wide: up to the first that holds all of it, none wider.

    500 → 160, 320 and 640, where the file called 640 is 500 wide.
    """
    wide = next((one for one in WIDTHS if one >= width), WIDTHS[-1])
    return [one for one in WIDTHS if one <= wide]


def picture_file(key: str, width: int) -> str:
    """Return the place of one width of a picture, below the folder of media."""
    return f"{key[:2]}/{key}-{width}.webp"


def video_file(key: str, form: str) -> str:
    """Return the place of a video, below the folder of media."""
    return f"{key[:2]}/{key}.{form}"


def tombstone(name: str) -> str:
    """Return the place of the mark that the file of this name, or of this key, was taken down."""
    key = name[:40]
    return f"{key[:2]}/{key}.down"


def file_of(name: str, *, saves_data: bool = False) -> list[str]:
    """Return the places where the file of this name may lie, the best first; none for a name that was never given.

    A picture narrower than what is asked for is there under its own width. Who saves data gets the smallest, except
    of the widest, which is only sent to who asked to see it large.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        return []
    key, form = found["key"], found["form"]
    if form:
        return [video_file(key, form)]
    asked = int(found["width"])
    if saves_data and asked < WIDTHS[-1]:
        asked = WIDTHS[0]
    return [picture_file(key, width) for width in reversed(WIDTHS) if width <= asked]
