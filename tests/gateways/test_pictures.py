"""Pictures are made anew in a process that can do nothing else; what it answers is not believed either."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from peyman.gateways import pictures
from peyman.gateways.pictures import child
from peyman.shop.media.rules import Unfit
from tests import media


def made(tmp_path: Path, data: bytes, form: str) -> pictures.Picture:
    file = tmp_path / "picture"
    file.write_bytes(data)
    return pictures.make(file, form)


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data)).convert("RGB")


def near(picture: Image.Image, at: tuple[int, int], color: tuple[int, int, int]) -> bool:
    seen = picture.getpixel(at)
    assert isinstance(seen, tuple)
    return all(abs(one - other) < 24 for one, other in zip(seen, color, strict=True))


RED, BLUE, WHITE = (220, 30, 30), (20, 40, 200), (255, 255, 255)


def test_a_picture_comes_in_widths_none_wider_than_itself(tmp_path: Path) -> None:
    picture = made(tmp_path, media.jpeg(700, 500), "jpeg")
    sizes = {name: opened(data).size for name, data in picture.files.items()}
    assert sizes == {160: (160, 114), 320: (320, 229), 640: (640, 457), 1280: (700, 500)}
    assert (picture.width, picture.height) == (700, 500)
    assert all(data[:4] == b"RIFF" and data[8:15] == b"WEBPVP8" for data in picture.files.values())


def test_what_a_telephone_wrote_beside_it_is_gone_and_it_stands_upright(tmp_path: Path) -> None:
    data = media.with_a_place(turned=6)
    picture = made(tmp_path, data, "jpeg")
    assert (picture.width, picture.height) == (500, 700)
    upright = opened(picture.files[640])
    assert near(upright, (450, 50), RED) and near(upright, (50, 50), BLUE)  # its red corner came to the right
    whole = b"".join(picture.files.values())
    assert b"SECRET" in data and b"Exif" in data and b"ICC" in data
    for left in (b"SECRET", b"Exif", b"EXIF", b"ICC", b"XMP", b"VP8X"):
        assert left not in whole


@pytest.mark.parametrize("turned", range(1, 9))
def test_every_way_of_holding_a_telephone_is_turned_as_pillow_would(turned: int) -> None:
    from PIL import ImageOps  # noqa: PLC0415  the other way of counting

    data = media.with_a_place(turned)
    size, files = child.pictures(BytesIO(data), "jpeg", [160])
    wanted = ImageOps.exif_transpose(Image.open(BytesIO(data))).resize(size)
    corners = [(10, 10), (size[0] - 10, 10), (10, size[1] - 10), (size[0] - 10, size[1] - 10)]
    found = opened(files[160])
    assert [near(found, at, RED) for at in corners] == [near(wanted.convert("RGB"), at, RED) for at in corners]


@pytest.mark.parametrize(
    ("case", "picture", "form", "color"),
    [
        ("four inks", media.drawn(mode="CMYK"), "JPEG", RED),
        ("grey of sixteen bits", Image.new("I;16", (400, 400), 0x8080), "PNG", (128, 128, 128)),
        ("grey", Image.new("L", (400, 400), 77), "PNG", (77, 77, 77)),
        ("black and white", Image.new("1", (400, 400), 1), "PNG", WHITE),
        ("a palette", media.drawn(mode="P"), "PNG", RED),
        ("glass on nothing", Image.new("RGBA", (400, 400), (0, 0, 0, 0)), "PNG", WHITE),
        ("half a grey shadow", Image.new("LA", (400, 400), (0, 128)), "PNG", (127, 127, 127)),
        ("glass in WebP", Image.new("RGBA", (400, 400), (220, 30, 30, 255)), "WEBP", RED),
    ],
)
def test_every_way_of_storing_colours_becomes_the_same_on_white(
    case: str, picture: Image.Image, form: str, color: tuple[int, int, int]
) -> None:
    _, files = child.pictures(BytesIO(media.encoded(picture, form)), form.lower(), [160])
    assert near(opened(files[160]), (20, 20), color)


def test_a_colour_profile_is_followed_and_a_broken_one_is_as_if_there_were_none() -> None:
    other = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    for profile in (other, b"no profile at all", b"\0" * 400):
        _, files = child.pictures(BytesIO(media.jpeg(icc_profile=profile)), "jpeg", [160])
        assert opened(files[160]).size == (160, 114)


@pytest.mark.parametrize(
    ("case", "data", "form", "fault"),
    [
        ("half of a JPEG", media.jpeg(quality=95)[:4000], "jpeg", "torn"),
        ("something else than it was looked at for", media.png(), "jpeg", "torn"),
        ("a moving WebP", media.moving("WEBP"), "webp", "animated"),
    ],
)
def test_what_cannot_be_decoded_whole_is_refused(tmp_path: Path, case: str, data: bytes, form: str, fault: str) -> None:
    with pytest.raises(Unfit) as refusal:
        made(tmp_path, data, form)
    assert refusal.value.fault == fault


def test_memory_that_runs_out_ends_the_decoder_and_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MEGABYTES", 400)
    with pytest.raises(Unfit) as refusal:  # past the look, as a decoder's fault would
        made(tmp_path, media.png_bomb(30_000, 30_000), "png")
    assert refusal.value.fault == "too_hard"


def test_time_that_runs_out_ends_the_decoder_and_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = tmp_path / "stuck.py"
    stuck.write_text("while True: pass\n")
    monkeypatch.setattr(pictures, "_CHILD", stuck)
    monkeypatch.setattr(pictures, "PATIENCE", 0.3)
    with pytest.raises(Unfit) as refusal:
        made(tmp_path, media.png(), "png")
    assert refusal.value.fault == "too_hard"


def test_the_decoder_can_open_nothing_and_start_nothing(tmp_path: Path) -> None:
    tried = tmp_path / "tried.py"
    tried.write_text(
        f"import sys; sys.path.insert(0, {str(Path(child.__file__).parent)!r})\n"
        "import child, os, socket\n"
        "child.close_doors(10, 1024, os.getppid())\n"
        "for attempt in (lambda: open('/etc/passwd'), lambda: open('x', 'w'), lambda: socket.socket(), os.pipe):\n"
        "    try: attempt()\n"
        "    except OSError as fault: print(fault.errno)\n"
        "    else: print('done')\n"
    )
    ended = subprocess.run([sys.executable, str(tried)], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.stdout.split() == ["24"] * 4, ended.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["tried.py"]


def test_a_decoder_whose_parent_ended_while_it_began_ends_too() -> None:
    arguments = ["png", "160", "10", "1024", "999999999"]
    ended = subprocess.run(
        [sys.executable, "-I", child.__file__, *arguments], input=media.png(), capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, b"")


def _webp(width: int, height: int, **options: object) -> bytes:
    return media.encoded(media.drawn(width, height), "WEBP", **options)


SMALL = _webp(160, 114)


@pytest.mark.parametrize(
    ("case", "answer"),
    [
        ("nothing", b""),
        ("no JSON", b"hello\n"),
        ("another JSON", b"[1]\n"),
        ("sides that are none", b'{"width": "x", "height": 1, "made": {}}\n'),
        ("a width nobody asked for", b'{"width": 160, "height": 114, "made": {"161": %d}}\n' % len(SMALL) + SMALL),
        ("more than it names", b'{"width": 160, "height": 114, "made": {"160": %d}}\n' % len(SMALL) + SMALL + b"more"),
        ("less than it names", b'{"width": 160, "height": 114, "made": {"160": %d}}\n' % len(SMALL) + SMALL[:-4]),
        ("sides that are not its own", b'{"width": 160, "height": 200, "made": {"160": %d}}\n' % len(SMALL) + SMALL),
        ("a page", b'{"width": 160, "height": 114, "made": {"160": 6}}\n<html>'),
        ("a picture with EXIF", (lambda one: b'{"width": 160, "height": 114, "made": {"160": %d}}\n' % len(one) + one)(
            _webp(160, 114, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"))),
        ("an unknown fault", b'{"fault": "<script>"}\n'),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_what_it_should_be_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, answer: bytes
) -> None:
    liar = tmp_path / "liar.py"
    liar.write_text(f"import sys; sys.stdout.buffer.write({answer!r})\n")
    monkeypatch.setattr(pictures, "_CHILD", liar)
    with pytest.raises(Unfit) as refusal:
        made(tmp_path, media.png(), "png")
    assert refusal.value.fault == "torn"


def test_an_answer_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = tmp_path / "endless.py"
    endless.write_text("import sys\nwhile True: sys.stdout.buffer.write(b'x' * 65536)\n")
    monkeypatch.setattr(pictures, "_CHILD", endless)
    with pytest.raises(Unfit) as refusal:
        made(tmp_path, media.png(), "png")
    assert refusal.value.fault == "too_hard"
