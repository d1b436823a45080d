"""Patterns of words, read from `signals.txt`, and where they match in a sentence."""

import re
from dataclasses import dataclass

from peyman.care.reviews.rules.lexicon import Lexicon

CLAUSE = "i|you|he|we|they|is|is_not|copula|conjunction"  # where a clause ends or begins
JOINED = "and|conjunction|goods_part"  # where another thing begins to be told
BUT = "but|goods_part"  # where the opposite begins to be told, or something of the goods themselves
_PIECE = re.compile(
    r"(?P<dots>\.\.?|[:~])(?P<gap>\d+)|(?P<edge>[\^$])"
    r"|(?P<back>-)?(?P<ahead>!!?|\+\+)?(?:<(?P<group>[^>]+)>|(?P<word>[^\s<>?!+-][^\s<>?!-]*?))(?P<within>\d+)?(?P<maybe>\?)?(?=\s|$)"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a pattern: "word", "ahead" (the next word is none), "back" (none within so many before), "begin", "end"."""

    kind: str
    bit: int = 0
    gap: int = 0
    maybe: bool = False
    clause: int = 0  # bits that no word of the gap has


@dataclass(frozen=True, slots=True)
class Pattern:
    """Steps, the bits without which it need not be tried, and those that a sentence must not have."""

    steps: tuple[Step, ...]
    needs: int
    without: int = 0
    backs: tuple[Step, ...] = ()  # what must not be before its first word
    lead: int = 0  # the bit of its first word, where it has to have one
    anchored: bool = False  # whether it holds at the beginning of a sentence only


def parse(text: str, lexicon: Lexicon) -> Pattern:
    """Read one pattern. Raises ValueError, or KeyError for a list that is not there."""
    steps, needs, without, gap, at, within = [], 0, 0, 0, 0, 0
    bounds = {"..": 0, ".": lexicon.group(CLAUSE), ":": lexicon.group(JOINED), "~": lexicon.group(BUT)}
    for piece in text.split():
        found = _PIECE.fullmatch(piece)
        if not found:
            raise ValueError(f"no such piece: {piece} in {text}")
        if found["gap"]:
            gap, within = int(found["gap"]), bounds[found["dots"]]
            continue
        if found["edge"]:
            steps.append(Step("begin" if found["edge"] == "^" else "end", gap=gap))
            if found["edge"] == "$":
                gap = 0
            continue
        bit = lexicon.group(found["group"]) if found["group"] else lexicon.literal(found["word"])
        if found["ahead"] == "++":
            needs |= bit
            continue
        if found["back"]:
            steps.append(Step("back", bit, int(found["within"] or 1)))
        elif found["ahead"] == "!!":
            without |= bit
        elif found["ahead"]:
            steps.append(Step("ahead", bit))
        else:
            maybe = bool(found["maybe"])
            steps.append(Step("word", bit, gap, maybe, within))
            gap = 0
            if not maybe:
                needs |= bit
        at += 1
    backs = tuple(step for step in steps if step.kind == "back")
    rest = tuple(step for step in steps if step.kind != "back")
    first = rest[0] if rest else Step("end")
    lead = first.bit if first.kind == "word" and not first.maybe else 0
    return Pattern(rest, needs, without, backs, lead, first.kind == "begin")


def match(
    pattern: Pattern, masks: list[int], first: int, last: int, stop: int, joined: int = 0
) -> tuple[int, int] | None:
    """Return the words [from, to) of the first match within the sentence [first, last), or None.

    Each step looks at a bounded number of words, so the time is linear in the sentence. In a word with the bit `joined` two
    steps after one another may be found: a compound is one word, and its parts mean what they mean.
    """
    steps, bit = pattern.steps, pattern.lead
    for start in range(first, first + 1 if pattern.anchored else last):
        if bit and not masks[start] & bit:
            continue
        found = _follow(steps, 0, masks, start, first, last, stop, -1, joined)
        if found is None:
            continue
        end, head = found
        if pattern.backs and not _clear(pattern.backs, masks, head, first):
            continue
        return head, end
    return None


def _clear(backs: tuple[Step, ...], masks: list[int], head: int, first: int) -> bool:
    for step in backs:
        for at in range(max(first, head - step.gap), head):
            if masks[at] & step.bit:
                return False
    return True


def _follow(
    steps: tuple[Step, ...],
    index: int,
    masks: list[int],
    at: int,
    first: int,
    last: int,
    stop: int,
    head: int,
    joined: int,
) -> tuple[int, int] | None:
    """Match steps[index:] from word `at` on; return (end, head)."""
    while index < len(steps):
        step = steps[index]
        kind = step.kind
        if kind == "word":
            gap = step.gap if index else 0
            bit = step.bit
            limit = min(last, at + gap + 1)
            again = head >= 0 and masks[at - 1] & joined and bit not in (steps[index - 1].bit, steps[index - 2].bit)
            for here in range(at - 1 if again else at, limit):
                if masks[here] & bit:
                    found = _follow(
                        steps, index + 1, masks, here + 1, first, last, stop, here if head < 0 else head, joined
                    )
                    if found is not None:
                        return found
                if here >= at and masks[here] & step.clause:
                    break
            if not step.maybe:
                return None
        elif kind == "ahead":
            ahead = masks[at] if at < last else 0
            if ahead & step.bit:
                return None
        elif kind == "end":
            if not any(here >= last or masks[here] & stop for here in range(at, at + step.gap + 1)):
                return None
        elif at != first:
            return None
        index += 1
    return at, head if head >= 0 else at
