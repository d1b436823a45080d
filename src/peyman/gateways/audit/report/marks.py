"""How templates of the report print dates and numbers."""

from datetime import date

from django import template

from peyman.kernel import jalali
from peyman.kernel.text import persian_digits

register = template.Library()


@register.filter
def plain_date(when: date) -> str:
    """«۴ آذر ۱۴۰۵»."""
    return jalali.plain_date(when, year=True)


@register.filter
def digits(value: object) -> str:
    """Persian digits."""
    return persian_digits(value)


@register.filter
def head(heads: tuple[tuple[str, bool], ...], at: int) -> str:
    """The words above a column."""
    return heads[at][0]
