"""`peyman screen`: reviews and questions in, labels with their spans out; one JSON object a line, as it comes.

A line that cannot be read becomes an error object in its place, and the exit code is 1 at the end.
"""

import json
import sys
from collections.abc import Iterable
from typing import Any, BinaryIO

import click

from peyman.care.reviews.rules.screening import Finding, Screener, Submission, screener
from peyman.care.reviews.rules.table import KINDS
from peyman.entrypoints.jobs.console import BROKEN, DONE

LONGEST_LINE = 4 * 1024 * 1024  # bytes; a text of 1 MB fits, whatever its escapes
MOST_POINTS = 100  # of pros, of cons; and of earlier questions ten times as many
MOST_EARLIER = 1000


class BadLine(ValueError):
    """A line that says nothing we can screen."""


def read(line: bytes) -> tuple[Any, Submission]:
    """Return the id and the submission of one line. Raises BadLine with a Persian sentence."""
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as fault:
        raise BadLine(f"نویسه‌های سطر UTF-8 نیست (بایت {fault.start})") from None
    except (ValueError, RecursionError):
        raise BadLine("سطر JSON نیست") from None
    if not isinstance(record, dict):
        raise BadLine("سطر باید یک شیء JSON باشد")
    id_ = record.get("id")
    try:
        kind = record.get("kind")
        if kind not in KINDS:
            raise BadLine("kind باید یکی از review، question و answer باشد")
        written = Submission(
            kind,
            _text(record, "text"),
            _text(record, "title"),
            _points(record, "pros", MOST_POINTS),
            _points(record, "cons", MOST_POINTS),
            _text(record, "product"),
            _points(record, "earlier", MOST_EARLIER),
        )
    except BadLine as fault:
        fault.args = (*fault.args, id_ if isinstance(id_, str | int) else None)
        raise
    return id_, written


def _text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    if value is None:
        if name == "text" and name not in record:
            raise BadLine("text ندارد")
        return ""
    if not isinstance(value, str):
        raise BadLine(f"{name} باید متن باشد")
    if any("\ud800" <= one <= "\udfff" for one in value):
        raise BadLine(f"{name} نویسه‌ای دارد که در هیچ متنی نمی‌آید")
    return value


def _points(record: dict[str, Any], name: str, most: int) -> tuple[str, ...]:
    value = record.get(name)
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return (_text(record, name),)
    if not isinstance(value, list) or len(value) > most:
        raise BadLine(f"{name} باید فهرستی از حداکثر {most} متن باشد")
    return tuple(_text({name: one}, name) if isinstance(one, str) else _refuse(name) for one in value)


def _refuse(name: str) -> str:
    raise BadLine(f"{name} باید فهرستی از متن باشد")


def told(finding: Finding, *, why: bool) -> dict[str, Any]:
    """Return one finding as it is printed; `item` where the field is a list of points."""
    span = {
        "rule": finding.rule.id,
        "field": finding.field,
        "start": finding.start,
        "end": finding.end,
        "text": finding.text,
        "sentence": finding.rule.sentence,
        "mend": finding.mend,
    }
    if finding.item is not None:
        span["item"] = finding.item
    if why:
        span["why"] = finding.why
    return span


def answer(line: bytes, by: Screener, *, why: bool = False) -> dict[str, Any]:
    """Return what is printed for one line. Raises BadLine."""
    id_, written = read(line)
    screening = by.screen(written)
    return {
        "id": id_,
        "labels": screening.labels,
        "decision": screening.decision,
        "spans": [told(one, why=why) for one in screening.findings],
    }


def screen_all(lines: Iterable[bytes], out: BinaryIO, *, why: bool = False) -> int:
    """Answer each line at once; return how many were bad."""
    by, bad = screener(), 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            if len(line) > LONGEST_LINE:
                raise BadLine("سطر بیش از چهار مگابایت است")
            shown = answer(line, by, why=why)
        except BadLine as fault:
            bad += 1
            id_ = fault.args[1] if len(fault.args) > 1 else None
            shown = {"id": id_, "line": number, "error": fault.args[0]}
        out.write(json.dumps(shown, ensure_ascii=False).encode("utf-8") + b"\n")
        out.flush()
    return bad


@click.command("screen", help="نظر و پرسش را با قاعده‌ها می‌سنجد: در هر سطر یک شیء JSON، هم در ورودی هم در خروجی.")
@click.option("--why", is_flag=True, help="چرایی هر یافته را هم در یک جمله می‌نویسد")
@click.pass_context
def command(context: click.Context, why: bool) -> None:
    """Screen standard input; exits 1 when a line was bad."""
    try:
        bad = screen_all(_lines(sys.stdin.buffer), sys.stdout.buffer, why=why)
    except BrokenPipeError:
        sys.stderr.close()
        context.exit(DONE)
    context.exit(BROKEN if bad else DONE)


def _lines(source: BinaryIO) -> Iterable[bytes]:
    """Yield lines; one that is too long is cut, and the rest of it passed over, so that memory stays bounded."""
    while line := source.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            while not line.endswith(b"\n"):
                rest = source.readline(LONGEST_LINE)
                if not rest or rest.endswith(b"\n"):
                    break
        yield line
