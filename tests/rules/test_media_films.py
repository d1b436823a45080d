"""Films are known by their boxes; what is written beside sound and picture is blanked, and nothing else moves."""

import struct

import pytest

from peyman.shop.media.rules import Held, Limits, Looked, Unfit, look
from peyman.shop.media.rules.blanks import Blank, blanked
from tests import media

LIMITS = Limits(video_seconds=60)


def fault(data: bytes) -> str:
    with pytest.raises(Unfit) as refusal:
        look(Held(data), LIMITS)
    return refusal.value.fault


def test_an_mp4_and_a_webm_are_known_with_size_and_length() -> None:
    assert look(Held(media.mp4()), LIMITS) == Looked("video", "mp4", 640, 360, 5000)
    assert look(Held(media.webm()), LIMITS) == Looked("video", "webm", 640, 360, 5000)


def test_a_film_that_was_taken_upright_is_as_wide_as_it_is_shown() -> None:
    assert look(Held(media.mp4(media.track(turned=True))), LIMITS) == Looked("video", "mp4", 360, 640, 5000)


@pytest.mark.parametrize(
    ("case", "data", "word"),
    [
        ("a second too long", media.mp4(milliseconds=60_001), "long"),
        ("no length", media.mp4(milliseconds=0), "no_length"),
        ("a length that is not known", media.mp4(milliseconds=0xFFFFFFFF), "no_length"),
        ("sound alone", media.mp4(media.track(b"soun", b"mp4a")), "no_picture"),
        ("a picture of no size", media.mp4(media.track(width=0)), "no_picture"),
        ("HEVC, which few browsers show", media.mp4(media.track(codec=b"hvc1")), "codec"),
        ("an encrypted film", media.mp4(media.track(codec=b"encv")), "codec"),
        ("a track of places", media.mp4(media.track(), media.track(b"meta", b"gpmd")), "more_tracks"),
        ("a foreign brand", media.mp4(brand=b"XXXX").replace(b"mp42", b"YYYY"), "other_video"),
        ("without its data", media.mp4()[: -8 - 1200], "torn"),
        ("cut in its data", media.mp4()[:-1], "torn"),
        ("something behind it", media.mp4() + b"tail", "torn"),
        ("two heads", media.mp4() + media.box(b"moov"), "torn"),
        ("seventeen tracks", media.mp4(*[media.track()] * 17), "torn"),
        ("a box smaller than its own header", media.mp4() + struct.pack(">I4s", 7, b"free"), "torn"),
        ("a ZIP behind a film", media.mp4() + media.box(b"free", media.EMPTY_ZIP), "two_things"),
        ("Matroska", media.webm(doctype=b"matroska"), "other_video"),
        ("a codec that browsers do not have", media.webm(codec=b"V_MPEG4/ISO/AVC"), "codec"),
        ("a WebM of subtitles", media.webm(kind=17), "more_tracks"),
        ("a WebM of sound", media.webm(kind=2), "no_picture"),
        ("a WebM that is too long", media.webm(seconds=60.001), "long"),
        ("a WebM without a length", media.webm(seconds=0), "no_length"),
        ("a WebM that lasts for ever", media.webm(seconds=float("inf")), "no_length"),
        ("a WebM of no number", media.webm(seconds=float("nan")), "no_length"),
        ("a WebM that ends early", media.webm()[:-1], "torn"),
    ],
)
def test_a_film_that_browsers_would_not_show_is_refused(case: str, data: bytes, word: str) -> None:
    assert fault(data) == word


def test_boxes_without_end_are_not_walked_for_ever() -> None:
    assert fault(media.mp4() + media.box(b"free") * 20_001) == "torn"


def _as_kept(data: bytes) -> bytes:
    found = look(Held(data), LIMITS)
    pieces = [data[at : at + 37] for at in range(0, len(data), 37)]  # no piece holds a box
    return b"".join(blanked(pieces, found.blanks))


def test_where_an_mp4_was_taken_is_blanked_and_nothing_else_moves() -> None:
    plain = media.track()
    inside = media.box(b"trak", plain[8:], media.box(b"meta", b"SECRET-IN-TRACK"))
    data = media.mp4(inside, beside=[media.WITH_A_PLACE]) + media.box(b"uuid", b"SECRET-XMP" * 9)
    kept = _as_kept(data)
    assert b"SECRET" in data and b"SECRET" not in kept and b"35.6892" not in kept
    assert len(kept) == len(data) and kept.index(b"mdat") == data.index(b"mdat")
    assert look(Held(kept), LIMITS).milliseconds == 5000
    assert media.mp4() == _as_kept(media.mp4())


def test_what_is_written_beside_a_webm_is_blanked() -> None:
    data = media.webm(beside=media.WEBM_TAGS + media.element(0x1941A469, b"SECRET-FILE"))
    kept = _as_kept(data)
    assert b"SECRET" in data and b"SECRET" not in kept and len(kept) == len(data)
    assert look(Held(kept), LIMITS) == look(Held(kept), LIMITS)
    assert _as_kept(kept) == kept


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_blanks_fall_where_they_should_however_a_file_is_cut(size: int) -> None:
    data = bytes(range(1, 31))
    pieces = [data[at : at + size] for at in range(0, 30, size)]
    laid = b"".join(blanked(pieces, [Blank(20, b"CD", 3), Blank(4, b"AB", 5)]))
    assert laid == data[:4] + b"AB" + b"\0" * 5 + data[11:20] + b"CD" + b"\0" * 3 + data[25:]
