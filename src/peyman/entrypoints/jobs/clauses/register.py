"""The register of clauses and the newest terms, read from docs/terms, and what is wrong between the two."""

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from peyman.kernel.text import persian_digits

_ID = re.compile(r"[DBN]\d{2,3}", re.ASCII)
_NUMBER = re.compile(r"(\d+)-(\d+)", re.ASCII)
_PLACEHOLDER = re.compile(r"\{(\w+)\}", re.ASCII)
_CROSS_REFERENCE = re.compile(r"بند ([۰-۹]+-[۰-۹]+)|بخش ([۰-۹]+)")
_LATIN = str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")


def display_number(number: str) -> str:
    """Return a published number as a lawyer reads it: "11-4" → «بند ۱۱-۴»."""
    return f"بند {persian_digits(number)}"


@dataclass(frozen=True)
class Entry:
    """One clause of the register."""

    id: str
    number: str  # published, "11-4"
    title: str
    parameters: tuple[str, ...] = ()
    due: bool = False
    shown: bool = False

    @property
    def place(self) -> tuple[int, int]:
        """Section, and place in it; (0, 0) when the number is none."""
        match = _NUMBER.fullmatch(self.number)
        return (int(match[1]), int(match[2])) if match else (0, 0)


@dataclass(frozen=True)
class Terms:
    """What the newest document of terms says, as far as it is joined here."""

    parameters: frozenset[str] = frozenset()
    sections: Mapping[int, str] = field(default_factory=dict)
    texts: Mapping[str, tuple[int, str]] = field(default_factory=dict)  # id → (section, text)


def read(toml_text: str) -> tuple[list[Entry], dict[int, str]]:
    """Return the clauses of the register, in its order, and the titles of sections that the terms do not have.

    What a clause lacks is empty here and named by `problems`. Raises tomllib.TOMLDecodeError.
    """
    raw = tomllib.loads(toml_text)
    entries = [
        Entry(
            id=str(clause.get("id", "")),
            number=str(clause.get("number", "")),
            title=str(clause.get("title", "")),
            parameters=tuple(clause.get("parameters", ())),
            due=clause.get("due") is True,
            shown=clause.get("shown") is True,
        )
        for clause in raw.get("clause", [])
    ]
    return entries, {section["number"]: section["title"] for section in raw.get("section", [])}


def read_terms(toml_text: str) -> Terms:
    """Return what a document of terms holds. Raises tomllib.TOMLDecodeError."""
    raw = tomllib.loads(toml_text)
    sections = raw.get("section", [])
    return Terms(
        parameters=frozenset(raw.get("parameters", {})),
        sections={section["number"]: section["title"] for section in sections},
        texts={
            clause["id"]: (section["number"], clause["text"]) for section in sections for clause in section["clause"]
        },
    )


def problems(entries: Sequence[Entry], terms: Terms) -> list[str]:
    """Name all that is wrong between the register and the terms, and inside each.

    Ids and published numbers are there once and without gaps, both in the same order; each clause of the terms is in
    the section of its number and uses exactly the parameters that the register names; each parameter is used; a
    text points only to clauses that exist.
    """
    found = [f"بندی از فهرست بندها شناسه ندارد (شماره: {e.number})" for e in entries if not e.id]
    entries = [entry for entry in entries if entry.id]
    found += [
        f"{id_}: دو بار در فهرست بندها آمده است" for id_, times in Counter(e.id for e in entries).items() if times > 1
    ]
    numbers = Counter(entry.number for entry in entries)
    found += [f"{number}: به دو بند داده شده است" for number, times in numbers.items() if number and times > 1]
    for entry in entries:
        if not _ID.fullmatch(entry.id):
            found.append(f"{entry.id}: شناسه‌ای مانند D57 نیست")
        if entry.place == (0, 0):
            found.append(f"{entry.id}: شماره‌ای مانند 11-4 ندارد")
        if not entry.title:
            found.append(f"{entry.id}: عنوان ندارد")
        if entry.shown and entry.id.startswith("D") and entry.id not in terms.texts:
            found.append(f"{entry.id}: باید نشان داده شود، ولی در شرایط متنی ندارد")
    found += _gaps(entries)

    by_id = {entry.id: entry for entry in entries}
    for id_, (section, text) in terms.texts.items():
        known = by_id.get(id_)
        if known is None:
            found.append(f"{id_}: در شرایط هست و در فهرست بندها نیست")
            continue
        if known.place[0] != section:
            found.append(f"{id_}: شماره‌اش {known.number} است، ولی در بخش {section} شرایط آمده است")
        if set(_PLACEHOLDER.findall(text)) != set(known.parameters):
            found.append(f"{id_}: پارامترهای متن همان پارامترهای فهرست بندها نیست")
        for number, other in _CROSS_REFERENCE.findall(text):
            if number and number.translate(_LATIN) not in numbers:
                found.append(f"{id_}: به {display_number(number)} اشاره می‌کند که نیست")
            if other and int(other) not in terms.sections:
                found.append(f"{id_}: به بخش {other} اشاره می‌کند که نیست")
    for entry in entries:
        found += [
            f"{entry.id}: پارامتر {name} در شرایط نیست" for name in entry.parameters if name not in terms.parameters
        ]
    used = {name for entry in entries for name in entry.parameters}
    found += [f"پارامتر {name}: هیچ بندی آن را به کار نمی‌برد" for name in sorted(terms.parameters - used)]
    return found


def _gaps(entries: Sequence[Entry]) -> list[str]:
    """Ids run from 1 in each letter; places run from 1 in each section, in the order of the ids."""
    found = []
    for letter in sorted({entry.id[0] for entry in entries}):
        got = {int(entry.id[1:]) for entry in entries if entry.id[0] == letter and entry.id[1:].isdigit()}
        found += [f"{letter}{n:02d}: در فهرست بندها نیست" for n in range(1, max(got, default=0)) if n not in got]
    in_order = sorted(entries, key=lambda entry: (entry.id[0], len(entry.id), entry.id))
    for section in sorted({entry.place[0] for entry in entries} - {0}):
        places = [entry.place[1] for entry in in_order if entry.place[0] == section]
        if places != list(range(1, len(places) + 1)):
            found.append(f"بخش {section}: شماره‌ها از 1 و به ترتیب شناسه‌ها نیست")
    return found
