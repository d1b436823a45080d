"""Public codes: unguessable, typed by people, and wrong ones are noticed before anything is looked up.

"DBC-7K2M-9QXR-4WTB-6" is a prefix, groups of four, and a check character. The alphabet has 31 signs, none
of which is taken for another (no 0 O 1 I L); 31 is prime, and each place has its own weight, so the weighted sum
changes with any single wrong sign and with any two signs swapped.
"""

import re
import secrets
from operator import mul

from peyman.kernel.text import latin_digits

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_VALUE = {sign: value for value, sign in enumerate(ALPHABET)}
_PRIME = len(ALPHABET)
_PAIRS = [first + second for second in ALPHABET for first in ALPHABET]  # two signs at once: many codes are made
_GROUP = 4
_MOST_GROUPS = 7  # 28 signs and the check sign: more places than weights would let swaps through
_WEIGHTS = range(2, 2 + _MOST_GROUPS * _GROUP)
_SEPARATORS = re.compile(r"[\W_]+")


def new(prefix: str, groups: int = 3) -> str:
    """Return a new random code with `groups` groups of four (three hold 59 bits).

    Raises ValueError for less than one group or more than seven.
    """
    if not 1 <= groups <= _MOST_GROUPS:
        raise ValueError("a code has one to seven groups")
    number, body = secrets.randbelow(_PRIME ** (groups * _GROUP)), ""
    for _ in range(groups * _GROUP // 2):
        number, pair = divmod(number, len(_PAIRS))
        body += _PAIRS[pair]
    return _written(prefix, body + _check(body))


def is_valid(code: str, prefix: str) -> bool:
    """Say whether `code` is one that `new(prefix)` could have made, in exactly that form (see `clean`)."""
    start, dash, rest = code.partition("-")
    signs = rest.replace("-", "")
    if start != prefix or not dash or len(signs) % _GROUP != 1 or not 1 < len(signs) <= _MOST_GROUPS * _GROUP + 1:
        return False
    return all(s in _VALUE for s in signs) and _check(signs[:-1]) == signs[-1] and code == _written(prefix, signs)


def clean(typed: str) -> str:
    """Return a typed code in its written form: upper case, Latin digits, its own dashes.

    "dbc ۷k2m9qxr 4wtb–6" → "DBC-7K2M-9QXR-4WTB-6". What is no code comes back as something `is_valid` refuses.
    """
    signs = _SEPARATORS.sub("", latin_digits(typed)).upper()
    return _written(signs[:3], signs[3:])


def _written(prefix: str, signs: str) -> str:
    groups = [signs[at : at + _GROUP] for at in range(0, len(signs), _GROUP)]
    return "-".join([prefix, *groups])


def _check(body: str) -> str:
    # The check sign has weight 1, the places before it 2, 3, … from the right; the sum is 0 modulo 31.
    total = sum(map(mul, _WEIGHTS, map(_VALUE.__getitem__, reversed(body))))
    return ALPHABET[-total % _PRIME]
