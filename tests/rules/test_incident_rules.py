"""Incidents from plain values: the road, the chain of signed steps, runs, windows and words."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.kernel import jalali
from peyman.kernel.errors import Invalid, Refused
from peyman.market.incidents.rules import notice, runs, signing, steps
from peyman.market.incidents.rules.notice import Shown
from peyman.market.incidents.rules.runs import BadRun, Span
from peyman.market.incidents.rules.steps import Known
from tests.incidents import INTERVALS, TOTALS, new_run

NOW = datetime(2025, 1, 4, 6, 30, tzinfo=UTC)
READY = Known(by="B", reason="چون", run="RUN-1", run_state="recounted", checked_by="A")
STATES = ["", *steps.TITLES]


# ---- The road ----


@pytest.mark.clause("B10")
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", steps.EVENTS)
def test_every_way_that_is_not_in_the_table_is_refused(state: str, event: str) -> None:
    ways = {
        ("", "detect"): "detected",
        ("detected", "attach"): "detected",
        ("detected", "confirm"): "confirmed",
        ("detected", "dismiss"): "dismissed",
        ("confirmed", "attach"): "detected",
        ("confirmed", "publish"): "published",
        ("confirmed", "dismiss"): "dismissed",
        ("published", "attach"): "published",
        ("published", "correct"): "published",
        ("published", "close"): "closed",
    }
    if (state, event) in ways:
        assert steps.step(state, event, READY).to == ways[state, event]
    else:
        with pytest.raises(steps.NotNow):
            steps.step(state, event, READY)


@pytest.mark.clause("B10", "B11", "B17")
@pytest.mark.parametrize(
    ("case", "state", "event", "change", "code"),
    [
        ("no reason", "detected", "confirm", {"reason": ""}, "incident_reason"),
        ("too long a reason", "detected", "dismiss", {"reason": "ا" * 501}, "incident_reason"),
        ("no run", "detected", "confirm", {"run": ""}, "incident_without_run"),
        ("not recounted", "detected", "confirm", {"run_state": "taken"}, "run_not_recounted"),
        ("the recount differs", "detected", "confirm", {"run_state": "differs"}, "run_differs"),
        ("the same person publishes", "confirmed", "publish", {"by": "A"}, "incident_same_person"),
        ("nobody publishes", "confirmed", "publish", {"by": ""}, "incident_same_person"),
        ("a differing run is published", "confirmed", "publish", {"run_state": "differs"}, "run_differs"),
        ("the same person corrects", "published", "correct", {"by": "A"}, "incident_same_person"),
        ("who confirmed dismisses", "confirmed", "dismiss", {"by": "A"}, "incident_same_person"),
        ("a public one takes runs uncounted", "published", "attach", {"run_state": "taken"}, "run_not_recounted"),
        ("not mended", "published", "close", {"not_mended": ("1.2.3.4/32 (در فهرست نیست)",)}, "incident_not_mended"),
    ],
)
def test_each_step_asks_for_what_it_needs(case: str, state: str, event: str, change: dict[str, Any], code: str) -> None:
    steps.step(state, event, READY)
    with pytest.raises(Refused) as refused:
        steps.step(state, event, replace(READY, **change))
    assert refused.value.code == code


def test_a_refused_recount_names_the_difference() -> None:
    with pytest.raises(steps.RunDiffers) as refused:
        steps.step("detected", "confirm", replace(READY, run_state="differs", differences=("مهرنت، ۱ دی: ۱ بایت",)))
    assert "مهرنت، ۱ دی: ۱ بایت" in refused.value.detail


# ---- The chain ----


def chain(pair: signing.Pair, events: list[str]) -> list[signing.Link]:
    links: list[signing.Link] = []
    state = ""
    for number, event in enumerate(events, start=1):
        to = steps.STEPS[state, event].to
        at = NOW + timedelta(hours=number)
        content = {
            "incident": "INC-1",
            "number": number,
            "event": event,
            "from": state,
            "to": to,
            "at": jalali.iso(at),
            "by": f"PER-{number}",
            "reason": "چون",
            "document": "",
            "facts": {"rials_low": number},
            "previous": links[-1].sha256 if links else signing.FIRST,
        }
        text = signing.canonical(content)
        sha = signing.digest(text)
        signature = signing.sign(signing.statement(content, sha), pair.private)
        links.append(
            signing.Link("INC-1", number, event, to, at, f"PER-{number}", "چون", text, sha, pair.kid, signature)
        )
        state = to
    return links


PAIR = signing.new_pair()
ROAD = ["detect", "confirm", "publish", "correct", "close"]


@pytest.mark.clause("B10")
def test_a_chain_as_it_was_signed_holds() -> None:
    assert signing.faults(chain(PAIR, ROAD), {PAIR.kid: PAIR.public}) == []


@pytest.mark.clause("B10")
@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("who", {"by": "PER-9"}),
        ("when", {"at": NOW}),
        ("why", {"reason": "دروغ"}),
        ("what", {"event": "dismiss"}),
        ("whereto", {"to": "dismissed"}),
        ("number", {"number": 7}),
        ("another incident", {"incident": "INC-2"}),
        ("no such key", {"kid": "x"}),
        ("signature", {"signature": "A" * 86}),
        ("no signature", {"signature": "نه"}),
        ("hash", {"sha256": "0" * 64}),
        ("content", {"content": "{}"}),
        ("no content", {"content": "\x00"}),
    ],
)
def test_a_step_that_was_changed_is_found(what: str, change: dict[str, Any]) -> None:
    links = chain(PAIR, ROAD)
    links[2] = replace(links[2], **change)
    assert signing.faults(links, {PAIR.kid: PAIR.public})


@pytest.mark.clause("B10")
def test_figures_rewritten_with_a_fitting_hash_are_found_by_signature_and_follower() -> None:
    links = chain(PAIR, ROAD)
    content = links[1].content.replace('"rials_low":2', '"rials_low":1')
    links[1] = replace(links[1], content=content, sha256=signing.digest(content))
    assert [fault.partition(":")[0] for fault in signing.faults(links, {PAIR.kid: PAIR.public})] == [
        "INC-1/2",
        "INC-1/3",
    ]


@pytest.mark.clause("B10")
@pytest.mark.parametrize("place", range(4))
def test_a_step_left_out_or_two_swapped_are_found(place: int) -> None:
    links = chain(PAIR, ROAD)
    keys = {PAIR.kid: PAIR.public}
    assert signing.faults(links[:place] + links[place + 1 :], keys)
    swapped = [*links]
    swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
    assert signing.faults(swapped, keys)


@pytest.mark.clause("B10")
def test_steps_signed_with_another_key_are_found() -> None:
    other = signing.new_pair()
    links = chain(other, ROAD)
    assert len(signing.faults(links, {other.kid: PAIR.public})) == len(ROAD)


# ---- Runs ----


@pytest.mark.clause("B09")
def test_a_sound_answer_is_taken() -> None:
    runs.check(new_run())


@pytest.mark.clause("B09")
@pytest.mark.parametrize(
    ("case", "totals"),
    [
        ("lines do not add up", {"lines": 1001}),
        ("counted do not add up", {"fine": 701}),
        ("unknown is lost", {"unknown": {}}),
        ("bounds crossed", {"rials_low": 500_000}),
        ("one bound only", {"rials_low": None}),
        ("users of other bytes", {"bytes_overcharged": 3_000_000_000}),
        ("users of other rials", {"rials_high": 450_004}),
        ("a number that is none", {"overcharged": True}),
        ("a fraction", {"lines": 1000.0}),
        ("below nothing", {"fine": -1}),
        ("no groups", {"rejected": None}),
    ],
)
def test_an_answer_whose_parts_disagree_is_refused(case: str, totals: dict[str, Any]) -> None:
    with pytest.raises(BadRun):
        runs.check(new_run(totals=TOTALS | totals))


def test_intervals_of_other_lines_are_refused() -> None:
    with pytest.raises(BadRun):
        runs.check(new_run(intervals=INTERVALS[:1]))


def _span(code: str, first: int, last: int, host: str = "market.ir") -> Span:
    return Span(code, date(2025, 1, first), date(2025, 1, last), (host,))


def test_a_run_replaces_the_last_one_all_of_whose_days_it_audits() -> None:
    older = [_span("A", 1, 10), _span("B", 3, 9), _span("C", 1, 12), _span("D", 2, 9, "other.ir")]
    assert runs.replaced(_span("", 1, 10), older) == "B"
    assert runs.replaced(_span("", 1, 31), older) == "C"
    assert runs.replaced(_span("", 4, 8), older) == ""
    assert runs.replaced(Span("", None, None, ("market.ir",)), older) == ""


def test_the_difference_of_two_runs_names_each_figure_and_interval_that_moved() -> None:
    more = {**INTERVALS[0], "rials_high": 300_003}
    later = {**INTERVALS[1], "to": "2024-12-05T20:30:00.000Z"}
    found = runs.difference(
        new_run(), new_run(totals=TOTALS | {"rials_high": 450_004}, intervals=[more, later], parameters={"gap_days": 9})
    )
    moved = {one.name: one.by for one in found.figures if one.by}
    assert moved == {"rials_high": 1}
    assert (found.appeared, found.gone, found.changed) == ((later,), (INTERVALS[1],), ((INTERVALS[0], more),))
    assert found.parameters == (("gap_days", "8", "9"), ("registrants", "['market.ir']", ""))
    assert runs.difference(new_run(), new_run()).is_none


# ---- The window and the words ----


@pytest.mark.clause("B11")
@pytest.mark.parametrize(
    ("published", "last"),
    [
        (date(2025, 1, 4), date(2025, 4, 20)),  # 15 Dey 1403 + 90 days is 15 Farvardin 1404: until 31 Farvardin
        (date(2024, 12, 20), date(2025, 3, 20)),  # 30 Azar + 90 days is 30 Esfand 1403, the leap day itself
        (date(2023, 6, 25), date(2023, 10, 22)),  # 4 Tir 1402 + 90 days is 1 Mehr: until 30 Mehr
    ],
)
def test_the_window_is_ninety_days_and_ends_with_a_jalali_month(published: date, last: date) -> None:
    assert notice.window_end(published) == last
    assert notice.closes_at(last) == datetime.combine(last, datetime.min.time(), UTC) + timedelta(hours=20, minutes=30)


@given(st.dates(date(2023, 1, 1), date(2060, 1, 1)))
def test_the_window_is_never_shorter_and_never_ends_within_a_month(day: date) -> None:
    last = notice.window_end(day)
    assert timedelta(days=90) <= last - day <= timedelta(days=121)
    assert jalali.jalali(last + timedelta(days=1)).day == 1


@pytest.mark.clause("B11")
def test_the_next_version_is_due_at_the_end_of_the_month_after() -> None:
    # Published on 15 Dey 1403: by the end of Bahman, which is 18 February 2025.
    assert notice.next_update(date(2025, 1, 4)) == datetime(2025, 2, 18, 20, 30, tzinfo=UTC)
    start, due_at = notice.update_span(date(2025, 1, 4))
    assert ((due_at - start) % notice.HOUR, notice.last_day(due_at)) == (timedelta(), date(2025, 2, 18))


SHOWN = [
    Shown(
        ("185.143.232.0",), "مهرنت", "unregistered",
        datetime(2024, 11, 20, 20, 30, tzinfo=UTC), datetime(2024, 12, 4, 20, 30, tzinfo=UTC), 100, 5, 1, 2,
    )
]  # fmt: skip


@pytest.mark.clause("B11")
def test_the_draft_says_what_happened_why_whose_fault_and_until_when() -> None:
    words = notice.draft(SHOWN, now=NOW, contact="claims@market.ir", signer="نگار صادقی، مدیر بازار")
    assert words.what == (
        "از ۱ آذر ۱۴۰۳ تا پایان ۱۴ آذر ۱۴۰۳، بخشی از دانلودهایی که نوشته بودیم نیم‌بهاست از نشانی‌هایی فرستاده شد که در "
        "فهرست ملی ثبت نبود. اپراتور مهرنت این دانلودها را تمام‌بها حساب کرد، با اینکه ما نوشته بودیم نیم‌بهاست. "
        "مسئولیت این خطا با ماست و از شما پوزش می‌خواهیم."
    )
    assert "بار بعد تا پایان ۳۰ بهمن ۱۴۰۳" in words.doing
    assert words.until_day == date(2025, 4, 20)
    assert notice.read({**words.as_json(), "until": ""}, now=NOW) == words


def test_what_ends_within_a_day_ends_on_that_day() -> None:
    assert notice.until_words(datetime(2024, 12, 4, 20, 30, tzinfo=UTC)) == "پایان ۱۴ آذر ۱۴۰۳"
    assert notice.until_words(datetime(2024, 12, 4, 20, 31, tzinfo=UTC)) == "۱۵ آذر ۱۴۰۳"


def test_what_is_not_over_is_said_to_last() -> None:
    words = notice.draft([replace(SHOWN[0], ends_at=None)], now=NOW, contact="-", signer="-")
    assert words.what.startswith("از ۱ آذر ۱۴۰۳ به این سو، ")


@pytest.mark.clause("B11")
@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"what": ""}, "what"),
        ({"what": " \u200f "}, "what"),
        ({"why": "ا" * 2001}, "why"),
        ({"title": "\0"}, "title"),
        ({"signer": ""}, "signer"),
        ({"contact": ""}, "contact"),
        ({"until": "فردا"}, "until"),
        ({"until": "۱۴۰۳/۱۲/۳۰"}, "until"),  # a month's end, but less than ninety days
        ({"until": "۱۴۰۴/۲/۱۵"}, "until"),  # no month's end
    ],
)
def test_a_notice_that_lacks_something_is_refused_by_box(typed: dict[str, str], field: str) -> None:
    whole = notice.draft(SHOWN, now=NOW, contact="claims@market.ir", signer="نگار").as_json()
    with pytest.raises(Invalid) as refused:
        notice.read({**whole, **typed}, now=NOW)
    assert list(refused.value.fields) == [field]


def test_a_later_version_never_shortens_the_window() -> None:
    whole = notice.draft(SHOWN, now=NOW, contact="claims@market.ir", signer="نگار").as_json()
    assert notice.read(whole, now=NOW, before=date(2025, 5, 21)).until_day == date(2025, 5, 21)
    with pytest.raises(Invalid):
        notice.read({**whole, "until": "1404/01/31"}, now=NOW, before=date(2025, 5, 21))
    assert notice.read({**whole, "until": "۱۴۰۴/۳/۳۱"}, now=NOW, before=date(2025, 5, 21)).until_day == date(
        2025, 6, 21
    )
