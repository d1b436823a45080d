"""The rules themselves: what each says, of which clause it is, and what a breach leads to. Read from `table.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from peyman.kernel.clauses import carries_out

Decision = Literal["accept", "human", "reject"]
KINDS = ("review", "question", "answer")


@dataclass(frozen=True, slots=True)
class Rule:
    """One written rule."""

    id: str
    clause: str
    kinds: tuple[str, ...]
    decidable: str
    strength: str
    effect: str
    sentence: str
    mend: str


@cache
def table() -> dict[str, Rule]:
    """Return all rules by id, in the order in which they are told."""
    document = tomllib.loads(resources.files(__package__).joinpath("table.toml").read_text("utf-8"))
    return {
        row["id"]: Rule(
            row["id"],
            row["clause"],
            tuple(row["kinds"]),
            row["decidable"],
            row["strength"],
            row["effect"],
            row["sentence"],
            row["mend"],
        )
        for row in document["rule"]
    }


@carries_out("D78")
def decide(labels: list[str]) -> Decision:
    """Return what becomes of a text with these labels: rejected if one rejects, else looked at if one asks for it."""
    rules = table()
    effects = {rules[label].effect for label in labels}
    if "reject" in effects:
        return "reject"
    if "human" in effects:
        return "human"
    return "accept"
