"""What the message says, by version. A ticket names the version that was shown, so a published one is kept for ever.

To change a word: add a version at the end. What stands here is never edited; a test holds the hash of each.
"""

import hashlib
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Wording:
    """The two texts of one version. `half` is said with evidence only, with `{operator}` and `{until}` filled in."""

    number: int
    since: str  # the day in Tehran from which it was shown, ISO
    half: str
    scope: str  # beneath `half`: for whom and until when
    neutral: str
    why: str  # beneath `neutral`

    @property
    def sha256(self) -> str:
        """The hash of all that it says."""
        texts = (str(self.number), self.since, self.half, self.scope, self.neutral, self.why)
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()


PUBLISHED: Final = (
    Wording(
        number=1,
        since="2026-11-22",
        half="این دانلود برای شما نیم‌بها حساب می‌شود.",
        scope="اینترنت شما: {operator}. این جمله تا {until} معتبر است.",
        neutral="تعرفه این دانلود را اپراتور شما حساب می‌کند و شاید تمام‌بها باشد.",
        why="در این لحظه مدرک معتبر نداریم؛ پس چیزی درباره نیم‌بها بودن نمی‌گوییم.",
    ),
)
CURRENT: Final = PUBLISHED[-1]


def wording(number: int) -> Wording | None:
    """Return a published version by its number."""
    return next((one for one in PUBLISHED if one.number == number), None)
