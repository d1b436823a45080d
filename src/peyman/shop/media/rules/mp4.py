"""MP4: its boxes, walked over under limits. Nothing of sound or picture is decoded here, or anywhere by us."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from peyman.shop.media.rules.blanks import Blank
from peyman.shop.media.rules.faults import Unfit
from peyman.shop.media.rules.source import Held, Source, exactly

_MOST_BOXES: Final = 20_000
_LARGEST_HEAD: Final = 16_000_000  # bytes of `moov`
_MOST_TRACKS: Final = 16
_BRANDS: Final = frozenset(
    {b"isom", b"mp41", b"mp42", b"avc1", b"M4V ", b"M4VH", b"M4VP", b"MSNV", b"dash", b"av01", b"f4v "}
    | {b"iso%d" % number for number in range(2, 10)}
)
_SHOWN_BY_BROWSERS: Final = frozenset({b"avc1", b"avc3", b"vp09", b"av01"})
_BLANKED: Final = frozenset({b"udta", b"meta", b"uuid", b"free", b"skip"})


@dataclass(frozen=True, slots=True)
class Video:
    """What a video says of itself. `width` and `height` as it is shown, in pixels."""

    width: int
    height: int
    milliseconds: int
    blanks: tuple[Blank, ...]


@dataclass(frozen=True, slots=True)
class _Box:
    name: bytes
    at: int  # of its header
    body: int
    end: int

    def blank(self, source: Source) -> Blank:
        """As an empty box of the same length."""
        header = bytearray(exactly(source, self.at, self.body - self.at))
        header[4:8] = b"free"
        return Blank(self.at, bytes(header), self.end - self.body)


def _boxes(source: Source, at: int, end: int) -> Iterator[_Box]:
    """Yield the boxes that fill a stretch exactly. Raises Unfit where they do not."""
    for _ in range(_MOST_BOXES):
        if at == end:
            return
        head = exactly(source, at, 8)
        size, body = int.from_bytes(head[:4], "big"), at + 8
        if size == 1:
            size, body = int.from_bytes(exactly(source, at + 8, 8), "big"), at + 16
        elif size == 0:
            size = end - at
        if size < body - at or at + size > end:
            raise Unfit("torn")
        yield _Box(head[4:8], at, body, at + size)
        at += size
    raise Unfit("torn")


def read(source: Source) -> Video:
    """Return what an MP4 says of itself. Raises Unfit for one that browsers would not show, or not to its end."""
    blanks: list[Blank] = []
    head: _Box | None = None
    has_data = False
    for number, box in enumerate(_boxes(source, 0, source.size)):
        if number == 0:
            _check_brand(source, box)
        if box.name == b"moov":
            if head is not None or box.end - box.at > _LARGEST_HEAD:
                raise Unfit("torn")
            head = box
        has_data |= box.name == b"mdat"
        if box.name in _BLANKED:
            blanks.append(box.blank(source))
    if head is None or not has_data:
        raise Unfit("torn")
    held = _Window(exactly(source, head.at, head.end - head.at), head.at)
    return _film(held, _Box(b"moov", head.at, head.body, head.end), blanks)


def _check_brand(source: Source, box: _Box) -> None:
    if box.name != b"ftyp" or not 8 <= box.end - box.body <= 1024:
        raise Unfit("torn")
    body = exactly(source, box.body, box.end - box.body)
    brands = {body[:4], *(body[at : at + 4] for at in range(8, len(body), 4))}
    if not brands & _BRANDS:
        raise Unfit("other_video")


class _Window(Held):
    """The head of a file in memory, at its place there."""

    def __init__(self, data: bytes, at: int) -> None:
        super().__init__(data)
        self.at = at

    def read(self, at: int, n: int) -> bytes:
        return super().read(at - self.at, n)


def _film(source: Source, head: _Box, blanks: list[Blank]) -> Video:
    milliseconds = 0
    sides = (0, 0)
    tracks = 0
    for box in _boxes(source, head.body, head.end):
        if box.name == b"mvhd":
            milliseconds = _length(exactly(source, box.body, min(box.end - box.body, 112)))
        elif box.name == b"trak":
            tracks += 1
            if tracks > _MOST_TRACKS:
                raise Unfit("torn")
            sides = _track(source, box, blanks) or sides
        elif box.name in _BLANKED:
            blanks.append(box.blank(source))
    if not milliseconds:
        raise Unfit("no_length")
    if not all(sides):
        raise Unfit("no_picture")
    return Video(*sides, milliseconds, tuple(blanks))


def _length(body: bytes) -> int:
    """`mvhd` → milliseconds; 0 where it is not known."""
    long = body[:1] == b"\x01"
    scale, length = (body[20:24], body[24:32]) if long else (body[12:16], body[16:20])
    if len(scale) < 4 or len(length) < (8 if long else 4):
        raise Unfit("torn")
    per_second, units = int.from_bytes(scale, "big"), int.from_bytes(length, "big")
    if not per_second or units == (1 << 8 * len(length)) - 1:
        return 0
    return -(-units * 1000 // per_second)


def _track(source: Source, track: _Box, blanks: list[Blank]) -> tuple[int, int] | None:
    """Return the sides of a track of pictures as it is shown, None of one of sound. Raises Unfit for any other."""
    sides = (0, 0)
    kind = b""
    codecs: set[bytes] = set()
    for box in _boxes(source, track.body, track.end):
        if box.name == b"tkhd":
            sides = _sides(exactly(source, box.body, min(box.end - box.body, 96)))
        elif box.name == b"mdia":
            for part in _boxes(source, box.body, box.end):
                if part.name == b"hdlr":
                    kind = exactly(source, part.body, 12)[8:12]
                elif part.name == b"minf":
                    codecs |= _codecs(source, part)
                elif part.name in _BLANKED:
                    blanks.append(part.blank(source))
        elif box.name in _BLANKED:
            blanks.append(box.blank(source))
    if kind == b"soun":
        return None
    if kind != b"vide":
        raise Unfit("more_tracks")
    if not codecs or not codecs <= _SHOWN_BY_BROWSERS:
        raise Unfit("codec")
    return sides


def _sides(body: bytes) -> tuple[int, int]:
    """`tkhd` → width and height; a film that was taken upright says so in its matrix."""
    matrix = 52 if body[:1] == b"\x01" else 40
    if len(body) < matrix + 44:
        raise Unfit("torn")
    width, height = (int.from_bytes(body[matrix + at : matrix + at + 2], "big") for at in (36, 40))
    is_turned = not any(body[matrix : matrix + 4]) and any(body[matrix + 4 : matrix + 8])
    return (height, width) if is_turned else (width, height)


def _codecs(source: Source, box: _Box) -> set[bytes]:
    found: set[bytes] = set()
    for table in _boxes(source, box.body, box.end):
        if table.name != b"stbl":
            continue
        for part in _boxes(source, table.body, table.end):
            if part.name == b"stsd" and part.end - part.body > 8:
                found |= {entry.name for entry in _boxes(source, part.body + 8, part.end)}
    return found
