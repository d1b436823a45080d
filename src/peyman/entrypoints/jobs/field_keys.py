"""`peyman field-keys`: move sealed columns and keyed hashes to the newest key of PEYMAN_FIELD_KEYS.

To change keys: put the new one before the old in PEYMAN_FIELD_KEYS, restart every process, run this until it writes
nothing, then take the old key out. It runs beside the shop; a row that changes meanwhile keeps its change.
"""

import click
from django.apps import apps
from django.db import DatabaseError

from peyman import sealed
from peyman.entrypoints.jobs.console import CouldNot, answer
from peyman.kernel.sealing import Unreadable
from peyman.kernel.text import persian_digits


def reseal_all() -> dict[str, int]:
    """Reseal every table that has sealed columns; return table → rows written."""
    models = [model for model in apps.get_models() if sealed.sealed_fields(model)]
    return {model._meta.db_table: sealed.reseal(model) for model in models}


@click.command("field-keys", help="داده‌های شخصی رمزنگاری‌شده را به تازه‌ترین کلید PEYMAN_FIELD_KEYS می‌برد.")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def command(as_json: bool) -> None:
    """Reseal, and tell how many rows of each table were written."""
    try:
        written = reseal_all()
    except Unreadable as fault:
        raise CouldNot(
            f"ستونی با هیچ‌یک از کلیدها باز نمی‌شود؛ کلید کهنه را هم در PEYMAN_FIELD_KEYS بگذارید. ({fault})"
        ) from None
    except DatabaseError as fault:
        raise CouldNot(f"پایگاه داده در دسترس یا آماده نیست؛ نخست peyman init را اجرا کنید. ({fault})") from None
    if as_json:
        answer({"written": written})
        return
    click.echo(f"{persian_digits(sum(written.values()))} ردیف به کلید تازه رفت.")
