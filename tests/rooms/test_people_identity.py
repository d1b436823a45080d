"""National id, Sheba, lost lines, coming back: with rows."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from peyman.entrypoints import contacts, lost_lines
from peyman.kernel.errors import Invalid
from peyman.messages.models import Message
from peyman.people import actions, queries, rules
from peyman.people.models import AccessLog, ApiToken, ContactChange, ContactCode, IdentityChange, LostLine, Person
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db

OLD, NEW, OTHER = "+989121111111", "+989122222222", "+989123333333"
MAIL = "zahra@example.ir"
ID, SHEBA = "0499370899", "IR820540102680020817909002"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WHY = "کارت ملی را دیدم"


def zahra(**fields: Any) -> Person:
    return make.person(mobile=OLD, email=MAIL, email_confirmed_at=NOW, **fields)


def again(person: Person) -> Person:
    return Person.objects.get(pk=person.pk)


# ---- National id and Sheba ----


@pytest.mark.clause("D16")
def test_national_id_and_sheba_lie_sealed_and_their_history_names_no_number():
    person = zahra()
    actions.tell_national_id(person=person, typed="۰۴۹۹۳۷۰۸۹۹", now=NOW)
    actions.tell_sheba(person=person, typed=SHEBA, now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM people_person")
        stored = repr(cursor.fetchall())
        cursor.execute("SELECT * FROM people_identitychange")
        stored += repr(cursor.fetchall())
    assert ID not in stored and SHEBA[2:] not in stored
    assert (again(person).national_id, again(person).sheba) == (ID, SHEBA)
    steps = [(step.what, step.event) for step in queries.identity_history(person)]
    assert steps == [("sheba", "told"), ("national_id", "told")]
    with pytest.raises(IntegrityError), transaction.atomic():
        IdentityChange.objects.all().delete()


@pytest.mark.clause("D40")
def test_a_number_told_again_changes_nothing_and_an_empty_one_takes_it_out():
    person = zahra()
    assert actions.tell_national_id(person=person, typed=ID, now=NOW)
    assert not actions.tell_national_id(person=person, typed=ID, now=NOW)
    assert actions.tell_national_id(person=person, typed=" ", now=NOW)
    assert again(person).national_id == "" and again(person).national_id_hash is None
    with pytest.raises(Invalid):
        actions.tell_national_id(person=person, typed="1", now=NOW)
    assert [row.event for row in IdentityChange.objects.order_by("pk")] == ["told", "removed"]


@pytest.mark.clause("D15")
def test_two_people_may_say_one_national_id_until_staff_see_the_card():
    owner, other, staff = zahra(), make.person(mobile=NEW), make.person(role="privacy")
    for person in (other, owner):
        actions.tell_national_id(person=person, typed=ID, now=NOW)
    assert [[person.pk for person in group] for group in queries.claimed_ids()] == [[owner.pk, other.pk]]
    with pytest.raises(Invalid):
        contacts.confirm_national_id(owner, " ", staff, NOW)
    assert contacts.confirm_national_id(owner, WHY, staff, NOW) == 1
    assert again(owner).national_id_confirmed_at == NOW
    assert again(other).national_id == ""
    assert queries.claimed_ids() == []
    (told,) = Message.objects.all()
    assert (told.to, told.template) == (NEW, "account_changed")
    assert "کد ملی حساب شما برداشته شد" in told.text
    assert [(row.by, row.whose, row.what) for row in AccessLog.objects.all()] == [(staff, owner, "national_id")]
    assert [(row.person, row.event) for row in IdentityChange.objects.order_by("pk")][2:] == [
        (owner, "confirmed"),
        (other, "refused"),
    ]


@pytest.mark.clause("D15")
def test_an_id_whose_card_was_seen_is_one_persons_alone():
    owner, other, staff = zahra(), make.person(mobile=NEW), make.person(role="privacy")
    actions.tell_national_id(person=owner, typed=ID, now=NOW)
    actions.confirm_national_id(person=owner, why=WHY, by=staff, now=NOW)
    with pytest.raises(rules.NationalIdStands):
        actions.tell_national_id(person=owner, typed="0790419904", now=NOW)
    actions.tell_national_id(person=other, typed=ID, now=NOW)  # whoever types it is told nothing of the owner
    with pytest.raises(rules.NationalIdTaken):
        actions.confirm_national_id(person=other, why=WHY, by=staff, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Person.objects.filter(pk=other.pk).update(national_id_confirmed_at=NOW)
    actions.take_national_id_out(person=owner, why="کارت جعلی بود", by=staff, now=NOW)
    assert actions.confirm_national_id(person=other, why=WHY, by=staff, now=NOW) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.clause("D15")
def test_of_two_cards_seen_at_once_for_one_id_one_is_confirmed(threads):
    people = [make.person(mobile=mobile) for mobile in (OLD, NEW)]
    staff = make.person(role="privacy")
    for person in people:
        actions.tell_national_id(person=person, typed=ID, now=NOW)

    def confirm(n):
        actions.confirm_national_id(person=Person.objects.get(pk=people[n].pk), why=WHY, by=staff, now=NOW)
        return "confirmed"

    answers = threads(2, confirm)
    assert answers.count("confirmed") == 1
    assert Person.objects.filter(national_id_confirmed_at__isnull=False).count() == 1


@pytest.mark.clause("D15")
def test_a_new_sheba_is_told_by_every_official_contact():
    person = zahra()
    assert contacts.tell_sheba(person, SHEBA, NOW)
    assert not contacts.tell_sheba(person, SHEBA, NOW)
    assert sorted(row.to for row in Message.objects.all()) == [OLD, MAIL]
    assert SHEBA[2:] not in "".join(row.text for row in Message.objects.all())


@pytest.mark.clause("D16")
def test_national_id_and_sheba_are_in_ones_data_and_gone_with_the_account():
    person = zahra()
    actions.tell_national_id(person=person, typed=ID, now=NOW)
    actions.tell_sheba(person=person, typed=SHEBA, now=NOW)
    told = queries.everything_about(person)
    assert (told["account"]["national_id"], told["account"]["sheba"]) == (ID, SHEBA)
    assert [step["what"] for step in told["identity_history"]] == ["national_id", "sheba"]
    actions.erase(person=person, kept=[], is_open=True, now=NOW)
    assert (again(person).national_id, again(person).sheba) == ("", SHEBA)  # money may be on its way back
    erasure = person.erasure
    actions.finish_erasure(erasure=erasure, now=NOW)
    assert again(person).sheba == ""


# ---- A lost line ----


def codes_of(*kinds: str) -> int:
    return ContactCode.objects.filter(kind__in=kinds).count()


def lose(person: Person, to: str = NEW) -> tuple[LostLine, str]:
    """Ask for another number by e-mail, up to the waiting period; returns the request and the token of its links."""
    asked = actions.ask_lost_email(mobile=person.mobile, email=MAIL, now=NOW)
    assert asked is not None
    actions.prove_lost_email(person=person, code=asked[1].code, now=NOW)
    proof = actions.ask_lost_new(person=person, typed=to, now=NOW)
    made = actions.begin_lost_line(person=person, code=proof.code, tell=lambda _: None, now=NOW)
    return made.row, made.token


def register_and_prove(person: Person, to: str, by: Person) -> LostLine:
    """As staff register it and the customer proves it, the old line told; returns the request."""
    lost_lines.register(person, to, "in_person", WHY, by, NOW)
    code = Message.objects.order_by("-pk")[0].secret
    return actions.prove_lost_line(typed=to, code=code, tell=lost_lines._tell_asked(NOW), now=NOW).row


@pytest.mark.clause("D08", "D15")
def test_a_lost_line_is_changed_after_three_days_in_which_nobody_objected():
    person = zahra()
    make.token(person)
    row, _ = lose(person)
    assert row.due_at == NOW + 3 * DAY
    assert lost_lines.finish_due(NOW + 3 * DAY - MINUTE) == 0
    assert again(person).mobile == OLD
    assert lost_lines.finish_due(NOW + 3 * DAY) == 1
    assert lost_lines.finish_due(NOW + 3 * DAY) == 0
    assert queries.by_mobile(NEW) == person and queries.by_mobile(OLD) is None
    assert not ApiToken.objects.filter(revoked_at=None).exists()
    assert sorted(row.to for row in Message.objects.all()) == [NEW, MAIL]
    events = [change.event for change in ContactChange.objects.order_by("pk")]
    assert events == ["lost", "confirmed"]


@pytest.mark.clause("D15")
def test_whoever_holds_the_old_line_now_gets_an_account_of_their_own():
    person = zahra()
    row, _ = lose(person)
    lost_lines.finish_due(row.due_at)
    issued = actions.issue_login_code(mobile=OLD, now=row.due_at)
    stranger = actions.exchange_login_code(mobile=OLD, code=issued.code, now=row.due_at)
    assert stranger != person and stranger.email == ""


@pytest.mark.clause("D08", "D15")
def test_the_number_alone_or_another_address_begins_nothing():
    zahra()
    make.person(mobile=OTHER, email="typed@example.ir")
    make.person(mobile=NEW, email="boss@example.ir", email_confirmed_at=NOW, role="manager")
    for mobile, email in ((OLD, "other@example.ir"), (OTHER, "typed@example.ir"), (NEW, "boss@example.ir")):
        assert actions.ask_lost_email(mobile=mobile, email=email, now=NOW) is None
    assert ContactCode.objects.count() == 0


@pytest.mark.clause("D08", "D15")
def test_a_wrong_code_begins_nothing_and_five_of_them_end_the_right_one():
    person = zahra()
    asked = actions.ask_lost_email(mobile=OLD, email=MAIL, now=NOW)
    assert asked is not None
    wrong = "000000" if asked[1].code != "000000" else "111111"
    for _ in range(5):
        with pytest.raises(rules.WrongCode):
            actions.prove_lost_email(person=person, code=wrong, now=NOW)
    with pytest.raises(rules.WrongCode):
        actions.prove_lost_email(person=person, code=asked[1].code, now=NOW)
    proof = actions.ask_lost_new(person=person, typed=NEW, now=NOW)
    wrong = "000000" if proof.code != "000000" else "111111"
    for code in [wrong] * 5 + [proof.code]:
        with pytest.raises(rules.WrongCode):
            actions.begin_lost_line(person=person, code=code, tell=lambda _: None, now=NOW)
    assert LostLine.objects.count() == 0


@pytest.mark.clause("D15")
def test_what_staff_registered_changes_nothing_until_its_customer_typed_the_code():
    person, staff = zahra(), make.person(role="privacy")
    lost_lines.register(person, NEW, "in_person", WHY, staff, NOW)
    assert Message.objects.get().to == NEW  # the old line hears nothing of a number that may be mistyped
    actions.ask_email(person=person, typed="new@example.ir", now=NOW)  # and the account is not held
    assert lost_lines.finish_due(NOW + 9 * DAY) == 0
    code = Message.objects.order_by("pk")[0].secret
    wrong = "000000" if code != "000000" else "111111"
    for mobile, typed in [
        (OTHER, code),
        (NEW, wrong),
        (NEW, wrong),
        (NEW, wrong),
        (NEW, wrong),
        (NEW, wrong),
        (NEW, code),
    ]:
        with pytest.raises(rules.WrongCode):
            actions.prove_lost_line(typed=mobile, code=typed, tell=lambda _: None, now=NOW)
    later = NOW + 5 * MINUTE
    lost_lines.register(person, NEW, "video", WHY, staff, later)
    code = Message.objects.order_by("-pk")[0].secret
    assert actions.prove_lost_line(typed=NEW, code=code, tell=lambda _: None, now=later).row.due_at == later + 3 * DAY
    assert [row.state for row in LostLine.objects.order_by("pk")] == ["refused", "waiting"]


@pytest.mark.clause("D08", "D15")
def test_an_objection_stops_the_change_and_another_member_of_staff_decides():
    person, first, second = zahra(), make.person(role="privacy"), make.person(role="privacy")
    for identity, why in (("", WHY), ("in_person", "")):
        with pytest.raises(Invalid):
            lost_lines.register(person, NEW, identity, why, first, NOW)
    assert not LostLine.objects.exists() and not AccessLog.objects.exists()
    row = register_and_prove(person, NEW, first)
    asked = Message.objects.get(channel="sms", template="mobile_change_asked")
    assert asked.to == OLD and "۰۹۱۲***۲۲۲۲" in asked.text
    token = asked.text.split("/lost/")[1].split("/")[0]
    found = queries.lost_line_of_token(token)
    assert found == row
    lost_lines.object_(found, NOW + HOUR)
    lost_lines.object_(LostLine.objects.get(), NOW + 2 * HOUR)
    assert lost_lines.finish_due(NOW + 9 * DAY) == 0
    row = LostLine.objects.get()
    assert (row.state, row.objected_at) == ("objected", NOW + HOUR)
    with pytest.raises(rules.OtherStaff):
        lost_lines.uphold(row, "video", WHY, first, NOW + DAY)
    with pytest.raises(Invalid):
        lost_lines.uphold(row, "", WHY, second, NOW + DAY)
    lost_lines.uphold(row, "video", WHY, second, NOW + DAY)
    row.refresh_from_db()
    assert (row.state, row.upheld_by, row.identity) == ("done", second, "video")
    assert again(person).mobile == NEW
    assert [(log.by, log.what) for log in AccessLog.objects.order_by("pk")] == [
        (first, "lost_line"),
        (second, "lost_line"),
    ]


@pytest.mark.clause("D15")
def test_staff_refuse_a_request_and_its_owner_hears_of_it():
    person, staff = zahra(), make.person(role="privacy")
    row, _ = lose(person)
    lost_lines.refuse(row, "هویت روشن نشد", staff, NOW + HOUR)
    assert lost_lines.finish_due(NOW + 9 * DAY) == 0
    assert {message.to for message in Message.objects.all()} == {OLD, MAIL}
    with pytest.raises(rules.LostLineOver):
        lost_lines.refuse(row, "هویت روشن نشد", staff, NOW + HOUR)
    with pytest.raises(rules.LostLineOver):
        lost_lines.object_(LostLine.objects.get(), NOW + HOUR)


@pytest.mark.clause("D15")
def test_while_a_lost_line_is_looked_into_nothing_else_takes_the_account_away():
    person = zahra()
    address = actions.ask_email(person=person, typed="thief@example.ir", now=NOW)
    numbers = actions.ask_mobile(person=person, typed=OTHER, now=NOW)
    lose(person)
    attempts = [
        lambda: actions.ask_email(person=person, typed="thief2@example.ir", now=NOW),
        lambda: actions.confirm_email(person=person, code=address.code, now=NOW),
        lambda: actions.remove_email(person=person, now=NOW),
        lambda: actions.ask_mobile(person=person, typed=OTHER, now=NOW),
        lambda: actions.change_mobile(person=person, old_code=numbers[0].code, new_code=numbers[1].code, now=NOW),
        lambda: actions.tell_sheba(person=person, typed=SHEBA, now=NOW),
        lambda: actions.erase(person=person, kept=[], is_open=False, now=NOW),
    ]
    for attempt in attempts:
        with pytest.raises(rules.AccountOnHold):
            attempt()
    found = again(person)
    assert (found.mobile, found.email, found.sheba, found.is_active) == (OLD, MAIL, "", True)


@pytest.mark.clause("D08")
def test_a_number_that_another_account_has_or_gets_meanwhile_is_not_given():
    person = zahra()
    holder = make.person(mobile=NEW)
    with pytest.raises(rules.MobileTaken):
        register_and_prove(person, NEW, make.person(role="privacy"))
    later = NOW + 3 * MINUTE
    other = actions.ask_lost_new(person=person, typed=OTHER, now=later)
    row = actions.begin_lost_line(person=person, code=other.code, tell=lambda _: None, now=later).row
    Person.objects.filter(pk=holder.pk).delete()
    make.person(mobile=OTHER)
    assert lost_lines.finish_due(NOW + 4 * DAY) == 0
    row.refresh_from_db()
    assert (row.state, again(person).mobile) == ("refused", OLD)


def test_one_request_at_a_time():
    person = zahra()
    lose(person)
    with pytest.raises(rules.LostLineOpen):
        actions.ask_lost_new(person=person, typed=OTHER, now=NOW + HOUR)


# ---- Coming back after a long time ----


def seen(person: Person, days: int) -> None:
    actions.note_api_login(person=person, user_agent="", address="", now=NOW - days * DAY)


@pytest.mark.clause("D15")
def test_who_was_away_for_half_a_year_proves_the_e_mail_address_too():
    person, without = zahra(), make.person(mobile=NEW)
    for each in (person, without):
        seen(each, 180)
    proof = actions.ask_return(person=person, now=NOW)
    assert proof is not None and proof.to == MAIL
    with pytest.raises(rules.WrongCode):
        actions.prove_return(person=person, code="x", now=NOW)
    actions.prove_return(person=person, code=proof.code, now=NOW)
    assert actions.ask_return(person=without, now=NOW) is None  # nothing else could be asked
    with pytest.raises(rules.AwayTooLong):
        actions.issue_token(person=person, now=NOW)
    seen(person, 1)
    assert actions.ask_return(person=person, now=NOW) is None
    assert actions.issue_token(person=person, now=NOW).token
