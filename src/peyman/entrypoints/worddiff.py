"""What changed between two texts, word by word, for readers: kept, removed and added runs."""

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal


@dataclass(frozen=True)
class Run:
    kind: Literal["same", "gone", "new"]
    text: str


def words(old: str, new: str) -> list[Run]:
    """Return the runs that lead from `old` to `new`; a removed run stands before the one that replaces it."""
    before, after = old.split(), new.split()
    runs: list[Run] = []
    for kind, a, b, c, d in SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if kind == "equal":
            runs.append(Run("same", " ".join(before[a:b])))
            continue
        if a < b:
            runs.append(Run("gone", " ".join(before[a:b])))
        if c < d:
            runs.append(Run("new", " ".join(after[c:d])))
    return runs
