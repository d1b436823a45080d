"""SMS by whichever provider takes it: one after the other, and never two for one message where it can be known.

A provider that says no before it took anything leaves the message free for the next one at once. One that answers
nothing readable may have taken it: it is asked again, by its own key or by its list of messages, and the others wait. A
log-in code does not wait: it is of use for minutes, and the same code twice harms nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from django.conf import settings

from peyman.gateways import kavenegar, smsir
from peyman.kernel.clauses import carries_out
from peyman.messages.rules import Delivery, Refused, Sent, Unknown

LEFT_AFTER: Final = timedelta(
    minutes=15
)  # an hour is promised for a cart code; a provider that is silent loses its turn


class Provider(Protocol):
    """What a provider's module does."""

    def send(self, *, to: str, text: str, key: str, quick: bool = False) -> Delivery:
        """Send a message."""

    def settle(self, *, to: str, text: str, key: str, waited: timedelta, quick: bool = False) -> Delivery:
        """Find out about a message that may be there: Sent, or free for others (Refused, `untaken`), or Unknown."""

    def is_there(self) -> bool:
        """Say whether the provider answers at all."""


_KNOWN: Final[dict[str, Provider]] = {kavenegar.NAME: kavenegar, smsir.NAME: smsir}


@dataclass(frozen=True)
class Result:
    """How one attempt went: what each provider answered, in order, and which of them may have the message."""

    tries: tuple[Delivery, ...]
    held_by: tuple[str, ...] = ()

    @property
    def delivery(self) -> Delivery:
        """What is to be done with the message: refused for good only when all were asked and all refused."""
        last = self.tries[-1]
        if isinstance(last, Refused):
            unknown = [each for each in self.tries if isinstance(each, Unknown)]
            return unknown[-1] if unknown else last
        return last


def providers() -> list[str]:
    """Return the providers that the settings name, first choice first."""
    return list(settings.SMS_PROVIDERS)


def sender_of(provider: str) -> str:
    """Return the line that a provider sends from."""
    return str(settings.SMSIR_LINE if provider == smsir.NAME else settings.KAVENEGAR_SENDER)


def is_there(provider: str) -> bool:
    """Say whether a provider answers at all, without sending anything."""
    return _KNOWN[provider].is_there()


@carries_out("D10")
def send(
    *,
    to: str,
    text: str,
    key: str,
    order: Sequence[str],
    perhaps: Sequence[str] = (),
    waited: timedelta = timedelta(0),
    urgent: bool = False,
) -> Result:
    """Send one message by the first provider of `order` that takes it.

    `perhaps`: who may have it since `waited`; they are asked first. `urgent`: whoever is silent loses its turn at once.
    """
    tries: list[Delivery] = []
    held = [name for name in perhaps if name in _KNOWN]
    asked = set[str]()
    for name in list(held):
        got = _KNOWN[name].settle(to=to, text=text, key=key, waited=waited, quick=urgent)
        tries.append(got)
        if isinstance(got, Sent):
            return Result(tuple(tries))
        if isinstance(got, Refused) or got.untaken:
            held.remove(name)
            if got.detail != "not_there":
                asked.add(name)
        elif urgent or waited >= LEFT_AFTER:
            asked.add(name)
        else:
            return Result(tuple(tries), tuple(held))
    for name in order:
        if name in asked:
            continue
        got = _KNOWN[name].send(to=to, text=text, key=key, quick=urgent)
        tries.append(got)
        if isinstance(got, Sent):
            return Result(tuple(tries))
        if isinstance(got, Unknown) and not got.untaken:
            held.append(name)
            if not urgent:
                break
    return Result(tuple(tries) or (Unknown("", "no_provider", away=True, untaken=True),), tuple(held))
