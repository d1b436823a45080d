"""What each kind of message prints, and how many parts an SMS has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from peyman.messages.rules.addresses import EMAIL, SMS, BadMessage

# Everything a template prints is ready to print: flat texts, and for tables lists of such.
Row = Mapping[str, str]
Context = Mapping[str, str | Sequence[Row]]

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

_MARKED = _names("mark")  # queueing gives it; see `queries.render`
_MAILED = _names("mark check_link")

TEMPLATES: Final[Mapping[tuple[str, str], Template]] = {
    (SMS, "login_code"): Template(_names("code host"), may=_names("valid_for") | _MARKED),
    (SMS, "contact_code"): Template(_names("code host"), may=_names("valid_for") | _MARKED),
    (SMS, "guardian_confirmation"): Template(_names("child code link"), may=_names("valid_for") | _MARKED),
    (SMS, "waybill"): Template(_names("carrier waybill"), may=_names("recipient") | _MARKED),
    (SMS, "terms_changed"): Template(_names("version effective_at link"), may=_MARKED),
    (SMS, "force_majeure"): Template(_names("reason from link"), may=_names("until") | _MARKED),
    (SMS, "force_majeure_ended"): Template(_names("reason from link"), may=_MARKED),
    (SMS, "mobile_change_asked"): Template(_names("number at link"), may=_MARKED),
    (SMS, "account_changed"): Template(_names("what at link"), may=_MARKED),
    (SMS, "privacy_received"): Template(_names("case link"), may=_names("due") | _MARKED),
    (SMS, "privacy_answered"): Template(_names("case link"), may=_MARKED),
    (SMS, "promise_broken"): Template(_names("count first link"), may=_MARKED),
    (SMS, "registry_drift"): Template(_names("count first link"), may=_MARKED),
    (SMS, "registry_alarm"): Template(_names("what link"), may=_MARKED),
    (SMS, "audit_alarm"): Template(_names("what link"), may=_MARKED),
    (SMS, "incident"): Template(_names("what link"), may=_MARKED),
    (SMS, "newsletter"): Template(_names("title link opt_out"), may=_MARKED),
    (SMS, "pro_forma"): Template(_names("order total pay_until link"), may=_MARKED),
    (SMS, "cart_code"): Template(_names("cart_code link"), may=_names("door") | _MARKED),
    (SMS, "order_short"): Template(_names("order amount refund_due link"), may=_MARKED),
    (SMS, "refund_done"): Template(_names("order amount reference"), may=_MARKED),
    (SMS, "order_expired"): Template(_names("order"), may=_MARKED),
    (SMS, "order_cancelled"): Template(_names("order"), may=_names("reason amount refund_due") | _MARKED),
    (SMS, "order_data_asked"): Template(_names("order fields answer_due link"), may=_MARKED),
    (SMS, "order_unanswered"): Template(_names("order link"), may=_names("amount refund_due") | _MARKED),
    (SMS, "order_cancelled_by_shop"): Template(_names("order reason link"), may=_names("amount refund_due") | _MARKED),
    (SMS, "refund_account"): Template(_names("amount link"), may=_names("due") | _MARKED),
    (SMS, "refund_came_back"): Template(_names("amount link"), may=_names("due") | _MARKED),
    (EMAIL, "contact_code"): Template(_names("code"), may=_names("name valid_for link") | _MAILED),
    (EMAIL, "guardian_confirmation"): Template(
        _names("child code link"), may=_names("name valid_for clause") | _MAILED
    ),
    (EMAIL, "terms_changed"): Template(
        _names("version effective_at link"),
        may=_names("name clause") | _MAILED,
        may_tables={"changes": _names("number title")},
    ),
    (EMAIL, "force_majeure"): Template(
        _names("reason from scope link"),
        may=_names("name until signer clause") | _MAILED,
        may_tables={"promises": _names("what due")},
    ),
    (EMAIL, "force_majeure_ended"): Template(
        _names("reason from link"),
        may=_names("name note clause") | _MAILED,
        may_tables={"promises": _names("what due")},
    ),
    (EMAIL, "mobile_change_asked"): Template(_names("number at link"), may=_names("name clause") | _MAILED),
    (EMAIL, "account_changed"): Template(_names("what at link"), may=_names("name clause") | _MAILED),
    (EMAIL, "privacy_received"): Template(_names("case received_at link"), may=_names("name due clause") | _MAILED),
    (EMAIL, "promise_broken"): Template(
        _names("count first link"), may=_names("name") | _MAILED, tables={"overdues": _names("what code due late")}
    ),
    (EMAIL, "registry_drift"): Template(
        _names("count first link"), may=_names("name") | _MAILED, tables={"drifts": _names("what code why")}
    ),
    (EMAIL, "registry_alarm"): Template(_names("what link"), may=_names("name") | _MAILED),
    (EMAIL, "audit_alarm"): Template(_names("what link"), may=_names("name") | _MAILED),
    (EMAIL, "incident"): Template(_names("what link"), may=_names("name") | _MAILED),
    (EMAIL, "privacy_answered"): Template(_names("case answer link"), may=_names("name clause") | _MAILED),
    (EMAIL, "newsletter"): Template(
        _names("title intro link opt_out"),
        may=_names("name") | _MAILED,
        may_tables={"items": _names("title text link")},
    ),
    (EMAIL, "refund_account"): Template(_names("amount order link"), may=_names("name due clause") | _MAILED),
    (EMAIL, "refund_came_back"): Template(_names("amount order link"), may=_names("name due clause") | _MAILED),
    (EMAIL, "order_data_asked"): Template(
        _names("order fields note answer_due link"), may=_names("name clause") | _MAILED
    ),
    (EMAIL, "order_unanswered"): Template(_names("order link"), may=_names("name amount refund_due clause") | _MAILED),
    (EMAIL, "order_cancelled_by_shop"): Template(
        _names("order reason link"),
        may=_names("name note amount refund_due clause") | _MAILED,
        may_tables={"goods": _names("title")},
    ),
    (EMAIL, "pro_forma"): Template(
        _names("order version placed_at goods_total total total_rials pay_until link"),
        may=_names("name deliver_to terms terms_link clause") | _MAILED,
        tables={**_LINES, **_FEES},
    ),
    (EMAIL, "cart_code"): Template(
        _names("order cart_code final_at total link"),
        may=_names("name deliver_to door processing_date terms terms_link clause") | _MAILED,
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
