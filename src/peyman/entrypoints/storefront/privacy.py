"""Reporting a violation of privacy, following it, and the page of rights (D17, D18)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from peyman.entrypoints import clock
from peyman.entrypoints import privacy as desk
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.entrypoints.storefront import visitor
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.kernel.worktime import tehran_day
from peyman.people import queries, rules


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D17")
def report(request: HttpRequest) -> HttpResponse:
    person = visitor.person_of(request)
    typed = {name: request.GET.get(name, "")[:20] for name in ("topic",)}
    bad: dict[str, str] = {}
    if request.method == "POST":
        typed = {name: request.POST.get(name, "")[:5000] for name in ("topic", "text", "contact")}
        try:
            case = desk.report(request, person, typed["topic"], typed["text"], typed["contact"], clock.now())
        except Invalid as refusal:
            bad = refusal.fields
        else:
            return redirect(desk.path_of(case))
    topics = (("", "برگزینید"), *rules.TOPICS_OF_CASES.items())
    boxes = {
        "topic": Field("topic", "موضوع", typed.get("topic", ""), "", bad.get("topic", ""), options=topics),
        "text": Field(
            "text", "چه روی داده است", typed.get("text", ""), "رمز، شماره کارت یا کد ورود ننویسید.", bad.get("text", "")
        ),
        "contact": Field(
            "contact", "موبایل یا ایمیل شما", typed.get("contact", ""), "پاسخ را تنها به همین نشانی می‌فرستیم.",
            bad.get("contact", ""), ltr=True, maxlength=254,
        ),
    }  # fmt: skip
    faulty = wrong(boxes.values())
    context = {"f": boxes, "wrong": faulty, "heading": heading(len(faulty)), "me": person}
    if person is not None:
        context["answer_to"] = desk.contact_of(person, "")[1]
    return render(request, "storefront/privacy_report.html", context, status=422 if faulty else 200)


@never_cache
@require_safe
@carries_out("D17")
def case(request: HttpRequest, code: str, signature: str) -> HttpResponse:
    """Show a case to whoever holds its link: state, road, answers; not the report itself."""
    found = queries.case_view(queries.signed_case(code, signature))
    return render(request, "storefront/privacy_case.html", {"view": found, "words": EVENT_WORDS})


EVENT_WORDS = {"report": "گزارش رسید", "take": "همکاری آن را برداشت", "answer": "پاسخ داده شد", "close": "بسته شد"}


@require_safe
@carries_out("D18")
def rights(request: HttpRequest) -> HttpResponse:
    """Say whose the content is, and who may use it by written permission."""
    rows = queries.permissions(tehran_day(clock.now()))
    return render(request, "storefront/rights.html", {"permissions": rows})
