"""What leaves the API without having reached it: wrong addresses, methods, hosts. Also problem documents."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from peyman.entrypoints.api import problems
from peyman.entrypoints.api.reading import is_clean

PREFIX = "/api/"


def envelope(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Put answers of Django itself (404, 405, 400 for a foreign host, 500) into the API's own form.

    HEAD is answered wherever GET is: with the same status and headers, and nothing more.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(PREFIX):
            return get_response(request)
        if request.method != "HEAD":
            return whole(request)
        request.method = "GET"
        response = whole(request)
        if response.streaming:  # how long it would be nobody knows
            return HttpResponse(status=response.status_code, headers=dict(response.items()))
        response.setdefault("Content-Length", str(len(response.content)))
        response.content = b""
        return response

    def whole(request: HttpRequest) -> HttpResponse:
        if not is_clean(request.path):  # a database would choke on it: there is nothing of that name
            return problems.of_status(404)
        response = get_response(request)
        patch_vary_headers(response, ["Authorization"])
        if response.status_code < 400:
            response.setdefault("Cache-Control", "no-store")
            return response
        if response.get("Content-Type", "").startswith(problems.MEDIA_TYPE):
            return response
        problem = problems.of_status(response.status_code)
        if "Allow" in response:
            methods = {method.strip() for method in response["Allow"].split(",")}
            problem["Allow"] = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
        if "Retry-After" in response:
            problem["Retry-After"] = response["Retry-After"]
        return problem

    return answer
