"""Records out of a delimited text: which sign parts the columns, where a record begins.

Files come from strangers. A quote that is never closed costs its own line, not the rest of the file.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator

MAX_LINES_OF_A_RECORD = 200
MAX_LENGTH_OF_A_RECORD = 200_000  # characters
DELIMITERS = ",;\t"


def delimiter_of(line: str) -> str:
    """Return the sign that parts the columns of a header line: the most frequent of comma, semicolon and tab."""
    return max(DELIMITERS, key=line.count)


def csv_rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str] | None]]:
    """Yield (physical line, fields) of each record of a CSV, the header first; None for a record with broken quotes.

    `lines` keep their ends and have no byte order mark. After broken quotes, reading goes on at the next line.
    """
    source = _Lines(iter(lines))
    delimiter = ""
    while (first := source.begin()) is not None:
        delimiter = delimiter or delimiter_of(first)
        number = source.number
        try:
            fields = next(csv.reader(source, delimiter=delimiter, strict=True), [])
        except csv.Error:
            source.give_back()
            fields = None
        yield number, fields


class _Lines:
    """Lines that can be given back, when what looked like one long record turns out to be none."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._waiting: deque[str] = deque()
        self._used: list[str] = []
        self._length = 0
        self.number = 0  # of the line on which the record begins

    def begin(self) -> str | None:
        """Start a record and return its first line, None at the end."""
        self.number += len(self._used)
        self._used, self._length = [], 0
        if not self._waiting:
            line = next(self._lines, None)
            if line is None:
                return None
            self._waiting.append(line)
        if not self.number:
            self.number = 1
        return self._waiting[0]

    def give_back(self) -> None:
        """Keep the first line of the record only."""
        self._waiting.extendleft(reversed(self._used[1:]))
        self._used = self._used[:1]

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self._used) >= MAX_LINES_OF_A_RECORD or self._length > MAX_LENGTH_OF_A_RECORD:
            raise csv.Error("the record does not end")
        line = self._waiting.popleft() if self._waiting else next(self._lines)
        self._used.append(line)
        self._length += len(line)
        return line
