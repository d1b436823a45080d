"""The list of shortages: goods that ran out under paid orders, who waits for money, what is left and why (D28)."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from peyman.billing.queries.refunds import STATES
from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door, order_figures
from peyman.entrypoints.backoffice.order_words import MOVEMENTS
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.money import grouped
from peyman.people.models import Person
from peyman.shop.orders import queries
from peyman.shop.orders.queries import Shortage


@door.staff_only("orders")
@require_safe
@carries_out("D28")
def shortages(request: HttpRequest, person: Person) -> HttpResponse:
    now = clock.now()
    found = queries.shortages(now)
    rows = [
        (
            row,
            why(row),
            order_figures.pieces(sold=row.allocated, left=row.left, lacking=row.pieces),
            [(one, STATES.get(one.refund_state, "")) for one in row.wanting],
        )
        for row in found.rows
    ]
    context = {
        "rows": rows,
        "found": found,
        "products": len(rows),
        "orders": len({one.code for row in found.rows for one in row.wanting}),
        "pieces": sum(row.pieces for row in found.rows),
        "owed": _once(found.rows, "owed"),
        "given": _once(found.rows, "given"),
        "owing": len({one.code for row in found.rows for one in row.wanting if one.owed}),
        "settled": len({one.code for row in found.rows for one in row.wanting if one.given and not one.owed}),
        "late": len({one.code for row in found.rows for one in row.wanting if one.is_late}),
        "view": "short",
    }
    return door.render(request, person, "orders_short.html", context)


def _once(rows: list[Shortage], what: str) -> int:
    """Add up an order's money once, though it wanted several things."""
    return sum({one.code: getattr(one, what) for row in rows for one in row.wanting}.values())


def why(row: Shortage) -> list[str]:
    """Say why this ran out, as far as our books know it, one sentence each."""
    told = []
    by_hand = [one for one in row.wanting if one.by_hand]
    if len(by_hand) < len(row.wanting):
        told.append(
            f"تا {jalali.moment(row.first_at)} همه {grouped(row.on_hand)} عددِ شمرده‌شده به سفارش‌های قطعی رسیده بود."
            if row.left == 0
            else f"نخستین بار {jalali.moment(row.first_at)} به یک سفارشِ پرداخت‌شده نرسید."
        )
    if by_hand:
        told.append(f"برای {grouped(len(by_hand))} سفارش، همکاران پس از ثبت دیدند که کالا نیست و آن را لغو کردند.")
    if not row.is_named:
        told.append("کدام کالای آن سفارش‌ها کم آمد ثبت نشده است؛ همه کالاهای‌شان را می‌بینید.")
    for move in row.moves:
        more = "کم شد" if move.quantity < 0 else "افزوده شد"
        reason = MOVEMENTS.get(move.reason, move.reason)
        told.append(f"{jalali.moment(move.at)}: {grouped(abs(move.quantity))} عدد {more} ({reason}).")
    return told
