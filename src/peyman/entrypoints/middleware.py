"""What stands at every door."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


def door(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def answer(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    return answer
