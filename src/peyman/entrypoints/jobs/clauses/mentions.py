"""Where code, templates and tests name a clause, found in their sources without importing them."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_IN_TEMPLATE = re.compile(r"""\{%\s*clause\s+((?:["'][^"']*["']\s*)+)%\}""")

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


def in_code(sources: Mapping[str, str]) -> Mentions:
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


def in_templates(templates: Mapping[str, str]) -> Mentions:
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


def in_tests(sources: Mapping[str, str]) -> Mentions:
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
