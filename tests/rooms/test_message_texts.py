"""Every template: what it prints, how long it is, and that nothing gets through it."""

import re

import pytest
from django.template import Template
from django.template.base import VariableNode
from django.template.defaulttags import ForNode
from django.template.loader_tags import BlockNode

from peyman.messages import queries, rules

CODE = "ORD-7K2M-9QXR-4WTB-6"
LINK = f"https://peyman.example/p/{CODE}/" + "s" * 43 + "/"
TEXTS = {
    "order": CODE,
    "cart_code": "DBC-7K2M-9QXR-4WTB-6",
    "code": "123456",
    "host": "peyman.example",
    "valid_for": "۳ دقیقه",
    "total": "۱۸٬۵۴۵٬۰۰۰",
    "goods_total": "۱۸٬۳۴۰٬۰۰۰",
    "total_rials": "۱۸۵٬۴۵۰٬۰۰۰",
    "amount": "۱۸٬۵۴۵٬۰۰۰",
    "reference": "۱۲۳۴۵۶۷۸۹",
    "link": LINK,
    "pay_until": "تا پنجشنبه ۵ آذر، ساعت ۱۰:۲۴",
    "refund_due": "تا شنبه ۷ آذر، ساعت ۱۷",
    "fields": "پلاک، کد پستی",
    "answer_due": "تا شنبه ۷ آذر، ساعت ۱۷",
    "version": "۱",
    "count": "۳",
    "first": "بازگرداندن ۱۸٬۵۴۵٬۰۰۰ تومان به حساب شما",
    "placed_at": "چهارشنبه ۴ آذر، ساعت ۱۰:۲۴",
    "final_at": "چهارشنبه ۴ آذر، ساعت ۱۰:۳۱",
    "processing_date": "پنجشنبه ۵ آذر",
    "name": "زهرا محمدی",
    "deliver_to": "تهران، خیابان انقلاب، پلاک ۱۲",
    "terms": "نسخه ۱",
    "terms_link": "https://peyman.example/terms/1/",
    "clause": "بند ۱۱-۴",
    "child": "آرش محمدی",
    "carrier": "پست پیشتاز",
    "waybill": "۲۴۱۵۰۰۰۳۷۸۲۱۰۰۹۱",
    "recipient": "زهرا محمدی",
    "effective_at": "شنبه ۱ دی، ساعت ۰۰:۰۰",
    "reason": "درخواست شما",
    "from": "چهارشنبه ۴ آذر، ساعت ۱۸",
    "until": "تا شنبه ۷ آذر، ساعت ۸",
    "scope": "ارسال به استان گیلان",
    "signer": "نرگس کاظمی، مدیر فروشگاه",
    "case": "PRV-7K2M-9QXR-4WTB-6",
    "received_at": "چهارشنبه ۴ آذر، ساعت ۱۰:۲۴",
    "due": "تا شنبه ۷ آذر، ساعت ۱۷",
    "answer": "نشانی شما از فهرست آن همکار برداشته شد.\nدسترسی‌های او بازبینی شد.",
    "title": "فردا نسخه تازه برنامه می‌رسد",
    "intro": "سه خبر این هفته را در یک نگاه ببینید.",
    "opt_out": "https://peyman.example/o/Zm9v/",
    "number": "۰۹۱۲***۴۵۶۷",
    "at": "شنبه ۷ آذر، ساعت ۱۰",
    "what": "شماره شبا عوض شد",
    "note": "اینترنت از همه شهرها دوباره در دسترس است.",
    "mark": "7K2M-9QXR",
    "check_link": "https://peyman.example/official/",
}
MARKED = ("mark", "check_link")  # queueing gives them, nobody else
UNMARKED = {name: text for name, text in TEXTS.items() if name not in MARKED}
LINES = [
    {"title": "کتاب‌خوان آوند A6، سرمه‌ای", "quantity": "۱", "unit_price": "۹٬۸۴۰٬۰۰۰", "total": "۹٬۸۴۰٬۰۰۰"},
    {"title": "هدفون بی‌سیم نوا، مشکی", "quantity": "۲", "unit_price": "۴٬۲۵۰٬۰۰۰", "total": "۸٬۵۰۰٬۰۰۰"},
]
FEES = [{"title": "ارسال با پست پیشتاز", "amount": "۲۰۵٬۰۰۰"}]
PROMISES = [{"what": "پردازش سفارش", "due": "تا پنجشنبه ۵ آذر، ساعت ۱۷"}]
CHANGES = [{"number": "۱۱-۴", "title": "قطعی شدن سفارش"}]
ITEMS = [{"title": "کتاب‌خوان آوند", "text": "نمایشگر ۶ اینچی", "link": "https://peyman.example/goods/a/"}]
OVERDUES = [{"what": "فرستادن پیش‌فاکتور", "code": "PRM-7K2M-9QXR-4WTB-6", "due": "تا شنبه", "late": "۴۰ دقیقه"}]
DRIFTS = [{"what": "185.143.232.0/22 (آروان)", "code": "DRF-7K2M-9QXR-4WTB-6", "why": "در فهرست نیست"}]
TABLES = {
    "goods": [{"title": "کتاب‌خوان آوند A6، سرمه‌ای"}],
    "overdues": OVERDUES,
    "drifts": DRIFTS,
    "lines": LINES,
    "fees": FEES,
    "promises": PROMISES,
    "changes": CHANGES,
    "items": ITEMS,
}
FULL: rules.Context = {**UNMARKED, **TABLES}


def only_needed(channel: str, name: str) -> rules.Context:
    wanted = rules.TEMPLATES[channel, name]
    return {key: FULL[key] for key in [*wanted.needs, *wanted.tables]}


def files(channel: str, name: str) -> list[str]:
    if channel == "sms":
        return [f"{name}.sms.txt"]
    return [f"{name}.subject.txt", f"{name}.mail.txt", f"{name}.mail.html", "_mail.html"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "login_code",
            "کد ورود به پیمان: 123456 (تا ۳ دقیقه)\nاین کد را به هیچ‌کس نگویید.\n\n@peyman.example #123456",
        ),
        (
            "pro_forma",
            f"پیمان: سفارش شما ثبت شد.\n{CODE}\nجمع: ۱۸٬۵۴۵٬۰۰۰ تومان\nتا پنجشنبه ۵ آذر، ساعت ۱۰:۲۴ پرداخت کنید.\n"
            f"پیش‌فاکتور:\n{LINK}",
        ),
        ("cart_code", f"پیمان: سفارش شما قطعی شد.\nکد سبد خرید:\nDBC-7K2M-9QXR-4WTB-6\nسفارش:\n{LINK}"),
        (
            "order_short",
            f"پیمان: پرداخت شما رسید، اما کالایی از این سفارش پیش از قطعی شدن تمام شد.\n{CODE}\n"
            f"۱۸٬۵۴۵٬۰۰۰ تومان تا شنبه ۷ آذر، ساعت ۱۷ به شما برمی‌گردد.\n{LINK}",
        ),
        (
            "refund_done",
            f"پیمان: ۱۸٬۵۴۵٬۰۰۰ تومان به شما برگردانده شد.\nسفارش: {CODE}\nشماره پیگیری: ۱۲۳۴۵۶۷۸۹",
        ),
        (
            "order_expired",
            f"پیمان: مهلت پرداخت این سفارش گذشت و سفارش بسته شد.\n{CODE}\nبرای خرید دوباره، سفارش تازه‌ای ثبت کنید.",
        ),
        (
            "order_data_asked",
            f"پیمان: برای ادامه این سفارش اطلاعات بیشتری لازم است.\n{CODE}\nپلاک، کد پستی\n"
            f"تا شنبه ۷ آذر، ساعت ۱۷ بنویسید:\n{LINK}",
        ),
        (
            "order_unanswered",
            f"پیمان: پرسش ما درباره این سفارش پاسخی نگرفت و سفارش لغو شد.\n{CODE}\n"
            f"۱۸٬۵۴۵٬۰۰۰ تومان تا شنبه ۷ آذر، ساعت ۱۷ به شما برمی‌گردد.\n{LINK}",
        ),
        (
            "order_cancelled_by_shop",
            f"پیمان: این سفارش را لغو کردیم، چون درخواست شما.\n{CODE}\n"
            f"۱۸٬۵۴۵٬۰۰۰ تومان تا شنبه ۷ آذر، ساعت ۱۷ به شما برمی‌گردد.\n{LINK}",
        ),
        (
            "order_cancelled",
            f"پیمان: سفارش شما لغو شد.\n{CODE}\nدلیل: درخواست شما\n"
            "۱۸٬۵۴۵٬۰۰۰ تومان تا شنبه ۷ آذر، ساعت ۱۷ به شما برمی‌گردد.",
        ),
    ],
)
def test_an_sms_reads_like_this(name: str, text: str) -> None:
    assert queries.render("sms", name, FULL).text == text


def test_an_order_cancelled_before_it_was_paid_speaks_of_no_money() -> None:
    text = queries.render("sms", "order_cancelled", {"order": CODE, "amount": "", "refund_due": ""}).text
    assert text == f"پیمان: سفارش شما لغو شد.\n{CODE}"


def test_the_last_line_of_a_log_in_code_lets_the_browser_fill_it_in() -> None:
    text = queries.render("sms", "login_code", {"code": "004217", "host": "peyman.example"}).text
    assert text.splitlines()[-1] == "@peyman.example #004217"
    assert text.splitlines()[0] == "کد ورود به پیمان: 004217"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("login_code", 2),
        ("pro_forma", 4),
        ("cart_code", 3),
        ("order_short", 4),
        ("refund_done", 2),
        ("order_expired", 2),
        ("order_cancelled", 2),
        ("order_data_asked", 4),
        ("order_unanswered", 4),
        ("order_cancelled_by_shop", 4),
        ("contact_code", 2),
        ("guardian_confirmation", 4),
        ("waybill", 2),
        ("terms_changed", 3),
        ("force_majeure", 4),
        ("force_majeure_ended", 3),
        ("mobile_change_asked", 4),
        ("account_changed", 3),
        ("privacy_received", 3),
        ("privacy_answered", 3),
        ("newsletter", 3),
        ("promise_broken", 3),
        ("registry_drift", 3),
        ("registry_alarm", 2),
        ("audit_alarm", 2),
        ("incident", 2),
    ],
)
def test_no_sms_grows_beyond_the_parts_it_costs(name: str, parts: int) -> None:
    assert rules.sms_parts(queries.render("sms", name, FULL).text) == parts


@pytest.mark.clause("D24")
def test_the_pro_forma_mail_tells_lines_fees_total_and_until_when_to_pay() -> None:
    mail = queries.render("email", "pro_forma", FULL)
    assert mail.title == f"پیش‌فاکتور سفارش {CODE}"
    for said in (
        "زهرا محمدی، سفارش شما ثبت شد.",
        "نسخه ۱",
        "- کتاب‌خوان آوند A6، سرمه‌ای\n  ۱ عدد، هر یک ۹٬۸۴۰٬۰۰۰، جمع ۹٬۸۴۰٬۰۰۰\n",
        "- هدفون بی‌سیم نوا، مشکی\n  ۲ عدد، هر یک ۴٬۲۵۰٬۰۰۰، جمع ۸٬۵۰۰٬۰۰۰\n",
        "ارسال با پست پیشتاز: ۲۰۵٬۰۰۰\n",
        "جمع سفارش: ۱۸٬۵۴۵٬۰۰۰ تومان\n",
        "در درگاه بانک: ۱۸۵٬۴۵۰٬۰۰۰ ریال\n",
        "تا پنجشنبه ۵ آذر، ساعت ۱۰:۲۴ پرداخت کنید:\n" + LINK,
        "(بند ۱۱-۴)",
    ):
        assert said in mail.text
    for shown in ("هدفون بی‌سیم نوا، مشکی", "۱۸٬۵۴۵٬۰۰۰", "۱۸۵٬۴۵۰٬۰۰۰ ریال", "پرداخت تا پنجشنبه ۵ آذر، ساعت ۱۰:۲۴"):
        assert shown in mail.html
    assert f'href="{LINK}"' in mail.html


@pytest.mark.clause("D57")
def test_the_cart_code_mail_shows_the_code_in_left_to_right() -> None:
    mail = queries.render("email", "cart_code", FULL)
    assert mail.title == "سفارش شما قطعی شد: DBC-7K2M-9QXR-4WTB-6"
    assert "کد سبد خرید: DBC-7K2M-9QXR-4WTB-6\nقطعی از: چهارشنبه ۴ آذر، ساعت ۱۰:۳۱\n" in mail.text
    assert re.search(r'<bdi dir="ltr"[^>]*>DBC-7K2M-9QXR-4WTB-6</bdi>', mail.html)


@pytest.mark.parametrize("name", [name for channel, name in rules.TEMPLATES if channel == "email"])
def test_a_mail_is_rtl_and_loads_nothing_from_anywhere(name: str) -> None:
    html = queries.render("email", name, FULL).html
    assert html.startswith('<!doctype html>\n<html lang="fa" dir="rtl">')
    assert not re.search(r"<(img|link|script|iframe|form|style|svg)\b|url\(|@import|src=", html)


@pytest.mark.parametrize(("channel", "name"), rules.TEMPLATES)
def test_what_may_be_missing_leaves_no_hole_when_it_is(channel: str, name: str) -> None:
    rendered = queries.render(channel, name, only_needed(channel, name))
    for text in (rendered.title, rendered.text, rendered.html):
        assert "()" not in text
        assert ": \n" not in text
        assert "\n\n\n" not in text.replace(rendered.html, "")
        assert not re.search(r"[يىك]", text)


@pytest.mark.parametrize(("channel", "name"), rules.TEMPLATES)
def test_a_template_prints_nothing_that_is_not_declared_and_all_that_is_needed(channel: str, name: str) -> None:
    wanted = rules.TEMPLATES[channel, name]
    tables = {**wanted.tables, **wanted.may_tables}
    printed: set[str] = set()
    for file in files(channel, name):
        for variable in variables(queries._engine(autoescape=False).get_template(f"messages/{file}")):
            first, _, column = variable.partition(".")
            loops = {table.rstrip("s"): table for table in tables}
            if first == "forloop":
                continue
            if column:
                assert column in tables[loops[first]], f"{file} prints {variable}"
            else:
                assert first in wanted.needs | wanted.may | tables.keys(), f"{file} prints {variable}"
                printed.add(first)
    assert wanted.needs | wanted.tables.keys() <= printed


def variables(template: Template) -> set[str]:
    """Every name that a template, and what it extends, reads."""
    found: set[str] = set()
    for node in template.nodelist.get_nodes_by_type(object):
        if isinstance(node, VariableNode):
            found.add(str(node.filter_expression.var))
        elif isinstance(node, ForNode):
            found.add(str(node.sequence.var))
        elif hasattr(node, "conditions_nodelists"):
            for condition, _ in node.conditions_nodelists:
                found |= set(re.findall(r"[a-z_.]+", str(getattr(condition, "text", "")))) - {"or", "and", "not"}
        assert not isinstance(node, BlockNode) or node.name in ("title", "glance", "kind", "content", "why")
    return found


HOSTILE = "<script>alert(1)</script>\"'{{ order.__class__ }}{% debug %}"


def test_html_escapes_what_people_typed_and_text_does_not() -> None:
    mail = queries.render("email", "pro_forma", {**FULL, "name": HOSTILE, "lines": [{**LINES[0], "title": HOSTILE}]})
    assert "<script>" not in mail.html
    assert mail.html.count("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;{{ order.__class__ }}{% debug %}") == 2
    assert mail.text.count(HOSTILE) == 2


def test_a_link_cannot_leave_its_attribute() -> None:
    html = queries.render("email", "pro_forma", {**FULL, "link": 'https://x/" onclick="alert(1)'}).html
    assert 'onclick="' not in html


@pytest.mark.parametrize(
    ("wrong", "detail"),
    [
        ({"order": "ORD\nBcc: all@example.ir"}, "bad_title"),
        ({"name": "سارا\x00"}, "bad_text"),
        ({"name": "\ud800"}, "bad_text"),
        ({"order": ""}, "context_order"),
    ],
)
def test_a_mail_that_can_never_leave_says_why(wrong: dict[str, str], detail: str) -> None:
    with pytest.raises(rules.BadMessage, match=detail):
        queries.render("email", "pro_forma", {**FULL, **wrong})


def test_an_sms_of_more_than_900_letters_is_refused() -> None:
    with pytest.raises(rules.BadMessage, match="too_long"):
        queries.render("sms", "order_expired", {"order": "س" * 900})
