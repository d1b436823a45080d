"""The order form: what must be in it, and what is wrong with it (D38, D50, D51, D44)."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.kernel.text import latin_digits, normalise
from peyman.people.rules import landline_number, legal_national_id, mobile_number


class FormIncomplete(Invalid):
    """Data missing or wrong; every field of it is named."""

    code, clause = "order_form", "D38"
    says = "سفارش ثبت نشد، چون چند مورد از فرم مانده یا درست نیست. پولی گرفته نشد."


@dataclass(frozen=True)
class Delivery:
    """To whom and where, as it will be printed. `mobile` in E.164."""

    recipient: str
    mobile: str
    landline: str
    province: str
    city: str
    street: str
    plate: str
    unit: str
    postal_code: str


@dataclass(frozen=True)
class Buyer:
    """Who buys: a person for themselves, or an organisation with its particulars (D07, D44)."""

    kind: str  # individual | legal_entity
    name: str = ""
    national_id: str = ""
    economic_code: str = ""
    registration_number: str = ""
    postal_code: str = ""
    phone: str = ""

    def particulars(self) -> dict[str, str]:
        """Return the particulars of an organisation; nothing of a person."""
        return (
            {} if self.kind == "individual" else {name: value for name, value in asdict(self).items() if name != "kind"}
        )


LONGEST = {"recipient": 120, "province": 60, "city": 80, "street": 300, "plate": 20, "unit": 20}
ASKED = {
    "recipient": "نام و نام خانوادگی گیرنده را بنویسید.",
    "province": "استان را برگزینید.",
    "city": "شهر را برگزینید.",
    "street": "خیابان و کوچه را بنویسید.",
    "plate": "پلاک را بنویسید؛ اگر پلاک ندارد، «ندارد» بنویسید.",
}


# What people put between digits, and what a right-to-left page puts around them when it is copied from.
_NOISE = re.compile("[\\s\\-_\u061c\u200b-\u200f\u2010-\u2015\u202a-\u202e\u2066-\u2069\ufeff]")


def postal_code(typed: object) -> str:
    """Return the ten digits of a postal code; ValueError says in Persian what is wrong with it."""
    digits = _NOISE.sub("", latin_digits(str(typed or "")))
    if not digits:
        raise ValueError("کد پستی را بنویسید؛ ۱۰ رقم است.")
    if not digits.isascii() or not digits.isdigit():
        raise ValueError("کد پستی فقط رقم است؛ ۱۰ رقم بنویسید.")
    if len(digits) != 10:
        from_latin = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
        raise ValueError(f"کد پستی {str(len(digits)).translate(from_latin)} رقم است؛ باید ۱۰ رقم باشد.")
    if len(set(digits)) == 1 or digits[0] == "0":  # no code of the country begins with 0
        raise ValueError("این کد پستی درست نیست؛ آن را از روی قبض یا سند بخوانید.")
    return digits


@carries_out("D38", "D50", "D51")
def read_delivery(raw: Mapping[str, object]) -> Delivery:
    """Return the delivery of a form. Any script's digits and Arabic letters are understood.

    Raises FormIncomplete with every field that is missing or wrong.
    """
    wrong: dict[str, str] = {}
    text = {name: normalise(_text(raw.get(name))) for name in LONGEST}
    for name, sentence in ASKED.items():
        if not text[name]:
            wrong[name] = sentence
    for name, longest in LONGEST.items():
        if len(text[name]) > longest:
            wrong[name] = "این نوشته بلندتر از اندازه است؛ کوتاه‌ترش کنید."
    number, fixed, code = "", "", ""
    try:
        number = mobile_number(_text(raw.get("mobile")))
    except Invalid as bad:
        wrong |= bad.fields
    if _text(raw.get("landline")).strip():
        try:
            fixed = landline_number(_text(raw.get("landline")))
        except Invalid as bad:
            wrong |= bad.fields
    try:
        code = postal_code(_text(raw.get("postal_code")))
    except ValueError as bad_code:
        wrong["postal_code"] = str(bad_code)
    if wrong:
        raise FormIncomplete(wrong)
    return Delivery(
        mobile=number,
        landline=fixed,
        postal_code=code,
        plate=latin_digits(text.pop("plate")),
        unit=latin_digits(text.pop("unit")),
        **text,
    )


LEGAL = {
    "name": ("نام سازمان را بنویسید.", r".{2,120}", "نام سازمان را کامل بنویسید."),
    "national_id": ("شناسه ملی سازمان را بنویسید.", r"\d{11}", "شناسه ملی سازمان ۱۱ رقم است."),
    "economic_code": ("کد اقتصادی را بنویسید.", r"\d{11,14}", "کد اقتصادی ۱۱ تا ۱۴ رقم است."),
    "registration_number": ("شماره ثبت را بنویسید.", r"\d{1,10}", "شماره ثبت فقط رقم است."),
    "phone": ("تلفن سازمان را بنویسید.", r"0\d{9,10}", "تلفن را با پیش‌شماره بنویسید؛ برای نمونه ۰۲۱۸۸۸۸۸۸۸۸."),
}


@carries_out("D07", "D44")
def read_buyer(raw: Mapping[str, object]) -> Buyer:
    """Return the buyer of a form; without a `kind`, a person. Raises FormIncomplete (fields `buyer.…`)."""
    kind = _text(raw.get("kind")) or "individual"
    if kind == "individual":
        return Buyer(kind)
    if kind != "legal_entity":
        raise FormIncomplete({"buyer.kind": "خریدار «شخص» است یا «سازمان»؛ یکی را برگزینید."})
    wrong: dict[str, str] = {}
    text: dict[str, str] = {}
    for name, (asked, shape, sentence) in LEGAL.items():
        value = latin_digits(normalise(_text(raw.get(name))))
        if name != "name":
            value = _NOISE.sub("", value)
        text[name] = value
        if not value:
            wrong[f"buyer.{name}"] = asked
        elif not re.fullmatch(shape, value):
            wrong[f"buyer.{name}"] = sentence
    if "buyer.national_id" not in wrong:
        try:
            legal_national_id(text["national_id"], field="buyer.national_id")
        except Invalid as bad:
            wrong |= bad.fields
    code = ""
    try:
        code = postal_code(_text(raw.get("postal_code")))
    except ValueError as bad_code:
        wrong["buyer.postal_code"] = str(bad_code)
    if wrong:
        raise FormIncomplete(wrong)
    return Buyer(kind=kind, postal_code=code, **text)


def _text(value: object) -> str:
    """Numbers and texts are read as text; anything else is as good as missing."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)
