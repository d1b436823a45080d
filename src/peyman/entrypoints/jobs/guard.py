"""`peyman guard`: may we say "half price" of an object to whoever has this address, and on what evidence."""

from datetime import datetime

import click

from peyman.entrypoints import clock, guard_answers
from peyman.entrypoints.jobs.console import BROKEN, CouldNot, answer, instant
from peyman.kernel import jalali
from peyman.kernel.errors import TryLater
from peyman.kernel.text import persian_digits
from peyman.market.guard.queries import view
from peyman.market.guard.rules import objects
from peyman.market.tariff.queries.edges import RangesUnreadable
from peyman.market.tariff.rules.guard import Decision
from peyman.market.tariff.rules.says import address_reason, guard_reason, relight

PRINTED = 40


@click.command(
    "guard",
    help="می‌گوید آیا می‌شود به کاربری با این نشانی گفت «این دانلود نیم‌بهاست»، چرا و تا کی؛ هرچه ندانیم، نمی‌گوییم.\n\n"
    "پایان: 0 می‌شود گفت، 1 نمی‌شود و متن خنثی نشان داده می‌شود، 2 پاسخ‌دادن شدنی نبود.",
)
@click.option("--object", "object_", required=True, metavar="O", help="مسیر فایل، مانند apps/ir.example/12.apk")
@click.option("--client-ip", "client", required=True, metavar="A", help="نشانی کاربر، نسخه ۴ یا ۶")
@click.option("--at", "typed", metavar="ISO", help="در این زمان، نه اکنون؛ بی‌نشانه منطقه: ساعت تهران")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def command(object_: str, client: str, typed: str | None, as_json: bool) -> None:
    """Answer for one object and one address. Nothing is written."""
    at = instant(typed) if typed else clock.now()
    if not objects.path(object_):
        raise CouldNot("--object مسیر یک فایل است، مانند apps/ir.example/12.apk.")
    try:
        decision = view.at(at).decide(object_, client, at)
    except (RangesUnreadable, TryLater) as refusal:
        raise CouldNot(refusal.detail) from refusal
    if as_json:
        asked = {"object": objects.path(object_), "client_ip": client, "at": jalali.iso(at)}
        answer({**asked, **guard_answers.as_json(decision, at)})
    else:
        _tell(decision, at)
    if not decision.allowed:
        raise click.exceptions.Exit(BROKEN)


def _tell(decision: Decision, at: datetime) -> None:
    told, evidence = guard_answers.said(decision, at), decision.evidence
    click.echo("می‌شود گفت «نیم‌بها»." if decision.allowed else "نمی‌شود گفت «نیم‌بها»؛ متن خنثی نشان داده می‌شود.")
    click.echo(f"متن: «{told.text}»")
    for code in evidence.against or (decision.reason,):
        click.echo(f"- {guard_reason(code)} [{code}]")
        if relight(code):
            click.echo(f"  {relight(code)}")
    click.echo(f"این پاسخ {jalali.deadline(told.until, year=True)} اعتبار دارد.")
    if evidence.relit_at:
        click.echo(f"روشن‌شدن دوباره: {jalali.moment(evidence.relit_at, year=True)}")
    click.echo(f"اپراتور: {evidence.operator or 'نامعلوم'}؛ نرخ: {evidence.rate or 'تأیید نشده'}")
    if evidence.snapshot:
        click.echo(f"فهرست {evidence.snapshot.code}، دیده‌شده در {evidence.snapshot.says_when}")
    if evidence.deliveries:
        click.echo(f"تحویل: {'، '.join(evidence.deliveries)}")
    for why in evidence.dark_because:
        click.echo(f"دلیل خاموشی: {why}")
    for one in evidence.addresses[:PRINTED]:
        since = f"، از {jalali.moment(one.since, year=True)}" if one.since else ""
        click.echo(f"  {one.range}: {'پذیرفته' if one.admitted else address_reason(one.reason)}{since}")
    if len(evidence.addresses) > PRINTED:
        click.echo(f"  … و {persian_digits(len(evidence.addresses) - PRINTED)} بازه دیگر؛ همه را --json می‌دهد.")
