"""What staff type of goods, categories and brands: read field by field, and everything that is wrong told at once."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from peyman.kernel import text
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import persian_digits
from peyman.shop.catalog.rules import cells
from peyman.shop.catalog.rules.cells import Cell, Told
from peyman.shop.catalog.rules.records import BASES
from peyman.shop.catalog.rules.specs import SOURCES, Spec
from peyman.shop.catalog.rules.wording import sentence

MOST_LEVELS: Final = 3  # a product's page reads its category and the two above it
LONGEST_SLUG: Final = 90
LONGEST_WHY: Final = 300
LONGEST_PATH: Final = 400
MOST_CHOICES: Final = 60
MOST_ALIASES: Final = 20
TINTS: Final = ("", "v2", "v3", "v4")
_PATH = " > "

_SLUG = re.compile("[a-z0-9]+(?:-[a-z0-9]+)*")
_KEY = re.compile("[a-z0-9][a-z0-9_-]{0,79}")  # of a category or a brand: as the importer takes them


class SlugTaken(Refused):
    """Another product is, or was, at this address."""

    code = "slug_taken"
    says = "این نشانی از آن محصول دیگری است یا بوده است."


class WhyNeeded(Invalid):
    """A specification of goods that somebody bought is corrected, and nobody says why."""

    code, clause = "why_needed", "D113"


class Reader:
    """Takes typed texts one by one and keeps what is wrong with each."""

    def __init__(self, typed: Mapping[str, str]) -> None:
        self._typed = typed
        self.values: dict[str, Any] = {}
        self.faults: dict[str, str] = {}

    def typed(self, name: str) -> str:
        return self._typed.get(name, "")

    def take(self, name: str, read: Callable[[Cell], Told], *, needed: str = "") -> Any:
        """Read one field; `needed`: what is said where it is empty."""
        told = read(self._typed.get(name, ""))
        if told.reasons:
            self.faults[name] = " ".join(sentence(code) for code in told.reasons)
        elif needed and told.value in ("", None):
            self.faults[name] = needed
        else:
            self.values[name] = told.value
        return self.values.get(name)

    def text(self, name: str, longest: int, *, needed: str = "") -> Any:
        """Read a plain text of at most `longest` characters."""
        value = self.take(name, lambda cell: cells.plain_text(cell, longest=longest), needed=needed)
        if name in self.faults and self.faults[name] == sentence("too_long"):
            self.faults[name] = f"بیش از {persian_digits(longest)} نویسه است؛ آن را کوتاه کنید."
        return value

    def choice(self, name: str, among: Sequence[str], says: str) -> None:
        """Read one of `among`, as it stands."""
        typed = self._typed.get(name, "")
        if typed in among:
            self.values[name] = typed
        else:
            self.faults[name] = says

    def refuse(self, name: str, says: str) -> None:
        self.faults.setdefault(name, says)

    def done(self) -> dict[str, Any]:
        """Return what was read. Raises Invalid with everything that is wrong."""
        if self.faults:
            raise Invalid(self.faults)
        return self.values


# ---- Products ----


def read_product(typed: Mapping[str, str]) -> Reader:
    """Read what the page of a product has of it, its specifications apart; `category` and `brand` stay slugs."""
    reader = Reader(typed)
    reader.take("title", cells.title)
    reader.text("title_latin", 250)
    reader.take("slug", _address)
    reader.text("model", 120)
    reader.text("description", 4000)
    reader.text("category", 80, needed="دسته را برگزینید.")
    reader.text("brand", 80, needed="برند را برگزینید.")
    reader.take("age_mark", cells.age_mark)
    reader.take("weight_g", cells.weight)
    reader.text("drawing", 40)
    reader.choice("tint", TINTS, "رنگ‌مایه را از فهرست برگزینید.")
    return reader


def read_new(typed: Mapping[str, str]) -> Reader:
    """Read a product that comes new, with its first variant."""
    reader = read_variant(typed)
    reader.take("code", cells.sku)
    reader.take("title", cells.title)
    reader.text("title_latin", 250)
    reader.text("category", 80, needed="دسته را برگزینید.")
    reader.text("brand", 80, needed="برند را برگزینید.")
    read_first_price(reader)
    return reader


def _address(cell: Cell) -> Told:
    told = cells.clean(cell)
    if told.reasons:
        return told
    lowered = text.latin_digits(told.value).casefold()
    if len(lowered) > LONGEST_SLUG or not _SLUG.fullmatch(lowered):
        return cells.refused("slug_invalid")
    return Told(lowered)


def check_why(typed: str, *, is_needed: bool) -> str:
    """Read the reason of a change; one that corrects what buyers had read needs it (D113). Raises Invalid."""
    told = cells.plain_text(typed, longest=LONGEST_WHY)
    if told.reasons:
        raise Invalid({"why": " ".join(sentence(code) for code in told.reasons)})
    if is_needed and len(told.value) < 3:
        raise WhyNeeded({"why": "این کالا فروخته شده و مشخصه آن اصلاح می‌شود؛ بنویسید چرا."})
    return str(told.value)


def check_reason(typed: str) -> str:
    """Read why something is taken from sale or brought back (D27). Raises Invalid."""
    told = cells.plain_text(typed, longest=200)
    if told.reasons:
        raise Invalid({"reason": " ".join(sentence(code) for code in told.reasons)})
    if len(told.value) < 3:
        raise Invalid({"reason": "بنویسید چرا؛ دست‌کم سه نویسه."})
    return str(told.value)


# ---- Variants ----


def read_variant(typed: Mapping[str, str]) -> Reader:
    """Read what makes a variant and what its price rests on (D117); the price itself is not told here."""
    reader = Reader(typed)
    reader.text("color", 60)
    reader.text("size", 60)
    reader.text("warranty", 160)
    reader.choice("price_basis", BASES, "بگویید قیمت مصوب است یا بازار.")
    reader.text("price_reference", 300)
    reader.choice("spec_source", ("", *SOURCES), "منبع مشخصات را از فهرست برگزینید.")
    reader.take("image_hint", cells.image_hint)
    reader.take("position", _position)
    return reader


def read_code(reader: Reader) -> None:
    """Read the code of a new variant too."""
    reader.take("sku", cells.sku)


def read_first_price(reader: Reader) -> None:
    """Read the first price of a new variant, with its code: whatever unit is written, rials without one."""
    read_code(reader)
    _, has_unit = cells.money(reader.typed("price"))
    price = reader.take("price", lambda cell: cells.money(cell)[0])
    if not reader.typed("list_price").strip():
        reader.values["list_price"] = price
        return
    struck = reader.take("list_price", lambda cell: cells.money(cell)[0])
    if price and struck and struck < price:
        reader.refuse("list_price", "قیمت پیش از تخفیف کمتر از قیمت است؛ یکی را اصلاح کنید.")
    elif price and struck and struck == price * 10 and not has_unit:
        reader.refuse("price", sentence("price_unit_suspect"))


def check_basis(new: Mapping[str, Any], old: Mapping[str, Any] | None) -> dict[str, str]:
    """Say what is missing of the basis of a price: whoever sets it says what it rests on (D117).

    What came without a reference before may stay so until its basis changes.
    """
    if new["price_reference"]:
        return {}
    if old is not None and old["price_basis"] == new["price_basis"] and not old["price_reference"]:
        return {}
    if new["price_basis"] == "approved":
        return {"price_reference": "بنویسید این قیمت را چه کسی و کجا مصوب کرده است."}
    return {"price_reference": "بنویسید این قیمت از کدام کالاهای هم‌سان گرفته شده است."}


def _position(cell: Cell) -> Told:
    typed = cells.spelled(cell).strip()
    if not typed:
        return Told(0)
    try:
        number = text.whole_number(typed)
    except ValueError:
        return cells.refused("position_invalid")
    return Told(number) if 0 <= number <= 1_000_000 else cells.refused("position_invalid")


# ---- Categories and brands ----


def read_category(typed: Mapping[str, str], drawings: Sequence[str], *, is_new: bool) -> Reader:
    """Read a category; `parent` stays a slug, "" at the top."""
    reader = Reader(typed)
    if is_new:
        reader.take("slug", _key)
    title = reader.text("title", 120, needed="نام دسته را بنویسید.")
    if title and ">" in title:
        reader.values.pop("title")
        reader.refuse("title", "نام دسته نمی‌تواند نشانه > داشته باشد؛ مسیر دسته‌ها با آن نوشته می‌شود.")
    reader.text("parent", 80)
    reader.choice("drawing", ("", *drawings), "نگاره را از فهرست برگزینید.")
    return reader


def path_of(above: str, title: str) -> str:
    """Return the path of a category below `above`, "" at the top."""
    return f"{above}{_PATH}{title}" if above else title


def read_brand(typed: Mapping[str, str], *, is_new: bool) -> Reader:
    """Read a brand; its other names are parted by commas."""
    reader = Reader(typed)
    if is_new:
        reader.take("slug", _key)
    reader.text("name", 120, needed="نام برند را بنویسید.")
    reader.text("name_latin", 120)
    reader.text("country", 80)
    named = reader.text("aliases", 1000) or ""
    aliases = list(dict.fromkeys(part.strip() for part in re.split("[،,]", named) if part.strip()))
    if len(aliases) > MOST_ALIASES or any(len(alias) > 120 for alias in aliases):
        reader.refuse("aliases", f"هر نام تا ۱۲۰ نویسه و بیش از {persian_digits(MOST_ALIASES)} نام نه.")
    reader.values["aliases"] = aliases
    return reader


def _key(cell: Cell) -> Told:
    told = cells.clean(cell)
    if told.reasons:
        return told
    lowered = text.latin_digits(told.value).casefold()
    return Told(lowered) if _KEY.fullmatch(lowered) else cells.refused("slug_invalid")


def read_position(typed: str) -> int | None:
    """Return the place that was typed, None for nothing. Raises Invalid."""
    told = _position(typed)
    if told.reasons:
        raise Invalid({"position": sentence(told.reasons[0])})
    return int(told.value) if typed.strip() else None


def read_attribute(typed: Mapping[str, str], *, category: str) -> Spec:
    """Read one specification of a category. Raises Invalid."""
    reader = Reader(typed)
    reader.text("name", 80, needed="نام مشخصه را بنویسید.")
    reader.choice("kind", ("text", "number", "choice", "flag"), "گونه مشخصه را برگزینید.")
    reader.text("unit", 20)
    named = reader.text("choices", 4000) or ""
    choices = tuple(dict.fromkeys(part.strip() for part in re.split("[،,]", named) if part.strip()))
    if reader.values.get("kind") == "choice":
        if len(choices) < 2:
            reader.refuse("choices", "دست‌کم دو گزینه بنویسید و میان آن‌ها ویرگول بگذارید.")
        elif len(choices) > MOST_CHOICES or any(len(choice) > 120 for choice in choices):
            reader.refuse("choices", f"هر گزینه تا ۱۲۰ نویسه و بیش از {persian_digits(MOST_CHOICES)} گزینه نه.")
    values = reader.done()
    kind = values["kind"]
    return Spec(
        values["name"],
        kind,
        values["unit"] if kind == "number" else "",
        choices if kind == "choice" else (),
        typed.get("is_required") == "1",
        typed.get("is_filter") == "1",
        category,
    )
