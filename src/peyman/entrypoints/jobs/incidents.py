"""`peyman incidents`: finished answers of the audit in, and what incidents there are."""

from pathlib import Path
from typing import Any

import click

from peyman.entrypoints import audit_runs, clock
from peyman.entrypoints.jobs.console import BROKEN, Broken, answer
from peyman.kernel import jalali
from peyman.kernel.text import persian_digits
from peyman.market.incidents.models import AuditRun
from peyman.market.incidents.queries import desk, public
from peyman.market.incidents.rules import steps
from peyman.market.incidents.rules.runs import BadRun

STATES = {"taken": "بازشماری نشده", "recounted": "بازشماری شد و یکی است", "differs": "بازشماری چیز دیگری داد"}


@click.group("incidents", help="پاسخ‌های ممیزی را می‌گیرد و رویدادها را نشان می‌دهد.")
def command() -> None:
    """Nothing of its own."""


@command.command(
    "take",
    help="پاسخ تمام‌شده یک ممیزی را می‌گیرد، نگه می‌دارد، باز می‌شمارد، و اگر آسیبی یافته باشد پرونده‌ای باز می‌کند. "
    "همان پاسخ بار دوم همان اجرا است.\n\nپایان: 0 گرفته شد، 1 پاسخ درستی نبود یا بازشماری با آن یکی نبود.",
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def take(folder: Path, as_json: bool) -> None:
    """Take in one folder."""
    try:
        found = audit_runs.take(folder, now=clock.now())
    except BadRun as refusal:
        if as_json:
            answer({"error": {"code": refusal.code, "clause": refusal.clause, "detail": refusal.detail}})
        raise Broken(refusal.detail) from refusal
    told = _run(found)
    if as_json:
        answer(told)
    else:
        click.echo(f"اجرا: {found.code}، {STATES[found.state]}.")
        click.echo(f"دانلودهای اضافه: {persian_digits(told['overcharged'])}")
        for difference in told["differences"]:
            click.echo(f"تفاوت: {difference}")
        for code in told["incidents"]:
            click.echo(f"پرونده: {code}")
    if found.state == AuditRun.State.DIFFERS:
        raise SystemExit(BROKEN)


def _run(found: AuditRun) -> dict[str, Any]:
    return {
        "run": found.code,
        "manifest_sha256": found.sha256,
        "state": found.state,
        "replaces": found.replaces.code if found.replaces else None,
        "overcharged": found.totals["overcharged"],
        "differences": (found.recount or {}).get("differences", []),
        "incidents": [one.code for one in found.incidents.order_by("pk")],
    }


@command.command("list", help="رویدادها را با وضعیتشان، تازه‌ترین پیش از همه، نشان می‌دهد.")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def listing(as_json: bool) -> None:
    """Print them all."""
    rows = desk.incidents(many=1000)
    if as_json:
        answer(
            [
                {"incident": one.code, "state": one.state, "title": one.title, "opened_at": jalali.iso(one.opened_at)}
                for one in rows
            ]
        )
        return
    for one in rows:
        click.echo(f"{one.code}  {steps.TITLES[one.state]}  {jalali.moment(one.opened_at, year=True)}  {one.title}")
    if not rows:
        click.echo("رویدادی ثبت نشده است.")


@command.command("notice", help="اطلاعیه منتشرشده یک رویداد را به JSON می‌نویسد، با گام‌های امضاشده آن.")
@click.argument("code")
@click.option("--version", "number", type=int, default=None, metavar="N", help="نسخه‌ای از آن؛ پیش‌فرض آخرین")
def notice(code: str, number: int | None) -> None:
    """Print what `/official/incidents/<code>.json` says."""
    answer(public.document(code, number))
