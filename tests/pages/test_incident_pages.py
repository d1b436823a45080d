"""Incidents at the desk and in the open: every page with its states and its cost, nothing moves before it was shown."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from peyman.entrypoints import audit_runs
from peyman.market.incidents.actions import incidents
from peyman.market.incidents.models import AuditRun, Incident, Notice, Step
from peyman.market.incidents.queries import desk
from peyman.market.tariff.models import AuditWatch
from peyman.messages.models import Message
from peyman.people.models import Person
from peyman.promises.models import TermsVersion
from tests import incidents as given
from tests import make
from tests.incidents import HOUR, NOW
from tests.pages.reading import plain_html_of as html_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(shop: TermsVersion, settings: Any) -> tuple[Person, Person]:
    settings.REGISTRANTS = ["market.ir"]
    return make.person(role="tariff", full_name="نگار صادقی"), make.person(role="manager", full_name="بهرام نوری")


@pytest.fixture
def at(clock: Path) -> Callable[[datetime], object]:
    """Let it be that instant."""
    return lambda instant: clock.write_text(instant.isoformat())


@pytest.fixture
def keeper(client: Client, two: tuple[Person, Person]) -> Client:
    client.force_login(two[0])
    return client


def words_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


def form_of(notice_html: str) -> dict[str, str]:
    """What the boxes of the form of a notice hold."""
    found = dict(re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>([^<]*)</textarea>', notice_html))
    for tag in re.findall(r"<input[^>]*>", notice_html):
        name, value = re.search(r'name="(\w+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value and name[1] != "csrfmiddlewaretoken":
            found[name[1]] = value[1]
    return found


# ---- The desk ----


@pytest.mark.clause("B10")
def test_the_desk_is_for_those_who_look_after_the_tariff(client: Client, two: Any) -> None:
    found = given.detected()
    paths = ["/desk/tariff/runs/", f"/desk/tariff/runs/{found.run.code}/", f"/desk/tariff/runs/{found.run.code}/report",
             "/desk/tariff/incidents/", f"/desk/tariff/incidents/{found.code}/",
             f"/desk/tariff/incidents/{found.code}/notice"]  # fmt: skip
    for path in paths:
        assert client.get(path).status_code == 302
    client.force_login(make.person())
    for path in paths:
        assert client.get(path).status_code == 404
    for path in (f"/desk/tariff/incidents/{found.code}/confirm", f"/desk/tariff/runs/{found.run.code}/recount"):
        assert client.post(path, {"reason-confirm": "چون"}).status_code == 404
    assert Incident.objects.get().state == "detected"


@pytest.mark.clause("B10")
def test_an_incident_walks_from_detected_to_closed_through_the_desk(client: Client, two: Any) -> None:
    given.history()
    found = given.detected()
    page = f"/desk/tariff/incidents/{found.code}/"
    first, second = two
    client.force_login(first)
    html = html_of(client.get(page))
    assert "۱۲۰٬۰۰۰ تا ۴۵۰٬۰۰۳ ریال" in html
    assert "چه کسی کی می‌دانست" in html
    assert client.post(f"{page}confirm", {"reason-confirm": "با فایل‌ها سنجیدم."}).status_code == 302
    # Who confirmed sees the notice, and is refused when publishing it.
    form = form_of(html_of(client.get(f"{page}notice"))) | {"reason": "آماده است."}
    assert form["what"].startswith("از ۱ آذر ۱۴۰۳ تا پایان ۱۴ آذر ۱۴۰۳")
    preview = html_of(client.post(f"{page}notice", form))
    assert "هنوز منتشر نشده است" in preview
    assert Notice.objects.count() == 0
    refused = html_of(client.post(f"{page}notice", {**form, "step": "confirm"}), 409)
    assert "با همکار دیگری است" in refused
    assert Notice.objects.count() == 0
    client.force_login(second)
    html_of(client.post(f"{page}notice", form))
    assert client.post(f"{page}notice", {**form, "step": "confirm"}).status_code == 302
    assert Notice.objects.count() == 1
    assert Message.objects.filter(template="incident").count() == 1
    html = html_of(client.get(page))
    assert "۱ از ۱" in html  # the one range is mended
    asked = html_of(client.post(f"{page}close", {"reason-close": "همه ثبت‌اند."}))
    assert "این گام برگشتی ندارد" in asked
    assert Incident.objects.get().state == "published"
    assert client.post(f"{page}close", {"reason-close": "همه ثبت‌اند.", "step": "confirm"}).status_code == 302
    assert Incident.objects.get().state == "closed"
    html = html_of(client.get(page))
    assert "زنجیره ۴ گام درست است" in html
    assert "بهرام نوری" in html
    assert "reason-" not in html  # nothing more can be done


@pytest.mark.clause("B10")
def test_a_step_without_its_reason_or_out_of_turn_is_said_in_place(keeper: Client) -> None:
    found = given.detected()
    page = f"/desk/tariff/incidents/{found.code}/"
    html = html_of(keeper.post(f"{page}confirm", {"reason-confirm": " "}), 422)
    assert "سبب آن نوشته نشده است" in html
    html = html_of(keeper.post(f"{page}close", {"reason-close": "چون", "step": "confirm"}), 409)
    assert "این کار از اینجا شدنی نیست" in html
    html = html_of(keeper.post(f"{page}attach", {"reason-attach": "چون", "run": found.run.code}), 422)
    assert "همین اجرا به پرونده پیوسته است" in html
    assert keeper.post(f"{page}publish", {"reason-publish": "چون"}).status_code == 404
    assert keeper.post(f"{page}attach", {"reason-attach": "چون", "run": "RUN-1"}).status_code == 404
    assert keeper.get(f"{page}notice").status_code == 404  # not confirmed
    assert keeper.get("/desk/tariff/incidents/INC-1/").status_code == 404
    assert Step.objects.count() == 1


@pytest.mark.clause("B10")
def test_a_run_that_differs_is_shown_and_keeps_the_incident_from_being_confirmed(keeper: Client) -> None:
    found = given.detected(is_same=False)
    html = html_of(keeper.get(f"/desk/tariff/runs/{found.run.code}/"))
    assert "مهرنت: ۱ بایت" in words_of(html)
    html = html_of(keeper.post(f"/desk/tariff/incidents/{found.code}/confirm", {"reason-confirm": "چون"}), 409)
    assert "مهرنت: ۱ بایت" in words_of(html)
    assert Incident.objects.get().state == "detected"


def test_a_drift_that_no_run_counted_says_so(keeper: Client) -> None:
    made = incidents.detect_by_staff(
        typed={"title": "گزارش", "ranges": given.OURS, "from": "۱۴۰۳/۱۰/۱", "reason": "نامه کاربر"},
        by=Person.objects.get(role="tariff"),
        now=NOW,
    )
    html = html_of(keeper.get(f"/desk/tariff/incidents/{made.code}/"))
    assert "هنوز ممیزی نشده است" in html
    assert "نامعلوم" in html
    html = html_of(keeper.post(f"/desk/tariff/incidents/{made.code}/confirm", {"reason-confirm": "چون"}), 409)
    assert "هیچ اجرای ممیزی به آن نپیوسته است" in html


@pytest.mark.clause("B10")
def test_staff_open_an_incident_and_every_wrong_box_is_named(keeper: Client) -> None:
    html = html_of(keeper.post("/desk/tariff/incidents/", {"title": "", "ranges": "x", "from": "", "reason": ""}), 422)
    assert "چهار مورد مانده است" in html
    assert not Incident.objects.exists()
    typed = {"title": "<b>گزارش</b>", "ranges": "185.143.232.0/30", "from": "۱۴۰۳/۱۰/۱", "reason": "نامه"}
    response = keeper.post("/desk/tariff/incidents/", typed)
    assert response.status_code == 302
    html = html_of(keeper.get(response["Location"]))
    assert "<b>گزارش" not in html
    assert "&lt;<bdi>b</bdi>&gt;گزارش" in html
    assert Message.objects.filter(template="incident").count() == 1  # the manager


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "a\u202eb", "ا" * 5000, "' OR 1=1 --", "{{ 7 }}"])
def test_what_is_typed_into_a_notice_is_text(client: Client, two: Any, text: str) -> None:
    found = given.confirmed(two[0])
    client.force_login(two[1])
    page = f"/desk/tariff/incidents/{found.code}/notice"
    form = form_of(html_of(client.get(page))) | {"reason": "چون"}
    for name in ("title", "what", "why", "doing", "check", "contact", "signer", "until", "reason"):
        response = client.post(page, {**form, name: text})
        html = response.content.decode()
        assert response.status_code in (200, 422)
        assert "<script>alert" not in html
        assert "\u202e" not in html or response.status_code == 422
        assert client.post(page, {**form, name: "\0"}).status_code == 400
    assert Notice.objects.count() == 0


def test_a_run_is_listed_shown_counted_again_and_opens_an_incident_once(
    keeper: Client, tmp_path: Path, settings: Any
) -> None:
    settings.DATA_DIR = tmp_path / "data"
    found = given.run()
    html = html_of(keeper.get("/desk/tariff/runs/"))
    assert found.code in html
    assert "۱٬۰۰۰ سطر، ۱۵۰ اضافه" in html
    html = html_of(keeper.get(f"/desk/tariff/runs/{found.code}/"))
    assert "گشودن پرونده از این اجرا" in html
    response = keeper.post(f"/desk/tariff/runs/{found.code}/incident")
    assert response["Location"] == f"/desk/tariff/incidents/{Incident.objects.get().code}/"
    html = html_of(keeper.post(f"/desk/tariff/runs/{found.code}/incident"), 422)
    assert "برای این اجرا پرونده‌ای هست" in html
    assert keeper.post(f"/desk/tariff/runs/{found.code}/recount").status_code == 302
    found.refresh_from_db()
    assert found.state == "differs"  # its files were never kept
    assert "فایل‌های نگه‌داشته این اجرا دیگر آن نیست که بود" in html_of(keeper.get(f"/desk/tariff/runs/{found.code}/"))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"busy_until": NOW + HOUR}, "ممیزی روزانه در کار است."),
        ({"fault": "فایلی نبود", "tried_at": NOW}, "آخرین ممیزی روزانه به پایان نرسید."),
        ({"done_at": NOW}, "آخرین ممیزی تمام‌شده: شنبه ۱۵ دی ۱۴۰۳، ساعت ۱۰"),
    ],
)
def test_the_list_of_runs_says_how_the_daily_audit_stands(keeper: Client, state: dict[str, Any], said: str) -> None:
    assert "ممیزی روزانه" not in html_of(keeper.get("/desk/tariff/runs/"))
    AuditWatch.objects.create(pk=1, **state)
    assert said in words_of(html_of(keeper.get("/desk/tariff/runs/")))


def test_the_difference_of_a_run_to_the_one_it_replaces_is_shown(keeper: Client) -> None:
    given.run("first")
    totals = given.TOTALS | {"unknown": {"changed_in_gap": 19, "shown_unknown": 10}, "fine": 701}
    later = given.run("later", totals=totals, parameters={"registrants": ["market.ir"], "gap_days": 9})
    html = words_of(html_of(keeper.get(f"/desk/tariff/runs/{later.code}/")))
    assert "نامعلوم: ردیف میان دو نسخه فهرست ملی تغییر کرده است۲۰۱۹" in html
    assert "gap_days: 8 9" in html
    assert "اجرای تازه‌تری همین روزها را دارد" in html_of(
        keeper.get(f"/desk/tariff/runs/{AuditRun.objects.first().code}/")
    )


def test_the_report_of_a_run_is_shown_in_a_sandbox_and_only_as_it_was(
    keeper: Client, tmp_path: Path, settings: Any
) -> None:
    settings.DATA_DIR = tmp_path / "data"
    folder = given.folder(tmp_path / "answer")
    found = audit_runs.take(folder, now=NOW)
    response = keeper.get(f"/desk/tariff/runs/{found.code}/report")
    assert response.status_code == 200
    assert "گزارش ممیزی" in response.content.decode()
    policy = response["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'; style-src 'none';")
    assert "script" not in policy
    (settings.DATA_DIR / found.folder / "report.html").write_text("<p>دیگر")
    assert keeper.get(f"/desk/tariff/runs/{found.code}/report").status_code == 404


COSTS = {"/desk/tariff/runs/": 7, "/desk/tariff/incidents/": 6}


@pytest.mark.parametrize("path", COSTS)
def test_lists_of_the_desk_cost_the_same_whatever_they_hold(
    keeper: Client, django_assert_num_queries: Any, path: str
) -> None:
    given.detected()
    html_of(keeper.get(path))
    with django_assert_num_queries(COSTS[path]):
        keeper.get(path)
    for n in range(4):
        given.detected(name=f"run {n}")
    with django_assert_num_queries(COSTS[path]):
        keeper.get(path)


def test_the_page_of_an_incident_costs_the_same_however_long_it_is(
    keeper: Client, two: Any, django_assert_num_queries: Any
) -> None:
    given.history()
    short = given.published(*two).incident
    many = [{**given.INTERVALS[0], "edges": [f"185.143.{n}.{m}" for m in range(9)], "lines": 3} for n in range(50)]
    long = given.published(*two, name="long", intervals=many, totals=given.TOTALS).incident
    for one in (short, long):
        html_of(keeper.get(f"/desk/tariff/incidents/{one.code}/"))
        with django_assert_num_queries(24):
            keeper.get(f"/desk/tariff/incidents/{one.code}/")


# ---- In the open ----


@pytest.mark.clause("B11")
def test_the_notice_says_what_why_who_how_much_and_until_when(client: Client, two: Any) -> None:
    given.history()
    notice = given.published(*two)
    html = html_of(client.get(f"/official/incidents/{notice.incident.code}/"))
    text = words_of(html)
    for said in (
        "نوشتیم نیم‌بها؛ برای بخشی از دانلودها نبود.",
        "مسئولیت این خطا با ماست و از شما پوزش می‌خواهیم.",
        "دست‌کم ۱۲۰٬۰۰۰ و حداکثر ۴۵۰٬۰۰۳ ریال",
        "۱۵۰ دانلود به حجم ۳٬۰۰۱ مگابایت",
        "۲۵ کاربر یا نشانه دانلود شناخته‌شده؛ ۳۰ دانلود را نمی‌دانیم از آنِ کیست",
        "مهرنت",
        "185.143.232.0",
        "۲۰ دانلود در رقم‌های بالا نیست: ردیف میان دو نسخه فهرست ملی تغییر کرده است",
        "تا یکشنبه ۳۱ فروردین ۱۴۰۴، ساعت ۲۳:۵۹",
        "به claims@market.ir بنویسید",
        "نگار صادقی",
        "نخستین بار در فهرست ملی دیده شد، با موعد ۱۵ آذر ۱۴۰۳",
        given.new_run().sha256,
        notice.sha256,
    ):
        assert said in text, said
    assert "بهرام" not in text  # who published stays inside
    assert '<svg class="fig"' in html


@pytest.mark.clause("B11")
def test_the_notice_for_machines_matches_the_stored_run_to_the_rial(client: Client, two: Any) -> None:
    notice = given.published(*two)
    answer = client.get(f"/official/incidents/{notice.incident.code}.json")
    assert answer["Content-Type"] == "application/json"
    said = json.loads(answer.content)
    run = AuditRun.objects.get()
    assert said["totals"] == run.totals == given.TOTALS
    assert said["operators"] == run.operators
    assert (said["run"]["manifest_sha256"], said["sha256"]) == (run.sha256, notice.sha256)
    assert client.get(f"/official/incidents/{notice.incident.code}/1.json").status_code == 200
    assert client.get(f"/official/incidents/{notice.incident.code}/2.json").status_code == 404
    assert client.get("/official/incidents/INC-1.json").status_code == 404


@pytest.mark.clause("B11")
def test_a_corrected_notice_is_a_new_version_and_the_old_one_stays_readable(client: Client, two: Any) -> None:
    first = given.published(*two)
    code = first.incident.code
    words = given.words(first.incident, title="نوشتیم نیم‌بها؛ برای برخی دانلودها نبود.")
    incidents.correct(code=code, words=words, reason="واژه‌ای بهتر", by=two[1], now=NOW + 3 * HOUR)
    last = html_of(client.get(f"/official/incidents/{code}/"))
    assert "تفاوت با نسخه ۱" in last
    assert "<del>بخشی از</del> <ins>برخی</ins>" in last
    old = html_of(client.get(f"/official/incidents/{code}/1/"))
    assert "این نسخه ۱ است و نسخه تازه‌تری دارد" in old
    assert "برای بخشی از دانلودها نبود." in old
    assert client.get(f"/official/incidents/{code}/3/").status_code == 404
    assert "واژه‌ای بهتر" not in last  # reasons stay inside


@pytest.mark.clause("B11")
def test_notices_are_listed_on_the_official_page_and_what_is_not_published_is_not(client: Client, two: Any) -> None:
    given.detected(name="hidden")
    assert "تاکنون رویدادی منتشر نشده است" in html_of(client.get("/official/incidents/"))
    notice = given.published(*two)
    for path in ("/official/", "/official/incidents/"):
        html = html_of(client.get(path))
        assert f"/official/incidents/{notice.incident.code}/" in html
    hidden = Incident.objects.get(state="detected")
    for path in (f"/official/incidents/{hidden.code}/", f"/official/incidents/{hidden.code}.json"):
        assert client.get(path).status_code == 404
    assert hidden.code not in client.get("/official/incidents/").content.decode()


@pytest.mark.clause("B11", "B17")
def test_a_closed_notice_says_since_when_and_after_the_window_late_news_is_still_taken(
    client: Client, two: Any, at: Any
) -> None:
    given.history()
    notice = given.published(*two)
    incidents.close(code=notice.incident.code, reason="برطرف شد.", by=two[0], now=NOW + 3 * HOUR)
    html = html_of(client.get(f"/official/incidents/{notice.incident.code}/"))
    assert "این پرونده شنبه ۱۵ دی ۱۴۰۳، ساعت ۱۳ بسته شد." in words_of(html)
    at(given.tehran("2025-04-20T23:59"))
    assert "دقیقه مانده" in html_of(client.get(f"/official/incidents/{notice.incident.code}/"))
    at(given.tehran("2025-04-21T00:00"))
    assert "این مهلت گذشته است" in html_of(client.get(f"/official/incidents/{notice.incident.code}/"))


@pytest.mark.parametrize("path", ["/official/incidents/", "/official/incidents/{}/", "/official/incidents/{}.json"])
def test_public_pages_cost_the_same_however_many_notices_there_are(
    client: Client, two: Any, django_assert_num_queries: Any, path: str
) -> None:
    code = given.published(*two).incident.code
    cost = {"/official/incidents/": 2, "/official/incidents/{}/": 2, "/official/incidents/{}.json": 3}[path]
    client.get(path.format(code))
    with django_assert_num_queries(cost):
        client.get(path.format(code))
    given.published(*two, name="more")
    client.get(path.format(code))  # publishing has read the terms of a later hour
    with django_assert_num_queries(cost):
        client.get(path.format(code))


def test_codes_are_understood_however_they_are_typed(client: Client, two: Any) -> None:
    code = given.published(*two).incident.code
    assert client.get(f"/official/incidents/{code.lower()}/").status_code == 200
    assert desk.incident(code.lower()).code == code
