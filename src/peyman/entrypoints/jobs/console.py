"""What commands say, and how they end: 0 done, 1 refused or broken, 2 could not."""

import json
from datetime import UTC, datetime
from typing import IO, Any

import click

from peyman.kernel.text import latin_digits
from peyman.kernel.worktime import TEHRAN

DONE, BROKEN, COULD_NOT = 0, 1, 2


class CouldNot(click.ClickException):
    """The command could not do its work; Persian lines say why, and the exit code is 2."""

    exit_code = COULD_NOT

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, err=True)


class Broken(CouldNot):
    """The command did its work, and the answer is no; the exit code is 1."""

    exit_code = BROKEN


def tell(line: str) -> None:
    """Say how far we are; on standard error, since standard output is for answers."""
    click.echo(line, err=True)


def answer(document: object) -> None:
    """Print one JSON document in one line."""
    click.echo(json.dumps(document, ensure_ascii=False))


def instant(typed: str) -> datetime:
    """Read an ISO instant; one without an offset is Tehran's time. Raises CouldNot."""
    try:
        read = datetime.fromisoformat(latin_digits(typed).strip())
        return (read if read.tzinfo else read.replace(tzinfo=TEHRAN)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CouldNot("زمان را به شکل ISO بدهید، مانند 2026-11-25T17:00 (بی‌نشانه منطقه: ساعت تهران).") from None
