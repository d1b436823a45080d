"""What a line of a download log is and what can become of it, in numbers that outputs and SQL share."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from peyman.market.tariff.rules import history

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
ALWAYS: Final = 2**62  # microseconds: beyond every time that a log can have

Address = IPv4Address | IPv6Address


def micros(at: datetime) -> int:
    """Return an instant as microseconds since 1970."""
    return (at - EPOCH) // MICROSECOND


def instant(at: int) -> datetime:
    """Return what `micros` was given."""
    return EPOCH + timedelta(microseconds=at)


class Result(StrEnum):
    """What became of a line."""

    FINE = "fine"  # told half, billed half
    OVERCHARGED = "overcharged"  # told half, billed full
    NOT_PROMISED = "not_promised"  # nothing was told
    UNKNOWN = "unknown"
    NOT_COUNTED = "not_counted"  # no download that anybody was charged for


class Shown(IntEnum):
    """Whether the user had been told "half price"."""

    NO = 0
    YES = 1
    UNKNOWN = 2


class Code(IntEnum):
    """Result and reason in one number, as the SQL says it. Numbers and names are kept by others: add, never change."""

    FINE = 1
    OVERCHARGED = 2
    NOT_PROMISED = 3
    # unknown
    NO_EDGE_ADDRESS = 101  # the log does not say which address the client connected to
    EDGE_UNPROVEN = 102  # it names a server, and none of the declared edges has that address
    TRANSLATED = 103
    NO_HISTORY = 104
    BEFORE_HISTORY = 105
    AFTER_HISTORY = 106
    GAP_TOO_WIDE = 107
    CHANGED_IN_GAP = 108
    LIST_DISAGREES = 109
    REPLACED = 110
    IN_GRACE = 111
    CROSSES_CHANGE = 112  # the price changed during it, or nearer to it than its clock is right
    SHOWN_UNKNOWN = 113
    # not counted
    METHOD = 201
    NOT_MODIFIED = 202
    REDIRECT = 203
    CLIENT_ERROR = 204
    SERVER_ERROR = 205
    OTHER_STATUS = 206
    NO_BYTES = 207
    FILL = 208  # between parts of a CDN
    STAFF = 209  # our own people and probes
    NOT_A_DOWNLOAD = 210
    DUPLICATE = 211

    @property
    def result(self) -> Result:
        """The result that it is a reason of."""
        if self >= Code.METHOD:
            return Result.NOT_COUNTED
        if self >= Code.NO_EDGE_ADDRESS:
            return Result.UNKNOWN
        return Result[self.name]

    @property
    def reason(self) -> str:
        """The reason as outputs name it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Terms:
    """What an audit goes by, published with it."""

    gap: timedelta = history.GAP
    tolerance: timedelta = timedelta()  # how wrong the clocks of the log may be
    grace: int = 0  # days after a due date that operators may take


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log as far as it is judged. `edge` None: `no_edge` says why."""

    start: int  # microseconds
    end: int
    edge: Address | None
    method: str
    status: int
    sent: int  # bytes of the body, those delivered
    path: str = "/"
    host: str = ""
    client: Address | None = None
    token: str = ""
    node: str = ""
    no_edge: Code = Code.NO_EDGE_ADDRESS
