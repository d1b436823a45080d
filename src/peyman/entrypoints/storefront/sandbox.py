"""The inbox of the sandbox: every message that was sent, where a tester can read it. Nowhere else."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from peyman.kernel import jalali
from peyman.messages import queries


@require_safe
@never_cache
def inbox(request: HttpRequest) -> HttpResponse:
    """Show what was sent, newest first; `?to=` narrows it to one address."""
    _sandbox_only()
    to = request.GET.get("to", "").strip()
    return render(request, "storefront/inbox.html", {"messages": queries.sent(to or None), "to": to})


@require_safe
@never_cache
def inbox_json(request: HttpRequest) -> HttpResponse:
    """Return what was sent, newest first: `[{id, channel, to, template, text, code, at}]` (design §6)."""
    _sandbox_only()
    to = request.GET.get("to", "").strip()
    rows = [{**message, "at": jalali.iso(message["at"])} for message in queries.sent(to or None)]
    return JsonResponse(rows, safe=False, json_dumps_params={"ensure_ascii": False})


def _sandbox_only() -> None:
    if not settings.SANDBOX:
        raise Http404
