"""How a word sounds, and which keys wrote it: Persian typed in Latin letters, Latin names typed in Persian letters, and
a keyboard that was left in the other language.

Two spellings of one sound meet in a key without vowels, since nobody agrees on those: «گوشی» and "gooshi" are `gS`.
Several words share a key; `distance` tells which of them was meant.
"""

import re
from functools import lru_cache
from typing import Final

_CONSONANTS: Final = str.maketrans(
    dict.fromkeys("اآأإعءئؤویى", "")
    | dict.fromkeys("تط", "t")
    | dict.fromkeys("ثسص", "s")
    | dict.fromkeys("ذزضظ", "z")
    | dict.fromkeys("حه", "h")
    | dict.fromkeys("قغ", "G")
    | dict(zip("بپجچخدرژشفکگلمن", "bpjCXdrZSfkglmn", strict=True))
)
_SPOKEN: Final = str.maketrans(
    dict(zip("اآعوؤییىئء", "aaaooiiii", strict=False))
    | dict.fromkeys("تط", "t")
    | dict.fromkeys("ثسص", "s")
    | dict.fromkeys("ذزضظ", "z")
    | dict.fromkeys("حه", "h")
    | dict.fromkeys("قغ", "G")
    | dict(zip("بپجچخدرژشفکگلمن", "bpjCXdrZSfkglmn", strict=True))
)
_ONE_OF_A_SOUND: Final = str.maketrans(
    dict.fromkeys("ط", "ت") | dict.fromkeys("ثص", "س") | dict.fromkeys("ذضظ", "ز") | {"ح": "ه", "غ": "ق", "ع": "ا"}
)
_DIGRAPHS: Final = (
    ("tch", "C"), ("sh", "S"), ("ch", "C"), ("kh", "X"), ("gh", "G"), ("zh", "Z"), ("ph", "f"), ("th", "t"),
    ("ck", "k"), ("q", "G"),
)  # fmt: skip
_SOFT_C: Final = re.compile("c(?=[eiy])")
_SOFT_G: Final = re.compile("(?<!n)g(?=[eiy])")
_HARD_Q: Final = re.compile("q")  # «ق» in our words, «ک» in others'
_SOFT_S: Final = re.compile("(?<=[aeiou])s(?=[aeiou])")
_SILENT_H: Final = re.compile("(?<=[aeiou])h(?![aeiou])")
_VOWELS: Final = re.compile("[aeiouyvw]+")
_TWICE: Final = re.compile(r"(.)\1+")
_LATIN: Final = re.compile("[a-z]+")
_PERSIAN: Final = re.compile("[\u0621-\u06cc]+")

# The standard Persian keyboard, key by key; punctuation writes letters there.
_KEYS: Final = dict(zip("qwertyuiop[]asdfghjkl;'zxcvbnm,", "ضصثقفغعهخحجچشسیبلاتنمکگظطزرذدپو", strict=True))
_TO_PERSIAN: Final = str.maketrans(_KEYS | dict.fromkeys("\\`", "پ"))  # where other systems have this letter
_TO_LATIN: Final = str.maketrans({persian: latin for latin, persian in _KEYS.items()} | {"ئ": "m"})


def is_latin(word: str) -> bool:
    """Say whether a word as search compares it is written in Latin letters alone."""
    return _LATIN.fullmatch(word) is not None


def is_persian(word: str) -> bool:
    """Say whether a word as search compares it is written in Persian letters alone."""
    return _PERSIAN.fullmatch(word) is not None


def keys(word: str) -> tuple[str, ...]:
    """Return the keys under which a word is found by its sound; none for one with digits or of two letters or less."""
    if len(word) < 3:
        return ()
    if is_persian(word):
        bare = word[:-1] if word.endswith("ه") else word
        plain = _TWICE.sub(r"\1", bare.translate(_CONSONANTS))
        return (plain,) if plain else ()
    if not is_latin(word):
        return ()
    spellings = [word, _SILENT_H.sub("", word)]
    for pattern, letter in ((_SOFT_G, "j"), (_SOFT_C, "s"), (_SOFT_S, "z"), (_HARD_Q, "k")):
        spellings += [pattern.sub(letter, each) for each in spellings]
    found = (_TWICE.sub(r"\1", _VOWELS.sub("", _one_letter_a_sound(each))) for each in dict.fromkeys(spellings))
    return tuple(dict.fromkeys(key for key in found if key))


def spoken(word: str) -> str:
    """Return a word as it sounds, vowels and all, in the letters of the keys: «گوشی» → "goSi", "gooshi" → "goSi"."""
    if is_persian(word):
        said = (word[:-1] + "e" if word.endswith("ه") else word).translate(_SPOKEN)
        return _TWICE.sub(r"\1", said)
    said = _one_letter_a_sound(_SOFT_C.sub("s", word))
    said = said.replace("ee", "i").replace("oo", "o").replace("ou", "o").replace("u", "o").replace("y", "i")
    return _TWICE.sub(r"\1", said.replace("w", "o").replace("v", "o"))


def _one_letter_a_sound(word: str) -> str:
    """One letter a sound; x is two, and z where a word begins with it."""
    for written, letter in _DIGRAPHS:
        word = word.replace(written, letter)
    return ("z" + word[1:] if word.startswith("x") else word).replace("x", "ks").replace("c", "k")


@lru_cache(maxsize=16384)
def written_alike(word: str) -> str:
    """Return a Persian word with one letter for all that sound the same: «طردمیل» and «تردمیل» are one."""
    return _TWICE.sub(r"\1", word.replace("خوا", "خا").translate(_ONE_OF_A_SOUND))


def other_keyboard(typed: str) -> str:
    """Return what the same keys write on the other keyboard: "l,fhdg" → «موبایل», «سشئسعدل» → "samsung"."""
    typed = typed.casefold()
    return typed.translate(_TO_PERSIAN if any("a" <= c <= "z" for c in typed) else _TO_LATIN)


def distance(one: str, other: str, most: int) -> int:
    """Return how many slips of the finger part two words, `most` + 1 for more than `most`.

    A letter too many, too few, another, or two that changed places is one slip.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        line = [row]
        for column, against in enumerate(other, start=1):
            cost = min(last[column] + 1, line[-1] + 1, last[column - 1] + (letter != against))
            swapped = row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == against
            line.append(min(cost, before[column - 2] + 1) if swapped else cost)
        if min(line) > most:
            return most + 1
        before, last = last, line
    return min(last[-1], most + 1)
