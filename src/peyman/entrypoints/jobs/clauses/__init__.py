"""`peyman clauses`: which published clause is carried out where, and what proves it.

Three things are joined, all read from their sources and none by importing it: the register and the newest terms
(docs/terms), the code (marks of `carries_out`, `clause` of refusals, `clause=` of promises and steps) and the tests
(`pytest.mark.clause`). What cannot be joined is a problem, and a clause that is due has to have both others.
"""

from dataclasses import dataclass
from pathlib import Path

import click

from peyman.entrypoints.jobs.clauses import mentions, register, rows
from peyman.entrypoints.jobs.console import BROKEN, DONE, CouldNot, answer, tell

PACKAGE = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Joined:
    """All of it, read from files."""

    rows: list[rows.Row]
    sections: dict[int, str]
    problems: list[str]
    tests_at_hand: bool

    def tests_of(self, id_: str) -> list[str]:
        """Return the tests that are marked with one clause."""
        return [test for row in self.rows if row.entry.id == id_ for test in row.tests]


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
    entries, other_sections = register.read((terms_dir / "register.toml").read_text("utf-8"))
    newest = max(terms_dir.glob("v*.toml"), key=lambda path: int(path.stem[1:]))
    terms = register.read_terms(newest.read_text("utf-8"))

    def under(folder: Path, pattern: str, name: str) -> dict[str, str]:
        return {
            f"{name}/{path.relative_to(folder).as_posix()}": path.read_text("utf-8")
            for path in folder.rglob(pattern)
            if "migrations" not in path.parts
        }

    code = mentions.in_code(under(package, "*.py", "src/peyman"))
    templates = mentions.in_templates(under(package, "*.html", "src/peyman"))
    tests_at_hand = root is not None and (root / "tests").is_dir()
    tests = mentions.in_tests(under(root / "tests", "*.py", "tests")) if root and tests_at_hand else {}
    joined = rows.join(entries, terms, code, templates, tests)
    found = register.problems(entries, terms)
    found += rows.problems(joined, code, templates, tests if tests_at_hand else None)
    return Joined(joined, {**terms.sections, **other_sections}, found, tests_at_hand)


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
        (root / "docs/clauses.md").write_text(rows.document(joined.rows, joined.sections), "utf-8")
    if as_json:
        answer([row.as_json() for row in joined.rows])
    else:
        click.echo(rows.table(joined.rows, joined.tests_at_hand))
        click.echo(rows.summary(joined.rows))
    if not joined.tests_at_hand:
        tell("آزمون‌ها همراه بسته نصب‌شده نیست؛ درباره آزموده بودن بندها چیزی نمی‌گوییم.")
    for problem in joined.problems:
        tell(problem)
    context.exit(BROKEN if joined.problems else DONE)
