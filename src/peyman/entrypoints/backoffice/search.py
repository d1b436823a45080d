"""The desk of search: how words are understood, what is looked for in vain, and which words mean the same."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.kernel.errors import Invalid
from peyman.kernel.text import normalise
from peyman.kernel.worktime import tehran_day
from peyman.people.models import Person
from peyman.shop.catalog import queries as catalog
from peyman.shop.catalog.queries import search as shelf
from peyman.shop.catalog.rules.search import asking
from peyman.shop.catalog.rules.search.vocabulary import Vocabulary
from peyman.shop.finding import actions, queries, rules

_DAYS: Final = 30
_LONGEST: Final = 1000
_TRIED: Final = 120
# How near an alternative is, in the words of the desk, nearest first.
_WHYS: Final = (
    (asking.AS_TYPED, "همان واژه، یا همان با املای دیگر"),
    (asking.MEANT, "هم‌معنی یا شکل دیگر آن"),
    (asking.HEARD, "همان آوا به خط یا حرف دیگر"),
    (asking.SLIPPED, "یک لغزش انگشت دورتر"),
    (asking.INSIDE - 1, "هم‌معنی چیزی که شاید نوشته شده"),
)
_PART: Final = "بخشی از واژه‌ای بلندتر"
_MOST_SHOWN: Final = 12
_BOXES: Final = (
    (
        "words",
        "واژه‌هایی که یک معنی دارند",
        "با = یا ویرگول از هم جدا کنید؛ مانند «هواپز = سرخ‌کن بدون روغن»",
        _LONGEST,
    ),
    (
        "also",
        "و تنها از این سو، این‌ها را هم بجوید",
        "اگر برعکسش درست نیست: «انویدیا» یعنی geforce هم، ولی geforce یعنی خودش. خالی هم می‌ماند",
        _LONGEST,
    ),
    ("why", "چرا", "در تاریخچه می‌ماند؛ مانند «۱۲ بار جسته شد و پیدا نشد»", rules.LONGEST_WHY),
)


@dataclass(frozen=True)
class Why:
    """Words that would do for what was typed, by the same reason."""

    why: str
    words: list[str]
    more: int


@dataclass(frozen=True)
class Understood:
    """A word, or several that belong together, and all that would do for it."""

    typed: str
    is_known: bool
    whys: list[Why]


@door.staff_only("search")
@require_http_methods(["GET", "HEAD", "POST"])
def board(request: HttpRequest, person: Person) -> HttpResponse:
    """Show how a search is understood, what found little, and the words of staff; take a new set of them."""
    if request.method != "POST":
        return _page(request, person)
    typed = {name: request.POST.get(name, "")[:_LONGEST] for name in ("words", "also", "why")}
    try:
        actions.say_same(**typed, by=person.code, now=clock.now())
    except Invalid as refusal:
        return _page(request, person, typed, refusal.fields)
    except rules.SaidAlready as refusal:
        return _page(request, person, typed, {"words": refusal.detail})
    return redirect("/desk/search/?" + urlencode({"q": typed["words"].split("=")[0].strip()[:_TRIED], "said": 1}))


@door.staff_only("search")
@require_POST
def switch(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Let a set of words count, or count no longer."""
    is_on = request.POST.get("on") == "1"
    why = request.POST.get("why", "")[:_LONGEST].strip() or ("دوباره به کار آمد" if is_on else "کنار گذاشته شد")
    by = person.code
    actions.switch(code=code, is_on=is_on, why=why, by=by, now=clock.now())
    return redirect("/desk/search/?switched=" + ("on" if is_on else "off") + "#own")


@door.staff_only("search")
@require_safe
def history(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Show all versions of a set of words, newest first."""
    return door.render(request, person, "search_set.html", {"rows": queries.history(code)})


def _page(
    request: HttpRequest,
    person: Person,
    typed: dict[str, str] | None = None,
    bad: dict[str, str] | None = None,
) -> HttpResponse:
    now = clock.now()
    tried = normalise(request.GET.get("q", "")[:_TRIED])
    typed, bad = typed or {"words": normalise(request.GET.get("words", "")[:_LONGEST])}, bad or {}
    boxes = [
        Field(name, label, typed.get(name, ""), hint, bad.get(name, ""), maxlength=most)
        for name, label, hint, most in _BOXES
    ]
    faults = wrong(boxes)
    found = catalog.list_cards(catalog.Ask(q=tried, sort="relevant", limit=6)) if tried else None
    context = {
        "tried": tried,
        "groups": _understood(tried) if tried else [],
        "found": found,
        "sought": queries.sought(since=tehran_day(now) - timedelta(days=_DAYS)),
        "days": _DAYS,
        "few": rules.FEW,
        "sets": queries.sets(),
        "ours": len(shelf.our_words()),
        "boxes": boxes,
        "wrong": faults,
        "heading": heading(len(faults)),
        "said": "said" in request.GET,
        "switched": request.GET.get("switched", ""),
    }
    return door.render(request, person, "search.html", context, 422 if faults else 200)


def _understood(typed: str) -> list[Understood]:
    words = shelf.vocabulary()
    return [
        Understood(group.typed, not group.is_guess, _whys(group, words))
        for group in asking.understand(typed, words, shelf.same_words())
    ]


def _whys(group: asking.Group, known: Vocabulary) -> list[Why]:
    left = [other for other in group.others if all(word in known for word in other.words)]
    found = []
    for most, why in (*_WHYS, (10_000, _PART)):
        words = [" ".join(other.words) for other in left if other.cost <= most]
        left = [other for other in left if other.cost > most]
        if words:
            found.append(Why(why, words[:_MOST_SHOWN], max(len(words) - _MOST_SHOWN, 0)))
    return found
