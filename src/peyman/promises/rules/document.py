"""What a document of terms must be to be published, and what it then says."""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Refused
from peyman.kernel.money import grouped
from peyman.kernel.text import has_controls, normalise
from peyman.promises.rules import parameters as numbers
from peyman.promises.rules.faults import toml_fault

T = TypeVar("T")


class UnreadableTerms(Refused):
    """A document of terms, or its register, that cannot be published. `problems` names every fault found."""

    code = "terms_unreadable"
    says = "متن شرایط منتشر نشد، چون درست نیست: {problems}. نسخه جاری همان است که بود."
    status = 422

    def __init__(self, *, problems: list[str]) -> None:
        """`problems`: every fault that was found, one line each."""
        super().__init__(problems="؛ ".join(problems))
        self.problems = problems


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
    source: str = ""  # the TOML it was read from: what an edited copy begins with; no part of `canonical`

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
    have or that come twice, clauses outside the section of their number, a clause that is due and has no text (but for
    sections of the register's own, the market's and the newsroom's), texts that are empty, placeholders and register
    parameters without a number, numbers that are not whole, office hours that are none.
    """
    problems: list[str] = []
    registered = _toml(register_toml_text, "فهرست بندها", problems)
    register = _read_register(registered, problems)
    elsewhere = _own_sections(registered)
    raw = _toml(toml_text, "متن", problems)
    _only(raw, {"title", "parameters", "section"}, "متن", problems)
    title = _words(raw, "title", "متن", problems)
    parameters = _read_parameters(raw.get("parameters", {}), problems)
    clauses = _read_sections(raw.get("section"), register, parameters, problems)

    try:
        numbers.office_hours(parameters)
    except ValueError as fault:
        problems.append(f"پارامترها: {fault}")

    present = {clause.clause for clause in clauses}
    for id_, entry in register.items():
        if entry.due and id_ not in present and entry.number.partition("-")[0] not in elsewhere:
            problems.append(f"بند {id_} باید اجرا شود، ولی در این متن نیامده است")
        if entry.due:
            nameless = sorted(entry.parameters - set(parameters))
            problems.extend(f"بند {id_} به پارامتر {name} نیاز دارد و عددی برای آن نیامده است" for name in nameless)
    for number in sorted(_twice([clause.number for clause in clauses])):
        problems.append(f"شماره {number} به دو بند داده شده است")
    if problems:
        raise UnreadableTerms(problems=problems)
    return TermsDocument(title=title, parameters=parameters, clauses=tuple(clauses), source=toml_text)


def as_toml(title: str, parameters: Mapping[str, int], clauses: Sequence[ClauseText]) -> str:
    """Return a document that `read_document` reads back as these texts: the copy to edit where no source was kept.

    Numbers stand in it as they were filled in, so a parameter changed there changes no text by itself.
    """

    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)  # a TOML basic string; texts are normalised, without controls

    lines = [f"title = {quoted(title)}", "", "[parameters]"]
    lines += [f"{name} = {value}" for name, value in parameters.items()]
    section = ""
    for clause in clauses:
        number = clause.number.partition("-")[0]
        if number != section:
            section = number
            lines += ["", "[[section]]", f"number = {number}", f"title = {quoted(clause.section)}"]
        lines += ["", "[[section.clause]]", f"id = {quoted(clause.clause)}", f"text = {quoted(clause.text)}"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Entry:
    number: str
    title: str
    due: bool
    parameters: frozenset[str]


def _read_register(raw: dict[str, Any], problems: list[str]) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    for clause in _tables(raw.get("clause"), "فهرست بندها: clause", problems):
        id_ = clause.get("id")
        if not isinstance(id_, str) or not id_:
            problems.append("فهرست بندها: بندی شناسه (id) ندارد")
            continue
        if id_ in entries:
            problems.append(f"فهرست بندها: {id_} دو بار آمده است")
        number = clause.get("number")
        if not isinstance(number, str) or not _NUMBER.fullmatch(number):
            problems.append(f"فهرست بندها: {id_} شماره‌ای مانند 11-4 ندارد")
            number = ""
        names = clause.get("parameters", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            problems.append(f"فهرست بندها: پارامترهای {id_} نام نیستند")
            names = []
        due_now = clause.get("due", False)
        if not isinstance(due_now, bool):
            problems.append(f"فهرست بندها: due در {id_} نه درست است و نه نادرست")
        entries[id_] = _Entry(
            number=number,
            title=_words(clause, "title", f"فهرست بندها: {id_}", problems),
            due=due_now is True,
            parameters=frozenset(names),
        )
    return entries


def _own_sections(raw: dict[str, Any]) -> set[str]:
    """Numbers of the sections that are no part of the terms: the register has their titles."""
    sections = raw.get("section", [])
    return (
        {str(one.get("number")) for one in sections if isinstance(one, dict)} if isinstance(sections, list) else set()
    )


def _read_parameters(raw: object, problems: list[str]) -> dict[str, int]:
    if not isinstance(raw, dict):
        problems.append("متن: parameters باید بخشی با همین نام باشد")
        return {}
    parameters = {}
    for name, value in raw.items():
        if not _NAME.fullmatch(name):
            problems.append(f"نام پارامتر {name} درست نیست: تنها حرف کوچک لاتین، رقم و _")
        elif isinstance(value, bool) or not isinstance(value, int) or value < 0:
            problems.append(f"پارامتر {name} عدد درست از صفر به بالا نیست: {value!r}")
        else:
            parameters[name] = value
    return parameters


def _read_sections(
    raw: object, register: dict[str, _Entry], parameters: dict[str, int], problems: list[str]
) -> list[ClauseText]:
    clauses: list[ClauseText] = []
    seen_sections: list[int] = []
    for section in _tables(raw, "متن: section", problems):
        number = section.get("number")
        where = f"بخش {number}"
        _only(section, {"number", "title", "clause"}, where, problems)
        if isinstance(number, bool) or not isinstance(number, int):
            problems.append(f"{where}: شماره بخش (number) باید عدد درست باشد")
            number = 0
        seen_sections.append(number)
        section_title = _words(section, "title", where, problems)
        for clause in _tables(section.get("clause"), f"{where}: clause", problems):
            id_ = clause.get("id")
            _only(clause, {"id", "text"}, f"{where}، بند {id_}", problems)
            entry = register.get(id_) if isinstance(id_, str) else None
            if entry is None or not isinstance(id_, str):
                problems.append(f"{where}: شناسه {id_!r} در فهرست بندها نیست")
                continue
            if id_ in {known.clause for known in clauses}:
                problems.append(f"بند {id_} دو بار آمده است")
            if entry.number and entry.number.partition("-")[0] != str(number):
                problems.append(f"بند {id_} با شماره {entry.number} جایش در {where} نیست")
            text = _filled(_words(clause, "text", f"بند {id_}", problems), parameters, f"بند {id_}", problems)
            clauses.append(ClauseText(id_, entry.number, section_title, entry.title, text))
    for again in sorted(_twice(seen_sections)):
        problems.append(f"بخش {again} دو بار آمده است")
    return clauses


def _filled(text: str, parameters: dict[str, int], where: str, problems: list[str]) -> str:
    def number(match: re.Match[str]) -> str:
        name = match[1]
        if name not in parameters:
            problems.append(f"{where}: برای {{{name}}} پارامتری نیامده است")
            return ""
        return grouped(parameters[name])

    filled = _PLACEHOLDER.sub(number, text)
    if "{" in filled or "}" in filled:
        problems.append(f"{where}: یک آکولاد بی جفت مانده است")
    return filled


def _toml(text: str, what: str, problems: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        problems.append(f"{what}، {toml_fault(fault, text)}")
        return {}


def _tables(raw: object, what: str, problems: list[str]) -> list[dict[str, Any]]:
    if not isinstance(raw, list) or not raw or not all(isinstance(table, dict) for table in raw):
        problems.append(f"{what} نیامده است")
        return []
    return raw


def _words(table: dict[str, Any], key: str, where: str, problems: list[str]) -> str:
    value = table.get(key)
    words = normalise(value) if isinstance(value, str) else ""
    if not words or has_controls(words):
        problems.append(f"{where}: {key} نیامده یا خالی است")
    return words


def _only(table: dict[str, Any], keys: set[str], where: str, problems: list[str]) -> None:
    problems.extend(f"{where}: نام {key} شناخته نیست" for key in sorted(set(table) - keys))


def _twice(values: list[T]) -> set[T]:
    return {value for value in values if values.count(value) > 1}
