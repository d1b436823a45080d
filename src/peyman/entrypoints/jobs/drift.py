"""`peyman drift`: where the registry and the network disagree, for each address that serves."""

import click

from peyman.entrypoints import clock
from peyman.entrypoints.jobs.console import answer, instant
from peyman.entrypoints.tariff_watch import KINDS, REASONS
from peyman.kernel import jalali
from peyman.kernel.text import persian_digits
from peyman.market.tariff.queries import drift as queries

COUNTS = ("registered", "pending", "unregistered", "unknown", "ineligible")
TITLES = {
    "registered": "ثبت",
    "pending": "در راه",
    "unregistered": "ثبت‌نشده",
    "unknown": "نامعلوم",
    "ineligible": "هرگز",
}


@click.command(
    "drift",
    help="نشان می‌دهد شبکه توزیع و سامانه ملی کجا با هم نمی‌خوانند.\n\n"
    "پایان: 0 پاسخ داده شد (اختلاف باشد یا نباشد؛ پاسخ را در edges و idle بخوانید)، 2 پاسخ‌دادن شدنی نبود. "
    "فرمانی که با اختلاف 1 می‌شود edges check است.",
)
@click.option("--at", "typed", metavar="ISO", help="در این زمان، نه اکنون؛ بی‌نشانه منطقه: ساعت تهران")
@click.option("--registrant", "registrants", multiple=True, metavar="HOST", help="تنها ردیف‌های این دامنه و زیر آن")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def command(typed: str | None, registrants: tuple[str, ...], as_json: bool) -> None:
    """Answer with what is: drift is an answer, not a failure of the command."""
    at = instant(typed) if typed else clock.now()
    board = queries.board(at, [host.lower() for host in registrants] or None)
    if as_json:
        answer(_as_json(board))
        return
    if board.look is None:
        click.echo("هیچ فهرست درستی از سامانه ملی تا این زمان نداریم.")
    else:
        click.echo(f"فهرست {board.look.code}، دیده‌شده در {jalali.moment(board.look.seen_at, year=True)}")
    for edge in board.edges:
        counts = "، ".join(
            f"{TITLES[name]} {persian_digits(getattr(edge, name))}" for name in COUNTS if getattr(edge, name)
        )
        click.echo(f"{edge.prefix} ({edge.cdn}): {counts} از {persian_digits(edge.addresses)} نشانی")
        for part in edge.parts:
            if part.status != "registered":
                due = f"، موعد {jalali.plain_date(part.due, year=True)}" if part.due else ""
                words = f"{KINDS[part.status]}، {REASONS.get(part.reason, part.reason)}{due}"
                click.echo(f"  {part.range}: {words}")
    for idle in board.idle:
        click.echo(f"{'، '.join(idle.ranges)}: {KINDS['idle']}")
    if not board.edges:
        click.echo("هیچ نشانی برای شبکه توزیع در این زمان اعلام نشده است.")


def _as_json(board: queries.Board) -> dict[str, object]:
    look = board.look
    return {
        "at": jalali.iso(board.at),
        "snapshot": (
            {"code": look.code, "seen_at": look.says_when, "sha256": look.sha256, "source": look.source}
            if look
            else None
        ),
        "fresh": board.is_fresh,
        "edges": [
            {
                "cdn": edge.cdn,
                "prefix": edge.prefix,
                "addresses": edge.addresses,
                **{name: getattr(edge, name) for name in COUNTS},
                "admitted": edge.admitted,
                "parts": [
                    {
                        "range": part.range,
                        "addresses": part.addresses,
                        "status": part.status,
                        "reason": part.reason,
                        "due": part.due.isoformat() if part.due else None,
                        "admitted_from": jalali.iso(part.admitted_from) if part.admitted_from else None,
                    }
                    for part in edge.parts
                ],
            }
            for edge in board.edges
        ],
        "idle": [
            {
                "prefix": idle.prefix,
                "ranges": list(idle.ranges),
                "addresses": idle.addresses,
                "status": idle.status,
                "due": idle.due.isoformat() if idle.due else None,
            }
            for idle in board.idle
        ],
        "alarms": [
            {
                "code": one.code,
                "kind": one.kind,
                "cdn": one.cdn,
                "prefix": one.prefix,
                "addresses": one.addresses,
                "reason": one.reason,
                "cause": one.cause,
                "due": one.due_on.isoformat() if one.due_on else None,
                "since": jalali.iso(one.since) if one.since else None,
                "noticed_at": jalali.iso(one.noticed_at),
                "noticed_in": one.noticed_in,
                "alarmed_at": jalali.iso(one.alarmed_at) if one.alarmed_at else None,
                "requests": list(one.requests),
            }
            for one in queries.open_drifts(board.at)
        ],
    }
