"""One official address (D13): whoever comes by another name of ours is sent on to PEYMAN_PUBLIC_URL."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.request import split_domain_port

from peyman.kernel.clauses import carries_out


class Canonical:
    """Answer requests under PEYMAN_OTHER_HOSTS with the same page's official address.

    What is sent along with a request (a form, a code) is not sent on: whoever typed it is told where to. Names that
    are not ours at all are refused by Django (ALLOWED_HOSTS).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    @carries_out("D13")
    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Read, not judged: a name that is not ours at all is refused further in, in the form of its door.
        host, _ = split_domain_port(request.headers.get("Host", "").lower())
        if host not in settings.OTHER_HOSTS:
            return self.get_response(request)
        if request.method in ("GET", "HEAD"):
            return HttpResponsePermanentRedirect(settings.PUBLIC_URL + request.get_full_path())
        return HttpResponse(
            f"چیزی ثبت نشد. تنها نشانی رسمی ما {settings.PUBLIC_URL} است.\n",
            status=421,
            content_type="text/plain; charset=utf-8",
        )


canonical = Canonical
