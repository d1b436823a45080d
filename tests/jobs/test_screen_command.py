"""`peyman screen` from outside: lines in, lines out, and what a bad line does."""

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from peyman.entrypoints.jobs import screen

GOOD = {
    "id": "a1",
    "kind": "review",
    "product": "کفش",
    "title": "",
    "text": "سبک است.",
    "pros": ["قیمتش چنده؟"],
    "cons": [],
}


def run(*lines: bytes) -> tuple[int, list[dict[str, object]]]:
    out = io.BytesIO()
    bad = screen.screen_all([line + b"\n" for line in lines], out)
    return bad, [json.loads(line) for line in out.getvalue().splitlines()]


def test_each_line_is_answered_by_one_with_labels_decision_and_spans() -> None:
    bad, answers = run(json.dumps(GOOD, ensure_ascii=False).encode())
    assert bad == 0
    (answer,) = answers
    assert list(answer) == ["id", "labels", "decision", "spans"]
    assert (answer["id"], answer["labels"], answer["decision"]) == ("a1", ["R07", "R11a", "R18"], "reject")
    price = next(span for span in answer["spans"] if span["rule"] == "R11a")  # type: ignore[attr-defined]
    assert price == {
        "rule": "R11a",
        "field": "pros",
        "start": 0,
        "end": 11,
        "text": "قیمتش چنده؟",
        "sentence": "به‌هیچ‌وجه در بخش نظرات مبلغ «قیمت» را ذکر نکرده، درباره‌ی آن سؤال نکنید",
        "mend": "مبلغ را بردارید؛ قیمت‌ها در نمودار قیمت همین صفحه آمده است.",
        "item": 0,
    }


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"junk", "سطر JSON نیست"),
        (b"[1]", "سطر باید یک شیء JSON باشد"),
        (b'{"id": 1, "kind": "poem", "text": ""}', "kind باید یکی از review، question و answer باشد"),
        (b'{"id": 1, "kind": "review"}', "text ندارد"),
        (b'{"id": 1, "kind": "review", "text": 5}', "text باید متن باشد"),
        (b'{"id": 1, "kind": "review", "text": "", "pros": [3]}', "pros باید فهرستی از متن باشد"),
        (b'{"id": 1, "kind": "review", "text": "\\ud800"}', "text نویسه‌ای دارد که در هیچ متنی نمی‌آید"),
        (b'{"id": 1, "kind": "review", "text": "\xff"}', "نویسه‌های سطر UTF-8 نیست (بایت 37)"),
        (b"[" * 100_000, "سطر JSON نیست"),
    ],
)
def test_a_bad_line_becomes_an_error_in_its_place_and_the_rest_goes_on(line: bytes, error: str) -> None:
    good = json.dumps(GOOD).encode()
    bad, answers = run(good, line, good)
    assert bad == 1
    assert [answer.get("decision") for answer in answers] == ["reject", None, "reject"]
    assert (answers[1]["error"], answers[1]["line"]) == (error, 2)


def test_a_text_of_a_megabyte_is_screened_and_a_longer_line_is_refused() -> None:
    long = json.dumps({"id": 1, "kind": "review", "text": "خوب است. " * 60_000}, ensure_ascii=False).encode()
    too_long = b'{"id": 2, "kind": "review", "text": "' + b"a" * screen.LONGEST_LINE + b'"}'
    bad, answers = run(long, too_long)
    assert bad == 1
    assert (answers[0]["decision"], answers[1]["error"]) == ("accept", "سطر بیش از چهار مگابایت است")


def test_the_command_ends_with_1_when_a_line_was_bad(tmp_path: Path) -> None:
    good = json.dumps(GOOD).encode() + b"\n"
    assert CliRunner().invoke(screen.command, input=good).exit_code == 0
    assert CliRunner().invoke(screen.command, input=good + b"junk\n").exit_code == 1


def test_why_tells_the_reason_in_one_sentence() -> None:
    answer = screen.answer(json.dumps(GOOD).encode(), screen.screener(), why=True)
    assert next(span["why"] for span in answer["spans"] if span["rule"] == "R11a") == "قیمت را می‌پرسد"
