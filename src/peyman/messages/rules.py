"""What may be sent, to which address, how often it is tried, and what a sender can answer."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.people import rules as people

SMS, EMAIL = "sms", "email"

# Everything a template prints is ready to print: flat texts, and for tables lists of such.
Row = Mapping[str, str]
Context = Mapping[str, str | Sequence[Row]]


# ---- What a sender answers ----


@dataclass(frozen=True)
class Sent:
    """The provider took the message; `provider_id` is its own number for it."""

    provider: str
    provider_id: str


@dataclass(frozen=True)
class Refused:
    """The provider will never take this message to this address. `detail` is its code, never an address."""

    provider: str
    detail: str


@dataclass(frozen=True)
class Unknown:
    """It may have left or not: it is tried again under the same idempotency key.

    `away`: the provider itself does not answer, so other messages would not get through now either.
    """

    provider: str
    detail: str
    away: bool = False


Delivery = Sent | Refused | Unknown


# ---- Addresses and header lines ----


class BadMessage(ValueError):
    """This message can never be sent. `detail` says why in a word, for the channel log."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def address(channel: str, to: str) -> str:
    """Return `to` as it is stored and compared: E.164 for SMS ("+989121234567"), one plain address for e-mail.

    Numbers may be written as people do (0912…, +98…, digits of any script, spaces). Raises BadMessage for
    what is no address, above all for one that carries line breaks (header injection).
    """
    if _CONTROL.search(to):
        raise BadMessage("bad_address")
    try:
        if channel == SMS:
            return people.mobile_number(to)
        stored = people.email_address(to) if channel == EMAIL else ""
    except Invalid:
        raise BadMessage("bad_address") from None
    if not stored:
        raise BadMessage("bad_address")
    return stored


_LONGEST_TITLE = 200


def title(line: str) -> str:
    """Return the subject line of an e-mail. Raises BadMessage when it is empty, too long, or breaks the line."""
    if not line.strip() or len(line) > _LONGEST_TITLE or _CONTROL.search(line):
        raise BadMessage("bad_title")
    return line


# ---- Texts ----

_ONE_PART, _PART_OF_MANY = 70, 67  # UCS-2 units; six bytes of each part of many say which part it is
MOST_SMS_LETTERS: Final = 900  # Kavenegar refuses longer ones (413)


def sms_parts(text: str) -> int:
    """Return how many SMS the operator bills for a Persian text: 70 units → 1, 71 → 2. Empty → 0.

    Counted in UTF-16 units: a letter outside the basic plane is two.
    """
    units = len(text.encode("utf-16-le")) // 2
    if units <= _ONE_PART:
        return 1 if units else 0
    return -(-units // _PART_OF_MANY)


@dataclass(frozen=True)
class Template:
    """What one kind of message prints. Texts of `needs` and rows of `tables` must be there; `may` may be missing.

    Money is grouped toman («۱۸٬۵۴۵٬۰۰۰», the template writes the unit), except `total_rials`; `…_until`, `…_due` come
    from `kernel.jalali.deadline` and begin with «تا»; `…_at` come from `kernel.jalali.moment`.
    """

    needs: frozenset[str]
    may: frozenset[str] = frozenset()
    tables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    may_tables: Mapping[str, frozenset[str]] = field(default_factory=dict)


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_LINES = {"lines": _names("title quantity unit_price total")}
_FEES = {"fees": _names("title amount")}

TEMPLATES: Final[Mapping[tuple[str, str], Template]] = {
    (SMS, "login_code"): Template(_names("code host"), may=_names("valid_for")),
    (SMS, "pro_forma"): Template(_names("order total pay_until link")),
    (SMS, "cart_code"): Template(_names("cart_code link")),
    (SMS, "order_short"): Template(_names("order amount refund_due link")),
    (SMS, "refund_done"): Template(_names("order amount reference")),
    (SMS, "order_expired"): Template(_names("order")),
    (SMS, "order_cancelled"): Template(_names("order"), may=_names("reason amount refund_due")),
    (EMAIL, "pro_forma"): Template(
        _names("order version placed_at goods_total total total_rials pay_until link"),
        may=_names("name deliver_to terms terms_link clause"),
        tables={**_LINES, **_FEES},
    ),
    (EMAIL, "cart_code"): Template(
        _names("order cart_code final_at total link"),
        may=_names("name deliver_to processing_date terms terms_link clause"),
        tables={**_LINES, **_FEES},
        may_tables={"promises": _names("what due")},
    ),
}


def template(channel: str, name: str, context: Context) -> Template:
    """Return what the template wants, after making sure that `context` has it.

    Raises BadMessage: an unknown template, a missing name, or a value that is not ready to print.
    """
    wanted = TEMPLATES.get((channel, name))
    if wanted is None:
        raise BadMessage("no_template")
    for text in wanted.needs | (wanted.may & context.keys()):
        value = context.get(text)
        if not isinstance(value, str) or (not value and text in wanted.needs):
            raise BadMessage(f"context_{text}")
    may_tables = {table: columns for table, columns in wanted.may_tables.items() if table in context}
    for table, columns in {**wanted.tables, **may_tables}.items():
        rows = context.get(table)
        if rows is None or isinstance(rows, str):
            raise BadMessage(f"context_{table}")
        if not all(isinstance(row.get(column), str) for row in rows for column in columns):
            raise BadMessage(f"context_{table}")
    return wanted


# ---- How often it is tried ----

MOST_TRIES: Final = 150  # with the spans below about a day: an outage of hours loses nothing
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=2), timedelta(minutes=10)
_JITTER_PERCENT = 20


@carries_out("D10")
def next_try(*, attempts: int, row: int, now: datetime) -> datetime | None:
    """Return when to try again after `attempts` failed tries, or None when it is enough.

    2 s, 4 s, 8 s … up to 10 minutes, each up to 20 % longer by the row's own, repeatable jitter, so that
    thousands that failed together do not come back together.
    """
    if attempts >= MOST_TRIES:
        return None
    wait = min(_FIRST_WAIT * (1 << min(max(attempts, 1) - 1, 16)), _LONGEST_WAIT)
    digest = hashlib.blake2s(f"{row}:{attempts}".encode(), digest_size=4).digest()
    return now + wait + wait * _JITTER_PERCENT * int.from_bytes(digest) / (100 * 2**32)


def is_stale(stale_at: datetime | None, now: datetime) -> bool:
    """Say whether a message is no longer worth sending; at `stale_at` itself it is not."""
    return stale_at is not None and stale_at <= now
