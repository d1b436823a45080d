"""The registry's list over the line, on good days and on all the bad ones; the other side is a real server."""

import gzip
import logging
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from peyman.gateways import registry
from peyman.gateways.simulators import RegistrySimulator
from peyman.gateways.simulators.registry import LONGEST_HANG, XLSX_TYPE

ROWS = [[f"http://name{n}.ir", f"185.1.{n}.0/24", f"185.1.{n}.0/24", "1402/02/10", "1402/02/15"] for n in range(40)]
DOORS = ["/page/iplist", "/list.csv", "/list.html"]


@pytest.fixture
def there() -> Iterator[RegistrySimulator]:
    with RegistrySimulator(rows=ROWS) as simulator:
        yield simulator


def failure(url: str, **asked: object) -> registry.Failed:
    with pytest.raises(registry.Failed) as failed:
        registry.fetch(url, **{"whole": 20.0, **asked})  # type: ignore[arg-type]
    assert failed.value.outcome in registry.OUTCOMES
    return failed.value


@contextmanager
def raw(answer: Callable[[socket.socket], None], wrap: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that does what no web server does: one connection after the other, each answered by `answer`."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                line, _ = listening.accept()
                with wrap.wrap_socket(line, server_side=True) if wrap else line as spoken:
                    spoken.settimeout(5)
                    spoken.recv(65_536)
                    answer(spoken)
            except OSError:
                continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"{'https' if wrap else 'http'}://127.0.0.1:{listening.getsockname()[1]}/list.csv"
    finally:
        over.set()
        socket.create_connection(listening.getsockname()).close()
        listening.close()
        thread.join(6)


# ---- Good days ----


def test_the_form_of_the_registry_is_filled_and_its_workbook_comes(there: RegistrySimulator) -> None:
    answer = registry.fetch(f"{there.url}/page/iplist")
    assert answer.content_type == XLSX_TYPE
    opened = registry.open_list(answer.body or b"")
    assert (opened.kind, [list(line) for line in opened.lines], opened.faults) == ("xlsx", ROWS, ())
    assert dict(there.asked) == {"/page/iplist": 1, "/Page/GetIPList": 1}
    assert answer.url == f"{there.url}/Page/GetIPList"


@pytest.mark.parametrize(
    ("door", "kind"), [("/list.csv", "csv"), ("/list.html", "html"), ("/api/g2b/GetIpList", "json")]
)
def test_a_mirror_and_the_door_of_operators_answer_at_once(there: RegistrySimulator, door: str, kind: str) -> None:
    opened = registry.open_list(registry.fetch(there.url + door).body or b"")
    assert (opened.kind, [list(line) for line in opened.lines]) == (kind, ROWS)


def test_credentials_in_the_address_open_the_door_and_are_written_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.DEBUG)
    with RegistrySimulator(rows=ROWS, login="peyman:p@ss word") as there:
        url = there.url.replace("//", "//peyman:p%40ss%20word@") + "/api/g2b/GetIpList?key=also-secret"
        answer = registry.fetch(url)
        assert failure(there.url + "/api/g2b/GetIpList").detail == "401"
    logging.getLogger("httpx").setLevel(logging.WARNING)
    assert len(registry.open_list(answer.body or b"").lines) == 40
    assert answer.url == f"{there.url}/api/g2b/GetIpList"
    assert "p%40ss" not in caplog.text
    assert "p@ss" not in caplog.text


def test_an_unchanged_list_need_not_come_again(there: RegistrySimulator) -> None:
    first = registry.fetch(f"{there.url}/list.csv")
    assert first.etag.startswith('"')
    again = registry.fetch(f"{there.url}/list.csv", etag=first.etag)
    assert (again.body, again.etag) == (None, first.etag)
    there.rows = ROWS[:-1]
    assert registry.fetch(f"{there.url}/list.csv", etag=first.etag).body is not None


def test_a_list_that_is_called_a_picture_is_still_the_list(there: RegistrySimulator) -> None:
    there.faults(wrong_type=1)
    answer = registry.fetch(f"{there.url}/list.csv")
    assert answer.content_type == "image/png"
    assert len(registry.open_list(answer.body or b"").lines) == 40


# ---- Bad days ----


@pytest.mark.parametrize(
    ("fault", "outcome", "detail"),
    [
        ("http_500", "http_error", "500"),
        ("down", "broken", "RemoteProtocolError"),
        ("redirect_loop", "redirect", "loop"),
        ("redirect_away", "redirect", "another host"),
        ("endless", "too_big", ""),
        ("bomb", "too_big", ""),
        ("reset", "broken", "RemoteProtocolError"),
        ("wrong_length", "broken", "RemoteProtocolError"),
        ("hang", "timeout", ""),
        ("hang_body", "timeout", ""),
    ],
)
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.slow
@pytest.mark.clause("B05")
def test_a_bad_day_of_the_registry_has_a_name(
    there: RegistrySimulator, door: str, fault: str, outcome: str, detail: str
) -> None:
    there.faults(**{fault: True})
    begun = time.monotonic()
    failed = failure(there.url + door, limit=3_000_000, whole=1.0 if outcome == "timeout" else 20.0)
    assert (failed.outcome, failed.detail) == (outcome, detail)
    assert time.monotonic() - begun < LONGEST_HANG  # 1 second is allowed where it hangs; the machine may be slow


@pytest.mark.parametrize(
    ("fault", "code"),
    [("bad_gateway", "html_page"), ("challenge", "html_page"), ("big_page", "html_page"), ("empty", "empty")],
)
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.clause("B05")
def test_a_page_with_200_is_no_list(there: RegistrySimulator, door: str, fault: str, code: str) -> None:
    there.faults(**{fault: True})
    answer = registry.fetch(there.url + door)
    with pytest.raises(registry.Unreadable) as refused:
        registry.open_list(answer.body or b"")
    assert refused.value.reason.code == code


def test_a_list_that_drips_is_given_up_when_time_is_up(there: RegistrySimulator) -> None:
    there.faults(drip_s=0.05)
    begun = time.monotonic()
    assert failure(f"{there.url}/list.csv", whole=1.0).outcome == "timeout"
    assert time.monotonic() - begun < LONGEST_HANG


@pytest.mark.clause("B05")
def test_headers_that_drip_are_given_up_when_time_is_up() -> None:
    heard: list[bytes] = []

    def drip(line: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 23:
            line.sendall(bytes([byte]))
            time.sleep(0.1)
        heard.append(b"all")

    with raw(drip) as url:
        assert failure(url, whole=1.0).outcome == "timeout"
        assert heard == []  # 19 seconds before the end


def test_headers_without_an_end_are_given_up() -> None:
    def pour(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            line.sendall(b"X-A: " + b"b" * 1_000 + b"\r\n")

    with raw(pour) as url:
        assert failure(url).outcome == "broken"


def test_a_body_that_a_deadline_cuts_is_not_taken_for_a_short_one() -> None:
    given_up = threading.Event()

    def half(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/csv\r\n\r\nname_as_entered,ip\n")
        given_up.wait(60)

    with raw(half) as url:
        outcome = failure(url, whole=1.0).outcome
        given_up.set()
    assert outcome == "timeout"


def test_a_packed_answer_that_breaks_off_is_not_taken_for_a_short_one() -> None:
    packed = gzip.compress(b"name,ip\n" * 10_000)

    def torn(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packed[: len(packed) // 2])

    with raw(torn) as url:
        failed = failure(url)
    assert (failed.outcome, failed.detail) == ("broken", "gzip")


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip"])
def test_a_packing_that_was_not_asked_for_is_refused(coding: str) -> None:
    with raw(lambda line: line.sendall(f"HTTP/1.0 200 OK\r\nContent-Encoding: {coding}\r\n\r\nabc".encode())) as url:
        failed = failure(url)
    assert (failed.outcome, failed.detail) == ("broken", "encoding")


@pytest.mark.parametrize(
    ("location", "detail"),
    [
        ("http://example.ir/list.csv", "another host"),
        ("http://127.0.0.1:1/list.csv", "another host"),
        ("//127.0.0.1.example.ir/", "another host"),
        ("http://127.0.0.1@example.ir/", "another host"),
        ("ftp://127.0.0.1/", "bad address"),
        ("file:///etc/passwd", "bad address"),
        ("http://[broken/", "bad address"),
        ("", "bad address"),
    ],
)
def test_a_redirect_leads_nowhere_else(location: str, detail: str) -> None:
    answer = f"HTTP/1.0 302 Found\r\nLocation: {location}\r\n\r\n".encode()
    with raw(lambda line: line.sendall(answer)) as url:
        failed = failure(url)
    assert (failed.outcome, failed.detail) == ("redirect", detail)


def test_a_line_that_is_reset_is_broken() -> None:
    def reset(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.0 200 OK\r\n\r\nname")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with raw(reset) as url:
        assert failure(url).outcome == "broken"


def test_a_redirect_within_the_host_is_followed(there: RegistrySimulator) -> None:
    def lead(line: socket.socket) -> None:
        nonlocal leads
        leads += 1
        body = b"HTTP/1.0 302 Found\r\nLocation: /there\r\n\r\n" if leads == 1 else b"HTTP/1.0 200 OK\r\n\r\nthe list"
        line.sendall(body)

    leads = 0
    with raw(lead) as url:
        answer = registry.fetch(url)
    assert (answer.body, answer.url.endswith("/there")) == (b"the list", True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, chain = folder / "key.pem", folder / "chain.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", chain],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, chain


def serving(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])
    return context


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: tuple[Path, Path]) -> None:
    with raw(lambda line: line.sendall(b"HTTP/1.0 200 OK\r\n\r\nx"), serving(certificate)) as url:
        assert failure(url).outcome == "tls"


def test_https_never_leads_to_http(certificate: tuple[Path, Path]) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate[1]))
    answer = b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1/list.csv\r\n\r\n"
    with raw(lambda line: line.sendall(answer), serving(certificate)) as url:
        failed = failure(url, verify=trusting)
    assert (failed.outcome, failed.detail) == ("redirect", "https to http")


def test_a_line_under_tls_that_drips_is_given_up_when_time_is_up(certificate: tuple[Path, Path]) -> None:
    heard: list[bytes] = []

    def drip(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        for _ in range(300):
            line.sendall(b"a")
            time.sleep(0.1)
        heard.append(b"all")

    trusting = ssl.create_default_context(cafile=str(certificate[1]))
    with raw(drip, serving(certificate)) as url:
        assert failure(url, verify=trusting, whole=1.0).outcome == "timeout"
        assert heard == []


def test_nobody_there_is_told_from_somebody_who_breaks_off() -> None:
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))  # and does not listen; nobody else can, meanwhile
        assert failure(f"http://127.0.0.1:{kept.getsockname()[1]}/").outcome == "unreachable"


@pytest.mark.parametrize(
    "url", ["", "list.csv", "ftp://a.ir/", "http://", "http://a.ir:99999/", "http://a.ir:0/", "http://[x/"]
)
def test_what_is_no_address_is_told_at_once(url: str) -> None:
    assert failure(url).outcome == "bad_url"


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://user:pw@registry.ir:8443/page/iplist?token=x#y", "https://registry.ir:8443/page/iplist"),
        ("http://[2001:db8::1]/a", "http://[2001:db8::1]/a"),
        ("http://[x/", ""),
        ("http://a.ir/" + "b" * 400, "http://a.ir/" + "b" * 288),
    ],
)
def test_an_address_is_written_down_without_its_secrets(url: str, written: str) -> None:
    assert registry.shown(url) == written


def test_the_form_is_found_by_where_it_leads_and_not_followed_elsewhere() -> None:
    page = b"<form action='http://evil.ir/Page/GetIPList' method=post><input name=a value=b></form>"
    with raw(lambda line: line.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + page)) as url:
        failed = failure(url)
    assert (failed.outcome, failed.detail) == ("redirect", "another host")


def test_without_its_session_the_form_answers_nothing(there: RegistrySimulator) -> None:
    there.faults(no_cookie=True)
    failed = failure(f"{there.url}/page/iplist")
    assert (failed.outcome, failed.detail) == ("http_error", "403")
