"""What differs between two versions of the terms, for readers: texts word by word, and numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from peyman.entrypoints import worddiff
from peyman.kernel.clauses import carries_out


class Text(Protocol):
    """A clause, published or about to be."""

    @property
    def clause(self) -> str: ...
    @property
    def number(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class Change:
    """One clause that differs: `kind` is changed, new or gone."""

    number: str
    title: str
    kind: str
    runs: list[worddiff.Run]


@dataclass(frozen=True)
class Number:
    """One parameter that differs; None where a version does not have it."""

    name: str
    old: object
    new: object


@carries_out("D04")
def changes(old: Sequence[Text], new: Sequence[Text]) -> list[Change]:
    """Return the clauses whose text was changed, added or taken away, in the order of the new version."""
    before = {clause.clause: clause for clause in old}
    found = []
    for clause in new:
        known = before.get(clause.clause)
        if known is None or known.text != clause.text:
            kind = "changed" if known else "new"
            found.append(
                Change(clause.number, clause.title, kind, worddiff.words(known.text if known else "", clause.text))
            )
    kept = {clause.clause for clause in new}
    gone = [clause for clause in old if clause.clause not in kept]
    return found + [Change(clause.number, clause.title, "gone", worddiff.words(clause.text, "")) for clause in gone]


def numbers(old: Mapping[str, object], new: Mapping[str, object]) -> list[Number]:
    """Return the parameters that differ, by name."""
    return [
        Number(name, old.get(name), new.get(name)) for name in sorted({*old, *new}) if old.get(name) != new.get(name)
    ]
