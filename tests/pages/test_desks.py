"""The desks of staff: who gets in, and that nothing moves before it was shown."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from peyman.entrypoints.backoffice.calendar import source_words
from peyman.promises import actions, queries
from peyman.promises.models import CalendarVersion, ForceMajeure, Promise, TermsVersion
from tests import make
from tests.pages.reading import html_of

NOW = make.NOW
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def manager(client: Client, shop: TermsVersion) -> Client:
    client.force_login(make.person(role="manager"))
    return client


def promise(subject: str = "refund:1", *, at: Any = NOW, hours: int = 48, **changes: Any) -> Promise:
    plain: dict[str, Any] = {
        "clause": "D30", "kind": "refund", "subject": subject, "order": "ORD-1", "person_id": None,
        "what": "بازگرداندن ۱۰۰٬۰۰۰ تومان به حساب شما", "terms": make.terms(), "start": at, "hours": hours,
    }  # fmt: skip
    return actions.make(actions.NewPromise(**{**plain, **changes}), now=at)


# ---- Who gets in ----

DESKS = ["/desk/promises/", "/desk/promises.csv", "/desk/calendar/", "/desk/force-majeure/", "/desk/terms/"]


@pytest.mark.parametrize("url", DESKS)
def test_strangers_log_in_and_whoever_has_no_right_finds_nothing(client: Client, shop: TermsVersion, url: str) -> None:
    answer = client.get(url)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/login/?next={url}")
    for role in ("customer", "catalogue"):
        client.force_login(make.person(role=role))
        assert client.get(url).status_code == 404


def test_a_role_opens_its_own_desks_and_no_other(client: Client, shop: TermsVersion) -> None:
    client.force_login(make.person(role="orders"))
    assert client.get("/desk/").headers["Location"] == "/desk/orders/"
    html = html_of(client.get("/desk/promises/"))
    assert "/desk/calendar/" not in html
    for url in DESKS[2:]:
        assert client.get(url).status_code == 404
        assert client.post(url, {"step": "confirm"}).status_code == 404


# ---- Working days ----


def close(**changes: str) -> dict[str, str]:
    plain = {"act": "close", "date": "۱۴۰۳/۱۰/۱۶", "title": "تعطیلی به سبب سرما", "source": "مصوبه دولت"}
    return {**plain, **changes}


@pytest.mark.clause("D21")
def test_closing_a_day_shows_what_moves_then_moves_it(manager: Client) -> None:
    row = promise()
    html = html_of(manager.post("/desk/calendar/", close()))
    assert "۱ قول باز" in html and row.code in html
    assert "تا دوشنبه ۱۷ دی، ساعت ۱۰" in html and "تا سه‌شنبه ۱۸ دی، ساعت ۱۰" in html
    assert CalendarVersion.objects.count() == 1
    done = manager.post("/desk/calendar/", close(step="confirm", seen="1"))
    assert (done.status_code, done.headers["Location"]) == (302, "/desk/calendar/?made=2")
    row.refresh_from_db()
    assert row.due_at == NOW + 3 * DAY
    html = html_of(manager.get("/desk/calendar/?made=2"))
    assert "تعطیلی به سبب سرما" in html and "مصوبه دولت" in html and "تقویم نسخه ۲ ثبت شد" in html


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("holidays 0.109, IR", "جدول آغازین، از کتابخانه holidays 0.109"),
        ("force majeure FMJ-1 declared", "اعلام دوره قوه قهریه FMJ-1"),
        ("force majeure FMJ-1 ended", "پایان دوره قوه قهریه FMJ-1"),
        ("مصوبه دولت", "مصوبه دولت"),
    ],
)
def test_versions_that_the_house_made_by_itself_say_why_in_persian(source: str, said: str) -> None:
    assert source_words(source) == said


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"date": "فردا"}, "این تاریخ خوانده نشد"),
        ({"date": "۱۴۰۳/۱۰/۱۰"}, "گذشته است"),
        ({"date": "۱۴۰۳/۱۰/۲۱"}, "تعطیل هفتگی است"),
        ({"title": ""}, "مناسبت تعطیلی را بنویسید"),
        ({"source": ""}, "منبع این تغییر را بنویسید"),
    ],
)
def test_what_cannot_be_closed_says_why_and_keeps_what_was_typed(
    manager: Client, typed: dict[str, str], says: str
) -> None:
    html = html_of(manager.post("/desk/calendar/", close(**typed, step="confirm", seen="1")), 422)
    assert says in html and "خطا:" in html
    if "title" not in typed:
        assert "تعطیلی به سبب سرما" in html
    assert CalendarVersion.objects.count() == 1


def test_a_holiday_entered_twice_is_told_so(manager: Client) -> None:
    manager.post("/desk/calendar/", close(step="confirm", seen="1"))
    assert "از پیش در جدول تعطیل است" in html_of(manager.post("/desk/calendar/", close(step="confirm", seen="2")), 422)


def test_a_confirmation_of_an_older_preview_is_refused_with_a_fresh_one(manager: Client) -> None:
    actions.change_calendar(close={date(2025, 2, 1): "x"}, source="x", now=NOW)
    html = html_of(manager.post("/desk/calendar/", close(step="confirm", seen="1")), 409)
    assert "در این میان تقویم کاری عوض شده است" in html and 'name="seen" value="2"' in html


def test_making_promises_late_by_an_edit_needs_a_tick(manager: Client, clock: Any) -> None:
    actions.change_calendar(close={date(2025, 1, 4): "برف"}, source="x", now=NOW)
    row = promise(hours=2)
    clock.write_text((NOW + 5 * HOUR).isoformat())
    opening = {"act": "open", "date": "۱۴۰۳/۱۰/۱۵", "source": "لغو شد", "step": "confirm", "seen": "2"}
    html = html_of(manager.post("/desk/calendar/", opening), 409)
    assert "۱ قول با این تغییر بی‌درنگ دیر می‌شود" in html
    assert manager.post("/desk/calendar/", {**opening, "accept_overdue": "yes"}).status_code == 302
    row.refresh_from_db()
    assert row.due_at == NOW + 2 * HOUR


# ---- Force majeure ----


def declared(**changes: Any) -> dict[str, Any]:
    plain = {
        "title": "زلزله", "text": "راه‌های استان بسته است.", "signer": "نرگس کاظمی، مدیر فروشگاه",
        "starts_date": "۱۴۰۳/۱۰/۱۵", "starts_hour": "۱۲", "ends_date": "", "ends_hour": "", "clauses": ["D30"],
    }  # fmt: skip
    return {**plain, **changes}


@pytest.mark.clause("D121")
def test_a_period_is_shown_declared_published_and_ended(manager: Client, clock: Any) -> None:
    customer = make.person()
    row = promise(person_id=customer.pk)
    html = html_of(manager.post("/desk/force-majeure/", declared()))
    assert "می‌ایستد" in html and row.code in html and not ForceMajeure.objects.exists()
    done = manager.post("/desk/force-majeure/", declared(step="confirm", seen="1"))
    period = ForceMajeure.objects.get()
    assert done.headers["Location"] == f"/desk/force-majeure/?made={period.code}"
    html_of(manager.get(done.headers["Location"]))

    reader = Client()
    public = html_of(reader.get(f"/force-majeure/{period.code}/"))
    for said in ("زلزله", "راه‌های استان بسته است.", "نرگس کاظمی، مدیر فروشگاه", "مهلت بازگشت وجه", "اطلاع بعدی"):
        assert said in public
    clock.write_text((NOW + 5 * DAY).isoformat())
    reader.force_login(customer)
    mine = html_of(reader.get("/promises/"))
    assert "شمارش از <time" in mine and f"/force-majeure/{period.code}/" in mine

    manager.force_login(make.person(role="manager"))
    end = f"/desk/force-majeure/{period.code}/end"
    assert row.code in html_of(manager.get(end))
    assert "بنویسید چرا این دوره پایان یافت" in html_of(manager.post(end, {"step": "confirm", "seen": "2"}), 422)
    assert manager.post(end, {"step": "confirm", "seen": "2", "note": "راه‌ها باز شد."}).status_code == 302
    row.refresh_from_db()
    assert row.held_since is None and row.due_at > NOW + 5 * DAY
    public = html_of(reader.get(f"/force-majeure/{period.code}/"))
    assert "راه‌ها باز شد." in public and "پایان‌یافته" in public
    assert "زلزله" in html_of(reader.get("/force-majeure/")), "a period that is over stays readable"


def test_a_declaration_with_faults_names_them_and_keeps_what_was_typed(manager: Client) -> None:
    typed = declared(starts_hour="۲۵", signer="", ends_date="۱۴۰۳/۱۰/۱۴", step="confirm", seen="1")
    html = html_of(manager.post("/desk/force-majeure/", typed), 422)
    for said in ("تاریخ یا ساعت خوانده نشد", "امضاکننده را بنویسید", "پایان آن گذشته است", "راه‌های استان بسته است."):
        assert said in html
    assert not ForceMajeure.objects.exists()


# ---- Terms ----


def edited() -> str:
    text = queries.source(queries.all_terms()[0])
    assert "refund_hours = 48" in text
    return text.replace("refund_hours = 48", "refund_hours = 36")


@pytest.mark.clause("D04")
def test_a_new_version_is_compared_then_published_and_the_old_one_stays(manager: Client) -> None:
    page = html_of(manager.get("/desk/terms/"))
    assert "refund_hours = 48" in page
    html = html_of(manager.post("/desk/terms/", {"toml": edited(), "day": "۱۴۰۳/۱۰/۲۰", "hour": "۸"}))
    assert "<del>۴۸</del>" in html and "<ins>۳۶</ins>" in html and "پنجشنبه ۲۰ دی ۱۴۰۳، ساعت ۸" in html
    assert TermsVersion.objects.count() == 1
    done = manager.post("/desk/terms/", {"toml": edited(), "day": "۱۴۰۳/۱۰/۲۰", "hour": "۸", "step": "confirm"})
    assert done.headers["Location"] == "/desk/terms/?made=2"
    version = TermsVersion.objects.get(number=2)
    assert (version.parameters["refund_hours"], version.effective_at.isoformat()) == (36, "2025-01-09T04:30:00+00:00")
    assert "هنوز اجرا نشده است" in html_of(manager.get("/terms/2/"))
    assert queries.terms_in_force(NOW).number == 1
    assert "از نسخه ۱ به ۲" in html_of(manager.get("/terms/difference/?old=1&new=2"))
    assert "از نسخه ۲ به ۱" in html_of(manager.get("/terms/difference/?old=2&new=1"))
    assert manager.get("/terms/difference/?old=1&new=9").status_code == 404
    assert manager.get("/terms/difference/?old=x").status_code == 404


def test_a_version_may_come_as_a_file(manager: Client) -> None:
    file = io.BytesIO(edited().encode("utf-8-sig"))
    file.name = "v2.toml"
    done = manager.post("/desk/terms/", {"toml": "", "file": file, "step": "confirm"})
    assert done.headers["Location"] == "/desk/terms/?made=2"
    bad = io.BytesIO(b"\xff\xfe\x00")
    bad.name = "v3.toml"
    assert "UTF-8" in html_of(manager.post("/desk/terms/", {"file": bad}), 422)


@pytest.mark.parametrize(
    ("typed", "status", "says"),
    [
        ({"toml": ""}, 422, "متن خالی است"),
        ({"toml": "title = "}, 422, "متن، خط ۱، پایان متن: مقدار خوانده نمی‌شود"),
        ({"toml": "title = 'x'\n[parameters]\noffice_from = 9"}, 422, "office_from و office_to با هم می‌آیند"),
        ({"day": "دیروز"}, 422, "تاریخ یا ساعت خوانده نشد"),
        ({"day": "۱۴۰۳/۱۰/۱۴"}, 422, "شرایط تازه بر گذشته حاکم نمی‌شود"),
    ],
)
def test_terms_that_cannot_be_published_say_every_fault(
    manager: Client, typed: dict[str, str], status: int, says: str
) -> None:
    html = html_of(manager.post("/desk/terms/", {"toml": edited(), "step": "confirm", **typed}), status)
    assert says in html
    assert TermsVersion.objects.count() == 1


def test_the_same_text_is_no_new_version(manager: Client) -> None:
    same = queries.source(queries.all_terms()[0])
    assert "پیش از این نسخه ۱ بوده است" in html_of(manager.post("/desk/terms/", {"toml": same, "step": "confirm"}), 409)


def test_a_version_without_its_source_is_copied_from_its_rows(manager: Client) -> None:
    version = queries.all_terms()[0]
    document = make.terms_document()
    version.source = ""
    copied = queries.source(version)
    read = make.read_document(copied, (make.TERMS / "register.toml").read_text())
    assert read.canonical == document.canonical


# ---- The board ----


@pytest.mark.parametrize("n", [1, 30])
def test_the_board_costs_the_same_queries_whatever_it_shows(
    manager: Client, n: int, django_assert_num_queries: Any
) -> None:
    for i in range(n):
        promise(f"refund:{i}", hours=1 + i)
    manager.get("/desk/promises/")
    with django_assert_num_queries(9):  # session, person, record, terms, counts, rows, moves, remedies, kinds
        html = html_of(manager.get("/desk/promises/"))
    assert html.count('class="qrow') == n


def test_the_board_shows_what_is_late_first_and_filters(manager: Client, clock: Any) -> None:
    late, soon, far = promise("a", hours=1), promise("b", hours=4), promise("c", hours=48)
    clock.write_text((NOW + 3 * HOUR).isoformat())
    html = html_of(manager.get("/desk/promises/"))
    assert html.index(late.code) < html.index(soon.code) < html.index(far.code)
    assert "۲ ساعت دیر" in html and "۱ ساعت مانده" in html
    only = html_of(manager.get("/desk/promises/?state=soon"))
    assert soon.code in only and late.code not in only and far.code not in only
    assert far.code in html_of(manager.get(f"/desk/promises/?q={far.code.lower()}&state=open"))
    for odd in ("?state=x", "?clause=%FF", "?q=%27", "?kind=" + "x" * 500):
        html_of(manager.get(f"/desk/promises/{odd}"))


def test_the_file_of_the_board_opens_safely_in_a_spreadsheet(manager: Client) -> None:
    promise("a", what='=HYPERLINK("http://x")')
    promise("b", what="@SUM(1)")
    answer = manager.get("/desk/promises.csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["what"] for row in rows] == ['\'=HYPERLINK("http://x")', "'@SUM(1)"]
    assert rows[0]["due_at"] == "2025-01-06T06:30:00Z"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="promises-20250104-0630.csv"'
