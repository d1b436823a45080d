"""Sizes of pictures, read from their headers: how large they would be is known before anything is decoded."""

from collections.abc import Callable
from typing import Final

from peyman.shop.media.rules.faults import Unfit
from peyman.shop.media.rules.source import Source, exactly

_MOST_PARTS: Final = 100_000  # chunks or segments that are walked over


def jpeg(source: Source) -> tuple[int, int]:
    """Return width and height of a JPEG as it is stored: whoever turns it by its EXIF swaps them. Raises Unfit."""
    at = 2
    for _ in range(_MOST_PARTS):
        mark = exactly(source, at, 2)
        if mark[0] != 0xFF:
            raise Unfit("torn")
        if mark[1] == 0xFF:  # filling
            at += 1
            continue
        if mark[1] in (0x01, *range(0xD0, 0xD8)):
            at += 2
            continue
        if mark[1] in (0x00, 0xD8, 0xD9, 0xDA):  # the picture begins, or ends, and no frame said how large it is
            raise Unfit("torn")
        length = int.from_bytes(exactly(source, at + 2, 2), "big")
        if length < 2:
            raise Unfit("torn")
        if 0xC0 <= mark[1] <= 0xCF and mark[1] not in (0xC4, 0xC8, 0xCC):
            frame = exactly(source, at + 4, 5)
            return _sides(int.from_bytes(frame[3:5], "big"), int.from_bytes(frame[1:3], "big"))
        at += 2 + length
    raise Unfit("torn")


def png(source: Source) -> tuple[int, int]:
    """Return width and height of a PNG. Raises Unfit, also for one that moves (APNG)."""
    head = exactly(source, 8, 16)
    if head[:8] != b"\x00\x00\x00\rIHDR":
        raise Unfit("torn")
    at = 8
    has_data = False
    for _ in range(_MOST_PARTS):
        part = exactly(source, at, 8)
        length, name = int.from_bytes(part[:4], "big"), part[4:]
        if length > 0x7FFFFFFF:
            raise Unfit("torn")
        if name in (b"acTL", b"fcTL", b"fdAT"):
            raise Unfit("animated")
        has_data |= name == b"IDAT"
        at += 12 + length
        if name == b"IEND":
            if not has_data or at > source.size:
                raise Unfit("torn")
            return _sides(int.from_bytes(head[8:12], "big"), int.from_bytes(head[12:16], "big"))
    raise Unfit("torn")


def webp(source: Source) -> tuple[int, int]:
    """Return width and height of a WebP. Raises Unfit, also for one that moves."""
    if int.from_bytes(exactly(source, 4, 4), "little") + 8 > source.size:
        raise Unfit("torn")
    name, body = exactly(source, 12, 4), 20
    if name == b"VP8X":
        part = exactly(source, body, 10)
        if part[0] & 0x02:
            raise Unfit("animated")
        return _sides(1 + int.from_bytes(part[4:7], "little"), 1 + int.from_bytes(part[7:10], "little"))
    if name == b"VP8 ":
        part = exactly(source, body, 10)
        if part[3:6] != b"\x9d\x01\x2a":
            raise Unfit("torn")
        width, height = int.from_bytes(part[6:8], "little"), int.from_bytes(part[8:10], "little")
        return _sides(width & 0x3FFF, height & 0x3FFF)
    if name == b"VP8L":
        part = exactly(source, body, 5)
        if part[0] != 0x2F:
            raise Unfit("torn")
        bits = int.from_bytes(part[1:5], "little")
        return _sides((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    raise Unfit("torn")


def is_bare(data: bytes) -> bool:
    """Whether a WebP is its picture and nothing beside: no colour profile, no EXIF, no XMP, no second frame."""
    size = int.from_bytes(data[16:20], "little")
    return data[12:16] in (b"VP8 ", b"VP8L") and len(data) == 20 + size + size % 2


def _sides(width: int, height: int) -> tuple[int, int]:
    if not width or not height:
        raise Unfit("torn")
    return width, height


READERS: Final[dict[str, Callable[[Source], tuple[int, int]]]] = {"jpeg": jpeg, "png": png, "webp": webp}
