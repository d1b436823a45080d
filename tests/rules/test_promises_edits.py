"""What staff type: closed days, declared periods, hours from which terms hold. Every fault is named."""

from datetime import UTC, date, datetime, timedelta

import pytest

from peyman.kernel import jalali
from peyman.kernel.errors import Invalid
from peyman.kernel.worktime import WorkCalendar
from peyman.promises import rules

TODAY = date(2025, 1, 4)  # Saturday 15 Dey 1403
NOW = datetime(2025, 1, 4, 6, 30, tzinfo=UTC)
CALENDAR = WorkCalendar(closed=frozenset({date(2025, 1, 13), date(2025, 1, 14)}))


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("۱۴۰۳/۱۰/۱۶", date(2025, 1, 5)),
        ("1403-10-16", date(2025, 1, 5)),
        ("١٤٠٣/١٠/١٦", date(2025, 1, 5)),
        (" \u200f1403/10/16\u200e ", date(2025, 1, 5)),
        ("1403.10.16", date(2025, 1, 5)),
        ("2025-01-05", date(2025, 1, 5)),
        ("۱۴۰۳/۱۲/۳۰", date(2025, 3, 20)),  # a leap year
        ("۱۴۰۳/۱۰/۱۵", TODAY),  # closed late, on the very day
    ],
)
def test_a_day_is_read_however_it_is_written(typed, day):
    assert rules.day_to_close(typed, "تعطيلی", calendar=CALENDAR, today=TODAY) == (day, "تعطیلی")


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "این تاریخ خوانده نشد"),
        ("فردا", "این تاریخ خوانده نشد"),
        ("۱۴۰۳/۱۳/۱", "این تاریخ خوانده نشد"),
        ("۱۴۰۴/۱۲/۳۰", "این تاریخ خوانده نشد"),  # no leap year
        ("2025-02-29", "این تاریخ خوانده نشد"),
        ("9999999999/1/1", "این تاریخ خوانده نشد"),
        ("۱۴۰۳/۱۰/۱۴", "جمعه ۱۴ دی ۱۴۰۳ گذشته است"),
        ("۱۴۰۳/۱۰/۲۴", "دوشنبه ۲۴ دی ۱۴۰۳ از پیش در جدول تعطیل است"),
        ("۱۴۰۳/۱۰/۲۱", "جمعه ۲۱ دی ۱۴۰۳ خودبه‌خود تعطیل هفتگی است"),
        ("۱۴۱۳/۱/۵", "بیش از سه سال دیگر است"),
    ],
)
def test_a_day_that_cannot_be_closed_says_why(typed, says):
    with pytest.raises(Invalid) as refusal:
        rules.day_to_close(typed, "تعطیلی", calendar=CALENDAR, today=TODAY)
    assert says in refusal.value.fields["date"]


def test_every_fault_of_a_closed_day_is_named_at_once():
    for title in ("", "   ", "x" * 161, "a\x00b"):
        with pytest.raises(Invalid) as refusal:
            rules.day_to_close("فردا", title, calendar=CALENDAR, today=TODAY)
        assert sorted(refusal.value.fields) == ["date", "title"]


def test_only_a_closed_day_to_come_works_again():
    assert rules.day_to_open("۱۴۰۳/۱۰/۲۴", calendar=CALENDAR, today=TODAY) == date(2025, 1, 13)
    for typed, says in (("۱۴۰۳/۱۰/۲۳", "در جدول تعطیل نیست"), ("۱۴۰۳/۱۰/۲۴", "گذشته است"), ("؟", "خوانده نشد")):
        today = date(2025, 1, 14) if says == "گذشته است" else TODAY
        with pytest.raises(Invalid) as refusal:
            rules.day_to_open(typed, calendar=CALENDAR, today=today)
        assert says in refusal.value.fields["date"]


@pytest.mark.parametrize(
    ("day", "clock", "at"),
    [
        ("۱۴۰۳/۱۰/۱۶", "۸:۳۰", datetime(2025, 1, 5, 5, 0, tzinfo=UTC)),
        ("۱۴۰۳/۱۰/۱۶", "ساعت 17", datetime(2025, 1, 5, 13, 30, tzinfo=UTC)),
        ("۱۴۰۳/۱۰/۱۶", "0", datetime(2025, 1, 4, 20, 30, tzinfo=UTC)),
        ("۱۴۰۱/۰۶/۳۰", "23:59", datetime(2022, 9, 21, 19, 29, tzinfo=UTC)),  # the last day of summer time
    ],
)
def test_an_hour_is_read_in_tehran(day, clock, at):
    assert jalali.typed_instant(day, clock) == at


@pytest.mark.parametrize("clock", ["", "24", "8:60", "۸:۳", "هشت", "8:30:00", "-1"])
def test_what_is_no_hour_is_no_instant(clock):
    with pytest.raises(ValueError, match=r"hour|minute"):
        jalali.typed_instant("۱۴۰۳/۱۰/۱۶", clock)


# ---- Force majeure ----


def declare(**changes):
    plain = {
        "starts": ("۱۴۰۳/۱۰/۱۵", "۸"),
        "ends": ("", ""),
        "scope": rules.Scope(),
        "title": "قطع سراسری اینترنت",
        "text": "از بامداد امروز ارتباط کشور قطع است.",
        "signer": "نرگس کاظمی، مدیر فروشگاه",
        "now": NOW,
        "clauses": {"D30", "D57"},
        "kinds": {"refund"},
        "provinces": {"گیلان"},
    }
    return rules.declaration(**{**plain, **changes})


@pytest.mark.clause("D121")
def test_a_declaration_says_from_when_until_when_for_what_why_and_who_signs():
    made = declare(ends=("۱۴۰۳/۱۰/۱۶", ""), scope=rules.Scope(clauses=frozenset({"D30"})))
    assert (made.starts_at, made.ends_at) == (
        datetime(2025, 1, 4, 4, 30, tzinfo=UTC),
        datetime(2025, 1, 4, 20, 30, tzinfo=UTC),
    )
    assert made.scope.clauses == {"D30"}
    assert (made.title, made.signer) == ("قطع سراسری اینترنت", "نرگس کاظمی، مدیر فروشگاه")
    assert declare().ends_at is None


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"starts": ("", "")}, "starts", "خوانده نشد"),
        ({"starts": ("۱۴۰۳/۱۰/۱۵", "۲۵")}, "starts", "خوانده نشد"),
        ({"starts": ("۱۴۰۳/۰۹/۰۱", "")}, "starts", "بیش از ۳۰ روز پیش"),
        ({"starts": ("۱۴۱۳/۰۹/۰۱", "")}, "starts", "بیش از سه سال"),
        ({"ends": ("۱۴۰۳/۱۰/۱۵", "۸")}, "ends", "پس از آغاز"),
        ({"starts": ("۱۴۰۳/۱۰/۱۳", ""), "ends": ("۱۴۰۳/۱۰/۱۴", "")}, "ends", "گذشته است"),
        ({"ends": ("روزی", "")}, "ends", "خوانده نشد"),
        ({"ends": ("", "۸")}, "ends", "خوانده نشد"),
        ({"scope": rules.Scope(clauses=frozenset({"X1"}))}, "clauses", "نمی‌شناسیم: X1"),
        ({"scope": rules.Scope(kinds=frozenset({"gift"}))}, "kinds", "نمی‌شناسیم"),
        ({"scope": rules.Scope(provinces=frozenset({"ناکجا"}))}, "provinces", "نمی‌شناسیم: ناکجا"),
        ({"title": " "}, "title", "نامی برای این دوره"),
        ({"text": ""}, "text", "بنویسید چه رخ داده"),
        ({"text": "x" * 4001}, "text", "بنویسید چه رخ داده"),
        ({"signer": ""}, "signer", "امضاکننده"),
    ],
)
def test_a_declaration_that_cannot_stand_says_why(changes, field, says):
    with pytest.raises(Invalid) as refusal:
        declare(**changes)
    assert list(refusal.value.fields) == [field]
    assert says in refusal.value.fields[field]


# ---- Terms ----


@pytest.mark.clause("D04")
def test_new_terms_hold_from_now_on_or_later_never_from_before():
    assert rules.effective(None, NOW) == NOW
    assert rules.effective(NOW, NOW) == NOW
    assert rules.effective(NOW + timedelta(days=1), NOW) == NOW + timedelta(days=1)
    with pytest.raises(rules.EffectiveInThePast) as refusal:
        rules.effective(NOW - timedelta(seconds=1), NOW)
    assert (refusal.value.code, refusal.value.clause) == ("terms_effective_in_the_past", "D04")
    assert "نسخه تازه منتشر نشد" in refusal.value.detail
