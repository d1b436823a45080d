"""WebM: its elements, walked over under limits. Nothing of sound or picture is decoded here, or anywhere by us."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, isfinite
from struct import unpack
from typing import Final

from peyman.shop.media.rules.blanks import Blank
from peyman.shop.media.rules.faults import Unfit
from peyman.shop.media.rules.mp4 import Video
from peyman.shop.media.rules.source import Source, exactly

_MOST_PARTS: Final = 100_000
_LARGEST_HEAD: Final = 1_000_000  # bytes of what is described, tracks for instance
_EBML, _DOCTYPE = 0x1A45DFA3, 0x4282
_SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_TAGS, _ATTACHMENTS, _VOID = 0x1254C367, 0x1941A469, 0xEC
_SCALE, _DURATION, _TITLE = 0x2AD7B1, 0x4489, 0x7BA9
_TRACK, _TYPE, _CODEC, _VIDEO, _WIDTH, _HEIGHT = 0xAE, 0x83, 0x86, 0xE0, 0xB0, 0xBA
_PICTURES, _SOUND = 1, 2
_SHOWN_BY_BROWSERS: Final = frozenset({b"V_VP8", b"V_VP9", b"V_AV1"})


@dataclass(frozen=True, slots=True)
class _Part:
    id: int
    at: int
    body: int
    end: int

    def blank(self) -> Blank:
        """As an empty element of the same length."""
        length = self.end - self.at
        if length >= 9:
            return Blank(self.at, b"\xec\x01" + (length - 9).to_bytes(7, "big"), length - 9)
        return Blank(self.at, bytes((0xEC, 0x80 | length - 2)), length - 2)


def _parts(source: Source, at: int, end: int) -> Iterator[_Part]:
    """Yield the elements that fill a stretch exactly. Raises Unfit where they do not."""
    for _ in range(_MOST_PARTS):
        if at == end:
            return
        name, body = _number(source, at, 4, keep_mark=True)
        size, body = _number(source, body, 8, keep_mark=False)
        part = _Part(name, at, body, body + size if size >= 0 else end)
        if part.end > end or (size < 0 and name != _SEGMENT):
            raise Unfit("torn")
        yield part
        at = part.end
    raise Unfit("torn")


def _number(source: Source, at: int, longest: int, *, keep_mark: bool) -> tuple[int, int]:
    """Read a number of EBML: it and where it ends; -1 for "not known"."""
    first = exactly(source, at, 1)[0]
    length = 9 - first.bit_length()
    if length > longest:
        raise Unfit("torn")
    data = exactly(source, at, length)
    value = int.from_bytes(data, "big")
    if not keep_mark:
        value &= (1 << 7 * length) - 1
        if value == (1 << 7 * length) - 1:
            value = -1
    return value, at + length


def read(source: Source) -> Video:
    """Return what a WebM says of itself. Raises Unfit for one that browsers would not show, or not to its end."""
    top = list(_some(_parts(source, 0, source.size), 4))
    if [part.id for part in top if part.id != _VOID] != [_EBML, _SEGMENT]:
        raise Unfit("torn")
    kinds = [_body(source, part) for part in _parts(source, top[0].body, top[0].end) if part.id == _DOCTYPE]
    if [kind.rstrip(b"\0") for kind in kinds] != [b"webm"]:
        raise Unfit("other_video")
    blanks = [part.blank() for part in top if part.id == _VOID]
    milliseconds, sides, has_data = 0, (0, 0), False
    for part in _parts(source, top[-1].body, top[-1].end):
        if part.id == _INFO:
            milliseconds = _length(source, part, blanks)
            if not milliseconds:
                raise Unfit("no_length")
        elif part.id == _TRACKS:
            sides = _tracks(source, part)
        elif part.id in (_TAGS, _ATTACHMENTS, _VOID):
            blanks.append(part.blank())
        has_data |= part.id == _CLUSTER
    if not has_data:
        raise Unfit("torn")
    if not milliseconds:
        raise Unfit("no_length")
    if not all(sides):
        raise Unfit("no_picture")
    return Video(*sides, milliseconds, tuple(blanks))


def _some(parts: Iterator[_Part], most: int) -> Iterator[_Part]:
    for number, part in enumerate(parts):
        if number >= most:
            raise Unfit("torn")
        yield part


def _body(source: Source, part: _Part) -> bytes:
    if part.end - part.body > _LARGEST_HEAD:
        raise Unfit("torn")
    return exactly(source, part.body, part.end - part.body)


def _length(source: Source, info: _Part, blanks: list[Blank]) -> int:
    if info.end - info.at > _LARGEST_HEAD:
        raise Unfit("torn")
    scale, length = 1_000_000, 0.0
    for part in _parts(source, info.body, info.end):
        if part.id == _SCALE:
            scale = int.from_bytes(_body(source, part)[:8], "big")
        elif part.id == _DURATION:
            data = _body(source, part)
            if len(data) not in (4, 8):
                raise Unfit("torn")
            length = unpack(">f" if len(data) == 4 else ">d", data)[0]
        elif part.id in (_TITLE, _VOID):
            blanks.append(part.blank())
    if not isfinite(length) or length <= 0 or not 0 < scale < 1 << 40:
        return 0
    return ceil(min(length * scale / 1_000_000, 1e12))


def _tracks(source: Source, tracks: _Part) -> tuple[int, int]:
    if tracks.end - tracks.at > _LARGEST_HEAD:
        raise Unfit("torn")
    sides = (0, 0)
    for track in _parts(source, tracks.body, tracks.end):
        if track.id != _TRACK:
            continue
        kind, codec, size = 0, b"", (0, 0)
        for part in _parts(source, track.body, track.end):
            if part.id == _TYPE:
                kind = int.from_bytes(_body(source, part)[:8], "big")
            elif part.id == _CODEC:
                codec = _body(source, part).rstrip(b"\0")
            elif part.id == _VIDEO:
                found = {one.id: one for one in _parts(source, part.body, part.end)}
                if _WIDTH in found and _HEIGHT in found:
                    width, height = (
                        int.from_bytes(_body(source, found[name])[:8], "big") for name in (_WIDTH, _HEIGHT)
                    )
                    size = (width, height) if width < 1 << 15 > height else (0, 0)
        if kind == _SOUND:
            continue
        if kind != _PICTURES:
            raise Unfit("more_tracks")
        if codec not in _SHOWN_BY_BROWSERS:
            raise Unfit("codec")
        sides = size
    return sides
