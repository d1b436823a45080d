"""The desk of the newsletter: a letter is written, read as its readers will, and sent once to those who want it."""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from peyman.entrypoints import clock, notices
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.backoffice.previews import is_confirmed
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.messages import queries as messages
from peyman.messages.rules import sms_parts
from peyman.people import actions as people
from peyman.people import queries, rules
from peyman.people.models import Mailing, Person

_LONGEST = 2000
_ITEMS = range(1, rules.MOST_ITEMS + 1)
_TEXTS = ("title", "intro", "link", *(f"item_{n}_{part}" for n in _ITEMS for part in ("title", "text", "link")))
_OPT_OUT = "/opt-out/…/"  # in the preview: each reader has an address of their own


@dataclass(frozen=True)
class Row:
    """A letter that was sent or is being sent: how far it came."""

    mailing: Mailing

    @property
    def title(self) -> str:
        return str(self.mailing.content["title"])

    @property
    def state(self) -> str:
        """Name what it does now: done, stopped or going."""
        return "done" if self.mailing.done_at else "stopped" if self.mailing.stopped_at else "going"


@door.staff_only("newsletter")
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D11")
def newsletter(request: HttpRequest, person: Person) -> HttpResponse:
    """Write a letter; look at it, with the number of its readers; send it. The same letter is never sent twice."""
    if request.method != "POST":
        return _page(request, person)
    typed = {name: request.POST.get(name, "")[:_LONGEST] for name in _TEXTS}
    channels = request.POST.getlist("channels")[:5]
    try:
        letter = rules.newsletter(typed, channels)
    except Invalid as refusal:
        return _page(request, person, typed, channels, refusal.fields)
    refusal_of_sending: Refused | None = None
    if is_confirmed(request):
        try:
            made = notices.send_newsletter(letter=letter, by=person, now=clock.now())
        except (rules.AlreadySent, rules.NobodyWantsIt) as refused:
            refusal_of_sending = refused
        else:
            return redirect(f"/desk/newsletter/?made={made.code}")
    link = f"{settings.PUBLIC_URL}{_OPT_OUT}"
    sms = notices.newsletter_words(letter.content, rules.SMS, person.full_name, link)
    mail = notices.newsletter_words(letter.content, rules.EMAIL, person.full_name, link)
    sms_text = messages.render(rules.SMS, "newsletter", sms).text
    context = {
        "letter": letter,
        "typed": typed,
        "sms": sms_text if rules.SMS in letter.channels else "",
        "parts": sms_parts(sms_text),
        "mail": messages.render(rules.EMAIL, "newsletter", mail).text if rules.EMAIL in letter.channels else "",
        "readers": queries.count_readers(letter.channels),
        "refusal": refusal_of_sending,
    }
    status = refusal_of_sending.status if refusal_of_sending else 200
    return door.render(request, person, "newsletter_preview.html", context, status)


@door.staff_only("newsletter")
@require_POST
@carries_out("D11")
def stop(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Stop a letter that is going out. What is in the outbox already goes, to whoever still wants it."""
    if queries.mailing(code).kind != Mailing.Kind.NEWSLETTER:
        raise Missing  # what everybody has a right to hear is not stopped from here
    people.stop_mailing(code=code, by=person, now=clock.now())
    return redirect("/desk/newsletter/?stopped")


def _page(
    request: HttpRequest,
    person: Person,
    typed: dict[str, str] | None = None,
    channels: list[str] | None = None,
    bad: dict[str, str] | None = None,
) -> HttpResponse:
    typed, bad = typed or {}, bad or {}

    def box(name: str, label: str, hint: str = "", *, ltr: bool = False, most: int = 600) -> Field:
        return Field(name, label, typed.get(name, ""), hint, bad.get(name, ""), ltr=ltr, maxlength=most)

    top = [
        box("title", "عنوان", "عنوان نامه و آغاز پیامک؛ تا ۸۰ نویسه", most=rules.LONGEST_TITLE),
        box("intro", "سخن آغاز", "در نامه می‌آید، نه در پیامک"),
        box("link", "صفحه‌ای که «دیدن همه» می‌گشاید", "صفحه‌ای از همین سایت؛ مانند ‎/goods/", ltr=True, most=200),
    ]
    items = [
        [
            box(f"item_{n}_title", "عنوان خبر", most=120),
            box(f"item_{n}_text", "متن خبر"),
            box(f"item_{n}_link", "صفحه خبر", ltr=True, most=200),
        ]
        for n in _ITEMS
    ]
    everything = [
        *top,
        *(field for row in items for field in row),
        Field("channels", "", error=bad.get("channels", "")),
    ]
    faults = wrong(everything)
    context = {
        "top": top,
        "items": [
            (n, row, bool(wrong(row)) or any(field.value for field in row))
            for n, row in zip(_ITEMS, items, strict=True)
        ],
        "channels": channels if channels is not None else [rules.EMAIL],
        "channels_error": bad.get("channels", ""),
        "wrong": faults,
        "heading": heading(len(faults)),
        "readers": queries.count_readers(rules.CHANNELS),
        "letters": [Row(mailing) for mailing in queries.mailings(Mailing.Kind.NEWSLETTER)],
        "made": "made" in request.GET,
        "stopped": "stopped" in request.GET,
    }
    return door.render(request, person, "newsletter.html", context, 422 if faults else 200)
