"""What is told to many: a newsletter as it is written, and letters that are not sent twice (D11, D12)."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import has_controls, normalise
from peyman.people.rules.consent import CHANNELS, EMAIL

MOST_ITEMS: Final = 5
LONGEST_TITLE: Final = 80  # an SMS holds it beside two addresses
_PATH = re.compile(r"/(?!/)[A-Za-z0-9._~/?=&%+\-]*")


class AlreadySent(Refused):
    """This very letter went out, or is going out."""

    code, clause, status = "newsletter_already_sent", "D11", 409
    says = "فرستاده نشد، چون همین خبرنامه {when} فرستاده شده است. یک نامه دو بار نمی‌رود؛ متن را عوض کنید."


class NobodyWantsIt(Refused):
    """No member consented to news by the chosen ways."""

    code, clause, status = "newsletter_without_readers", "D11", 409
    says = "فرستاده نشد، چون هیچ‌کس از این راه‌ها خبرنامه نخواسته است."


class MailingOver(Refused):
    """What is stopped has ended already."""

    code, status = "mailing_over", 409
    says = "کاری نشد، چون این ارسال پیش از این پایان یافته یا ایستانده شده است."


@dataclass(frozen=True)
class Item:
    """One piece of news: its words, and a page of ours."""

    title: str
    text: str
    link: str


@dataclass(frozen=True)
class Newsletter:
    """A letter that was read and found whole. `link` and those of its items are paths of our own site (D13)."""

    title: str
    intro: str
    link: str
    items: tuple[Item, ...]
    channels: tuple[str, ...]

    @property
    def content(self) -> dict[str, Any]:
        """Return the letter as it is kept."""
        return {
            "title": self.title,
            "intro": self.intro,
            "link": self.link,
            "items": [vars(item) for item in self.items],
            "channels": list(self.channels),
        }

    @property
    def sha256(self) -> str:
        """Name the words of the letter, whatever ways it goes by: the same words are the same letter."""
        words = {name: value for name, value in self.content.items() if name != "channels"}
        return hashlib.sha256(json.dumps(words, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


@carries_out("D11", "D13")
def newsletter(raw: Mapping[str, str], channels: Collection[str]) -> Newsletter:
    """Read a letter from a form: title, intro, link and, for n from 1 on, item_n_title, item_n_text, item_n_link.

    Links are pages of ours, written as paths: a letter leads nowhere else. Raises Invalid naming every field that is
    wrong.
    """
    wrong: dict[str, str] = {}

    def words(name: str, least: int, most: int, sentence: str) -> str:
        text = normalise(raw.get(name, ""))
        if not least <= len(text) <= most or has_controls(text):
            wrong[name] = sentence
        return text

    def page(name: str) -> str:
        path = raw.get(name, "").strip()
        if len(path) > 200 or not _PATH.fullmatch(path):
            wrong[name] = "نشانی صفحه‌ای از همین سایت را بنویسید که با / آغاز شود؛ مانند ‎/goods/"
        return path

    title = words("title", 3, LONGEST_TITLE, "عنوان را بنویسید؛ ۳ تا ۸۰ نویسه.")
    intro = words("intro", 10, 600, "سخن آغاز را بنویسید؛ ۱۰ تا ۶۰۰ نویسه.")
    link = page("link")
    items = []
    for n in range(1, MOST_ITEMS + 1):
        if any(raw.get(f"item_{n}_{part}", "").strip() for part in ("title", "text", "link")):
            items.append(
                Item(
                    words(f"item_{n}_title", 3, 120, "عنوان این خبر را بنویسید؛ ۳ تا ۱۲۰ نویسه."),
                    words(f"item_{n}_text", 3, 600, "متن این خبر را بنویسید؛ ۳ تا ۶۰۰ نویسه."),
                    page(f"item_{n}_link"),
                )
            )
    chosen = tuple(channel for channel in (EMAIL, *CHANNELS) if channel in channels)
    if not chosen:
        wrong["channels"] = "دست‌کم یک راه را برگزینید: ایمیل یا پیامک."
    if wrong:
        raise Invalid(wrong)
    return Newsletter(title, intro, link, tuple(items), tuple(dict.fromkeys(chosen)))
