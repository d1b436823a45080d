"""The figure of the tariff: what is drawn where, on plain values."""

from datetime import date, datetime, timedelta

import pytest

from peyman.entrypoints.backoffice.tariff_words import age_words
from peyman.gateways.figures.lanes import days_words
from peyman.gateways.figures.timeline import Figure, draw
from peyman.gateways.figures.values import Mark, Rows, Stretch, Track
from peyman.kernel.worktime import day_start

SINCE = day_start(date(2024, 1, 1))
DAY = timedelta(days=1)
UNTIL = SINCE + 100 * DAY


def at(day: float) -> datetime:
    return SINCE + day * DAY


def stretch(state: str, begins: float, ends: float, due: date | None = None) -> Stretch:
    return Stretch(state, at(begins), at(ends), due)


def track(
    prefix: str = "192.0.2.0/28", *registry: Stretch, serves: tuple[float, float] | None = (0, 100), note: str = ""
) -> Track:
    served = (stretch("serves", *serves),) if serves else ()
    return Track(prefix, 16, "net", served, registry, note)


def bars(figure: Figure, lane: int = 0) -> list[tuple[str, float, float, bool]]:
    return [(bar.kind, bar.x, bar.width, bar.pale) for bar in figure.lanes[lane].bars]


def test_time_runs_left_to_right_in_percent_and_what_is_to_come_is_pale() -> None:
    one = track("a", stretch("unregistered", 0, 20), stretch("pending", 20, 60, date(2024, 3, 1)),
                stretch("registered", 60, 100), serves=(10, 50))  # fmt: skip
    figure = draw([one], since=SINCE, until=UNTIL, now=at(50))
    assert bars(figure) == [
        ("unregistered", 10.0, 10.0, False),
        ("pending", 20.0, 30.0, False),
        ("pending", 50.0, 10.0, True),
        ("registered", 60.0, 40.0, True),
        ("serves", 10.0, 40.0, False),
    ]
    assert figure.now_x == 50.0
    assert [bar.y for bar in figure.lanes[0].bars] == [0, 0, 0, 0, 28], "the registry stands above what served"


def test_ranges_with_one_story_in_the_span_are_one_lane() -> None:
    same = [track(f"192.0.{n}.0/28", stretch("registered", -400 - n, 100)) for n in range(50)]
    other = track("198.51.100.0/28", stretch("registered", 0, 99))
    figure = draw([*same, other], since=SINCE, until=UNTIL, now=UNTIL)
    assert [(lane.count, lane.addresses) for lane in figure.lanes] == [(50, 800), (1, 16)]
    assert draw([*same, other], since=SINCE, until=at(98), now=UNTIL).lanes[0].count == 51


def test_what_is_wrong_now_comes_first_then_what_was_wrong_longest_for_most() -> None:
    tracks = [
        track("never", stretch("registered", 0, 100)),
        track("long", stretch("unregistered", 0, 60), stretch("registered", 60, 100)),
        *(track(f"many{n}", stretch("unregistered", 0, 40), stretch("registered", 40, 100)) for n in range(3)),
        track("now", stretch("registered", 0, 99), stretch("gone", 99, 100)),
    ]
    figure = draw(tracks, since=SINCE, until=UNTIL, now=UNTIL)
    assert [lane.first for lane in figure.lanes] == ["now", "many0", "long", "never"]
    assert [lane.verdict for lane in figure.lanes] == ["از فهرست رفته", "هم‌خوان", "هم‌خوان", "هم‌خوان"]


def test_a_range_that_serves_nothing_is_drawn_only_while_it_is_listed_or_was() -> None:
    idle = track("idle", stretch("unregistered", 0, 20), stretch("registered", 20, 60), stretch("gone", 60, 100),
                 serves=None)  # fmt: skip
    nothing = track("nothing", stretch("unregistered", 0, 100), serves=None)
    figure = draw([idle, nothing], since=SINCE, until=UNTIL, now=UNTIL)
    assert [lane.first for lane in figure.lanes] == ["idle"]
    assert [kind for kind, *_ in bars(figure)] == ["registered", "unlisted"]


def test_claims_are_told_from_what_was_seen_and_never_named_registered() -> None:
    one = track("a", stretch("unproven", 0, 30), stretch("claimed", 30, 60), stretch("registered", 60, 100))
    figure = draw([one], since=SINCE, until=UNTIL, now=UNTIL)
    assert figure.kinds == ("registered", "claimed", "unproven")
    lane = figure.lanes[0]
    assert "۳۰ روز بی مدرک ثبت (پیش از نخستین نسخه ما)" in lane.sentence
    assert ("فهرست ملی", at(30), at(60), "بنا به تاریخ ردیف ثبت بود؛ ندیده‌ایم") in lane.table


def test_the_sum_piles_up_what_serves_and_nothing_else() -> None:
    tracks = [
        track("a", stretch("registered", 0, 100)),
        track("b", stretch("unregistered", 0, 100), serves=(50, 100)),
        track("c", stretch("registered", 0, 100), serves=None),
    ]
    figure = draw(tracks, since=SINCE, until=UNTIL, now=UNTIL)
    assert figure.most == 2
    assert [(bar.kind, bar.x, bar.width, bar.y, bar.height) for bar in figure.sum] == [
        ("registered", 0.0, 100.0, 80.0, 70.0),
        ("unregistered", 50.0, 50.0, 10.0, 70.0),
    ]


def test_a_long_time_without_registrations_is_told_only_where_ranges_began_in_it_without_evidence() -> None:
    rows = [Rows(date(2024, 1, 5), 1, None), Rows(date(2024, 4, 5), 3, date(2024, 4, 3))]
    fresh = track("a", stretch("unregistered", 0, 100), serves=(20, 100))
    figure = draw([fresh], since=SINCE, until=UNTIL, now=UNTIL, rows=rows)
    assert figure.headline == "۲ ماه بی هیچ ثبت تازه؛ در این میان ۱ بازه بی مدرک ثبت به فایل‌دادن آغاز کرد."
    assert figure.bracket is not None and (figure.bracket.x1, figure.bracket.x2) == (4.0, 95.0)
    proven = track("a", stretch("registered", 0, 100), serves=(20, 100))
    assert draw([proven], since=SINCE, until=UNTIL, now=UNTIL, rows=rows).bracket is None


def test_rows_of_an_apps_developer_end_no_gap() -> None:
    rows = [Rows(date(2024, 1, 5), 1, None), Rows(date(2024, 2, 10), 1, None, True), Rows(date(2024, 4, 5), 3, None)]
    fresh = track("a", stretch("unregistered", 0, 100), serves=(20, 100))
    figure = draw([fresh], since=SINCE, until=UNTIL, now=UNTIL, rows=rows)
    assert figure.bracket is not None and figure.bracket.ends == date(2024, 4, 5)
    assert [pin.is_apart for pin in figure.pins] == [False, True, False]


def test_marks_are_numbered_in_order_and_their_words_do_not_meet() -> None:
    marks = [Mark(date(2024, 1, 21), "دوم"), Mark(date(2024, 1, 11), "نخست"), Mark(date(2024, 4, 8), "آخر"),
             Mark(date(2023, 1, 1), "بیرون")]  # fmt: skip
    figure = draw([track("a", stretch("registered", 0, 100))], since=SINCE, until=UNTIL, now=UNTIL, marks=marks)
    assert [(flag.number, flag.name, flag.to_right) for flag in figure.flags] == [
        (1, "نخست", True), (2, "دوم", True), (3, "آخر", False),
    ]  # fmt: skip
    close = [Mark(date(2024, 1, day), "نشانه‌ای با نام بلند") for day in (10, 11, 12)]
    figure = draw([track("a")], since=SINCE, until=UNTIL, now=UNTIL, marks=close)
    assert [flag.row for flag in figure.flags] == [0, 1, 2] and figure.flag_rows == 3


@pytest.mark.parametrize(
    ("days", "minor"),
    [(100, ["دی", "بهمن", "اسفند", "فروردین"]), (800, ["زمستان", "بهار", "تابستان", "پاییز"]), (4000, [])],
)
def test_the_axis_names_years_and_what_has_room_below_them(days: int, minor: list[str]) -> None:
    figure = draw([track("a")], since=SINCE, until=SINCE + days * DAY, now=UNTIL)
    assert [tick.label for tick in figure.minor if tick.label][: len(minor) or 1] == minor
    assert next(tick.label for tick in figure.ticks if tick.label) == ("۱۴۰۳" if days == 4000 else "۱۴۰۲")


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="forward"):
        draw([], since=UNTIL, until=SINCE, now=UNTIL)


def test_the_figure_says_its_story_to_whoever_does_not_see_it() -> None:
    figure = draw([track("a", stretch("unregistered", 0, 100))], since=SINCE, until=UNTIL, now=UNTIL)
    assert figure.said == (
        "خط زمان از ۱۱ دی ۱۴۰۲ تا ۲۲ فروردین ۱۴۰۳، ۱ بازه در ۱ سرگذشت؛ "
        "۱ بازه: از پیش از ۱۱ دی ۱۴۰۲ فایل می‌دهد؛ ۳ ماه بی مدرک ثبت."
    )


@pytest.mark.parametrize(
    ("hours", "words"),
    [(0.5, "کمتر از یک ساعت"), (3, "۳ ساعت"), (47, "۴۷ ساعت"), (53, "۲ روز و ۵ ساعت"), (24 * 12 + 5, "۱۲ روز")],
)
def test_ages_are_read_in_hours_then_days(hours: float, words: str) -> None:
    assert age_words(timedelta(hours=hours)) == words


@pytest.mark.parametrize(("days", "words"), [(29, "۲۹ روز"), (61, "۶۱ روز"), (91, "۲ ماه"), (855, "۲ سال و ۴ ماه")])
def test_long_times_are_read_in_months_and_years(days: int, words: str) -> None:
    assert days_words(timedelta(days=days)) == words
