"""E-mail over SMTP, to the server that PEYMAN_SMTP_URL names.

`smtp://user:password@host:25` in clear, `smtp+tls://host:587` with STARTTLS or not at all, `smtps://host:465` inside
TLS. Spoken with the standard library: Django's backend would throw away the server's own number for the message and
ask the resolver for this machine's name.
"""

import contextlib
import ipaddress
import re
import smtplib
import ssl
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final
from urllib.parse import unquote, urlsplit

from django.conf import settings

from peyman.messages import rules
from peyman.messages.rules import Delivery, Refused, Sent, Unknown

NAME: Final = "smtp"
TIMEOUT: Final = 8.0  # seconds, of each step of the conversation
SENDER: Final = "پیمان"
_PORTS: Final = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
_KEY = re.compile(r"[A-Za-z0-9-]{1,64}")
_QUEUED = re.compile(rb"queued as ([A-Za-z0-9._-]{1,60})")


def send(*, to: str, title: str, text: str, html: str, key: str, at: datetime, opt_out_url: str = "") -> Delivery:
    """Send one e-mail to one address. `key` makes the Message-ID, so a repeat is known as one; `at` is its Date.

    `opt_out_url`: of a newsletter; one POST to it cancels (RFC 8058).

    Refused for good: an address or a title that is none, and what the server answers with 5xx to the receiver or
    the content. Everything else that goes wrong, log-in and sender included, is Unknown.
    """
    try:
        message = compose(to=to, title=title, text=text, html=html, key=key, at=at, opt_out_url=opt_out_url)
    except (rules.BadMessage, MessageError):
        return Refused(NAME, "bad_header")
    try:
        return _converse(str(message["To"]), message.as_bytes(), key)
    except smtplib.SMTPResponseException as error:
        return Unknown(NAME, f"smtp_{error.smtp_code}", away=True)
    except (smtplib.SMTPException, OSError) as error:
        return Unknown(NAME, type(error).__name__, away=True)  # its text may hold the address


def compose(
    *, to: str, title: str, text: str, html: str, key: str, at: datetime, opt_out_url: str = ""
) -> EmailMessage:
    """Return the message as it goes over the wire: text and html, both base64, the same bytes for the same arguments.

    Raises rules.BadMessage for header injection in `to` or `title`, ValueError for a key that is no word.
    """
    if not _KEY.fullmatch(key):
        raise ValueError("a key is one word")
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(display_name=SENDER, addr_spec=settings.MAIL_FROM)
    message["To"] = Address(addr_spec=rules.address(rules.EMAIL, to))
    message["Subject"] = rules.title(title)
    message["Date"] = at
    message["Message-ID"] = f"<{key}@{_own_domain()}>"
    message["Auto-Submitted"] = "auto-generated"  # so that no holiday notice answers
    message["Content-Language"] = "fa"
    if opt_out_url:
        message["List-Unsubscribe"] = f"<{rules.opt_out_url(opt_out_url)}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(text, charset="utf-8", cte="base64")
    if html:
        message.add_alternative(html, subtype="html", charset="utf-8", cte="base64")
        message.set_boundary(f"={key}=")  # a random one would make a repeat another message
    return message


def _converse(to: str, content: bytes, key: str) -> Delivery:
    smtp = _connected()
    try:
        code, _ = smtp.mail(settings.MAIL_FROM)
        if code != 250:
            return Unknown(NAME, f"mail_{code}", away=True)
        code, _ = smtp.rcpt(to)
        if code not in (250, 251):
            return _answered("rcpt", code)
        code, words = smtp.data(content)
        if code != 250:
            return _answered("data", code)
        queued = _QUEUED.search(words)
        return Sent(NAME, queued[1].decode() if queued else key)
    finally:
        # What was taken stays taken, however the farewell goes.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()
        smtp.close()


def _answered(step: str, code: int) -> Delivery:
    # 4xx is about this mailbox (greylisted, full): others may still get through.
    return Refused(NAME, f"{step}_{code}") if 500 <= code < 600 else Unknown(NAME, f"{step}_{code}")


def _connected() -> smtplib.SMTP:
    server = urlsplit(settings.SMTP_URL)
    if server.scheme not in _PORTS or not server.hostname:
        raise ValueError("PEYMAN_SMTP_URL names no server")
    where, hello = (server.hostname, server.port or _PORTS[server.scheme]), _hello()
    if server.scheme == "smtps":
        context = ssl.create_default_context()
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(*where, local_hostname=hello, timeout=TIMEOUT, context=context)
    else:
        smtp = smtplib.SMTP(*where, local_hostname=hello, timeout=TIMEOUT)
    try:
        if server.scheme == "smtp+tls":
            code, _ = smtp.starttls(context=ssl.create_default_context())
            if code != 220:
                raise smtplib.SMTPNotSupportedError("STARTTLS refused")
        smtp.ehlo_or_helo_if_needed()
        if server.username:
            smtp.login(unquote(server.username), unquote(server.password or ""))
    except (smtplib.SMTPException, OSError):
        smtp.close()
        raise
    return smtp


def _own_domain() -> str:
    return str(settings.MAIL_FROM).rpartition("@")[2]


def _hello() -> str:
    domain = _own_domain()
    try:
        return f"[{ipaddress.ip_address(domain)}]"
    except ValueError:
        return domain
