"""`peyman export NAME`: what the tables hold, as JSON lines, for those who check us from outside."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

import click

from peyman.billing import queries as billing
from peyman.billing.queries import settlements
from peyman.entrypoints.jobs.console import CouldNot
from peyman.kernel import jalali
from peyman.market.incidents.queries import public as incidents
from peyman.messages import queries as messages
from peyman.promises import queries as promises
from peyman.shop.offers import queries as prices
from peyman.shop.orders import queries as orders
from peyman.shop.stock import queries as stock

Rows = Callable[[], Iterator[Mapping[str, Any]]]

EXPORTS: dict[str, Rows] = {
    "orders": orders.export_rows,
    "payments": billing.export_rows,
    "stock": stock.export_rows,
    "prices": prices.export_rows,
    "outbox": messages.export_rows,
    "promises": promises.export_rows,
    "events": orders.export_events,
    "incidents": incidents.export_rows,
    "settlements": settlements.export_rows,
}


def written(value: object) -> str:
    """Times in ISO 8601 UTC, days in ISO; anything else that JSON does not know is a fault of the export."""
    if isinstance(value, datetime):
        return jalali.iso(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")


@click.command("export", help="همه ردیف‌های NAME را، هر یک در خطی، به JSON می‌نویسد: ریال درست و زمان UTC.")
@click.argument("name", metavar="|".join(EXPORTS))
def command(name: str) -> None:
    """Print every row of one export, one JSON object a line: whole rials, UTC times, stable field names."""
    if name not in EXPORTS:
        raise CouldNot(f"خروجی «{name}» نداریم؛ یکی از این‌ها را بخواهید: {'، '.join(EXPORTS)}.")
    for row in EXPORTS[name]():
        click.echo(json.dumps(row, ensure_ascii=False, default=written))
