"""What we write to the buyer about an order. Queued in the transaction of what it tells."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core import signing

from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.money import grouped, tomans
from peyman.kernel.text import persian_digits
from peyman.messages.actions import NewMessage
from peyman.people.models import Person
from peyman.promises.queries import clause_number
from peyman.shop.orders.models import InformationRequest, Order, OrderLine, ProForma
from peyman.shop.orders.rules import requests
from peyman.shop.orders.rules.reasons import Reason


@dataclass(frozen=True)
class Back:
    """Money that goes back, ready to print: toman and «تا شنبه …»; both empty where there is none."""

    amount: str = ""
    due: str = ""


def toman_words(rials: int) -> str:
    return grouped(tomans(rials - rials % 10))


def clause_words(order: Order, clause: str) -> str:
    """Return «بند ۱۱-۴»: the published number of a clause in the version the order was placed under."""
    return f"بند {persian_digits(clause_number(order.terms, clause))}"


def address(path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}"


def pro_forma_link(order: Order) -> str:
    """Return the address under which the holder of the message may read the pro-forma (A12)."""
    signature = signing.Signer(salt=ProForma.LINK_SALT).signature(order.code)
    return address(f"/p/{order.code}/{signature}/")


def pro_forma(order: Order, person: Person, version: ProForma, lines: list[OrderLine], now: datetime) -> NewMessage:
    """The pro-forma: by mail where there is a confirmed address, else by SMS with a signed link (A12).

    A mail that is refused for good goes by SMS instead, under the same promise.
    """
    context: dict[str, Any] = {
        **_paper(order, person, lines),
        "version": persian_digits(version.version),
        "placed_at": jalali.moment(now),
        "goods_total": toman_words(order.goods_total),
        "total_rials": grouped(order.total),
        "pay_until": jalali.deadline(order.pay_until),
        "link": pro_forma_link(order),
        "clause": clause_words(order, "D54"),
    }
    key = pro_forma_key(order.code, version.version)
    sms = _sms(order, person, "pro_forma", context, key)
    if not has_mail(person):
        return sms
    return replace(sms, channel="email", to=person.email, instead=replace(sms, key=f"{key}:sms"))


def has_mail(person: Person) -> bool:
    """Say whether papers go to this person by mail as well."""
    return bool(person.email and person.email_confirmed_at and person.mail_for_orders)


def _paper(order: Order, person: Person, lines: list[OrderLine]) -> dict[str, Any]:
    """What every paper about an order prints."""
    fees = [
        ("بسته‌بندی", order.fee_packing),
        (f"ارسال با {order.carrier_title}", order.fee_shipping),
        ("بیمه", order.fee_insurance),
    ]
    return {
        "order": order.code,
        "name": person.full_name,
        "total": toman_words(order.total),
        "deliver_to": f"{order.province}، {order.city}، {order.street}، پلاک {persian_digits(order.plate)}",
        "terms": f"نسخه {persian_digits(order.terms.number)}",
        "terms_link": address(f"/terms/{order.terms.number}/"),
        "lines": [
            {
                "title": line.title,
                "quantity": grouped(line.quantity),
                "unit_price": toman_words(line.unit_price),
                "total": toman_words(line.unit_price * line.quantity),
            }
            for line in lines
        ],
        "fees": [{"title": title, "amount": toman_words(fee) if fee else "رایگان"} for title, fee in fees],
    }


def pro_forma_key(order: str, version: int) -> str:
    return f"pro_forma:{order}:{version}"


def cart_code_key(order: str) -> str:
    return f"cart_code:{order}"


def cart_code(order: Order, person: Person, lines: list[OrderLine], now: datetime) -> list[NewMessage]:
    """The cart code, by SMS always and by mail too where there is a confirmed address (D57)."""
    link = address(f"/orders/{order.code}/")
    key = cart_code_key(order.code)
    short = {"cart_code": order.cart_code or "", "link": link, "door": _door(order)}
    sms = _sms(order, person, "cart_code", short, key)
    if not has_mail(person):
        return [sms]
    context = {
        **_paper(order, person, lines),
        **short,
        "final_at": jalali.moment(now),
        "processing_date": jalali.long_date(order.processing_date),
        "clause": clause_words(order, "D57"),
    }
    return [sms, replace(sms, channel="email", to=person.email, context=context, key=f"{key}:mail")]


@carries_out("D53")
def _door(order: Order) -> str:
    """Where an express order is delivered, as its buyer reads it with the cart code; "" for any other."""
    return "تحویل اکسپرس، جلوی در اصلی ساختمان (در رو به خیابان)" if order.is_express else ""


def short(order: Order, person: Person, amount: int, due_at: datetime) -> NewMessage:
    """Paid, but sold out meanwhile; the refund's time is already running (D32, D30)."""
    context = {
        "order": order.code,
        "amount": toman_words(amount),
        "refund_due": jalali.deadline(due_at),
        "link": address(f"/orders/{order.code}/"),
    }
    return _sms(order, person, "order_short", context, f"order_short:{order.code}")


def expired(order: Order, person: Person) -> NewMessage:
    return _sms(order, person, "order_expired", {"order": order.code}, f"order_expired:{order.code}")


def cancelled(order: Order, person: Person, refund: str, due: str) -> NewMessage:
    context = {"order": order.code, "amount": refund, "refund_due": due, "link": address(f"/orders/{order.code}/")}
    return _sms(order, person, "order_cancelled", context, f"order_cancelled:{order.code}")


def data_asked(order: Order, person: Person, request: InformationRequest) -> list[NewMessage]:
    """What is missing and until when we wait (D41)."""
    titles = requests.titles(order.buyer_kind)
    context = {
        "order": order.code,
        "fields": "، ".join(titles[name] for name in request.fields),
        "answer_due": jalali.deadline(request.answer_until),
        "link": address(f"/orders/{order.code}/"),
    }
    more = {"name": person.full_name, "note": request.note, "clause": clause_words(order, "D41")}
    return _both_ways(order, person, "order_data_asked", context, more, f"order_data_asked:{request.code}")


def unanswered(order: Order, person: Person, back: Back) -> list[NewMessage]:
    """Nobody answered, so the order was cancelled; what was paid is on its way back (D41)."""
    context = {
        "order": order.code,
        "amount": back.amount,
        "refund_due": back.due,
        "link": address(f"/orders/{order.code}/"),
    }
    more = {"name": person.full_name, "clause": clause_words(order, "D41")}
    return _both_ways(order, person, "order_unanswered", context, more, f"order_unanswered:{order.code}")


def cancelled_by_shop_key(order: str) -> str:
    return f"order_cancelled_by_shop:{order}"


def cancelled_by_shop(
    order: Order, person: Person, why: Reason, note: str, gone: Sequence[str], back: Back
) -> list[NewMessage]:
    """We cancelled it: why, which goods it is about, and until when the money is back (D28, D32, D33)."""
    context = {
        "order": order.code,
        "reason": why.title,
        "amount": back.amount,
        "refund_due": back.due,
        "link": address(f"/orders/{order.code}/"),
    }
    more: dict[str, Any] = {
        "name": person.full_name,
        "note": note,
        "clause": clause_words(order, why.clause),
        "goods": [{"title": title} for title in gone],
    }
    key = cancelled_by_shop_key(order.code)
    return _both_ways(order, person, "order_cancelled_by_shop", context, more, key)


def _both_ways(
    order: Order, person: Person, template: str, context: dict[str, Any], more: dict[str, Any], key: str
) -> list[NewMessage]:
    """An SMS always, and a mail that says `more` where there is a confirmed address."""
    sms = _sms(order, person, template, context, key)
    if not has_mail(person):
        return [sms]
    return [sms, replace(sms, channel="email", to=person.email, key=f"{key}:mail", context={**context, **more})]


def refund_done(order: Order, person: Person, refund_code: str, amount: int, bank_ref: str) -> NewMessage:
    context = {
        "order": order.code,
        "amount": toman_words(amount),
        "reference": bank_ref,
    }
    return _sms(order, person, "refund_done", context, f"refund_done:{refund_code}")


def _sms(order: Order, person: Person, template: str, context: dict[str, Any], key: str) -> NewMessage:
    return NewMessage(
        channel="sms",
        to=person.mobile,
        template=template,
        context=context,
        key=key,
        person_id=person.pk,
        about=f"order:{order.code}",
    )
