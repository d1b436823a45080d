"""Where the published documents are: in the installed package, or in the repository it runs from."""

from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def terms_folder() -> Path:
    """The folder of the terms and of the register of clauses."""
    installed = PACKAGE / "_docs" / "terms"
    return installed if installed.is_dir() else PACKAGE.parents[1] / "docs" / "terms"


@cache
def register() -> str:
    """The register of clauses, as TOML."""
    return (terms_folder() / "register.toml").read_text("utf-8")
