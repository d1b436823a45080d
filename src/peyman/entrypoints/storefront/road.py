"""The road of an order as a thread of knots: what happened, with its hour; what is ahead, and what changes then."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.safestring import SafeString

from peyman.entrypoints.storefront.templatetags import fa
from peyman.shop.orders.queries import RoadStep
from peyman.shop.orders.rules import states

_HAPPENED = {
    "place": ("ثبت شد", ""),
    "issue_cart_code": ("قطعی شد", "کد سبد صادر شد؛ موجودی و قیمت از آن شماست"),
    "run_short": ("ناموجود شد", "پول رسید، ولی کالا پیش از صدور کد سبد تمام شد"),
    "expire": ("منقضی شد", "در مهلت خود پرداخت نشد؛ هزینه‌ای نداشت"),
    "cancel": ("لغو شد", ""),
    "give_back": ("وجه برگشت", "سفارش بسته شد"),
    "ask_more": ("اطلاعات بیشتری خواستیم", "مهلت‌ها تا پاسخ شما ایستاد"),
    "complete": ("پاسخ شما رسید", "مهلت‌ها از همان‌جا ادامه یافت"),
    "complete_final": ("پاسخ شما رسید", "سفارش همچنان قطعی است و مهلت‌ها ادامه یافت"),
    "unanswered": ("لغو شد", "پرسش ما پاسخی نگرفت"),
    "cancel_by_shop": ("لغو شد", "از سوی فروشگاه"),
}
AHEAD = {
    states.INCOMPLETE: ("پاسخ شما", "آنچه را خواسته‌ایم بنویسید تا سفارش ادامه یابد"),
    states.FINAL: ("قطعی‌شدن، با پرداخت شما", "کد سبد صادر می‌شود"),
    states.PROCESSED: ("پردازش و فاکتور", "پس از این، نشانی و نام عوض نمی‌شود"),
    states.HANDED_OVER: ("تحویل به ارسال", "شماره بارنامه پیامک می‌شود"),
    states.DELIVERED: ("تحویل به شما", "آسیب‌دیدگی را همان‌جا و تا مهلت خود اعلام کنید"),
}


@dataclass(frozen=True)
class Knot:
    """One knot on the thread, as parts/thread.html prints it."""

    state: str  # kept, open, next, broken
    word: str
    title: str
    at: SafeString | str = ""
    sub: str = ""
    ahead: bool = False


def knots(
    steps: Sequence[RoadStep],
    *,
    pay_until: datetime,
    processing_words: SafeString | str,
    answer_until: datetime | None = None,
) -> list[Knot]:
    """Return the thread: the first step ahead is the one that runs now."""
    thread: list[Knot] = []
    for step in steps:
        if step.at is not None:
            title, sub = _HAPPENED.get(step.event, (step.title, ""))
            if step.event == "cancel":
                sub = "به خواست شما" if step.by == "customer" else "از سوی فروشگاه"
            ended = step.event in ("run_short", "expire", "unanswered", "cancel_by_shop")
            thread.append(
                Knot("broken" if ended else "kept", "پایان" if ended else "انجام شد", title, fa.moment(step.at), sub)
            )
        else:
            title, sub = AHEAD.get(step.state, (step.title, ""))
            thread.append(Knot("next", "", title, sub=sub, ahead=True))
    running = next((n for n, knot in enumerate(thread) if knot.ahead), None)
    if running is not None:
        at: SafeString | str = ""
        if steps[running].state == states.INCOMPLETE and answer_until:
            at = fa.deadline(answer_until)
        elif steps[running].state == states.FINAL:
            at = fa.deadline(pay_until)
        elif steps[running].state == states.PROCESSED:
            at = processing_words
        thread[running] = replace(thread[running], state="open", word="اکنون", at=at)
    return thread
