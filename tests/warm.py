"""A pytest that stands ready: what the tests import is imported once, and each run is a fork of it.

    with Warm(["tests/rules"]) as warm:
        code, said = warm.run("-q", "tests/rules/test_prefixes.py")

For runs that are many and short, where a process of its own each would spend its time on imports. A run has a
copy of everything, tables included, and what it changes ends with it.
"""

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

REPO = Path(__file__).resolve().parents[1]
PLAIN = ["-p", "no:cacheprovider", "-q"]


class Warm:
    """The ready process, held from outside. It uses SQLite, and sees nothing of the run that started it."""

    def __init__(self, paths: Sequence[str]) -> None:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DATABASE_URL"))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", *paths],
            cwd=REPO,
            env=plain,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, seconds: int = 900) -> tuple[int, str]:
        """Run pytest: its exit code (negative: the signal that ended it), and all that it said."""
        assert self._process.stdin
        assert self._process.stdout
        with tempfile.NamedTemporaryFile("r", prefix="peyman-warm-") as log:
            print(json.dumps([log.name, seconds, *arguments]), file=self._process.stdin, flush=True)
            return int(self._process.stdout.readline()), log.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, _: TracebackType | None) -> None:
        self._process.communicate(timeout=300)


def serve(paths: Sequence[str]) -> None:
    """Import what these tests import, then run what is asked for until nothing more is."""
    import pytest  # noqa: PLC0415  after the environment

    orders, answers = os.dup(0), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    assert pytest.main([*PLAIN, "--collect-only", *paths]) == 0
    gc.collect()
    gc.freeze()  # what is there now is no garbage; a run need not look through it
    from tests import environment  # noqa: PLC0415  it is a plugin, which pytest imports first

    for line in os.fdopen(orders):
        log, seconds, *arguments = json.loads(line)
        child = os.fork()
        if not child:
            signal.alarm(seconds)
            said = os.open(log, os.O_WRONLY)
            for standard in (1, 2):
                os.dup2(said, standard)
            code = int(pytest.main([*PLAIN, *arguments]))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for left in Path(environment.DATA).iterdir():
            if left.name != "static":
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        print(code, file=answers, flush=True)
    os._exit(0)  # engines among the imports complain about what they hold


if __name__ == "__main__":
    serve(sys.argv[1:])
