"""The boxes of forms, as parts/field.html prints them."""

from collections.abc import Iterable
from dataclasses import dataclass

_COUNTS = ("", "یک", "دو", "سه", "چهار", "پنج", "شش", "هفت", "هشت", "نه", "ده", "یازده", "دوازده")


@dataclass(frozen=True)
class Field:
    """One box: label, hint, error and what was typed."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    error: str = ""
    type: str = "text"
    inputmode: str = ""
    autocomplete: str = ""
    ltr: bool = False
    wide: bool = False
    maxlength: int = 0
    options: tuple[tuple[str, str], ...] = ()  # value, title: makes it a list to choose from
    list: str = ""  # id of the datalist that proposes values
    clause: str = ""  # register id of the clause behind the error
    prefix: str = ""  # of its id, where a page has boxes of one name in several forms

    @property
    def described_by(self) -> str:
        """Ids of hint and error, for aria-describedby."""
        parts = [f"f-{self.prefix}{self.name}-{part}" for part, text in (("h", self.hint), ("e", self.error)) if text]
        return " ".join(parts)


def wrong(fields: Iterable[Field]) -> list[Field]:
    """Return the fields with an error, in the order of the page."""
    return [field for field in fields if field.error]


def heading(count: int) -> str:
    """Return the heading of the error summary: «سه مورد مانده است»."""
    return f"{_COUNTS[count]} مورد مانده است" if count < len(_COUNTS) else "چند مورد مانده است"
