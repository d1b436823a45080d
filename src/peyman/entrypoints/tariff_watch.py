"""Registry and network watched together: drift is noticed, staff hear of it, requests are followed (B06, B17).

And the files for the registry: what a person hands in there.
"""

import io
from datetime import UTC, datetime
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction
from openpyxl import Workbook

from peyman.entrypoints import alarms
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.text import persian_digits
from peyman.market.guard.actions import spells
from peyman.market.tariff.actions import drift, requests
from peyman.market.tariff.models import Drift, UpdateRequest
from peyman.market.tariff.queries import drift as queries
from peyman.market.tariff.queries.edges import RangesUnreadable
from peyman.market.tariff.rules import requests as rules

log = structlog.get_logger()

KINDS: Final = {
    "ineligible": "هرگز پذیرفتنی نیست",
    "unregistered": "در سامانه ثبت نیست",
    "pending": "ثبت است و موعدش نرسیده",
    "unknown": "معلوم نیست ثبت است یا نه",
    "idle": "ثبت است و چیزی از آن داده نمی‌شود",
}
REASONS: Final = {
    "absent": "در فهرست نیست",
    "not_due": "موعدش نرسیده",
    "replaced": "با موعد تازه‌ای جایگزین شده",
    "changed_in_gap": "میان دو فهرست تغییر کرده",
    "gap_too_wide": "فاصله دو فهرست زیاد است",
    "before_history": "پیش از نخستین فهرست ما است",
    "after_history": "فهرست تازه‌ای نداریم",
    "no_history": "هیچ فهرستی نداریم",
    "list_disagrees": "دو فهرست یک روز با هم نمی‌خواند",
    "translated": "نشانی تبدیل‌شده است",
    "foreign": "خارج از ایران است",
    "private": "نشانی خصوصی است",
    "hold": "دوره اطمینان پس از موعد نگذشته",
    "list_too_old": "آخرین فهرست کهنه است",
    "in_drift": "اختلاف آن تازه برطرف شده و هنوز آزموده نیست",
    "registered": "ثبت است و موعدش رسیده",
    "admitted": "پذیرفته است",
    "row_removed": "از فهرست برداشته شده",
    "not_listed": "پیش از ثبت به کار افتاده",
    "no_edge": "هیچ شبکه‌ای از آن نمی‌دهد",
}


def sweep(*, now: datetime) -> int:
    """Notice drift, follow requests and tell staff, where anything changed or a time has come; returns how much moved.

    Two queries where nothing did. Any number of workers may sweep: a look counts for one of them.
    """
    if not queries.is_due(now):
        return 0
    try:
        looked = queries.look(now)
    except RangesUnreadable as refusal:
        log.error("drift.not_judged", why=refusal.detail)
        return 0
    noted = drift.note(looked=looked, now=now)
    if noted is None:
        return 0
    followed = requests.follow(now=now)
    if due_at := requests.next_due(now):
        drift.look_again(by=due_at)
    return noted.count + followed + _sound(looked, now)


def guard(*, now: datetime) -> int:
    """Take down what went dark and what is in order again (B02); returns how much moved.

    Two queries where nothing did.
    """
    try:
        return spells.note(now=now).count
    except RangesUnreadable as refusal:
        log.error("guard.not_judged", why=refusal.detail)
        return 0


@carries_out("B06")
@transaction.atomic
def _sound(looked: queries.Looked, now: datetime) -> int:
    """Tell staff of what held long enough: one message to each for all of it."""
    found = drift.take_alarms(looked=looked, now=now)
    if not found:
        return 0
    people = alarms.tell(
        template="registry_drift",
        key=f"drift:{found[0].code}",
        about=f"drift:{found[0].code}",
        context={
            "count": persian_digits(len(found)),
            "first": _what(found[0]),
            "link": f"{settings.PUBLIC_URL}/desk/tariff/",
        },
        mail={"drifts": [{"what": _what(row), "code": row.code, "why": _why(row)} for row in found[: alarms.NAMED]]},
        now=now,
    )
    drift.told(drifts=found, people=[person.code for person in people])
    log.warning("drift.alarmed", drifts=[row.code for row in found], people=len(people))
    return len(found)


def _what(row: Drift) -> str:
    return f"{row.prefix} ({row.cdn})، {KINDS[row.kind]}"


def _why(row: Drift) -> str:
    words = [f"{persian_digits(int(row.addresses))} نشانی", REASONS.get(row.reason, row.reason)]
    if row.due_on is not None:
        words.append(f"موعد {jalali.plain_date(row.due_on, year=True)}")
    if row.since is not None:
        words.append(f"از {jalali.moment(row.since, year=True)}")
    return "، ".join(words)


# ---- Files for the registry ----


def csv_of(request: UpdateRequest) -> bytes:
    """Return the file of a request as CSV: the very bytes whose digest the request keeps."""
    return rules.csv_bytes(request.registrant, request.prefixes)


def xlsx_of(request: UpdateRequest) -> bytes:
    """Return the file of a request as a workbook, with the same rows; nothing in it is computed."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("IP")
    sheet.sheet_view.rightToLeft = True
    for row in rules.table(request.registrant, request.prefixes):
        sheet.append(row)
    # The same request is the same file, whenever it is asked for.
    book.properties.created = book.properties.modified = request.made_at.astimezone(UTC).replace(tzinfo=None)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
