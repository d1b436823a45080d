"""Where a message goes and what stands in the lines of its head: checked, so that nothing leaves its line."""

import re

from peyman.kernel.errors import Invalid
from peyman.people import rules as people

SMS, EMAIL = "sms", "email"


class BadMessage(ValueError):
    """This message can never be sent. `detail` says why in a word, for the channel log."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def address(channel: str, to: str) -> str:
    """Return `to` as it is stored and compared: E.164 for SMS ("+989121234567"), one plain address for e-mail.

    Numbers may be written as people do (0912…, +98…, digits of any script, spaces). Raises BadMessage for
    what is no address, above all for one that carries line breaks (header injection).
    """
    if CONTROL.search(to):
        raise BadMessage("bad_address")
    try:
        if channel == SMS:
            return people.mobile_number(to)
        stored = people.email_address(to) if channel == EMAIL else ""
    except Invalid:
        raise BadMessage("bad_address") from None
    if not stored:
        raise BadMessage("bad_address")
    return stored


def hidden(channel: str, to: str) -> str:
    """Return an address with its middle left out, for pages that more people read: "0912***4567", "s***@example.ir"."""
    if channel == SMS:
        whole = people.domestic(to)
        return f"{whole[:4]}***{whole[-4:]}" if len(whole) == 11 else "***"
    local, at, domain = to.rpartition("@")
    return f"{local[:1]}***@{domain}" if at else "***"


_LONGEST_TITLE = 200


def title(line: str) -> str:
    """Return the subject line of an e-mail. Raises BadMessage when it is empty, too long, or breaks the line."""
    if not line.strip() or len(line) > _LONGEST_TITLE or CONTROL.search(line):
        raise BadMessage("bad_title")
    return line


_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+/[A-Za-z0-9._~:/?=&%@+\-]*")


def opt_out_url(url: str) -> str:
    """Return the address of a List-Unsubscribe header. Raises BadMessage for whatever could leave the header."""
    if len(url) > 300 or not _PLAIN_URL.fullmatch(url):
        raise BadMessage("bad_opt_out")
    return url
