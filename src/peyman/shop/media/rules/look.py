"""What a file is, by its content: its name and what the sender says of it are not looked at."""

import re
from dataclasses import dataclass
from typing import Final

from peyman.shop.media.rules import mp4, pictures, webm
from peyman.shop.media.rules.blanks import Blank
from peyman.shop.media.rules.faults import Unfit
from peyman.shop.media.rules.source import Source

_MB: Final = 1_000_000
_LEAST, _NARROW = 320, 100  # pixels of the longer and of the shorter side
_HEAD: Final = 4096
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken at most."""

    picture_bytes: int = 20 * _MB
    picture_pixels: int = 40_000_000
    video_bytes: int = 100 * _MB
    video_seconds: int = 180


@dataclass(frozen=True, slots=True)
class Looked:
    """A file that may be worked on. `form`: jpeg, png, webp, mp4 or webm; sizes in pixels, as the header says.

    `blanks`: what of a video is not shown to anybody.
    """

    kind: str  # picture or video
    form: str
    width: int
    height: int
    milliseconds: int = 0
    blanks: tuple[Blank, ...] = ()


def look(source: Source, limits: Limits) -> Looked:
    """Return what a file is, from its headers alone: nothing is decoded. Raises Unfit."""
    form = form_of(source.read(0, _HEAD))
    is_picture = form in pictures.READERS
    most = limits.picture_bytes if is_picture else limits.video_bytes
    if source.size > most:
        raise Unfit("heavy", size=-(-source.size // _MB), most=most // _MB)
    if _ends_as_archive(source):
        raise Unfit("two_things")
    if not is_picture:
        video = (mp4.read if form == "mp4" else webm.read)(source)
        if video.milliseconds > limits.video_seconds * 1000:
            raise Unfit("long", seconds=-(-video.milliseconds // 1000), most=limits.video_seconds)
        return Looked("video", form, video.width, video.height, video.milliseconds, video.blanks)
    width, height = pictures.READERS[form](source)
    check_size(width, height, limits)
    if _holds_code(source):
        raise Unfit("two_things")
    return Looked("picture", form, width, height)


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raises Unfit for a picture that would be too much to decode, or is too little to show."""
    if width * height > limits.picture_pixels:
        raise Unfit("vast", width=width, height=height, most=limits.picture_pixels // 1_000_000)
    if max(width, height) < _LEAST or min(width, height) < _NARROW:
        raise Unfit("tiny", width=width, height=height, least=_LEAST, narrow=_NARROW)


_STARTS: Final = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\x1a\x45\xdf\xa3", "webm"),
    (b"GIF87a", "!gif"),
    (b"GIF89a", "!gif"),
    (b"%PDF-", "!document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "!document"),
    (b"PK\x03\x04", "!archive"),
    (b"PK\x05\x06", "!archive"),
    (b"Rar!\x1a\x07", "!archive"),
    (b"7z\xbc\xaf\x27\x1c", "!archive"),
    (b"\x1f\x8b", "!archive"),
    (b"BZh", "!archive"),
    (b"\xfd7zXZ\x00", "!archive"),
    (b"\x7fELF", "!program"),
    (b"MZ", "!program"),
    (b"\xca\xfe\xba\xbe", "!program"),
    (b"\xcf\xfa\xed\xfe", "!program"),
    (b"\xce\xfa\xed\xfe", "!program"),
    (b"dex\n", "!program"),
    (b"#!", "!program"),
    (b"II*\x00", "!other_picture"),
    (b"MM\x00*", "!other_picture"),
    (b"BM", "!other_picture"),
    (b"8BPS", "!other_picture"),
    (b"\x00\x00\x01\x00", "!other_picture"),
    (b"\xff\x0a", "!other_picture"),
    (b"FLV\x01", "!other_video"),
    (b"\x00\x00\x01\xba", "!other_video"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "!other_video"),
)
_STILL_BRANDS: Final = frozenset({b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"crx "})
_PAGE: Final = re.compile(rb"(?i)<(?:!doctype\s+html|html|head|body|script|iframe|a|p|div|img|meta)\b")
_XML: Final = re.compile(rb"(?i)<(?:\?xml|svg|!doctype\s+svg|!--|!entity|[a-z]+:svg)")


def form_of(head: bytes) -> str:
    """Return the form that the first bytes of a file tell. Raises Unfit for all that is not taken."""
    if not head:
        raise Unfit("empty")
    found = next((form for start, form in _STARTS if head.startswith(start)), "")
    if head[:4] == b"RIFF":
        found = {b"WEBP": "webp", b"AVI ": "!other_video"}.get(head[8:12], "!unknown")
    elif head[4:8] == b"ftyp":
        brand = head[8:12]
        found = "!other_picture" if brand in _STILL_BRANDS else "!other_video" if brand == b"qt  " else "mp4"
    elif head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip") and not found:
        found = "!other_video"
    if not found:
        text = head.replace(b"\0", b"")  # of two bytes a letter, if it is
        for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
            text = text.removeprefix(mark)
        text = text.lstrip()
        # Whichever comes first: an SVG may hold a script, a page may hold an SVG.
        xml, page = _XML.search(text), _PAGE.search(text)
        if text.startswith(b"<") or page or xml:
            found = "!page" if page and (xml is None or page.start() < xml.start()) else "!svg"
        elif text.startswith(b"<?php"):
            found = "!program"
    if not found or found.startswith("!"):
        raise Unfit(found[1:] or "unknown")
    return found


_END_OF_ZIP: Final = b"PK\x05\x06"
_LONGEST_COMMENT: Final = 65_535


def _ends_as_archive(source: Source) -> bool:
    """Whether an unpacker would take the file for a ZIP: it looks for its directory at the end, over a comment."""
    n = min(source.size, 22 + _LONGEST_COMMENT)
    tail = source.read(source.size - n, n)
    at = tail.rfind(_END_OF_ZIP)
    while at >= 0:
        if len(tail) - at >= 22 and int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail) - at - 22:
            return True
        at = tail.rfind(_END_OF_ZIP, 0, at)
    return False


_CODE: Final = re.compile(rb"(?i)<(?:script|html|iframe|svg)[\s>]|<\?php\s|<!doctype\s+html|%PDF-1\.")
_LAP: Final = 32  # no mark is longer


def _holds_code(source: Source) -> bool:
    """Whether something in a picture would run elsewhere. What is served never holds it; who sent it meant harm."""
    at = 0
    while at < source.size:
        if _CODE.search(source.read(at, _PIECE + _LAP)):
            return True
        at += _PIECE
    return False
