"""What the numbers of a version of the terms mean: by name, as the office's hours, as what is owed for lateness."""

from collections.abc import Mapping
from datetime import time
from typing import Final

from peyman.kernel.clauses import carries_out

HOURS_OF_A_DAY = 24
# Numbers that versions of the terms may state and the first ones do not: what holds where one is silent.
LATER: Final[Mapping[str, int]] = {"vat_permille": 100}


def parameter(parameters: Mapping[str, object], name: str) -> int:
    """Return the whole number that a version of the terms gives for `name`.

    Raises KeyError for a name that the version does not have, ValueError for one that is no whole number. A missing
    number is never replaced by one from the code, but for the few of LATER.
    """
    value = parameters[name] if name in parameters or name not in LATER else LATER[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"the terms give no whole number for {name}")
    return value


@carries_out("D21")
def office_hours(parameters: Mapping[str, object]) -> tuple[time, time] | None:
    """Return when the office opens and closes in Tehran, None where a working day has all its 24 hours (A4).

    `office_from` and `office_to` are full hours, 0 to 23, and come together; `hours_per_working_day`, where it is
    given, must be what lies between them. Raises ValueError, which says in Persian what is wrong.
    """
    given = {name for name in ("office_from", "office_to") if name in parameters}
    stated = parameter(parameters, "hours_per_working_day") if "hours_per_working_day" in parameters else None
    if not given:
        if stated not in (None, HOURS_OF_A_DAY):
            raise ValueError("hours_per_working_day یا ۲۴ است یا office_from و office_to را هم می‌خواهد")
        return None
    if len(given) == 1:
        raise ValueError("office_from و office_to با هم می‌آیند")
    opens, closes = parameter(parameters, "office_from"), parameter(parameters, "office_to")
    if not 0 <= opens < closes < HOURS_OF_A_DAY:
        raise ValueError("ساعت office_from باید پیش از office_to باشد، هر دو از ۰ تا ۲۳")
    if stated not in (None, closes - opens):
        raise ValueError(f"hours_per_working_day باید {closes - opens} باشد: از office_from تا office_to")
    return time(opens), time(closes)


def remedy(parameters: Mapping[str, object], kind: str) -> int:
    """Return the rials that a version of the terms owes for a broken promise of `kind`; 0 where it says nothing.

    `remedy_rials_refund` is for promises of that kind, `remedy_rials` for all that have no number of their own.
    """
    for name in (f"remedy_rials_{kind}", "remedy_rials"):
        if name in parameters:
            return parameter(parameters, name)
    return 0
