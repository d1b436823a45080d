"""The registry's list, asked for where it is published: bounded in time, in size and in where it may lead.

The registry's own door is a page with a form that answers with a workbook, and wants its session cookie and
anti-forgery token back. A mirror simply answers with the list. Both are told apart by what comes.
"""

import os
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import httpx

from peyman.gateways.registry.opening import MAX_BYTES, kind_of

WHOLE: Final = 120.0  # seconds for everything: page, form, list
TIMEOUT: Final = httpx.Timeout(connect=10.0, read=30.0, write=10.0, pool=10.0)  # of one step
REDIRECTS: Final = 5
PAGE_LIMIT: Final = 2_000_000  # bytes of a page in which its form is looked for
FORMS, FORM_LIMIT = 50, 200_000  # of a page; characters
FORM: Final = "/getiplist"  # in the address that the registry's form leads to, in lower case
G2B: Final = "/api/g2b/"  # operators ask here by POST, and are answered with JSON
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PORTS: Final = {"http": 80, "https": 443}

_INPUT = re.compile(r"<(?:input|button)\b([^>]{0,2000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]{1,40})\s{0,5}=\s{0,5}(?:"([^"]*)"|'([^']*)'|([^\s"'>]{1,2000}))""")
_CHARSET = re.compile(r"""charset\s{0,5}=\s{0,5}["']?([A-Za-z0-9_-]{1,20})""", re.IGNORECASE)


class Failed(Exception):
    """No list came. `outcome`: a word for machines (see `OUTCOMES`); `detail`: more, without address or content."""

    def __init__(self, outcome: str, detail: str = "") -> None:
        super().__init__(outcome)
        self.outcome, self.detail = outcome, detail


OUTCOMES: Final[Mapping[str, str]] = {
    "bad_url": "نشانی سامانه درست نوشته نشده است.",
    "unreachable": "سامانه در دسترس نبود.",
    "tls": "گواهی سامانه پذیرفته نشد.",
    "timeout": "سامانه در مهلت پاسخ نداد.",
    "broken": "پاسخ سامانه در میانه قطع شد.",
    "too_big": "پاسخ سامانه از اندازه مجاز بزرگ‌تر بود.",
    "redirect": "سامانه به جای دیگری فرستاد که پذیرفته نیست.",
    "http_error": "سامانه خطا داد.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came. `url`: without credentials and query; `etag` and `modified`: to be told next time if nothing changed.

    `body` is None where the registry said that nothing changed since (304).
    """

    body: bytes | None
    url: str
    seconds: float
    content_type: str = ""
    charset: str = ""
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class _Came:
    status: int
    headers: httpx.Headers
    body: bytes
    url: str


def shown(url: str) -> str:
    """Return an address as it may be written down: without credentials, query and fragment, at most 300 characters."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    host = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, f"{host}{port}", parts.path, "", ""))[:300]


def fetch(
    url: str,
    *,
    etag: str = "",
    modified: str = "",
    whole: float = WHOLE,
    limit: int = MAX_BYTES,
    verify: ssl.SSLContext | bool = True,
) -> Answer:
    """Ask for the list. Raises Failed.

    `whole`: seconds after which it is given up, whatever the other side does; `limit`: bytes, once unpacked.
    Redirects are followed within the same host only, and never from https to http.
    """
    begun = time.monotonic()
    bare, auth = _parted(url)
    asked = {name: value for name, value in (("If-None-Match", etag), ("If-Modified-Since", modified)) if value}
    form = None
    with (
        _Deadline(begun + whole) as deadline,
        httpx.Client(
            timeout=TIMEOUT,
            verify=verify,
            trust_env=False,
            follow_redirects=False,
            auth=auth,
            headers={
                "User-Agent": "peyman",
                "Accept": f"text/csv, {XLSX}, text/html, application/json, */*;q=0.5",
                "Accept-Encoding": "gzip",
                "Accept-Language": "fa",
            },
        ) as client,
    ):
        line = _Line(client, deadline, limit)
        came = line.ask("POST" if G2B in urlsplit(bare).path.lower() else "GET", bare, headers=asked)
        if came.status == 200 and kind_of(came.body) == "html":
            form = _form(came)
        if form is not None:
            came = line.ask("POST", form[0], data=form[1], headers={"Referer": came.url})
    seconds = time.monotonic() - begun
    if came.status == 304 and asked:
        return Answer(None, shown(came.url), seconds, etag=etag, modified=modified)
    if came.status != 200:
        raise Failed("http_error", str(came.status))
    kind, _, parameters = came.headers.get("content-type", "").partition(";")
    charset = _CHARSET.search(parameters)
    return Answer(
        came.body,
        shown(came.url),
        seconds,
        kind.strip().lower()[:80],
        charset[1] if charset else "",
        # What is made anew for each form is not asked for by its mark.
        "" if form else came.headers.get("etag", "")[:200],
        "" if form else came.headers.get("last-modified", "")[:60],
    )


def _parted(url: str) -> tuple[str, tuple[str, str] | None]:
    """Return the address without credentials, and these: no library may log them with it. Raises Failed."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise Failed("bad_url")
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        raise Failed("bad_url") from None
    auth = (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None
    return urlunsplit((parts.scheme, host, parts.path or "/", parts.query, "")), auth


class _Deadline:
    """Ends whatever lasts longer, a byte a minute and headers without an end among it, by closing the lines."""

    def __init__(self, until: float) -> None:
        self._until = until
        self._lines: list[socket.socket] = []
        self._lock = threading.Lock()
        self.is_over = False
        self._timer = threading.Timer(max(until - time.monotonic(), 0), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._timer.cancel()
        with self._lock:
            for line in self._lines:
                line.close()
            self._lines.clear()

    @property
    def left(self) -> float:
        """Seconds, at least a moment."""
        return max(self._until - time.monotonic(), 0.01)

    def watch(self, event: str, info: dict[str, Any]) -> None:
        """Learn of each line as it is opened (httpx's `trace`)."""
        if event != "connection.connect_tcp.complete":
            return
        own = info["return_value"].get_extra_info("socket")
        # A second handle on the same line: TLS takes the first one away from its owner.
        line = socket.socket(fileno=os.dup(own.fileno()))
        with self._lock:
            self._lines.append(line)
            if self.is_over:
                _shut(line)

    def _cut(self) -> None:
        with self._lock:
            self.is_over = True
            for line in self._lines:
                _shut(line)


def _shut(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was faster


class _Line:
    """Asks one host, follows it where it may lead, and reads no more than the limit."""

    def __init__(self, client: httpx.Client, deadline: _Deadline, limit: int) -> None:
        self._client, self._deadline, self._limit = client, deadline, limit

    def ask(self, method: str, url: str, **asked: Any) -> _Came:
        for _ in range(REDIRECTS + 1):
            came = self._once(method, url, **asked)
            if came.status not in (301, 302, 303, 307, 308):
                return came
            url = _followed(url, came.headers.get("location", ""))
            if came.status not in (307, 308) and method == "POST":
                method = "GET"
                asked.pop("data", None)
        raise Failed("redirect", "loop")

    def _once(self, method: str, url: str, **asked: Any) -> _Came:
        left = self._deadline.left
        timeout = httpx.Timeout(
            connect=min(TIMEOUT.connect or left, left), read=min(TIMEOUT.read or left, left), write=left, pool=left
        )
        try:
            with self._client.stream(
                method, url, timeout=timeout, extensions={"trace": self._deadline.watch}, **asked
            ) as response:
                body = b"" if response.is_redirect else self._body(response)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError) as problem:
            raise self._failed(problem) from None  # its text may hold the address
        except zlib.error:
            raise Failed("timeout" if self._deadline.is_over else "broken", "gzip") from None
        if self._deadline.is_over:
            raise Failed("timeout")
        return _Came(response.status_code, response.headers, body, url)

    def _body(self, response: httpx.Response) -> bytes:
        coding = response.headers.get("content-encoding", "").strip().lower()
        if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise Failed("broken", "encoding")
        length = response.headers.get("content-length", "")
        if length.isdecimal() and len(length) < 20 and int(length) > self._limit:
            raise Failed("too_big")
        packed = None if coding in ("", "identity") else zlib.decompressobj(zlib.MAX_WBITS | 32)
        body = bytearray()
        for piece in response.iter_raw():
            # One byte more than allowed is enough to know; a bomb is never unpacked further.
            body += packed.decompress(piece, self._limit + 1 - len(body)) if packed else piece
            if len(body) > self._limit:
                raise Failed("too_big")
            if self._deadline.is_over:
                raise Failed("timeout")
        if packed and body and not packed.eof:
            raise Failed("broken", "gzip")
        return bytes(body)

    def _failed(self, problem: Exception) -> Failed:
        if self._deadline.is_over or isinstance(problem, httpx.TimeoutException):
            return Failed("timeout")
        causes: list[BaseException] = [problem]
        while (cause := causes[-1].__cause__ or causes[-1].__context__) and len(causes) < 10:
            causes.append(cause)
        if any(isinstance(each, ssl.SSLError) for each in causes):
            return Failed("tls")
        if isinstance(problem, httpx.ConnectError):
            return Failed("unreachable")
        if isinstance(problem, httpx.InvalidURL | httpx.UnsupportedProtocol):
            return Failed("bad_url")
        return Failed("broken", type(problem).__name__)


def _followed(url: str, location: str) -> str:
    """Return where a redirect leads, if it may: to the same host, and to https from anywhere but never from it."""
    try:
        here, there = urlsplit(url), urlsplit(urljoin(url, location))
        ports = here.port or _PORTS[here.scheme], there.port or _PORTS.get(there.scheme, 0)
    except ValueError:
        raise Failed("redirect", "bad address") from None
    if not location or there.scheme not in _PORTS:
        raise Failed("redirect", "bad address")
    if here.scheme == "https" and there.scheme == "http":
        raise Failed("redirect", "https to http")
    is_upgrade = (here.scheme, there.scheme) == ("http", "https") and ports == (80, 443)
    if here.hostname != there.hostname or not (ports[0] == ports[1] or is_upgrade):
        raise Failed("redirect", "another host")
    return urlunsplit((there.scheme, there.netloc.rpartition("@")[2], there.path or "/", there.query, ""))


def _form(page: _Came) -> tuple[str, dict[str, str]] | None:
    """Return where the registry's form leads and what it holds, anti-forgery token included; None on other pages."""
    text = page.body[:PAGE_LIMIT].decode("utf-8", "replace")
    lower = text.lower()
    at = -1
    for _ in range(FORMS):
        at = lower.find("<form", at + 1)
        if at < 0:
            return None
        end = lower.find("</form", at)
        form = text[at : min(end if end > 0 else len(text), at + FORM_LIMIT)]
        said = _attributes(form[: form.find(">") + 1])
        if FORM not in said.get("action", "").lower():
            continue
        action = _followed(page.url, said["action"])
        fields = {}
        for found in _INPUT.finditer(form):
            field = _attributes(found[0])
            if field.get("name") and field.get("type", "").lower() not in ("checkbox", "radio", "file"):
                fields[field["name"]] = field.get("value", "")
        return action, fields
    return None


def _attributes(tag: str) -> dict[str, str]:
    return {
        found[1].lower(): unescape(found[2] or found[3] or found[4] or "") for found in _ATTRIBUTE.finditer(tag[:4_000])
    }
