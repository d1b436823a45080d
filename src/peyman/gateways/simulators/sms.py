"""Kavenegar and SMS.ir on loopback, at one address: both take messages, keep them, and can fail, each by itself.

Kavenegar:

- `POST /v1/{key}/sms/send.json`, form `receptor` (up to 200, by comma), `message`, `sender`, `localid`;
  `POST /v1/{key}/verify/lookup.json`, form `receptor`, `template`, `token`, `token2`, `token3`.
- `GET` or `POST /v1/{key}/sms/status.json`, `messageid` (by comma).
- Every answer is `{"return": {"status": 200, "message": …}, "entries": […]}`; a refusal has the same status as HTTP
  status: 400 something is missing, 403 no such key, 411 bad receptor, 414 too many, 418 no credit, 424 no template.
- The same `localid` to the same receptor is sent once: the second call gets the first message's id. The ledger counts
  such calls in `repeats`.
- `…/sms/statuslocalmessageid.json`, `localid` (by comma); `…/account/info.json`.
- Statuses: 1 queued, 4 handed to the operator, 10 arrived, 100 unknown id.

SMS.ir, key in the header `x-api-key`, JSON:
- `POST /v1/send/bulk` `{lineNumber, messageText, mobiles (up to 100), sendDateTime: null}`, `POST /v1/send/verify`
  `{mobile, templateId, parameters: [{name, value}]}`.
- `GET /v1/send/live` (`pageSize` up to 100, `pageNumber`), `GET /v1/send/{messageId}`, `GET /v1/credit`. What was
  taken is in the list after `list_lag_s` seconds (a switch; at once without it).
- Every answer is `{"status": 1, "message": …, "data": …}`; a refusal has another status and HTTP 400 (401 for the
  key): 10 no such key, 102 no credit, 103 no text, 104 bad number, 107 no numbers, 105 too many.
- Nothing is known by a key of ours: what is sent twice is there twice. The ledger counts in `repeats` how often the
  same text went to the same number before.

The switches of SMS.ir carry the prefix `smsir_`.
"""

import re
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from peyman.gateways.simulators.service import (
    Clock,
    Drop,
    Faults,
    Journal,
    Request,
    Response,
    Switched,
    as_json,
)

SWITCHES = frozenset(
    {
        "down",  # connections are closed unread
        "drop",  # takes the message, answers nothing
        "drop_before",  # does not take it, answers nothing
        "http_500",  # does not take it
        "garbage",  # takes it, answers an HTML page with 200
        "twice",  # delivers it twice, and tells one number; the second row of the ledger is marked `again`
    }
)
VALUED = frozenset({"slow_s", "error_200"})  # error_200: HTTP 200 with this status (true: no credit), not taken
_SMSIR = "smsir_"
RECEPTORS = 200
NO_CREDIT, SMSIR_NO_CREDIT = 418, 102
_PATH = re.compile(r"/v1/([^/]+)/(sms/send|sms/status|sms/statuslocalmessageid|verify/lookup|account/info)\.json")
_SMSIR_PATH = re.compile(r"/v1/(send/bulk|send/verify|send/live|send/archive|credit|send/([0-9]+))")
_PAGE = 100
_RECEPTOR = re.compile(r"(?:\+98|0098|98|0)?(9[0-9]{9})")
_GARBAGE = Response(200, "<!doctype html><title>خطا</title><p>به‌زودی بازمی‌گردیم.".encode(), "text/html")
_WORDS = {1: "در صف ارسال", 4: "ارسال به مخابرات", 10: "رسیده به گیرنده", 100: "شناسه پیامک نامعتبر است"}


class SmsSimulator(Switched):
    """Both SMS providers. `key`: the only API key they know; "" takes any."""

    def __init__(
        self, port: int = 0, state: Path | str | None = None, clock: Clock | None = None, key: str = ""
    ) -> None:
        self.switches = Faults(SWITCHES, VALUED)
        self.smsir_switches = Faults(SWITCHES, VALUED | {"list_lag_s"})
        super().__init__(port, {"": self.switches, _SMSIR: self.smsir_switches})
        self.clock, self._key = clock or Clock(), key
        self.asked: Counter[str] = Counter()  # requests by what they asked for, refused and lost ones too
        self._lock = threading.RLock()
        self._journal = Journal(Path(state) / "sms.jsonl" if state else None)
        self._messages: dict[int, dict[str, Any]] = {
            row["messageid"]: {"provider": "kavenegar", **row} for row in self._journal.read()
        }

    def stop(self) -> None:
        """Close the port; what was kept stays."""
        super().stop()
        self._journal.close()

    def messages(self, to: str = "") -> list[dict[str, Any]]:
        """What both took, newest first; with `to` only what went to that number, however it is written."""
        number = _number(to) if to else None
        with self._lock:
            rows = [dict(row) for row in self._messages.values() if not to or _number(row["receptor"]) == number]
        return rows[::-1]

    def reset(self) -> None:
        """Forget all messages and turn all switches off."""
        with self._lock:
            self._messages.clear()
            self._journal.clear()
            super().reset()
            self.asked.clear()

    def handle(self, request: Request) -> Response:
        """Answer the protocol and the control paths."""
        if request.path.startswith("/_sim/"):
            return self.controlled(request)
        smsir = _SMSIR_PATH.fullmatch(request.path)
        if smsir is not None:
            return self._smsir(request, smsir)
        if self.switches.strikes("down"):
            raise Drop
        found = _PATH.fullmatch(request.path)
        if found is None:
            return _answer(404, "متد نامعتبر است")
        self.asked[found[2]] += 1
        if self._key and unquote(found[1]) != self._key:
            return _answer(403, "کد شناسایی API-Key معتبر نیست")
        asked = request.query | request.form()
        if found[2] == "account/info":
            return as_json(
                {
                    "return": {"status": 200, "message": "تایید شد"},
                    "entries": {"remaincredit": 1_000_000, "type": "Master"},
                }
            )
        if found[2] in ("sms/status", "sms/statuslocalmessageid"):
            return self._status(asked, by_localid=found[2] != "sms/status")
        if request.method != "POST":
            return _answer(404, "متد نامعتبر است")
        return self._take(asked, lookup=found[2] == "verify/lookup")

    def health(self) -> dict[str, Any]:
        """How many messages there are."""
        return {"messages": len(self._messages)}

    def control(self, request: Request, what: str) -> Response | None:
        """Answer `GET messages` and `GET asked`."""
        match request.method, what:
            case "GET", "messages":
                return as_json(self.messages(request.query.get("to", "")))
            case "GET", "asked":
                return as_json(dict(self.asked))
        return None

    def _take(self, asked: dict[str, str], *, lookup: bool) -> Response:
        slow = self.switches.strikes("slow_s")
        if slow is not None and slow.value:
            time.sleep(min(float(slow.value), 60))
        if self.switches.strikes("http_500"):
            return Response(500, b"<html>Internal Server Error</html>", "text/html")
        if self.switches.strikes("drop_before"):
            raise Drop
        error = self.switches.strikes("error_200")
        if error is not None:
            return _answer(int(error.value or NO_CREDIT), "اعتبار حساب شما کافی نیست", http=200)
        receptors = [part.strip() for part in asked.get("receptor", "").split(",") if part.strip()]
        needed = ("template", "token") if lookup else ("message",)
        if not receptors or not all(asked.get(name, "").strip() for name in needed):
            return _answer(400, "پارامترها ناقص هستند")
        if len(receptors) > (1 if lookup else RECEPTORS):
            return _answer(414, "حجم درخواست بیشتر از حد مجاز است")
        if not all(_number(receptor) for receptor in receptors):
            return _answer(411, "دریافت‌کننده نامعتبر است")
        locals_ = asked["localid"].split(",") if asked.get("localid") else [""] * len(receptors)
        if len(locals_) != len(receptors):
            return _answer(419, "طول آرایه متن و گیرنده و فرستنده هم‌اندازه نیست")
        with self._lock:
            entries = [
                self._one(receptor, localid.strip(), asked, lookup)
                for receptor, localid in zip(receptors, locals_, strict=True)
            ]
        if self.switches.strikes("drop"):
            raise Drop
        if self.switches.strikes("garbage"):
            return _GARBAGE
        return _answer(200, "تایید شد", entries)

    def _one(self, receptor: str, localid: str, asked: dict[str, str], lookup: bool) -> dict[str, Any]:
        """Keep one message, or find the one that this localid stands for. The lock is held."""
        number = _number(receptor)
        if localid:
            for row in self._messages.values():
                if row["provider"] == "kavenegar" and row["localid"] == localid and _number(row["receptor"]) == number:
                    row["repeats"] += 1
                    self._journal.write(row)
                    return _entry(row, status=4)
        now = self.clock.now()
        row = {
            "provider": "kavenegar",
            "messageid": max(self._messages, default=85_463_000) + 1,
            "receptor": receptor,
            "sender": asked.get("sender", "") or "10004346",
            "message": _filled(asked) if lookup else asked["message"],
            "template": asked.get("template", "") if lookup else "",
            "tokens": [asked.get(name, "") for name in ("token", "token2", "token3")] if lookup else [],
            "localid": localid,
            "date": int(now.timestamp()),
            "at": now.isoformat(),
            "cost": 1200,
            "repeats": 0,
        }
        self._keep(row, twice=bool(self.switches.strikes("twice")))
        return _entry(row, status=1)

    def _keep(self, row: dict[str, Any], *, twice: bool) -> None:
        again = [{**row, "messageid": row["messageid"] + 1, "again": True}] if twice else []
        for each in (row, *again):
            self._messages[each["messageid"]] = each
            self._journal.write(each)

    def _status(self, asked: dict[str, str], *, by_localid: bool) -> Response:
        numbers = [part.strip() for part in asked.get("localid" if by_localid else "messageid", "").split(",")]
        if not all(part.isascii() and part.isdecimal() for part in numbers):
            return _answer(400, "پارامترها ناقص هستند")
        entries: list[dict[str, Any]] = []
        with self._lock:
            ours = [row for row in self._messages.values() if row["provider"] == "kavenegar"]
            by_key = {str(row["localid" if by_localid else "messageid"]): row for row in ours}
        for number in numbers:
            row = by_key.get(number)
            status = 10 if row else 100
            told = {"status": status, "statustext": _WORDS[status]}
            if by_localid:
                entries.append({"messageid": row["messageid"] if row else None, "localid": number, **told})
            else:
                entries.append({"messageid": int(number), **told})
        return _answer(200, "تایید شد", entries)

    # ---- SMS.ir ----

    def _smsir(self, request: Request, found: re.Match[str]) -> Response:
        switches, what = self.smsir_switches, found[1]
        self.asked[f"smsir:{what}"] += 1
        if switches.strikes("down"):
            raise Drop
        if self._key and request.headers.get("x-api-key") != self._key:
            return _smsir_answer(10, "کلید وب سرویس نامعتبر است", http=401)
        if request.method == "GET" and what == "credit":
            return _smsir_answer(1, "موفق", 1_000_000)
        if request.method == "GET" and what in ("send/live", "send/archive"):
            return self._smsir_list(request.query)
        if request.method == "GET" and found[2]:
            row = self._messages.get(int(found[2]))
            if row is None or row["provider"] != "smsir":
                return _smsir_answer(111, "درخواستی یافت نشد")
            return _smsir_answer(1, "موفق", _smsir_row(row))
        if request.method != "POST" or what not in ("send/bulk", "send/verify"):
            return Response(404, b"", "text/html")
        slow = switches.strikes("slow_s")
        if slow is not None and slow.value:
            time.sleep(min(float(slow.value), 60))
        if switches.strikes("http_500"):
            return Response(500, b"<html>Internal Server Error</html>", "text/html")
        if switches.strikes("drop_before"):
            raise Drop
        error = switches.strikes("error_200")
        if error is not None:
            code = SMSIR_NO_CREDIT if error.value in (None, True) else int(error.value)
            return _smsir_answer(code, "اعتبار کافی نیست", http=200)
        asked = request.json()
        answer = self._smsir_take(asked if isinstance(asked, dict) else {}, verify=what == "send/verify")
        if answer.status == 200:
            if switches.strikes("drop"):
                raise Drop
            if switches.strikes("garbage"):
                return _GARBAGE
        return answer

    def _smsir_take(self, asked: dict[str, Any], *, verify: bool) -> Response:
        text: Any
        mobiles: Any
        if verify:
            values = asked.get("parameters")
            if not isinstance(asked.get("templateId"), int) or not isinstance(values, list):
                return _smsir_answer(113, "قالب یافت نشد")
            text = " ".join(str(each.get("value", "")) for each in values if isinstance(each, dict))
            mobiles = [asked.get("mobile")]
        else:
            text, mobiles = asked.get("messageText"), asked.get("mobiles")
            if asked.get("lineNumber") in (None, "", 0):
                return _smsir_answer(101, "شماره خط نامعتبر است")
        if not isinstance(mobiles, list) or not mobiles:
            return _smsir_answer(107, "فهرست موبایل خالی است")
        if len(mobiles) > _PAGE:
            return _smsir_answer(105, "بیش از ۱۰۰ شماره")
        if not isinstance(text, str) or not text.strip():
            return _smsir_answer(103, "متن خالی است")
        numbers = [_number(str(mobile)) for mobile in mobiles]
        if not any(numbers):
            return _smsir_answer(104, "شماره موبایل نامعتبر است")
        with self._lock:
            ids = [self._smsir_one(number, text, asked) if number else None for number in numbers]
        if verify:
            return _smsir_answer(1, "موفق", {"messageId": ids[0], "cost": 1.0})
        return _smsir_answer(1, "موفق", {"packId": f"pack-{ids[0]}", "messageIds": ids, "cost": 1.0})

    def _smsir_one(self, number: str, text: str, asked: dict[str, Any]) -> int:
        """Keep one message. The lock is held."""
        now = self.clock.now()
        same = [row for row in self._messages.values() if row["message"] == text and _number(row["receptor"]) == number]
        row: dict[str, Any] = {
            "provider": "smsir",
            "messageid": max(self._messages, default=85_463_000) + 1,
            "receptor": f"0{number}",
            "sender": str(asked.get("lineNumber", "")),
            "message": text,
            "template": str(asked.get("templateId", "")),
            "tokens": [],
            "localid": "",
            "date": int(now.timestamp()),
            "at": now.isoformat(),
            "cost": 1200,
            "repeats": len([each for each in same if each["provider"] == "smsir"]),
        }
        self._keep(row, twice=bool(self.smsir_switches.strikes("twice")))
        return int(row["messageid"])

    def _smsir_list(self, asked: dict[str, str]) -> Response:
        size, number = asked.get("pageSize", "100"), asked.get("pageNumber", "1")
        if not (size.isdecimal() and number.isdecimal() and 0 < int(size) <= _PAGE and int(number) > 0):
            return _smsir_answer(400, "صفحه نامعتبر است")
        lag = self.smsir_switches.strikes("list_lag_s")
        newest = self.clock.now().timestamp() - float(lag.value if lag else 0)
        with self._lock:
            rows = [row for row in self._messages.values() if row["provider"] == "smsir" and row["date"] <= newest]
        start = (int(number) - 1) * int(size)
        return _smsir_answer(1, "موفق", [_smsir_row(row) for row in rows[::-1][start : start + int(size)]])


def _smsir_answer(status: int, message: str, data: object = None, http: int | None = None) -> Response:
    return as_json({"status": status, "message": message, "data": data}, http or (200 if status == 1 else 400))


def _smsir_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": row["messageid"],
        "mobile": int(_number(row["receptor"]) or 0),
        "messageText": row["message"],
        "sendDateTime": row["date"],
        "lineNumber": row["sender"],
        "cost": 1.0,
        "deliveryState": 1,
        "deliveryDateTime": row["date"],
    }


def _answer(
    status: int, message: str, entries: list[dict[str, Any]] | None = None, http: int | None = None
) -> Response:
    return as_json({"return": {"status": status, "message": message}, "entries": entries}, http or status)


def _entry(row: dict[str, Any], status: int) -> dict[str, Any]:
    shown = {name: row[name] for name in ("messageid", "message", "sender", "receptor", "date", "cost")}
    return shown | {"status": status, "statustext": _WORDS[status]}


def _filled(asked: dict[str, str]) -> str:
    """What a template with these tokens reads like; templates themselves live at the provider."""
    return " ".join(part for part in (asked.get("token"), asked.get("token2"), asked.get("token3")) if part)


def _number(receptor: str) -> str | None:
    """The ten digits of a mobile number, None when it is none."""
    found = _RECEPTOR.fullmatch(receptor.strip())
    return found[1] if found else None
