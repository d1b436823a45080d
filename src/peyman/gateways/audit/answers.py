"""Finished answers of the audit: a folder read and held against its manifest, then kept whole under its hash.

Nothing of a folder is believed before every file's hash is what its manifest says; what the manifest does not name is
neither read nor kept. A kept answer is whole or not there, whenever the power fails.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from peyman.kernel.clauses import carries_out
from peyman.market.tariff.rules.audit_joins import ANONYMOUS

MANIFEST: Final = "manifest.json"
KEPT: Final = "audits"  # below PEYMAN_DATA
NEEDED: Final = ("totals.json", "intervals.json", "by_user_day.parquet")
MOST_FILES: Final = 30
MAX_JSON: Final = 100_000_000  # bytes
MAX_MANIFEST: Final = 20_000_000
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}\.[a-z0-9]{1,8}", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{64}", re.ASCII)


class BadAnswer(ValueError):
    """A folder that is no whole answer. `says`: why, in Persian."""

    def __init__(self, says: str) -> None:
        super().__init__(says)
        self.says = says


@dataclass(frozen=True, slots=True)
class Answer:
    """What a folder holds, every hash found right."""

    sha256: str  # of manifest.json
    files: Mapping[str, str]  # name → sha256
    totals: Mapping[str, Any]
    intervals: list[Mapping[str, Any]]
    operators: Mapping[str, Mapping[str, int | None]]
    users: int  # that can be told apart, each once
    parameters: Mapping[str, Any]
    code_version: str
    first_day: date | None
    last_day: date | None


@carries_out("B08")
def read(folder: Path) -> Answer:
    """Read an answer and check each of its files. Raises BadAnswer."""
    path = folder / MANIFEST
    if not folder.is_dir() or not path.is_file() or path.is_symlink():
        raise BadAnswer("manifest.json در آن نیست.")
    sha256 = _sha256(path)
    manifest = _json(path, MAX_MANIFEST)
    if not isinstance(manifest, dict):
        raise BadAnswer("manifest.json آنچه باید باشد نیست.")
    files = _outputs(manifest)
    for name, wanted in files.items():
        one = folder / name
        if not one.is_file() or one.is_symlink():
            raise BadAnswer(f"{name} در آن نیست.")
        if _sha256(one) != wanted:
            raise BadAnswer(f"{name} آن نیست که manifest.json می‌گوید؛ پس از ممیزی عوض شده است.")
    totals, intervals = _json(folder / "totals.json", MAX_JSON), _json(folder / "intervals.json", MAX_JSON)
    if not isinstance(totals, dict) or not isinstance(intervals, list):
        raise BadAnswer("totals.json یا intervals.json آنچه باید باشد نیست.")
    operators, users, days = _operators(folder / "by_user_day.parquet")
    first, last = _period(manifest, days)
    code = manifest.get("code")
    parameters = manifest.get("parameters")
    return Answer(
        sha256,
        files,
        totals,
        [_interval(one) for one in intervals],
        operators,
        users,
        parameters if isinstance(parameters, dict) else {},
        str(code.get("version", ""))[:40] if isinstance(code, dict) else "",
        first,
        last,
    )


def _outputs(manifest: Mapping[str, Any]) -> dict[str, str]:
    outputs = manifest.get("outputs")
    if not isinstance(outputs, dict) or not 0 < len(outputs) <= MOST_FILES:
        raise BadAnswer("manifest.json پاسخ‌ها را نام نمی‌برد.")
    for name, sha in outputs.items():
        if not _NAME.fullmatch(name) or not isinstance(sha, str) or not _SHA.fullmatch(sha):
            raise BadAnswer("manifest.json نام یا چکیده‌ای دارد که نباید داشته باشد.")
    for name in NEEDED:
        if name not in outputs:
            raise BadAnswer(f"manifest.json از {name} نام نمی‌برد.")
    return outputs


_TEXTS: Final = ("operator", "from", "to", "cause")
_COUNTS: Final = ("lines", "bytes")
_RIALS: Final = ("rials_low", "rials_high")


def _interval(one: object) -> Mapping[str, Any]:
    """Return an interval with what it must have, and nothing that could not be stored."""
    if not isinstance(one, dict):
        raise BadAnswer("intervals.json: بازه‌ای درست نیست.")
    edges = one.get("edges")
    are_texts = all(
        isinstance(one.get(name), str) and "\0" not in one[name] and len(one[name]) <= 60 for name in _TEXTS
    )
    are_counts = all(_is_count(one.get(name)) for name in _COUNTS)
    are_rials = all(one.get(name) is None or _is_count(one[name]) for name in _RIALS)
    are_edges = isinstance(edges, list) and edges and all(isinstance(text, str) and len(text) <= 50 for text in edges)
    if not (are_texts and are_counts and are_rials and are_edges):
        raise BadAnswer("intervals.json: بازه‌ای کامل یا درست نیست.")
    return one


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _operators(file: Path) -> tuple[dict[str, dict[str, int | None]], int, tuple[date, date] | None]:
    """Return what each operator's users were overcharged, those apart whom nobody can name; how many users there are,
    each once; and the days of it all.
    """
    try:
        table = pq.read_table(file, columns=["user", "operator", "day", "lines", "bytes_overcharged", *_RIALS])
        anonymous = pc.equal(table.column("user"), ANONYMOUS)
        found: dict[str, dict[str, int | None]] = {}
        for is_anonymous in (False, True):
            part = table.filter(anonymous if is_anonymous else pc.invert(anonymous))
            grouped = part.group_by("operator").aggregate(
                [("user", "count_distinct"), *((name, "sum") for name in ("lines", "bytes_overcharged", *_RIALS))]
            )
            for row in grouped.to_pylist():
                one = found.setdefault(row["operator"], dict.fromkeys(_OF_OPERATOR, 0) | dict.fromkeys(_RIALS))
                if not is_anonymous:
                    one["users"] = row["user_count_distinct"]
                else:
                    one["anonymous_lines"] = row["lines_sum"]
                    one["anonymous_bytes"] = row["bytes_overcharged_sum"]
                one["lines"] = (one["lines"] or 0) + row["lines_sum"]
                one["bytes"] = (one["bytes"] or 0) + row["bytes_overcharged_sum"]
                for name in _RIALS:
                    if row[f"{name}_sum"] is not None:
                        one[name] = (one[name] or 0) + row[f"{name}_sum"]
        users = pc.count_distinct(table.filter(pc.invert(anonymous)).column("user")).as_py()
        span = pc.min_max(table.column("day")).as_py() if table.num_rows else None
    except (pa.ArrowException, KeyError, TypeError, OSError) as fault:
        raise BadAnswer("by_user_day.parquet خوانده نشد.") from fault
    return dict(sorted(found.items())), users, (span["min"], span["max"]) if span else None


_OF_OPERATOR: Final = ("users", "lines", "bytes", "anonymous_lines", "anonymous_bytes")


def _period(manifest: Mapping[str, Any], days: tuple[date, date] | None) -> tuple[date | None, date | None]:
    """Return the Tehran days that were audited: as the manifest says, else those on which somebody was overcharged."""
    said = manifest.get("period")
    if isinstance(said, dict) and said.get("from") and said.get("to"):
        try:
            first, last = date.fromisoformat(str(said["from"])[:10]), date.fromisoformat(str(said["to"])[:10])
        except ValueError:
            raise BadAnswer("manifest.json: period درست نیست.") from None
        if first > last:
            raise BadAnswer("manifest.json: period درست نیست.")
        return first, last
    return days or (None, None)


# ---- Keeping ----


@carries_out("B10")
def keep(folder: Path, answer: Answer, root: Path) -> str:
    """Keep an answer below `root` under the hash of its manifest, and return its place there.

    The same answer is one folder; one that was harmed there is replaced. Raises BadAnswer where a file changes
    while it is copied, OSError.
    """
    place = f"{KEPT}/{answer.sha256[:2]}/{answer.sha256}"
    kept = root / place
    if is_whole(kept, answer.sha256, answer.files):
        return place
    kept.parent.mkdir(parents=True, exist_ok=True)
    aside = kept.with_name(f".{kept.name}.{os.getpid()}-{os.urandom(4).hex()}")
    try:
        aside.mkdir()
        for name in (*answer.files, MANIFEST):
            with (folder / name).open("rb") as source, (aside / name).open("xb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
                out.flush()
                os.fsync(out.fileno())
        if not is_whole(aside, answer.sha256, answer.files):
            raise BadAnswer("فایل‌های آن هنگام نگه‌داشتن عوض شد.")
        _sync(aside)
        if kept.exists():  # harmed: what is there is no answer any more
            kept.rename(aside.with_suffix(".harmed"))
        try:
            aside.rename(kept)
        except OSError:
            if not is_whole(kept, answer.sha256, answer.files):  # somebody else kept the same meanwhile
                raise
        _sync(kept.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(aside.with_suffix(".harmed"), ignore_errors=True)
    return place


def is_whole(folder: Path, sha256: str, files: Mapping[str, str]) -> bool:
    """Say whether a kept answer is there with every file as it was."""
    wanted = {**files, MANIFEST: sha256}
    try:
        return all((folder / name).is_file() and _sha256(folder / name) == sha for name, sha in wanted.items())
    except OSError:
        return False


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _json(file: Path, most: int) -> object:
    try:
        if file.stat().st_size > most:
            raise BadAnswer(f"{file.name} بزرگ‌تر از اندازه است.")
        text = file.read_text(encoding="utf-8")
        return json.loads(text, parse_constant=_no_number, parse_float=_no_number)
    except (ValueError, RecursionError, OSError) as fault:
        if isinstance(fault, BadAnswer):
            raise
        raise BadAnswer(f"{file.name} خوانده نشد.") from fault


def _no_number(text: str) -> object:
    raise ValueError(f"no number of an audit: {text:.20}")


def _sha256(file: Path) -> str:
    sha = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()
