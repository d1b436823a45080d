"""`peyman deliveries`: which addresses serve which objects to whom; refused while one is not admitted (B07)."""

from datetime import datetime
from typing import NoReturn

import click

from peyman.entrypoints import clock
from peyman.entrypoints.jobs.console import Broken, answer, instant
from peyman.kernel import jalali
from peyman.kernel.errors import Invalid, Refused
from peyman.market.guard.actions import deliveries as actions
from peyman.market.guard.models import Delivery
from peyman.market.guard.queries import scene
from peyman.market.tariff.rules.says import address_reason

PRINTED = 40


@click.group("deliveries", help="ثبت می‌کند کدام نشانی‌ها کدام فایل‌ها را به مشترکان کدام اپراتورها می‌دهند.")
def command() -> None:
    """Nothing of its own."""


@command.command("list", help="آنچه اکنون ثبت است را می‌نویسد.\n\nپایان: 0 انجام شد.")
@click.option("--at", "typed", metavar="ISO", help="آنچه در این زمان برقرار است، نه اکنون")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def list_(typed: str | None, as_json: bool) -> None:
    at = instant(typed) if typed else clock.now()
    rows = [
        row
        for row in scene.believed().order_by("name", "valid_from")
        if row.valid_from <= at and (row.valid_to is None or at < row.valid_to)
    ]
    if as_json:
        answer({"at": jalali.iso(at), "deliveries": [_as_json(row) for row in rows]})
        return
    for row in rows:
        click.echo(_line(row))
    if not rows:
        click.echo("در این زمان هیچ تحویلی ثبت نیست؛ پس هیچ دانلودی نیم‌بها گفته نمی‌شود.")


@command.command(
    "put",
    help="ثبت می‌کند که فایل‌های یک الگو از این شبکه‌ها و بازه‌ها داده می‌شود. تا همه نشانی‌هایش پذیرفته نباشد رد می‌شود، "
    "مگر آن که با --dark و دلیل، خاموش ثبت شود.\n\nپایان: 0 ثبت شد، 1 رد شد، 2 انجام‌شدنی نبود.",
)
@click.argument("name")
@click.option("--objects", "pattern", required=True, metavar="PATTERN", help="مسیر یک فایل، یا آغاز مسیر و *: apps/*")
@click.option("--cdn", "cdns", multiple=True, metavar="NAME", help="شبکه‌ای که نشانی‌هایش اعلام شده است")
@click.option("--prefix", "prefixes", multiple=True, metavar="PREFIX", help="بازه‌ای که خود نام برده می‌شود")
@click.option("--operator", "operators", multiple=True, metavar="NAME", help="تنها به مشترکان این اپراتور؛ بی آن، همه")
@click.option("--from", "since", metavar="ISO", help="از این زمان؛ بی آن، اکنون")
@click.option("--to", "until", metavar="ISO", help="تا پیش از این زمان")
@click.option("--dark", "why", default="", metavar="WHY", help="خاموش ثبت می‌شود، با این دلیل")
@click.option("--note", default="", metavar="TEXT", help="از کجا می‌دانیم")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def put(
    name: str,
    pattern: str,
    cdns: tuple[str, ...],
    prefixes: tuple[str, ...],
    operators: tuple[str, ...],
    since: str | None,
    until: str | None,
    why: str,
    note: str,
    as_json: bool,
) -> None:
    """Put one delivery; a gate for a change of names or networks, as `edges check` is."""
    now = clock.now()
    try:
        row = actions.put(
            asked=actions.Asked(name, pattern, cdns, prefixes, operators),
            valid_from=instant(since) if since else now,
            valid_to=instant(until) if until else None,
            dark_because=why,
            note=note,
            by=None,
            now=now,
        )
    except Refused as refusal:
        _refuse(refusal, as_json)
    _done(row, as_json)


@command.command("dark", help="تحویلی را با دلیل خاموش می‌کند.\n\nپایان: 0 انجام شد، 1 رد شد.")
@click.argument("name")
@click.option("--why", required=True, metavar="TEXT", help="چرا")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def dark(name: str, why: str, as_json: bool) -> None:
    try:
        row = actions.darken(name=name, why=why, by=None, now=clock.now())
    except Refused as refusal:
        _refuse(refusal, as_json)
    _done(row, as_json)


@command.command(
    "light",
    help="خاموشی دستی را برمی‌دارد، اگر همه نشانی‌ها پذیرفته باشند؛ پس از زمان اطمینان روشن می‌شود.\n\n"
    "پایان: 0 انجام شد، 1 رد شد.",
)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def light(name: str, as_json: bool) -> None:
    try:
        row = actions.lighten(name=name, by=None, now=clock.now())
    except Refused as refusal:
        _refuse(refusal, as_json)
    _done(row, as_json)


@command.command("end", help="ثبت می‌کند که تحویلی پایان یافته است یا می‌یابد.\n\nپایان: 0 انجام شد، 1 رد شد.")
@click.argument("name")
@click.option("--to", "until", metavar="ISO", help="در این زمان؛ بی آن، اکنون")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def end(name: str, until: str | None, as_json: bool) -> None:
    now = clock.now()
    try:
        row = actions.end(name=name, valid_to=instant(until) if until else now, by=None, now=now)
    except Refused as refusal:
        _refuse(refusal, as_json)
    _done(row, as_json)


def _done(row: Delivery, as_json: bool) -> None:
    if as_json:
        answer(_as_json(row))
    else:
        click.echo(f"ثبت شد. {_line(row)}")


def _refuse(refusal: Refused, as_json: bool) -> NoReturn:
    parts = [
        (part.range, reason)
        for check in (refusal.checks if isinstance(refusal, actions.NotAdmitted) else ())
        for part, reason in check.parts
        if reason != "admitted"
    ]
    fields = refusal.fields if isinstance(refusal, Invalid) else {}
    if as_json:
        answer(
            {
                "error": {"code": refusal.code, "clause": refusal.clause, "detail": refusal.detail},
                "fields": fields,
                "addresses": [{"range": range_, "reason": reason} for range_, reason in parts],
            }
        )
    lines = [
        refusal.detail,
        *fields.values(),
        *(f"  {range_}: {address_reason(reason)} [{reason}]" for range_, reason in parts[:PRINTED]),
    ]
    raise Broken("\n".join(lines)) from refusal


def _line(row: Delivery) -> str:
    where = "، ".join([*row.cdns, *row.prefixes])
    whose = "، ".join(row.operators) or "همه اپراتورها"
    ends = f" تا {_when(row.valid_to)}" if row.valid_to else ""
    dark = f"؛ خاموش: {row.dark_because}" if row.dark_because else ""
    return f"{row.name}: {row.pattern} از {where} به {whose}، از {_when(row.valid_from)}{ends}{dark}"


def _when(at: datetime) -> str:
    return jalali.moment(at, year=True)


def _as_json(row: Delivery) -> dict[str, object]:
    return {
        "name": row.name,
        "objects": row.pattern,
        "cdns": row.cdns,
        "prefixes": row.prefixes,
        "operators": row.operators,
        "dark_because": row.dark_because or None,
        "valid_from": jalali.iso(row.valid_from),
        "valid_to": jalali.iso(row.valid_to) if row.valid_to else None,
        "recorded_at": jalali.iso(row.recorded_at),
        "note": row.note,
    }
