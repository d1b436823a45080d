"""The national registry on loopback: its page, form and workbook, a mirror, the operators' door; and its bad days.

- `GET /page/iplist`: the page with the form, a session cookie and an anti-forgery token. `POST /Page/GetIPList` with
  both answers with the workbook; without one of them 403.
- `GET /list.csv` with an ETag, `GET /list.html` with the table, `POST /api/g2b/GetIpList` as JSON (with a user and
  password where the simulator was given them).
- The list is the file `registry.csv` in the folder of state, read anew each time, or what `POST /_sim/list` brought
  (CSV with the columns of a snapshot). Without either every door answers 503.

All doors share the switches. `happened` counts them, `asked` the requests.
"""

import base64
import csv
import gzip
import html
import io
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from openpyxl import Workbook

from peyman.gateways.simulators.service import (
    Clock,
    Drop,
    Faults,
    Request,
    Response,
    Switched,
    as_json,
)

SWITCHES = frozenset(
    {
        "down",  # connections are closed unread
        "http_500",
        "bad_gateway",  # a proxy's page, with 200
        "challenge",  # "Attention Required!", with 200
        "big_page",  # a page of 286 kB that is about something else, with 200
        "empty",  # nothing, with 200
        "no_rows",  # the header alone
        "truncated",  # the last third is missing
        "shrunk",  # half of the rows are missing
        "doubled",  # every row again under other addresses, four times
        "default_route",  # with 0.0.0.0/0 among the rows
        "other_list",  # IPv6 rows of nobody we know
        "wrong_type",  # the list, said to be a picture
        "reset",  # the line is reset within the body
        "wrong_length",  # more bytes are promised than come
        "endless",  # a body without an end
        "bomb",  # little that unpacks to much
        "redirect_loop",
        "redirect_away",  # to another host
        "hang",  # nothing comes, not even headers
        "hang_body",  # the headers come, and nothing more
        "no_cookie",  # the form's answer forgets the session
    }
)
VALUED = frozenset({"slow_s", "drip_s"})  # seconds before the answer; seconds between two bytes of it
HEADER: Final = ("name_as_entered", "ip_as_entered", "ip_network", "update_date_jalali", "due_date_jalali")
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST_HANG = 30.0  # seconds
AWAY = "http://127.0.0.2:9/list.csv"

_BAD_GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_CHALLENGE = (
    "<!DOCTYPE html>\n<html lang=en-US><head><title>Attention Required! | Cloudflare</title></head><body>"
    "<h1>Sorry, you have been blocked</h1><table><tr><td>Ray ID</td><td>8147c0ffee</td></tr></table>{}</body></html>"
)
_BIG = "<!DOCTYPE html><html><head><title>Workspace</title></head><body>{}</body></html>"

Rows = list[list[str]]


class RegistrySimulator(Switched):
    """The registry. `login`: user and password of the operators' door, "" for none."""

    def __init__(
        self,
        port: int = 0,
        state: Path | str | None = None,
        clock: Clock | None = None,
        *,
        rows: Rows | None = None,
        login: str = "",
    ) -> None:
        self.switches = Faults(SWITCHES, VALUED)
        super().__init__(port, {"": self.switches})
        self.clock = clock or Clock()
        self.asked: Counter[str] = Counter()
        self.rows = rows
        self._file = Path(state) / "registry.csv" if state else None
        self._login = login
        self._sessions: dict[str, str] = {}  # cookie → token
        self._lock = threading.Lock()
        self.closing = threading.Event()

    def stop(self) -> None:
        """Close the port; whoever hangs is let go."""
        self.closing.set()
        super().stop()

    def reset(self) -> None:
        """Turn all switches off and forget sessions and counts; the list stays."""
        with self._lock:
            self._sessions.clear()
            super().reset()
            self.asked.clear()

    def handle(self, request: Request) -> Response:
        """Answer the doors and the control paths."""
        if request.path.startswith("/_sim/"):
            return self.controlled(request)
        door = {
            ("GET", "/page/iplist"): self._page,
            ("POST", "/Page/GetIPList"): self._workbook,
            ("GET", "/list.csv"): self._csv,
            ("GET", "/list.html"): self._table,
            ("POST", "/api/g2b/GetIpList"): self._json,
        }.get((request.method, request.path))
        if door is None:
            return Response(404, b"<html><title>404</title></html>", "text/html")
        self.asked[request.path] += 1
        # The page with the form never fails in what it holds: what is asked for is the list.
        broken = self._before(request) if request.path != "/page/iplist" else None
        return broken or self._after(door(request))

    # ---- Doors ----

    def _page(self, request: Request) -> Response:
        session, token = secrets.token_hex(16), secrets.token_hex(16)
        with self._lock:
            self._sessions[session] = token
        page = (
            "<!doctype html><html lang='fa' dir='rtl'><head><title>فهرست نشانی‌ها</title></head><body>"
            "<form action='/search' method='get'><input name='q'></form>"
            '<form action="/Page/GetIPList" method="post">'
            f'<input name="__RequestVerificationToken" type="hidden" value="{token}" />'
            '<input type="submit" name="ExportExcel" value="خروجی اکسل" /></form></body></html>'
        )
        cookie = f"ASP.NET_SessionId={session}; path=/; HttpOnly"
        return Response(200, page.encode(), "text/html; charset=utf-8", (("Set-Cookie", cookie),))

    def _workbook(self, request: Request) -> Response:
        cookies = dict(
            part.strip().split("=", 1) for part in request.headers.get("cookie", "").split(";") if "=" in part
        )
        known = self._sessions.get(cookies.get("ASP.NET_SessionId", ""))
        if not known or request.form().get("__RequestVerificationToken") != known or self.switches.strikes("no_cookie"):
            return Response(403, b"<html><title>403</title></html>", "text/html")
        rows = self._listed()
        if rows is None:
            return _away()
        book = Workbook(write_only=True)
        sheet = book.create_sheet("Sheet1")
        sheet.append(["نام", "آدرس", "شبکه", "تاریخ به‌روزرسانی", "تاریخ اعمال"])
        for row in rows:
            sheet.append(row)
        out = io.BytesIO()
        book.save(out)
        return Response(200, out.getvalue(), XLSX_TYPE)

    def _csv(self, request: Request) -> Response:
        rows = self._listed()
        if rows is None:
            return _away()
        body = as_csv(rows)
        mark = f'"{sha256(body).hexdigest()[:24]}"'
        if request.headers.get("if-none-match") == mark:
            return Response(304, b"", "text/csv", (("ETag", mark),))
        return Response(200, body, "text/csv; charset=utf-8", (("ETag", mark),))

    def _table(self, request: Request) -> Response:
        rows = self._listed()
        return Response(200, as_html(rows).encode(), "text/html; charset=utf-8") if rows is not None else _away()

    def _json(self, request: Request) -> Response:
        said = request.headers.get("authorization", "").removeprefix("Basic ")
        if self._login and said != base64.b64encode(self._login.encode()).decode():
            return as_json({"error": "unauthorised"}, 401)
        rows = self._listed()
        if rows is None:
            return _away()
        return as_json({"isSuccess": True, "data": [dict(zip(HEADER, row, strict=True)) for row in rows]})

    def _listed(self) -> Rows | None:
        rows = self.rows
        if rows is None and self._file is not None and self._file.is_file():
            rows = _rows_of(self._file.read_text("utf-8-sig"))
        if rows is None:
            return None
        if self.switches.strikes("no_rows"):
            return []
        if self.switches.strikes("shrunk"):
            rows = rows[::2]
        if self.switches.strikes("doubled"):
            rows = rows + [[row[0], net, net, row[3], row[4]] for n, row in enumerate(rows * 4) for net in [_made(n)]]
        if self.switches.strikes("default_route"):
            rows = [*rows, [rows[0][0], "0.0.0.0/0", "0.0.0.0/0", *rows[0][3:]]]
        if self.switches.strikes("other_list"):
            rows = [[row[0], net, net, *row[3:]] for n, row in enumerate(rows) for net in [f"2a01:4ac0:{n:x}::/48"]]
        return rows

    # ---- Bad days ----

    def _before(self, request: Request) -> Response | None:
        strikes = self.switches.strikes
        if strikes("down"):
            raise Drop
        if slow := strikes("slow_s"):
            self.closing.wait(min(float(slow.value or 0), LONGEST_HANG))
        if strikes("hang"):
            self.closing.wait(LONGEST_HANG)
            raise Drop
        if strikes("http_500"):
            return Response(500, b"<html><title>500 Internal Server Error</title></html>", "text/html")
        if strikes("bad_gateway"):
            return Response(200, _BAD_GATEWAY.encode(), "text/html")
        if strikes("challenge"):
            return Response(200, _CHALLENGE.format("x" * 4_700).encode(), "text/html")
        if strikes("big_page"):
            return Response(200, _BIG.format("<p>lorem ipsum</p>" * 15_900).encode(), "text/html")
        if strikes("empty"):
            return Response(200, b"", "text/csv")
        if strikes("redirect_loop"):
            return Response(302, b"", headers=(("Location", "/list.csv"),))
        if strikes("redirect_away"):
            return Response(302, b"", headers=(("Location", AWAY),))
        if strikes("endless"):
            return Response(200, b"", "text/csv", pieces=self._endless())
        if strikes("bomb"):
            return Response(200, _bomb(), "text/csv", (("Content-Encoding", "gzip"),))
        return None

    def _after(self, response: Response) -> Response:
        strikes, body = self.switches.strikes, response.body
        if response.status != 200:
            return response
        if strikes("truncated"):
            return Response(200, body[: len(body) * 2 // 3], response.content_type)
        if strikes("wrong_type"):
            return Response(200, body, "image/png")
        if strikes("hang_body"):
            return Response(200, b"", response.content_type, pieces=self._hanging())
        if strikes("reset"):
            return Response(200, b"", response.content_type, (("Content-Length", str(len(body))),), _torn(body))
        if strikes("wrong_length"):
            return Response(200, b"", response.content_type, (("Content-Length", str(len(body) + 99)),), [body])
        if drip := strikes("drip_s"):
            return Response(
                200, b"", response.content_type, response.headers, self._dripping(body, float(drip.value or 1))
            )
        return response

    def _endless(self) -> Iterator[bytes]:
        yield (",".join(HEADER) + "\n").encode()
        while not self.closing.is_set():
            yield b"http://a.ir,185.1.1.1/32,185.1.1.1/32,1402/02/10,1402/02/15\n" * 2_000

    def _hanging(self) -> Iterator[bytes]:
        yield b"name_as_entered,"
        self.closing.wait(LONGEST_HANG)

    def _dripping(self, body: bytes, seconds: float) -> Iterator[bytes]:
        until = time.monotonic() + LONGEST_HANG
        for place in range(len(body)):
            yield body[place : place + 1]
            if self.closing.wait(seconds) or time.monotonic() > until:
                return

    # ---- Control ----

    def health(self) -> dict[str, Any]:
        """How many rows the list has."""
        return {"rows": len(self._quiet_rows())}

    def control(self, request: Request, what: str) -> Response | None:
        """Answer `GET asked` and `POST list`."""
        match request.method, what:
            case "GET", "asked":
                return as_json(dict(self.asked))
            case "POST", "list":
                try:
                    self.rows = _rows_of(request.body.decode("utf-8-sig"))
                except (UnicodeDecodeError, ValueError):
                    return as_json({"error": f"CSV with {', '.join(HEADER)}"}, 422)
                return as_json({"rows": len(self.rows)})
        return None

    def _quiet_rows(self) -> Rows:
        if self.rows is None and self._file is not None and self._file.is_file():
            return _rows_of(self._file.read_text("utf-8-sig"))
        return self.rows or []


def as_csv(rows: Rows) -> bytes:
    """Write rows as a mirror does."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    return out.getvalue().encode()


def as_html(rows: Rows) -> str:
    """Write rows as the registry's page does."""
    names = ("نام", "آدرس IP", "شبکه", "تاریخ به روز رسانی", "تاریخ اعمال")
    head = "".join(f"<th>{name}</th>" for name in names)
    lines = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    return (
        "<!doctype html><html lang='fa' dir='rtl'><head><title>فهرست</title></head><body><table class='frame'><tr><td>"
        f"<table id='list'><thead><tr>{head}</tr></thead><tbody>\n{lines}</tbody></table></td></tr></table>"
        "</body></html>"
    )


def _rows_of(text: str) -> Rows:
    records = list(csv.reader(io.StringIO(text)))
    if not records or tuple(records[0]) != HEADER or any(len(row) != len(HEADER) for row in records):
        raise ValueError("not a list")
    return records[1:]


def _made(number: int) -> str:
    return f"185.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}/32"


def _torn(body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    raise Drop


@cache
def _bomb() -> bytes:
    return gzip.compress(bytes(100_000_000), 1)


def _away() -> Response:
    return Response(503, json.dumps({"error": "no list"}).encode())
