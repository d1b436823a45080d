"""`peyman clauses`: which published clause is carried out where, and what proves it.

Three things are joined, all read from their sources and none by importing it: the register and the newest terms
(docs/terms), the code (marks of `carries_out`, `clause` of refusals, `clause=` of promises and steps) and the tests
(`pytest.mark.clause`). What cannot be joined is a problem, and a clause that is due has to have both others.
"""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import click

from peyman.entrypoints.jobs.console import BROKEN, DONE, CouldNot, answer, tell
from peyman.kernel.text import persian_digits

State = Literal["carried_out", "shown", "not_begun"]
STATES: dict[State, str] = {"carried_out": "اجرا می‌شود", "shown": "نشان داده می‌شود", "not_begun": "آغاز نشده"}

_ID = re.compile(r"[DBN]\d{2,3}", re.ASCII)
_NUMBER = re.compile(r"(\d+)-(\d+)", re.ASCII)
_PLACEHOLDER = re.compile(r"\{(\w+)\}", re.ASCII)
_CROSS_REFERENCE = re.compile(r"بند ([۰-۹]+-[۰-۹]+)|بخش ([۰-۹]+)")
_LATIN = str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")
_IN_TEMPLATE = re.compile(r"""\{%\s*clause\s+((?:["'][^"']*["']\s*)+)%\}""")


def display_number(number: str) -> str:
    """Return a published number as a lawyer reads it: "11-4" → «بند ۱۱-۴»."""
    return f"بند {persian_digits(number)}"


# ---- The register and the terms ----


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


def read_register(toml_text: str) -> tuple[list[Entry], dict[int, str]]:
    """Return the clauses of the register, in its order, and the titles of sections that the terms do not have.

    What a clause lacks is empty here and named by `register_problems`. Raises tomllib.TOMLDecodeError.
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


def register_problems(entries: Sequence[Entry], terms: Terms) -> list[str]:
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


# ---- Where sources name a clause ----

Mentions = dict[str, list[str]]  # id, as it is written there → places


def _add(mentions: Mentions, id_: str, place: str) -> None:
    places = mentions.setdefault(id_, [])
    if place not in places:
        places.append(place)


def _last_name(node: ast.expr) -> str:
    """`a.b.C` and `C` are both "C"; anything else is nameless."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _literals(nodes: Sequence[ast.expr]) -> list[str]:
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


@dataclass
class _Shapes:
    """What is known of the classes of all sources before any of them is searched."""

    bases: dict[str, set[str]] = field(default_factory=dict)
    clause_at: dict[str, set[int]] = field(default_factory=dict)  # class → where `clause` stands among its fields

    def learn(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                self.bases.setdefault(node.name, set()).update(_last_name(base) for base in node.bases)
                lines = [line for line in node.body if isinstance(line, ast.AnnAssign)]
                fields = [_last_name(line.target) for line in lines if "ClassVar" not in ast.unparse(line.annotation)]
                if "clause" in fields:
                    self.clause_at.setdefault(node.name, set()).add(fields.index("clause"))

    def refuses(self, name: str) -> bool:
        """Does a class of this name derive from `Refused`?"""
        seen: set[str] = set()
        left = [name]
        while left:
            one = left.pop()
            if one == "Refused":
                return True
            if one not in seen:
                seen.add(one)
                left += self.bases.get(one, ())
        return False


class _CodeReader(ast.NodeVisitor):
    def __init__(self, path: str, shapes: _Shapes, mentions: Mentions) -> None:
        self.path, self.shapes, self.mentions = path, shapes, mentions
        self.stack: list[str] = []

    def name(self, id_: str) -> None:
        if id_:
            _add(self.mentions, id_, f"{self.path}:{'.'.join(self.stack)}" if self.stack else self.path)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.stack.append(node.name)
        self.marks(node.decorator_list)
        self.generic_visit(node)
        self.stack.pop()

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.stack.append(node.name)
        self.marks(node.decorator_list)
        if self.shapes.refuses(node.name):
            for statement in node.body:
                for id_ in self.assigned(statement):
                    self.name(id_)
        self.generic_visit(node)
        self.stack.pop()

    def marks(self, decorators: Sequence[ast.expr]) -> None:
        for decorator in decorators:
            if isinstance(decorator, ast.Call) and _last_name(decorator.func) == "carries_out":
                for id_ in _literals(decorator.args):
                    self.name(id_)

    def assigned(self, statement: ast.stmt) -> Iterator[str]:
        """What `clause = "D30"` or `code, clause = "over_refund", "D30"` gives to `clause`."""
        pairs: list[tuple[ast.expr, ast.expr]]
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            pairs = [(statement.target, statement.value)]
        elif isinstance(statement, ast.Assign):
            pairs = [(target, statement.value) for target in statement.targets]
        else:
            return
        for target, value in pairs:
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
                inner = list(zip(target.elts, value.elts, strict=True))
            else:
                inner = [(target, value)]
            for one, its in inner:
                if isinstance(one, ast.Name) and one.id == "clause":
                    yield from _literals([its])

    def visit_Call(self, node: ast.Call) -> None:
        for keyword in node.keywords:
            if keyword.arg == "clause":
                for id_ in _literals([keyword.value]):
                    self.name(id_)
        for position in self.shapes.clause_at.get(_last_name(node.func), ()):
            for id_ in _literals(node.args[position : position + 1]):
                self.name(id_)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """A table in a module is named by its variable."""
        self.table([target.id for target in node.targets if isinstance(target, ast.Name)], node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.table([node.target.id] if isinstance(node.target, ast.Name) else [], node)

    def table(self, names: list[str], node: ast.stmt) -> None:
        outer = self.stack
        if not outer and names:
            self.stack = names[:1]
        self.generic_visit(node)
        self.stack = outer


def mentions_in_code(sources: Mapping[str, str]) -> Mentions:
    """Return where Python code (path → source) names a clause: "src/…/rules.py:OverRefund".

    Counted are marks of `carries_out`, `clause` of classes that derive from Refused, literal `clause=` arguments, and
    literal positional arguments for a field called `clause`. Raises SyntaxError.
    """
    trees = {path: ast.parse(source, path) for path, source in sorted(sources.items())}
    shapes, mentions = _Shapes(), Mentions()
    for tree in trees.values():
        shapes.learn(tree)
    for path, tree in trees.items():
        _CodeReader(path, shapes, mentions).visit(tree)
    return mentions


def mentions_in_templates(templates: Mapping[str, str]) -> Mentions:
    """Return which templates (path → text) link to a clause by `{% clause "D55" %}`."""
    mentions = Mentions()
    for path, text in sorted(templates.items()):
        for arguments in _IN_TEMPLATE.findall(text):
            for id_ in re.findall(r"[\"']([^\"']+)[\"']", arguments):
                _add(mentions, id_, path)
    return mentions


def _marked(nodes: Sequence[ast.AST]) -> list[str]:
    """The ids in every `….mark.clause(…)` somewhere below."""
    return [
        id_
        for node in nodes
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "clause"
        and _last_name(call.func.value) == "mark"
        for id_ in _literals(call.args)
    ]


def mentions_in_tests(sources: Mapping[str, str]) -> Mentions:
    """Return which tests (path → source) are marked with a clause: "tests/rules/test_due.py::test_…".

    A mark on a class or in `pytestmark` counts for each test inside. Raises SyntaxError.
    """
    mentions = Mentions()

    def search(body: Sequence[ast.stmt], inherited: list[str], prefix: str) -> None:
        for statement in body:
            if isinstance(statement, ast.Assign) and [_last_name(t) for t in statement.targets] == ["pytestmark"]:
                inherited = inherited + _marked([statement.value])
        for statement in body:
            if isinstance(statement, ast.ClassDef):
                below = inherited + _marked(statement.decorator_list)
                search(statement.body, below, f"{prefix}::{statement.name}")
            elif isinstance(statement, ast.FunctionDef) and statement.name.startswith("test"):
                for id_ in inherited + _marked(statement.decorator_list):
                    _add(mentions, id_, f"{prefix}::{statement.name}")

    for path, source in sorted(sources.items()):
        search(ast.parse(source, path).body, [], path)
    return mentions


# ---- The join ----


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


def join_problems(rows: Sequence[Row], code: Mentions, templates: Mentions, tests: Mentions | None) -> list[str]:
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


# ---- For people ----


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


# ---- Files ----


@dataclass(frozen=True)
class Joined:
    """All of it, read from files."""

    rows: list[Row]
    sections: dict[int, str]
    problems: list[str]
    tests_at_hand: bool

    def tests_of(self, id_: str) -> list[str]:
        """Return the tests that are marked with one clause."""
        return [test for row in self.rows if row.entry.id == id_ for test in row.tests]


PACKAGE = Path(__file__).resolve().parents[2]


def repository() -> Path | None:
    """Return the root of the repository that this code lies in, or None in an installed package."""
    root = PACKAGE.parents[1]
    return root if (root / "docs/terms/register.toml").is_file() and PACKAGE.parent.name == "src" else None


def read(root: Path | None) -> Joined:
    """Read and join what lies in the repository `root`; with None, what the installed package holds.

    A wheel holds the terms and the code, not the tests. Raises OSError, SyntaxError, tomllib.TOMLDecodeError.
    """
    terms_dir = root / "docs/terms" if root else PACKAGE / "_docs/terms"
    package = root / "src/peyman" if root else PACKAGE
    entries, other_sections = read_register((terms_dir / "register.toml").read_text("utf-8"))
    newest = max(terms_dir.glob("v*.toml"), key=lambda path: int(path.stem[1:]))
    terms = read_terms(newest.read_text("utf-8"))

    def under(folder: Path, pattern: str, name: str) -> dict[str, str]:
        return {
            f"{name}/{path.relative_to(folder).as_posix()}": path.read_text("utf-8")
            for path in folder.rglob(pattern)
            if "migrations" not in path.parts
        }

    code = mentions_in_code(under(package, "*.py", "src/peyman"))
    templates = mentions_in_templates(under(package, "*.html", "src/peyman"))
    tests_at_hand = root is not None and (root / "tests").is_dir()
    tests = mentions_in_tests(under(root / "tests", "*.py", "tests")) if root and tests_at_hand else {}
    rows = join(entries, terms, code, templates, tests)
    found = register_problems(entries, terms)
    found += join_problems(rows, code, templates, tests if tests_at_hand else None)
    return Joined(rows, {**terms.sections, **other_sections}, found, tests_at_hand)


@click.command("clauses", help="نشان می‌دهد هر بند شرایط را کدام کد اجرا و کدام آزمون ثابت می‌کند. ۱: کم دارد.")
@click.option("--json", "as_json", is_flag=True, help="دفتر بندها به JSON")
@click.option("--write", is_flag=True, help="نوشتن docs/clauses.md در مخزن")
@click.pass_context
def command(context: click.Context, as_json: bool, write: bool) -> None:
    """Join the register of clauses with the code and the tests.

    Exits 1 when a clause that is due is carried out nowhere or tested nowhere, or when something names a clause that
    the register does not have; 2 when there is nothing to read.
    """
    root = repository()
    try:
        joined = read(root)
    except (OSError, ValueError, SyntaxError) as fault:
        raise CouldNot(f"خواندن بندها ممکن نشد: {fault}") from fault
    if write:
        if root is None:
            raise CouldNot("سند docs/clauses.md تنها در مخزن نوشته می‌شود؛ اینجا بسته نصب‌شده است.")
        (root / "docs/clauses.md").write_text(document(joined.rows, joined.sections), "utf-8")
    if as_json:
        answer([row.as_json() for row in joined.rows])
    else:
        click.echo(table(joined.rows, joined.tests_at_hand))
        click.echo(summary(joined.rows))
    if not joined.tests_at_hand:
        tell("آزمون‌ها همراه بسته نصب‌شده نیست؛ درباره آزموده بودن بندها چیزی نمی‌گوییم.")
    for problem in joined.problems:
        tell(problem)
    context.exit(BROKEN if joined.problems else DONE)
