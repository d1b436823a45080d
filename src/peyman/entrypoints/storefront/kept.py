"""Pages kept in this process: rendered once for everybody, and filled in for each who reads them.

A page is kept with all that it was made of, its state, and is given out only to who has just read that very state from
the database, and for as long as it stays true by the clock: nothing stale is ever seen, whichever process changed it.
What belongs to one reader (the tools of the header, the banner about changed terms, the token of forms) is left open in
what is kept. The memory is bounded by bytes; what nobody asked for the longest goes first.
"""

import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from peyman.entrypoints.storefront import tokens
from peyman.entrypoints.storefront.context import STRANGER, Frame, HeldFrame, login_url

_EACH = 600  # bytes of a key and of what surrounds a value, about

_OPEN = secrets.token_hex(12)  # nobody can write an opening into a title: it is another in each process
_OPENING = re.compile(f"{_OPEN}-([a-z]+)-")
_TEXT = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Kept:
    state: object
    value: Any
    weight: int
    since: datetime | None
    until: datetime | None

    def holds(self, state: object, now: datetime | None) -> bool:
        if now is not None and self.since is not None and self.until is not None:
            return self.since <= now < self.until and self.state == state
        return self.state == state


class Memory:
    """What was made, under keys; the least asked for goes first when it grows heavier than `most` bytes."""

    def __init__(self, most: int) -> None:
        self._most, self.weight = most, 0
        self._rows: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, state: object, now: datetime | None = None) -> Any:
        """Return what is kept under a key, if it was made of `state` and holds at `now`, else None."""
        with self._lock:
            row = self._rows.get(key)
            if row is None or not row.holds(state, now):
                return None
            self._rows.move_to_end(key)
            return row.value

    def put(
        self,
        key: Hashable,
        state: object,
        value: Any,
        size: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> None:
        """Keep `value`, `size` bytes of it, made of `state`, for instants since ≤ t < until."""
        row = _Kept(state, value, size + 4 * len(repr(state)) + _EACH, since, until)
        if row.weight > self._most // 8:
            return
        with self._lock:
            self._drop(key)
            self._rows[key] = row
            self.weight += row.weight
            while self.weight > self._most:
                self._drop(next(iter(self._rows)))

    def seen(self, key: Hashable) -> Any:
        """Return what is kept under a key, true or not."""
        row = self._rows.get(key)
        return None if row is None else row.value

    def clear(self) -> None:
        with self._lock:
            self._rows.clear()
            self.weight = 0

    def __len__(self) -> int:
        return len(self._rows)

    def _drop(self, key: Hashable) -> None:
        row = self._rows.pop(key, None)
        if row is not None:
            self.weight -= row.weight


memory = Memory(settings.KEPT_PAGES)


def _name(key: Hashable) -> Hashable:
    return (settings.DATABASES["default"]["NAME"], key)  # not by the connection: to find it takes longer than the rest


def part(key: Hashable, state: object, compose: Callable[[], str]) -> SafeString:
    """Return a rendered part: the one that is kept, if it was made of `state`."""
    html = held(key, state)
    if html is None:
        html = SafeString(compose())  # what our template printed
        hold(key, state, html)
    return html


def held(key: Hashable, state: object, now: datetime | None = None) -> SafeString | None:
    """Return the part that is kept under `key`, if it was made of `state` and holds at `now`."""
    found: SafeString | None = memory.get(_name(key), state, now)
    return found


def hold(
    key: Hashable, state: object, html: SafeString, *, now: datetime | None = None, until: datetime | None = None
) -> None:
    """Keep a part that was made of `state`; with `now` and `until` for that span only."""
    memory.put(_name(key), state, html, 2 * len(html), since=now, until=until)


# ---- Pages ----

_Piece = bytes | str  # bytes as they are, or the name of an opening


@dataclass(frozen=True, slots=True)
class Page:
    """A page with its openings."""

    pieces: tuple[_Piece, ...]
    status: int
    watches: str  # what its state tells the pieces of, as the catalogue takes it


def opening(name: str) -> SafeString:
    """Return the mark of an opening, for `fill` to be filled by its caller."""
    return SafeString(f"{_OPEN}-{name}-")


def watched(key: Hashable) -> str | None:
    """Return what the page that is kept under `key` watches, for its state to be read; None where none is kept."""
    found: Page | None = memory.seen(_name(key))
    return found.watches if found else None


def page(key: Hashable, state: object, now: datetime | None = None) -> Page | None:
    """Return the page that is kept under `key`, if it was made of `state` and holds at `now`."""
    found: Page | None = memory.get(_name(key), state, now)
    return found


def keep(
    key: Hashable,
    state: object,
    request: HttpRequest,
    template: str,
    context: Mapping[str, object],
    *,
    status: int = 200,
    watches: str = "",
    now: datetime | None = None,
    until: datetime | None = None,
) -> Page:
    """Render a page of `state` for everybody and keep it. `request` gives it its address and nothing else."""
    whole = {**context, "frame": HeldFrame(request.path, opening), "csrf_token": opening("token")}
    parts = _OPENING.split(render_to_string(template, whole))
    pieces = tuple(part if n % 2 else part.encode() for n, part in enumerate(parts))
    made = Page(pieces, status, watches)
    memory.put(_name(key), state, made, sum(map(len, pieces)), since=now, until=until)
    return made


def answer(request: HttpRequest, page: Page, **filled: Callable[[], str]) -> HttpResponse:
    """Return a page as this reader gets it; `filled` are the openings of the caller's own."""
    frame = Frame(request)
    known: dict[str, bytes] = {}

    def fill(name: str) -> bytes:
        if name not in known:
            known[name] = _fill(name, request, frame, filled).encode()
        return known[name]

    body = b"".join([piece if isinstance(piece, bytes) else fill(piece) for piece in page.pieces])
    response = HttpResponse(body, status=page.status, content_type=_TEXT, headers={"Vary": "Cookie"})
    if page.status == HTTPStatus.GONE:
        response["Cache-Control"] = "no-cache"  # a browser keeps a bare 410 for ever, and what is gone may come back
    return response


def _fill(name: str, request: HttpRequest, frame: Frame, filled: Mapping[str, Callable[[], str]]) -> str:
    if name == "token":
        return tokens.of(request)
    if name == "tools":
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:  # nobody we know, and nothing in a cart
            return _tools(*STRANGER).replace(_ACCOUNT, login_url(request.path))
        return _tools(frame.account_label, frame.cart_count).replace(_ACCOUNT, frame.account_url)
    if name == "banner":
        return _banner(request, frame)
    return filled[name]()


_ACCOUNT = f"{_OPEN}-account-"


@lru_cache(maxsize=256)
def _tools(label: str, count: int) -> str:
    return render_to_string(
        "storefront/parts/tools.html", {"account_url": _ACCOUNT, "account_label": label, "cart_count": count}
    )


def _banner(request: HttpRequest, frame: Frame) -> str:
    if frame.changed_terms is None:
        return ""
    return render_to_string("storefront/parts/terms_banner.html", {"frame": frame}, request)
