"""Which addresses may serve users under the message "half price" (clause B07).

What the registry says and what the network serves is judged elsewhere; here is what it takes to be admitted.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from peyman.kernel.clauses import carries_out
from peyman.kernel.worktime import day_start


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether an address is admitted, and why not: `reason` is "admitted", what the history says against it (absent,
    not_due, changed_in_gap, …), foreign, private, hold, list_too_old or in_drift. `since`: from when dates allow it.
    """

    admitted: bool
    reason: str
    since: datetime | None


def admitted_from(due: date | None, hold: timedelta) -> datetime | None:
    """Return from when an address with this due date may be admitted: the start of that day in Tehran and the hold.

    Operators take up the list at their own pace; the hold is what we give them.
    """
    return day_start(due) + hold if due is not None else None


@carries_out("B07")
def admit(
    status: str, reason: str, due: date | None, at: datetime, *, hold: timedelta, is_fresh: bool, is_drifting: bool
) -> Admission:
    """Say whether an address is admitted at `at`: registered, due for as long as the hold, on a fresh list, and not in
    a drift that was noticed and is not cleared yet.

    `status` and `reason` are those of rules.drift; `due` is the deciding row's.
    """
    since = admitted_from(due, hold)
    if status != "registered":
        return Admission(False, reason, since if status == "pending" else None)
    if since is None or at < since:
        return Admission(False, "hold", since)
    if not is_fresh:
        return Admission(False, "list_too_old", since)
    if is_drifting:
        return Admission(False, "in_drift", since)
    return Admission(True, "admitted", since)
