"""Who may be written to, as whom we write, how a message is known as ours, which provider is asked first."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.messages import rules
from peyman.messages.rules import Announced, Seen, Why

NOW = datetime(2025, 1, 4, 6, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def refusal(
    why: Why, template: str, *, is_official: bool = False, may_market: bool = False, thread: str = ""
) -> str | None:
    try:
        rules.assert_recipient(why, template, is_official=is_official, may_market=may_market, thread=thread)
    except (rules.NotOfficial, rules.NoConsent) as refused:
        return f"{refused.clause} {refused.code}"
    return None


NOT_OFFICIAL, NO_CONSENT = "D09 not_official_contact", "D11 no_marketing_consent"


@pytest.mark.clause("D09")
@pytest.mark.parametrize(
    ("case", "why", "template", "is_official", "thread", "refused"),
    [
        ("a confirmed contact", Why.OFFICIAL, "cart_code", True, "", None),
        ("any other address", Why.OFFICIAL, "cart_code", False, "", NOT_OFFICIAL),
        ("a code proves an address", Why.VERIFICATION, "login_code", False, "", None),
        ("a code proves another address", Why.VERIFICATION, "contact_code", False, "", None),
        ("an order under the cloak of a code", Why.VERIFICATION, "cart_code", False, "", NOT_OFFICIAL),
        ("even to a confirmed contact", Why.VERIFICATION, "cart_code", True, "", NOT_OFFICIAL),
        ("the waybill to whom it was named", Why.NAMED_RECIPIENT, "waybill", False, "", None),
        ("and nothing else", Why.NAMED_RECIPIENT, "cart_code", False, "", NOT_OFFICIAL),
        ("a guardian is asked", Why.GUARDIAN, "guardian_confirmation", False, "", None),
        ("and told nothing else", Why.GUARDIAN, "pro_forma", False, "", NOT_OFFICIAL),
        ("an answer in its thread", Why.DESK_REPLY, "privacy_answered", False, "case:PRV-1", None),
        ("an answer to nothing", Why.DESK_REPLY, "privacy_answered", False, "", NOT_OFFICIAL),
        ("an order as an answer", Why.DESK_REPLY, "cart_code", False, "case:PRV-1", NOT_OFFICIAL),
        ("news as an official message", Why.OFFICIAL, "newsletter", True, "", NOT_OFFICIAL),
    ],
)
def test_a_message_goes_to_official_contacts_but_for_four_exceptions(
    case: str, why: Why, template: str, is_official: bool, thread: str, refused: str | None
) -> None:
    assert refusal(why, template, is_official=is_official, thread=thread) == refused


@pytest.mark.clause("D11")
@pytest.mark.parametrize(
    ("is_official", "may_market", "template", "refused"),
    [
        (True, True, "newsletter", None),
        (True, False, "newsletter", NO_CONSENT),
        (False, True, "newsletter", NOT_OFFICIAL),
        (True, True, "cart_code", NOT_OFFICIAL),
    ],
)
def test_the_newsletter_needs_consent_and_an_official_contact(
    is_official: bool, may_market: bool, template: str, refused: str | None
) -> None:
    assert refusal(Why.NEWSLETTER, template, is_official=is_official, may_market=may_market) == refused


@given(st.sampled_from(list(Why)), st.sampled_from(sorted({name for _, name in rules.TEMPLATES})), st.booleans())
def test_every_other_message_to_an_address_that_is_not_official_is_one_of_six_templates(
    why: Why, template: str, thread: bool
) -> None:
    if refusal(why, template, may_market=True, thread="case:1" if thread else "") is None:
        assert (why, template) in {
            (Why.VERIFICATION, "login_code"),
            (Why.VERIFICATION, "contact_code"),
            (Why.NAMED_RECIPIENT, "waybill"),
            (Why.GUARDIAN, "guardian_confirmation"),
            (Why.DESK_REPLY, "privacy_received"),
            (Why.DESK_REPLY, "privacy_answered"),
        }


# ---- Marks ----


@pytest.mark.clause("D14")
def test_a_mark_is_eight_signs_that_depend_on_code_and_key() -> None:
    mark = rules.mark("MSG-7K2M-9QXR-4WTB-6", secret="a")
    assert mark == rules.mark("MSG-7K2M-9QXR-4WTB-6", secret="a")
    assert rules.typed_mark(mark) == mark
    assert len({mark, rules.mark("MSG-7K2M-9QXR-4WTB-6", secret="b"), rules.mark("MSG-2", secret="a")}) == 3


@pytest.mark.parametrize(
    ("typed", "mark"),
    [
        ("7K2M-9QXR", "7K2M-9QXR"),
        (" 7k2m 9qxr ", "7K2M-9QXR"),
        ("۷k۲m–۹qxr", "7K2M-9QXR"),
        ("\u200e7K2M9QXR\u200f", "7K2M-9QXR"),
        ("7K2M-9QX", ""),
        ("7K2M-9QXRR", ""),
        ("0K2M-9QXR", ""),
        ("", ""),
        ("x" * 10_000, ""),
    ],
)
def test_a_mark_is_read_however_it_was_typed(typed: str, mark: str) -> None:
    assert rules.typed_mark(typed) == mark


# ---- Senders ----

LINE = Announced("sms", "10004346", NOW)
OLD_LINE = Announced("sms", "3000", NOW - MINUTE, NOW)
MAIL = Announced("email", "info@peyman.example", NOW)
SITE = Announced("domain", "peyman.example", NOW)
PHONE = Announced("phone", "2188776655", NOW)
ALL = [LINE, OLD_LINE, MAIL, SITE, PHONE]


@pytest.mark.clause("D14")
@pytest.mark.parametrize(
    ("kind", "typed", "at", "ours"),
    [
        ("sms", "10004346", NOW, True),
        ("sms", "+98 1000 4346", NOW, True),
        ("sms", "۱۰۰۰۴۳۴۶", NOW, True),
        ("sms", "10004346", NOW - timedelta(seconds=1), False),
        ("sms", "10004347", NOW, False),
        ("sms", "3000", NOW, False),
        ("sms", "3000", NOW - timedelta(seconds=1), True),
        ("email", "INFO@peyman.example", NOW, True),
        ("email", "info@peyman.example.evil.ir", NOW, False),
        ("email", "10004346", NOW, False),
        ("domain", "https://Peyman.example/orders/1", NOW, True),
        ("domain", "peyman.example:443", NOW, True),
        ("domain", "peyman.example.evil.ir", NOW, False),
        ("domain", "evil.ir/peyman.example", NOW, False),
        ("domain", "https://peyman.example@evil.ir/", NOW, False),
        ("phone", "021-88776655", NOW, True),
        ("phone", "+98 21 88776655", NOW, True),
        ("sms", "", NOW, False),
        ("sms", "10004346\n", NOW, False),
    ],
)
def test_an_address_is_ours_while_it_is_announced(kind: str, typed: str, at: datetime, ours: bool) -> None:
    assert rules.is_announced(kind, typed, ALL, at) is ours


# ---- Health ----


def seen(provider: str, *outcomes: str, at: datetime = NOW) -> list[Seen]:
    """Outcomes, oldest first, a second apart, the last at `at`."""
    n = len(outcomes)
    return [Seen(provider, outcome, at - timedelta(seconds=n - 1 - i)) for i, outcome in enumerate(outcomes)]


@pytest.mark.parametrize(
    ("case", "outcomes", "first"),
    [
        ("nothing known", [], "a"),
        ("two failures", ["unknown", "unknown"], "a"),
        ("three failures", ["unknown", "unknown", "unknown"], "b"),
        ("three, and an answer", ["unknown", "unknown", "unknown", "sent"], "a"),
        ("a refusal is an answer", ["unknown", "unknown", "unknown", "refused"], "a"),
        ("an answer, and three", ["sent", "unknown", "unknown", "unknown"], "b"),
    ],
)
def test_a_provider_is_away_after_three_failures_in_a_row(case: str, outcomes: list[str], first: str) -> None:
    assert rules.in_order(["a", "b"], seen("a", *outcomes), NOW)[0] == first


def test_all_are_asked_and_the_settings_decide_among_those_that_are_away() -> None:
    both = seen("a", *["unknown"] * 3) + seen("b", *["unknown"] * 3)
    assert rules.in_order(["a", "b"], both, NOW) == ["a", "b"]
    assert rules.in_order(["b", "a"], both, NOW) == ["b", "a"]


@pytest.mark.parametrize(
    ("case", "now", "alive", "first"),
    [
        ("just now", NOW, {}, "b"),
        ("almost five minutes later", NOW + 5 * MINUTE - timedelta(seconds=1), {}, "b"),
        ("five minutes later", NOW + 5 * MINUTE, {}, "a"),
        ("it answered a question", NOW + MINUTE, {"a": NOW + timedelta(seconds=1)}, "a"),
        ("it answered before it failed", NOW + MINUTE, {"a": NOW - MINUTE}, "b"),
    ],
)
def test_one_that_was_away_comes_first_again_when_it_answers_or_after_five_minutes(
    case: str, now: datetime, alive: dict[str, datetime], first: str
) -> None:
    assert rules.in_order(["a", "b"], seen("a", *["unknown"] * 3), now, alive)[0] == first


# ---- Dead letters ----


def retry(**fields: object) -> str:
    known = {"is_dead": True, "stale_at": None, "has_text": True, "outcome": "unknown", "detail": "418", "now": NOW}
    try:
        rules.assert_retry(**(known | fields))  # type: ignore[arg-type]  # the table below is right
    except rules.NotWorthRetrying as refused:
        return refused.detail
    return ""


@pytest.mark.parametrize(
    ("case", "fields", "words"),
    [
        ("given up", {}, ""),
        ("refused by all", {"outcome": "refused", "detail": "411"}, ""),
        ("its workers died", {"outcome": "refused", "detail": "lost_too_often"}, ""),
        ("not dead", {"is_dead": False}, "هنوز در صف است"),
        ("a stale code", {"stale_at": NOW}, "زمانش گذشته بود"),
        ("a code in time", {"stale_at": NOW + MINUTE}, ""),
        ("no text", {"has_text": False}, "متن این پیام دیگر نگه داشته نمی‌شود"),
        ("bad address", {"outcome": "refused", "detail": "bad_address"}, "نشانی گیرنده درست نیست"),
        ("not official", {"outcome": "refused", "detail": "not_official_contact"}, "از نشانی‌های رسمی"),
        ("cancelled news", {"outcome": "refused", "detail": "no_marketing_consent"}, "خبرنامه"),
        ("a hole in the text", {"outcome": "refused", "detail": "context_order"}, "بخشی از متن"),
    ],
)
def test_only_what_could_end_otherwise_is_tried_again(case: str, fields: dict[str, object], words: str) -> None:
    said = retry(**fields)
    assert bool(said) is bool(words)
    assert words in said


@pytest.mark.parametrize(
    ("outcome", "detail", "words"),
    [
        ("sent", "", "فرستاده شد."),
        ("lost", "", "کارگری که آن را برداشته بود از کار افتاد؛ نمی‌دانیم رفته است یا نه."),
        ("unknown", "ReadTimeout", "ارائه‌دهنده پاسخی نداد."),
        ("unknown", "SMTPServerDisconnected", "ارائه‌دهنده پاسخی نداد."),
        ("unknown", "418", "ارائه‌دهنده نپذیرفت یا پاسخش روشن نبود (کد 418)."),
        ("refused", "411", "ارائه‌دهنده آن را برای همیشه نپذیرفت (کد 411)."),
        ("stale", "", "زمانش گذشته بود و فرستادنش دیگر سودی نداشت."),
    ],
)
def test_staff_read_why_in_persian(outcome: str, detail: str, words: str) -> None:
    assert rules.reason_words(outcome, detail) == words


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "https://x/o/a\r\nBcc: all@x",
        "https://x/o/a>, <https://evil/",
        "https://x/" + "a" * 300,
    ],
)
def test_an_opt_out_address_cannot_leave_its_header(url: str) -> None:
    with pytest.raises(rules.BadMessage):
        rules.opt_out_url(url)
