"""The register, the terms, and what joins them with code and tests."""

import json
import re
import tomllib
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from click.testing import CliRunner

from peyman.entrypoints.jobs import clauses
from peyman.entrypoints.jobs.clauses.register import Entry, Terms
from peyman.entrypoints.jobs.clauses.rows import Row

REPO = Path(__file__).resolve().parents[2]
SHARED = REPO.parent / "shared"

TERMS = Terms(
    parameters=frozenset({"hours"}),
    sections={1: "یکم", 2: "دوم"},
    texts={"D01": (1, "شرح"), "D02": (1, "بند ۲-۱ و بخش ۲"), "D03": (2, "تا {hours} ساعت")},
)
REGISTER = [
    Entry("D01", "1-1", "نخست"),
    Entry("D02", "1-2", "دوم", due=True),
    Entry("D03", "2-1", "سوم", parameters=("hours",), due=True),
]


def changed(place: int, **changes: object) -> list[Entry]:
    """REGISTER with one entry changed."""
    return [replace(entry, **changes) if n == place else entry for n, entry in enumerate(REGISTER)]  # type: ignore[arg-type]  # any field


# ---- The register ----


def test_a_register_that_agrees_with_the_terms_has_no_problem():
    assert clauses.register.problems(REGISTER, TERMS) == []


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        (changed(1, id=""), "بندی از فهرست بندها شناسه ندارد (شماره: 1-2)"),
        (changed(1, id="D01"), "D01: دو بار در فهرست بندها آمده است"),
        (changed(1, id="X7"), "X7: شناسه‌ای مانند D57 نیست"),
        (changed(1, number="1-1"), "1-1: به دو بند داده شده است"),
        (changed(1, number="1.2"), "D02: شماره‌ای مانند 11-4 ندارد"),
        (changed(1, title=""), "D02: عنوان ندارد"),
        (changed(1, number="1-3"), "بخش 1: شماره‌ها از 1 و به ترتیب شناسه‌ها نیست"),
        ([REGISTER[1], REGISTER[2]], "D01: در فهرست بندها نیست"),
        ([REGISTER[0], REGISTER[2]], "D02: در فهرست بندها نیست"),
        (REGISTER[:2], "D03: در شرایط هست و در فهرست بندها نیست"),
        (changed(2, number="1-3"), "D03: شماره‌اش 1-3 است، ولی در بخش 2 شرایط آمده است"),
        (changed(2, parameters=()), "D03: پارامترهای متن همان پارامترهای فهرست بندها نیست"),
        (
            changed(0, parameters=("hours",)),
            "D01: پارامترهای متن همان پارامترهای فهرست بندها نیست",
        ),
        (changed(2, parameters=("days",)), "D03: پارامتر days در شرایط نیست"),
        (changed(2, parameters=("days",)), "پارامتر hours: هیچ بندی آن را به کار نمی‌برد"),
        ([*REGISTER, Entry("D04", "2-2", "چهارم", shown=True)], "D04: باید نشان داده شود، ولی در شرایط متنی ندارد"),
    ],
)
def test_each_fault_of_a_register_is_named(entries, problem):
    assert problem in clauses.register.problems(entries, TERMS)


def test_a_text_points_only_to_clauses_and_sections_that_exist():
    terms = replace(TERMS, texts={**TERMS.texts, "D01": (1, "بند ۲-۹ و بخش ۴")})
    assert clauses.register.problems(REGISTER, terms) == [
        "D01: به بند ۲-۹ اشاره می‌کند که نیست",
        "D01: به بخش ۴ اشاره می‌کند که نیست",
    ]


def test_a_register_is_read_with_what_it_lacks_left_empty():
    entries, sections = clauses.register.read(
        """
        [[section]]
        number = 18
        title = "بازار"
        [[clause]]
        id = "D01"
        number = "1-1"
        title = "نخست"
        parameters = ["hours"]
        due = true
        shown = false
        [[clause]]
        title = "بی‌نام"
        """
    )
    assert entries == [Entry("D01", "1-1", "نخست", ("hours",), due=True), Entry("", "", "بی‌نام")]
    assert sections == {18: "بازار"}


def test_a_number_is_shown_as_a_lawyer_reads_it():
    assert clauses.register.display_number("11-4") == "بند ۱۱-۴"


# ---- Code ----

ERRORS = "class Refused(Exception):\n    clause: str | None = None\n"


@pytest.mark.parametrize(
    ("case", "source", "found"),
    [
        ("a mark", "@carries_out('D54', 'D58')\ndef add(): ...", {"D54": ["a.py:add"], "D58": ["a.py:add"]}),
        ("a mark of a module", "@marks.carries_out('D54')\nasync def add(): ...", {"D54": ["a.py:add"]}),
        ("a mark inside a class", "class A:\n    @carries_out('D54')\n    def add(self): ...", {"D54": ["a.py:A.add"]}),
        ("a refusal", "class Over(Refused):\n    clause = 'D30'", {"D30": ["a.py:Over"]}),
        ("a refusal by tuple", "class Over(Refused):\n    code, clause = 'over', 'D30'", {"D30": ["a.py:Over"]}),
        (
            "an annotated refusal",
            "class Over(errors.Refused):\n    clause: ClassVar[str] = 'D30'",
            {"D30": ["a.py:Over"]},
        ),
        ("a refusal of a refusal", "class A(Refused): ...\nclass B(A):\n    clause = 'D30'", {"D30": ["a.py:B"]}),
        ("no refusal", "class Over(Exception):\n    clause = 'D30'", {}),
        ("a promise", "def owe():\n    make(clause='D30', hours=48)", {"D30": ["a.py:owe"]}),
        ("a variable", "def owe(ask):\n    make(clause=ask.clause)", {}),
        ("a promise under no clause", "def owe():\n    make(clause='')", {}),
        ("a table", "STEPS = {'pay': Step(to='final', clause='D57')}", {"D57": ["a.py:STEPS"]}),
        (
            "by position",
            "class Step:\n    to: str\n    clause: str\nSTEPS = [Step('x', 'D57')]",
            {"D57": ["a.py:STEPS"]},
        ),
        ("twice in one place", "def owe():\n    make(clause='D30')\n    make(clause='D30')", {"D30": ["a.py:owe"]}),
        ("a comment", "# D57 is carried out elsewhere\nx = 'D57'", {}),
    ],
)
def test_code_names_a_clause(case, source, found):
    assert clauses.mentions.in_code({"a.py": source, "errors.py": ERRORS}) == found


def test_a_refusal_may_derive_from_one_of_another_module():
    sources = {"a.py": "class Over(Gone):\n    clause = 'D30'", "b.py": "class Gone(Refused): ..."}
    assert clauses.mentions.in_code(sources) == {"D30": ["a.py:Over"]}


def test_what_all_instances_share_is_no_field_that_a_call_could_fill():
    sources = {
        "errors.py": "class Refused(Exception):\n    code: ClassVar[str]\n    clause: ClassVar[str | None] = None\n",
        "mail.py": "def send():\n    return rules.Refused('smtp', 'bad_header')",
    }
    assert clauses.mentions.in_code(sources) == {}


def test_a_template_names_the_clauses_it_links_to():
    template = """{% clause "D54" 'D55' %} {% clause p.clause %} D56 {% clause "D54" %}"""
    assert clauses.mentions.in_templates({"cart.html": template}) == {"D54": ["cart.html"], "D55": ["cart.html"]}


@pytest.mark.parametrize(
    ("case", "source", "found"),
    [
        ("a test", "@pytest.mark.clause('D57')\ndef test_x(): ...", {"D57": ["t.py::test_x"]}),
        (
            "two clauses",
            "@mark.clause('D57', 'D30')\ndef test_x(): ...",
            {"D57": ["t.py::test_x"], "D30": ["t.py::test_x"]},
        ),
        (
            "a class",
            "@pytest.mark.clause('D57')\nclass TestA:\n    def test_x(self): ...",
            {"D57": ["t.py::TestA::test_x"]},
        ),
        ("a module", "pytestmark = pytest.mark.clause('D57')\ndef test_x(): ...", {"D57": ["t.py::test_x"]}),
        ("marks of a module", "pytestmark = [pytest.mark.clause('D57')]\ndef test_x(): ...", {"D57": ["t.py::test_x"]}),
        (
            "one case of many",
            "@pytest.mark.parametrize('n', [pytest.param(1, marks=pytest.mark.clause('D57')), 2])\ndef test_x(n): ...",
            {"D57": ["t.py::test_x"]},
        ),
        ("a helper", "@pytest.mark.clause('D57')\ndef make_x(): ...", {}),
        ("another mark", "@pytest.mark.slow('D57')\ndef test_x(): ...", {}),
        ("no mark", "def test_D57(): ...", {}),
    ],
)
def test_a_test_is_marked_with_a_clause(case, source, found):
    assert clauses.mentions.in_tests({"t.py": source}) == found


# ---- The join ----


def test_a_clause_is_carried_out_where_code_names_it_and_shown_where_only_text_does():
    entries = [
        Entry("D01", "1-1", "a"),
        Entry("D02", "1-2", "b", shown=True),
        Entry("D03", "2-1", "c"),
        Entry("B01", "18-1", "d", shown=True),
    ]
    rows = clauses.rows.join(
        entries,
        TERMS,
        code={"D01": ["a.py:add"]},
        templates={"D02": ["cart.html"], "D03": ["cart.html"]},
        tests={"D01": ["t.py::test_x"]},
    )
    assert [(row.entry.id, row.state, row.code, row.tests) for row in rows] == [
        ("D01", "carried_out", ("a.py:add",), ("t.py::test_x",)),
        ("D02", "shown", ("cart.html",), ()),
        ("D03", "not_begun", (), ()),
        ("B01", "not_begun", (), ()),
    ]


DUE = Entry("D02", "1-2", "b", due=True)


@pytest.mark.parametrize(
    ("case", "row", "tests", "problems"),
    [
        ("whole", Row(DUE, "carried_out", ("a.py",), ("t.py",)), {}, []),
        ("untested", Row(DUE, "carried_out", ("a.py",)), {}, ["D02: سررسیده است و آزمونی ندارد"]),
        ("untested, but no tests are at hand", Row(DUE, "carried_out", ("a.py",)), None, []),
        ("only tested", Row(DUE, "not_begun", (), ("t.py",)), {}, ["D02: سررسیده است و جایی اجرا نمی‌شود"]),
        (
            "neither",
            Row(DUE, "not_begun"),
            {},
            ["D02: سررسیده است و جایی اجرا نمی‌شود", "D02: سررسیده است و آزمونی ندارد"],
        ),
        ("text only", Row(replace(DUE, shown=True), "shown"), {}, []),
        (
            "text that is not there",
            Row(replace(DUE, shown=True), "not_begun"),
            {},
            ["D02: سررسیده است و جایی اجرا نمی‌شود"],
        ),
        ("not due", Row(replace(DUE, due=False), "not_begun"), {}, []),
    ],
)
def test_a_clause_that_is_due_has_code_and_a_test(case, row, tests, problems):
    assert clauses.rows.problems([row], {}, {}, tests) == problems


def test_whoever_names_an_unknown_clause_is_named():
    rows = [Row(Entry("D01", "1-1", "a"), "not_begun")]
    code, templates, tests = (
        {"D99": ["a.py:add"]},
        {"D98": ["cart.html"]},
        {"11-4": ["t.py::test_x"], "D01": ["t.py::test_y"]},
    )
    assert clauses.rows.problems(rows, code, templates, tests) == [
        "D99: در فهرست بندها نیست، ولی در a.py:add نام برده شده است",
        "D98: در فهرست بندها نیست، ولی در cart.html نام برده شده است",
        "11-4: در فهرست بندها نیست، ولی در t.py::test_x نام برده شده است",
    ]


# ---- Ours ----


@pytest.fixture(scope="module")
def register() -> list[Entry]:
    return clauses.register.read((REPO / "docs/terms/register.toml").read_text("utf-8"))[0]


@pytest.fixture(scope="module")
def terms() -> dict[str, str]:
    raw = tomllib.loads((REPO / "docs/terms/v1.toml").read_text("utf-8"))
    return {clause["id"]: clause["text"] for section in raw["section"] for clause in section["clause"]}


def test_the_register_has_all_clauses_of_the_shop_the_market_and_the_newsroom(register):
    shop, market, newsroom = range(1, 123), range(1, 19), range(1, 4)
    wanted = [*(f"D{n:02d}" for n in shop), *(f"B{n:02d}" for n in market), *(f"N{n:02d}" for n in newsroom)]
    assert [entry.id for entry in register] == wanted


@pytest.mark.parametrize(
    ("id_", "number"),
    [
        ("D01", "1-1"), ("D21", "4-1"), ("D22", "4-2"), ("D30", "5-3"), ("D54", "11-1"), ("D56", "11-3"),
        ("D57", "11-4"), ("D80", "15-1"), ("D110", "17-1"), ("D122", "17-13"), ("B01", "18-1"), ("B18", "18-18"),
        ("N03", "19-3"),
    ],
)  # fmt: skip
def test_published_numbers_stay_what_they_were(register, id_, number):
    assert {entry.id: entry.number for entry in register}[id_] == number


def test_the_numbers_follow_the_document_that_the_clauses_come_from(register):
    path = SHARED / "clauses.md"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    wanted, section, place = {}, 0, 0
    for line in lines:
        head = re.match(r"### 2\.(\d+) |(## Market)", line)
        row = re.match(r"\| ([DBN]\d+) \|", line)
        if head:
            section, place = int(head[1] or 18), 0
        if row:
            if row[1] == "N01":
                section, place = 19, 0
            place += 1
            wanted[row[1]] = f"{section}-{place}"
    assert not lines or {entry.id: entry.number for entry in register} == wanted


def test_version_1_has_a_text_for_every_clause_of_the_shop_and_for_no_other(terms):
    assert list(terms) == [f"D{n:02d}" for n in range(1, 123)]


@pytest.mark.parametrize(
    ("fault", "pattern"),
    [
        ("Arabic letters", r"[يكىةۀ]"),
        ("Latin digits", r"[0-9]"),
        ("Arabic digits", r"[٠-٩]"),
        ("straight quotes", r"[\"']"),
        ("Latin marks", r"[,;?%]"),
        ("a verb without its half-space", r"(?<![\w\u200c])ن?می\s"),
        ("a plural without its half-space", r"\sها[ی]?(?![\w\u200c])"),
        ("a comparative without its half-space", r"\sتر(ین)?(?![\w\u200c])"),
        ("a half-space at an edge", r"\u200c[\s\u200c.،؛:»)]|[\s«(]\u200c"),
        ("two spaces", r"\s\s"),
        ("a space before a mark", r"\s[.،؛:»)]"),
        ("no space after a mark", r"[.،؛:](?=[^\s»)])"),
        ("officialese", r"(?<!\w)ن?می‌(گردد|باشد)|گردید|اینجانب|کاربر گرامی|لازم به ذکر|شایان ذکر|بدیهی است|!"),
        ("someone else's brand", r"(?i)دیجی|باتو|کافه ?بازار|مهام|dgbato|cafebazaar|www|\.com|\.ir"),
    ],
)
def test_the_terms_are_written_as_we_write(register, terms, fault, pattern):
    titles = {entry.id: entry.title for entry in register}
    # Names of parameters are Latin until they are filled in.
    plain = {id_: re.sub(r"\{\w+\}", "۱", f"{titles[id_]}: {terms.get(id_, '')}") for id_ in titles}
    assert [id_ for id_, words in plain.items() if re.search(pattern, words)] == []


def test_every_text_of_the_terms_ends_its_last_sentence(terms):
    assert [id_ for id_, text in terms.items() if not text.endswith(".")] == []


def test_the_terms_are_our_own_words(terms):
    path = SHARED / "seeds/shop-terms.fa.txt"
    seed = re.sub(r"[\s\u200c]+", "", path.read_text("utf-8")) if path.exists() else ""
    copied = {}
    for id_, text in terms.items():
        own = re.sub(r"[\s\u200c]+", "", text)
        match = SequenceMatcher(None, own, seed, autojunk=False).find_longest_match()
        if match.size > 40:
            copied[id_] = own[match.a : match.a + match.size]
    assert copied == {}


def test_the_law_gives_seven_working_days_and_no_version_gives_fewer():
    for path in (REPO / "docs/terms").glob("v*.toml"):
        assert tomllib.loads(path.read_text("utf-8"))["parameters"]["withdrawal_days"] >= 7


# ---- The command ----


def test_the_command_prints_the_register_as_json():
    answer = CliRunner().invoke(clauses.command, ["--json"])
    rows = json.loads(answer.stdout)
    assert len(rows) == 143
    assert {frozenset(row) for row in rows} == {
        frozenset(["id", "number", "title", "parameters", "due", "state", "code", "tests"])
    }
    carts = next(row for row in rows if row["id"] == "D54")
    assert (carts["number"], carts["title"], carts["due"], carts["state"]) == (
        "11-1",
        "سبد، رزرو نیست",
        True,
        "carried_out",
    )
    assert "src/peyman/shop/carts/actions.py:set_quantity" in carts["code"]


def test_the_command_prints_a_line_for_each_clause_and_a_summary():
    lines = CliRunner().invoke(clauses.command).stdout.splitlines()
    assert len(lines) == 144
    assert lines[0].startswith("بند ۱-۱\tD01\t")
    assert lines[-1].startswith("۱۴۳ بند، ")


def tree(root: Path, files: dict[str, str]) -> Path:
    """A small repository with one clause that is due, and these files."""
    register = '[[clause]]\nid = "D01"\nnumber = "1-1"\ntitle = "t"\ndue = true\n'
    terms = '[[section]]\nnumber = 1\ntitle = "s"\n[[section.clause]]\nid = "D01"\ntext = "x"\n'
    for name, text in {"docs/terms/register.toml": register, "docs/terms/v1.toml": terms, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


CODE = {"src/peyman/a.py": "@carries_out('D01')\ndef act(): ..."}
TEST = {"tests/t.py": "@pytest.mark.clause('D01')\ndef test_act(): ..."}


@pytest.mark.parametrize(
    ("case", "files", "status"),
    [
        ("carried out and tested", {**CODE, **TEST}, 0),
        ("not tested", {**CODE, "tests/t.py": ""}, 1),
        ("not carried out", {"src/peyman/a.py": "", **TEST}, 1),
        ("an unknown clause", {**CODE, **TEST, "src/peyman/b.py": "make(clause='D02')"}, 1),
        ("unreadable code", {**CODE, **TEST, "src/peyman/b.py": "def ("}, 2),
        ("unreadable terms", {**CODE, **TEST, "docs/terms/v1.toml": "title ="}, 2),
    ],
)
def test_the_command_says_by_its_exit_whether_all_that_is_due_is_there(tmp_path, monkeypatch, case, files, status):
    monkeypatch.setattr(clauses, "repository", lambda: tree(tmp_path, files))
    assert CliRunner().invoke(clauses.command).exit_code == status


def test_the_newest_terms_count(tmp_path):
    without = '[[section]]\nnumber = 1\ntitle = "s"\nclause = []\n'
    newer = {"docs/terms/v9.toml": without, "docs/terms/v10.toml": without + "[parameters]\nspare = 1"}
    assert clauses.read(tree(tmp_path, {**CODE, **TEST, **newer})).problems == [
        "پارامتر spare: هیچ بندی آن را به کار نمی‌برد"
    ]


def test_an_installed_package_says_that_it_has_no_tests(tmp_path, monkeypatch):
    package = tree(tmp_path, CODE)
    (package / "src/peyman/_docs").mkdir()
    (package / "docs/terms").rename(package / "src/peyman/_docs/terms")
    monkeypatch.setattr(clauses, "PACKAGE", package / "src/peyman")
    monkeypatch.setattr(clauses, "repository", lambda: None)
    answer = CliRunner().invoke(clauses.command)
    assert answer.exit_code == 0
    assert "آزمون‌ها همراه بسته نصب‌شده نیست" in answer.stderr
    assert CliRunner().invoke(clauses.command, ["--write"]).exit_code == 2


@pytest.fixture(scope="module")
def joined() -> clauses.Joined:
    return clauses.read(REPO)


def test_the_list_of_clauses_in_the_documents_is_current(joined):
    committed = (REPO / "docs/clauses.md").read_text("utf-8")
    assert committed == clauses.rows.document(joined.rows, joined.sections), "run `peyman clauses --write`"


def test_all_that_is_due_is_carried_out_and_tested(joined):
    assert joined.problems == []
