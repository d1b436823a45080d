"""Our own cases for the screener, in files of plain lines, and how they are read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from peyman.care.reviews.rules.screening import Submission

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One line: does `written` break `rule`?"""

    rule: str
    breaks: bool
    written: Submission
    line: str
    file: str


def cases() -> Iterator[Case]:
    """Yield every case of the files; in `classes.txt` a rule says which kind it is of."""
    for name in ("reviews.txt", "questions.txt", "classes.txt"):
        rule, kind = "", "question" if name == "questions.txt" else "review"
        for line in (HERE / name).read_text("utf-8").splitlines():
            if not line or line.startswith("#"):
                continue
            if line.startswith("["):
                rule = line[1:-1]
                if name == "classes.txt":
                    kind = "question" if rule[0] == "Q" else "review"
                continue
            yield Case(rule, line[0] == "+", submission(line[2:], kind), line, name)


def submission(line: str, kind: str) -> Submission:
    """Read the form that the head of the files tells of."""
    product = title = ""
    earlier: tuple[str, ...] = ()
    pros: tuple[str, ...] = ()
    cons: tuple[str, ...] = ()
    if line.startswith("> "):
        kind, line = "answer", line[2:]
    if " %% " in line:
        product, line = line.split(" %% ")
    if " || " in line:
        line, *before = line.split(" || ")
        earlier = tuple(before)
    if " ## " in line:
        title, line = line.split(" ## ")
    if " @@ " in line:
        line, points = line.split(" @@ ")
        good, bad = points.split(" / ")
        pros, cons = (good,), (bad,)
    if " ×" in line:
        line, times = line.split(" ×")
        line = " ".join([line] * int(times))
    for sign, meant in (("\\n", "\n"), ("\\t", "\t"), ("\\u200b", "\u200b")):
        line = line.replace(sign, meant)
    return Submission(kind, line, title.strip(), pros, cons, product, earlier)


def acceptable() -> list[str]:
    """Return reviews that break no rule which refuses or asks a person."""
    lines = (HERE / "acceptable.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def mouths() -> Iterator[tuple[str, Submission]]:
    """Yield texts of many mouths, each with the one rule that it breaks, or "-"."""
    kinds = {"r": "review", "q": "question", "a": "answer"}
    for line in (HERE / "mouths.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            rule, kind, text = line.split(" ", 2)
            yield rule, Submission(kinds[kind], text)
