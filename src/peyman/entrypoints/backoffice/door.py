"""Who may enter which desk. Whoever may not is told that there is no such page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.shortcuts import render as django_render
from django.views.decorators.cache import never_cache

from peyman.entrypoints import clock
from peyman.kernel.errors import Missing
from peyman.people import rules
from peyman.people.models import Person


@dataclass(frozen=True)
class Desk:
    """One desk in the staff's navigation: `right` opens it."""

    url: str
    title: str
    right: str


# In the order of the tabs.
DESKS: list[Desk] = [
    Desk("/desk/orders/", "سفارش‌ها", "orders"),
    Desk("/desk/goods/", "کالاها", "goods"),
    Desk("/desk/prices/", "قیمت‌ها", "prices"),
    Desk("/desk/sale/", "توقف فروش", "sale"),
    Desk("/desk/search/", "جست‌وجو", "search"),
    Desk("/desk/promises/", "قول‌ها", "promises"),
    Desk("/desk/refunds/", "بازپرداخت‌ها", "refunds"),
    Desk("/desk/money/", "دفتر و بانک", "money"),
    Desk("/desk/addresses/", "نشانی‌ها", "addresses"),
    Desk("/desk/tariff/", "تعرفه", "tariff"),
    Desk("/desk/calendar/", "روزهای کاری", "calendar"),
    Desk("/desk/force-majeure/", "قوه قهریه", "force_majeure"),
    Desk("/desk/terms/", "شرایط", "terms"),
    Desk("/desk/messages/", "پیام‌ها", "messages"),
    Desk("/desk/senders/", "فرستنده‌ها", "senders"),
    Desk("/desk/newsletter/", "خبرنامه", "newsletter"),
    Desk("/desk/privacy/", "حریم خصوصی", "privacy"),
    Desk("/desk/takedowns/", "حذف تصویر", "takedown"),
    Desk("/desk/people/", "داده‌های مشتریان", "people"),
    Desk("/desk/readers/", "خوانندگان", "readers"),
    Desk("/desk/permissions/", "مجوزها", "permissions"),
]


def staff_only(right: str) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Open a view to members of staff whose role has `right`, and give it that person.

    A stranger is led to the log-in, whose second factor every member of staff must pass; a customer, or a member of
    staff without the right, gets the page for addresses that lead nowhere.
    """

    def wrap(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @never_cache
        @wraps(view)
        def answer(request: HttpRequest, **kwargs: object) -> HttpResponseBase:
            person = request.user if isinstance(request.user, Person) else None
            if person is None:
                return redirect(f"/login/?next={quote(request.path)}")
            if not rules.may(person.role, right):
                raise Missing
            return view(request, person, **kwargs)

        return answer

    return wrap


def desks_of(person: Person) -> list[Desk]:
    """Return the desks that this person may enter."""
    return [desk for desk in DESKS if rules.may(person.role, desk.right)]


def number_in(request: HttpRequest, name: str) -> str:
    """Return a number that an address of ours carries, as it stands there; "" for what is none."""
    said = request.GET.get(name, "")[:9]
    return said if said.isdecimal() else ""


def render(
    request: HttpRequest, person: Person, template: str, context: Mapping[str, object], status: int = 200
) -> HttpResponse:
    """Render a page of a desk in the frame of staff: `me`, `desks` and `now` are there beside `context`."""
    frame = {"me": person, "desks": desks_of(person), "now": clock.now(), "path": request.path}
    return django_render(request, f"backoffice/{template}", {**frame, **context}, status=status)
