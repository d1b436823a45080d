"""When a promise is due and how it ended; what a document of terms must be to be published.

Numbers come from a version of the terms, days from a version of the calendar; nothing here asks the time.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal, TypeVar, cast

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Refused
from peyman.kernel.money import grouped
from peyman.kernel.text import has_controls, normalise
from peyman.kernel.worktime import WorkCalendar

T = TypeVar("T")
HoursKind = Literal["working", "calendar"]
Outcome = Literal["open", "kept", "broken", "waived"]


# ---- When is it due, and was it kept? ----


@carries_out("D30")
def due(start: datetime, hours: int, calendar: WorkCalendar) -> datetime:
    """Return the instant, in UTC, until which a promise of `hours` working hours is kept.

    Acting before it keeps the promise, acting at it is late, as in every half-open span.
    """
    return calendar.after(start, hours)


def due_by(start: datetime, hours: int, kind: str, calendar: WorkCalendar) -> datetime:
    """Return when a promise of `hours` "working" or "calendar" hours is due. Raises ValueError for other kinds."""
    if kind == "working":
        return due(start, hours, calendar)
    if kind == "calendar":
        if start.tzinfo is None or hours < 0:
            raise ValueError("a promise starts at an aware instant and runs forward")
        # Elapsed time, not the hands of a clock: adding to an instant with a zone would count a skipped hour.
        return start.astimezone(UTC) + timedelta(hours=hours)
    raise ValueError(f"hours are working or calendar, not {kind!r}")


def in_time(due_at: datetime, now: datetime) -> bool:
    """Say whether acting at `now` keeps a promise that is due at `due_at`."""
    return now < due_at


@dataclass(frozen=True)
class Ending:
    """How a promise stands: `broken_at` and `late_by` are set where it was not kept in time."""

    state: Outcome
    broken_at: datetime | None = None
    late_by: timedelta | None = None


def ending(state: str, due_at: datetime, kept_at: datetime | None, now: datetime) -> Ending:
    """Return how a promise stands at `now`.

    One whose time has passed is broken, whether the sweep has been there or not: nobody is told "open" about a
    promise that is overdue. `late_by` grows until it is kept after all.
    """
    if state == "waived" or (state == "kept" and kept_at is not None):
        return Ending(cast(Outcome, state))
    if state == "open" and in_time(due_at, now):
        return Ending("open")
    return Ending("broken", broken_at=due_at, late_by=(kept_at or now) - due_at)


# ---- Parameters ----


def parameter(parameters: Mapping[str, object], name: str) -> int:
    """Return the whole number that a version of the terms gives for `name`.

    Raises KeyError for a name that the version does not have, ValueError for one that is no whole number: a
    missing number is never replaced by one from the code.
    """
    value = parameters[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"the terms give no whole number for {name}")
    return value


# ---- The document ----


class UnreadableTerms(Refused):
    """A document of terms, or its register, that cannot be published. `problems` names every fault found."""

    code = "terms_unreadable"
    says = "متن شرایط منتشر نشد، چون درست نیست: {problems}. نسخه جاری همان است که بود."
    status = 422


@dataclass(frozen=True)
class ClauseText:
    """One clause of a document, with its parameters filled in: what the customer reads."""

    clause: str  # register id, never shown
    number: str  # published, "11-4"
    section: str
    title: str
    text: str


@dataclass(frozen=True)
class TermsDocument:
    """A document of terms that was read and found whole."""

    title: str
    parameters: Mapping[str, int]
    clauses: tuple[ClauseText, ...]

    @cached_property
    def canonical(self) -> str:
        """The document as JSON with sorted keys and no spare space: the same text gives the same letters."""
        return json.dumps(
            {"title": self.title, "parameters": dict(self.parameters), "clauses": [vars(c) for c in self.clauses]},
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
        )

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of `canonical` in UTF-8, in hex: what a customer accepts."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()


_NUMBER = re.compile(r"(\d{1,3})-(\d{1,3})", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@carries_out("D04")
def read_document(toml_text: str, register_toml_text: str) -> TermsDocument:
    """Read a document of terms (docs/terms/v1.toml) against the register (docs/terms/register.toml).

    Ids, published numbers and short titles come from the register, texts and parameters from the document.
    Refused with UnreadableTerms, all faults at once: what is no TOML, unknown keys, ids that the register does not
    have or that come twice, clauses outside the section of their number, a clause that is due and has no text,
    texts that are empty, placeholders and register parameters without a number, numbers that are not whole.
    """
    problems: list[str] = []
    register = _read_register(_toml(register_toml_text, "register", problems), problems)
    raw = _toml(toml_text, "document", problems)
    _only(raw, {"title", "parameters", "section"}, "document", problems)
    title = _words(raw, "title", "document", problems)
    parameters = _read_parameters(raw.get("parameters", {}), problems)
    clauses = _read_sections(raw.get("section"), register, parameters, problems)

    present = {clause.clause for clause in clauses}
    for id_, entry in register.items():
        if entry.due and id_ not in present:
            problems.append(f"{id_}: due, but the document has no text for it")
        if entry.due:
            nameless = sorted(entry.parameters - set(parameters))
            problems.extend(f"{id_}: parameter {name} has no number" for name in nameless)
    for number in sorted(_twice([clause.number for clause in clauses])):
        problems.append(f"number {number} is given twice")
    if problems:
        raise UnreadableTerms(problems="؛ ".join(problems))
    return TermsDocument(title=title, parameters=parameters, clauses=tuple(clauses))


@dataclass(frozen=True)
class _Entry:
    number: str
    title: str
    due: bool
    parameters: frozenset[str]


def _read_register(raw: dict[str, Any], problems: list[str]) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    for clause in _tables(raw.get("clause"), "register: clause", problems):
        id_ = clause.get("id")
        if not isinstance(id_, str) or not id_:
            problems.append("register: a clause without id")
            continue
        if id_ in entries:
            problems.append(f"register: {id_} comes twice")
        number = clause.get("number")
        if not isinstance(number, str) or not _NUMBER.fullmatch(number):
            problems.append(f"register: {id_} has no published number like 11-4")
            number = ""
        names = clause.get("parameters", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            problems.append(f"register: {id_} has parameters that are no names")
            names = []
        due_now = clause.get("due", False)
        if not isinstance(due_now, bool):
            problems.append(f"register: {id_} is neither due nor not due")
        entries[id_] = _Entry(
            number=number,
            title=_words(clause, "title", f"register: {id_}", problems),
            due=due_now is True,
            parameters=frozenset(names),
        )
    return entries


def _read_parameters(raw: object, problems: list[str]) -> dict[str, int]:
    if not isinstance(raw, dict):
        problems.append("document: parameters is no table")
        return {}
    parameters = {}
    for name, value in raw.items():
        if not _NAME.fullmatch(name):
            problems.append(f"parameter {name}: a name is lower case letters, digits and _")
        elif isinstance(value, bool) or not isinstance(value, int) or value < 0:
            problems.append(f"parameter {name}: {value!r} is no whole number from 0 up")
        else:
            parameters[name] = value
    return parameters


def _read_sections(
    raw: object, register: dict[str, _Entry], parameters: dict[str, int], problems: list[str]
) -> list[ClauseText]:
    clauses: list[ClauseText] = []
    seen_sections: list[int] = []
    for section in _tables(raw, "document: section", problems):
        number = section.get("number")
        where = f"section {number}"
        _only(section, {"number", "title", "clause"}, where, problems)
        if isinstance(number, bool) or not isinstance(number, int):
            problems.append(f"{where}: a section has a whole number")
            number = 0
        seen_sections.append(number)
        section_title = _words(section, "title", where, problems)
        for clause in _tables(section.get("clause"), f"{where}: clause", problems):
            id_ = clause.get("id")
            _only(clause, {"id", "text"}, f"{where}, {id_}", problems)
            entry = register.get(id_) if isinstance(id_, str) else None
            if entry is None or not isinstance(id_, str):
                problems.append(f"{where}: {id_!r} is no id of the register")
                continue
            if id_ in {known.clause for known in clauses}:
                problems.append(f"{id_}: comes twice")
            if entry.number and entry.number.partition("-")[0] != str(number):
                problems.append(f"{id_}: number {entry.number} does not belong to {where}")
            text = _filled(_words(clause, "text", id_, problems), parameters, id_, problems)
            clauses.append(ClauseText(id_, entry.number, section_title, entry.title, text))
    for again in sorted(_twice(seen_sections)):
        problems.append(f"section {again} comes twice")
    return clauses


def _filled(text: str, parameters: dict[str, int], where: str, problems: list[str]) -> str:
    def number(match: re.Match[str]) -> str:
        name = match[1]
        if name not in parameters:
            problems.append(f"{where}: {{{name}}} is no parameter")
            return ""
        return grouped(parameters[name])

    filled = _PLACEHOLDER.sub(number, text)
    if "{" in filled or "}" in filled:
        problems.append(f"{where}: a brace stands alone")
    return filled


def _toml(text: str, what: str, problems: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        problems.append(f"{what}: {fault}")
        return {}


def _tables(raw: object, what: str, problems: list[str]) -> list[dict[str, Any]]:
    if not isinstance(raw, list) or not raw or not all(isinstance(table, dict) for table in raw):
        problems.append(f"{what}: missing")
        return []
    return raw


def _words(table: dict[str, Any], key: str, where: str, problems: list[str]) -> str:
    value = table.get(key)
    words = normalise(value) if isinstance(value, str) else ""
    if not words or has_controls(words):
        problems.append(f"{where}: {key} is missing")
    return words


def _only(table: dict[str, Any], keys: set[str], where: str, problems: list[str]) -> None:
    problems.extend(f"{where}: unknown key {key}" for key in sorted(set(table) - keys))


def _twice(values: list[T]) -> set[T]:
    return {value for value in values if values.count(value) > 1}
