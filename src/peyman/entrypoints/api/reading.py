"""Reading requests: JSON that every reader reads alike, and its hash."""

import hashlib
import json
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser

from peyman.entrypoints.api.problems import NotJson, Unreadable
from peyman.kernel import text

_DEEPEST = 12
_LONGEST_NUMBER = 40  # signs; the largest amount has 19


class StrictParser(Parser):
    """Takes JSON objects as RFC 8259 means them, and refuses what readers disagree on."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """Return the object. Raises NotJson, and Unreadable for NaN, doubled keys, deep nesting, control characters."""
        if request.content_type != "application/json":
            raise NotJson
        try:
            read = json.loads(
                request.body.decode(),
                parse_constant=_no_constant,
                parse_int=_whole,
                parse_float=_fraction,
                object_pairs_hook=_object,
            )
        except UnicodeDecodeError:
            raise Unreadable(why="نویسه‌ها UTF-8 نیستند") from None
        except RecursionError:
            raise Unreadable(why="تودرتویی آن بیش از اندازه است") from None
        except json.JSONDecodeError as error:
            raise Unreadable(why=f"خط {error.lineno}، ستون {error.colno}") from None
        if not isinstance(read, dict):
            raise Unreadable(why="باید یک شیء باشد")
        _check(read)
        return read


def request_hash(body: object) -> str:
    """Return the SHA-256 of what a request asks for: equal for bodies that differ in order or white space only."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def is_clean(value: str) -> bool:
    """Say whether a text can be stored and shown: no control characters, no half of a surrogate pair."""
    return not text.has_controls(value) and not any("\ud800" <= sign <= "\udfff" for sign in value)


def _no_constant(name: str) -> NoReturn:
    raise Unreadable(why=f"{name} عدد نیست")


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise Unreadable(why="عددی بیش از اندازه بلند است")
    return int(digits)


def _fraction(digits: str) -> float:
    number = float(digits) if len(digits) <= _LONGEST_NUMBER else float("inf")
    if number in (float("inf"), float("-inf")):
        raise Unreadable(why="عددی بیش از اندازه بزرگ است")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise Unreadable(why="کلیدی دو بار آمده است")
    return read


def _check(read: object) -> None:
    """Refuse what is nested too deep or cannot be stored. Not by recursion, since depth is what is asked."""
    waiting = [(read, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST:
            raise Unreadable(why="تودرتویی آن بیش از اندازه است")
        if isinstance(value, str) and not is_clean(value):
            raise Unreadable(why="نویسه‌ای دارد که نوشتنی نیست")
        if isinstance(value, dict):
            waiting += [(part, depth + 1) for pair in value.items() for part in pair]
        elif isinstance(value, list):
            waiting += [(part, depth + 1) for part in value]
