"""What is remembered of a change: which field, from what to what, and whether it corrects what buyers had read."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from peyman.kernel.errors import Refused
from peyman.shop.catalog.rules.specs import source_words

CREATED = "created"
ATTRIBUTE, SOURCE = "attributes/", "sources/"
PICTURES = "media/"  # what `shop.media` writes
_SPECIFICATIONS: Final = ("model", "age_mark", "weight_g")
WORDS: Final[Mapping[str, str]] = {
    CREATED: "ثبت شد",
    "title": "عنوان",
    "title_latin": "عنوان لاتین",
    "slug": "نشانی",
    "model": "مدل",
    "description": "توضیح",
    "category": "دسته",
    "brand": "برند",
    "age_mark": "رده سنی",
    "weight_g": "وزن (گرم)",
    "drawing": "نگاره",
    "tint": "رنگ‌مایه نگاره",
    "listed_on": "روز آمدن به فهرست",
    "origin": "خاستگاه",
    "source": "منبع رکورد",
    "color": "رنگ",
    "size": "اندازه",
    "warranty": "گارانتی",
    "price_basis": "مبنای قیمت",
    "price_reference": "مرجع قیمت",
    "spec_source": "منبع مشخصات",
    "image_hint": "راهنمای تصویر",
    "position": "جای آن",
    "is_on_sale": "فروش",
    "name": "نام",
    "name_latin": "نام لاتین",
    "country": "کشور",
    "aliases": "نام‌های دیگر",
    "parent": "دسته بالاتر",
    "path": "مسیر",
}


class ChangedMeanwhile(Refused):
    """Somebody else changed the same thing after it was read. `since`: what they changed, as rows of the history."""

    code = "changed_meanwhile"
    says = "ذخیره نشد: پس از آن که این صفحه را گشودید، کس دیگری همین را عوض کرده است. نوشته شما همین‌جاست."


class Difference(NamedTuple):
    """A field that changed, with both values as a reader sees them."""

    field: str
    old: str
    new: str


def field_words(field: str) -> str:
    """Name a field in Persian: "attributes/رم" → «رم», "sources/رم" → «منبع رم»."""
    if field.startswith(ATTRIBUTE):
        return field.removeprefix(ATTRIBUTE)
    if field.startswith(SOURCE):
        return f"منبع {field.removeprefix(SOURCE)}"
    if field.startswith(PICTURES):
        return "ترتیب تصویرها" if field == f"{PICTURES}order" else "تصویر یا ویدیو"
    return WORDS.get(field, field)


def shown(value: Any) -> str:
    """Write a value as the history keeps it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "بله" if value else "نه"
    if isinstance(value, list | tuple):
        return "، ".join(map(str, value))
    return str(value)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Say what `new` has otherwise than `old`, by field; specifications and their sources one by one."""
    found: list[Difference] = []
    for field, value in new.items():
        before = old[field]
        if before == value:
            continue
        if field == "attributes":
            found += _by_name(ATTRIBUTE, before, value)
        elif field == "sources":
            said = ({name: source_words(source) for name, source in each.items()} for each in (before, value))
            found += _by_name(SOURCE, *said)
        else:
            found.append(Difference(field, shown(before), shown(value)))
    return found


def _by_name(prefix: str, old: Mapping[str, str], new: Mapping[str, str]) -> list[Difference]:
    names = dict.fromkeys((*old, *new))
    return [
        Difference(prefix + name, old.get(name, ""), new.get(name, ""))
        for name in names
        if old.get(name, "") != new.get(name, "")
    ]


def is_specification(field: str) -> bool:
    return field.startswith(ATTRIBUTE) or field in _SPECIFICATIONS


def corrects(found: Difference) -> bool:
    """Say whether this changes a specification that somebody could have bought by: one that stood there before."""
    return bool(found.old) and is_specification(found.field)
