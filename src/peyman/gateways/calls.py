"""One HTTP call to a provider: bounded in time and size, and never raising for what the other side does."""

import time
from functools import cache
from typing import Any, Final

import httpx

from peyman.messages.rules import Unknown

TIMEOUT: Final = httpx.Timeout(connect=3.0, read=6.0, write=6.0, pool=3.0)  # seconds; `read` is between two pieces
QUICK: Final = httpx.Timeout(connect=2.0, read=3.0, write=3.0, pool=2.0)  # for what another provider could send sooner
WHOLE_ANSWER: Final = 12.0  # seconds
ANSWER_LIMIT: Final = 64 * 1024  # bytes


def call(
    name: str, method: str, url: str, *, quick: bool = False, limit: int = ANSWER_LIMIT, **asked: Any
) -> tuple[int, bytes] | Unknown:
    """Return HTTP status and body. A failure is Unknown, `untaken` where no request can have arrived.

    The address may hold the key and the text of an exception the address, so only the exception's name is told.
    """
    until = time.monotonic() + WHOLE_ANSWER
    answer = bytearray()
    try:
        with _client().stream(method, url, timeout=QUICK if quick else TIMEOUT, **asked) as response:
            for piece in response.iter_raw():
                answer += piece
                if len(answer) > limit:
                    return Unknown(name, "too_long", away=True)
                if time.monotonic() > until:
                    return Unknown(name, "too_slow", away=True)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.InvalidURL) as error:
        return Unknown(name, type(error).__name__, away=True, untaken=True)
    except (httpx.HTTPError, OSError) as error:
        return Unknown(name, type(error).__name__, away=True)
    return response.status_code, bytes(answer)


@cache
def _client() -> httpx.Client:
    return httpx.Client(
        timeout=TIMEOUT,
        trust_env=False,
        follow_redirects=False,
        headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "peyman"},
        # A line kept open and closed by the other side meanwhile would make each such message "unknown".
        limits=httpx.Limits(max_connections=32, max_keepalive_connections=0),
    )
