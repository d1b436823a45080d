"""A small campaign on the database of this run; `make proof` runs the large one on both."""

from pathlib import Path

import pytest

from tests.proof import campaign


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_while_everything_is_killed(tmp_path: Path, on_postgres: bool) -> None:
    figures = campaign.run(
        orders=40, database="postgres" if on_postgres else "sqlite", seed=7, folder=tmp_path, kill_every=3, buyers=6
    )
    assert figures["wrong"] == []
    assert sum(figures["kills"].values()) >= 2
    assert figures["orders_by_state"]["final"] >= 20
