"""What people type and what they mean by it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peyman.kernel import text
from peyman.shop.catalog.rules.search import sound, synonyms
from peyman.shop.catalog.rules.search.asking import (
    AS_TYPED,
    HEARD,
    INSIDE,
    MEANT,
    MOST_WORDS,
    SLIPPED,
    Group,
    Measure,
    Other,
    needed,
    understand,
)
from peyman.shop.catalog.rules.search.kinds import Kinds
from peyman.shop.catalog.rules.search.texts import texts
from peyman.shop.catalog.rules.search.vocabulary import Vocabulary

SHELF = (
    "گوشی موبایل سامسونگ samsung galaxy a57 s25 256gb 256 gb گیگابایت ایکس x7 poco لپ تاپ کول پد کتاب خوان جاروبرقی "
    "یخچال فریزر هدفون پاوربانک مایکروویو laserjet iphone 15 15pro قهوه برنج کفش مردانه بی سیم ماوس"
)
WORDS = Vocabulary(text.search_words(SHELF).split())
SAME = synonyms.table(
    synonyms.read(
        [
            "گوشی = موبایل = تلفن همراه # remark",
            "لپ تاپ = نوت بوک",
            "پاوربانک = شارژر همراه",
            "گیگابایت = گیگ",
            "# none",
            "تنها",
        ]
    )
)


def meant(typed: str) -> list[list[tuple[str, int]]]:
    return [[(" ".join(o.words), o.cost) for o in group.others] for group in understand(typed, WORDS, SAME)]


def first(typed: str) -> list[str]:
    """The nearest words of the shelf for each thing that was typed."""
    found = []
    for group in understand(typed, WORDS, SAME):
        known = [" ".join(other.words) for other in group.others if all(word in WORDS for word in other.words)]
        found.append(known[0] if known else "")
    return found


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("گوشی سامسونگ", ["گوشی", "سامسونگ"]),
        ("گوشي سامسونگ", ["گوشی", "سامسونگ"]),
        ("لپ‌تاپ", ["لپ تاپ"]),
        ("لپتاپ", ["لپ تاپ"]),
        ("کولپد", ["کول پد"]),
        ("جارو برقی", ["جاروبرقی"]),
        ("کتابخوان", ["کتاب خوان"]),
        ("نوت بوک", ["لپ تاپ"]),
        ("تلفن همراه", ["گوشی"]),
        ("شارژر همراه", ["پاوربانک"]),
        ("گوشی‌های سامسونگ", ["گوشی", "سامسونگ"]),
        ("گوشیهای سامسونگ", ["گوشی", "سامسونگ"]),
        ("قیمت یخچال", ["یخچال"]),
        ("خرید بهترین گوشی", ["گوشی"]),
        ("ایکس ۷", ["x7"]),
        ("۲۵۶ گیگ", ["256", "گیگابایت"]),
        ("15 pro", ["15pro"]),
        ("iphone15pro", ["iphone 15pro"]),
    ],
)
def test_spellings_synonyms_and_joined_words(typed: str, words: list[str]) -> None:
    assert first(typed) == words


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("gooshi", "گوشی"), ("goshi", "گوشی"), ("yakhchal", "یخچال"), ("ghahve", "قهوه"), ("berenj", "برنج"),
        ("kafsh", "کفش"), ("jarobarghi", "جاروبرقی"), ("لیزرجت", "laserjet"), ("آیفون", "iphone"), ("گلکسی", "galaxy"),
        ("hedfon", "هدفون"), ("khan", "خوان"),
    ],
)  # fmt: skip
def test_what_is_heard_is_found_in_the_other_script(typed: str, word: str) -> None:
    assert (word, HEARD) in meant(typed)[0]


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("سامسونک", "سامسونگ"), ("یخچل", "یخچال"), ("هدفن", "هدفون"), ("مایکرووبو", "مایکروویو"),
        ("جاروبرفی", "جاروبرقی"),
    ],
)  # fmt: skip
def test_a_slip_of_the_finger_is_forgiven(typed: str, word: str) -> None:
    assert (word, SLIPPED) in meant(typed)[0]


def test_a_number_is_never_taken_for_another() -> None:
    assert first("257") == [""]
    assert [(word, cost) for word, cost in meant("a58")[0] if cost <= SLIPPED] == [("a58", AS_TYPED)]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("',ad", ["گوشی"]), ("do]hg", ["یخچال"]), ("سشئسعدل", ["samsung"]),
        ("l,fhdg shls,k'", ["موبایل", "سامسونگ"]),
        ("gm jhm", ["لپ تاپ"]),
        ("g\\ jh\\", ["لپ تاپ"]),
        ("g` jh`", ["لپ تاپ"]),
        ("\\h,v fhk;", ["پاوربانک"]),
    ],
)  # fmt: skip
def test_a_keyboard_left_in_the_other_language_is_read(typed: str, words: list[str]) -> None:
    assert first(typed) == words


def test_a_word_that_is_known_is_not_swapped() -> None:
    assert [group.typed for group in understand("samsung l", WORDS, SAME)] == ["samsung", "l"]
    assert first("یخچال") == ["یخچال"]


def test_what_holds_no_word_asks_for_nothing() -> None:
    for typed in ("", "   ", "!!!", "؟؟", "\u200c"):
        assert understand(typed, WORDS, SAME) == []


def test_idle_words_alone_are_sought_all_the_same() -> None:
    assert [group.typed for group in understand("قیمت خوب", WORDS, SAME)] == ["قیمت", "خوب"]


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("ده کیلو", "10"), ("پنجاه و پنج اینچ", "55"), ("سیزده نفره", "13"), ("هزار تکه", "1000"),
        ("دو هزار و پانصد وات", "2500"), ("صد و بیست و هشت گیگ", "128"), ("۲ نفره", "دو"),
    ],
)  # fmt: skip
def test_a_number_is_the_same_in_words_and_in_digits(typed: str, number: str) -> None:
    assert number in [word for word, _ in meant(typed)[0]]


def test_two_numbers_beside_each_other_stay_two() -> None:
    assert [group.typed for group in understand("هفت هشت", WORDS, SAME)] == ["هفت", "هشت"]
    assert [group.typed for group in understand("پنج و شش", WORDS, SAME)] == ["پنج", "شش"]


def test_one_is_idle_except_before_what_is_counted() -> None:
    assert [group.typed for group in understand("یک گوشی", WORDS, SAME)] == ["گوشی"]
    assert [group.typed for group in understand("پتو یک نفره", WORDS, SAME)] == ["پتو", "یک", "نفره"]


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("ایکس هفت", "ایکس"), ("ایکس ۷", "x7"), ("اس ۲۵", "s25"), ("ای ۵۷", "a57"),
    ],
)  # fmt: skip
def test_letters_are_read_by_their_names(typed: str, word: str) -> None:
    assert word in [other for group in meant(typed) for other, _ in group]


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("صامصونگ", "سامسونگ"), ("یخچاال", "یخچال"), ("غهوه", "قهوه"), ("مردونه", "مردانه"), ("گوشیا", "گوشی"),
        ("موبایلها", "موبایل"), ("یحچال", "یخچال"), ("نوتبوک", "لپ تاپ"), ("نوتبوگ", "لپ تاپ"),
        ("شارژرهمراه", "پاوربانک"), ("پاور بانگ", "پاوربانک"),
    ],
)  # fmt: skip
def test_letters_of_one_sound_speech_and_words_that_only_a_synonym_knows(typed: str, word: str) -> None:
    assert word in [other for group in meant(typed) for other, _ in group]


def test_one_way_words_lead_one_way_and_phrases_are_known_together() -> None:
    one_way = synonyms.table(synonyms.read(["انویدیا = nvidia > geforce = rtx", "چادر = چادر مسافرتی"]))
    assert one_way["انویدیا"] == ("nvidia", "geforce", "rtx")
    assert "geforce" not in one_way
    assert one_way["چادرمسافرتی"] == ("چادر مسافرتی", "چادر")


def test_what_a_word_means_is_a_guess_only_where_the_shelf_has_nothing_of_its_name() -> None:
    known, heard, slipped = (understand(typed, WORDS, SAME)[0] for typed in ("یخچال", "yakhchal", "یخجال"))
    assert (known.is_guess, heard.is_guess, slipped.is_guess) == (False, False, True)
    assert slipped.meant == {"یخچال"}


@given(st.text(max_size=300))
def test_anything_typed_is_understood_in_bounds(typed: str) -> None:
    groups = understand(typed, WORDS, SAME)
    assert len(groups) <= MOST_WORDS
    for group in groups:
        assert group.others[0].cost == AS_TYPED
        assert all(word and '"' not in word and " " not in word for other in group.others for word in other.words)
        assert len(group.others) <= 80


@given(st.text("abcdefghپتگاویسشق", max_size=12), st.text("abcdefghپتگاویسشق", max_size=12))
def test_the_distance_of_two_words_is_that_of_the_whole_table(one: str, other: str) -> None:
    assert sound.distance(one, other, 24) == slow_distance(one, other)
    for most in (0, 1, 2):
        assert sound.distance(one, other, most) == min(slow_distance(one, other), most + 1)


def slow_distance(one: str, other: str) -> int:
    table = {(row, -1): row + 1 for row in range(-1, len(one))} | {
        (-1, column): column + 1 for column in range(-1, len(other))
    }
    for row in range(len(one)):
        for column in range(len(other)):
            best = min(
                table[row - 1, column] + 1,
                table[row, column - 1] + 1,
                table[row - 1, column - 1] + (one[row] != other[column]),
            )
            if row and column and one[row] == other[column - 1] and one[row - 1] == other[column]:
                best = min(best, table[row - 2, column - 2] + 1)
            table[row, column] = best
    return table[len(one) - 1, len(other) - 1]


def test_the_head_says_what_a_thing_is_and_not_what_it_fits() -> None:
    cover = texts(
        title="قاب سیلیکونی مدل C4 مناسب برای گوشی موبایل سامسونگ Galaxy A57",
        title_latin="Silicone Case C4 for Samsung Galaxy A57",
        names=("باسئوس", "Baseus"),
        category="قاب گوشی",
        path="موبایل > لوازم جانبی > قاب گوشی",
        attributes={"جنس": "سیلیکون"},
        variants=["مشکی", "", "مشکی"],
    )
    assert cover.head == "قاب سیلیکونی مدل c4 c 4 باسیوس baseus قاب گوشی silicone case c4 c 4"
    assert cover.words.split()[-3:] == ["جنس", "سیلیکون", "مشکی"]
    assert {"سامسونگ", "galaxy", "a57", "57"} <= set(cover.words.split())
    assert len(cover.words.split()) == len(set(cover.words.split()))


def test_the_thing_itself_goes_before_its_cover() -> None:
    phone = texts(title="گوشی موبایل سامسونگ مدل Galaxy A57", category="گوشی موبایل", path="موبایل > گوشی موبایل")
    cover = texts(title="قاب مناسب برای گوشی موبایل سامسونگ Galaxy A57", category="قاب گوشی", path="موبایل > قاب گوشی")

    def far(typed: str, one: object, kind: str) -> int:
        return Measure(understand(typed, WORDS, SAME)).far(one.head, one.words, kind)  # type: ignore[attr-defined]

    for typed in ("گوشی سامسونگ", "موبایل سامسونگ", "سامسونگ گوشی", "goshi samsung", "a57"):
        assert far(typed, phone, "گوشی موبایل") < far(typed, cover, "قاب گوشی")
    assert far("قاب سامسونگ", cover, "قاب گوشی") < far("قاب سامسونگ", phone, "گوشی موبایل")


LETTERS = st.sampled_from("abcdef")
SOME_WORDS = st.lists(LETTERS, max_size=8)
GROUPS = st.lists(
    st.builds(
        lambda others, meant: Group("x", tuple({other.words: other for other in others}.values()), frozenset(meant)),
        st.lists(
            st.builds(Other, st.lists(LETTERS, min_size=1, max_size=2, unique=True).map(tuple), st.integers(0, 20)),
            max_size=6,
        ),
        SOME_WORDS,
    ),
    max_size=3,
)


@settings(max_examples=200)
@given(GROUPS, SOME_WORDS, SOME_WORDS, SOME_WORDS)
def test_how_far_a_product_is_agrees_with_a_slow_plain_count(
    groups: list[Group], head: list[str], beside: list[str], kind: list[str]
) -> None:
    far = Measure(groups).far(" ".join(head), " ".join([*head, *beside]), " ".join(kind))
    assert far == slow_far(groups, head, {*head, *beside}, kind)


def slow_far(groups: list[Group], head: list[str], words: set[str], kind: list[str]) -> int:
    """Every alternative held against the product, one after the other."""
    total, met, named = 0, set[str](), False
    for n, group in enumerate(groups):
        costs = [60]
        for other in group.others:
            if all(word in head for word in other.words):
                late = min(max(head.index(word) for word in other.words), 6) * (1 if n else 2)
                is_phrase = f" {' '.join(other.words)} " in f" {' '.join(head)} "
                costs.append(other.cost + late + (0 if is_phrase else 8))
                met |= group.meant & set(other.words)
                is_kind = list(other.words) == kind[: len(other.words)] and len(other.words) > 1
                named = named or (is_kind and other.cost <= HEARD)
            elif all(word in words for word in other.words):
                costs.append(other.cost + 30)
        total += min(costs)
    if named or (kind and set(kind) <= met):
        return total - 12
    return total - 2 * len(set(kind) & met)


def test_the_index_is_asked_only_for_words_of_the_shelf_and_for_none_in_two_ways() -> None:
    (phone,) = understand("گوشی", WORDS, SAME)
    assert needed(phone, WORDS) == [("گوشی",), ("موبایل",)]
    (none,) = understand("قژقژی", WORDS, SAME)
    assert needed(none, WORDS) == []
    laptop = Group("x", (Other(("لپ", "تاپ"), AS_TYPED), Other(("لپ",), MEANT), Other(("کول", "پد"), MEANT)))
    assert needed(laptop, WORDS) == [("لپ",), ("کول", "پد")]


def test_a_kind_is_named_by_any_word_of_its_title_and_whole_by_all_of_them() -> None:
    kinds = Kinds({1: "گوشی موبایل", 2: "قاب گوشی", 3: "کیف، کوله و جامدادی", 4: "!"})
    assert kinds.named(["گوشی", "و"]) == {1, 2}
    assert kinds.whole(["گوشی", "موبایل", "سامسونگ"]) == {1}
    assert kinds.whole(["کیف", "کوله", "جامدادی"]) == {3}
    assert kinds.words({1, 2}) == {"گوشی", "موبایل", "قاب"}
    assert (kinds.plain(3), kinds.title(3), kinds.plain(9), kinds.title(9)) == (
        "کیف کوله و جامدادی", "کیف، کوله و جامدادی", "", "",
    )  # fmt: skip


def test_a_letter_is_no_slip_for_a_digit_and_words_of_hundreds_of_letters_have_none() -> None:
    assert Vocabulary(["pixel9", "pixels"]).near("pixell") == ["pixels"]
    assert Vocabulary(["a" * 100]).near("a" * 99) == []


def test_a_list_of_synonyms_is_read_in_any_spelling() -> None:
    assert SAME["گوشی"] == ("موبایل", "تلفن همراه")
    assert SAME["تلفن همراه"] == ("گوشی", "موبایل")
    assert "تنها" not in SAME
    assert synonyms.read(["كيف = كوله‌پشتي", "الف =", "  "]) == [(("کیف", "کوله پشتی"), ())]
    assert synonyms.table([synonyms.Set(("الف", "ب")), synonyms.Set(("الف", "پ"))])["الف"] == ("ب", "پ")


def test_a_vocabulary_grows_and_tells_each_word_once() -> None:
    words = Vocabulary(["سیب", "سیب"])
    assert len(words) == 1
    words.add(["سیب‌زمینی".replace("\u200c", ""), "گلابی"])
    assert words.beginning_with("سیب") == ["سیب", "سیبزمینی"]
    assert words.holding("زمین") == ["سیبزمینی"]
    assert words.near("گلالی") == ["گلابی"]
    assert words.parts("سیبگلابی") == ("سیب", "گلابی")
    assert words.parts("سیبب") == ()
    assert INSIDE > SLIPPED > HEARD > MEANT > AS_TYPED
