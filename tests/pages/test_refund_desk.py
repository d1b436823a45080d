"""The desk of refunds and the customer's own page of them: what they say, who may do what, and that nothing slips."""

from pathlib import Path

import pytest
from django.test import Client

from peyman.billing.models import Account, PayaBatch, PayaLine, Payment
from peyman.people.models import AccessLog
from peyman.promises.models import TermsVersion
from tests import make
from tests.pages.reading import html_of
from tests.rooms.test_paya import LIMIT, OTHER, SHEBA, declared, fallen, house, owner, ready

__all__ = ["house"]  # a fixture

DESK = "/desk/refunds/"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(clock: Path, shop: TermsVersion) -> dict[str, Client]:
    """Two members of staff who may see to refunds, each in a browser of their own."""
    found = {}
    for name, role in (("finance", "finance"), ("manager", "manager")):
        found[name] = Client()
        found[name].force_login(make.person(role=role))
    return found


def test_whoever_has_not_the_right_finds_no_desk(client: Client, clock: Path) -> None:
    for role in ("customer", "orders", "catalogue", "privacy", "tariff"):
        client.force_login(make.person(role=role))
        assert client.get("/desk/refunds.csv").status_code == 404
        for path in ("", "batches/", "batches/new", "REF-1/", "batches/BAT-1/"):
            assert client.get(f"{DESK}{path}").status_code == 404
        for path in ("REF-1/approve", "REF-1/look", "REF-1/holder", "REF-1/refuse", "batches/BAT-1/file"):
            assert client.post(f"{DESK}{path}").status_code == 404


def test_a_desk_without_work_says_so(staff: dict[str, Client]) -> None:
    assert "به کسی پولی بدهکار نیستیم." in html_of(staff["finance"].get(DESK))
    assert "هنوز دسته‌ای ساخته نشده است." in html_of(staff["finance"].get(f"{DESK}batches/"))
    assert "اکنون بازپرداختی آماده رفتن نیست." in html_of(staff["finance"].get(f"{DESK}batches/new"))
    assert staff["finance"].get(f"{DESK}REF-NONE/").status_code == 404
    assert staff["finance"].get(f"{DESK}batches/BAT-NONE/").status_code == 404
    assert staff["finance"].get(f"{DESK}batches/BAT-NONE/file").status_code == 405


def test_a_list_is_a_file_and_a_refund_is_found_by_its_receipt(staff: dict[str, Client]) -> None:
    refund, other = fallen(), fallen()
    refund.payment.refresh_from_db()
    Payment.objects.filter(pk=refund.payment.pk).update(refnum="GmshtyjwKSv1==")
    found = html_of(staff["finance"].get(DESK, {"q": "gmshtyjwksv1=="}))
    assert refund.code in found and other.code not in found and 'href="/desk/refunds.csv?q=GMSHTYJWKSV1' in found

    def lines(**asked: str) -> list[str]:
        file = staff["finance"].get("/desk/refunds.csv", asked)
        return b"".join(file.streaming_content).decode("utf-8-sig").splitlines()

    head = "refund,order,payment,gateway,refnum,amount_rials,reason,way,state,waits_for,created_at,due_at,done_at"
    assert lines()[0] == f"{head},bank_number"
    assert [line.split(",")[0] for line in lines()[1:]] == [refund.code, other.code]
    assert lines(q="GMSHTYJWKSV1")[1:] == [] and len(lines(done="1")) == 1
    (row,) = lines(q=refund.code)[1:]
    order = refund.payment.bill.subject.removeprefix("order:")
    assert row.split(",")[:6] == [
        refund.code,
        order,
        refund.payment.code,
        "saman",
        "GmshtyjwKSv1==",
        str(refund.amount),
    ]
    assert row.split(",")[7:10] == ["paya", "owed", "account"] and "2025-01-06T06:30:00" in row


def test_a_refund_is_led_through_the_desk_to_the_file(staff: dict[str, Client]) -> None:
    finance, manager = staff["finance"], staff["manager"]
    refund = fallen(price=LIMIT)
    html = html_of(finance.get(DESK))
    assert f'href="{DESK}{refund.code}/"' in html
    assert "در انتظار حساب مشتری" in html and "تا دوشنبه ۱۷ دی، ساعت ۱۰" in html
    page = html_of(finance.get(f"{DESK}{refund.code}/"))
    assert "مشتری هنوز حسابی ننوشته است" in page and "این درگاه بازپرداخت ندارد" in page

    account = declared(refund)
    page = finance.get(f"{DESK}{refund.code}/").content.decode()
    assert SHEBA not in page and "بانک پارسیان" in page
    page = finance.post(f"{DESK}{refund.code}/look").content.decode()
    assert SHEBA in page and AccessLog.objects.get().why == f"استعلام صاحب حساب برای {refund.code}"
    answer = finance.post(f"{DESK}{refund.code}/holder", {"account": account.code, "seen_name": "شرکت آوند", "why": ""})
    assert answer.status_code == 422 and "این نام با نام مشتری یکی نیست" in html_of(answer, 422)
    assert 'value="شرکت آوند"' in answer.content.decode()
    answer = finance.post(f"{DESK}{refund.code}/holder", {"account": account.code, "seen_name": "خانم سارا احمدی"})
    assert answer["Location"] == f"{DESK}{refund.code}/?seen"

    assert finance.post(f"{DESK}{refund.code}/approve").status_code == 302
    again = finance.post(f"{DESK}{refund.code}/approve")
    assert again.status_code == 409 and "تأیید دوم از همکار دیگری است" in html_of(again, 409)
    assert manager.post(f"{DESK}{refund.code}/approve").status_code == 302

    assert refund.code in finance.get(f"{DESK}batches/new").content.decode()
    made = finance.post(f"{DESK}batches/new", {"refund": refund.code})
    batch = PayaBatch.objects.get()
    assert made["Location"] == f"{DESK}batches/{batch.code}/?drafted"
    path = f"{DESK}batches/{batch.code}/"
    assert "این دسته را شما ساخته‌اید." in html_of(finance.get(path))
    assert finance.post(f"{path}approve").status_code == 409
    assert finance.post(f"{path}file", {"kind": "ccti"}).status_code == 409
    assert manager.post(f"{path}approve").status_code == 302
    file = finance.post(f"{path}file", {"kind": "ccti"})
    assert file["Content-Disposition"].endswith('.ccti"') and SHEBA.encode() in file.content
    table = finance.post(f"{path}file", {"kind": "csv"})
    assert table["Content-Type"] == "text/csv; charset=utf-8" and PayaLine.objects.get().state == "sent"
    assert "دوباره به بانک ندهید" in html_of(finance.get(path))
    assert finance.post(f"{path}drop", {"why": "بانک نپذیرفت"}).status_code == 409  # who took the file
    assert manager.post(f"{path}drop", {"why": ""}).status_code == 422
    assert manager.post(f"{path}drop", {"why": "بانک فایل را نپذیرفت"}).status_code == 302
    story = html_of(finance.get(f"{DESK}{refund.code}/"))
    assert "کنار گذاشته شد: بانک فایل را نپذیرفت" in story and "نام صاحب حساب دیده شد" in story


def test_an_account_is_written_down_for_a_customer_by_one_and_seen_by_another(staff: dict[str, Client]) -> None:
    refund = fallen()
    path, how = f"{DESK}{refund.code}/declare", "حضوری آمد و کارت ملی نشان داد"
    for typed, said in (({"sheba": "", "how": how}, "شماره شبا را بنویسید"), ({"sheba": SHEBA, "how": "x"}, "چرا")):
        answer = staff["finance"].post(path, typed)
        assert answer.status_code == 422 and said in html_of(answer, 422)
    assert staff["finance"].post(path, {"sheba": SHEBA, "how": how})["Location"] == f"{DESK}{refund.code}/?declared"
    assert "نام صاحب آن را همکار دیگری می‌بیند" in html_of(staff["finance"].get(f"{DESK}{refund.code}/"))
    assert "دیدن شماره برای استعلام" in html_of(staff["manager"].get(f"{DESK}{refund.code}/"))
    account = Account.objects.get()
    seen = {"account": account.code, "seen_name": "سارا احمدی"}
    assert staff["finance"].post(f"{DESK}{refund.code}/holder", seen).status_code == 409
    assert staff["manager"].post(f"{DESK}{refund.code}/holder", seen).status_code == 302
    assert staff["finance"].post(path, {"sheba": OTHER, "how": how}).status_code == 409


def test_an_account_that_changed_meanwhile_is_not_the_one_that_was_looked_at(staff: dict[str, Client]) -> None:
    refund = fallen()
    account = declared(refund)
    declared(refund, OTHER)
    for act, typed in (("holder", {"seen_name": "سارا احمدی"}), ("refuse", {"refuse_why": "به نام کس دیگری است"})):
        answer = staff["finance"].post(f"{DESK}{refund.code}/{act}", {"account": account.code, **typed})
        assert answer.status_code == 409
    assert Account.objects.exclude(seen_at=None).count() == Account.objects.exclude(refused_at=None).count() == 0


def test_an_account_is_put_aside_with_a_reason_and_its_owner_is_asked_again(staff: dict[str, Client]) -> None:
    refund = ready()
    account = Account.objects.get()
    path = f"{DESK}{refund.code}/refuse"
    assert staff["finance"].post(path, {"account": account.code, "refuse_why": " "}).status_code == 422
    assert (
        staff["finance"].post(path, {"account": account.code, "refuse_why": "به نام کس دیگری است"}).status_code == 302
    )
    assert "به نام کس دیگری است" in html_of(staff["finance"].get(f"{DESK}{refund.code}/"))


def test_the_list_is_filtered_by_what_is_asked_and_nothing_odd_breaks_it(staff: dict[str, Client]) -> None:
    large, small = fallen(), ready()
    get = staff["finance"].get
    for query, shown, hidden in (("waits=batch", small, large), ("waits=account", large, small)):
        html = get(f"{DESK}?{query}").content.decode()
        assert f"{DESK}{shown.code}/" in html and f"{DESK}{hidden.code}/" not in html
    assert f"{DESK}{small.code}/" in get(f"{DESK}?q={small.code.lower()}").content.decode()
    assert "هنوز بازپرداختی انجام نشده است." in html_of(get(f"{DESK}?done=1"))
    assert "هیچ بازپرداختی دیر نشده است." in html_of(get(f"{DESK}?late=1"))
    for odd in ("?q=%25_", "?after=.", "?after=9.x", "?waits=%FF", "?way=x", "batches/?before=x", "?q=" + "س" * 500):
        assert get(f"{DESK}{odd}").status_code == 200


def test_a_foreign_or_replayed_choice_makes_no_batch(staff: dict[str, Client]) -> None:
    refund = ready()
    post = staff["finance"].post
    assert post(f"{DESK}batches/new", {}).status_code == 409
    assert post(f"{DESK}batches/new", {"refund": [refund.code, "REF-NONE"]}).status_code == 409
    assert post(f"{DESK}batches/new", {"refund": [refund.code, refund.code]}).status_code == 302
    assert post(f"{DESK}batches/new", {"refund": refund.code}).status_code == 409
    assert PayaBatch.objects.count() == 1


# ---- The customer's own page ----


@pytest.mark.clause("D35")
def test_a_customer_sees_what_is_owed_writes_an_account_and_sees_only_its_last_digits(
    client: Client, clock: Path, shop: TermsVersion
) -> None:
    refund = fallen()
    client.force_login(owner(refund))
    html = html_of(client.get("/account/refunds/"))
    assert "پول شما آماده است و حسابی برای فرستادنش نداریم." in html and "تا دوشنبه ۱۷ دی، ساعت ۱۰" in html
    for typed, said in (("", "شماره شبا را بنویسید"), ("IR12", "باید ۲۴ رقم باشد"), (SHEBA[:-1] + "3", "درست نیست")):
        answer = client.post("/account/refunds/account", {"sheba": typed})
        assert answer.status_code == 422 and said in html_of(answer, 422)
        assert f'value="{typed}"' in answer.content.decode()
    assert client.post("/account/refunds/account", {"sheba": "۸۲۰۵۴۰۱۰۲۶۸۰۰۲۰۸۱۷۹۰۹۰۰۲"})["Location"].endswith("?saved")
    assert client.post("/account/refunds/account", {"sheba": SHEBA})["Location"].endswith("?same")
    page = client.get("/account/refunds/").content.decode()
    assert SHEBA[2:] not in page and "۹۰۰۲" in page and "بانک پارسیان" in page
    assert "نام صاحب حساب را از بانک می‌پرسیم" in html_of(client.get("/account/refunds/"))


def test_another_customer_sees_nothing_of_it(client: Client, clock: Path, shop: TermsVersion) -> None:
    refund = ready()
    client.force_login(make.person())
    page = client.get("/account/refunds/").content.decode()
    assert refund.payment.bill.subject.removeprefix("order:") not in page and "۹۰۰۲" not in page
    assert "اکنون پولی از شما نزد ما نیست" in page


def test_a_stranger_is_led_to_the_log_in(client: Client, clock: Path, shop: TermsVersion) -> None:
    assert client.get("/account/refunds/")["Location"].startswith("/login/")
    assert client.post("/account/refunds/account", {"sheba": SHEBA})["Location"].startswith("/login/")
    assert Account.objects.count() == 0


@pytest.mark.clause("D35")
def test_the_order_s_page_asks_for_the_account_and_tells_each_step(
    client: Client, clock: Path, shop: TermsVersion
) -> None:
    refund = fallen()
    client.force_login(owner(refund))
    path = f"/orders/{refund.payment.bill.subject.removeprefix('order:')}/"
    html = html_of(client.get(path))
    assert "درگاه بانک این مبلغ را برنمی‌گرداند." in html and "نوشتن شماره شبا" in html
    declared(refund)
    assert "پیش از فرستادن پول، نام صاحب حساب را از بانک می‌پرسیم" in html_of(client.get(path))
