"""Pieces: what can still be sold."""

from collections.abc import Mapping, Sequence

from peyman.kernel.errors import Refused


class SoldOut(Refused):
    """Fewer pieces are left than were asked for. `left`: title → pieces left."""

    code, clause = "sold_out", "D28"
    says = (
        "از «{title}» {left} عدد مانده است و به شمار خواسته‌شده نمی‌رسد. "
        "پولی گرفته نشد؛ شمار را کم کنید یا کالای دیگری برگزینید."
    )


def fit(wanted: Sequence[tuple[int, Mapping[int, int]]], available: Mapping[int, int]) -> tuple[list[int], list[int]]:
    """Return the keys that get all they want, in order, and those that do not.

    `wanted`: (key, variant → pieces), first come first served; `available`: variant → pieces.
    One that does not fit leaves its pieces to those behind it.
    fit([(1, {7: 2}), (2, {7: 2}), (3, {7: 1})], {7: 3}) == ([1, 3], [2])
    """
    left = dict(available)
    served, refused = [], []
    for key, pieces in wanted:
        if all(left.get(variant, 0) >= n for variant, n in pieces.items()):
            for variant, n in pieces.items():
                left[variant] -= n
            served.append(key)
        else:
            refused.append(key)
    return served, refused
