"""What holds of every text: spelling does not decide, spans say what they point at, nothing breaks the screener."""

import random
import time
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peyman.care.reviews.rules.screening import Screening, Submission, screen
from peyman.care.reviews.rules.table import table
from tests.rules.screen import acceptable, cases

WRITTEN = [case.written for case in cases()]
MEANING = {rule.id for rule in table().values()} - {"R01b", "R01c", "R01d", "Q01a"}  # those are of spelling and length
FORMS = ("NFC", "NFD", "NFKC", "NFKD")
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ARABIC_DIGITS = str.maketrans("0123456789۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩" * 2)
LATIN_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "0123456789" * 2)


def changed(written: Submission, text: str) -> Submission:
    return Submission(written.kind, text, written.title, written.pros, written.cons, written.product, written.earlier)


def meaning(screening: Screening) -> set[str]:
    return set(screening.labels) & MEANING


@pytest.mark.parametrize("form", FORMS)
def test_the_unicode_form_does_not_decide(form: str) -> None:
    for written in WRITTEN:
        other = changed(written, unicodedata.normalize(form, written.text))
        assert meaning(screen(other)) == meaning(screen(written)), written.text


def test_neither_do_the_digits() -> None:
    for written in WRITTEN:
        expected = meaning(screen(written))
        for digits in (ARABIC_DIGITS, LATIN_DIGITS):
            assert meaning(screen(changed(written, written.text.translate(digits)))) == expected, written.text


def test_nor_the_half_spaces() -> None:
    for written in WRITTEN:
        expected = meaning(screen(written))
        for instead in ("", " "):
            other = changed(written, written.text.replace("\u200c", instead))
            assert screen(other).decision == screen(written).decision, (written.text, instead)
            assert meaning(screen(other)) == expected, (written.text, instead)


@pytest.mark.parametrize("sign", ["\u200b", "\u2060", "\u202e", "\u064e", "\u0640"])
def test_what_is_slipped_between_the_letters_hides_nothing(sign: str) -> None:
    hidden = Submission("review", sign.join("فروشنده") + " " + sign.join("کلاهبردار") + " است.")
    assert "R08" in screen(hidden).labels


@pytest.mark.parametrize("innocent", ["رنگ آن مشکی است.", "پارچه لطیفی دارد.", "وزن آن کم است و جای زیادی نمی‌گیرد."])
def test_an_innocent_sentence_more_takes_no_finding_away(innocent: str) -> None:
    for written in WRITTEN:
        before = set(screen(written).labels) - {"R01a", "Q01b"}  # which are of the text as a whole
        if "Q04a" in before or "Q04b" in before:
            continue
        for text in (f"{written.text}\n{innocent}", f"{innocent} {written.text}"):
            assert before <= set(screen(changed(written, text)).labels), text


def assert_told_truly(written: Submission, screening: Screening) -> None:
    assert {finding.rule.id for finding in screening.findings} == set(screening.labels)
    for finding in screening.findings:
        value = getattr(written, finding.field)
        typed = value if finding.item is None else value[finding.item]
        assert typed[finding.start : finding.end] == finding.text
        assert finding.text or finding.rule.id in ("R01a",)
        assert finding.rule.sentence and finding.why and finding.mend
        assert written.kind in finding.rule.kinds


def test_each_finding_points_at_what_it_says() -> None:
    for written in WRITTEN:
        assert_told_truly(written, screen(written))


ODD = "قیمت۱۲٣4آ ش غ\u200c\u200b\u202e\u0640ًيكىةۀ@.:/()؟?!\n\t😀️‍کامدات <a href=x>&amp;\x00\x1f\ufeffабсAaＡ𝐀"


@QUICK
@given(st.text(alphabet=ODD, max_size=200), st.sampled_from(["review", "question", "answer"]))
def test_any_text_gets_a_decision_and_true_spans(text: str, kind: str) -> None:
    written = Submission(kind, text, text[:20], (text[3:9],), (), text[:8], (text[::-1],))
    assert_told_truly(written, screen(written))


@QUICK
@given(st.text(max_size=300))
def test_so_does_a_text_of_any_letters(text: str) -> None:
    written = Submission("review", text)
    assert_told_truly(written, screen(written))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("empty", ""),
        ("blanks", " \n\t "),
        ("emoji only", "😍👍🏻❤️"),
        ("diacritics only", "\u064e\u064f\u0650"),
        ("bidi overrides", "\u202e\u202d\u2066\u2069"),
        ("zero-width flood", "\u200b" * 5000),
        ("HTML", "<b>خوب</b> است &nbsp; <script>alert(1)</script>"),
        ("control characters", "خوب\x00 است\x07"),
        ("mixed scripts", "خوب good хорошо 好 است"),
    ],
)
def test_odd_input_gets_a_decision(name: str, text: str) -> None:
    written = Submission("review", text)
    screening = screen(written)
    assert screening.decision in ("accept", "human", "reject")
    assert all(text[one.start : one.end] == one.text for one in screening.findings)


def seconds(text: str) -> float:
    begun = time.process_time()
    screen(Submission("review", text))
    return time.process_time() - begun


PIECES = [
    "خوب ",
    "ا ",
    "a.",
    "1 ",
    "و ",
    "@a ",
    "قیمت ",
    "صفر ",
    "ا.",
    "()",
    "دات کام ",
    "\u200b",
    "www. ",
    "<a ",
    "ات ",
    "می ",
]


@pytest.mark.parametrize("piece", PIECES)
def test_ten_times_the_text_takes_about_ten_times_as_long(piece: str) -> None:
    screen(Submission("review", piece))
    short = min(seconds(piece * (2_000 // len(piece))) for _ in range(3))
    long = min(seconds(piece * (20_000 // len(piece))) for _ in range(2))
    assert long < 0.1 + 30 * short  # linear is 10; a quadratic pattern would be at 100


def test_a_hundred_thousand_letters_of_ordinary_text_are_read_in_linear_time() -> None:
    words = " ".join(acceptable() * 40).split(" ")
    random.Random(7).shuffle(words)
    whole = " ".join(words)[:100_000]
    assert min(seconds(whole) for _ in range(2)) < 0.2 + 30 * min(seconds(whole[:10_000]) for _ in range(3))
