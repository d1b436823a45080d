"""A folder in which an audit keeps what it read, so that the next one reads what is new only.

Everything in it can be made again from the logs: a file that is missing, half-written or damaged is noticed by its hash
and made anew. Files are written beside their place and renamed; a document names its files by their hashes and comes
last, so that a killed run leaves what was there before or what it finished. One run at a time holds the folder.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

MARK: Final = "kept.json"
FORM: Final = 1
PART: Final = ".part"


class NotKept(Exception):
    """A folder that cannot be kept in. `says`: why, in Persian."""

    def __init__(self, says: str) -> None:
        super().__init__(says)
        self.says = says


class Kept:
    """The folder, held by this run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._whole: dict[Path, str] = {}

    def path(self, name: str) -> Path:
        """Return where a file lies."""
        return self.folder / name

    def document(self, name: str) -> dict[str, Any] | None:
        """Return a document, or None where it is missing or damaged."""
        try:
            said = json.loads(self.path(name).read_text("utf-8"))
            inner = said["says"]
            return inner if said["sha256"] == _hash(inner) and isinstance(inner, dict) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def note(self, name: str, says: dict[str, Any]) -> None:
        """Write a document in place of an older one."""
        place = self.path(name)
        part = place.with_name(place.name + PART)
        with part.open("w", encoding="utf-8") as out:
            json.dump({"sha256": _hash(says), "says": says}, out, ensure_ascii=False, sort_keys=True)
            out.flush()
            os.fsync(out.fileno())
        part.rename(place)

    def only(self, pattern: str, names: set[str]) -> None:
        """Remove the files of a pattern that are not among `names`."""
        for file in self.folder.glob(pattern):
            if file.name not in names:
                file.unlink()

    def take(self, made: Path, name: str) -> str:
        """Move a finished file here and return its hash. What `made` lies on may be another disk."""
        place = self.path(name)
        part = place.with_name(place.name + PART)
        sha = hashlib.sha256()
        with made.open("rb") as source, part.open("wb") as out:
            while block := source.read(1 << 20):
                sha.update(block)
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        part.rename(place)
        made.unlink()
        self._whole[place] = sha.hexdigest()
        return sha.hexdigest()

    def is_whole(self, name: str, sha256: str) -> bool:
        """Say whether a file is what its document says; each file is read once for that in a run."""
        place = self.path(name)
        if place not in self._whole:
            try:
                with place.open("rb") as opened:
                    self._whole[place] = hashlib.file_digest(opened, "sha256").hexdigest()
            except OSError:
                return False
        return self._whole[place] == sha256

    def forget(self, name: str) -> None:
        """Delete a file, if it is there."""
        self.path(name).unlink(missing_ok=True)


def _hash(says: Any) -> str:
    return hashlib.sha256(json.dumps(says, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


@contextmanager
def hold(folder: Path) -> Iterator[Kept]:
    """Hold a folder for one run. Raises NotKept where it holds something else, or another run holds it; OSError."""
    if folder.exists() and not folder.is_dir():
        raise NotKept(f"{folder}: پوشه نیست.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise NotKept(f"{folder}: چیز دیگری در آن است؛ پوشه‌ای خالی یا پوشه نگهداری ممیزی پیشین را بدهید.")
    folder.mkdir(parents=True, exist_ok=True)
    kept = Kept(folder)
    (folder / MARK).touch()
    with (folder / MARK).open("r+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            raise NotKept(
                f"{folder}: ممیزی دیگری همین اکنون با آن کار می‌کند؛ پس از پایان آن دوباره اجرا کنید."
            ) from fault
        if lock.read() != _mark():
            lock.seek(0)
            lock.truncate()
            lock.write(_mark())
            lock.flush()
        (folder / "logs").mkdir(exist_ok=True)
        for rest in folder.rglob(f"*{PART}"):
            rest.unlink()
        yield kept


def _mark() -> bytes:
    return json.dumps({"form": FORM}).encode() + b"\n"
