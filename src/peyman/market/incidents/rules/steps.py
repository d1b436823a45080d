"""The road of an incident: one table of (from, event) → step, and what each step asks for.

Pages draw it, tests walk it. What is refused changes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Refused
from peyman.kernel.text import persian_digits

DETECTED, CONFIRMED, PUBLISHED = "detected", "confirmed", "published"
CLOSED, DISMISSED = "closed", "dismissed"

TITLES: Final = {
    DETECTED: "پیداشده",
    CONFIRMED: "تأییدشده",
    PUBLISHED: "منتشرشده",
    CLOSED: "بسته‌شده",
    DISMISSED: "ردشده",
}
EVENTS: Final = {
    "detect": "پیدا شد",
    "attach": "اجرای ممیزی به آن پیوست",
    "confirm": "تأیید شد",
    "publish": "اطلاعیه منتشر شد",
    "correct": "نسخه تازه اطلاعیه منتشر شد",
    "close": "بسته شد",
    "dismiss": "کنار گذاشته شد",
}
LONGEST_REASON: Final = 500
HOLD: Final = timedelta(days=7)  # that all addresses have to stay at half price before an incident is closed (B17)
_NAMED: Final = 5


class NotNow(Refused):
    """The incident is in no state for this, or somebody else was faster."""

    code, clause = "incident_state", "B10"
    says = "رویداد در وضعیت «{state}» است و این کار از اینجا شدنی نیست. چیزی تغییر نکرد؛ صفحه را از نو ببینید."


class NoReason(Refused):
    """Each step says why."""

    code, clause, status = "incident_reason", "B10", 422
    says = "این گام ثبت نشد، چون سبب آن نوشته نشده است. سبب را در یک تا سه جمله بنویسید؛ تا ۵۰۰ نویسه."


class NoRun(Refused):
    """There is no run of the audit behind it."""

    code, clause = "incident_without_run", "B10"
    says = "رویداد تأیید نشد، چون هیچ اجرای ممیزی به آن نپیوسته است. نخست اجرایی را پیوست کنید."


class NotRecounted(Refused):
    """Nobody counted again, by the rule in Python, what the run says."""

    code, clause = "run_not_recounted", "B10"
    says = "این گام برداشته نشد، چون اجرای {run} بازشماری نشده است. نخست آن را بازشماری کنید."


class RunDiffers(Refused):
    """The recount came to something else."""

    code, clause = "run_differs", "B10"
    says = "این گام برداشته نشد، چون بازشماری اجرای {run} با آن یکی نیست: {difference}. ممیزی باید از نو انجام شود."


class SamePerson(Refused):
    """Whoever answered for the figures does not publish them alone."""

    code, clause = "incident_same_person", "B11"
    says = "این گام برداشته نشد: کسی که رقم‌ها را تأیید یا پیوست کرده است این گام را برنمی‌دارد؛ با همکار دیگری است."


class NotMended(Refused):
    """Some of its addresses are at full price still, or were until lately."""

    code, clause = "incident_not_mended", "B17"
    says = "رویداد بسته نشد، چون علت آن هنوز برطرف نیست یا به‌تازگی برطرف شده است: {ranges}. چیزی تغییر نکرد."


@dataclass(frozen=True, slots=True)
class Known:
    """What a step is judged by."""

    by: str = ""  # code of the person, "" for a sweep
    reason: str = ""
    run: str = ""  # code
    run_state: str = ""  # taken, recounted, differs
    differences: tuple[str, ...] = ()
    checked_by: str = ""  # who confirmed the figures, or attached the run that they come from, last
    not_mended: tuple[str, ...] = ()


Guard = Callable[[Known], None]


def _reasoned(known: Known) -> None:
    if not 0 < len(known.reason) <= LONGEST_REASON:
        raise NoReason


def _with_run(known: Known) -> None:
    _reasoned(known)
    if not known.run:
        raise NoRun


@carries_out("B10")
def _recounted(known: Known) -> None:
    """A difference of one byte stops it."""
    _with_run(known)
    if known.run_state == "differs":
        shown = "؛ ".join(known.differences[:_NAMED]) or "ناهم‌خوان است"
        raise RunDiffers(run=known.run, difference=shown)
    if known.run_state != "recounted":
        raise NotRecounted(run=known.run)


@carries_out("B10", "B11")
def _by_another(known: Known) -> None:
    """Two persons: one answers for the figures, another says them to the public."""
    _recounted(known)
    if not known.by or known.by == known.checked_by:
        raise SamePerson


def _dismissed_by_another(known: Known) -> None:
    _reasoned(known)
    if not known.by or known.by == known.checked_by:
        raise SamePerson


@carries_out("B17")
def _mended(known: Known) -> None:
    _reasoned(known)
    if known.not_mended:
        shown = "؛ ".join(known.not_mended[:_NAMED])
        more = len(known.not_mended) - _NAMED
        raise NotMended(ranges=shown + (f" و {persian_digits(more)} بازه دیگر" if more > 0 else ""))


@dataclass(frozen=True)
class Step:
    """Where an event leads, what it asks for, and the clause that says so."""

    to: str
    guard: Guard
    clause: str


STEPS: Final[dict[tuple[str, str], Step]] = {
    ("", "detect"): Step(DETECTED, _reasoned, "B10"),
    (DETECTED, "attach"): Step(DETECTED, _with_run, "B10"),
    (DETECTED, "confirm"): Step(CONFIRMED, _recounted, "B10"),
    (DETECTED, "dismiss"): Step(DISMISSED, _reasoned, "B10"),
    # Other figures than those confirmed have to be confirmed again.
    (CONFIRMED, "attach"): Step(DETECTED, _with_run, "B10"),
    (CONFIRMED, "publish"): Step(PUBLISHED, _by_another, "B11"),
    (CONFIRMED, "dismiss"): Step(DISMISSED, _dismissed_by_another, "B10"),
    # What is public stays public: a later run leads to a corrected notice.
    (PUBLISHED, "attach"): Step(PUBLISHED, _recounted, "B10"),
    (PUBLISHED, "correct"): Step(PUBLISHED, _by_another, "B11"),
    (PUBLISHED, "close"): Step(CLOSED, _mended, "B17"),
}


@carries_out("B10")
def step(state: str, event: str, known: Known) -> Step:
    """Return where `event` leads from `state`.

    Raises NotNow where it leads nowhere, and what its guard refuses with: NoReason, NoRun, NotRecounted, RunDiffers,
    SamePerson, NotMended.
    """
    found = STEPS.get((state, event))
    if found is None:
        raise NotNow(state=TITLES.get(state, state))
    found.guard(known)
    return found


def possible(state: str) -> list[str]:
    """Return the events that may follow in a state, in the order of the road."""
    return [event for at, event in STEPS if at == state]


# ---- Whether a range is mended ----


@dataclass(frozen=True, slots=True)
class Range:
    """How neighbouring addresses of an incident stand: `since` when without a break, with what shows it.

    `state`: registered (and due), idle (serves no more), or why it is at full price or not known.
    """

    range: str
    state: str
    words: str
    since: datetime | None  # None where it is not mended
    evidence: dict[str, object] = field(default_factory=dict)

    @property
    def is_mended(self) -> bool:
        return self.state in ("registered", "idle")


def not_mended(ranges: Sequence[Range]) -> list[str]:
    """Name the ranges that keep an incident open, each with why."""
    return [f"{one.range} ({one.words})" for one in ranges if not one.is_mended]
