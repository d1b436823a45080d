"""What a file is: its content says so, its name does not; how large it would be is known before it is decoded."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peyman.kernel.text import persian_digits
from peyman.shop.media.rules import FAULTS, Held, Limits, Looked, Unfit, look
from tests import media

LIMITS = Limits(picture_bytes=200_000, picture_pixels=1_000_000, video_bytes=100_000, video_seconds=60)


def seen(data: bytes, limits: Limits = LIMITS) -> Looked | str:
    """What the file is, or the word of its refusal."""
    try:
        return look(Held(data), limits)
    except Unfit as refusal:
        assert refusal.detail == refusal.detail.strip() and "{" not in refusal.detail
        return refusal.fault


@pytest.mark.parametrize(
    ("case", "data", "form", "width", "height"),
    [
        ("JPEG", media.jpeg(700, 500), "jpeg", 700, 500),
        ("progressive JPEG", media.jpeg(700, 500, progressive=True), "jpeg", 700, 500),
        ("JPEG with a preview and a comment before its size", media.with_a_place(), "jpeg", 700, 500),
        ("PNG", media.png(321, 480), "png", 321, 480),
        ("PNG of a palette", media.png(400, 400, "P"), "png", 400, 400),
        ("WebP with loss", media.webp(701, 500), "webp", 701, 500),
        ("WebP without loss", media.webp(701, 500, lossless=True), "webp", 701, 500),
        ("WebP with a profile beside", media.webp(640, 333, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"), "webp", 640, 333),
    ],
)
def test_a_picture_is_known_with_its_size(case: str, data: bytes, form: str, width: int, height: int) -> None:
    assert seen(data) == Looked("picture", form, width, height)


@pytest.mark.parametrize(
    ("case", "data", "fault"),
    [
        ("nothing", b"", "empty"),
        ("a few letters", b"hello", "unknown"),
        ("SVG", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "svg"),
        ("SVG after a heading", b'\xef\xbb\xbf\n<?xml version="1.0"?>\n<!-- x -->\n<svg/>', "svg"),
        ("SVG of two bytes a letter", "\ufeff<svg><script>alert(1)</script></svg>".encode("utf-16-le"), "svg"),
        ("a web page", b"<!DOCTYPE html><html><script>alert(1)</script>", "page"),
        ("a page behind a comment", b"   <script>alert(1)</script>", "page"),
        ("a program of Windows called photo.jpg", b"MZ\x90\x00" + b"\0" * 200, "program"),
        ("a program of Linux", b"\x7fELF\x02\x01\x01" + b"\0" * 200, "program"),
        ("a shell script", b"#!/bin/sh\nrm -rf /\n", "program"),
        ("an Android program", b"dex\n035\0" + b"\0" * 100, "program"),
        ("a ZIP, and so an APK and a DOCX", b"PK\x03\x04" + b"\0" * 100, "archive"),
        ("a PDF", b"%PDF-1.7\n", "document"),
        ("a GIF", media.moving("GIF"), "gif"),
        ("a HEIC of a telephone", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "other_picture"),
        ("an AVIF", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "other_picture"),
        ("a TIFF", b"II*\0" + b"\0" * 100, "other_picture"),
        ("a film of an iPhone", media.mp4(brand=b"qt  "), "other_video"),
        ("an AVI", b"RIFF\x10\0\0\0AVI LIST", "other_video"),
        ("a sound", b"RIFF\x10\0\0\0WAVEfmt ", "unknown"),
        ("an APNG", media.moving("PNG"), "animated"),
        ("a moving WebP", media.moving("WEBP"), "animated"),
        ("a picture and a ZIP in one file", media.jpeg() + media.EMPTY_ZIP, "two_things"),
        ("a ZIP with a comment behind it", media.png() + b"PK\x05\x06" + b"\0" * 16 + b"\x03\0abc", "two_things"),
        ("a picture with PHP in its comment", media.jpeg(comment=b"<?php system($_GET[1]); ?>"), "two_things"),
        ("a picture with a page in its comment", media.jpeg(comment=b"<script src=//evil>"), "two_things"),
        ("half a header", media.jpeg()[:100], "torn"),
        ("a PNG that ends early", media.png()[:-20], "torn"),
        ("a WebP that ends early", media.webp()[:-20], "torn"),
        ("a PNG without data", b"\x89PNG\r\n\x1a\n" + media.chunk(b"IHDR", b"\0\0\1\x90" * 2 + b"\x08\2\0\0\0")
         + media.chunk(b"IEND", b""), "torn"),
        ("a bomb of 900 million pixels", media.png_bomb(), "vast"),
        ("a little more than allowed", media.png(1001, 1000), "vast"),
        ("a dot", media.png(10, 10), "tiny"),
        ("a thread", media.png(900, 99), "tiny"),
        ("a heavy one", media.jpeg() + b"\0" * 200_000, "heavy"),
    ],
)  # fmt: skip
def test_what_is_not_taken_is_refused_with_a_word_and_a_sentence(case: str, data: bytes, fault: str) -> None:
    assert seen(data) == fault


def test_limits_are_exact() -> None:
    assert seen(media.png(1000, 1000)) == Looked("picture", "png", 1000, 1000)
    assert seen(media.png(320, 100)) == Looked("picture", "png", 320, 100)
    assert seen(media.png(319, 319)) == "tiny"
    data = media.jpeg()
    assert seen(data + b"\0" * (200_000 - len(data))) == Looked("picture", "jpeg", 700, 500)
    assert seen(data + b"\0" * (200_001 - len(data))) == "heavy"


def test_a_refusal_says_how_large_it_is_and_how_large_it_may_be() -> None:
    with pytest.raises(Unfit) as refusal:
        look(Held(media.png_bomb()), LIMITS)
    assert refusal.value.detail == "تصویر ۳۰۰۰۰ در ۳۰۰۰۰ نقطه است؛ بیش از ۱ میلیون نقطه پذیرفته نمی‌شود."
    assert refusal.value.code == "media_unfit" and refusal.value.status == 422


def test_each_fault_has_a_sentence_of_its_own_in_good_persian() -> None:
    assert len(set(FAULTS.values())) == len(FAULTS)
    for sentence in FAULTS.values():
        assert sentence.endswith(".") and not {"ي", "ك"} & set(sentence)
        bare = re.sub("H.264|VP9|MP4", "", sentence)
        assert bare == persian_digits(bare)


STARTS = [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\xff\0\0\0WEBP", b"\x1a\x45\xdf\xa3", b"\0\0\0\x14ftypisom"]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(STARTS), st.binary(max_size=300))
def test_whatever_comes_is_looked_at_or_refused(start: bytes, rest: bytes) -> None:
    assert isinstance(seen(start + rest), Looked | str)


WHOLE = [media.jpeg(), media.png(), media.webp(), media.mp4(), media.webm(beside=media.WEBM_TAGS)]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(WHOLE), st.integers(0, 2**32), st.integers(1, 6))
def test_whole_files_with_a_few_other_bytes_are_looked_at_or_refused(data: bytes, seed: int, many: int) -> None:
    torn, dice = bytearray(data), random.Random(seed)
    for _ in range(many):
        torn[dice.randrange(min(len(torn), 900))] = dice.randrange(256)
    found = seen(bytes(torn[: dice.randrange(1, len(torn) + 1)]))
    if isinstance(found, Looked):
        assert found.width * found.height <= LIMITS.picture_pixels or found.kind == "video"
        assert found.milliseconds <= 60_000
