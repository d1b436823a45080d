"""SMS by Kavenegar's REST protocol, version 1.

`POST /v1/{API key}/sms/send.json` with a form of `receptor`, `message`, `sender`, `localid` answers
`{"return": {"status": 200, "message": …}, "entries": [{"messageid": …, "status": …, …}]}`. `return.status` decides,
whatever HTTP says. A `localid` that was sent before is not sent again: its first entry is told once more. The API key
is part of the address, so no address and no exception text ever leaves this module.
"""

import json
from datetime import timedelta
from typing import Any, Final

from django.conf import settings

from peyman.gateways.calls import call
from peyman.messages.rules import Delivery, Refused, Sent, Unknown
from peyman.people.rules import domestic

NAME: Final = "kavenegar"
HOST: Final = "https://api.kavenegar.com"

_OK = 200
_LOST = frozenset({402, 409})  # "did not succeed", "cannot answer": what became of the message is not said
# What is wrong with this message or its receiver, and stays so: bad receptor, text empty or too long, too many
# receptors, bad time, array lengths, forbidden link, bad characters, code of a wrong shape.
_NEVER = frozenset({411, 413, 414, 417, 419, 420, 422, 431})
# Everything else is ours to mend (400-407 account and key, 412 sender line, 416 address, 418 credit, 426-429 rights)
# or passes by itself (402, 409, 5xx): messages wait for it and lose nothing.

# Of an entry: failed, not delivered, cancelled, blocked by its receiver, unknown number. Told again under this localid
# whenever it is asked again, so trying again is no use.
_NOT_TAKEN = frozenset({6, 11, 13, 14, 100})


def send(*, to: str, text: str, key: str, quick: bool = False) -> Delivery:
    """Send `text` to an E.164 number. `key`: whole digits; the same one twice is sent once.

    Never raises for what the provider does: a time-out, a cut connection, a redirect, an HTML page or anything
    unreadable is Unknown. `quick`: wait for it half as long.
    """
    form = {
        "receptor": domestic(to),
        "message": text,
        "sender": settings.KAVENEGAR_SENDER,
        "localid": str(int(key)),
    }
    got = call(NAME, "POST", _address("sms/send"), quick=quick, data=form)
    return got if isinstance(got, Unknown) else read_answer(*got)


def settle(*, to: str, text: str, key: str, waited: timedelta, quick: bool = False) -> Delivery:
    """Find out about a message that it may have taken: sent again under the same key it is not sent twice.

    Where it is refused now, it is asked what became of the key (`sms/statuslocalmessageid.json`, which looks twelve
    hours back). Unknown that is not `untaken`: it may still be there.
    """
    got = send(to=to, text=text, key=key, quick=quick)
    if isinstance(got, Sent) or (isinstance(got, Unknown) and not got.untaken):
        return got
    asked = call(NAME, "POST", _address("sms/statuslocalmessageid"), quick=quick, data={"localid": str(int(key))})
    found = asked if isinstance(asked, Unknown) else _read_found(*asked)
    if isinstance(found, Unknown):
        return Unknown(NAME, found.detail, away=found.away)
    return found or got


def is_there() -> bool:
    """Say whether the provider answers at all, without sending anything (`account/info.json`)."""
    got = call(NAME, "POST", _address("account/info"), quick=True)
    return not isinstance(got, Unknown) and not isinstance(_status(got[1]), str) and got[0] < 500


def read_answer(http_status: int, body: bytes) -> Delivery:
    """Read what the provider answered."""
    status = _status(body)
    if isinstance(status, str):
        return Unknown(NAME, f"http_{http_status}_{status}", away=http_status >= 500)
    if status in _NEVER:
        return Refused(NAME, str(status))
    if status != _OK or http_status >= 300:
        # 4xx in the provider's own words is a refusal before anything was taken, so another may be asked.
        return Unknown(NAME, str(status), away=True, untaken=400 <= status < 500 and status not in _LOST)
    document = json.loads(body)
    entries = document.get("entries")
    entry = entries[0] if isinstance(entries, list) and entries else None
    if not isinstance(entry, dict) or type(entry.get("messageid")) is not int:
        return Unknown(NAME, "200_no_messageid")
    if entry.get("status") in _NOT_TAKEN:
        return Refused(NAME, f"entry_{entry['status']}")
    return Sent(NAME, str(entry["messageid"]))


def _read_found(http_status: int, body: bytes) -> Sent | Unknown | None:
    """Read what became of a key; None when the provider knows no such key."""
    status = _status(body)
    if isinstance(status, str):
        return Unknown(NAME, f"http_{http_status}_{status}", away=http_status >= 500)
    if status != _OK or http_status >= 300:
        return Unknown(NAME, str(status), away=True)
    entries = json.loads(body).get("entries")
    entry = entries[0] if isinstance(entries, list) and entries else None
    if not isinstance(entry, dict) or type(entry.get("status")) is not int:
        return Unknown(NAME, "200_no_entry")
    if entry["status"] in _NOT_TAKEN or type(entry.get("messageid")) is not int:
        return None
    return Sent(NAME, str(entry["messageid"]))


def _status(body: bytes) -> int | str:
    """Return `return.status` of an answer, or in a word what is wrong with it."""
    try:
        document: Any = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return "unreadable"
    told = document.get("return") if isinstance(document, dict) else None
    status = told.get("status") if isinstance(told, dict) else None
    return status if type(status) is int else "no_status"


def _address(method: str) -> str:
    return f"{settings.SMS_URL or HOST}/v1/{settings.KAVENEGAR_KEY}/{method}.json"
