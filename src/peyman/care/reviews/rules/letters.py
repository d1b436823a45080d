"""Letters: one spelling for what is typed in many, and the tokens of a text as stretches of the text itself.

Nothing here moves a character: a token is a stretch of what was typed, and its `key` is what it is compared by. So a
span always points into the original, whatever was folded on the way.
"""

import re
import unicodedata

# Never seen and never meant; inside a word they are part of it. The half-space is among them: whether it is typed says
# nothing of the meaning.
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
)
MARKS = "\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u08d3-\u08ff\u0640"
LETTERS = (
    "A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u0373\u0376\u0377\u037a-\u037d\u0386"
    "\u0388-\u0481\u048a-\u0588\u05d0-\u05ea\u0620-\u063f\u0641-\u064a\u066e\u066f\u0671-\u06d3\u06d5\u06ee\u06ef"
    "\u06fa-\u06fc\u06ff\u0750-\u077f\u08a0-\u08c9\u0900-\u1fff\u2c00-\u2dff\u3041-\ud7ff\uf900-\ufdff\ufe70-\ufefc"
    "\uff21-\uff3a\uff41-\uff5a\uff66-\uffdc\u2100-\u218f\U0001d400-\U0001d7cb\U0001f130-\U0001f149\U00010000-\U0001cfff"
)
DIGITS = "0-9\u0660-\u0669\u06f0-\u06f9\uff10-\uff19\U0001d7ce-\U0001d7ff"
STOPS = ".!?\u061f;\u061b\n\r\u2026\u203d\u06d4\uff1f\uff01\u2028\u2029\u0085"

_IN_NUMBER = f"[.,\u066b\u066c\u060c/:\u00b7\u2019'{INVISIBLE}]"
TOKEN = re.compile(f"[{LETTERS}][{LETTERS}{MARKS}{INVISIBLE}]*|[{DIGITS}](?:{_IN_NUMBER}?[{DIGITS}])*|[{STOPS}]")

_FOLDED = {
    **dict.fromkeys("يىئےۍېۑٸ", "ی"),
    **dict.fromkeys("كڪګڬڭڮ", "ک"),
    **dict.fromkeys("ةۀەۂۃہھ", "ه"),
    **dict.fromkeys("آأإٱٲٳٵ", "ا"),
    **dict.fromkeys("ؤۇۆۈۋۊۉٶٷ", "و"),
    "ء": "",
    "ٴ": "",
    "ڵ": "ل",
    "ڕ": "ر",
    "ڤ": "و",
}
_FOLD = str.maketrans(_FOLDED)
_UNSEEN = re.compile(f"[{INVISIBLE}{MARKS}]")
_RUN = re.compile(r"(.)\1{2,}", re.DOTALL)
_DOUBLE = re.compile(r"(.)\1", re.DOTALL)
# Letters of other alphabets that look like Latin ones, so that «ехаmрlе.соm» is read as it is seen.
LOOKALIKES = str.maketrans(
    dict(
        zip(
            "аеорсухіјѕԁһԛԝкмтнвɡαοερτυνικχβγ",
            "aeopcyxijsdhqwkmthbgaoeptuvikxbg",
            strict=True,
        )
    )
)


def folded(raw: str) -> str:
    """Return the letters of `raw` in their one spelling: no marks, no half-space, no case, Persian ی and ک."""
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", raw)).translate(_FOLD).casefold()


def unstretched(key: str) -> str:
    """Return `key` with letters that stand three times or more once: "خیلیییی" → "خیلی"."""
    return _RUN.sub(r"\1", key)


def undoubled(key: str) -> str:
    """Return `key` with doubled letters once: "عاالی" → "عالی"."""
    return _DOUBLE.sub(r"\1", key)


def digits(raw: str) -> str:
    """Return the digits of `raw`, of whatever script, as 0-9, and nothing else."""
    return "".join(str(unicodedata.decimal(one)) for one in raw if unicodedata.decimal(one, None) is not None)


def is_persian(letter: str) -> bool:
    """Say whether `letter` is of the Arabic script."""
    return "\u0600" <= letter <= "\u08ff" or "\ufb50" <= letter <= "\ufdff" or "\ufe70" <= letter <= "\ufefc"
