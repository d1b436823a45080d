"""People, their codes and tokens, with a database."""

from datetime import timedelta

import pytest

from peyman import sealed
from peyman.kernel import codes
from peyman.kernel.errors import Invalid, Refused
from peyman.people import actions, queries, rules
from peyman.people.models import ApiToken, LoginCode, Person
from tests import make

MOBILE = "+989121234567"
OTHER = "+989351234567"
NOW = make.NOW

pytestmark = pytest.mark.django_db


def wrong(code: str) -> str:
    return "000000" if code != "000000" else "000001"


@pytest.mark.clause("D06")
def test_one_number_is_one_person():
    first = actions.person_of(mobile=MOBILE, now=NOW)
    again = actions.person_of(mobile=MOBILE, now=NOW + timedelta(days=1))
    assert again == first
    assert Person.objects.count() == 1
    assert first.role == "customer"
    assert first.created_at == NOW
    assert codes.is_valid(first.code, "PER")
    assert not first.has_usable_password()


def test_two_at_once_with_one_number_are_one_person(threads):
    people = threads(8, lambda _: actions.person_of(mobile=MOBILE, now=NOW).pk)
    assert len(set(people)) == 1
    assert Person.objects.count() == 1


def test_asking_for_a_code_makes_nobody():
    actions.issue_login_code(mobile=MOBILE, now=NOW)
    assert not Person.objects.exists()


def test_the_code_proves_the_number_and_is_kept_nowhere_in_clear():
    issued = actions.issue_login_code(mobile=MOBILE, now=NOW)
    assert issued.expires_at == NOW + timedelta(seconds=180)
    row = LoginCode.objects.get()
    assert issued.code not in (row.code_hash, row.mobile_hash)
    person = actions.exchange_login_code(mobile=MOBILE, code=issued.code, now=NOW + timedelta(seconds=20))
    assert person.mobile == MOBILE
    assert person.mobile_confirmed_at == NOW + timedelta(seconds=20)


@pytest.mark.clause("D08")
def test_the_number_stays_confirmed_since_the_first_time():
    for later in (0, 3600):
        issued = actions.issue_login_code(mobile=MOBILE, now=NOW + timedelta(seconds=later))
        actions.exchange_login_code(mobile=MOBILE, code=issued.code, now=NOW + timedelta(seconds=later))
    assert Person.objects.get().mobile_confirmed_at == NOW


def test_a_code_opens_once():
    issued = actions.issue_login_code(mobile=MOBILE, now=NOW)
    actions.exchange_login_code(mobile=MOBILE, code=issued.code, now=NOW)
    with pytest.raises(rules.WrongCode):
        actions.exchange_login_code(mobile=MOBILE, code=issued.code, now=NOW)


def test_of_many_at_once_with_the_right_code_one_gets_in(threads):
    issued = actions.issue_login_code(mobile=MOBILE, now=NOW)

    def one(_: int) -> int:
        return actions.exchange_login_code(mobile=MOBILE, code=issued.code, now=NOW).pk

    answers = threads(6, one)
    assert sum(not isinstance(answer, Refused) for answer in answers) == 1
    assert Person.objects.count() == 1


@pytest.mark.parametrize(("seconds", "opens"), [(0, True), (179, True), (180, False), (3600, False)])
def test_a_code_lives_180_seconds(seconds, opens):
    issued = actions.issue_login_code(mobile=MOBILE, now=NOW)
    try:
        actions.exchange_login_code(mobile=MOBILE, code=issued.code, now=NOW + timedelta(seconds=seconds))
    except rules.WrongCode:
        assert not opens
    else:
        assert opens
    assert Person.objects.exists() is opens


def test_the_fifth_try_may_be_right_the_sixth_may_not():
    issued = actions.issue_login_code(mobile=MOBILE, now=NOW)
    for _ in range(4):
        with pytest.raises(rules.WrongCode):
            actions.exchange_login_code(mobile=MOBILE, code=wrong(issued.code), now=NOW)
    assert actions.exchange_login_code(mobile=MOBILE, code=issued.code, now=NOW).mobile == MOBILE

    issued = actions.issue_login_code(mobile=OTHER, now=NOW)
    for _ in range(5):
        with pytest.raises(rules.WrongCode):
            actions.exchange_login_code(mobile=OTHER, code=wrong(issued.code), now=NOW)
    with pytest.raises(rules.WrongCode):
        actions.exchange_login_code(mobile=OTHER, code=issued.code, now=NOW)
    assert not queries.by_mobile(OTHER)


def test_tries_at_the_same_time_are_all_counted(threads):
    issued = actions.issue_login_code(mobile=MOBILE, now=NOW)

    def guess(number: int) -> None:
        actions.exchange_login_code(mobile=MOBILE, code=f"{(int(issued.code) + 1 + number) % 10**6:06}", now=NOW)

    assert all(isinstance(answer, rules.WrongCode) for answer in threads(12, guess))
    assert LoginCode.objects.get().tries == 5
    with pytest.raises(rules.WrongCode):
        actions.exchange_login_code(mobile=MOBILE, code=issued.code, now=NOW)


def test_only_the_newest_code_opens():
    first = actions.issue_login_code(mobile=MOBILE, now=NOW)
    second = actions.issue_login_code(mobile=MOBILE, now=NOW)
    if first.code != second.code:
        with pytest.raises(rules.WrongCode):
            actions.exchange_login_code(mobile=MOBILE, code=first.code, now=NOW)
    assert actions.exchange_login_code(mobile=MOBILE, code=second.code, now=NOW)


def test_a_code_of_one_number_does_not_open_another():
    actions.issue_login_code(mobile=OTHER, now=NOW)
    issued = actions.issue_login_code(mobile=MOBILE, now=NOW)
    with pytest.raises(rules.WrongCode):
        actions.exchange_login_code(mobile=OTHER, code=wrong(issued.code), now=NOW)
    assert not queries.by_mobile(OTHER)


def test_a_number_without_a_code_is_answered_like_a_wrong_code():
    with pytest.raises(rules.WrongCode):
        actions.exchange_login_code(mobile=MOBILE, code="123456", now=NOW)
    with pytest.raises(rules.WrongCode):
        actions.exchange_login_code(mobile=MOBILE, code="", now=NOW)


def test_the_fourth_code_in_two_minutes_is_refused_for_known_and_unknown_alike():
    actions.person_of(mobile=MOBILE, now=NOW)
    waits = []
    for mobile in (MOBILE, OTHER):
        for _ in range(3):
            actions.issue_login_code(mobile=mobile, now=NOW)
        with pytest.raises(rules.TooManyCodes) as refusal:
            actions.issue_login_code(mobile=mobile, now=NOW + timedelta(seconds=30))
        waits.append((refusal.value.retry_after, refusal.value.detail, refusal.value.status))
        assert LoginCode.objects.filter(mobile_hash=sealed.hash_of(mobile, "mobile")).count() == 3
    assert waits[0] == waits[1]
    assert waits[0][0] == 90
    assert actions.issue_login_code(mobile=MOBILE, now=NOW + timedelta(seconds=120))


def test_of_ten_requests_at_once_exactly_three_codes_leave(threads):
    answers = threads(10, lambda _: actions.issue_login_code(mobile=MOBILE, now=NOW).key)
    refused = [answer for answer in answers if isinstance(answer, rules.TooManyCodes)]
    assert len(refused) == 7
    assert LoginCode.objects.count() == 3
    assert len({answer for answer in answers if isinstance(answer, str)}) == 3


def test_a_closed_account_is_told_only_to_its_owner():
    Person.objects.filter(pk=actions.person_of(mobile=MOBILE, now=NOW).pk).update(is_active=False)
    issued = actions.issue_login_code(mobile=MOBILE, now=NOW)
    with pytest.raises(rules.WrongCode):
        actions.exchange_login_code(mobile=MOBILE, code=wrong(issued.code), now=NOW)
    with pytest.raises(rules.Inactive):
        actions.exchange_login_code(mobile=MOBILE, code=issued.code, now=NOW)


@pytest.mark.clause("D08")
def test_a_changed_address_is_unconfirmed_again():
    person = actions.person_of(mobile=MOBILE, now=NOW)
    actions.complete_profile(person=person, full_name="زهرا محمدي", email="zahra@example.ir", now=NOW)
    Person.objects.update(email_confirmed_at=NOW)
    person.refresh_from_db()
    actions.complete_profile(person=person, full_name="زهرا محمدی", email="zahra@example.ir", now=NOW)
    assert Person.objects.get().email_confirmed_at == NOW
    actions.complete_profile(person=person, full_name="زهرا محمدی", email="z@example.ir", now=NOW)
    row = Person.objects.get()
    assert (row.full_name, row.email, row.email_confirmed_at) == ("زهرا محمدی", "z@example.ir", None)


def test_a_wrong_profile_changes_nothing():
    person = actions.person_of(mobile=MOBILE, now=NOW)
    with pytest.raises(Invalid):
        actions.complete_profile(person=person, full_name="زهرا محمدی", email="zahra", now=NOW)
    assert Person.objects.get().full_name == ""


def test_a_token_is_its_owners_for_thirty_days():
    person = actions.person_of(mobile=MOBILE, now=NOW)
    issued = actions.issue_token(person=person, now=NOW)
    assert issued.expires_at == NOW + timedelta(days=30)
    assert ApiToken.objects.get().token_hash != issued.token
    assert queries.by_token(issued.token, now=NOW) == person
    assert queries.by_token(issued.token, now=NOW + timedelta(days=30, seconds=-1)) == person
    assert queries.by_token(issued.token, now=NOW + timedelta(days=30)) is None
    assert queries.by_token(issued.token + "x", now=NOW) is None


def test_a_revoked_token_and_that_of_a_closed_account_open_nothing():
    person = actions.person_of(mobile=MOBILE, now=NOW)
    kept, gone = (actions.issue_token(person=person, now=NOW).token for _ in range(2))
    actions.revoke_token(token=gone, now=NOW)
    actions.revoke_token(token="pym_unknown", now=NOW)
    assert queries.by_token(gone, now=NOW) is None
    assert queries.by_token(kept, now=NOW) == person
    Person.objects.update(is_active=False)
    assert queries.by_token(kept, now=NOW) is None


def test_staff_get_no_token_by_sms_alone():
    person = actions.person_of(mobile=MOBILE, now=NOW)
    person.role = Person.Role.ORDERS
    with pytest.raises(rules.StaffNeedsMore):
        actions.issue_token(person=person, now=NOW)
    assert not ApiToken.objects.exists()


def test_old_codes_are_forgotten_after_a_day_and_limits_do_not_notice():
    for _ in range(3):
        actions.issue_login_code(mobile=MOBILE, now=NOW)
    assert actions.forget_codes(now=NOW + timedelta(hours=23)) == 0
    assert actions.forget_codes(now=NOW + timedelta(hours=25)) == 3
    assert actions.issue_login_code(mobile=MOBILE, now=NOW + timedelta(hours=25))
