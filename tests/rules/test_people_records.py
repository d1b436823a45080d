"""Rules on contacts, ages, ids of organisations, log-ins, reports and permissions."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.kernel.errors import Invalid
from peyman.kernel.sealing import Keys, Unreadable
from peyman.people import rules

# ---- Sealing ----


def test_a_sealed_text_opens_only_in_its_own_column():
    keys = Keys(["first-secret"])
    sealed = keys.seal("+989121234567", "people.person.mobile")
    assert "9121234567" not in sealed
    assert keys.open(sealed, "people.person.mobile") == "+989121234567"
    with pytest.raises(Unreadable):
        keys.open(sealed, "people.person.email")


def test_the_same_text_is_never_sealed_the_same_twice():
    keys = Keys(["first-secret"])
    assert keys.seal("تهران", "a.b") != keys.seal("تهران", "a.b")


def test_a_new_key_seals_and_an_old_one_still_opens():
    old = Keys(["old"])
    both = Keys(["new", "old"])
    sealed = old.seal("text", "a.b")
    assert both.open(sealed, "a.b") == "text"
    assert not both.is_current(sealed) and both.is_current(both.seal("text", "a.b"))
    assert both.hashes("+98", "mobile") == [*Keys(["new"]).hashes("+98", "mobile"), *old.hashes("+98", "mobile")]
    with pytest.raises(Unreadable):
        Keys(["new"]).open(sealed, "a.b")


def test_a_changed_letter_of_a_sealed_text_is_noticed():
    keys = Keys(["first-secret"])
    sealed = keys.seal("text", "a.b")
    changed = sealed[:-2] + ("A" if sealed[-2] != "A" else "B") + sealed[-1]
    with pytest.raises(Unreadable):
        keys.open(changed, "a.b")


def test_hashes_tell_a_mobile_from_an_email_of_the_same_letters():
    keys = Keys(["first-secret"])
    assert keys.hashes("x", "mobile") != keys.hashes("x", "email")


@pytest.mark.parametrize("secrets", [[], [""], ["a", ""], ["a", "a"]])
def test_keys_must_be_given_and_differ(secrets):
    with pytest.raises(ValueError, match="field keys"):
        Keys(secrets)


# ---- E-mail ----


@pytest.mark.clause("D08")
@pytest.mark.parametrize(
    "typed",
    [
        "zahra@example.ir\r\nBcc: all@example.ir",
        "zahra@example.ir\nSubject: x",
        "zahra@example.ir\x00",
        "a@b.ir,c@d.ir",
        "Zahra <zahra@example.ir>",
        "",
        "zahra@localhost",
    ],
)
def test_an_address_that_could_begin_a_header_is_refused(typed):
    with pytest.raises(Invalid) as refusal:
        rules.new_email(typed, "")
    assert list(refusal.value.fields) == ["email"]


def test_an_address_is_taken_however_it_was_pasted():
    assert rules.new_email("  \u200fzahra۱@EXAMPLE.ir \n", "") == "zahra1@example.ir"


def test_the_current_address_is_not_proven_again():
    with pytest.raises(rules.SameContact):
        rules.new_email("zahra@example.ir", "zahra@example.ir")


# ---- Consent ----


@pytest.mark.clause("D11")
def test_nobody_gets_a_newsletter_unasked_and_everybody_hears_of_orders():
    assert rules.DEFAULT == {"marketing": False, "transactional": True}


def test_the_last_way_of_hearing_of_orders_stays_open():
    with pytest.raises(rules.OrdersAreTold):
        rules.choice("transactional", "sms", False)
    rules.choice("transactional", "email", False)
    rules.choice("marketing", "sms", False)
    with pytest.raises(Invalid):
        rules.choice("marketing", "fax", True)


# ---- Age ----

TODAY = date(2025, 1, 4)  # 15 Dey 1403


@pytest.mark.parametrize(
    ("typed", "born"),
    [
        ("۱۳۸۹/۴/۵", date(2010, 6, 26)),
        ("1389-04-05", date(2010, 6, 26)),
        ("١٣٨٩.٤.٥", date(2010, 6, 26)),
        ("13890405", date(2010, 6, 26)),
        ("\u200f1389 / 4 / 5", date(2010, 6, 26)),
        ("1399/12/30", date(2021, 3, 20)),
    ],
)
def test_a_birth_date_is_taken_in_any_digits(typed, born):
    assert rules.birth_date(typed, TODAY) == born


@pytest.mark.parametrize(
    "typed", ["", "1400/12/30", "1389/13/1", "2010-06-26", "1403/10/16", "1270/1/1", "89/4/5", "1389/4/5 x", "سلام"]
)
def test_what_is_no_birth_date_is_refused(typed):
    with pytest.raises(Invalid) as refusal:
        rules.birth_date(typed, TODAY)
    assert list(refusal.value.fields) == ["birth_date"]


@pytest.mark.clause("D20")
@pytest.mark.parametrize(
    ("case", "born", "today", "minor"),
    [
        ("the day before the birthday", "1385/10/16", "1403/10/15", True),
        ("on the birthday", "1385/10/15", "1403/10/15", False),
        ("born on 30 Esfand, on 29 Esfand of a short year", "1387/12/30", "1405/12/29", True),
        ("born on 30 Esfand, the day after it", "1387/12/30", "1406/01/01", False),
        ("a child", "1399/12/30", "1403/10/15", True),
    ],
)
def test_a_minor_is_younger_than_the_terms_say(case, born, today, minor):
    far = date(2100, 1, 1)
    assert rules.is_minor(rules.birth_date(born, far), rules.birth_date(today, far), 18) is minor


def test_whoever_did_not_say_is_not_taken_for_a_minor():
    assert not rules.is_minor(None, TODAY, 18)


@given(st.dates(date(1950, 1, 1), date(2020, 1, 1)), st.integers(0, 40_000))
def test_one_grows_older_by_at_most_a_year_a_year(born, days):
    today = min(born + timedelta(days=days), date(2090, 1, 1))
    assert 0 <= rules.age(born, today) - (today - born).days // 366 <= 1


# ---- Organisations ----


@pytest.mark.clause("D44")
@pytest.mark.parametrize("typed", ["10380284790", "۱۰۳۸۰۲۸۴۷۹۰", "10380-284790", " 1038 0284 790 "])
def test_a_national_id_of_an_organisation_is_taken_however_it_was_typed(typed):
    assert rules.legal_national_id(typed) == "10380284790"


@pytest.mark.clause("D44")
@pytest.mark.parametrize("typed", ["10380285692", "10380284792", "11111111111", "1038028479", "", "1038028479x"])
def test_an_id_with_a_wrong_check_digit_or_length_is_refused(typed):
    with pytest.raises(Invalid) as refusal:
        rules.legal_national_id(typed)
    assert list(refusal.value.fields) == ["national_id"]


def test_ninety_of_ninety_nine_wrong_digits_are_noticed():
    right = "10380284790"
    wrong = [right[:i] + d + right[i + 1 :] for i in range(11) for d in "0123456789" if d != right[i]]
    assert len(wrong) == 99
    assert sum(map(rules.has_right_check_digit, wrong)) == 9  # remainders 0 and 10 share the digit it ends in


# ---- Log-ins ----


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/129.0 Mobile Safari/537.36", "کروم در اندروید"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1", "سافاری در آیفون"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/129 Safari/537.36 Edg/129.0", "اج در ویندوز"),
        ("curl/8.5.0", "مرورگری ناشناس در دستگاهی ناشناس"),
        ("", "مرورگری ناشناس در دستگاهی ناشناس"),
    ],
)
def test_a_device_is_told_in_words(agent, words):
    assert rules.device_words(agent) == words


@pytest.mark.clause("D15")
def test_of_an_address_only_its_network_is_kept():
    assert rules.network("5.160.12.7") == "5.160.12.0/24"
    assert rules.network("2a01:5ec0:1:2::7") == "2a01:5ec0:1::/48"
    assert rules.network("::") == rules.network("unix") == ""


# ---- Reports and permissions ----


@pytest.mark.clause("D17")
def test_a_report_is_taken_answered_and_closed_in_this_order_only():
    assert rules.step("received", "take") == "taken"
    assert rules.step("taken", "answer") == "answered"
    assert rules.step("answered", "close") == "closed"
    for state, event in [("received", "answer"), ("received", "close"), ("taken", "close"), ("closed", "answer")]:
        with pytest.raises(rules.CaseStands):
            rules.step(state, event)


@pytest.mark.clause("D18")
def test_a_permission_names_whom_what_when_and_its_document():
    form = rules.permission(
        to_whom="روزنامه نمونه",
        what_for="چاپ دو عکس کالا",
        starts_on=TODAY,
        ends_on=TODAY,
        document_sha256="A" * 64,
    )
    assert form.document_sha256 == "a" * 64
    with pytest.raises(Invalid) as refusal:
        rules.permission(
            to_whom="", what_for="", starts_on=TODAY, ends_on=TODAY - timedelta(days=1), document_sha256="zz"
        )
    assert sorted(refusal.value.fields) == ["document_sha256", "ends_on", "to_whom", "what_for"]


def test_each_role_has_its_own_rights_and_no_customer_has_any():
    assert rules.may("privacy", "people") and not rules.may("manager", "people")
    assert not rules.may("orders", "privacy") and not rules.may("catalogue", "promises")
    every = {right for rights in rules.RIGHTS.values() for right in rights}
    assert not any(rules.may(role, right) for role in ("customer", "", "root") for right in every)
