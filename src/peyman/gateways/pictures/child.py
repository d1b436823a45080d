"""A process that decodes one picture of a stranger, and can do nothing else.

`python -I child.py FORM WIDTH,… SECONDS MEGABYTES PARENT < picture > answer`. It has no environment, opens no file once
it has begun, and dies when it takes too much memory or time; a fault of a decoder ends it, and nobody beside it. The
answer is one line of JSON, then the pictures it names, one after the other. It stands alone: nothing of Peyman is
imported here.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from io import BytesIO
from typing import IO

# All that may be needed is imported now: later no file can be opened.
from PIL import (
    Image,
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

QUALITY = 80
EFFORT = 4  # of libwebp, 0 to 6: from here on a few per cent of bytes cost twice the time
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}
_IN_MEMORY = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)


class NoPicture(Exception):
    """What came is not one picture that can be shown; its argument says why, in a word of the media's faults."""


def close_doors(seconds: int, megabytes: int, parent: int) -> None:
    """From here on: so much memory and time, no file, no other process, no new rights, and an end with the parent."""
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        sys.exit(1)  # it ended before this one could hear of it


def pictures(file: IO[bytes], form: str, widths: list[int]) -> tuple[tuple[int, int], dict[int, bytes]]:
    """Return the sides of the widest, and width → WebP: sRGB on white, upright, nothing beside the picture."""
    source = Image.open(file, formats=[_FORMATS[form]])
    if getattr(source, "is_animated", False) and form != "jpeg":
        raise NoPicture("animated")
    turn = _turn(source)
    width, height = source.size[::-1] if turn and turn > 4 else source.size
    wide = min(widths[-1], width)
    tall = max(1, round(height * wide / width))
    stored = (tall, wide) if turn and turn > 4 else (wide, tall)
    profile = source.info.get("icc_profile")
    source.draft(None, stored)  # a JPEG is decoded no larger than needed
    drawn = _plain(source).resize(stored, Image.Resampling.LANCZOS, reducing_gap=3.0)
    drawn = _on_white(_in_srgb(drawn, profile))
    if turn in _TURNS:
        drawn = drawn.transpose(_TURNS[turn])
    drawn.info.clear()
    made = {}
    for one in [each for each in widths if each < wide] + [next(each for each in widths if each >= wide)]:
        across = min(one, wide)
        sides = (across, max(1, round(tall * across / wide)))
        small = drawn if sides == drawn.size else drawn.resize(sides, Image.Resampling.LANCZOS)
        out = BytesIO()
        small.save(out, "WEBP", quality=QUALITY, method=EFFORT)
        made[one] = out.getvalue()
    return drawn.size, made


def _turn(source: Image.Image) -> int:
    try:
        return int(source.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  whatever is wrong with it, it is thrown away
        return 1


def _plain(source: Image.Image) -> Image.Image:
    """In a mode that can be made smaller without strange colours: transparent parts bleed into nothing."""
    if source.mode in ("I", "I;16", "I;16L", "I;16B", "I;16N"):  # sixteen bits of grey
        return source.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if source.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in source.info:
        return source.convert("RGBA").convert("RGBa")
    if source.mode in ("RGB", "L", "CMYK"):
        return source
    return source.convert("RGB")


def _in_srgb(drawn: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as their profile means them; a profile that cannot be read is as if there were none."""
    alpha = None
    if drawn.mode == "RGBa":
        drawn = drawn.convert("RGBA")
        alpha = drawn.getchannel("A")
        drawn = drawn.convert("RGB")
    if profile:
        try:
            told = ImageCms.ImageCmsProfile(BytesIO(profile))
            turned = ImageCms.profileToProfile(drawn, told, ImageCms.createProfile("sRGB"), outputMode="RGB")
            drawn = turned if turned is not None else drawn
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    drawn = drawn.convert("RGB")
    if alpha is not None:
        drawn.putalpha(alpha)
    return drawn


def _on_white(drawn: Image.Image) -> Image.Image:
    if drawn.mode == "RGB":
        return drawn
    ground = Image.new("RGB", drawn.size, "white")
    ground.paste(drawn, mask=drawn.getchannel("A"))
    return ground


def main(arguments: list[str]) -> None:
    """Read the picture from standard input and answer on standard output."""
    form, widths, seconds, megabytes, parent = arguments
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = None  # the parent has counted them, and memory ends here
    answer = sys.stdout.buffer
    Image.preinit()
    close_doors(int(seconds), int(megabytes), int(parent))
    try:
        (width, height), made = pictures(sys.stdin.buffer, form, [int(one) for one in widths.split(",")])
    except NoPicture as fault:
        answer.write(json.dumps({"fault": fault.args[0]}).encode() + b"\n")
    except MemoryError:
        answer.write(b'{"fault": "too_hard"}\n')
    except Exception:  # noqa: BLE001  decoders raise whatever they like at what is broken
        answer.write(b'{"fault": "torn"}\n')
    else:
        lengths = {one: len(data) for one, data in made.items()}
        answer.write(json.dumps({"width": width, "height": height, "made": lengths}).encode() + b"\n")
        for data in made.values():
            answer.write(data)
    answer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
