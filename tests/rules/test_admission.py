"""Who may serve under the message: registered, due for as long as the hold, on a fresh list, and in no drift."""

from datetime import date, datetime, timedelta

import pytest

from peyman.kernel.worktime import TEHRAN
from peyman.market.tariff.rules.admission import Admission, admit, admitted_from

DUE = date(2023, 6, 5)
HOLD = timedelta(days=3)
FROM = datetime(2023, 6, 8, tzinfo=TEHRAN)


def said(status: str = "registered", reason: str = "registered", at: datetime = FROM, **more) -> Admission:
    more = {"hold": HOLD, "is_fresh": True, "is_drifting": False, **more}
    return admit(status, reason, more.pop("due", DUE), at, **more)


@pytest.mark.clause("B07")
def test_an_address_is_admitted_from_the_due_midnight_and_the_hold_and_not_a_moment_before():
    assert admitted_from(DUE, HOLD) == FROM
    assert said() == Admission(True, "admitted", FROM)
    assert said(at=FROM - timedelta(microseconds=1)) == Admission(False, "hold", FROM)


@pytest.mark.clause("B07")
@pytest.mark.parametrize(
    ("status", "reason", "since"),
    [
        ("pending", "not_due", FROM),
        ("unregistered", "absent", None),
        ("unknown", "changed_in_gap", None),
        ("ineligible", "foreign", None),
        ("ineligible", "private", None),
    ],
)
def test_what_is_not_registered_is_never_admitted(status, reason, since):
    assert said(status, reason, FROM + timedelta(days=900)) == Admission(False, reason, since)


@pytest.mark.clause("B07")
def test_an_old_list_and_an_open_drift_admit_nothing():
    assert said(is_fresh=False) == Admission(False, "list_too_old", FROM)
    assert said(is_drifting=True) == Admission(False, "in_drift", FROM)
    assert said(due=None) == Admission(False, "hold", None)
