"""Taking one's data along, and being forgotten (D16)."""

import json
from datetime import datetime
from typing import Any

from django.contrib.auth import logout
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from peyman.entrypoints import clock, personal_data
from peyman.entrypoints.storefront.members import members_only
from peyman.entrypoints.storefront.sessions import forget_sessions
from peyman.kernel.clauses import carries_out
from peyman.people import queries
from peyman.people.models import Person

WHAT_WORDS = {
    "contacts": "راه‌های تماس و مشخصات",
    "case": "گزارش حریم خصوصی",
    "birth_date": "تاریخ تولد (اصلاح)",
    "national_id": "کد ملی",
    "identity": "کد ملی و شماره شبا",
    "lost_line": "عوض کردن شماره گم‌شده",
    "messages": "پیام‌های فرستاده‌شده",
    "order": "گیرنده و نشانی یک سفارش",
    "orders": "فهرست سفارش‌ها",
    "orders_file": "گیرنده و نشانی سفارش‌ها، در یک فایل",
}
ROLE_WORDS = {
    "privacy": "حریم خصوصی",
    "tariff": "میز تعرفه",
    "manager": "مدیر فروشگاه",
    "orders": "میز سفارش",
    "catalogue": "میز کالا",
    "finance": "میز مالی",
}


@require_safe
@members_only()
@carries_out("D16")
def data(request: HttpRequest, person: Person) -> HttpResponse:
    return _page(request, person)


def _page(request: HttpRequest, person: Person, unsure: bool = False) -> HttpResponse:
    now: datetime = clock.now()
    context: dict[str, Any] = {
        "seen": [
            (ROLE_WORDS.get(row.by.role, row.by.role), WHAT_WORDS.get(row.what, row.what), row)
            for row in queries.seen_by_staff(person)
        ],
        "kept": personal_data.kept_words(personal_data.kept_of(person, now)),
        "unsure": unsure,
        "is_staff": person.is_staff,
    }
    return render(request, "storefront/my_data.html", context, status=422 if unsure else 200)


@require_POST
@members_only("/account/data/")
@carries_out("D16")
def export(request: HttpRequest, person: Person) -> HttpResponse:
    """Give everything we keep of this person, as one JSON file."""
    told = personal_data.everything_about(person, clock.now())
    text = json.dumps(told, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
    response = HttpResponse(text, content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="peyman-data.json"'
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@members_only("/account/data/")
@carries_out("D16")
def erase(request: HttpRequest, person: Person) -> HttpResponse:
    """Close the account and forget what nothing makes us keep; only when asked for by a tick."""
    if request.POST.get("sure") != "1" or person.is_staff:
        return _page(request, person, unsure=not person.is_staff)
    erasure, keys = personal_data.erase(person, clock.now())
    forget_sessions(keys)
    logout(request)
    request.session["erased"] = erasure.code
    return redirect("/erased/")


@require_safe
def erased(request: HttpRequest) -> HttpResponse:
    """Say once what was done and what stays, to the browser that asked."""
    erasure = personal_data.erasure(request.session.pop("erased", ""))
    context = {"erasure": erasure, "kept": personal_data.kept_words(erasure.kept), "open": erasure.done_at is None}
    return render(request, "storefront/erased.html", context)
