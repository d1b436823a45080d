"""Versions of the terms, and who accepted which."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from peyman.kernel.errors import Missing
from peyman.promises import actions, queries, rules
from peyman.promises.models import Acceptance, TermsClause, TermsVersion
from tests import make

NOW = make.NOW
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


def document(refund_hours: int = 48) -> rules.TermsDocument:
    return rules.TermsDocument(
        title="شرایط فروش پیمان",
        parameters={"refund_hours": refund_hours},
        clauses=(
            rules.ClauseText("D30", "5-3", "پایان موجودی", "بازگرداندن وجه", f"تا {refund_hours} ساعت کاری"),
            rules.ClauseText("D57", "11-4", "سبد خرید", "قطعی شدن", "با کد سبد قطعی می‌شود."),
        ),
    )


@pytest.mark.clause("D04")
def test_a_document_is_published_with_its_clauses_in_order():
    version = actions.publish_terms(document=document(), now=NOW)
    assert (version.number, version.published_at, version.effective_at) == (1, NOW, NOW)
    assert version.parameters == {"refund_hours": 48}
    assert version.sha256 == document().sha256
    assert [(c.clause, c.number, c.section, c.title, c.text, c.position) for c in queries.clauses(version)] == [
        ("D30", "5-3", "پایان موجودی", "بازگرداندن وجه", "تا 48 ساعت کاری", 1),
        ("D57", "11-4", "سبد خرید", "قطعی شدن", "با کد سبد قطعی می‌شود.", 2),
    ]


@pytest.mark.clause("D04")
def test_publishing_the_same_text_again_changes_nothing():
    first = actions.publish_terms(document=document(), now=NOW)
    second = actions.publish_terms(document=document(72), now=NOW + DAY)
    assert actions.publish_terms(document=document(), now=NOW + 2 * DAY) == first
    assert actions.publish_terms(document=document(72), now=NOW + 2 * DAY) == second
    assert [version.number for version in queries.all_terms()] == [2, 1]
    assert TermsClause.objects.count() == 4


def test_processes_that_publish_at_once_publish_once(threads):
    published = threads(6, lambda _: actions.publish_terms(document=document(), now=NOW).pk)
    assert len(set(published)) == 1
    assert TermsVersion.objects.count() == 1
    assert TermsClause.objects.count() == 2


@pytest.mark.clause("D03", "D05")
def test_the_newest_version_that_has_taken_effect_is_in_force():
    with pytest.raises(TermsVersion.DoesNotExist):
        queries.terms_in_force(NOW)
    first = actions.publish_terms(document=document(), now=NOW)
    second = actions.publish_terms(document=document(72), now=NOW + DAY, effective_at=NOW + 3 * DAY)
    assert queries.terms_in_force(NOW) == first
    assert queries.terms_in_force(NOW + 3 * DAY - timedelta.resolution) == first
    assert queries.terms_in_force(NOW + 3 * DAY) == second
    with pytest.raises(TermsVersion.DoesNotExist):
        queries.terms_in_force(NOW - timedelta.resolution)


@pytest.mark.clause("D03")
def test_an_order_of_the_older_version_keeps_its_text_and_numbers():
    first = actions.publish_terms(document=document(), now=NOW)
    actions.publish_terms(document=document(72), now=NOW + DAY)
    again = queries.terms(1)
    assert again == first
    assert rules.parameter(again.parameters, "refund_hours") == 48
    assert queries.clauses(again)[0].text == "تا 48 ساعت کاری"
    with pytest.raises(Missing):
        queries.terms(3)


def test_published_numbers_of_clauses_cost_one_query_for_a_version(django_assert_num_queries):
    version = actions.publish_terms(document=document(), now=NOW)
    with django_assert_num_queries(1):
        assert queries.clause_number(version, "D57") == "11-4"
        assert queries.clause_number(version, "D30") == "5-3"
        assert len(queries.clauses(version)) == 2
    with pytest.raises(KeyError):
        queries.clause_number(version, "D99")


@pytest.mark.clause("D03", "D04")
def test_the_database_refuses_to_change_what_was_published():
    version = actions.publish_terms(document=document(), now=NOW)
    for change in (
        lambda: TermsVersion.objects.update(title="دیگر"),
        lambda: TermsClause.objects.filter(version=version).update(text="دیگر"),
        lambda: TermsClause.objects.filter(version=version).delete(),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    assert queries.terms(1).title == "شرایط فروش پیمان"
    assert TermsClause.objects.count() == 2


@pytest.mark.clause("D02")
def test_an_order_records_the_version_and_the_hash_that_were_accepted():
    person, version = make.person(), actions.publish_terms(document=document(), now=NOW)
    acceptance = actions.accept(person=person, version=version, kind="order", subject="order:ORD-1", now=NOW)
    acceptance.refresh_from_db()
    assert acceptance.version == version
    assert acceptance.sha256 == document().sha256
    assert (acceptance.kind, acceptance.subject, acceptance.at) == ("order", "order:ORD-1", NOW)


@pytest.mark.clause("D02")
def test_accepting_twice_keeps_the_first_hour():
    person, version = make.person(), actions.publish_terms(document=document(), now=NOW)
    first = actions.accept(person=person, version=version, kind="sign_up", now=NOW)
    again = actions.accept(person=person, version=version, kind="sign_up", now=NOW + DAY)
    assert again == first
    assert Acceptance.objects.get().at == NOW


@pytest.mark.clause("D05")
def test_implied_and_explicit_acceptance_are_never_mixed():
    person, first = make.person(), actions.publish_terms(document=document(), now=NOW)
    second = actions.publish_terms(document=document(72), now=NOW + DAY)
    actions.accept(person=person, version=first, kind="implied", now=NOW)
    assert not queries.has_accepted(person, first)
    actions.accept(person=person, version=first, kind="sign_up", now=NOW)
    assert queries.has_accepted(person, first)
    assert not queries.has_accepted(person, second)  # asked again at the next order
    actions.accept(person=person, version=second, kind="order", subject="order:ORD-1", now=NOW + DAY)
    assert queries.has_accepted(person, second)
    assert not queries.has_accepted(make.person(), first)
    assert sorted(Acceptance.objects.values_list("kind", "version__number")) == [
        ("implied", 1), ("order", 2), ("sign_up", 1),
    ]  # fmt: skip


@pytest.mark.clause("D02")
@pytest.mark.parametrize(
    ("kind", "subject"), [("order", ""), ("sign_up", "order:ORD-1"), ("implied", "x"), ("bought", "")]
)
def test_an_acceptance_names_its_order_and_nothing_else(kind, subject):
    person, version = make.person(), actions.publish_terms(document=document(), now=NOW)
    with pytest.raises(ValueError):
        actions.accept(person=person, version=version, kind=kind, subject=subject, now=NOW)
    assert Acceptance.objects.count() == 0


@pytest.mark.clause("D02")
def test_the_database_refuses_to_change_consents():
    person, version = make.person(), actions.publish_terms(document=document(), now=NOW)
    actions.accept(person=person, version=version, kind="sign_up", now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Acceptance.objects.update(at=NOW + DAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        Acceptance.objects.all().delete()
    assert Acceptance.objects.get().at == NOW


def test_the_published_documents_of_the_house_can_be_read():
    version = actions.publish_terms(document=make.terms_document(), now=NOW)
    assert queries.clause_number(version, "D57") == "11-4"
    assert rules.parameter(version.parameters, "refund_hours") == 48
    assert rules.parameter(version.parameters, "payment_minutes") == 20
