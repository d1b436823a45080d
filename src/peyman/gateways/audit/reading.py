"""Logs into whole numbers, fast: by the column where there is no doubt, else line by line.

`logs.read` says what a line means. `quick.py` reads many at once and says which of them it is not sure of; these, and
whole blocks in which something is odd, are cut out here and read by `logs.read`'s own means. So the result is that of
reading every line by itself, only sooner.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from peyman.gateways import logs
from peyman.gateways.audit import quick
from peyman.gateways.audit.files import BadFile
from peyman.gateways.audit.numbers import Normaliser
from peyman.gateways.logs import Entry, Options, Parse, Rejected, own
from peyman.gateways.logs.unpacking import MAX_LINE, unpacked

BLOCK: Final = 16 << 20  # bytes of lines that are read at once
ROWS: Final = 50_000  # of Parquet
FEW: Final = 64  # lines that are not worth a look as a whole


@dataclass(slots=True)
class Taken:
    """What a file gave: good lines, and the number and reason of each bad one."""

    good: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)


def take_file(
    file: Path,
    form: str,
    options: Options,
    normaliser: Normaliser,
    number: int,
    told: Callable[[int], None] = lambda at: None,
    *,
    by_line: bool = False,
) -> Iterator[Taken]:
    """Give the lines of a log to `normaliser` as those of file `number`; yield what each stretch of the file gave.

    `told` is called with how many bytes of the file were read. `by_line`: without haste. Raises BadFile.
    """
    if by_line or form not in ("canonical", "nginx", "combined"):
        yield from _slowly(logs.read(file, form, options, told), normaliser, number)
        return
    with logs.opened(file) as raw:
        start = raw.read(4)
        raw.seek(0)
        if form == "canonical" and start == own.PARQUET:
            yield from _parquet(file, options, normaliser, number, told)
        else:
            yield from _text(file, raw, start, form, options, normaliser, number, told)


def _slowly(entries: Iterator[logs.Read], normaliser: Normaliser, number: int) -> Iterator[Taken]:
    taken = Taken()
    for line, entry in entries:
        _take(normaliser, entry, number, line, taken)
        if taken.good + len(taken.bad) >= ROWS:
            yield taken
            taken = Taken()
    yield taken


def _take(normaliser: Normaliser, entry: Entry | str, number: int, line: int, taken: Taken) -> None:
    try:
        if isinstance(entry, str):
            raise Rejected(entry)
        normaliser.take(entry, number, line)
        taken.good += 1
    except Rejected as fault:
        taken.bad.append((line, fault.reason))


# ---- Text ----


def _text(
    file: Path,
    raw: IO[bytes],
    start: bytes,
    form: str,
    options: Options,
    normaliser: Normaliser,
    number: int,
    told: Callable[[int], None],
) -> Iterator[Taken]:
    reader: _Reader | None = None
    ahead: deque[Callable[[], Taken]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for first, body in _bodies(unpacked(file, raw, start, told)):
            if body is None:
                if reader is None and form == "canonical":
                    own.head_of(file, b"")
                ahead.append(partial(Taken, bad=[(first, "line_too_long")]))
                continue
            if reader is None:
                begun = _begun(file, form, options, first, body, normaliser, number)
                if begun is None:
                    continue  # nothing but empty lines yet
                reader, skipped = begun
                first, body = first + body.count(b"\n", 0, skipped), body[skipped:]
            if body:
                ahead.append(reader.begun(pool, first, body))
            while len(ahead) > 1:  # one is cut into columns while another becomes numbers
                yield ahead.popleft()()
        while ahead:
            yield ahead.popleft()()


def _bodies(blocks: Iterator[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Yield whole lines, many at once, with the number of the first; None for one line that is too long."""
    number, held, rest, is_too_long = 1, [], b"", False
    for block in blocks:
        if is_too_long:
            end = block.find(b"\n")
            if end < 0:
                continue
            yield number, None
            number, block, is_too_long = number + 1, block[end + 1 :], False
        cut = block.rfind(b"\n") + 1
        if not cut:
            rest += block
        else:
            held += [rest, block[:cut]]
            rest = block[cut:]
        is_too_long = len(rest) > MAX_LINE
        if is_too_long or sum(map(len, held)) >= BLOCK:
            if body := b"".join(held):
                yield number, body
                number += body.count(b"\n")
            held = []
            rest = b"" if is_too_long else rest
    if is_too_long:
        yield number, None
    elif body := b"".join([*held, rest]):
        yield number, body if body.endswith(b"\n") else body + b"\n"


def _begun(
    file: Path, form: str, options: Options, first: int, body: bytes, normaliser: Normaliser, number: int
) -> "tuple[_Reader, int] | None":
    """Look at the first line that says anything; return who reads the rest, and how much of `body` was the head."""
    at = 0
    while at < len(body):
        end = body.index(b"\n", at)
        line = body[at:end].removesuffix(b"\r")
        if line.strip():
            break
        at = end + 1
    else:
        return None
    hasher = quick.hasher()
    if form != "canonical":
        cells = len(line.rpartition(b'"')[2].split())
        of_nginx = cells if 1 <= cells <= 5 else 5
        many: Any = quick.WebServer(of_nginx if form == "nginx" else 0, options, hasher)
        return _Reader(many, logs.FORMATS[form], options, normaliser, number), at
    if len(line) > MAX_LINE:
        line = b""
    head = own.head_of(file, line)
    if head is None:
        # A mark before the first line is not part of it.
        mark = at + 3 if body[at:].startswith(b"\xef\xbb\xbf") else at
        return _Reader(quick.Json(options, hasher), own.json_line, options, normaliser, number), mark
    return _Reader(quick.Csv(head.columns, options, hasher), head.parse, options, normaliser, number), end + 1


class _Reader:
    """Reads bodies of lines of one form."""

    def __init__(self, many: Any, parse: Parse, options: Options, normaliser: Normaliser, number: int) -> None:
        self._many, self._parse, self._options = many, parse, options
        self._normaliser, self._number = normaliser, number

    def begun(self, pool: ThreadPoolExecutor, first: int, body: bytes) -> Callable[[], Taken]:
        """Begin to read lines, of which `first` is the number of the first; return what ends it."""
        found = pool.submit(self._many.read, body, body.count(b"\n"))
        return partial(self._ended, first, body, found)

    def _ended(self, first: int, body: bytes, found: "Future[quick.Many]") -> Taken:
        taken = Taken()
        try:
            self._take_all(found.result(), body, pa.array(range(first, first + body.count(b"\n")), pa.int64()), taken)
        except quick.Unsure:
            self._parted(list(enumerate(body.split(b"\n")[:-1], first)), taken)
        taken.bad.sort()
        return taken

    def _all_at_once(self, body: bytes, lines: pa.Array, taken: Taken) -> bool:
        try:
            found = self._many.read(body, len(lines))
        except quick.Unsure:
            return False
        self._take_all(found, body, lines, taken)
        return True

    def _take_all(self, found: quick.Many, body: bytes, lines: pa.Array, taken: Taken) -> None:
        unsure = self._normaliser.take_many(found, self._number, lines)
        taken.good += len(lines) - len(unsure)
        if unsure:
            texts = body.split(b"\n")
            self._one_by_one([(lines[place].as_py(), texts[place]) for place in unsure], taken)

    def _parted(self, numbered: list[tuple[int, bytes]], taken: Taken) -> None:
        """Read the odd lines by themselves and the others together, in halves for as long as there is an odd one."""
        sure: list[tuple[int, bytes]] = []
        odd: list[tuple[int, bytes]] = []
        for one in numbered:
            text = one[1].removesuffix(b"\r")
            (sure if text.strip() and self._many.is_sure(text) else odd).append(one)
        self._one_by_one(odd, taken)
        self._halved(sure, taken)

    def _halved(self, numbered: list[tuple[int, bytes]], taken: Taken) -> None:
        if len(numbered) > FEW:
            body = b"".join(text + b"\n" for _, text in numbered)
            if not self._all_at_once(body, pa.array([number for number, _ in numbered], pa.int64()), taken):
                half = len(numbered) // 2
                self._halved(numbered[:half], taken)
                self._halved(numbered[half:], taken)
        else:
            self._one_by_one(numbered, taken)

    def _one_by_one(self, numbered: list[tuple[int, bytes]], taken: Taken) -> None:
        whole = ((line, None if len(text) > MAX_LINE else text.removesuffix(b"\r")) for line, text in numbered)
        for line, entry in logs.each(whole, self._parse, self._options):
            _take(self._normaliser, entry, self._number, line, taken)


# ---- Parquet ----


def _parquet(
    file: Path, options: Options, normaliser: Normaliser, number: int, told: Callable[[int], None]
) -> Iterator[Taken]:
    try:
        with pq.ParquetFile(file) as opened:
            schema = opened.schema_arrow
            own.need(file, schema.names)
            many = quick.Parquet(schema, options, quick.hasher())
            size, rows, line = file.stat().st_size, max(opened.metadata.num_rows, 1), 1
            for batch in opened.iter_batches(ROWS, columns=[name for name in own.CANONICAL if name in schema.names]):
                taken = Taken()
                odd = [*range(batch.num_rows)]
                if many.is_known:
                    try:
                        found = many.read(batch)
                    except quick.Unsure:
                        pass
                    else:
                        lines = pa.array(range(line, line + batch.num_rows), pa.int64())
                        odd = normaliser.take_many(found, number, lines)
                        taken.good += batch.num_rows - len(odd)
                if odd:
                    for place, entry in own.rows_of(batch.take(pa.array(odd, pa.int64())), options):
                        _take(normaliser, entry, number, line + odd[place], taken)
                line += batch.num_rows
                told(size * (line - 1) // rows)
                yield taken
    except (OSError, pa.ArrowException) as fault:
        raise BadFile(file, f"پارکت درستی نیست ({fault}).") from fault
