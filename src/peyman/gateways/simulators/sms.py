"""Kavenegar on loopback: takes messages, keeps them, and can fail.

- `POST /v1/{key}/sms/send.json`, form `receptor` (up to 200, by comma), `message`, `sender`, `localid`;
  `POST /v1/{key}/verify/lookup.json`, form `receptor`, `template`, `token`, `token2`, `token3`.
- `GET` or `POST /v1/{key}/sms/status.json`, `messageid` (by comma).
- Every answer is `{"return": {"status": 200, "message": …}, "entries": […]}`; a refusal has the same status as HTTP
  status: 400 something is missing, 403 no such key, 411 bad receptor, 414 too many, 418 no credit, 424 no template.
- The same `localid` to the same receptor is sent once: the second call gets the first message's id. The ledger counts
  such calls in `repeats`.
- Statuses: 1 queued, 4 handed to the operator, 10 arrived.
"""

import re
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from peyman.gateways.simulators.service import (
    BadSwitch,
    Clock,
    Drop,
    Faults,
    Journal,
    Request,
    Response,
    Service,
    as_json,
)

SWITCHES = frozenset(
    {
        "down",  # connections are closed unread
        "drop",  # takes the message, answers nothing
        "drop_before",  # does not take it, answers nothing
        "http_500",  # does not take it
        "garbage",  # takes it, answers an HTML page with 200
    }
)
VALUED = frozenset({"slow_s", "error_200"})  # error_200: HTTP 200 with this return.status (true: 418), not taken
RECEPTORS = 200
NO_CREDIT = 418
_PATH = re.compile(r"/v1/([^/]+)/(sms/send|sms/status|verify/lookup)\.json")
_RECEPTOR = re.compile(r"(?:\+98|0098|98|0)?(9[0-9]{9})")
_GARBAGE = Response(200, "<!doctype html><title>خطا</title><p>به‌زودی بازمی‌گردیم.".encode(), "text/html")
_WORDS = {1: "در صف ارسال", 4: "ارسال به مخابرات", 10: "رسیده به گیرنده", 100: "شناسه پیامک نامعتبر است"}


class SmsSimulator(Service):
    """The SMS provider. `key`: the only API key it knows; "" takes any."""

    def __init__(
        self, port: int = 0, state: Path | str | None = None, clock: Clock | None = None, key: str = ""
    ) -> None:
        super().__init__(port)
        self.clock, self._key = clock or Clock(), key
        self.switches = Faults(SWITCHES, VALUED)
        self._lock = threading.RLock()
        self._journal = Journal(Path(state) / "sms.jsonl" if state else None)
        self._messages: dict[int, dict[str, Any]] = {row["messageid"]: row for row in self._journal.read()}

    def stop(self) -> None:
        """Close the port; what was kept stays."""
        super().stop()
        self._journal.close()

    def faults(self, **switches: Any) -> None:
        """Turn fault switches; BadSwitch for one that is not known."""
        self.switches.set(**switches)

    def messages(self, to: str = "") -> list[dict[str, Any]]:
        """What was taken, newest first; with `to` only what went to that number, however it is written."""
        number = _number(to) if to else None
        with self._lock:
            rows = [dict(row) for row in self._messages.values() if not to or _number(row["receptor"]) == number]
        return rows[::-1]

    def reset(self) -> None:
        """Forget all messages and turn all switches off."""
        with self._lock:
            self._messages.clear()
            self._journal.clear()
            self.switches.clear()

    def is_down(self) -> bool:
        """Whether the switch `down` strikes."""
        return self.switches.strikes("down") is not None

    def handle(self, request: Request) -> Response:
        """Answer the protocol and the control paths."""
        if request.path.startswith("/_sim/"):
            return self._control(request)
        found = _PATH.fullmatch(request.path)
        if found is None:
            return _answer(404, "متد نامعتبر است")
        if self._key and unquote(found[1]) != self._key:
            return _answer(403, "کد شناسایی API-Key معتبر نیست")
        asked = request.query | request.form()
        if found[2] == "sms/status":
            return self._status(asked)
        if request.method != "POST":
            return _answer(404, "متد نامعتبر است")
        return self._take(asked, lookup=found[2] == "verify/lookup")

    def _control(self, request: Request) -> Response:
        document = request.json() if request.body else {}
        match request.method, request.path.removeprefix("/_sim/"):
            case "GET", "health":
                return as_json({"ok": True, "messages": len(self._messages)})
            case "GET", "messages":
                return as_json(self.messages(request.query.get("to", "")))
            case "GET", "faults":
                return as_json({"set": self.switches.shown(), "happened": self.switches.happened})
            case "POST", "faults" if isinstance(document, dict):
                try:
                    self.faults(**document)
                except BadSwitch as wrong:
                    return as_json({"error": str(wrong)}, 422)
                return as_json({"set": self.switches.shown()})
            case "POST", "reset":
                self.reset()
                return as_json({"ok": True})
        return as_json({"error": "no such control"}, 404)

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
                if row["localid"] == localid and _number(row["receptor"]) == number:
                    row["repeats"] += 1
                    self._journal.write(row)
                    return _entry(row, status=4)
        now = self.clock.now()
        row = {
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
        self._messages[row["messageid"]] = row
        self._journal.write(row)
        return _entry(row, status=1)

    def _status(self, asked: dict[str, str]) -> Response:
        numbers = [part.strip() for part in asked.get("messageid", "").split(",") if part.strip()]
        if not numbers or not all(part.isascii() and part.isdecimal() for part in numbers):
            return _answer(400, "پارامترها ناقص هستند")
        entries = []
        with self._lock:
            for number in map(int, numbers):
                status = 10 if number in self._messages else 100
                entries.append({"messageid": number, "status": status, "statustext": _WORDS[status]})
        return _answer(200, "تایید شد", entries)


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
