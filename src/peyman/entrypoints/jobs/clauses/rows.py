"""The register joined with what names its clauses, and how that is shown to people."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from peyman.entrypoints.jobs.clauses.mentions import Mentions
from peyman.entrypoints.jobs.clauses.register import Entry, Terms, display_number
from peyman.kernel.text import persian_digits

State = Literal["carried_out", "shown", "not_begun"]
STATES: dict[State, str] = {"carried_out": "اجرا می‌شود", "shown": "نشان داده می‌شود", "not_begun": "آغاز نشده"}


@dataclass(frozen=True)
class Row:
    """One clause and everything that is known of it."""

    entry: Entry
    state: State
    code: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.entry.id,
            "number": self.entry.number,
            "title": self.entry.title,
            "parameters": list(self.entry.parameters),
            "due": self.entry.due,
            "state": self.state,
            "code": list(self.code),
            "tests": list(self.tests),
        }


def join(entries: Sequence[Entry], terms: Terms, code: Mentions, templates: Mentions, tests: Mentions) -> list[Row]:
    """Return a row for each clause: carried out where code names it; shown where it is text that a page shows.

    Only a clause that the register calls `shown` can be: a text alone carries out nothing.
    """
    rows = []
    for entry in entries:
        places = tuple(code.get(entry.id, ()))
        pages = tuple(templates.get(entry.id, ()))
        state: State = "not_begun"
        if places:
            state = "carried_out"
        elif entry.shown and (pages or entry.id in terms.texts):
            state, places = "shown", pages
        rows.append(Row(entry, state, places, tuple(tests.get(entry.id, ()))))
    return rows


def problems(rows: Sequence[Row], code: Mentions, templates: Mentions, tests: Mentions | None) -> list[str]:
    """Name the clauses that are due without code or without a test, and whatever names a clause that is not there.

    `tests=None`: the tests are not at hand, and nothing is said about them.
    """
    found = []
    for row in rows:
        if row.entry.due and row.state == "not_begun":
            found.append(f"{row.entry.id}: سررسیده است و جایی اجرا نمی‌شود")
        if row.entry.due and not row.tests and not row.entry.shown and tests is not None:
            found.append(f"{row.entry.id}: سررسیده است و آزمونی ندارد")
    known = {row.entry.id for row in rows}
    for mentions in (code, templates, tests or {}):
        for id_ in sorted(set(mentions) - known):
            found += [f"{id_}: در فهرست بندها نیست، ولی در {place} نام برده شده است" for place in mentions[id_]]
    return found


def table(rows: Sequence[Row], tests_at_hand: bool) -> str:
    """Return the rows for a terminal, one line each, in Persian."""
    lines = []
    for row in rows:
        due = "سررسیده" if row.entry.due else ""
        proof = f"آزمون {persian_digits(len(row.tests))}" if tests_at_hand else ""
        cells = [display_number(row.entry.number), row.entry.id, STATES[row.state], due]
        cells += [f"کد {persian_digits(len(row.code))}", proof, row.entry.title]
        lines.append("\t".join(cells))
    return "\n".join(lines)


def summary(rows: Sequence[Row]) -> str:
    """Return one line: how many clauses, and how many in each state."""
    states = Counter(row.state for row in rows)
    parts = [f"{persian_digits(states[state])} {words}" for state, words in STATES.items()]
    due = sum(row.entry.due for row in rows)
    return f"{persian_digits(len(rows))} بند، {persian_digits(due)} سررسیده: {'، '.join(parts)}"


def document(rows: Sequence[Row], sections: Mapping[int, str]) -> str:
    """Return docs/clauses.md: a table for each section."""
    words = {"carried_out": "carried out", "shown": "shown", "not_begun": ""}
    states = Counter(row.state for row in rows)
    lines = [
        "# Clauses",
        "",
        "<!-- Written by `peyman clauses --write` from docs/terms, src and tests; do not edit. -->",
        "",
        f"{len(rows)} clauses: {states['carried_out']} carried out, {states['shown']} shown, "
        f"{states['not_begun']} not begun. {sum(row.entry.due for row in rows)} are due. "
        "Readers see the number («بند ۱۱-۴»), code and tests name the id.",
    ]
    for section in sorted({row.entry.place[0] for row in rows}):
        lines += ["", f"## {section}. {sections.get(section, '')}".rstrip(" ."), ""]
        lines += ["| number | id | clause | due | state | code | tests |", "|" + " --- |" * 7]
        for row in sorted((row for row in rows if row.entry.place[0] == section), key=lambda row: row.entry.place):
            code = "<br>".join(f"`{place.removeprefix('src/peyman/')}`" for place in row.code)
            tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in row.tests)
            cells = [display_number(row.entry.number), row.entry.id, row.entry.title, "due" if row.entry.due else ""]
            lines.append(f"| {' | '.join([*cells, words[row.state], code, tests])} |")
    return "\n".join(lines) + "\n"
