"""Persian filters: digits, money, dates."""

from django import template

register = template.Library()
