"""A promise, in the words of the page: what, until when or how late, and the proof."""

from dataclasses import dataclass, replace

from django.utils.html import format_html
from django.utils.safestring import SafeString

from peyman.entrypoints.storefront.templatetags import fa
from peyman.kernel import jalali
from peyman.kernel.money import grouped, tomans
from peyman.promises.queries import Moved, Owing, PromiseView


@dataclass(frozen=True)
class Owed:
    """A promise as parts/promise.html prints it. `state` is one of next, open, kept, broken."""

    state: str
    word: str
    what: str
    due: SafeString | str
    proof: SafeString | str
    clause: str
    notes: tuple[SafeString | str, ...] = ()  # what happened to its due time, and what is owed for breaking it


def owing(one: Owing) -> Owed:
    """Return the words for a promise with its history: each move of its due time, and the remedy."""
    notes = [*words(one.promise).notes, *(_moved(move) for move in one.moves)]
    if one.remedy:
        amount = grouped(tomans(one.remedy - one.remedy % 10))
        notes.append(f"جبران این دیرکرد {amount} تومان است؛ به شما بدهکاریم و هنوز پرداخت نشده است.")
    return replace(words(one.promise), notes=tuple(notes))


def _moved(move: Moved) -> SafeString:
    why = "به سبب قوه قهریه" if move.by_pause else "با تغییر تعطیلات رسمی"
    if move.by_order:
        why = "چون اطلاعات سفارش کامل نبود"
    if move.held:
        return format_html("{}: شمارش {} ایستاد.", fa.moment(move.at), why)
    if jalali.moment(move.old) == jalali.moment(move.new):  # the clock stood for less than a minute
        return format_html("{}: شمارش ادامه یافت؛ موعد همان {} ماند.", fa.moment(move.at), fa.moment(move.new))
    more = " با همین تغییر، زمانش گذشته بود." if move.overdue_by_edit else ""
    return format_html(
        "{}: موعد {} از {} به {} رفت.{}", fa.moment(move.at), why, fa.moment(move.old), fa.moment(move.new), more
    )


def _pauses(promise: PromiseView) -> tuple[SafeString, ...]:
    return tuple(
        format_html('<a href="/force-majeure/{}/">قوه قهریه</a> بر شمارش این قول اثر دارد.', code)
        for code in promise.pauses
    )


def words(promise: PromiseView) -> Owed:
    """Return the words for one promise: a late one says how late, and that it is still owed where it is."""
    if promise.state == "kept" and promise.kept_at:
        due = format_html("وفا شد: {}", fa.moment(promise.kept_at))
        return Owed("kept", "وفا شد", promise.what, due, proof(promise.evidence), promise.clause)
    if promise.state == "broken":
        late = jalali.duration_words(promise.late_by) if promise.late_by else ""
        if promise.kept_at:
            due = format_html("باید {} انجام می‌شد؛ {} دیر شد", fa.deadline(promise.due_at), late)
            told: SafeString | str = format_html(
                "سرانجام {} انجام شد. {}", jalali.moment(promise.kept_at), proof(promise.evidence)
            )
        else:
            due = format_html("باید {} انجام می‌شد؛ تا این لحظه {} دیر شده است", fa.deadline(promise.due_at), late)
            told = "هنوز به شما بدهکاریم."
        return Owed("broken", "دیر شد", promise.what, due, told, promise.clause)
    if promise.state == "waived":
        return Owed("next", "برداشته شد", promise.what, "دیگر لازم نیست", proof(promise.evidence), promise.clause)
    if promise.held_since is not None:
        due = format_html("شمارش از {} ایستاده است", fa.moment(promise.held_since))
        told = "پس از پایان قوه قهریه از همان‌جا ادامه می‌یابد."
        if not promise.pauses:
            told = "اطلاعات سفارش کامل نیست؛ با پاسخ شما از همان‌جا ادامه می‌یابد."
        return Owed("next", "ایستاده", promise.what, due, told, promise.clause, _pauses(promise))
    left = f"{jalali.duration_words(promise.left)} مانده" if promise.left is not None else ""
    return Owed("open", "در راه", promise.what, fa.deadline(promise.due_at), left, promise.clause, _pauses(promise))


def proof(evidence: dict[str, object]) -> SafeString:
    """Return what an evidence says to its customer: the channel of a message, the bank's number of a refund."""
    parts = []
    channel = str(evidence.get("channel", ""))
    if channel:
        parts.append(format_html("{}", {"sms": "با پیامک", "email": "با ایمیل"}.get(channel, "")))
    reference = evidence.get("provider_ref") or evidence.get("bank_ref")
    if reference:
        parts.append(format_html('شماره پیگیری بانک: <bdi class="mono">{}</bdi>', reference))
    return SafeString("، ".join(part for part in parts if part))


def tally(owed: list[Owed]) -> str:
    """Return «۳ وفا شده، ۲ در راه، ۱ دیر», leaving out what there is none of."""
    counts = [("وفا شد", "وفا شده"), ("در راه", "در راه"), ("ایستاده", "ایستاده"), ("دیر شد", "دیر")]
    found = [(sum(1 for one in owed if one.word == word), said) for word, said in counts]
    return "، ".join(f"{n} {said}" for n, said in found if n)
