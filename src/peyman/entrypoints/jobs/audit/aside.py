"""The answer is written beside its place, and takes it when all of it is there."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from peyman.entrypoints.jobs.console import CouldNot

MANIFEST: Final = "manifest.json"


def check_out(out: Path) -> None:
    """Raise CouldNot where an answer would be written over something else than an answer."""
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MANIFEST).is_file())):
        raise CouldNot(f"{out}: هست و پاسخ ممیزی دیگری نیست؛ چیزی روی آن نوشته نشد.")


@contextmanager
def beside(out: Path) -> Iterator[tuple[Path, Path]]:
    """Give a folder to work in and one for the answer, which takes its place when all is well."""
    out.parent.mkdir(parents=True, exist_ok=True)
    base = out.absolute().parent / f".{out.name}.{os.getpid()}.part"
    work, aside, old = base / "work", base / "answer", base / "old"
    _clear(out)
    shutil.rmtree(base, ignore_errors=True)
    try:
        work.mkdir(parents=True)
        aside.mkdir()
        yield work, aside
        if out.exists():
            out.rename(old)
        aside.rename(out)
    finally:
        if old.exists() and not out.exists():
            old.rename(out)
        shutil.rmtree(base, ignore_errors=True)


def _clear(out: Path) -> None:
    """Take away what killed runs left beside the answer, and put back an answer that one had just moved away."""
    for base in out.absolute().parent.glob(f".{out.name}.*.part"):
        owner = base.name.removeprefix(f".{out.name}.").removesuffix(".part")
        if owner.isdigit() and not _is_alive(int(owner)):
            if (base / "old" / MANIFEST).is_file() and not out.exists():
                (base / "old").rename(out)
            shutil.rmtree(base, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
