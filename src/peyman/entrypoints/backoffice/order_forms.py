"""The forms on the page of one order: why its address is opened, what is asked for, why the shop cancels it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from peyman.entrypoints.backoffice.order_words import WHY
from peyman.entrypoints.fields import Field, wrong
from peyman.kernel import jalali
from peyman.kernel.errors import Invalid, Refused
from peyman.shop.orders.queries import OrderFile
from peyman.shop.orders.rules import reasons, requests

RECIPIENT: Final = ("why",)
ASK: Final = ("note",)
CANCEL: Final = ("reason", "cancel_note", "day", "hour")
# Fields of refusals that stand under another name here.
_NAMED: Final = {"ask": {}, "cancel": {"note": "cancel_note", "detected_at": "day"}, "recipient": {}}


@dataclass(frozen=True)
class Choice:
    """A box to tick."""

    value: str
    title: str
    is_chosen: bool


@dataclass(frozen=True)
class Forms:
    """What stands in the forms, with what is wrong in the one that was sent."""

    why: Field
    fields: list[Choice]
    fields_box: Field  # its error alone
    note: Field
    reason: Field
    skus: list[Choice]
    skus_box: Field
    cancel_note: Field
    day: Field
    hour: Field

    @property
    def faulty(self) -> list[Field]:
        """The boxes with an error, in the order of the page."""
        return wrong(
            (self.why, self.fields_box, self.note, self.reason, self.skus_box, self.cancel_note, self.day, self.hour)
        )


@dataclass(frozen=True)
class Sent:
    """A form that came back: which one, what was typed and ticked, and what was refused."""

    form: str = ""  # recipient · ask · cancel
    typed: Mapping[str, str] | None = None
    ticked: Collection[str] = ()
    refusal: Refused | None = None

    def value(self, name: str) -> str:
        return (self.typed or {}).get(name, "")

    def errors(self) -> dict[str, str]:
        if not isinstance(self.refusal, Invalid):
            return {}
        names = _NAMED[self.form]
        return {names.get(name, name): words for name, words in self.refusal.fields.items()}


def forms(file: OrderFile, sent: Sent, now: datetime) -> Forms:
    """Return the forms of an order's page, filled with what was sent."""
    bad = sent.errors()
    asked = sent.ticked if sent.form == "ask" else ()
    gone = sent.ticked if sent.form == "cancel" else ()
    return Forms(
        why=Field(
            "why", "برای چه کاری؟", sent.value("why"), "در دفتر دسترسی می‌ماند و مشتری می‌بیند.", bad.get("why", ""),
            options=(("", "برگزینید"), *WHY),
        ),
        fields=[
            Choice(name, title, name in asked) for name, title in requests.titles(file.order.buyer_kind).items()
        ],
        fields_box=Field("fields", "چه چیز", error=bad.get("fields", "")),
        note=Field(
            "note", "برای مشتری", sent.value("note"), "همین نوشته به او می‌رسد: چه چیز و چرا.", bad.get("note", ""),
            maxlength=requests.LONGEST_NOTE,
        ),
        reason=Field(
            "reason", "چرا", sent.value("reason"), "", bad.get("reason", ""),
            options=(("", "برگزینید"), *((one.code, one.title) for one in reasons.REASONS.values())),
        ),
        skus=[Choice(line.sku, line.title, line.sku in gone) for line in file.lines],
        skus_box=Field("skus", "کدام کالا", error=bad.get("skus", "")),
        cancel_note=Field(
            "cancel_note", "برای مشتری (اگر باید بیشتر بداند)", sent.value("cancel_note"), "",
            bad.get("cancel_note", ""), maxlength=reasons.LONGEST_NOTE,
        ),
        day=Field(
            "day", "از کی می‌دانیم: روز", sent.value("day"), f"خالی: همین اکنون، {jalali.short_date(now)}",
            bad.get("day", ""), ltr=True, maxlength=20,
        ),
        hour=Field(
            "hour", "ساعت", sent.value("hour"), f"مانند {jalali.hour(now).removeprefix('ساعت ')}",
            bad.get("hour", ""), ltr=True, maxlength=8,
        ),
    )  # fmt: skip
