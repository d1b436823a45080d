"""Money that goes back by a transfer of ours: when, to which account, on whose word, and in what lines.

Paya is the central bank's clearing of many small transfers. It carries at most two milliard rials in one order
(circular 04/35504 of 1404-02-14) and names no least amount. What a bank will not carry comes back and is owed again.
"""

import re
from collections.abc import Sequence
from itertools import permutations
from typing import Final, Literal

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import normalise

MOST_A_TRANSFER: Final = 2_000_000_000  # rials of one order
MOST_LINES: Final = 500  # of one batch: what a person can still look through
REFUSALS_BEFORE_PAYA: Final = 6  # a bank that gives no clear reason is asked so often, which takes two minutes
PERSONS: Final = 2

WaitsFor = Literal["", "account", "holder", "second_person", "batch", "bank"]
WAITS: Final[tuple[WaitsFor, ...]] = ("account", "holder", "second_person", "batch", "bank")

# The three digits behind the check digits name the bank. Those that were merged keep theirs.
BANKS: Final = {
    "010": "بانک مرکزی",
    "011": "بانک صنعت و معدن",
    "012": "بانک ملت",
    "013": "بانک رفاه کارگران",
    "014": "بانک مسکن",
    "015": "بانک سپه",
    "016": "بانک کشاورزی",
    "017": "بانک ملی ایران",
    "018": "بانک تجارت",
    "019": "بانک صادرات ایران",
    "020": "بانک توسعه صادرات",
    "021": "پست بانک ایران",
    "022": "بانک توسعه تعاون",
    "051": "مؤسسه اعتباری توسعه",
    "052": "بانک قوامین",
    "053": "بانک کارآفرین",
    "054": "بانک پارسیان",
    "055": "بانک اقتصاد نوین",
    "056": "بانک سامان",
    "057": "بانک پاسارگاد",
    "058": "بانک سرمایه",
    "059": "بانک سینا",
    "060": "بانک قرض‌الحسنه مهر ایران",
    "061": "بانک شهر",
    "062": "بانک آینده",
    "063": "بانک انصار",
    "064": "بانک گردشگری",
    "065": "بانک حکمت ایرانیان",
    "066": "بانک دی",
    "069": "بانک ایران زمین",
    "070": "بانک قرض‌الحسنه رسالت",
    "073": "مؤسسه اعتباری کوثر",
    "075": "مؤسسه اعتباری ملل",
    "078": "بانک خاورمیانه",
    "079": "بانک مهر اقتصاد",
    "080": "مؤسسه اعتباری نور",
    "095": "بانک ایران و ونزوئلا",
}


# ---- Refusals ----


class AccountStands(Refused):
    """The account is not as this step wants it: replaced, refused, or seen already."""

    code, clause, status = "account_stands", "D35", 409
    says = "انجام نشد، چون این حساب دیگر آن نیست که دیدید: {why}. صفحه را تازه کنید."


class RefundStands(Refused):
    """The refund is not where this step begins."""

    code, clause, status = "refund_stands", "D30", 409
    says = "انجام نشد، چون این بازپرداخت اکنون چیز دیگری می‌خواهد. صفحه را تازه کنید؛ شاید همکاری پیش از شما بود."


class SamePerson(Refused):
    """Two persons are two persons."""

    code, clause, status = "same_person", "D30", 409
    says = "تأیید نشد، چون شما پیش‌تر پای این کار ایستاده‌اید و تأیید دوم از همکار دیگری است. چیزی فرستاده نشد."


class NothingToSend(Refused):
    """No refund is ready to leave, or those that were named are not any more."""

    code, clause, status = "nothing_to_send", "D30", 409
    says = "دسته ساخته نشد، چون از بازپرداخت‌های برگزیده هیچ‌یک آماده رفتن نیست. صفحه را تازه کنید."


class NotReady(Refused):
    """One of the refunds that were named cannot leave now; none of them was put into a batch."""

    code, clause, status = "refund_not_ready", "D30", 409
    says = "دسته ساخته نشد، چون بازپرداخت {refund} دیگر آماده نیست. صفحه را تازه کنید؛ چیزی عوض نشده است."


class NoSource(Refused):
    """We do not know which account of ours the money leaves from."""

    code, clause, status = "no_source", "D30", 409
    says = "دسته ساخته نشد، چون شبای حساب ما (PEYMAN_PAYA_SHEBA) نوشته نشده یا درست نیست."


class BatchStands(Refused):
    """The batch is not where this step begins."""

    code, clause, status = "batch_stands", "D30", 409
    says = "انجام نشد، چون این دسته اکنون «{state}» است. صفحه را تازه کنید؛ شاید همکاری پیش از شما بود."


class AccountChanged(Refused):
    """Between the draft and the file a customer declared another account, or theirs was refused."""

    code, clause, status = "account_changed", "D35", 409
    says = (
        "فایل داده نشد، چون حساب این بازپرداخت‌ها در این میان عوض شده است: {refunds}. "
        "دسته را کنار بگذارید و با حساب‌های تازه دسته دیگری بسازید؛ پولی نرفته است."
    )


class FileDiffers(Refused):
    """The file that the batch makes is not the one that was approved: something was changed beneath us."""

    code, clause, status = "file_differs", "D30", 409
    says = "فایل داده نشد، چون با آنچه تأیید شده بود یکی نیست. دست نگه دارید و به سرپرست فنی خبر دهید؛ پولی نرفته است."


# ---- Which way ----

_AT_ONCE = frozenset({"no_refund_service", "below_minimum"})
_NEVER = frozenset({"key_of_another_amount"})  # the gateway may have given something back: a person must look


@carries_out("D30")
def is_for_good(code: str, tries: int) -> bool:
    """Say whether a gateway that refused with `code`, after `tries` earlier tries, will not carry this refund any more.

    Without an access token it can only be sure of that while it was never asked: an earlier request may have come
    through whose answer was lost.
    """
    if code in _NEVER:
        return False
    if code == "no_access_token":
        return tries == 0
    return code in _AT_ONCE or tries >= REFUSALS_BEFORE_PAYA


@carries_out("D30")
def persons_needed(*, amount: int, above: int, is_by_staff: bool, is_paya: bool) -> int:
    """Return how many different persons must stand behind a refund of `amount` rials: two above the limit where a
    member of staff caused it or it leaves by a transfer of ours, else none. Exactly the limit is not above it.
    """
    return PERSONS if amount > above and (is_by_staff or is_paya) else 0


def waits_for(
    *,
    is_done: bool,
    is_paya: bool,
    has_account: bool,
    is_seen: bool,
    needs: int,
    given: int,
    left: int,
    has_left: bool,
) -> WaitsFor:
    """Return what a refund waits for. `left`: rials in no live line; `has_left`: some live line is with the bank.

    Not ready before it is ready: the account, then whose it is, then the second person, then a batch, then the bank.
    """
    if is_done:
        return ""
    if is_paya and left:
        if not has_account:
            return "account"
        if not is_seen:
            return "holder"
    if given < needs:
        return "second_person"
    if is_paya and (left or not has_left):
        return "batch"
    return "bank"


# ---- The account ----


def bank_of(number: str) -> str:
    """Return the name of the bank of a Sheba ("IR" and 24 digits), "" of one that we do not know."""
    return BANKS.get(number[4:7], "")


_ONE_LETTER = str.maketrans({"آ": "ا", "أ": "ا", "إ": "ا", "ئ": "ی", "ؤ": "و", "ة": "ه", "\u200c": " "})
_TITLES = frozenset({"اقای", "اقا", "خانم", "سرکار", "جناب", "دکتر", "مهندس", "سید", "سیده", "حاج", "شرکت"})
_MARKS = re.compile(r"[^\w\s]|_")


def _words(name: str) -> list[str]:
    plain = _MARKS.sub(" ", normalise(name).translate(_ONE_LETTER))
    return sorted(word for word in plain.split() if word not in _TITLES)


@carries_out("D35")
def is_same_name(ours: str, theirs: str) -> bool:
    """Say whether two ways of writing a name are one: order of words, titles, spaces and hamze do not count."""
    mine, other = _words(ours), _words(theirs)
    if not mine or not other:
        return False
    return _joined(mine, other)


def _joined(mine: Sequence[str], other: Sequence[str]) -> bool:
    """Say whether the words of one are those of the other, some of them written as one (علی رضا, علیرضا)."""
    few, many = sorted((mine, other), key=len)
    left = list(many)
    for word in few:
        pieces = [word] if word in left else next((p for p in permutations(left, 2) if "".join(p) == word), ())
        if not pieces:
            return False
        for piece in pieces:
            left.remove(piece)
    return not left


@carries_out("D35")
def holder(*, seen: str, customer: str, why: str) -> tuple[str, str]:
    """Return the name of an account's holder, and why it may be another's than the customer's ("" where it is theirs).

    Raises Invalid that names `seen_name` for nothing, `why` for a mismatch without a reason.
    """
    name, reason = " ".join(normalise(seen).split()), " ".join(normalise(why).split())
    if not 2 <= len(name) <= 120:
        raise Invalid({"seen_name": "نام صاحب حساب را همان‌گونه بنویسید که استعلام بانک نشان داد."})
    if is_same_name(name, customer):
        return name, ""
    if not 10 <= len(reason) <= 300:
        raise Invalid({"why": "این نام با نام مشتری یکی نیست؛ بنویسید چرا پول می‌تواند به این حساب برود."})
    return name, reason


def reason(typed: str, *, field: str = "why", least: int = 5) -> str:
    """Return why something is undone. Raises Invalid that names `field`."""
    words = " ".join(normalise(typed).split())
    if not least <= len(words) <= 300:
        raise Invalid({field: "بنویسید چرا؛ در سرگذشت این کار می‌ماند."})
    return words


# ---- Lines ----


def parts(amount: int, most: int = MOST_A_TRANSFER) -> list[int]:
    """Return the transfers that carry `amount` rials, each of at most `most`: full ones, then the rest."""
    if amount <= 0:
        raise ValueError("a transfer carries something")
    whole, rest = divmod(amount, most)
    return [most] * whole + ([rest] if rest else [])


def reference(batch: int, n: int) -> str:
    """Return the number by which the bank's statement names line `n` of batch number `batch`: ten digits and two that
    check them (mod 97, as in a Sheba), so that a misread one is nobody's: 1, 1 → "000001000168".
    """
    body = f"{batch:06d}{n:04d}"
    return f"{body}{98 - int(body + '00') % 97:02d}"


def is_reference(text: str) -> bool:
    """Say whether this may be a number of ours."""
    return len(text) == 12 and text.isascii() and text.isdigit() and int(text) % 97 == 1
