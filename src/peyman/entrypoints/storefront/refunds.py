"""What a customer gets back, what each waits for, and the account that money goes to (D30, D35)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from peyman.billing.models import Account
from peyman.billing.queries import refunds as queries
from peyman.billing.queries.refunds import RefundView
from peyman.billing.rules.paya import bank_of
from peyman.entrypoints import clock, contacts
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.entrypoints.storefront.members import members_only
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.people import rules
from peyman.people.models import Person

_LONGEST: Final = 300

WAITS: Final = {
    "account": "درگاه بانک این مبلغ را برنمی‌گرداند. شماره شبای خود را بنویسید تا به همان حساب بفرستیم.",
    "holder": "حساب شما رسید. پیش از فرستادن پول، نام صاحب حساب را از بانک می‌پرسیم؛ از شما کاری نمی‌خواهیم.",
    "second_person": "برای مبلغ‌های بزرگ دو همکار ما پای فرستادن پول می‌ایستند و نوبت نفر دوم است.",
    "batch": "همه چیز آماده است و پول با نوبت بعدی حواله‌های پایا فرستاده می‌شود.",
    "bank": "به بانک سپرده‌ایم. با رسیدن خبر بانک، همین‌جا و با پیامک می‌گوییم.",
}


@dataclass(frozen=True)
class Back:
    """One refund as parts/back.html prints it."""

    view: RefundView
    words: str

    @property
    def asks_account(self) -> bool:
        return self.view.waits_for == "account"


def backs(views: Iterable[RefundView]) -> list[Back]:
    """Return refunds with the words that their owner reads."""
    return [Back(view, WAITS.get(view.waits_for, "")) for view in views]


@require_safe
@members_only()
@carries_out("D30", "D35")
def mine(request: HttpRequest, person: Person) -> HttpResponse:
    return _page(request, person)


@require_POST
@members_only("/account/refunds/")
@carries_out("D35", "D16")
def declare(request: HttpRequest, person: Person) -> HttpResponse:
    """Write down the account that money goes back to; its owner is told by every contact that counts."""
    typed = request.POST.get("sheba", "")[:_LONGEST]
    if not typed.strip():
        return _page(request, person, typed, Invalid({"sheba": "شماره شبا را بنویسید؛ IR و ۲۴ رقم است."}))
    try:
        changed = contacts.tell_sheba(person, typed, clock.now())
    except Refused as refusal:
        return _page(request, person, typed, refusal)
    return redirect("/account/refunds/?saved" if changed else "/account/refunds/?same")


def _page(request: HttpRequest, person: Person, typed: str = "", refusal: Refused | None = None) -> HttpResponse:
    now = clock.now()
    bad = refusal.fields if isinstance(refusal, Invalid) else {}
    box = Field(
        "sheba", "شماره شبا به نام خودتان", typed, "IR و ۲۴ رقم؛ با فاصله و رقم فارسی هم پذیرفته است.",
        bad.get("sheba", ""), ltr=True, maxlength=60, autocomplete="off", clause="D40",
    )  # fmt: skip
    faulty = wrong([box])
    account = queries.account_of(person)
    mine = backs(queries.of_person(person, now))
    context = {
        "account": _shown(account) if account else None,
        "former": [_shown(row) for row in queries.accounts_of(person) if row.replaced_at and row.number],
        "owed": [one for one in mine if one.view.waits_for],
        "done": [one for one in mine if not one.view.waits_for],
        "asks": any(one.asks_account for one in mine),
        "f": box,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "refusal": refusal if refusal and not faulty else None,
        "saved": "saved" in request.GET,
        "same": "same" in request.GET,
    }
    return render(request, "storefront/refunds.html", context, status=refusal.status if refusal else 200)


@dataclass(frozen=True)
class Shown:
    """An account without its number: the bank, the last digits, and how far we are with it."""

    masked: str
    bank: str
    row: Account

    @property
    def words(self) -> str:
        if self.row.refused_at:
            return "به این حساب دیگر پولی نمی‌فرستیم؛ حساب دیگری بنویسید."
        if self.row.seen_at:
            return "نام صاحب حساب را از بانک پرسیده‌ایم و پول به همین حساب می‌رود."
        return "پیش از نخستین فرستادن، نام صاحب حساب را از بانک می‌پرسیم."


def _shown(row: Account) -> Shown:
    return Shown(rules.masked(row.number), bank_of(row.number), row)
