"""How an order moves, for everybody: the table of `orders.rules.states`, drawn with the clause behind each step."""

from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from peyman.entrypoints.storefront.road import AHEAD, Knot
from peyman.shop.orders.rules import states

_MEANS: Final = {
    states.REGISTERED: "سفارش ثبت است و پیش‌فاکتور آن فرستاده می‌شود. هنوز چیزی برای شما نگه داشته نشده است؛ "
    "با پرداخت قطعی می‌شود.",
    states.INCOMPLETE: "برای تحویل چیزی کم یا نادرست است و از شما پرسیده‌ایم. تا پاسخ شما مهلت‌های سفارش ایستاده است.",
    states.FINAL: "کد سبد صادر شده است: کالا و قیمت از آن شماست. از اینجا تا فاکتور، تنها ارزان‌شدن به شما می‌رسد.",
    states.SHORT: "پول شما رسید، ولی کالا پیش از صدور کد سبد تمام شد. زمان بازگشت وجه از همان لحظه می‌گذرد.",
    states.EXPIRED: "سفارش در مهلت خود پرداخت نشد و پایان یافت. هزینه‌ای نداشت.",
    states.CANCELLED: "سفارش پایان یافته است. هر پولی که داده باشید تا ساعتی که در سفارش نوشته‌ایم برمی‌گردد.",
}
EVENTS: Final = {
    "place": "شما سفارش را ثبت می‌کنید",
    "issue_cart_code": "پرداخت شما می‌رسد و کد سبد صادر می‌شود",
    "run_short": "پرداخت شما می‌رسد، ولی کالا تمام شده است",
    "expire": "مهلت پرداخت می‌گذرد",
    "cancel": "شما انصراف می‌دهید",
    "give_back": "همه پول شما برگشته است",
    "ask_more": "اطلاعات بیشتری از شما می‌خواهیم",
    "complete": "پاسخ شما می‌رسد و هنوز کد سبد ندارید",
    "complete_final": "پاسخ شما می‌رسد و کد سبد دارید",
    "unanswered": "تا پایان مهلت پاسخی نمی‌رسد",
    "cancel_by_shop": "ما لغو می‌کنیم و دلیل آن را در همان گام می‌گوییم",
}


@dataclass(frozen=True)
class Way:
    """One step out of a state: what happens, the state it leads to, and the clause that says so."""

    what: str
    to: str
    title: str
    clause: str


@dataclass(frozen=True)
class Stop:
    """One state: what it means, and every way out of it; none where the order ends."""

    state: str
    title: str
    means: str
    ways: list[Way]


def stops() -> list[Stop]:
    """Return the states of the table, those on the straight road first."""
    return [
        Stop(
            state,
            states.TITLES[state],
            means,
            [
                Way(EVENTS[event], step.to, states.TITLES[step.to], step.clause)
                for (source, event), step in states.STEPS.items()
                if source == state
            ],
        )
        for state, means in _MEANS.items()
    ]


def straight() -> list[Knot]:
    """Return the road as it is when nothing comes between."""
    ahead = (states.FINAL, states.PROCESSED, states.HANDED_OVER, states.DELIVERED)
    words = [("ثبت سفارش", "پیش‌فاکتور فرستاده می‌شود؛ چیزی نگه داشته نمی‌شود"), *(AHEAD[state] for state in ahead)]
    return [Knot("next", "", title, sub=sub, ahead=True) for title, sub in words]


@require_safe
def order_road(request: HttpRequest) -> HttpResponse:
    return render(request, "storefront/order_road.html", {"road": straight(), "stops": stops()})
