"""The desk of refunds: what is owed back and what each waits for, one refund with its story, accounts, Paya batches."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.billing.actions import accounts, paya
from peyman.billing.models import Account, PayaBatch, PayaLine
from peyman.billing.queries import refunds as queries
from peyman.billing.queries.refunds import Filter
from peyman.billing.rules.paya import MOST_LINES, AccountStands, bank_of, is_same_name
from peyman.entrypoints import clock, contacts, refunds
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.entrypoints.sheets import answer, cell
from peyman.gateways import banks
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.people import rules
from peyman.people.models import Person

DESK: Final = "/desk/refunds/"
BATCHES: Final = "/desk/refunds/batches/"
_LONGEST: Final = 400
_COLUMNS: Final = (
    "refund", "order", "payment", "gateway", "refnum", "amount_rials", "reason", "way", "state", "waits_for",
    "created_at", "due_at", "done_at", "bank_number",
)  # fmt: skip

LINE_STATES: Final = {
    PayaLine.State.DRAFTED: "در دسته",
    PayaLine.State.SENT: "نزد بانک",
    PayaLine.State.PAID: "پرداخت شد",
    PayaLine.State.RETURNED: "بانک برگرداند",
    PayaLine.State.DROPPED: "کنار رفت",
}


# ---- The work list ----


@require_safe
@door.staff_only("refunds")
def board(request: HttpRequest, person: Person) -> HttpResponse:
    now = clock.now()
    asked = _asked(request)
    found = queries.board(asked, request.GET.get("after", "")[:60], now)
    context = {
        "board": found,
        "asked": asked,
        "kinds": [(name, title, *found.counts[name]) for name, title in queries.WAITS.items()],
        "ways": queries.WAYS.items(),
        "title": _title(asked),
        "more": urlencode({**_kept(asked), "after": found.next}) if found.next else "",
        "is_first": not request.GET.get("after"),
        "file": urlencode(_kept(asked)),
        "has_source": bool(settings.PAYA_SHEBA),
    }
    return door.render(request, person, "refunds.html", context)


def _asked(request: HttpRequest) -> Filter:
    get = request.GET
    return Filter(
        waits_for=get.get("waits", "")[:20],
        late=get.get("late", "") == "1",
        way=get.get("way", "")[:10],
        done=get.get("done", "") == "1",
        q=get.get("q", "").replace("\0", "").strip().upper()[:40],
    )


def _kept(asked: Filter) -> dict[str, str]:
    said = {
        "waits": asked.waits_for, "late": "1" * asked.late, "way": asked.way, "done": "1" * asked.done, "q": asked.q,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value}


def _title(asked: Filter) -> str:
    if asked.done:
        return "انجام‌شده‌ها"
    if asked.late:
        return "دیرشده‌ها"
    return f"در انتظار {queries.WAITS[asked.waits_for]}" if asked.waits_for in queries.WAITS else "آنچه بدهکاریم"


@require_safe
@door.staff_only("refunds")
def board_file(request: HttpRequest, person: Person) -> HttpResponseBase:
    """Return the whole list of the filter as CSV, in rials; of its customers it says nothing."""
    now = clock.now()
    told = (
        [value if isinstance(value, int) else cell(value) for value in row.values()]
        for row in queries.listed(_asked(request), now)
    )
    return answer(f"refunds-{now:%Y%m%d-%H%M}", _COLUMNS, told)


# ---- One refund ----


@require_safe
@door.staff_only("refunds")
def refund(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    return _refund_page(request, person, code)


def _in_place(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a refusal be told on the page of the refund, with everything that was typed."""

    @wraps(view)
    def answer(request: HttpRequest, person: Person, code: str) -> HttpResponse:
        try:
            return view(request, person, code)
        except Missing:
            raise
        except Refused as refusal:
            return _refund_page(request, person, code, refusal=refusal)

    return answer


@require_POST
@door.staff_only("refunds")
@_in_place
@carries_out("D30")
def approve(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Stand behind a refund as one more person."""
    paya.approve_refund(code=code, by=person, now=clock.now())
    return redirect(f"{DESK}{code}/?approved")


@require_POST
@door.staff_only("refunds")
@_in_place
@carries_out("D35", "D16")
def declare(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Write an account down for a customer who cannot; somebody else sees whose it is, and the customer is told."""
    typed = _typed(request, "sheba", "how")
    if not typed["sheba"].strip():
        raise Invalid({"sheba": "شماره شبا را بنویسید؛ IR و ۲۴ رقم است."})
    whose = queries.story(code, clock.now()).person
    contacts.tell_sheba(whose, typed["sheba"], clock.now(), by=person, how=typed["how"])
    return redirect(f"{DESK}{code}/?declared")


@require_POST
@door.staff_only("refunds")
@_in_place
@carries_out("D35", "D16")
def look(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Show the account's whole number, for the bank's inquiry; the look is in the access log before."""
    account = _account_of(code)
    accounts.look(code=account.code, why=f"استعلام صاحب حساب برای {code}", by=person, now=clock.now())
    return _refund_page(request, person, code, is_shown=True)


@require_POST
@door.staff_only("refunds")
@_in_place
@carries_out("D35")
def holder(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Write down whose account the bank's inquiry says it is; posted with the account that was looked at."""
    typed = _typed(request, "account", "seen_name", "why")
    if typed["account"] != _account_of(code).code:
        raise AccountStands(why="مشتری حساب دیگری نوشته است")
    accounts.see_holder(code=typed["account"], seen=typed["seen_name"], why=typed["why"], by=person, now=clock.now())
    return redirect(f"{DESK}{code}/?seen")


@require_POST
@door.staff_only("refunds")
@_in_place
@carries_out("D35")
def refuse(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Put the account aside; its owner is asked for another."""
    typed = _typed(request, "account", "refuse_why")
    if typed["account"] != _account_of(code).code:
        raise AccountStands(why="مشتری حساب دیگری نوشته است")
    try:
        refunds.refuse_account(code=typed["account"], why=typed["refuse_why"], by=person, now=clock.now())
    except Invalid as fault:
        raise Invalid({"refuse_why": fault.fields["why"]}) from None
    return redirect(f"{DESK}{code}/?refused")


def _typed(request: HttpRequest, *names: str) -> dict[str, str]:
    return {name: request.POST.get(name, "").replace("\0", "")[:_LONGEST] for name in names}


def _account_of(code: str) -> Account:
    account = queries.story(code, clock.now()).account
    if account is None:
        raise AccountStands(why="مشتری آن را برداشته است")
    return account


def _refund_page(
    request: HttpRequest, person: Person, code: str, *, refusal: Refused | None = None, is_shown: bool = False
) -> HttpResponse:
    now = clock.now()
    story = queries.story(code, now)
    bad = refusal.fields if isinstance(refusal, Invalid) else {}
    typed = _typed(request, "seen_name", "why", "refuse_why", "sheba", "how") if request.method == "POST" else {}
    account = story.account
    boxes = {
        "seen_name": Field(
            "seen_name", "نامی که استعلام بانک نشان داد", typed.get("seen_name", ""),
            f"نام مشتری نزد ما: {story.person.full_name or 'ننوشته است'}", bad.get("seen_name", ""), maxlength=120,
            autocomplete="off",
        ),
        "why": Field(
            "why", "اگر نام یکی نیست، چرا پول می‌تواند به این حساب برود؟", typed.get("why", ""),
            "برای نمونه: حساب شرکتی که خریدار رسمی این سفارش است.", bad.get("why", ""), maxlength=300,
        ),
        "refuse_why": Field(
            "refuse_why", "چرا به این حساب نمی‌فرستیم؟", typed.get("refuse_why", ""), "در سرگذشت می‌ماند.",
            bad.get("refuse_why", ""), maxlength=300,
        ),
        "sheba": Field(
            "sheba", "شماره شبایی که مشتری گفت", typed.get("sheba", ""), "IR و ۲۴ رقم", bad.get("sheba", ""), ltr=True,
            maxlength=60, autocomplete="off",
        ),
        "how": Field(
            "how", "چگونه گفت و از کجا دانستید خود اوست؟", typed.get("how", ""),
            "به مشتری خبر می‌دهیم و نام صاحب حساب را همکار دیگری می‌بیند.", bad.get("how", ""), maxlength=300,
        ),
    }  # fmt: skip
    faulty = wrong(boxes.values())
    payment = story.refund.payment
    stands = {one.by_id for one in story.refund.approvals.all()} | {story.refund.by_id}
    context = {
        "story": story,
        "r": story.view,
        "refund": story.refund,
        "gateway": banks.title(payment.gateway),
        "why": queries.why_words(story.refund.paya_why),
        "account": account,
        "number": account.number if account and (is_shown or "seen_name" in bad or "why" in bad) else "",
        "masked": rules.masked(account.number) if account else "",
        "bank": bank_of(account.number) if account else "",
        "is_same_name": bool(account and account.seen_name and is_same_name(account.seen_name, story.person.full_name)),
        "lines": [(line, LINE_STATES[PayaLine.State(line.state)]) for line in story.lines],
        "is_writer": bool(account and account.declared_by_id == person.pk),
        "may_approve": story.view.waits_for == "second_person" and person.pk not in stands,
        "is_mine": story.view.waits_for == "second_person" and person.pk in stands,
        "limit": settings.TWO_PERSONS_ABOVE,
        "f": boxes,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "refusal": refusal if refusal and not faulty else None,
        "said": next((words for name, words in _SAID.items() if name in request.GET), ""),
    }
    return door.render(request, person, "refund.html", context, refusal.status if refusal else 200)


_SAID: Final = {
    "approved": "تأیید شما ثبت شد.",
    "declared": "حساب ثبت شد و به مشتری خبر دادیم. نام صاحب آن را همکار دیگری می‌بیند.",
    "seen": "نام صاحب حساب ثبت شد؛ پول می‌تواند به این حساب برود.",
    "refused": "این حساب کنار رفت و از مشتری حساب دیگری خواسته شد.",
}


# ---- Batches ----


@require_safe
@door.staff_only("refunds")
def batches(request: HttpRequest, person: Person) -> HttpResponse:
    found, following = queries.batches(request.GET.get("before", "")[:10])
    context = {
        "batches": [(row, paya.STATE_WORDS[PayaBatch.State(row.state)]) for row in found],
        "more": following,
        "ready": len(queries.ready(clock.now())),
    }
    return door.render(request, person, "paya_batches.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@door.staff_only("refunds")
@carries_out("D30", "D35")
def new_batch(request: HttpRequest, person: Person) -> HttpResponse:
    """Choose among the refunds that can leave now; posted, put the chosen ones into a batch."""
    now = clock.now()
    if request.method != "POST":
        return _new_page(request, person, now)
    chosen = [code[:32] for code in request.POST.getlist("refund")[: MOST_LINES + 1]]
    try:
        batch = paya.draft(refunds=chosen, by=person, now=now)
    except Refused as refusal:
        return _new_page(request, person, now, refusal, chosen)
    return redirect(f"{BATCHES}{batch.code}/?drafted")


def _new_page(
    request: HttpRequest, person: Person, now: datetime, refusal: Refused | None = None, chosen: list[str] | None = None
) -> HttpResponse:
    ready = queries.ready(now)
    context = {
        "ready": [(row, chosen is None or row.code in chosen) for row in ready],
        "total": sum(row.amount for row in ready),
        "limit": settings.TWO_PERSONS_ABOVE,
        "source": rules.masked(settings.PAYA_SHEBA),
        "source_bank": bank_of(settings.PAYA_SHEBA),
        "refusal": refusal,
    }
    return door.render(request, person, "paya_new.html", context, refusal.status if refusal else 200)


@require_safe
@door.staff_only("refunds")
def batch(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    return _batch_page(request, person, code)


@require_POST
@door.staff_only("refunds")
@carries_out("D30")
def approve_batch(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Let a batch go; from here on nothing of it changes."""
    try:
        refunds.approve_batch(code=code, by=person, now=clock.now())
    except Missing:
        raise
    except Refused as refusal:
        return _batch_page(request, person, code, refusal)
    return redirect(f"{BATCHES}{code}/?approved")


@require_POST
@door.staff_only("refunds")
@carries_out("D30", "D35")
def batch_file(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Give the batch's file; posted, since taking it the first time hands the batch to the bank."""
    kind = "csv" if request.POST.get("kind") == "csv" else "ccti"
    try:
        name, data = refunds.take_file(code=code, kind=kind, by=person, now=clock.now())
    except Missing:
        raise
    except Refused as refusal:
        return _batch_page(request, person, code, refusal)
    answer = HttpResponse(data, content_type="text/csv; charset=utf-8" if kind == "csv" else "application/xml")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_POST
@door.staff_only("refunds")
@carries_out("D30")
def drop_batch(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Put a batch aside; what it carried is owed as before."""
    typed = _typed(request, "why")
    try:
        paya.drop(code=code, why=typed["why"], by=person, now=clock.now())
    except Missing:
        raise
    except Refused as refusal:
        return _batch_page(request, person, code, refusal, typed)
    return redirect(f"{BATCHES}{code}/?dropped")


def _batch_page(
    request: HttpRequest,
    person: Person,
    code: str,
    refusal: Refused | None = None,
    typed: Mapping[str, str] | None = None,
) -> HttpResponse:
    row, lines = queries.batch(code)
    bad = refusal.fields if isinstance(refusal, Invalid) else {}
    box = Field(
        "why", "چرا کنار می‌رود؟", (typed or {}).get("why", ""), "در سرگذشت هر بازپرداخت می‌ماند.", bad.get("why", ""),
        maxlength=300,
    )  # fmt: skip
    faulty = wrong([box])
    state = PayaBatch.State(row.state)
    context = {
        "batch": row,
        "state": paya.STATE_WORDS[state],
        "lines": [
            {
                "row": line,
                "state": LINE_STATES[PayaLine.State(line.state)],
                "masked": rules.masked(line.account.number),
                "bank": bank_of(line.account.number),
                "is_stale": line.state == PayaLine.State.DRAFTED
                and bool(line.account.replaced_at or line.account.refused_at),
            }
            for line in lines
        ],
        "source": rules.masked(row.source),
        "source_bank": bank_of(row.source),
        "may_approve": state is PayaBatch.State.DRAFTED and not (row.needs_two and row.created_by_id == person.pk),
        "is_mine": state is PayaBatch.State.DRAFTED and row.needs_two and row.created_by_id == person.pk,
        "has_file": state in (PayaBatch.State.APPROVED, PayaBatch.State.SENT, PayaBatch.State.SETTLED),
        "may_drop": state in (PayaBatch.State.DRAFTED, PayaBatch.State.APPROVED)
        or (state is PayaBatch.State.SENT and row.sent_by_id != person.pk),
        "limit": settings.TWO_PERSONS_ABOVE,
        "f": box,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "refusal": refusal if refusal and not faulty else None,
        "said": next((words for name, words in _BATCH_SAID.items() if name in request.GET), ""),
    }
    return door.render(request, person, "paya_batch.html", context, refusal.status if refusal else 200)


_BATCH_SAID: Final = {
    "drafted": "دسته ساخته شد. تا تأیید نشود، فایلی ندارد.",
    "approved": "دسته تأیید شد و دیگر عوض نمی‌شود. فایل را بگیرید و به بانک بدهید.",
    "dropped": "دسته کنار رفت و بازپرداخت‌هایش دوباره آماده رفتن‌اند.",
}
