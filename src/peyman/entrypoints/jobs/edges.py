"""`peyman edges`: what the delivery network says of its addresses in, and whether addresses are admitted."""

from datetime import datetime
from pathlib import Path

import click

from peyman.entrypoints import clock
from peyman.entrypoints.jobs.console import BROKEN, Broken, CouldNot, answer, instant, tell
from peyman.entrypoints.tariff_watch import KINDS, REASONS
from peyman.kernel import jalali, prefixes
from peyman.kernel.text import persian_digits
from peyman.market.tariff.actions import edges as actions
from peyman.market.tariff.queries import drift as queries
from peyman.market.tariff.rules import edges as rules
from peyman.market.tariff.rules.history import moment

PRINTED = 200
MOST_CHECKED = 20_000
FLAGS = {"host_bits": "بیت‌های میزبان آن پاک شد", "mapped": "به نشانی IPv4 درونش برگردانده شد"}


@click.group("edges", help="نشانی‌های شبکه توزیع را ثبت می‌کند و می‌گوید کدام پذیرفته است.")
def command() -> None:
    """Nothing of its own."""


@command.command(
    "import",
    help="نشانی‌های شبکه توزیع را از یک فایل ثبت می‌کند؛ همه سطرها یا هیچ‌کدام. همان فایل بار دوم چیزی را عوض نمی‌کند.\n\n"
    "قالب از ستون‌ها شناخته می‌شود: «cdn, prefix, valid_from, valid_to, source» دوره‌ها؛ «cdn, observed_on, prefix, "
    "source» فهرست‌های کامل هر روز؛ «name, address, resolver, sampled_at» پاسخ‌های DNS؛ و هر سطر یک محدوده، فهرست کامل "
    "یک لحظه (با --cdn و --seen-at).\n\nپایان: 0 ثبت شد یا چیز تازه‌ای نداشت، 1 سطری درست نبود یا فهرست نبود، "
    "2 فایل باز نشد.",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--cdn", default="", metavar="NAME", help="نام شبکه، جایی که سطرها نمی‌گویند")
@click.option("--seen-at", metavar="ISO", help="زمان فهرست ساده؛ بی‌نشانه منطقه: ساعت تهران")
@click.option("--source", default="", metavar="TEXT", help="از کجا می‌دانیم، جایی که سطرها نمی‌گویند")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def bring_in(file: Path, cdn: str, seen_at: str | None, source: str, as_json: bool) -> None:
    """Bring in one file, whole or not at all."""
    at = _moment(seen_at) if seen_at else None
    try:
        done = actions.take_file(data=_read(file), cdn=cdn, source=source, seen_at=at, by=None, now=clock.now())
    except rules.BadEdges as refusal:
        _refuse(refusal, as_json)
    except rules.NoList as refusal:
        if as_json:
            answer({"error": {"code": refusal.code, "clause": refusal.clause, "detail": refusal.detail}, "lines": []})
        raise Broken(refusal.detail) from refusal
    else:
        flags = sorted((line, flag) for flag, lines in done.flags.items() for line in lines)
        if as_json:
            answer(
                {
                    "form": done.form,
                    "lines": done.lines,
                    "added": done.added,
                    "superseded": done.superseded,
                    "flags": [{"line": line, "flag": flag} for line, flag in flags],
                }
            )
            return
        for flag, lines in done.flags.items():
            named = "، ".join(persian_digits(line) for line in lines[:PRINTED])
            click.echo(f"سطرهای {named}: {FLAGS[flag]}.")
        if not done.added and not done.superseded:
            click.echo(f"{persian_digits(done.lines)} سطر خوانده شد؛ چیز تازه‌ای نداشت.")
            return
        click.echo(
            f"{persian_digits(done.lines)} سطر خوانده شد: {persian_digits(done.added)} دانسته تازه، "
            f"{persian_digits(done.superseded)} دانسته پیشین جای خود را داد."
        )


def _refuse(refusal: rules.BadEdges, as_json: bool) -> None:
    if as_json:
        answer(
            {
                "error": {"code": refusal.code, "clause": refusal.clause, "detail": refusal.detail},
                "lines": [{"line": fault.line, "code": fault.code, "detail": fault.says} for fault in refusal.faults],
            }
        )
    else:
        for fault in refusal.faults[:PRINTED]:
            tell(f"سطر {persian_digits(fault.line)}: {fault.says} [{fault.code}]")
        if len(refusal.faults) > PRINTED:
            tell(f"… و {persian_digits(len(refusal.faults) - PRINTED)} سطر دیگر؛ همه را --json می‌دهد.")
    raise Broken(refusal.detail)


@command.command(
    "check",
    help="می‌گوید آیا همه نشانی‌های یک فایل (هر سطر یک نشانی یا محدوده) اکنون می‌توانند زیر پیام نیم‌بها بدهند؛ "
    "برای پیش از تغییر DNS یا شبکه.\n\nپایان: 0 همه پذیرفته است، 1 دست‌کم یکی پذیرفته نیست، 2 فایل خوانده نشد.",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--at", "typed", metavar="ISO", help="در این زمان، نه اکنون")
@click.option("--registrant", "registrants", multiple=True, metavar="HOST", help="تنها ردیف‌های این دامنه و زیر آن")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def check(file: Path, typed: str | None, registrants: tuple[str, ...], as_json: bool) -> None:
    """Exit 1 when an address of the file would not be admitted: a change of names or networks is stopped by it."""
    at = instant(typed) if typed else clock.now()
    checks = queries.check(_prefixes(file), at, list(registrants) or None)
    admitted = all(one.is_admitted for one in checks)
    if as_json:
        answer(
            {
                "at": jalali.iso(at),
                "admitted": admitted,
                "prefixes": [
                    {
                        "prefix": one.prefix,
                        "addresses": one.addresses,
                        "admitted": one.admitted,
                        "parts": [
                            {
                                "range": part.range,
                                "addresses": part.addresses,
                                "admitted": part.admitted,
                                "status": part.status,
                                "reason": reason,
                                "due": part.due.isoformat() if part.due else None,
                                "admitted_from": jalali.iso(part.admitted_from) if part.admitted_from else None,
                            }
                            for part, reason in one.parts
                        ],
                    }
                    for one in checks
                ],
            }
        )
    else:
        for one in checks:
            click.echo(f"{one.prefix}: {persian_digits(one.admitted)} از {persian_digits(one.addresses)} نشانی پذیرفته")
            for part, reason in one.parts:
                if part.admitted != part.addresses:
                    click.echo(f"  {part.range}: {_why_not(part, reason)}")
    if not admitted:
        if as_json:
            raise click.exceptions.Exit(BROKEN)
        raise Broken("دست‌کم یک نشانی پذیرفته نیست؛ این تغییر را انجام ندهید.")


def _why_not(part: queries.PartView, reason: str) -> str:
    words = f"{REASONS.get(reason, KINDS.get(part.status, reason))} [{reason}]"
    return f"{words}، از {jalali.moment(part.admitted_from, year=True)}" if part.admitted_from else words


def _prefixes(file: Path) -> list[prefixes.Network]:
    try:
        text = _read(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CouldNot(f"{file}: نویسه‌های آن UTF-8 نیست.") from None
    found, faults = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        cell = line.partition("#")[0].partition(",")[0].strip()
        if not cell or (number == 1 and cell.lower() in ("prefix", "address")):
            continue
        try:
            found.append(prefixes.network(cell)[0])
        except prefixes.BadAddress as fault:
            faults.append(f"سطر {persian_digits(number)}: {fault.says}")
    if faults:
        raise CouldNot("\n".join(faults[:PRINTED]))
    if not found:
        raise CouldNot(f"{file}: هیچ نشانی در آن نیست.")
    if len(found) > MOST_CHECKED:
        raise CouldNot(f"{file}: بیش از {persian_digits(MOST_CHECKED)} سطر دارد.")
    return found


def _moment(typed: str) -> datetime:
    try:
        return moment(typed)[0]
    except (ValueError, OverflowError):
        return instant(typed)


def _read(file: Path) -> bytes:
    try:
        if not file.is_file():
            raise CouldNot(f"{file}: یک فایل معمولی نیست یا پیدا نشد.")
        if file.stat().st_size > actions.LONGEST_FILE:
            raise CouldNot(f"{file}: بزرگ‌تر از آن است که فهرست نشانی‌های یک شبکه باشد.")
        return file.read_bytes()
    except OSError as fault:
        raise CouldNot(f"{file}: خوانده نشد ({fault.strerror}).") from fault
