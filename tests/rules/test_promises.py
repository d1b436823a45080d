"""When promises are due, how they end, and which documents of terms can be published."""

from datetime import UTC, date, datetime, timedelta

import pytest

from peyman.kernel.worktime import TEHRAN, WorkCalendar
from peyman.promises import rules

CALENDAR = WorkCalendar(closed={date(2025, 1, 13), date(2025, 1, 14)})  # Fridays are closed anyway
DUE = datetime(2025, 1, 6, 6, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def tehran(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TEHRAN)


@pytest.mark.clause("D30")
@pytest.mark.parametrize(
    ("case", "start", "due_at"),
    [
        ("plain week", "2025-01-04 10:00", "2025-01-06 10:00"),
        ("over a Friday", "2025-01-08 10:00", "2025-01-11 10:00"),
        ("begun on a Friday", "2025-01-10 15:00", "2025-01-13 00:00"),
        ("over two holidays", "2025-01-11 10:00", "2025-01-15 10:00"),
    ],
)
def test_48_working_hours_end_when_two_working_days_have_run(case, start, due_at):
    assert rules.due(tehran(start), 48, CALENDAR) == tehran(due_at)
    assert rules.due_by(tehran(start), 48, "working", CALENDAR) == tehran(due_at)


@pytest.mark.parametrize(
    ("start", "hours", "due_at"),
    [
        ("2025-01-10 15:00", 24, "2025-01-11 15:00"),  # a Friday counts
        ("2025-01-10 15:00", 0, "2025-01-10 15:00"),
        ("2022-03-21 12:00", 24, "2022-03-22 13:00"),  # a day of 23 hours: hours elapse, hands of clocks do not count
        ("2022-09-21 12:00", 24, "2022-09-22 11:00"),
    ],
)
def test_calendar_hours_are_elapsed_hours(start, hours, due_at):
    assert rules.due_by(tehran(start), hours, "calendar", CALENDAR) == tehran(due_at)


def test_hours_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="lunar"):
        rules.due_by(tehran("2025-01-04 10:00"), 1, "lunar", CALENDAR)
    with pytest.raises(ValueError, match="aware"):
        rules.due_by(datetime(2025, 1, 4), 1, "calendar", CALENDAR)  # noqa: DTZ001  # the point of the test
    with pytest.raises(ValueError, match="forward"):
        rules.due_by(tehran("2025-01-04 10:00"), -1, "calendar", CALENDAR)


@pytest.mark.parametrize(("now", "kept"), [(DUE - SECOND, True), (DUE, False), (DUE + SECOND, False)])
def test_acting_at_the_due_instant_is_late(now, kept):
    assert rules.in_time(DUE, now) is kept


@pytest.mark.parametrize(
    ("case", "state", "kept_at", "now", "ending"),
    [
        ("on its way", "open", None, DUE - SECOND, rules.Ending("open")),
        ("overdue, not swept yet", "open", None, DUE + SECOND, rules.Ending("broken", DUE, SECOND)),
        ("due this instant", "open", None, DUE, rules.Ending("broken", DUE, timedelta())),
        ("kept", "kept", DUE - SECOND, DUE + 99 * SECOND, rules.Ending("kept")),
        ("broken and still owed", "broken", None, DUE + 60 * SECOND, rules.Ending("broken", DUE, 60 * SECOND)),
        ("kept after all", "broken", DUE + 40 * SECOND, DUE + 99 * SECOND, rules.Ending("broken", DUE, 40 * SECOND)),
        ("waived", "waived", None, DUE + SECOND, rules.Ending("waived")),
    ],
)
def test_how_a_promise_stands(case, state, kept_at, now, ending):
    assert rules.ending(state, DUE, kept_at, now) == ending


def test_numbers_come_from_the_terms_and_are_never_made_up():
    assert rules.parameter({"refund_hours": 48}, "refund_hours") == 48
    assert rules.parameter({"packing_fee": 0}, "packing_fee") == 0
    with pytest.raises(KeyError, match="refund_hours"):
        rules.parameter({}, "refund_hours")
    for value in ("48", 48.0, True, None):
        with pytest.raises(ValueError, match="refund_hours"):
            rules.parameter({"refund_hours": value}, "refund_hours")


# ---- The document ----

REGISTER = """
[[clause]]
id = "D30"
number = "5-3"
title = "بازگرداندن وجه"
type = "C E"
parameters = ["refund_early_hours", "refund_hours"]
due = true
shown = false

[[clause]]
id = "D54"
number = "11-1"
title = "سبد رزرو نیست"
type = "E"
parameters = []
due = true
shown = false

[[clause]]
id = "D66"
number = "12-7"
title = "کالا بن"
type = "E"
parameters = ["points"]
due = false
shown = false
"""

TERMS = """
title = "شرایط  فروش پيمان"
[parameters]
refund_hours = 48
refund_early_hours = 24
packing_fee = 1200000

[[section]]
number = 5
title = "پایان موجودی"
[[section.clause]]
id = "D30"
text = "وجه طی {refund_early_hours} تا {refund_hours} ساعت کاری بازمی‌گردد."

[[section]]
number = 11
title = "سبد خرید"
[[section.clause]]
id = "D54"
text = \"\"\"
افزودن به سبد چیزی را رزرو نمی‌کند؛
بسته‌بندی {packing_fee} ریال است.\"\"\"
"""


@pytest.mark.clause("D04")
def test_a_document_is_read_with_its_numbers_filled_in():
    document = rules.read_document(TERMS, REGISTER)
    assert document.title == "شرایط فروش پیمان"
    assert document.parameters == {"refund_hours": 48, "refund_early_hours": 24, "packing_fee": 1_200_000}
    assert document.clauses == (
        rules.ClauseText(
            clause="D30",
            number="5-3",
            section="پایان موجودی",
            title="بازگرداندن وجه",
            text="وجه طی ۲۴ تا ۴۸ ساعت کاری بازمی‌گردد.",
        ),
        rules.ClauseText(
            clause="D54",
            number="11-1",
            section="سبد خرید",
            title="سبد رزرو نیست",
            text="افزودن به سبد چیزی را رزرو نمی‌کند؛ بسته‌بندی ۱٬۲۰۰٬۰۰۰ ریال است.",
        ),
    )


@pytest.mark.clause("D02")
def test_the_hash_is_of_the_text_alone_and_changes_with_any_of_it():
    document = rules.read_document(TERMS, REGISTER)
    assert document.canonical == (
        '{"clauses":['
        '{"clause":"D30","number":"5-3","section":"پایان موجودی",'
        '"text":"وجه طی ۲۴ تا ۴۸ ساعت کاری بازمی‌گردد.","title":"بازگرداندن وجه"},'
        '{"clause":"D54","number":"11-1","section":"سبد خرید",'
        '"text":"افزودن به سبد چیزی را رزرو نمی‌کند؛ بسته‌بندی ۱٬۲۰۰٬۰۰۰ ریال است.","title":"سبد رزرو نیست"}],'
        '"parameters":{"packing_fee":1200000,"refund_early_hours":24,"refund_hours":48},"title":"شرایط فروش پیمان"}'
    )
    assert (
        document.sha256 == "c370ed16d21d571859b45d6dac17bb99ab9305403c29db9dde1b8650e7c18b80"
    )  # sha256sum of that line
    # Order of parameters and spelling of the source do not count …
    reordered = TERMS.replace(
        "refund_hours = 48\nrefund_early_hours = 24", "refund_early_hours = 24\nrefund_hours = 48"
    )
    assert reordered != TERMS
    assert rules.read_document(reordered.replace("پيمان", "پیمان"), REGISTER).sha256 == document.sha256
    # … a number, a word, a title and a published number do.
    for changed, register in [
        (TERMS.replace("= 48", "= 72"), REGISTER),
        (TERMS.replace("چیزی را رزرو", "هیچ چیز را رزرو"), REGISTER),
        (TERMS, REGISTER.replace("سبد رزرو نیست", "سبد تنها سبد است")),
        (TERMS, REGISTER.replace('"11-1"', '"11-2"')),
    ]:
        assert rules.read_document(changed, register).sha256 != document.sha256


def test_a_due_clause_of_the_market_is_no_part_of_the_shops_terms():
    market = '[[section]]\nnumber = 18\ntitle = "بازار"\n'
    clause = '\n[[clause]]\nid = "B05"\nnumber = "18-5"\ntitle = "پایش"\nparameters = []\ndue = true\n'
    with pytest.raises(rules.UnreadableTerms):
        rules.read_document(TERMS, REGISTER + clause)
    assert rules.read_document(TERMS, market + REGISTER + clause).sha256 == rules.read_document(TERMS, REGISTER).sha256


@pytest.mark.clause("D04")
@pytest.mark.parametrize(
    ("case", "old", "new", "problem"),
    [
        ("unknown id", 'id = "D54"', 'id = "D99"', "بخش 11: شناسه 'D99' در فهرست بندها نیست"),
        ("no id", 'id = "D54"', "", "بخش 11: شناسه None در فهرست بندها نیست"),
        ("an id that is a number", 'id = "D54"', "id = 54", "بخش 11: شناسه 54 در فهرست بندها نیست"),
        ("a due clause is left out", 'id = "D54"', 'id = "D66"', "بند D54 باید اجرا شود، ولی در این متن نیامده است"),
        ("the wrong section", 'id = "D54"', 'id = "D66"', "بند D66 با شماره 12-7 جایش در بخش 11 نیست"),
        ("an id twice", 'id = "D54"', 'id = "D30"', "بند D30 دو بار آمده است"),
        ("unknown placeholder", "{refund_hours}", "{refund_days}", "بند D30: برای {refund_days} پارامتری نیامده است"),
        ("a placeholder with a format", "{refund_hours}", "{refund_hours:d}",
         "بند D30: برای {refund_hours:d} پارامتری نیامده است"),
        ("a lonely brace", "{refund_hours}", "{refund_hours", "بند D30: یک آکولاد بی جفت مانده است"),
        ("a missing number", "refund_hours = 48", "",
         "بند D30 به پارامتر refund_hours نیاز دارد و عددی برای آن نیامده است"),
        ("a negative number", "= 48", "= -48", "پارامتر refund_hours عدد درست از صفر به بالا نیست: -48"),
        ("a fraction", "= 48", "= 48.0", "پارامتر refund_hours عدد درست از صفر به بالا نیست: 48.0"),
        ("a text", "= 48", '= "48"', "پارامتر refund_hours عدد درست از صفر به بالا نیست: '48'"),
        ("a truth", "= 48", "= true", "پارامتر refund_hours عدد درست از صفر به بالا نیست: True"),
        ("a strange name", "packing_fee =", "Packing-Fee =", "نام پارامتر Packing-Fee درست نیست"),
        ("no title", 'title = "شرایط  فروش پيمان"', "", "متن: title نیامده یا خالی است"),
        ("an empty text",
         "افزودن به سبد چیزی را رزرو نمی‌کند؛\nبسته‌بندی {packing_fee} ریال است.", " \u200f",
         "بند D54: text نیامده یا خالی است"),
        ("an unknown key", "[parameters]", "colour = 1\n[parameters]", "متن: نام colour شناخته نیست"),
        ("an unknown key of a clause", 'id = "D54"', 'id = "D54"\nnote = ""', "بخش 11، بند D54: نام note شناخته نیست"),
        ("a section without number", "number = 11", "", "بخش None: شماره بخش (number) باید عدد درست باشد"),
        ("a section twice", "number = 11", "number = 5", "بخش 5 دو بار آمده است"),
        ("no TOML", "[parameters]", "[parameters", "متن، خط "),
    ],
)  # fmt: skip
def test_a_document_with_a_fault_is_refused_and_the_fault_named(case, old, new, problem):
    assert TERMS.count(old) == 1
    with pytest.raises(rules.UnreadableTerms) as refusal:
        rules.read_document(TERMS.replace(old, new), REGISTER)
    assert problem in refusal.value.detail


@pytest.mark.parametrize(
    ("case", "old", "new", "problem"),
    [
        ("no number", 'number = "11-1"', "", "فهرست بندها: D54 شماره‌ای مانند"),
        ("a number of another form", '"11-1"', '"11.1"', "فهرست بندها: D54 شماره‌ای مانند"),
        ("an id twice", 'id = "D54"', 'id = "D30"', "فهرست بندها: D30 دو بار آمده است"),
        ("no id", 'id = "D54"', "", "فهرست بندها: بندی شناسه"),
        ("no title", 'title = "سبد رزرو نیست"', "", "فهرست بندها: D54: title نیامده"),
        ("a number twice", '"11-1"', '"5-3"', "شماره 5-3 به دو بند داده شده است"),
        ("parameters that are none", "parameters = []", "parameters = [1]", "پارامترهای D54 نام نیستند"),
        ("neither due nor not", '= []\ndue = true', '= []\ndue = "yes"', "due در D54 نه درست است"),
        ("no TOML", 'id = "D54"', "id = D54", "فهرست بندها، خط "),
    ],
)  # fmt: skip
def test_a_register_with_a_fault_is_refused_and_the_fault_named(case, old, new, problem):
    assert REGISTER.count(old) == 1
    with pytest.raises(rules.UnreadableTerms) as refusal:
        rules.read_document(TERMS, REGISTER.replace(old, new))
    assert problem in refusal.value.detail


@pytest.mark.clause("D04")
@pytest.mark.parametrize(
    ("case", "text", "problem"),
    [
        ("a quote is left open", 'title = "شرایط\n', "متن، خط ۱، نویسه ۱۵: متن در همین خط با گیومه بسته نشده است"),
        ("a value is missing", "a = 1\nb = \n", "متن، خط ۲، نویسه ۵: مقدار خوانده نمی‌شود"),
        ("a bracket is left open", "[parameters\n", "متن، خط ۱، نویسه ۱۲: نام بخش با ] بسته نشده است"),
        ("a name comes twice", "a = 1\na = 2\n", "متن، خط ۲، نویسه ۶: این نام پیش‌تر"),
        ("no equals sign", "title x\n", "متن، خط ۱، نویسه ۷: پس از نام، نشانه = نیامده است"),
        ("a section comes twice", "[a]\n[a]\n", "متن، خط ۲، نویسه ۳: این بخش پیش‌تر"),
        ("a long text has no end", 'a = 1\nb = """abc\n', "متن، خط ۲، پایان متن: گیومه‌ای باز شده"),
        ("a line that is nothing", "\n\nبند\n", "متن، خط ۳، نویسه ۱: این خط نه «نام = مقدار» است"),
    ],
)
def test_a_text_that_cannot_be_read_says_in_persian_which_line_and_why(case, text, problem):
    with pytest.raises(rules.UnreadableTerms) as refusal:
        rules.read_document(text, REGISTER)
    assert refusal.value.problems[0].startswith(problem)
    for english in ("line", "column", "Invalid", "Expected", "Cannot", "Unterminated"):
        assert english not in refusal.value.problems[0]


def test_all_faults_are_named_at_once():
    with pytest.raises(rules.UnreadableTerms) as refusal:
        rules.read_document(TERMS.replace("{refund_hours}", "{a}").replace("{packing_fee}", "{b}"), REGISTER)
    assert "برای {a} پارامتری نیامده است" in refusal.value.detail
    assert "برای {b} پارامتری نیامده است" in refusal.value.detail


def test_an_empty_document_is_refused():
    with pytest.raises(rules.UnreadableTerms) as refusal:
        rules.read_document("", REGISTER)
    assert "متن: section نیامده است" in refusal.value.detail
