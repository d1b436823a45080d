"""A mail server on loopback: a real SMTP conversation, mails kept to be read, and switches that make it fail.

Mails are listed by `GET /_sim/mails?to=` on a control port of its own, since SMTP has no place for it. A mail with a
Message-ID that was here before is kept again and counted in `repeats`: real servers deliver it twice.
"""

import asyncio
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from peyman.gateways.simulators.service import (
    LOOPBACK,
    Clock,
    Faults,
    Journal,
    Request,
    Response,
    Switched,
    as_json,
)

SWITCHES = frozenset(
    {
        "down",  # connections are closed at once
        "refuse",  # 451, try again
        "refuse_recipient",  # 550, no such mailbox
        "drop",  # takes the mail, answers nothing
    }
)
MAIL_LIMIT = 10 * 1024 * 1024  # bytes

log = structlog.get_logger(__name__)


class MailSimulator(Switched):
    """The mail server: SMTP on `smtp_port`, control by HTTP on `port`; 0 is any free port."""

    def __init__(
        self, smtp_port: int = 0, state: Path | str | None = None, clock: Clock | None = None, port: int = 0
    ) -> None:
        self.switches = Faults(SWITCHES)
        super().__init__(port, {"": self.switches})
        self.smtp_port = smtp_port
        self.clock = clock or Clock()
        self._lock = threading.RLock()
        self._journal = Journal(Path(state) / "mail.jsonl" if state else None)
        self._mails: list[dict[str, Any]] = self._journal.read()
        self._controller: _Controller | None = None

    @property
    def smtp_url(self) -> str:
        """The address for PEYMAN_SMTP_URL."""
        return f"smtp://{LOOPBACK}:{self.smtp_port}"

    def start(self) -> "MailSimulator":
        """Listen on both ports."""
        controller = _Controller(self)
        controller.start()
        self.smtp_port = controller.port
        self._controller = controller
        super().start()
        return self

    def stop(self) -> None:
        """Close both ports; what was kept stays."""
        super().stop()
        if self._controller is not None:
            self._controller.stop()
            self._controller = None
        self._journal.close()

    def mails(self, to: str = "") -> list[dict[str, Any]]:
        """What was taken, newest first; with `to` only what went to that address."""
        with self._lock:
            return [mail for mail in reversed(self._mails) if not to or to.lower() in mail["to"]]

    def reset(self) -> None:
        """Forget all mails and turn all switches off."""
        with self._lock:
            self._mails.clear()
            self._journal.clear()
            super().reset()

    def take(self, envelope: Envelope) -> None:
        """Keep one mail."""
        content = envelope.original_content or b""
        mail = message_from_bytes(content, policy=policy.default)
        message_id = str(mail.get("Message-ID", ""))
        with self._lock:
            row = {
                "id": len(self._mails) + 1,
                "to": [address.lower() for address in envelope.rcpt_tos],
                "from": envelope.mail_from,
                "subject": str(mail.get("Subject", "")),
                "text": _part(mail, "plain"),
                "html": _part(mail, "html"),
                "message_id": message_id,
                "repeats": sum(1 for other in self._mails if message_id and other["message_id"] == message_id),
                "at": self.clock.now().isoformat(),
                "headers": {name: str(value) for name, value in mail.items()},
            }
            self._mails.append(row)
            self._journal.write(row)

    def handle(self, request: Request) -> Response:
        """Answer the control paths; there are no others."""
        return self.controlled(request)

    def health(self) -> dict[str, Any]:
        """How many mails there are."""
        return {"mails": len(self._mails)}

    def control(self, request: Request, what: str) -> Response | None:
        """Answer `GET mails`."""
        return as_json(self.mails(request.query.get("to", ""))) if (request.method, what) == ("GET", "mails") else None


class _Smtp(SMTP):
    """One conversation. `down` closes it before the greeting."""

    def __init__(self, mail: MailSimulator) -> None:
        super().__init__(_Handler(mail), hostname="mail.simulator", data_size_limit=MAIL_LIMIT, enable_SMTPUTF8=True)
        self._mail = mail

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._mail.switches.strikes("down"):
            transport.close()


class _Controller(Controller):
    def __init__(self, mail: MailSimulator) -> None:
        self._mail = mail
        super().__init__(_Handler(mail), hostname=LOOPBACK, port=mail.smtp_port)

    def factory(self) -> SMTP:
        return _Smtp(self._mail)

    def _trigger_server(self) -> None:
        # Asked for port 0, it learns which one it got only now that the socket is bound.
        if isinstance(self.server, asyncio.Server):
            self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class _Handler:
    def __init__(self, mail: MailSimulator) -> None:
        self._mail = mail

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._mail.switches.strikes("refuse_recipient"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self._mail.switches.strikes("refuse"):
            return "451 4.3.0 try again later"
        self._mail.take(envelope)
        if self._mail.switches.strikes("drop") and server.transport is not None:
            server.transport.close()
        return "250 2.0.0 OK"


def _part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    return str(body.get_content()) if body is not None else ""
