"""Pages of one's own account: opened to whoever is logged in, after the log-in to everybody else."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache

from peyman.entrypoints.storefront import visitor


def members_only(back: str = "") -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Give the view the person who is logged in; lead everybody else to the log-in, and then to `back` or here."""

    def wrap(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @never_cache
        @wraps(view)
        def answer(request: HttpRequest, **kwargs: object) -> HttpResponse:
            person = visitor.person_of(request)
            if person is None:
                here = request.path if request.method in ("GET", "HEAD") else "/account/"
                return redirect(f"/login/?next={quote(back or here)}")
            return view(request, person, **kwargs)

        return answer

    return wrap
