"""`peyman audit --keep`: what was read is kept, and the answer is the same to the byte as from nothing."""

import json
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from peyman.entrypoints.jobs.audit import asked, done, own_code
from peyman.entrypoints.jobs.console import CouldNot
from peyman.gateways.audit import recount
from peyman.gateways.audit.files import BadFile
from peyman.gateways.audit.kept import hold
from peyman.gateways.audit.numbers import day_of
from tests.jobs.test_audit import FILES, HEADER, NEW, OLD, audit, failed, line, place, prints, write_csv

__all__ = ["place"]


def ask(place: Path, out: str, *, keep: str | None = None, logs: str = "logs/*.csv", **more: Any) -> asked.Asked:
    known: dict[str, Any] = {
        "form": "canonical",
        "registry": str(place / "lists"),
        "registrants": [],
        "memory": "500MB",
        "gap_days": 8,
        "tolerance": "0",
        "grace_days": 0,
        "sample_rate": "100",
        "zone": "Asia/Tehran",
        "token_parameter": "token",
        "staff": [],
        "downloads": [],
        **{name: str(place / f"{name}.csv") for name in FILES},
        "grants": None,
        "probes": None,
        "clock_offsets": None,
        "keep": place / keep if keep else None,
    }
    return asked.read([str(place / logs)], out=place / out, **known | more)


def drawn_lines(draw: random.Random, many: int, first: int, last: int) -> list[dict[str, Any]]:
    rows = []
    for _ in range(many):
        at = datetime(2023, 5, 4, 18, tzinfo=UTC) + timedelta(milliseconds=draw.randrange(first, last) * 3_600_000)
        at += timedelta(milliseconds=draw.choice([0, 1, 9_000_000, draw.randrange(3_600_000)]))
        rows.append(
            line(
                ts_start=at.isoformat(timespec="milliseconds"),
                ts_end=(at + timedelta(seconds=draw.choice([0, 1, 20, 9_000, 200_000]))).isoformat(
                    timespec="milliseconds"
                ),
                edge_ip=draw.choice(["185.112.32.70", "185.143.232.10", "185.143.232.11", ""]),
                client_ip=draw.choice(["5.1.1.1", "5.5.1.1", "9.9.9.9"]),
                body_bytes=draw.choice([0, 1, draw.randrange(10**9)]),
                download_token=draw.choice(["", *"abcd"]),
                host=draw.choice(["dl.market.ir", "dl.market.ir", "dl.quiet.ir"]),
                request_id=draw.choice(["", f"r{draw.randrange(60)}", f"r{draw.randrange(10**6)}"]),
            )
        )
    return rows


def same(place: Path, keep: str = "kept", **more: Any) -> Any:
    """Audit with what is kept and from nothing; say how it went. What cannot be audited cannot either way."""
    try:
        done(ask(place, "plain", **more))
    except BadFile as fault:
        with pytest.raises(BadFile) as caught:
            done(ask(place, "out", keep=keep, **more))
        assert caught.value.says == fault.says
        return None
    _, went = done(ask(place, "out", keep=keep, **more))
    assert prints(place / "out") == prints(place / "plain")
    found = recount.recount(place / "plain")
    assert found.differences == ()
    (place / "plain" / "recount.json").unlink()
    return went


@pytest.fixture
def world(place: Path) -> Path:
    (place / "logs").mkdir()
    draw = random.Random(5)
    for day in range(6):
        write_csv(place / "logs" / f"day{day}.csv", drawn_lines(draw, 40, 24 * day, 24 * day + 24))
    return place


@pytest.mark.clause("B08")
def test_what_is_kept_is_not_read_again_and_the_answer_is_the_same_to_the_byte(world: Path) -> None:
    went = same(world)
    assert (len(went.read), went.kept) == (6, [])
    again = same(world)
    assert (again.read, again.audited, len(again.kept)) == ([], [], len(went.audited))


# ---- Random sequences of all that may happen ----


class World:
    """Logs, lists and tables that change step by step."""

    def __init__(self, place: Path, seed: int) -> None:
        self.place, self.draw, self.made = place, random.Random(seed), 0
        self.more: dict[str, Any] = {}

    def logs(self) -> list[Path]:
        return sorted((self.place / "logs").iterdir())

    def add(self) -> None:
        """A file of one day or two."""
        self.made += 1
        first = 24 * self.draw.randrange(22)
        rows = drawn_lines(self.draw, self.draw.choice([1, 12, 30]), first, first + self.draw.choice([24, 48]))
        write_csv(self.place / "logs" / f"{self.draw.randrange(100)}-{self.made}.csv", rows)

    def late(self) -> None:
        """Lines of many days in one file, some of them of requests that were logged before."""
        self.made += 1
        rows = drawn_lines(self.draw, 15, 0, 24 * 22)
        old = (self.draw.choice(self.logs()) if self.logs() else self.place / "log.csv").read_text().splitlines()[1:]
        file = write_csv(self.place / "logs" / f"late-{self.made}.csv", rows)
        file.write_text(file.read_text() + "\n".join(self.draw.choices(old, k=5)) + "\n")

    def remove(self) -> None:
        if len(self.logs()) > 1:
            self.draw.choice(self.logs()).unlink()

    def repeat(self) -> None:
        """The same file under another name."""
        if self.logs():
            one = self.draw.choice(self.logs())
            shutil.copy(one, one.with_name(f"again-{one.name}"))

    def grow(self) -> None:
        """Lines added to a file that was read."""
        if self.logs():
            one = self.draw.choice(self.logs())
            write_csv(self.place / "more.csv", drawn_lines(self.draw, 3, 0, 24 * 22))
            one.write_text(one.read_text() + "\n".join((self.place / "more.csv").read_text().splitlines()[1:]) + "\n")

    def list(self) -> None:
        """The registry: a list more, one less, or one that says something else."""
        days = ["2023-05-05", "2023-05-09T14", "2023-05-12", "2023-05-15", "2023-05-19", "2023-05-22", "2023-05-26"]
        file = self.place / "lists" / f"{self.draw.choice(days)[:10]}.csv"
        lists = [*(self.place / "lists").iterdir()]
        if file.exists() and len(lists) > 2 and self.draw.random() < 0.4:
            file.unlink()
        else:
            due = self.draw.choice(["1402/02/20", "1402/02/26", "1402/03/01"])
            other = f"https://market.ir,185.143.232.11/32,185.143.232.11/32,1402/02/11,{due}"
            rows = [row for row in (OLD, NEW, other) if self.draw.random() < 0.7] or [OLD]
            file.write_text("\n".join([HEADER, *rows]) + "\n")

    def table(self) -> None:
        """One of the tables."""
        name = self.draw.choice([*FILES, "grants"])
        day = self.draw.choice(["2023-05-07", "2023-05-11", "2023-05-16"])
        rows = {
            "edges": f"own,185.143.232.0/24,{day},2023-05-20,contract\nfill,5.5.1.0/24,{day},,feed\n",
            "isps": f"5.1.0.0/16,AS3,rightel,{day},2023-05-18\n",
            "tariffs": f"tci,web,bulk,{day},,{self.draw.randrange(1, 90)},1/4,1048576,yes,page\n",
            "releases": f"dl.market.ir,{day},2023-05-18,{self.draw.choice(['yes', 'no', 'unknown'])}\n",
            "grants": f"{self.draw.choice('abcd')},u-{self.draw.randrange(3)},mci,a.apk,{day},2023-05-21\n",
        }
        head = FILES.get(name, "token,user,operator,object,shown_at,expires_at\n")
        (self.place / f"{name}.csv").write_text(head + (rows[name] if self.draw.random() < 0.8 else ""))
        if name == "grants":
            self.more["grants"] = str(self.place / "grants.csv")

    def terms(self) -> None:
        """What an audit goes by."""
        self.more |= {
            "tolerance": self.draw.choice(["0", "0", "2.5", "3600"]),
            "grace_days": self.draw.choice([0, 0, 3]),
            "gap_days": self.draw.choice([8, 8, 3]),
            "until": self.draw.choice([None, None, "2023-05-16T12:00:00+00:00"]),
        }

    def damage(self) -> None:
        """A kept file that is not what it was."""
        kept = [file for file in (self.place / "kept").rglob("*") if file.is_file() and file.name != "kept.json"]
        if kept:
            file = self.draw.choice(sorted(kept))
            data = bytearray(file.read_bytes())
            data[self.draw.randrange(len(data))] ^= 0x41
            file.write_bytes(bytes(data))


STEPS = ["add"] * 4 + ["late"] * 3 + ["list"] * 3 + ["table"] * 3 + ["remove", "repeat", "grow", "terms", "damage"]


def walk(place: Path, seed: int, steps: int) -> None:
    (place / "logs").mkdir()
    world = World(place, seed)
    world.add()
    for number in range(steps):
        for _ in range(world.draw.choice([1, 1, 2])):
            getattr(world, world.draw.choice(STEPS))()
        try:
            same(place, **world.more)
        except AssertionError as fault:
            raise AssertionError(f"seed {seed}, step {number}") from fault


@pytest.mark.clause("B08")
@pytest.mark.parametrize("seed", range(3))
def test_whatever_comes_late_goes_or_changes_each_answer_is_that_of_a_run_from_nothing(place: Path, seed: int) -> None:
    walk(place, seed, 6)


# ---- What is read again, and what is not ----


@pytest.mark.clause("B08")
def test_a_new_day_is_the_only_one_audited(world: Path) -> None:
    first = same(world)
    write_csv(world / "logs" / "day9.csv", [line(ts_start="2023-05-20T08:00:00Z", ts_end="2023-05-20T08:00:01Z")])
    went = same(world)
    assert (len(went.read), len(went.audited), went.kept) == (1, 1, first.audited)


def test_late_lines_open_their_day_again_and_no_other(world: Path) -> None:
    first = same(world)
    late = [line(ts_start="2023-05-06T08:00:00Z", ts_end="2023-05-06T08:00:01Z", request_id="late")]
    write_csv(world / "logs" / "late.csv", late)
    went = same(world)
    assert [str(day_of(day)) for day in went.audited] == ["2023-05-06"]
    assert len(went.kept) == len(first.audited) - 1


def test_a_request_that_comes_again_on_another_day_opens_the_day_that_has_the_copy(world: Path) -> None:
    write_csv(
        world / "logs" / "one.csv",
        [line(ts_start="2023-05-06T08:00:00Z", ts_end="2023-05-06T08:00:01Z", request_id="x")],
    )
    same(world)
    write_csv(
        world / "logs" / "two.csv",
        [line(ts_start="2023-05-05T08:00:00Z", ts_end="2023-05-05T08:00:01Z", request_id="x")],
    )
    went = same(world)
    assert [str(day_of(day)) for day in went.audited] == ["2023-05-05", "2023-05-06"]  # the later line is the copy now


@pytest.mark.clause("B08")
def test_a_changed_history_opens_the_days_that_it_touches(world: Path) -> None:
    same(world)
    write_csv(world / "logs" / "day9.csv", [line(ts_start="2023-05-20T08:00:00Z", ts_end="2023-05-20T08:00:01Z")])
    same(world)
    (world / "lists" / "2023-05-26.csv").unlink()  # what was between two lists is now after the last
    went = same(world)
    assert (went.read, [str(day_of(day)) for day in went.audited]) == ([], ["2023-05-20"])


def test_tariffs_open_no_day_and_move_rials(world: Path) -> None:
    same(world)
    before = json.loads((world / "out" / "totals.json").read_text())
    text = (world / "tariffs.csv").read_text().replace("payg,2020-01-01,,100", "payg,2020-01-01,,200")
    (world / "tariffs.csv").write_text(text)
    went = same(world)
    after = json.loads((world / "out" / "totals.json").read_text())
    assert (went.read, went.audited) == ([], [])
    assert before["bytes_overcharged"] == after["bytes_overcharged"] > 0
    assert after["rials_high"] > before["rials_high"]


def test_a_table_that_touches_other_days_has_no_log_read_again(world: Path) -> None:
    same(world)
    (world / "isps.csv").write_text(FILES["isps"] + "5.1.0.0/16,AS3,rightel,2023-06-01,\n")
    went = same(world)
    assert (went.read, went.audited) == ([], [])
    (world / "isps.csv").write_text(FILES["isps"] + "5.1.0.0/16,AS3,rightel,2023-05-10,\n")
    went = same(world)
    assert went.read != []
    assert {str(day_of(day)) for day in went.audited} <= {"2023-05-10", "2023-05-11"}


def test_a_grant_has_the_logs_read_again_that_name_its_token(world: Path) -> None:
    heads = "token,user,operator,object,shown_at,expires_at\n"
    (world / "grants.csv").write_text(heads + "nobodys,u-1,mci,a.apk,2023-05-05,2023-05-30\n")
    files = {"grants": str(world / "grants.csv")}
    write_csv(world / "logs" / "token.csv", [line(download_token="sara", request_id="s")])
    same(world)
    went = same(world, **files)
    assert (went.read, went.audited) == ([], [])
    (world / "grants.csv").write_text(heads + "sara,u-2,mci,a.apk,2023-05-05,2023-05-30\n")
    went = same(world, **files)
    assert (len(went.read), [str(day_of(day)) for day in went.audited]) == (1, ["2023-05-13"])


# ---- A folder that is not as it should be ----


def test_a_damaged_file_is_noticed_by_its_hash_and_made_again(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same(world)
    for pattern in ("logs/*.lines.parquet", "book.json", "rolls-*.parquet", "twice.json", "numbers.json"):
        for file in (world / "kept").glob(pattern):
            file.write_bytes(file.read_bytes()[:-40] + b"\0" * 40)
        same(world)
    again = same(world)
    assert (again.read, again.audited) == ([], [])


def test_another_run_on_the_folder_is_refused_and_says_so(world: Path) -> None:
    with hold(world / "kept"), pytest.raises(CouldNot, match="ممیزی دیگری"):
        done(ask(world, "out", keep="kept"))
    assert not (world / "out").exists()
    same(world)


def test_a_folder_with_other_things_is_not_kept_in(world: Path) -> None:
    with pytest.raises(CouldNot, match="چیز دیگری"):
        done(ask(world, "out", keep="logs"))
    assert not (world / "logs" / "kept.json").exists()


def test_the_command_keeps_and_says_how_many_days_it_did_not_audit_again(world: Path) -> None:
    given = {"logs": "logs/*.csv"}
    assert audit(world, "--keep", str(world / "kept"), **given).exit_code == 0
    ended = audit(world, "--keep", str(world / "kept"), **given)
    assert (ended.exit_code, "روزهای ممیزی‌شده: ۰" in ended.stderr) == (0, True)
    failed(audit(world, "--keep", str(world / "out"), **given), "--keep")


def test_a_rule_that_changed_inside_a_package_is_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept serves only the code that made it."""
    for name, rule in (("ruled", "HALF = 2"), ("ruled_otherwise", "HALF = 3")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("# rules\n")
        (tmp_path / name / "amounts.py").write_text(f"{rule}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert own_code.hash_of(("ruled",)) != own_code.hash_of(("ruled_otherwise",))
