"""Pictures and videos for tests, made in memory: real ones by Pillow, hostile ones and films box by box."""

import struct
import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms


def encoded(picture: Image.Image, form: str, **options: Any) -> bytes:
    out = BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def drawn(width: int = 700, height: int = 500, mode: str = "RGB") -> Image.Image:
    """A picture whose left upper quarter is red and whose rest is blue: one sees how it was turned."""
    picture = Image.new("RGB", (width, height), (20, 40, 200))
    picture.paste((220, 30, 30), (0, 0, width // 2, height // 2))
    return picture.convert(mode)


def jpeg(width: int = 700, height: int = 500, **options: Any) -> bytes:
    return encoded(drawn(width, height), "JPEG", **options)


def png(width: int = 700, height: int = 500, mode: str = "RGB", **options: Any) -> bytes:
    return encoded(drawn(width, height, mode), "PNG", **options)


def webp(width: int = 700, height: int = 500, **options: Any) -> bytes:
    return encoded(drawn(width, height), "WEBP", **options)


def moving(form: str) -> bytes:
    """A picture of two frames."""
    frames = [Image.new("RGB", (400, 400), color) for color in ("red", "blue")]
    return encoded(frames[0], form, save_all=True, append_images=frames[1:])


def with_a_place(turned: int = 6) -> bytes:
    """A JPEG as telephones make it: stored lying, to be turned by its EXIF, with where it was taken and whose it is."""
    exif = Image.Exif()
    exif[0x0112] = turned
    exif[0x013B] = "SECRET-PHOTOGRAPHER"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (35.0, 41.0, 21.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return jpeg(exif=exif, icc_profile=profile, comment=b"SECRET-COMMENT")


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_bomb(width: int = 30_000, height: int = 30_000, rows: int = 60, bits: int = 8) -> bytes:
    """Some kilobytes that say they are nine hundred million pixels."""
    line = b"\0" * (1 + width * 3 * bits // 8)
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(line) for _ in range(rows)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


EMPTY_ZIP = b"PK\x05\x06" + b"\0" * 18


# ---- Films ----


def box(name: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I", 8 + len(body)) + name + body


def track(
    kind: bytes = b"vide", codec: bytes = b"avc1", width: int = 640, height: int = 360, turned: bool = False
) -> bytes:
    one = 0x10000
    matrix = (
        (0, one, 0, -one & 0xFFFFFFFF, 0, 0, 0, 0, 0x40000000) if turned else (one, 0, 0, 0, one, 0, 0, 0, 0x40000000)
    )
    head = struct.pack(">IIIIIIIIHHHH9III", 7, 0, 0, 1, 0, 5000, 0, 0, 0, 0, 0, 0, *matrix, width << 16, height << 16)
    described = box(b"stsd", struct.pack(">II", 0, 1), box(codec, b"\0" * 78))
    handler = box(b"hdlr", struct.pack(">II4s", 0, 0, kind), b"\0" * 13)
    return box(b"trak", box(b"tkhd", head), box(b"mdia", handler, box(b"minf", box(b"stbl", described))))


def mp4(
    *tracks: bytes,
    milliseconds: int = 5000,
    brand: bytes = b"isom",
    beside: Sequence[bytes] = (),
    data: bytes = b"film" * 300,
) -> bytes:
    """An MP4 of boxes that say what they should; `beside` are boxes next to the tracks."""
    length = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, milliseconds), b"\0" * 80)
    return (
        box(b"ftyp", brand, struct.pack(">I", 512), b"mp42")
        + box(b"moov", length, *(tracks or (track(), track(b"soun", b"mp4a"))), *beside)
        + box(b"mdat", data)
    )


WITH_A_PLACE = box(b"udta", box(b"\xa9xyz", b"\x00\x12\x15\xc7+35.6892+051.3890/SECRET"))


def element(name: int, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    head = name.to_bytes((name.bit_length() + 7) // 8, "big")
    return head + (len(body) | 1 << 56).to_bytes(8, "big") + body


def webm(
    *, codec: bytes = b"V_VP9", doctype: bytes = b"webm", seconds: float = 5.0, beside: bytes = b"", kind: int = 1
) -> bytes:
    info = element(0x1549A966, element(0x2AD7B1, b"\x0f\x42\x40"), element(0x4489, struct.pack(">d", seconds * 1000)))
    sides = element(0xE0, element(0xB0, b"\x02\x80"), element(0xBA, b"\x01\x68"))
    tracks = element(0x1654AE6B, element(0xAE, element(0x83, bytes((kind,))), element(0x86, codec), sides))
    cluster = element(0x1F43B675, b"\xa3" + (200 | 1 << 56).to_bytes(8, "big") + b"\0" * 200)
    return element(0x1A45DFA3, element(0x4282, doctype)) + element(0x18538067, info, tracks, beside, cluster)


WEBM_TAGS = element(0x1254C367, element(0x7373, b"SECRET-PLACE"))
