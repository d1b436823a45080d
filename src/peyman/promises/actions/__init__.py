"""What the room of promises changes: terms, calendar, ledger."""

from peyman.promises.actions.calendar import (
    change_calendar,
    declare_force_majeure,
    end_force_majeure,
    recount,
    recount_stragglers,
    seed_calendar,
)
from peyman.promises.actions.ledger import (
    NewPromise,
    hold,
    keep,
    keep_many,
    make,
    make_many,
    run_on,
    sweep_overdue,
    take_alarms,
    waive,
)
from peyman.promises.actions.terms import accept, publish_terms

__all__ = [
    "NewPromise",
    "accept",
    "change_calendar",
    "declare_force_majeure",
    "end_force_majeure",
    "hold",
    "keep",
    "keep_many",
    "make",
    "make_many",
    "publish_terms",
    "recount",
    "recount_stragglers",
    "run_on",
    "seed_calendar",
    "sweep_overdue",
    "take_alarms",
    "waive",
]
