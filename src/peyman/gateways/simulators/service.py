"""What the simulators share: an HTTP service on loopback, fault switches, a journal, a clock of their own."""

import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import structlog

LOOPBACK = "127.0.0.1"
BODY_LIMIT = 1024 * 1024  # bytes

log = structlog.get_logger(__name__)


class Drop(Exception):
    """Close the connection without an answer."""


class BadSwitch(ValueError):
    """A fault that is not known, or set to what it cannot be."""


@dataclass(frozen=True)
class Request:
    """One HTTP request, read whole."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # names in lower case
    body: bytes

    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body.decode("utf-8"))
        except (ValueError, RecursionError):
            return None

    def form(self) -> dict[str, str]:
        """The body as a form; of a repeated name the last."""
        return {name: values[-1] for name, values in parse_qs(self.body.decode("utf-8", "replace")).items()}


@dataclass(frozen=True)
class Response:
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    # The body in pieces, as slowly as they come; its length only if the headers say it; then the line is closed. Drop
    # among them resets the line.
    pieces: Iterable[bytes] | None = None


def as_json(document: object, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(status, json.dumps(document, ensure_ascii=False).encode())


def as_page(html: str, status: int = 200) -> Response:
    """Answer with a page that loads nothing from anywhere."""
    rule = (("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"),)
    return Response(status, html.encode(), "text/html; charset=utf-8", rule)


class Clock:
    """The provider's own clock. It can be moved forward and never back."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source, self._ahead = source, 0.0

    def now(self) -> datetime:
        """This instant, aware and in UTC."""
        return datetime.fromtimestamp(self._source() + self._ahead, UTC)

    def advance(self, seconds: float) -> None:
        """Move the clock forward. ValueError for less than nothing."""
        if not 0 <= seconds < 10**10:
            raise ValueError("the clock moves forward only")
        self._ahead += seconds


@dataclass
class Fault:
    """One switch: with which probability, how many more times (None = for ever), and with which value."""

    chance: float = 1.0
    times: int | None = None
    value: Any = None


class Faults:
    """Named switches with one seeded source of chance.

    A switch is set to `false`, `0` or `null` (off), `true` (always), a whole number (the next n times), a fraction or
    1.0 (with that probability), or `{"p": 0.1, "times": 3, "value": …}` with any of the three. Names in `valued` take
    a plain number as their value instead, and hold until they are set again.
    """

    def __init__(self, known: frozenset[str], valued: frozenset[str] = frozenset()) -> None:
        self._known, self._valued = known | valued, valued
        self._set: dict[str, Fault] = {}
        self._random = random.Random(1)
        self._lock = threading.Lock()
        self.happened: dict[str, int] = {}

    def set(self, **switches: Any) -> None:
        """Turn switches; all or, with BadSwitch, none of them. `seed` starts the chances anew."""
        seed = switches.pop("seed", None)
        if seed is not None and type(seed) is not int:
            raise BadSwitch("seed is a whole number")
        read = {name: self._read(name, value) for name, value in switches.items()}
        with self._lock:
            if seed is not None:
                self._random = random.Random(seed)
            for name, fault in read.items():
                self._set.pop(name, None)
                if fault is not None:
                    self._set[name] = fault

    def clear(self) -> None:
        """Turn everything off."""
        with self._lock:
            self._set.clear()
            self.happened.clear()

    def strikes(self, name: str) -> Fault | None:
        """Whether this fault happens now; a counted one is used up by it."""
        with self._lock:
            fault = self._set.get(name)
            if fault is None or (fault.chance < 1 and self._random.random() >= fault.chance):
                return None
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    del self._set[name]
            self.happened[name] = self.happened.get(name, 0) + 1
            return fault

    def shown(self) -> dict[str, dict[str, Any]]:
        """What is set, for reading."""
        with self._lock:
            return {
                name: {"p": fault.chance, "times": fault.times, "value": fault.value}
                for name, fault in self._set.items()
            }

    def _read(self, name: str, value: Any) -> Fault | None:
        if name not in self._known:
            raise BadSwitch(f"no such fault: {name}; there are {', '.join(sorted(self._known))}, seed")
        match value:
            case None | False:
                return None
            case True:
                return Fault()
            case int() | float() if name in self._valued:
                return Fault(value=value) if value else None
            case int():
                if value < 0:
                    raise BadSwitch(f"{name}: less than nothing")
                return Fault(times=value) if value else None
            case float():
                return self._checked(name, Fault(chance=value)) if value else None
            case dict() if value.keys() <= {"p", "times", "value"}:
                return self._checked(name, Fault(value.get("p", 1.0), value.get("times"), value.get("value")))
        raise BadSwitch(f"{name}: neither a switch, a number nor an object of p, times, value")

    @staticmethod
    def _checked(name: str, fault: Fault) -> Fault:
        if not isinstance(fault.chance, int | float) or not 0 <= fault.chance <= 1:
            raise BadSwitch(f"{name}: a probability is from 0 to 1")
        if fault.times is not None and (type(fault.times) is not int or fault.times < 1):
            raise BadSwitch(f"{name}: times is a whole number from 1")
        return fault


class Journal:
    """Rows by key in memory, and each change as one JSON line in a file that a restart reads again."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")

    def read(self) -> list[dict[str, Any]]:
        """All lines so far, oldest first. A last line that a kill cut short is passed over."""
        if self._path is None:
            return []
        rows = []
        for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                log.warning("simulator.torn_line", file=self._path.name)
        return rows

    def write(self, row: dict[str, Any]) -> None:
        """Append one line; it has left this process when this returns."""
        if self._file is not None:
            self._file.write(f"\n{json.dumps(row, ensure_ascii=False)}")  # leads, so that a torn line ends itself
            self._file.flush()

    def clear(self) -> None:
        """Forget everything."""
        if self._file is not None:
            self._file.truncate(0)

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()


class Service:
    """An HTTP service on 127.0.0.1. Use as a context manager, or `start` and `stop`; 0 is any free port.

    Subclasses answer in `handle`; paths under `/_sim/` are theirs to control by and never fail.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self._server: _Server | None = None

    def handle(self, request: Request) -> Response:
        """Answer one request, or raise Drop."""
        raise NotImplementedError

    def is_down(self) -> bool:
        """Whether connections are closed before the request is looked at; control still answers."""
        return False

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> Self:
        """Listen and serve in threads of their own. OSError when the port is taken."""
        server = _Server(self)
        self.port = server.server_address[1]
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.05,), name=f"sim-{self.port}", daemon=True).start()
        return self

    def stop(self) -> None:
        """Close the port and every open connection."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.cut()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


class Switched(Service):
    """A service with fault switches, controlled under `/_sim/`.

    `GET health`, `GET faults` (what is set, and what happened), `POST faults` to turn switches, `POST reset`; what
    else there is to control a subclass answers in `control`. `boards` are the switches by the prefix of their names:
    one board without any, or one for each provider that answers here.
    """

    def __init__(self, port: int, boards: Mapping[str, Faults]) -> None:
        super().__init__(port)
        self._boards = boards

    def faults(self, **switches: Any) -> None:
        """Turn fault switches; BadSwitch for one that is not known. `seed` is for all boards."""
        seed = {"seed": switches.pop("seed")} if "seed" in switches else {}
        turned: dict[str, dict[str, Any]] = {prefix: dict(seed) for prefix in self._boards}
        for name, value in switches.items():
            prefix = max((prefix for prefix in self._boards if name.startswith(prefix)), key=len)
            turned[prefix][name.removeprefix(prefix)] = value
        for prefix, board in self._boards.items():
            board.set(**turned[prefix])

    def reset(self) -> None:
        """Forget everything and turn all switches off."""
        for board in self._boards.values():
            board.clear()

    def health(self) -> dict[str, Any]:
        """How much of what is kept here, to tell that it is alive."""
        return {}

    def control(self, request: Request, what: str) -> Response | None:
        """Answer another control path, or None where there is none."""
        return None

    def controlled(self, request: Request) -> Response:
        """Answer a control path."""
        match request.method, request.path.removeprefix("/_sim/"):
            case "GET", "health":
                return as_json({"ok": True, **self.health()})
            case "GET", "faults":
                return as_json({"set": self._shown(), "happened": self._happened()})
            case "POST", "faults" if isinstance(document := request.json() if request.body else {}, dict):
                try:
                    self.faults(**document)
                except BadSwitch as wrong:
                    return as_json({"error": str(wrong)}, 422)
                return as_json({"set": self._shown()})
            case "POST", "reset":
                self.reset()
                return as_json({"ok": True})
            case _, what:
                return self.control(request, what) or as_json({"error": "no such control"}, 404)

    def _shown(self) -> dict[str, dict[str, Any]]:
        return {f"{p}{name}": fault for p, board in self._boards.items() for name, fault in board.shown().items()}

    def _happened(self) -> dict[str, int]:
        return {f"{p}{name}": times for p, board in self._boards.items() for name, times in board.happened.items()}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, service: Service) -> None:
        self.service = service
        self.lines: set[socket.socket] = set()
        super().__init__((LOOPBACK, service.port), _Handler)

    def cut(self) -> None:
        for line in list(self.lines):
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side was faster

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.exception("simulator.error")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one piece; in two, each answer would wait 40 ms
    timeout = 120  # seconds
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.lines.add(self.connection)

    def finish(self) -> None:
        self.server.lines.discard(self.connection)
        try:
            super().finish()
        except OSError:
            return  # the other side is gone

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def do_GET(self) -> None:
        service = self.server.service
        parts = urlsplit(self.path)
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > BODY_LIMIT or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return self._send(as_json({"error": "a body of known length, at most 1 MB"}, 413))
        body = self.rfile.read(int(length))
        request = Request(
            self.command,
            parts.path,
            {name: values[-1] for name, values in parse_qs(parts.query).items()},
            {name.lower(): value for name, value in self.headers.items()},
            body,
        )
        try:
            if service.is_down() and not parts.path.startswith("/_sim/"):
                raise Drop
            self._send(service.handle(request))
        except Drop:
            self.close_connection = True

    do_POST = do_GET

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        if response.pieces is None:
            self.send_header("Content-Length", str(len(response.body)))
        else:
            self.send_header("Connection", "close")
        self.send_header("Cache-Control", "no-store")
        for name, value in response.headers:
            self.send_header(name, value)
        self.end_headers()
        if response.pieces is None:
            self.wfile.write(response.body)
        else:
            self._pour(response.pieces)

    def _pour(self, pieces: Iterable[bytes]) -> None:
        self.close_connection = True
        try:
            for piece in pieces:
                self.wfile.write(piece)
                self.wfile.flush()
        except Drop:
            linger = struct.pack("ii", 1, 0)  # closing sends a reset
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            raise

    def log_message(self, format: str, *args: Any) -> None:
        return  # addresses hold tokens and keys
