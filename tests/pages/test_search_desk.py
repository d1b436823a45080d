"""The desk of search: staff see how words are understood, what is looked for in vain, and say what means the same."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from peyman.entrypoints import searches
from peyman.kernel.worktime import tehran_day
from peyman.promises.models import TermsVersion
from peyman.shop.catalog import queries as catalog
from peyman.shop.catalog.queries import marks, search
from peyman.shop.catalog.rules.search import synonyms
from peyman.shop.finding import actions, queries, rules
from peyman.shop.finding.models import Sought, SynonymVersion
from tests import make
from tests.make import NOW
from tests.pages.reading import html_of

pytestmark = pytest.mark.django_db

DESK = "/desk/search/"
TODAY = tehran_day(NOW)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    for forget in (marks.forget, search.forget, queries.forget, searches._seen.clear):
        forget()
    yield
    queries.forget()
    searches._seen.clear()


@pytest.fixture
def keeper(client: Client, shop: TermsVersion) -> Client:
    client.force_login(make.person(role="catalogue"))
    return client


def good(title: str) -> str:
    product = make.product(title=title)
    make.variant(product=product)
    return title


def titles(q: str) -> list[str]:
    return [card.title for card in catalog.list_cards(catalog.Ask(q=q, sort="relevant")).items]


@pytest.mark.parametrize("role", ["customer", "orders", "privacy"])
def test_only_who_keeps_the_catalogue_finds_the_desk(client: Client, shop: TermsVersion, role: str) -> None:
    client.force_login(make.person(role=role))
    assert client.get(DESK).status_code == 404
    assert client.post(DESK, {"words": "الف = ب", "why": "چون"}).status_code == 404
    assert client.post(f"{DESK}abc/switch", {"on": "0"}).status_code == 404
    assert SynonymVersion.objects.count() == 0


def test_what_staff_say_counts_in_the_next_search_and_stops_when_they_say_so(keeper: Client) -> None:
    good("سرخ‌کن بدون روغن")
    assert titles("چغندرپز") == []
    answer = keeper.post(DESK, {"words": "چغندرپز = سرخ‌کن بدون روغن", "also": "", "why": "۱۲ بار جسته شد"})
    assert answer.status_code == 302
    assert titles("چغندرپز") == ["سرخ‌کن بدون روغن"]
    row = SynonymVersion.objects.get()
    assert (row.words, row.also, row.is_on, row.why) == (["چغندرپز", "سرخ کن بدون روغن"], [], True, "۱۲ بار جسته شد")
    assert "چغندرپز = سرخ کن بدون روغن" in html_of(keeper.get(DESK))
    assert keeper.post(f"{DESK}{row.set_code}/switch", {"on": "0"}).status_code == 302
    assert titles("چغندرپز") == []
    html = html_of(keeper.get(f"{DESK}{row.set_code}/"))
    assert html.index("کنار گذاشته شد") < html.index("۱۲ بار جسته شد")
    assert SynonymVersion.objects.count() == 2


def test_one_way_words_lead_one_way(keeper: Client) -> None:
    good("کارت گرافیک GeForce")
    good("کارت گرافیک ژرفا")
    keeper.post(DESK, {"words": "ژرفا", "also": "GeForce", "why": "سازنده آن"})
    assert sorted(titles("ژرفا")) == ["کارت گرافیک GeForce", "کارت گرافیک ژرفا"]
    assert titles("geforce") == ["کارت گرافیک GeForce"]


def test_a_wrong_set_is_refused_in_words_and_changes_nothing(keeper: Client) -> None:
    for words, also, why, said in (
        ("", "", "چون", "واژه‌ای بنویسید که مردم می‌نویسند."),
        ("تنها", "", "چون", "دست‌کم دو واژه لازم است که یکی نباشند."),
        ("الف = ب", "", "", "بنویسید چرا؛ در تاریخچه می‌ماند."),
        ("یک جمله بسیار بسیار بلند = ب", "", "چون", "هر واژه تا چهار بخش و ۶۰ نویسه است"),
        (" = ".join(f"و{n}" for n in range(13)), "", "چون", "بیش از ۱۲ واژه است"),
    ):
        assert said in html_of(keeper.post(DESK, {"words": words, "also": also, "why": why}), 422)
    keeper.post(DESK, {"words": "الف = ب", "why": "چون"})
    assert "همین دسته پیش‌تر گفته شده است" in html_of(keeper.post(DESK, {"words": "الف، ب", "why": "باز"}), 422)
    assert SynonymVersion.objects.count() == 1
    assert keeper.post(f"{DESK}nothing/switch", {"on": "0"}).status_code == 404
    assert keeper.get(f"{DESK}nothing/").status_code == 404


def test_the_database_keeps_the_history_as_it_was() -> None:
    actions.say_same(words="الف = ب", why="چون", by="کسی", now=NOW)
    for change in (
        lambda: SynonymVersion.objects.update(why="دیگر"),
        lambda: SynonymVersion.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert SynonymVersion.objects.get().why == "چون"


def test_the_desk_tells_how_a_search_is_understood(keeper: Client) -> None:
    good("هدفون بلوتوثی")
    html = html_of(keeper.get(DESK, {"q": "هدفن قژقژی"}))
    assert "یک لغزش انگشت دورتر:" in html and "هدفون" in html
    assert "هیچ کالایی این واژه را ندارد" in html
    assert "کنار ماند: «قژقژی»" in html and "«هدفن» را «هدفون» خواند." in html
    assert "واژه‌ای در آن نیست." in html_of(keeper.get(DESK, {"q": "؟!"}))


def test_what_finds_little_is_counted_by_day_without_a_write_while_it_is_read(keeper: Client) -> None:
    for typed, found in (("چغندرپز", 0), ("چغندر‌پز", 0), ("چغندرپز ", 1), ("گوشی", 4)):
        searches.note(typed, found, NOW)
    assert Sought.objects.count() == 0
    assert searches.write_down() == 2
    searches.note("چغندرپز", 2, NOW)
    assert searches.write_down() == 1
    assert searches.write_down() == 0
    rows = Sought.objects.order_by("typed").values_list("day", "typed", "times", "found")
    assert list(rows) == [(TODAY, "چغندر پز", 1, 0), (TODAY, "چغندرپز", 3, 2)]
    html = html_of(keeper.get(DESK))
    assert html.index("چغندر پز") < html.index("چغندرپز")  # what found nothing stands first
    assert "?words=%DA%86%D8%BA%D9%86%D8%AF%D8%B1%D9%BE%D8%B2#new" in html
    assert 'value="چغندرپز"' in html_of(keeper.get(DESK, {"words": "چغندرپز"}))


@pytest.mark.parametrize(
    "typed",
    [
        "09121234567", "۰۹۱۲ ۱۲۳ ۴۵۶۷", "علی 0012345678", "6037-9911-2233-4455", "ali@example.ir", "http://x.ir/a",
        "www.example.com", "IR06 0120 0000", "1403/05/06 12", "و" * 81, "یک دو سه چهار پنج شش هفت هشت نه", "", "؟",
    ],
)  # fmt: skip
def test_what_may_tell_of_a_person_is_not_kept(typed: str) -> None:
    assert rules.worth_keeping(typed) == ""


def test_models_and_measures_are_kept() -> None:
    assert rules.worth_keeping("هدفون سونی WH-1000XM5") == "هدفون سونی wh 1000xm5"
    assert rules.worth_keeping("پاور ۲۰۰۰۰") == "پاور 20000"


def test_what_is_gathered_is_bounded_and_kept_where_it_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(searches.MOST + 5):
        searches.note("".join("ابپتثجچحخد"[int(c)] for c in str(n)), 0, NOW)
    assert len(searches._seen) == searches.MOST

    def away(**_: object) -> int:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(actions, "count_sought", away)
        assert searches.write_down() == 0
    assert len(searches._seen) == searches.MOST


def test_what_was_looked_for_is_forgotten_in_time() -> None:
    for days in (0, rules.KEPT_DAYS, rules.KEPT_DAYS + 1):
        Sought.objects.create(day=TODAY - timedelta(days=days), typed="کتاب", times=1, found=0)
    assert searches.forget(NOW) == 1
    assert Sought.objects.count() == 2
    assert searches.forget(NOW) == 0


def test_the_last_word_about_a_set_counts() -> None:
    said = [
        ("a", True, ["الف", "ب"], []),
        ("b", True, ["پ"], ["ت"]),
        ("a", True, ["الف", "ج"], []),
        ("b", False, ["پ"], ["ت"]),
    ]
    assert rules.newest(said) == (synonyms.Set(("الف", "ج")),)
