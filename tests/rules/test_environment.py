"""What is read from the environment is in its document, and the other way round."""

import re
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
NAME = r"(?:PEYMAN_[A-Z_]+|DATABASE_URL|CACHE_URL)"


def test_the_document_of_the_environment_names_every_variable_that_is_read_and_no_other() -> None:
    code = "\n".join(path.read_text() for path in (REPO / "src/peyman").rglob("*.py"))
    read = set(re.findall(rf"""environ(?:ment)?(?:\.get\(|\[)\s*"({NAME})\"""", code))
    rows = [line for line in (REPO / "docs/environment.md").read_text().splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(rf"`({NAME})`", row.split("|")[1])}
    assert "PEYMAN_PROXIES" in read
    assert named == read
