"""What staff may ask a customer for when data of an order are missing or wrong (D39, D41), and how answers are read."""

from collections.abc import Mapping, Sequence
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.shop.orders.rules.form import Buyer, Delivery, FormIncomplete, read_buyer, read_delivery


class AnswerIncomplete(FormIncomplete):
    """An answer with data still missing or wrong; every field of it is named."""

    code, clause = "answer_incomplete", "D39"
    says = "پاسخ ثبت نشد، چون چند مورد از آن مانده یا درست نیست. سفارش همچنان ناقص است و پولی از دست نرفته است."


# Fields of the order form by the names under which the API and the pages know them.
TITLES: Final = {
    "recipient": "نام و نام خانوادگی گیرنده",
    "mobile": "موبایل گیرنده",
    "landline": "تلفن ثابت",
    "province": "استان",
    "city": "شهر",
    "street": "خیابان و کوچه",
    "plate": "پلاک",
    "unit": "واحد",
    "postal_code": "کد پستی",
}
ORGANISATION_TITLES: Final = {
    "buyer.name": "نام سازمان",
    "buyer.national_id": "شناسه ملی سازمان",
    "buyer.economic_code": "کد اقتصادی",
    "buyer.registration_number": "شماره ثبت",
    "buyer.postal_code": "کد پستی سازمان",
    "buyer.phone": "تلفن سازمان",
}
_PLACE: Final = ("province", "city")
LONGEST_NOTE: Final = 300
# What may stay empty in the form may not once it was asked for by name.
_ASKED_ALL_THE_SAME: Final = {
    "landline": "تلفن ثابت را بنویسید؛ اگر ندارید، «ندارم» بنویسید.",
    "unit": "واحد را بنویسید؛ اگر ندارد، «ندارد» بنویسید.",
}
_NONE: Final = ("ندارم", "ندارد")


def titles(buyer_kind: str) -> dict[str, str]:
    """Return what may be asked for, by name, in the order of the form. An organisation's particulars only where one
    buys; who buys is not among them: it was chosen with the order, or never (D44).
    """
    return TITLES | (ORGANISATION_TITLES if buyer_kind == "legal_entity" else {})


@carries_out("D41", "D44")
def asked(*, fields: Sequence[str], note: str, buyer_kind: str) -> tuple[list[str], str]:
    """Return what is asked for, in the order of the form, and the note to the customer.

    A city is asked for with its province. Raises Invalid: nothing or something unknown asked for, no note.
    """
    known = titles(buyer_kind)
    wanted = {*fields, *(_PLACE if set(fields) & set(_PLACE) else ())}
    words = " ".join(note.split())
    wrong: dict[str, str] = {}
    if not wanted:
        wrong["fields"] = "دست‌کم یک مورد را برگزینید که از مشتری می‌خواهید."
    elif not wanted <= set(known):
        wrong["fields"] = "این مورد را از این سفارش نمی‌توان خواست؛ نوع خریدار پس از ثبت عوض نمی‌شود."
    if not words:
        wrong["note"] = "برای مشتری بنویسید که چه چیز و چرا لازم است."
    elif len(words) > LONGEST_NOTE:
        wrong["note"] = "این نوشته بلندتر از اندازه است؛ کوتاه‌ترش کنید."
    if wrong:
        raise Invalid(wrong)
    return [name for name in known if name in wanted], words


@carries_out("D39", "D44")
def read_answer(
    raw: Mapping[str, object],
    *,
    fields: Sequence[str],
    delivery: Mapping[str, str],
    buyer: Mapping[str, str],
) -> tuple[Delivery, Buyer]:
    """Return the whole form with what was answered in it: only what was asked for changes, the rest is the order's.

    `delivery` is the order's, `buyer` with its `kind`. Raises AnswerIncomplete with every fault, by field.
    """
    answers = {name: raw.get(name, "") for name in fields}
    wrong = {
        name: sentence
        for name, sentence in _ASKED_ALL_THE_SAME.items()
        if name in answers and not str(answers[name] or "").strip()
    }
    answers = {
        name: "" if name in _ASKED_ALL_THE_SAME and str(value).strip() in _NONE else value
        for name, value in answers.items()
    }
    whole = {**delivery, **{name: value for name, value in answers.items() if "." not in name}}
    particulars = {**buyer, **{name.removeprefix("buyer."): value for name, value in answers.items() if "." in name}}
    particulars["kind"] = buyer["kind"]
    return _both(whole, particulars, wrong)


def _both(delivery: Mapping[str, object], buyer: Mapping[str, object], wrong: dict[str, str]) -> tuple[Delivery, Buyer]:
    from_form = from_buyer = None
    try:
        from_form = read_delivery(delivery)
    except FormIncomplete as refusal:
        wrong |= refusal.fields
    try:
        from_buyer = read_buyer(buyer)
    except FormIncomplete as refusal:
        wrong |= refusal.fields
    if wrong or from_form is None or from_buyer is None:
        raise AnswerIncomplete(wrong)
    return from_form, from_buyer
