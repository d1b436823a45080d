"""SMS by SMS.ir's REST protocol, version 1.

`POST /v1/send/bulk`, header `x-api-key`, JSON `{"lineNumber": …, "messageText": …, "mobiles": ["0912…"],
"sendDateTime": null}` answers `{"status": 1, "message": …, "data": {"packId": …, "messageIds": [86522023], "cost":
…}}`. `status` decides: 1 is taken, whatever HTTP says of others. An id of 0 is a number on the provider's black list,
null an invalid one. `GET /v1/send/live?pageSize=100&pageNumber=1` lists today's messages, `GET /v1/send/archive` those
of the days before, `GET /v1/credit` the credit.

Read from the provider's public pages and from client libraries; never tried against the live service. NOT VERIFIED:
in which order the lists come and how soon a message is in them (a minute is waited before its absence is believed),
and whether HTTP 400 can come with a body other than JSON. `send/verify` (templates approved in their panel, up to 25
letters a value) is not used: our texts carry their own clause, link and mark, and a template id is one more thing to
drift.

There is no key against sending twice. What may have been taken is therefore looked for in the lists, by number and
text; our texts differ by their mark.
"""

import json
from datetime import timedelta
from typing import Any, Final

from django.conf import settings

from peyman.gateways.calls import call
from peyman.messages.rules import Delivery, Refused, Sent, Unknown
from peyman.people.rules import domestic

NAME: Final = "smsir"
HOST: Final = "https://api.sms.ir"
BELIEVED_AFTER: Final = timedelta(minutes=1)
ARCHIVED_AFTER: Final = timedelta(hours=20)  # from then on the message may be in the list of an earlier day
PAGE: Final = 100
MOST_PAGES: Final = 30
LIST_LIMIT: Final = 1024 * 1024  # bytes of one page

_OK = 1
# What is wrong with this message or its receiver: text empty, bad number, empty lists, lengths, black list, text not
# approved for this line.
_NEVER = frozenset({103, 104, 107, 108, 115, 117})
# The rest is ours to mend (10-14 key and account, 101 and 123 line, 102 credit, 118-119 plan) or passes by itself (20);
# all of them are said before anything was taken. 0, "a problem in the system", may be said at any time.
_LOST = 0


def send(*, to: str, text: str, key: str, quick: bool = False) -> Delivery:
    """Send `text` to an E.164 number. `key` is not told to this provider, which has no use for it.

    Never raises for what the provider does; see `kavenegar.send`.
    """
    asked = {
        "lineNumber": _line(),
        "messageText": text,
        "mobiles": [domestic(to)],
        "sendDateTime": None,
    }
    got = call(NAME, "POST", f"{_host()}/v1/send/bulk", quick=quick, json=asked, headers=_key())
    return got if isinstance(got, Unknown) else read_answer(*got)


def settle(*, to: str, text: str, key: str, waited: timedelta, quick: bool = False) -> Delivery:
    """Find out about a message that it may have taken, by looking it up in the lists. `waited`: since it was asked.

    Unknown "not_there", `untaken`, when it is in none of them, and "not_seen_yet" when that says little so soon.
    """
    lists = ["live", *(["archive"] if waited > ARCHIVED_AFTER else [])]
    for name in lists:
        found = _find(name, domestic(to), text, quick=quick)
        if found is not None:
            return found
    if waited < BELIEVED_AFTER:
        return Unknown(NAME, "not_seen_yet")
    return Unknown(NAME, "not_there", untaken=True)


def is_there() -> bool:
    """Say whether the provider answers at all, without sending anything."""
    got = call(NAME, "GET", f"{_host()}/v1/credit", quick=True, headers=_key())
    return not isinstance(got, Unknown) and isinstance(_document(got[1]), dict) and got[0] < 500


def read_answer(http_status: int, body: bytes) -> Delivery:
    """Read what the provider answered to a message for one number."""
    document = _document(body)
    if isinstance(document, str):
        return Unknown(NAME, f"http_{http_status}_{document}", away=http_status >= 500)
    status = document["status"]
    if status in _NEVER:
        return Refused(NAME, str(status))
    if status != _OK or http_status >= 300:
        return Unknown(NAME, str(status), away=True, untaken=status not in (_OK, _LOST) and http_status < 500)
    data = document.get("data")
    ids = data.get("messageIds") if isinstance(data, dict) else None
    if not isinstance(ids, list) or len(ids) != 1:
        return Unknown(NAME, "1_no_messageid")
    if ids[0] == 0 or ids[0] is None:
        return Refused(NAME, "black_list" if ids[0] == 0 else "no_number")
    return Sent(NAME, str(ids[0])) if type(ids[0]) is int else Unknown(NAME, "1_no_messageid")


def _find(name: str, mobile: str, text: str, *, quick: bool) -> Sent | Unknown | None:
    """Look for a message in one of the lists; None when it is not there."""
    for page in range(1, MOST_PAGES + 1):
        asked = {"pageSize": PAGE, "pageNumber": page}
        url = f"{_host()}/v1/send/{name}"
        got = call(NAME, "GET", url, quick=quick, limit=LIST_LIMIT, params=asked, headers=_key())
        if isinstance(got, Unknown):
            return Unknown(NAME, got.detail, away=True)
        document = _document(got[1])
        rows = document.get("data") if isinstance(document, dict) and document["status"] == _OK else None
        if not isinstance(rows, list):
            return Unknown(NAME, f"http_{got[0]}_no_list", away=got[0] >= 500)
        for row in rows:
            if isinstance(row, dict) and row.get("messageText") == text and _same(row.get("mobile"), mobile):
                return Sent(NAME, str(row.get("messageId")))
        if len(rows) < PAGE:
            return None
    return Unknown(NAME, "too_many_to_look_through")


def _same(told: object, mobile: str) -> bool:
    # They write 9121234567 as a number; ours is 09121234567.
    return str(told)[-10:] == mobile[-10:]


def _document(body: bytes) -> dict[str, Any] | str:
    """Return the answer with its whole `status`, or in a word what is wrong with it."""
    try:
        document = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return "unreadable"
    if not isinstance(document, dict) or type(document.get("status")) is not int:
        return "no_status"
    return document


def _line() -> int | str:
    line = str(settings.SMSIR_LINE)
    return int(line) if line.isascii() and line.isdigit() else line


def _key() -> dict[str, str]:
    return {"x-api-key": settings.SMSIR_KEY}


def _host() -> str:
    return settings.SMS_URL or HOST
