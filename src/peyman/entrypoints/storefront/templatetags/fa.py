"""What pages print: money, digits, dates and clause links in Persian. Built in: no template loads it.

The words themselves are the kernel's; here they get their markup (`<time>`, `<bdi>`, links).
"""

import itertools
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.template.context import Context
from django.template.loader import render_to_string
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from peyman.entrypoints import figures, words
from peyman.entrypoints.storefront import addresses, icons, kept
from peyman.kernel import jalali, money
from peyman.kernel.text import latin_digits, persian_digits
from peyman.promises import queries as promises
from peyman.promises.models import TermsVersion

if TYPE_CHECKING:
    from peyman.shop.catalog.queries import Card

register = template.Library()

# A run of Latin words, numbers and what stands between them. Without a letter in it, it is only a number.
_RUN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 .,:@/&'’+_%#•…–-]*[A-Za-z0-9+])?")
_LETTER = re.compile(r"[A-Za-z]")
_HIDDEN = re.compile(r"([0-9۰-۹]+\*{3,}[0-9۰-۹]+)")  # a number without its middle: "0912***4567", "603799******5995"
_ARABIC_DIGIT = re.compile("[٠-٩]")
_OF_ARABIC = str.maketrans("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹")
_POINT = re.compile(r"(?<=\d)\.(?=\d)")
FEW = 3  # pieces: from here on a tile says how many are left (D59)
_CLAUSE = re.compile(r"بند ([۰-۹]+-[۰-۹]+)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")


@register.filter
def toman(rials: int) -> str:
    """1234000 rials → «۱۲۳٬۴۰۰», without the unit."""
    return money.grouped(money.tomans(rials))


@register.filter
def rials(amount: int) -> str:
    """1234000 rials → «۱٬۲۳۴٬۰۰۰», without the unit."""
    return money.grouped(amount)


@register.filter
def number(n: int) -> str:
    """5000 → «۵٬۰۰۰»."""
    return money.grouped(n)


@register.filter
def digits(value: object) -> str:
    """Whatever it is, with Persian digits and nothing else changed: page numbers, postcodes, phones."""
    return persian_digits(value)


@register.filter
def mobile(e164: str) -> str:
    """+989121234567 → «۰۹۱۲۱۲۳۴۵۶۷», as people write it; an e-mail address as it is."""
    if "@" in e164:
        return e164
    return persian_digits(e164.replace("+98", "0", 1) if e164.startswith("+98") else e164)


@register.filter
def prose(text: object) -> SafeString:
    """Persian text as it is read: runs with Latin letters isolated in `<bdi>`, all other digits Persian.

    «گوشی A54 5G با 6.8 اینچ» → «گوشی <bdi>A54 5G</bdi> با ۶٫۸ اینچ». A number without its middle is kept in its order.
    """
    plain = _told(text)
    if "***" in plain and len(found := _HIDDEN.split(plain)) > 1:
        numbers = [format_html('<bdi class="ltr" dir="ltr">{}</bdi>', persian_digits(part)) for part in found[1::2]]
        between = [prose(part) for part in found[::2]]
        return SafeString("".join(itertools.chain(*itertools.zip_longest(between, numbers, fillvalue=""))))
    parts: list[str] = []
    done = 0
    for run in _RUN.finditer(plain):
        parts.append(conditional_escape(plain[done : run.start()]))
        if _LETTER.search(run[0]):
            parts.append(format_html("<bdi>{}</bdi>", run[0]))
        else:
            parts.append(persian_digits(_POINT.sub("٫", _THOUSANDS.sub("٬", run[0]))))
        done = run.end()
    parts.append(conditional_escape(plain[done:]))
    return SafeString("".join(parts))  # every part was escaped above


@register.filter
def plain_prose(text: object) -> str:
    """The same without markup, for titles and attributes."""
    return _RUN.sub(
        lambda run: run[0] if _LETTER.search(run[0]) else persian_digits(_POINT.sub("٫", _THOUSANDS.sub("٬", run[0]))),
        _told(text),
    )


def _told(text: object) -> str:
    """The text with the digits of an Arabic keyboard as Persian ones, which look otherwise: "٤٥" → "۴۵"."""
    plain = str(text)
    return plain.translate(_OF_ARABIC) if _ARABIC_DIGIT.search(plain) else plain


def _time(instant: datetime | date, words: str) -> SafeString:
    machine = jalali.iso(instant) if isinstance(instant, datetime) else instant.isoformat()
    return format_html('<time datetime="{}">{}</time>', machine, words)


@register.filter
def toman_level(rials: int) -> str:
    """A round sum on an axis: «۹ میلیون», «۸۵۰ هزار», «۹٫۵ میلیون»."""
    amount = money.tomans(rials)
    for unit, word in ((1_000_000, "میلیون"), (1_000, "هزار")):
        if amount >= unit and amount * 10 % unit == 0:
            return persian_digits(f"{amount / unit:g}".replace(".", "٫")) + f" {word}"
    return money.grouped(amount)


@register.filter
def long_date(when: datetime | date) -> SafeString:
    """«چهارشنبه ۴ آذر»."""
    return _time(when, jalali.long_date(when))


@register.filter
def public_date(when: datetime | date) -> SafeString:
    """«چهارشنبه ۴ آذر ۱۴۰۵», for pages that everybody reads and that stay."""
    return _time(when, jalali.long_date(when, year=True))


@register.filter
def moment(instant: datetime) -> SafeString:
    """«چهارشنبه ۴ آذر، ساعت ۱۰:۲۴»."""
    return _time(instant, jalali.moment(instant))


@register.filter
def public_moment(instant: datetime) -> SafeString:
    """«چهارشنبه ۴ آذر ۱۴۰۵، ساعت ۱۰:۲۴»."""
    return _time(instant, jalali.moment(instant, year=True))


@register.filter
def short_moment(instant: datetime) -> SafeString:
    """«۴ آذر، ساعت ۱۰:۲۴»."""
    return _time(instant, f"{jalali.plain_date(instant)}، {jalali.hour(instant)}")


@register.filter
def deadline(instant: datetime) -> SafeString:
    """«تا شنبه ۷ آذر، ساعت ۱۷»."""
    return _time(instant, jalali.deadline(instant))


@register.filter
def hour(instant: datetime) -> SafeString:
    """«ساعت ۱۷:۰۳»."""
    return _time(instant, jalali.hour(instant))


@register.filter
def left_until(instant: datetime, now: datetime) -> str:
    """«۲ ساعت و ۱۴ دقیقه» from `now` on; a time that has passed has «کمتر از یک دقیقه» left."""
    return jalali.duration_words(max(instant - now, timedelta()))


@register.filter
def late_by(done: datetime, due: datetime) -> str:
    """«۴۰ دقیقه»: by how much `done` lies after `due`."""
    return jalali.duration_words(max(done - due, timedelta()))


@register.filter
def raw(value: float) -> str:
    """A coordinate, for machines: Latin digits and a point whatever the locale."""
    return f"{value:g}"


@register.filter
def plain_date(when: datetime | date) -> str:
    """«۴ آذر ۱۴۰۵» without markup, for attributes."""
    return jalali.plain_date(when, year=True)


@register.filter
def address(good: "Card") -> str:
    """The path of a product, its title readable in it."""
    return addresses.product(good.slug, good.title)


@register.filter
def drawn(key: str) -> str:
    """The key of the drawing to show: the generic one where there is none of that name."""
    return icons.drawing(key)


@register.filter
def plain_day(when: datetime | date) -> str:
    """«۱۴۰۵/۰۹/۰۴», for boxes and their values."""
    return jalali.short_date(when)


@register.filter
def day_month(when: datetime | date) -> str:
    """«۴ آذر», for the axis of a figure."""
    return jalali.plain_date(when)


@register.filter
def span(duration: timedelta) -> str:
    """«۲ ساعت و ۱۴ دقیقه»."""
    return jalali.duration_words(max(duration, timedelta()))


@register.filter
def percent(permille: int) -> str:
    """991 → «۹۹٫۱», 1000 → «۱۰۰»: rounded down before it comes here."""
    whole, tenth = divmod(permille, 10)
    return persian_digits(f"{whole}٫{tenth}" if tenth else f"{whole}")


@register.filter
def share_of_tally(record: "promises.Record") -> str:
    """The kept share of a record: «۹۹٫۶», rounded down, so that one late promise never reads as none."""
    return percent(record.tally.kept * 1000 // record.tally.made)


@register.filter
def last_share(points: "list[figures.Point]") -> str:
    """The share of the last point of a line: «۹۹٫۱»."""
    return percent(points[-1].permille)


_KNOTS = {
    "open": ("open", "در راه"),
    "kept": ("kept", "وفا شد"),
    "broken": ("broken", "دیر شد"),
    "waived": ("next", "برداشته شد"),
}


@register.filter
def knot(state: str) -> str:
    """The knot of a promise's state."""
    return _KNOTS[state][0]


@register.filter
def knot_word(state: str) -> str:
    """The word beside that knot."""
    return _KNOTS[state][1]


@register.filter
def parameter_words(name: str) -> str:
    """A parameter of the terms: «مهلت (ساعت کاری)»."""
    return words.parameter_words(name)


@register.simple_tag(takes_context=True)
def clause(context: Context, *ids: str) -> SafeString:
    """Link to clauses by register id, under their published numbers: «§ بند ۱۱-۳».

    The version is the page's `terms`: the one in force, or the one that an order was placed under. A clause
    that this version does not have gives nothing, and so does a shop that has published none.
    """
    terms = context["terms"]
    links = []
    for register_id in ids:
        try:
            published = promises.clause_number(terms, register_id)
        except (KeyError, TermsVersion.DoesNotExist):
            continue
        links.append(
            format_html(
                '<a class="clause" href="/terms/{}/#{}">بند {}</a>',
                terms.number,
                clause_anchor(published),
                persian_digits(published),
            )
        )
    return SafeString(" ".join(links))  # built by format_html


@register.filter
def linked_clauses(text: str) -> SafeString:
    """The text of a clause as prose, where «بند ۵-۳» leads to that clause on the same page."""
    return SafeString(  # prose escaped it; the numbers are digits only
        _CLAUSE.sub(lambda m: f'<a href="#{clause_anchor(latin_digits(m[1]))}">{m[0]}</a>', prose(text))
    )


@register.filter
def clause_anchor(published: str) -> str:
    """Where a clause stands on the page of the terms: "11-4" → "c-11-4"."""
    return f"c-{published}"


@register.simple_tag
def good(card: "Card") -> SafeString:
    """The tile of a product, kept under the version of what it shows."""
    shown = replace(card, available=min(card.available, FEW + 1))
    return kept.part(
        ("good", shown.slug),
        shown,
        lambda: render_to_string("storefront/parts/good.html", {"card": shown, "is_few": shown.available <= FEW}),
    )


class _WithSprite(template.Node):
    def __init__(self, nodelist: NodeList, also: FilterExpression | None) -> None:
        self.nodelist = nodelist
        self.also = also

    def render(self, context: Context) -> SafeString:
        html = self.nodelist.render(context)
        also = (self.also.resolve(context, ignore_failures=True) if self.also else None) or ()
        return SafeString(html + icons.sprite(html, also))  # the template's own output, and our own drawings


@register.tag
def withsprite(parser: Parser, token: Token) -> _WithSprite:
    """Close the wrapped markup with the symbols that it uses, cached fragments included, and with those named."""
    _, *also = token.split_contents()
    nodelist = parser.parse(("endwithsprite",))
    parser.delete_first_token()
    return _WithSprite(nodelist, parser.compile_filter(also[0]) if also else None)
