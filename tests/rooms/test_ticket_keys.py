"""Keys of tickets: published before they sign, one however many make it, destroyed when no ticket of theirs lives."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from peyman import sealed
from peyman.entrypoints.jobs import invariants
from peyman.kernel.errors import Invalid, Missing
from peyman.market.guard.actions import keys
from peyman.market.guard.models import TicketKey
from peyman.market.guard.queries import keys as queries
from peyman.market.guard.rules import keyring, tickets
from peyman.market.guard.rules.keyring import NoSealingSecret
from peyman.market.guard.rules.tickets import Bad, Said, Verifier
from tests import make

NOW = make.NOW
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

pytestmark = pytest.mark.django_db


def shown(at, **changed) -> str:
    """A ticket of the key that signs at an instant."""
    key = queries.signing(at)
    assert key is not None
    facts = {"object": "/a.apk", "operator": "mci", "life": 600, "wording": 1, "statement": bytes(16), "snapshot": "R"}
    said = Said(starts=tickets.seconds(at), **(facts | changed))
    account = tickets.pseudonym(key.naming, "PER-0001")
    return tickets.sign(said, key).show(grant=bytes(12), account=account, at=said.starts)


def everybody(at) -> Verifier:
    """Whoever reads the published page at an instant."""
    return Verifier(keyring.read_document(queries.document(at)))


@pytest.mark.clause("B03")
def test_the_sweep_makes_a_first_key_and_publishes_the_next_two_days_before_it_signs():
    assert keys.sweep(now=NOW) == 1
    assert keys.sweep(now=NOW + HOUR) == 0
    assert keys.sweep(now=NOW + 28 * DAY - HOUR) == 0
    assert keys.sweep(now=NOW + 28 * DAY) == 1
    first, second = TicketKey.objects.order_by("number")
    assert (second.made_at, second.signs_from, first.signs_until) == (NOW + 28 * DAY, NOW + 30 * DAY, NOW + 30 * DAY)
    kids = [key["kid"] for key in queries.document(NOW + 28 * DAY)["keys"]]
    assert kids == [second.kid, first.kid]
    signing = [queries.signing(NOW + days * DAY) for days in (0, 29.9, 30)]
    assert [key.kid.hex() for key in signing] == [first.kid, first.kid, second.kid]


@pytest.mark.clause("B03")
def test_what_is_secret_is_sealed_in_its_columns(django_assert_num_queries):
    keys.sweep(now=NOW)
    row = TicketKey.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT private, chain, naming FROM guard_ticketkey")
        stored = cursor.fetchone()
    assert all(text.startswith("s1:") for text in stored)
    assert not any(secret in "".join(stored) for secret in (row.private, row.chain, row.naming))
    with django_assert_num_queries(1):
        told = str(queries.document(NOW + 9 * DAY))
    assert not any(secret in told for secret in (row.private, row.chain, row.naming))


@pytest.mark.clause("B03")
def test_a_key_is_destroyed_once_no_ticket_of_it_lives_and_verifies_for_ever():
    keys.sweep(now=NOW)
    last = NOW + 30 * DAY - timedelta(seconds=1)
    text = shown(last)
    row = TicketKey.objects.get()
    over = NOW + 30 * DAY + keyring.DESTROYED_AFTER
    keys.sweep(now=over - timedelta(seconds=1))
    assert TicketKey.objects.get(pk=row.pk).private == row.private
    keys.sweep(now=over)
    gone = TicketKey.objects.get(pk=row.pk)
    assert (gone.private, gone.chain, gone.opened, gone.destroyed_at) == ("", "", row.chain, over)
    for at in (over, over + 3_650 * DAY):
        found = everybody(at).verify(text, path="/a.apk", at=last)
        assert not isinstance(found, Bad)
        assert found.user == f"{row.kid}.{tickets.pseudonym(bytes.fromhex(gone.naming), 'PER-0001').hex()}"


@pytest.mark.clause("B03")
def test_everybody_verifies_the_statement_at_once_and_the_account_hours_later_and_we_both_at_once():
    keys.sweep(now=NOW)
    text = shown(NOW)
    proven = [everybody(NOW + hours * HOUR).ticket(text).is_proven for hours in (0, 1.99, 2, 500)]
    assert proven == [False, False, True, True]
    assert queries.own_verifier().ticket(text).is_proven


@pytest.mark.clause("B03")
def test_a_key_asked_for_early_signs_two_days_later_and_a_second_asking_changes_nothing():
    keys.sweep(now=NOW)
    made = keys.rotate(by="PER-0009", now=NOW + DAY)
    assert (made.number, made.signs_from, made.made_by) == (2, NOW + 3 * DAY, "PER-0009")
    assert TicketKey.objects.get(number=1).signs_until == NOW + 3 * DAY
    assert keys.rotate(by="", now=NOW + DAY) == made
    assert keys.sweep(now=NOW + DAY) == 0
    assert TicketKey.objects.count() == 2
    text = shown(NOW + 3 * DAY - HOUR)
    assert not isinstance(everybody(NOW + 9 * DAY).ticket(text), Bad)


@pytest.mark.clause("B03")
def test_what_a_stolen_key_signed_counts_for_nothing_and_another_signs_at_once():
    keys.sweep(now=NOW)
    before, after = shown(NOW + HOUR), shown(NOW + 3 * HOUR)
    row = TicketKey.objects.get()
    revoked = keys.revoke(kid=row.kid, since=NOW + 2 * HOUR, why="نسخه پشتیبان گم شد", by="", now=NOW + 4 * HOUR)
    assert (revoked.private, revoked.signs_until) == ("", NOW + 4 * HOUR)
    check = everybody(NOW + 9 * DAY)
    assert not isinstance(check.ticket(before), Bad)
    assert check.ticket(after) == Bad("key_revoked")
    assert queries.signing(NOW + 4 * HOUR).kid.hex() == TicketKey.objects.get(number=2).kid
    assert keys.sweep(now=NOW + 4 * HOUR) == 0
    with pytest.raises(Missing):
        keys.revoke(kid="0" * 16, since=NOW, why="x", by="", now=NOW)
    with pytest.raises(Invalid):
        keys.revoke(kid=TicketKey.objects.get(number=2).kid, since=NOW, why=" ", by="", now=NOW)


@pytest.mark.clause("B03")
def test_a_revoked_key_with_one_waiting_is_bridged_until_that_one_signs():
    keys.sweep(now=NOW)
    waiting = keys.rotate(by="", now=NOW + 2 * HOUR)
    first = TicketKey.objects.get(number=1)
    keys.revoke(kid=first.kid, since=NOW, why="گم شد", by="", now=NOW + 3 * HOUR)
    signing = [queries.signing(NOW + hours * HOUR).kid.hex() for hours in (3, 49, 50, 51)]
    bridge = TicketKey.objects.get(number=3)
    assert signing == [bridge.kid, bridge.kid, waiting.kid, waiting.kid]


@pytest.mark.clause("B03")
@pytest.mark.parametrize("ask", [lambda: keys.sweep(now=NOW), lambda: keys.rotate(by="", now=NOW).number])
def test_workers_that_race_make_one_key(threads, ask):
    threads(6, lambda number: ask())
    assert list(TicketKey.objects.values_list("number", flat=True)) == [1]
    threads(6, lambda number: keys.rotate(by="", now=NOW + DAY).number)
    assert list(TicketKey.objects.order_by("number").values_list("number", flat=True)) == [1, 2]
    threads(6, lambda number: keys.sweep(now=NOW + 29 * DAY))
    assert TicketKey.objects.count() == 2
    threads(6, lambda number: keys.sweep(now=NOW + 32 * DAY))
    assert TicketKey.objects.count() == 3
    assert TicketKey.objects.exclude(destroyed_at=None).count() == 1


@pytest.mark.clause("B03")
def test_without_a_sealing_secret_no_key_is_made(settings):
    settings.FIELD_KEYS = ("",)
    with pytest.raises(NoSealingSecret):
        keys.sweep(now=NOW)
    assert not TicketKey.objects.exists()


def test_a_key_moves_to_a_new_sealing_secret_and_signs_on(settings):
    keys.sweep(now=NOW)
    old = TicketKey.objects.get()
    settings.FIELD_KEYS = ("a new secret of thirty-two letters", *settings.FIELD_KEYS)
    assert sealed.reseal(TicketKey) == 1
    settings.FIELD_KEYS = settings.FIELD_KEYS[:1]
    assert TicketKey.objects.get().private == old.private
    assert not isinstance(everybody(NOW + DAY).ticket(shown(NOW)), Bad)


def test_nobody_changes_what_verifies_or_brings_a_destroyed_key_back():
    keys.sweep(now=NOW)
    row = TicketKey.objects.get()
    for change in (
        {"public": "00" * 32},
        {"kid": "00" * 8},
        {"anchor": "00" * 32},
        {"signs_from": NOW - DAY},
        {"signs_until": NOW + 31 * DAY},
        {"naming": ""},
        {"destroyed_at": NOW},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            TicketKey.objects.update(**change)
    keys.sweep(now=NOW + 32 * DAY)
    for change in ({"private": row.private}, {"opened": "00" * 32}, {"destroyed_at": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            TicketKey.objects.filter(number=1).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        TicketKey.objects.all().delete()


@pytest.mark.clause("B03")
def test_the_invariants_find_a_key_that_is_not_what_it_says_or_should_be_gone():
    def broken(now) -> list[str]:
        return invariants.CHECKS["ticket_keys_verify_and_end"](now).bad

    keys.sweep(now=NOW)
    row = TicketKey.objects.get()
    over = NOW + 30 * DAY + keyring.DESTROYED_AFTER + invariants.SWEEP_GRACE
    assert (broken(NOW), broken(over - timedelta(seconds=1)), broken(over)) == ([], [], [row.kid])
    keys.sweep(now=over)
    assert broken(over) == []
    made = TicketKey.objects.get(number=2)
    TicketKey.objects.filter(pk=made.pk).update(chain="00" * 32)
    assert broken(over) == [made.kid]
