"""The bank on loopback, with a ledger of its own and switches that make it fail: Zarinpal's protocol and Saman's."""

import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog

from peyman.gateways.simulators import pages, saman, zarinpal
from peyman.gateways.simulators.service import (
    LOOPBACK,
    Clock,
    Request,
    Response,
    Switched,
    as_json,
    as_page,
)
from peyman.gateways.simulators.till import Payment, Till

log = structlog.get_logger(__name__)


class BankSimulator(Switched):
    """The bank: `with BankSimulator() as bank: Zarinpal(merchant, bank.url)`.

    `state` is a folder whose bank.jsonl keeps the ledger over restarts; None keeps it in memory.
    """

    def __init__(self, port: int = 0, state: Path | str | None = None, clock: Clock | None = None) -> None:
        self.till = Till(state, clock)
        self.clock, self.switches = self.till.clock, self.till.switches
        super().__init__(port, {"": self.switches})
        self._counters = (zarinpal.ZarinpalCounter(self.till), saman.SamanCounter(self.till))

    def stop(self) -> None:
        """Close the port; what was kept stays."""
        super().stop()
        self.till.close()

    # ---- for scripts and tests ----

    def ledger(self) -> list[dict[str, Any]]:
        """Every token, oldest first."""
        return self.till.shown()

    def pay(self, authority: str, status: str = "OK") -> dict[str, Any]:
        """Do what the buyer does at the bank: pay ("OK") or give up ("NOK"). KeyError for no such token.

        Answers `{authority, state, callback_url, callback_form, callbacks}`: where the buyer's browser goes, with which
        form (None: by GET) and how many times (0 and None when `no_callback` strikes, 2 when `double_callback` does).
        """
        payment, callbacks = self.till.pay(authority, status)
        url, form = _back(payment) if callbacks else (None, None)
        return {
            "authority": authority,
            "state": payment.state,
            "callback_url": url,
            "callback_form": form,
            "callbacks": callbacks,
        }

    def advance(self, seconds: float) -> None:
        """Move the bank's clock forward; what is due by then happens."""
        self.clock.advance(seconds)
        with self.till.lock:
            self.till.settle()

    def reset(self) -> None:
        """Forget all payments and turn all switches off."""
        self.till.clear()

    # ---- HTTP ----

    def is_down(self) -> bool:
        """Whether the switch `down` strikes."""
        return self.switches.strikes("down") is not None

    def handle(self, request: Request) -> Response:
        """Answer the protocols, the buyer's pages and the control paths."""
        if request.path.startswith("/_sim/"):
            return self.controlled(request)
        if request.path.startswith(zarinpal.PAY_PATH):
            authority, _, act = request.path.removeprefix(zarinpal.PAY_PATH).partition("/")
            return self._start_pay(request.method, authority, act)
        if request.path.startswith(saman.PAY_PATH):
            act = request.path.removeprefix(saman.PAY_PATH).removeprefix("/")
            return self._start_pay(request.method, request.query.get("token", ""), act)
        for counter in self._counters:
            if answer := counter.call(request):
                return answer
        return as_json({"data": [], "errors": {"code": 404, "message": "Not Found"}}, 404)

    def health(self) -> dict[str, Any]:
        """Return how many payments there are."""
        return {"payments": len(self.till.payments)}

    def control(self, request: Request, what: str) -> Response | None:
        """Show the ledger, pay, take back what was paid, or move the clock."""
        document = request.json() if request.body else {}
        match request.method, what.split("/"):
            case "GET", ["ledger"]:
                return as_json(self.ledger())
            case "POST", ["pay", authority] if isinstance(document, dict):
                if authority not in self.till.payments:
                    return as_json({"error": "no such token"}, 404)
                return as_json(self.pay(authority, document.get("status", "OK")))
            case "POST", ["take_back", authority]:
                try:
                    return as_json(self.till.take_back(authority).shown())
                except (KeyError, ValueError):
                    return as_json({"error": "no such token, or nothing to take back"}, 404)
            case "POST", ["clock"] if isinstance(document, dict):
                try:
                    self.advance(float(document.get("advance_s", 0)))
                except (TypeError, ValueError) as wrong:
                    return as_json({"error": str(wrong)}, 422)
                return as_json({"now": self.clock.now().isoformat()})
        return None

    def _start_pay(self, method: str, authority: str, act: str) -> Response:
        with self.till.lock:
            payment = self.till.payments.get(authority)
            if payment is None:
                return as_page(pages.unknown(), 404)
            self.till.settle(payment)
        if method == "GET" and not act:
            if payment.state != "IN_BANK":
                return as_page(pages.over(*_back(payment)))
            shop = urlsplit(payment.callback_url).netloc
            pay, cancel = (_PATHS[payment.gateway](authority, do) for do in ("pay", "cancel"))
            return as_page(pages.start(pay, cancel, payment.amount, shop, payment.description))
        if method != "POST" or act not in ("pay", "cancel"):
            return as_page(pages.unknown(), 404)
        done = self.pay(authority, "OK" if act == "pay" else "NOK")
        url, form = done["callback_url"], done["callback_form"]
        if url is None:
            return as_page(pages.left())
        if done["callbacks"] > 1:
            threading.Thread(target=_visit, args=(url, form), daemon=True).start()
        if form is not None:
            return as_page(pages.back(url, form))
        return Response(302, b"", "text/plain", (("Location", url),))


_PATHS = {
    "zarinpal": lambda token, act: f"{zarinpal.PAY_PATH}{token}/{act}",
    "saman": lambda token, act: f"{saman.PAY_PATH}/{act}?token={token}",
}


def _back(payment: Payment) -> tuple[str, dict[str, str] | None]:
    """Where the buyer's browser goes, and what it brings by POST (None: it goes by GET)."""
    if payment.gateway == "saman":
        return payment.callback_url, saman.form(payment)
    return zarinpal.back(payment), None


def _visit(url: str, form: dict[str, str] | None) -> None:
    """Come back a second time, as a browser that sends its request twice. Loopback only."""
    if urlsplit(url).hostname not in (LOOPBACK, "localhost"):
        return
    try:
        if form is None:
            httpx.get(url, timeout=30, trust_env=False, follow_redirects=False)
        else:
            httpx.post(url, data=form, timeout=30, trust_env=False, follow_redirects=False)
    except httpx.HTTPError as error:
        log.info("simulator.second_callback_failed", why=type(error).__name__)
