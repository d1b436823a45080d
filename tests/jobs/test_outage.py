"""A short night without providers, with two workers and kills; the long one is `python -m tests.proof.outage`."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.proof import outage


@pytest.mark.slow
def test_a_night_without_providers_loses_no_message_and_sends_twice_at_most_once_per_kill(
    tmp_path: Path, on_postgres: bool
) -> None:
    figures = outage.run(
        database="postgres" if on_postgres else "sqlite",
        seed=3,
        folder=tmp_path,
        messages=130,
        step=timedelta(hours=1),
        hours=3,
        kill=0.6,
    )
    assert figures["wrong"] == []
    assert figures["messages"] == 130
    assert sum(figures["kills"].values()) >= 3
