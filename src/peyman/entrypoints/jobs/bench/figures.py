"""Figures and how they are shown: each beside its limit, from the same run."""

from dataclasses import asdict, dataclass

import click

from peyman.entrypoints.jobs.console import answer

ROUNDS = 3


@dataclass(frozen=True)
class Figure:
    """One measured rate beside its limit, both in the same unit and from the same run."""

    name: str
    unit: str
    figure: float
    limit: float
    limit_is: str

    @property
    def share(self) -> float:
        return self.figure / self.limit if self.limit else 0.0


def show(figures: list[Figure], as_json: bool) -> None:
    """Print figures as a table, or as JSON."""
    if as_json:
        answer([{**asdict(f), "share": round(f.share, 3)} for f in figures])
        return
    click.echo(f"{'what':46} {'figure':>10} {'limit':>10} {'share':>6}  unit; what the limit is")
    for f in figures:
        click.echo(f"{f.name:46} {f.figure:10.0f} {f.limit:10.0f} {f.share:6.2f}  {f.unit}; {f.limit_is}")
