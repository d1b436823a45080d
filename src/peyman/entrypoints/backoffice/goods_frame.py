"""What the pages of the goods' desk share: boxes from what was typed, what somebody changed meanwhile, and names."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from peyman.entrypoints.backoffice import door
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import persian_digits, whole_number
from peyman.people.models import Person
from peyman.shop.catalog.models import CatalogChange
from peyman.shop.catalog.queries import goods as queries
from peyman.shop.catalog.rules import specs
from peyman.shop.catalog.rules.changes import ChangedMeanwhile, field_words

RIGHT: Final = "goods"
LONGEST: Final = 5_000  # of what is typed; a longer text is too long for every box, and said to be
_LARGEST_ID: Final = 2**63 - 1

BASES: Final = (("approved", "مصوب"), ("market", "بازار"))
SOURCES: Final = (("", "—"), *specs.SOURCES.items())
TINTS: Final = (("", "ساده"), ("v2", "فیروزه‌ای"), ("v3", "زرین"), ("v4", "گلگون"))
AGES: Final = (("", "—"), *((f"+{age}", f"+{persian_digits(age)}") for age in (3, 6, 8, 12, 18)))


@dataclass(frozen=True)
class Box:
    """A box of a form before anything is typed."""

    name: str
    label: str
    hint: str = ""
    most: int = 0
    ltr: bool = False
    options: tuple[tuple[str, str], ...] = ()
    list: str = ""
    inputmode: str = ""


@dataclass
class Sent:
    """What was typed, what is wrong with it, and what somebody else changed meanwhile."""

    typed: dict[str, str] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)
    meanwhile: "list[Told]" = field(default_factory=list)
    refusal: Refused | None = None

    @property
    def status(self) -> int:
        return 409 if self.meanwhile else self.refusal.status if self.refusal else 422 if self.bad else 200


@dataclass(frozen=True)
class Told:
    """A row of the history as staff read it."""

    change: CatalogChange
    field: str
    who: str


def fields(boxes: Iterable[Box], typed: Mapping[str, str], bad: Mapping[str, str]) -> list[Field]:
    """Return the boxes filled in; an error names its box."""
    return [
        Field(
            box.name,
            box.label,
            typed.get(box.name, ""),
            box.hint,
            f"{box.label}: {bad[box.name]}" if box.name in bad else "",
            ltr=box.ltr,
            maxlength=box.most,
            options=box.options,
            list=box.list,
            inputmode=box.inputmode,
            autocomplete="" if box.options else "off",
        )
        for box in boxes
    ]


def typed_in(request: HttpRequest, boxes: Iterable[Box]) -> dict[str, str]:
    return {box.name: request.POST.get(box.name, "")[:LONGEST] for box in boxes}


def number_in(values: Mapping[str, Any], name: str) -> int:
    """Return the number of an address or a hidden box, 0 for what is none."""
    try:
        number = whole_number(values.get(name, "")[:20])
    except ValueError:
        return 0
    return number if 0 <= number <= _LARGEST_ID else 0


def refused(refusal: Refused, typed: dict[str, str], was: Mapping[str, str], now: Mapping[str, str]) -> Sent:
    """Return what goes back to the page. What the reader left alone stands as it is now, the rest as typed."""
    if isinstance(refusal, ChangedMeanwhile):
        merged = {name: now.get(name, "") if text == was.get(name) else text for name, text in typed.items()}
        return Sent(merged, meanwhile=told(refusal.details["since"]), refusal=refusal)
    if isinstance(refusal, Invalid):
        return Sent(typed, dict(refusal.fields), refusal=refusal)
    return Sent(typed, refusal=refusal)


def take(
    request: HttpRequest,
    boxes: Iterable[Box],
    first: Sent,
    act: Callable[[dict[str, str]], str],
    *,
    was: Mapping[str, str] | None = None,
) -> Sent | HttpResponse:
    """Do what was posted and lead on to the address that `act` returns; else return what the form is to show.

    `first` is shown where nothing was posted; `was` holds what stands now of a form that changes something.
    """
    if request.method != "POST":
        return first
    typed = typed_in(request, boxes)
    try:
        return redirect(act(typed))
    except Refused as refusal:
        return refused(refusal, typed, {} if was is None else was_in(request), was or {})


def was_in(request: HttpRequest) -> dict[str, str]:
    """Return what the boxes held when the page was given out."""
    try:
        found = json.loads(request.POST.get("was", "")[:400_000])
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def told(changes: Sequence[CatalogChange]) -> list[Told]:
    """Give changes their words, and those who made them their names. One query."""
    names = dict(Person.objects.filter(code__in={each.by for each in changes}).values_list("code", "full_name"))
    return [Told(each, field_words(each.field), names.get(each.by, each.by)) for each in changes]


def render(
    request: HttpRequest,
    person: Person,
    template: str,
    context: Mapping[str, object],
    *,
    sent: Sent | None = None,
    boxes: Sequence[Field] = (),
    was: Mapping[str, str] | None = None,
    seen: int = 0,
) -> HttpResponse:
    """Render a page of this desk with its form: errors first, what changed meanwhile, and what was there before."""
    faulty = wrong(boxes)
    frame = {
        "sent": sent,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "was": json.dumps(dict(was or {}), ensure_ascii=False),
        "seen": seen,
        "done": next((name for name in DONE if name in request.GET), ""),
        "done_words": next((words for name, words in DONE.items() if name in request.GET), ""),
    }
    return door.render(request, person, template, {**frame, **context}, sent.status if sent else 200)


DONE: Final[Mapping[str, str]] = {
    "saved": "ذخیره شد.",
    "same": "چیزی عوض نشده بود؛ همان که بود ماند.",
    "added": "ثبت شد.",
    "removed": "برداشته شد.",
    "stopped": "از فروش برداشته شد.",
    "resumed": "به فروش برگشت.",
    "begun": "آوردن آغاز شد.",
    "dropped": "کنار گذاشته شد.",
}


def category_options() -> tuple[tuple[str, str], ...]:
    return tuple((row.slug, row.path) for row in queries.tree())


def brand_options() -> tuple[tuple[str, str], ...]:
    return tuple((row.slug, row.name) for row in queries.brands_in_order())
