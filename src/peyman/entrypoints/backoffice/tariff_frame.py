"""The frame of the pages of the tariff: the desk's own, with the way between them."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse

from peyman.entrypoints.backoffice import door
from peyman.people.models import Person

PAGES = (
    ("/desk/tariff/", "خط زمان"),
    ("/desk/tariff/drift/", "ناهم‌خوانی‌ها"),
    ("/desk/tariff/snapshots/", "نسخه‌های فهرست"),
    ("/desk/tariff/address/", "یک نشانی"),
    ("/desk/tariff/edges/", "شبکه توزیع"),
    ("/desk/tariff/guard/", "نگهبان"),
    ("/desk/tariff/requests/", "درخواست‌ها"),
    ("/desk/tariff/rates/", "نرخ‌ها"),
    ("/desk/tariff/isps/", "اپراتورها"),
    ("/desk/tariff/probes/", "سنجش‌ها"),
    ("/desk/tariff/tickets/", "بلیت‌ها"),
    ("/desk/tariff/runs/", "اجراهای ممیزی"),
    ("/desk/tariff/incidents/", "رویدادها"),
)


def render(
    request: HttpRequest, person: Person, template: str, context: Mapping[str, object], status: int = 200
) -> HttpResponse:
    return door.render(request, person, template, {"tariff_pages": PAGES, **context}, status)
