"""Files of media, sent as they lie there: before sessions, tables and pages are asked for anything.

An address is made of what it shows, so it is true for ever. It is not kept for ever: what is taken out of the world
must leave the caches of strangers too, so these ask again each hour, and a browser keeps its own copy for a week. Who
saves data gets smaller pictures under the same address. What comes from here may show itself and do nothing else,
whatever a browser takes it for.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from peyman.shop.media import rules

PREFIX: Final = "/media/"
_TYPES: Final = {".webp": "image/webp", ".mp4": "video/mp4", ".webm": "video/webm"}
_WHOLE: Final = 1 << 18  # bytes: up to here a file is sent in one piece
_PIECE: Final = 1 << 16
_KEPT: Final = "public, max-age=604800, s-maxage=3600, immutable"
_RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


class Serve:
    """Answer what lies below /media/; all else goes on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
        name = request.path_info[len(PREFIX) :]
        saves_data = request.headers.get("Save-Data", "").strip().lower() == "on"
        places = rules.file_of(name, saves_data=saves_data)
        if places and (settings.MEDIA_ROOT / rules.tombstone(name)).is_file():
            return _nothing(410, "این فایل حذف شده است.\n")
        for place in places:
            try:
                file = (settings.MEDIA_ROOT / place).open("rb")
            except FileNotFoundError:
                continue
            return _answer(request, file, Path(place))
        return _nothing(404, "چیزی با این نشانی پیدا نشد.\n")


def _nothing(status: int, says: str) -> HttpResponse:
    headers = {"Cache-Control": "no-cache"}  # what was taken down may be allowed again
    return HttpResponse(says, status=status, content_type="text/plain; charset=utf-8", headers=headers)


def _answer(request: HttpRequest, file: IO[bytes], place: Path) -> HttpResponseBase:
    size = file.seek(0, 2)
    tag = f'"{place.stem}"'
    headers = {
        "Cache-Control": _KEPT,
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    if place.suffix == ".webp":
        headers["Vary"] = "Save-Data"
    known = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
    if tag in known or "*" in known:
        file.close()
        return HttpResponse(status=304, headers=headers)
    first, last = 0, size - 1
    status = 200
    part = _part(request.headers.get("Range", ""), size) if request.headers.get("If-Range", tag) == tag else None
    if part:
        first, last = part
        if first >= size:
            file.close()
            return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
        status = 206
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    headers["Content-Type"] = _TYPES[place.suffix]
    length = last - first + 1
    headers["Content-Length"] = str(length)
    if request.method == "HEAD":
        file.close()
        return HttpResponse(status=status, headers=headers)
    file.seek(first)
    if length <= _WHOLE:
        with file:
            return HttpResponse(file.read(length), status=status, headers=headers)
    return StreamingHttpResponse(_pieces(file, length), status=status, headers=headers)


def _part(asked: str, size: int) -> tuple[int, int] | None:
    """Return the first and the last byte of the one part that is asked for; None where all of it is sent."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return (max(size - int(last), 0) if int(last) else size), size - 1
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last or size), size - 1)


def _pieces(file: IO[bytes], length: int) -> Iterator[bytes]:
    with file:
        while length > 0 and (piece := file.read(min(_PIECE, length))):
            length -= len(piece)
            yield piece


serve = Serve
