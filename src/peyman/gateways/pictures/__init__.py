"""Pictures made anew: one process decodes what a stranger sent, and this one believes nothing that it answers."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from peyman.shop.media.rules import WIDTHS, Held, Unfit, widths_of
from peyman.shop.media.rules.pictures import is_bare, webp

SECONDS: Final = 30  # of the processor
PATIENCE: Final = 90  # seconds on the clock: a busy machine is slow, not wrong
MEGABYTES: Final = 1024
_LARGEST: Final = 16_000_000  # bytes of an answer
_CHILD: Final = Path(__file__).with_name("child.py")
_TOLD: Final = frozenset({"animated", "torn", "too_hard"})


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture made anew: sides of the widest, and width → WebP."""

    width: int
    height: int
    files: Mapping[int, bytes]


def make(path: Path, form: str, widths: Sequence[int] = WIDTHS) -> Picture:
    """Decode a picture and make it anew at these widths, none wider than it is. Raises Unfit, OSError."""
    limits = (form, ",".join(map(str, widths)), str(SECONDS), str(MEGABYTES), str(os.getpid()))
    command = [sys.executable, "-I", str(_CHILD), *limits]
    with (
        path.open("rb") as file,
        subprocess.Popen(
            command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"LC_ALL": "C.UTF-8"}
        ) as child,
    ):
        assert child.stdout is not None  # noqa: S101 - it was asked for
        end = threading.Timer(PATIENCE, child.kill)
        end.start()
        try:
            answer = child.stdout.read(_LARGEST + 1)
            if len(answer) > _LARGEST:
                child.kill()
            child.wait()
        finally:
            end.cancel()
    if child.returncode:
        raise Unfit("too_hard")  # the decoder died over it: of memory, of time, or of a fault of its own
    try:
        return _read(answer)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise Unfit("torn") from fault


def _read(answer: bytes) -> Picture:
    """Take an answer for what it is shown to be. Raises Unfit, and anything at one that makes no sense."""
    line, _, rest = answer.partition(b"\n")
    said = json.loads(line)
    if "fault" in said:
        raise Unfit(said["fault"] if said["fault"] in _TOLD else "torn")
    files: dict[int, bytes] = {}
    for name, length in said["made"].items():
        files[int(name)], rest = rest[:length], rest[length:]
    width, height = said["width"], said["height"]
    if rest or list(files) != widths_of(width):
        raise Unfit("torn")
    for wide, data in files.items():
        if not is_bare(data) or webp(Held(data))[0] != min(wide, width):
            raise Unfit("torn")
    if webp(Held(files[max(files)])) != (width, height):
        raise Unfit("torn")
    return Picture(width, height, files)
