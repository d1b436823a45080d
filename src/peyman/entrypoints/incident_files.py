"""What is told of incidents, and the kept report of a run: for desks and sweeps, without the engine of the audit."""

import hashlib
from datetime import datetime
from typing import Final

from django.conf import settings

from peyman.entrypoints import alarms
from peyman.kernel.text import persian_digits
from peyman.market.incidents.models import AuditRun, Incident

REPORT: Final = "report.html"


def tell(incident: Incident, now: datetime) -> None:
    """Tell staff once that an incident was opened, or that its notice is out."""
    if incident.state == Incident.State.PUBLISHED:
        what = f"اطلاعیه رویداد {incident.code} منتشر شد: {incident.title}."
        link = f"{settings.PUBLIC_URL}/official/incidents/{incident.code}/"
    else:
        what = f"رویداد {incident.code} پیدا شد: {incident.title}."
        if incident.run is not None:
            what += f" {persian_digits(incident.run.totals['overcharged'])} دانلود اضافه حساب شده است."
        link = f"{settings.PUBLIC_URL}/desk/tariff/incidents/{incident.code}/"
    alarms.tell(
        template="incident",
        key=f"incident:{incident.code}:{incident.state}",
        about=f"incident:{incident.code}",
        context={"what": what, "link": link},
        now=now,
    )


def report(run: AuditRun) -> bytes | None:
    """Return the report of a kept run, None where it has none or the file is not what it was."""
    path = settings.DATA_DIR / run.folder / REPORT
    if REPORT not in run.files or not path.is_file():
        return None
    data: bytes = path.read_bytes()
    return data if hashlib.sha256(data).hexdigest() == run.files[REPORT] else None
