"""SMS by Kavenegar's REST protocol, version 1.

`POST /v1/{API key}/sms/send.json` with a form of `receptor`, `message`, `sender`, `localid` answers
`{"return": {"status": 200, "message": …}, "entries": [{"messageid": …, "status": …, …}]}`. `return.status` decides,
whatever HTTP says. A `localid` that was sent before is not sent again: its first entry is told once more. The API key
is part of the address, so no address and no exception text ever leaves this module.
"""

import json
import time
from functools import cache
from typing import Final

import httpx
from django.conf import settings

from peyman.messages.rules import Delivery, Refused, Sent, Unknown
from peyman.people.rules import domestic

NAME: Final = "kavenegar"
HOST: Final = "https://api.kavenegar.com"
TIMEOUT: Final = httpx.Timeout(connect=3.0, read=6.0, write=6.0, pool=3.0)  # seconds; `read` is between two pieces
WHOLE_ANSWER: Final = 12.0  # seconds
ANSWER_LIMIT: Final = 64 * 1024  # bytes

_OK = 200
# What is wrong with this message or its receiver, and stays so: bad receptor, text empty or too long, too many
# receptors, bad time, array lengths, forbidden link, bad characters, code of a wrong shape.
_NEVER = frozenset({411, 413, 414, 417, 419, 420, 422, 431})
# Everything else is ours to mend (400-407 account and key, 412 sender line, 416 address, 418 credit, 426-429 rights)
# or passes by itself (402, 409, 5xx): messages wait for it and lose nothing.

# Of an entry: failed, not delivered, cancelled, blocked by its receiver, unknown number. Told again under this localid
# whenever it is asked again, so trying again is no use.
_NOT_TAKEN = frozenset({6, 11, 13, 14, 100})


def send(*, to: str, text: str, key: str) -> Delivery:
    """Send `text` to an E.164 number. `key`: whole digits; the same one twice is sent once.

    Never raises for what the provider does: a time-out, a cut connection, a redirect, an HTML page or anything
    unreadable is Unknown.
    """
    form = {
        "receptor": domestic(to),
        "message": text,
        "sender": settings.KAVENEGAR_SENDER,
        "localid": str(int(key)),
    }
    got = _post(f"{settings.SMS_URL or HOST}/v1/{settings.KAVENEGAR_KEY}/sms/send.json", form)
    return got if isinstance(got, Unknown) else read_answer(*got)


def read_answer(http_status: int, body: bytes) -> Delivery:
    """Read what the provider answered."""
    try:
        document = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return Unknown(NAME, f"http_{http_status}_unreadable", away=http_status >= 500)
    told = document.get("return") if isinstance(document, dict) else None
    status = told.get("status") if isinstance(told, dict) else None
    if type(status) is not int:
        return Unknown(NAME, f"http_{http_status}_no_status", away=http_status >= 500)
    if status in _NEVER:
        return Refused(NAME, str(status))
    if status != _OK or http_status >= 300:
        return Unknown(NAME, str(status), away=True)
    entries = document.get("entries")
    entry = entries[0] if isinstance(entries, list) and entries else None
    if not isinstance(entry, dict) or type(entry.get("messageid")) is not int:
        return Unknown(NAME, "200_no_messageid")
    if entry.get("status") in _NOT_TAKEN:
        return Refused(NAME, f"entry_{entry['status']}")
    return Sent(NAME, str(entry["messageid"]))


def _post(url: str, form: dict[str, str]) -> tuple[int, bytes] | Unknown:
    until = time.monotonic() + WHOLE_ANSWER
    answer = bytearray()
    try:
        with _client().stream("POST", url, data=form) as response:
            for piece in response.iter_raw():
                answer += piece
                if len(answer) > ANSWER_LIMIT:
                    return Unknown(NAME, "too_long", away=True)
                if time.monotonic() > until:
                    return Unknown(NAME, "too_slow", away=True)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return Unknown(NAME, type(error).__name__, away=True)  # its text may hold the address, and so the key
    return response.status_code, bytes(answer)


@cache
def _client() -> httpx.Client:
    return httpx.Client(
        timeout=TIMEOUT,
        trust_env=False,
        follow_redirects=False,
        headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "peyman"},
        # A line kept open and closed by the other side meanwhile would make each such message "unknown".
        limits=httpx.Limits(max_connections=16, max_keepalive_connections=0),
    )
