"""`peyman ticket`: what a ticket says and rests on, offline with public keys alone; and the keys that sign them."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from peyman.entrypoints import clock, ticket_words
from peyman.entrypoints.jobs.console import BROKEN, Broken, CouldNot, answer, instant, tell
from peyman.gateways.audit.files import BadFile
from peyman.gateways.audit.tickets import read_keys
from peyman.kernel import jalali
from peyman.kernel.errors import Invalid
from peyman.kernel.text import persian_digits
from peyman.market.guard.actions import keys as actions
from peyman.market.guard.queries import keys as key_queries
from peyman.market.guard.queries import tickets as queries
from peyman.market.guard.rules.tickets import Bad, Ticket, Verifier

PRINTED = 40


@click.group("ticket", help="بلیت‌های نیم‌بها را می‌سنجد و کلیدهای آن‌ها را نگه می‌دارد.")
def command() -> None:
    """Nothing of its own."""


@command.command(
    "verify",
    help="می‌گوید بلیت از ما است یا نه، درباره چه فایل و اپراتوری، بر پایه کدام گواه و تا کی. با --keys تنها از کلیدهای "
    "عمومی آن فایل می‌پرسد و به پایگاه داده نیازی ندارد.\n\nپایان: 0 از ما است (و برای --path و --at هم درست)، 1 نیست، "
    "2 کلیدها خوانده نشد.",
)
@click.argument("token")
@click.option("--path", metavar="P", help="مسیری که با آن دانلود شد")
@click.option("--at", "typed", metavar="ISO", help="زمانی که با آن دانلود شد؛ بی‌نشانه منطقه: ساعت تهران")
@click.option("--keys", "file", type=click.Path(path_type=Path), help="فایل /.well-known/half-price-keys.json")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def verify(token: str, path: str | None, typed: str | None, file: Path | None, as_json: bool) -> None:
    """Verify one ticket."""
    at = instant(typed) if typed else None
    try:
        known = read_keys(file) if file else key_queries.own()
    except BadFile as fault:
        raise CouldNot("\n".join(fault.says)) from fault
    found = _judged(Verifier(known).ticket(token.strip()), path, at)
    ticket, code = found
    receipt = queries.receipt_of(ticket) if ticket and file is None else None
    if as_json:
        told: dict[str, Any] = {"valid": code == "good", "code": code}
        answer(told | (ticket_words.as_json(ticket) if ticket else {}) | {"evidence": receipt and receipt.content})
    else:
        _tell(ticket, receipt)
    if code != "good":
        if as_json:
            raise click.exceptions.Exit(BROKEN)
        raise Broken(ticket_words.BAD.get(code, code))


def _judged(found: Ticket | Bad, path: str | None, at: datetime | None) -> tuple[Ticket | None, str]:
    """Return the ticket, if it is one of ours, and "good" or what speaks against it."""
    if isinstance(found, Bad):
        return None, found.code
    if path is not None and not found.fits(f"/{path.lstrip('/')}"):
        return found, "other_object"
    if at is not None and at < found.shown_at:
        return found, "not_yet"
    if at is not None and at >= found.expires_at:
        return found, "expired"
    return found, "good"


def _tell(ticket: Ticket | None, receipt: queries.Receipt | None) -> None:
    if ticket is None:
        return
    for title, said in ticket_words.lines(ticket):
        click.echo(f"{title}: {said}")
    if receipt is None:
        return
    for one in receipt.addresses[:PRINTED]:
        click.echo(f"  {one['range']}: موعد {one['due'] or 'نامعلوم'}")
    if len(receipt.addresses) > PRINTED:
        click.echo(f"  … و {persian_digits(len(receipt.addresses) - PRINTED)} بازه دیگر؛ همه را --json می‌دهد.")


# ---- Keys ----


@command.group("keys", help="کلیدهای امضای بلیت‌ها؛ جارو خودش به‌موقع کلید می‌سازد و از میان می‌برد.")
def keys() -> None:
    """Nothing of its own."""


@keys.command("list", help="همه کلیدها، تازه‌ترین نخست.")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def list_keys(as_json: bool) -> None:
    """Name every key, and what becomes of it."""
    now = clock.now()
    rows = key_queries.rows()
    if as_json:
        answer(
            [
                {
                    "kid": row.kid,
                    "number": row.number,
                    "state": ticket_words.state(row, now),
                    "published_at": jalali.iso(row.made_at),
                    "signs_from": jalali.iso(row.signs_from),
                    "signs_until": jalali.iso(row.signs_until),
                    "destroyed_at": jalali.iso(row.destroyed_at) if row.destroyed_at else None,
                    "revoked_from": jalali.iso(row.revoked_from) if row.revoked_from else None,
                }
                for row in rows
            ]
        )
        return
    for row in rows:
        click.echo(
            f"{row.kid}  {ticket_words.STATES[ticket_words.state(row, now)]}؛ امضا از "
            f"{jalali.moment(row.signs_from, year=True)} تا {jalali.moment(row.signs_until, year=True)}"
        )
    if not rows:
        tell("هنوز کلیدی نیست؛ «peyman ticket keys rotate» یا جارو نخستین را می‌سازد.")


@keys.command("rotate", help="کلید بعدی را زودتر از موعدش می‌سازد؛ دو روز پس از انتشار امضا می‌کند.")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def rotate(as_json: bool) -> None:
    """Make the next key now."""
    row = actions.rotate(by="", now=clock.now())
    if as_json:
        answer({"kid": row.kid, "number": row.number, "signs_from": jalali.iso(row.signs_from)})
        return
    click.echo(f"کلید {row.kid} منتشر است و از {jalali.moment(row.signs_from, year=True)} امضا می‌کند.")


@keys.command("revoke", help="آنچه این کلید از زمانی به بعد امضا کرده باطل می‌شود و کلید دیگری همین حالا امضا می‌کند.")
@click.argument("kid")
@click.option("--since", "typed", required=True, metavar="ISO", help="از این زمان؛ بی‌نشانه منطقه: ساعت تهران")
@click.option("--why", required=True, metavar="TEXT", help="چرا")
def revoke(kid: str, typed: str, why: str) -> None:
    """Take a key back."""
    try:
        actions.revoke(kid=kid.strip().lower(), since=instant(typed), why=why, by="", now=clock.now())
    except Invalid as refusal:
        raise CouldNot(" ".join(refusal.fields.values())) from refusal
    click.echo(f"کلید {kid} باطل شد.")


@keys.command("export", help="کلیدهای عمومی را همان‌گونه که /.well-known/half-price-keys.json می‌دهد می‌نویسد.")
@click.argument("file", type=click.Path(path_type=Path), required=False)
def export(file: Path | None) -> None:
    """Write the public document."""
    text = json.dumps(key_queries.document(clock.now()), ensure_ascii=False, indent=1) + "\n"
    if file is None:
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise CouldNot(f"{file}: نوشته نشد ({fault.strerror}).") from fault
