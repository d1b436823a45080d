"""The report as one page that asks nobody for anything: style and letters are in it, scripts are not."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from django.template import Context, Engine
from django.utils.safestring import SafeString, mark_safe

from peyman.gateways.audit.report.telling import Report

_HERE: Final = Path(__file__).parent
FONT: Final = _HERE / "fonts" / "Vazirmatn.ttf"
_HATCHED: Final = ("unknown", "before_history", "after_history", "not_due")


@cache
def _style() -> str:
    letters = b64encode(FONT.read_bytes()).decode()
    face = (
        "@font-face { font-family: Vazirmatn; font-weight: 400 800; font-display: swap; "
        f'src: url("data:font/ttf;base64,{letters}") format("truetype"); }}\n'
    )
    return face + (_HERE / "templates" / "report.css").read_text("utf-8")


@cache
def policy() -> str:
    """Return the content security policy of the page: nothing but its own style and letters. For headers, too."""
    hashed = b64encode(sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{hashed}'; font-src data:; base-uri 'none'; form-action 'none'"


@cache
def _engine() -> Engine:
    return Engine(
        dirs=[str(_HERE / "templates")],
        libraries={"report": "peyman.gateways.audit.report.marks"},
        builtins=["peyman.gateways.audit.report.marks"],
        string_if_invalid="",
    )


def render(report: Report) -> str:
    """Return the page. What others wrote is escaped by the templates and stands apart from the words around it."""
    style = SafeString(f"<style>{_style()}</style>")
    context = Context(
        {"report": report, "policy": mark_safe(policy()), "style": style, "hatched": _HATCHED},  # noqa: S308  # our own
        use_l10n=False,
        use_tz=False,
    )
    return str(_engine().get_template("report.html").render(context))
