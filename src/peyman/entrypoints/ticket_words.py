"""What a ticket says, in words and as JSON: for the command line and the desk."""

from datetime import datetime
from typing import Any, Final

from peyman.kernel import jalali
from peyman.kernel.text import persian_digits
from peyman.market.guard.models import TicketKey
from peyman.market.guard.rules.tickets import Ticket

BAD: Final = {
    "malformed": "این متن بلیت نیست: بریده، دست‌خورده یا چیز دیگری است.",
    "unknown_version": "نسخه این بلیت را نمی‌شناسیم.",
    "unknown_key": "کلیدی که این بلیت نام می‌برد از ما نیست.",
    "bad_signature": "امضا درست نیست: بلیت را ما ننوشته‌ایم یا دست خورده است.",
    "key_not_in_use": "کلید آن در آن زمان امضا نمی‌کرد.",
    "key_revoked": "کلید آن پیش از صدور این بلیت باطل شده بود.",
    "bad_tag": "جمله از ما است، اما این نمایش نه: حساب یا زمان آن دست خورده است.",
    "not_yet": "بلیت از ما است، اما در آن زمان هنوز نشان داده نشده بود.",
    "expired": "بلیت از ما است، اما در آن زمان اعتبارش گذشته بود.",
    "other_object": "بلیت از ما است، اما درباره فایل دیگری است.",
}
STATES: Final = {
    "waiting": "منتشر، هنوز امضا نمی‌کند",
    "signing": "اکنون امضا می‌کند",
    "over": "دیگر امضا نمی‌کند",
    "destroyed": "از میان رفته؛ بلیت‌هایش هنوز سنجیدنی است",
    "revoked": "باطل",
}


def state(row: TicketKey, now: datetime) -> str:
    """Name what becomes of a key: one of STATES."""
    if row.revoked_from is not None:
        return "revoked"
    if row.destroyed_at is not None:
        return "destroyed"
    if now < row.signs_from:
        return "waiting"
    return "signing" if now < row.signs_until else "over"


def as_json(ticket: Ticket) -> dict[str, Any]:
    """Return what a ticket says."""
    return {
        "kid": ticket.kid,
        "object": ticket.object,
        "operator": ticket.operator,
        "shown_at": jalali.iso(ticket.shown_at),
        "expires_at": jalali.iso(ticket.expires_at),
        "wording": ticket.wording,
        "statement": ticket.statement,
        "snapshot": ticket.snapshot,
        "grant": ticket.grant,
        "account": ticket.account,
        "proven": ticket.is_proven,
    }


def lines(ticket: Ticket) -> list[tuple[str, str]]:
    """Return what a ticket says, line by line."""
    account = ticket.account or "بی‌حساب"
    return [
        ("فایل", ticket.object),
        ("اپراتور", ticket.operator),
        ("نشان داده شد", jalali.moment(ticket.shown_at, year=True)),
        ("معتبر تا", jalali.moment(ticket.expires_at, year=True)),
        ("نسخه متن", persian_digits(ticket.wording)),
        ("فهرست ملی", ticket.snapshot),
        ("شناسه گواه", ticket.statement),
        ("شناسه نمایش", ticket.grant),
        ("حساب", account if ticket.is_proven else f"{account} (هنوز اثبات نشده؛ کلید برچسب آن افشا نشده است)"),
        ("کلید", ticket.kid),
    ]
