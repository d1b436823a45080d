"""Why a picture or a video is taken out of the world, and which one a complaint speaks of."""

import re
from typing import Final

from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import has_controls, normalise
from peyman.shop.media.rules.gallery import FOLDER

REASONS: Final = {
    "privacy": "حریم خصوصی",
    "rights": "حق پدیدآور یا نشان تجاری",
    "order": "دستور مرجع قانونی",
    "other": "سبب دیگر",
}
LONGEST_WHY: Final = 300
_LEAST_WHY: Final = 5
_NAMED: Final = re.compile(
    rf"(?:.*{FOLDER})?(?P<key>[0-9a-f]{{40}})(?:-\d+\.webp|\.mp4|\.webm)?(?:[?#].*)?", re.ASCII | re.DOTALL
)


class TakenDown(Refused):
    """A file that was taken down is offered again."""

    code = "media_taken_down"
    says = "این فایل به‌دنبال یک درخواست برای همیشه حذف شده است و دوباره پذیرفته نمی‌شود."
    status = 422


class NotYetGone(Refused):
    """What is still being deleted cannot be allowed again."""

    code = "takedown_not_finished"
    says = "حذف این فایل هنوز تمام نشده است. چند دقیقه دیگر دوباره ببینید."
    status = 409


def key_in(typed: str) -> str:
    """Return the key in an address of a picture or a video, as a complaint quotes it; "" where there is none."""
    found = _NAMED.fullmatch(normalise(typed).lower())
    return found["key"] if found else ""


def check_why(typed: str) -> str:
    """Return why something is done, normalised. Raises Invalid("why")."""
    why = normalise(typed)
    if len(why) < _LEAST_WHY:
        raise Invalid({"why": "بنویسید چرا؛ در تاریخچه می‌ماند."})
    if has_controls(why) or len(why) > LONGEST_WHY:
        raise Invalid({"why": "سبب را در یک سطر و تا ۳۰۰ نویسه بنویسید."})
    return why


def check(reason: str, why: str) -> tuple[str, str]:
    """Return the reason and the words of a takedown. Raises Invalid with all that is missing."""
    bad = {} if reason in REASONS else {"reason": "یکی از سبب‌ها را برگزینید."}
    try:
        why = check_why(why)
    except Invalid as refusal:
        bad |= refusal.fields
    if bad:
        raise Invalid(bad)
    return reason, why
