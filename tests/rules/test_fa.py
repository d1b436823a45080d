"""The filters: how sums, digits, dates and Latin words are printed."""

from datetime import UTC, date, datetime

import pytest

from peyman.entrypoints import worddiff
from peyman.entrypoints.storefront import icons
from peyman.entrypoints.storefront.templatetags import fa

AT = datetime(2026, 11, 25, 6, 54, tzinfo=UTC)  # Wednesday 4 Azar 1405, 10:24 in Tehran


def test_rials_become_toman_only_here() -> None:
    assert fa.toman(98_400_000) == "۹٬۸۴۰٬۰۰۰"
    assert fa.rials(98_400_000) == "۹۸٬۴۰۰٬۰۰۰"
    with pytest.raises(ValueError, match="no whole tomans"):
        fa.toman(98_400_005)


@pytest.mark.parametrize(
    ("rials", "words"),
    [
        (90_000_000, "۹ میلیون"),
        (95_000_000, "۹٫۵ میلیون"),
        (8_500_000, "۸۵۰ هزار"),
        (1_000_000_000, "۱۰۰ میلیون"),
        (500, "۵۰"),
        (9_512_340, "۹۵۱٬۲۳۴"),
        (0, "۰"),
    ],
)
def test_a_round_sum_on_an_axis_is_said_in_words(rials: int, words: str) -> None:
    assert fa.toman_level(rials) == words


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("کتاب‌خوان آوند A6، صفحه 6 اینچ", "کتاب‌خوان آوند <bdi>A6</bdi>، صفحه ۶ اینچ"),
        ("گوشی Galaxy A54 5G با 6.4 اینچ", "گوشی <bdi>Galaxy A54 5G</bdi> با ۶٫۴ اینچ"),
        ("دسته ٤٥ و ۴۵ و 45", "دسته ۴۵ و ۴۵ و ۴۵"),
        ("باتری 2,800 میلی‌آمپرساعت", "باتری ۲٬۸۰۰ میلی‌آمپرساعت"),
        ("کد DBC-7K2M-9QXR-4WTB-6 صادر شد.", "کد <bdi>DBC-7K2M-9QXR-4WTB-6</bdi> صادر شد."),
        ("<b>قیمت</b> & 5", "&lt;<bdi>b</bdi>&gt;قیمت&lt;/<bdi>b</bdi>&gt; &amp; ۵"),
        ("۲ تا ۵ روز", "۲ تا ۵ روز"),
        ("به 0912***4567؛ رفت", 'به <bdi class="ltr" dir="ltr">۰۹۱۲***۴۵۶۷</bdi>؛ رفت'),
        ("کارت 603799******5995، A6", 'کارت <bdi class="ltr" dir="ltr">۶۰۳۷۹۹******۵۹۹۵</bdi>، <bdi>A6</bdi>'),
        ("*** ۵", "*** ۵"),
        ("", ""),
    ],
)
def test_latin_words_stand_apart_and_other_digits_are_persian(text: str, html: str) -> None:
    assert fa.prose(text) == html


def test_titles_and_attributes_get_the_same_words_without_markup() -> None:
    assert fa.plain_prose("آوند A6، 6.5 اینچ") == "آوند A6، ۶٫۵ اینچ"


def test_every_time_carries_its_instant_for_machines() -> None:
    assert fa.moment(AT) == '<time datetime="2026-11-25T06:54:00Z">چهارشنبه ۴ آذر، ساعت ۱۰:۲۴</time>'
    assert fa.deadline(AT) == '<time datetime="2026-11-25T06:54:00Z">تا چهارشنبه ۴ آذر، ساعت ۱۰:۲۴</time>'
    assert fa.public_date(date(2026, 11, 25)) == '<time datetime="2026-11-25">چهارشنبه ۴ آذر ۱۴۰۵</time>'
    assert fa.short_moment(AT) == '<time datetime="2026-11-25T06:54:00Z">۴ آذر، ساعت ۱۰:۲۴</time>'


def test_a_mobile_number_is_shown_as_people_write_it() -> None:
    assert fa.mobile("+989121234567") == "۰۹۱۲۱۲۳۴۵۶۷"
    assert fa.mobile("") == ""


def test_a_clause_that_names_another_leads_to_it() -> None:
    assert fa.linked_clauses("به ترتیب بند ۵-۳ برمی‌گردد.") == 'به ترتیب <a href="#c-5-3">بند ۵-۳</a> برمی‌گردد.'


def test_a_page_carries_each_symbol_that_it_uses_once() -> None:
    html = '<use href="#i-cart"/><use href="#i-cart"/><use href="#mark"/><use href="/static/drawings.svg#d-cup"/>'
    sprite = icons.sprite(html)
    assert sprite.count("<symbol") == 2 and 'id="i-cart"' in sprite and 'id="mark"' in sprite
    with pytest.raises(KeyError):
        icons.sprite('<use href="#i-nothing"/>')


def test_what_is_not_drawn_gets_the_plain_box() -> None:
    assert icons.drawing("reader") == "reader"
    assert icons.drawing("no-such-thing") == icons.drawing("") == "box"
    assert "box" in icons.drawings()


def test_a_change_is_told_word_by_word() -> None:
    told = [(run.kind, run.text) for run in worddiff.words("تا ۱۲ ساعت تلفنی بگویید", "تا ۲۴ ساعت بگویید حتما")]
    assert told == [
        ("same", "تا"), ("gone", "۱۲"), ("new", "۲۴"), ("same", "ساعت"), ("gone", "تلفنی"), ("same", "بگویید"),
        ("new", "حتما"),
    ]  # fmt: skip
