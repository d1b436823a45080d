"""The desk of messages: what waits, what is dead and why, how the providers do, and as whom we write."""

from collections import Counter
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.fields import Field
from peyman.gateways import sms
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing
from peyman.messages import actions, queries, rules
from peyman.messages.rules import NoSender, NotWorthRetrying
from peyman.people import actions as people
from peyman.people import queries as person_queries
from peyman.people.models import Person

TEMPLATES = {
    "login_code": "کد ورود",
    "contact_code": "کد تأیید نشانی",
    "guardian_confirmation": "اجازه ولی یا قیم",
    "waybill": "بارنامه",
    "terms_changed": "نسخه تازه شرایط",
    "force_majeure": "قوه قهریه",
    "privacy_received": "رسید گزارش حریم خصوصی",
    "privacy_answered": "پاسخ گزارش حریم خصوصی",
    "newsletter": "خبرنامه",
    "pro_forma": "پیش‌فاکتور",
    "cart_code": "کد سبد خرید",
    "order_short": "کمبود کالا",
    "refund_done": "بازگشت وجه",
    "refund_account": "خواستن حساب برای بازگشت وجه",
    "refund_came_back": "برگشت حواله از بانک",
    "order_expired": "پایان مهلت پرداخت",
    "order_cancelled": "لغو سفارش",
    "order_cancelled_by_shop": "لغو از سوی فروشگاه",
    "order_data_asked": "خواستن اطلاعات بیشتر",
    "order_unanswered": "لغو، بی پاسخ",
    "promise_broken": "هشدار قول‌های شکسته",
    "account_changed": "خبر تغییر حساب",
    "mobile_change_asked": "درخواست تغییر شماره",
    "force_majeure_ended": "پایان قوه قهریه",
    "registry_alarm": "هشدار فهرست ملی",
    "audit_alarm": "هشدار ممیزی تعرفه",
    "incident": "رویداد تعرفه",
    "registry_drift": "هشدار جابه‌جایی نشانی‌ها",
}
PROVIDERS = {"kavenegar": "کاوه‌نگار", "smsir": "SMS.ir", "smtp": "کارساز ایمیل", "inbox": "صندوق آزمایشی", "": ""}
OUTCOMES = {
    "sent": "رفت", "refused": "نپذیرفت", "unknown": "نامعلوم", "stale": "کهنه شد", "lost": "کارگر افتاد",
    "retry": "دوباره",
}  # fmt: skip
SENDER_KINDS = (("sms", "خط پیامک"), ("email", "ایمیل"), ("domain", "دامنه"), ("phone", "تلفن"))


@require_http_methods(["GET", "HEAD", "POST"])
@door.staff_only("messages")
@carries_out("D10")
def outbox(request: HttpRequest, person: Person) -> HttpResponse:
    """Dead letters, or with `?show=waiting` what waits, beside the figures; posted, the messages to an address."""
    if request.method == "POST":
        return _search(request, person)
    now = clock.now()
    show = "waiting" if request.GET.get("show") == "waiting" else "dead"
    after = request.GET.get("after", "")
    letters, following = queries.letters(show, now, after=int(after) if after.isdecimal() and len(after) < 19 else 0)
    return _desk(request, person, show, letters, following, now)


@carries_out("D16")
def _search(request: HttpRequest, person: Person) -> HttpResponse:
    """Show the latest messages to one address, after the reason was written into the access log.

    Posted, so that no number stands in an address line or a log of the web server.
    """
    now = clock.now()
    to, why = (Field(**{**vars(field), "value": request.POST.get(field.name, "")}) for field in _search_fields())
    try:
        stored = rules.address(rules.EMAIL if "@" in to.value else rules.SMS, to.value.strip())
    except rules.BadMessage:
        to = Field(**{**vars(to), "error": "شماره موبایل یا نشانی ایمیل را کامل بنویسید."})
        return _desk(request, person, "found", [], 0, now, (to, why))
    try:
        people.note_access(
            by=person,
            whose=person_queries.by_mobile(stored),
            subject=f"messages:{rules.hidden(rules.EMAIL if '@' in stored else rules.SMS, stored)}"[:60],
            what="messages",
            why=why.value,
            now=now,
        )
    except Invalid as refusal:
        why = Field(**{**vars(why), "error": refusal.fields["why"]})
        return _desk(request, person, "found", [], 0, now, (to, why))
    return _desk(request, person, "found", queries.letters_to(stored, now), 0, now, (to, why))


def _search_fields() -> tuple[Field, Field]:
    return (
        Field("to", "شماره یا ایمیل گیرنده", ltr=True, maxlength=254, autocomplete="off"),
        Field("why", "برای چه کاری", hint="در دفتر دسترسی می‌ماند", maxlength=200),
    )


def _desk(
    request: HttpRequest,
    person: Person,
    show: str,
    letters: list[queries.Letter],
    following: int,
    now: datetime,
    fields: tuple[Field, Field] | None = None,
) -> HttpResponse:
    fields = fields or _search_fields()
    return door.render(
        request,
        person,
        "messages.html",
        {
            "show": show,
            "letters": [_row(letter) for letter in letters],
            "next": following,
            "figures": queries.figures(now),
            "providers": _providers(now),
            "fields": fields,
        },
        status=422 if any(field.error for field in fields) else 200,
    )


@require_safe
@door.staff_only("messages")
def letter(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """One message's channel log. Neither its text nor the whole of its address is shown."""
    return _letter(request, person, code)


@require_POST
@door.staff_only("messages")
def retry(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Put a dead message back into the queue."""
    try:
        actions.retry(code=code, by=person.code, now=clock.now())
    except NotWorthRetrying as refusal:
        return _letter(request, person, code, refusal)
    return redirect(f"/desk/messages/{code}/")


@require_http_methods(["GET", "HEAD", "POST"])
@door.staff_only("senders")
@carries_out("D14")
def senders(request: HttpRequest, person: Person) -> HttpResponse:
    """The public list of senders: staff add an address to it and end one."""
    kind = Field("kind", "نوع", value="sms", options=SENDER_KINDS)
    address = Field("address", "نشانی یا شماره", ltr=True, maxlength=254)
    what_for = Field("what_for", "برای چه", hint="همان که در صفحه عمومی دیده می‌شود", maxlength=120)
    if request.method == "POST":
        kind, address, what_for = (
            Field(**{**vars(field), "value": request.POST.get(field.name, "")}) for field in (kind, address, what_for)
        )
        try:
            actions.announce(
                kind=kind.value, address=address.value, what_for=what_for.value, by=person.code, now=clock.now()
            )
        except NoSender as refusal:
            address = Field(**{**vars(address), "error": refusal.detail})
        else:
            return redirect("/desk/senders/")
    words = dict(SENDER_KINDS)
    rows = [{"sender": row, "kind": words[row.kind]} for row in queries.senders()]
    context = {"rows": rows, "fields": [kind, address, what_for]}
    return door.render(request, person, "senders.html", context, status=422 if address.error else 200)


@require_POST
@door.staff_only("senders")
def end_sender(request: HttpRequest, person: Person, sender_id: int) -> HttpResponse:
    """End an address of the list: from now on nothing is sent from it."""
    actions.withdraw(sender_id=sender_id, by=person.code, now=clock.now())
    return redirect("/desk/senders/")


def _letter(request: HttpRequest, person: Person, code: str, refusal: NotWorthRetrying | None = None) -> HttpResponse:
    found = queries.letter(code, clock.now())
    if found is None:
        raise Missing
    message, log = found
    tries = [
        {
            "at": each.at,
            "provider": PROVIDERS.get(each.provider, each.provider),
            "outcome": OUTCOMES.get(each.outcome, each.outcome),
            "words": rules.reason_words(each.outcome, each.detail),
            "is_good": each.outcome == "sent",
        }
        for each in log
    ]
    context = {**_row(message), "letter": message, "tries": tries, "refusal": refusal}
    return door.render(request, person, "message.html", context, status=refusal.status if refusal else 200)


def _row(letter: queries.Letter) -> dict[str, object]:
    held = [PROVIDERS.get(name, name) for name in letter.held_by.split(",") if name]
    return {"letter": letter, "title": TEMPLATES.get(letter.template, letter.template), "held": " و ".join(held)}


def _providers(now: datetime) -> list[dict[str, object]]:
    seen = queries.seen_lately(now)
    count = Counter(each.provider for each in seen)
    return [
        {"title": PROVIDERS.get(name, name), "health": rules.health(name, seen), "count": count[name]}
        for name in dict.fromkeys([*sms.providers(), *count])
    ]
