"""Files of a pack as text and as rows: packed or not, with or without a byte-order mark, whoever wrote them.

Used by `packs`. Promises an error that names the option and the file if the file cannot be read at all; that a byte
that is not UTF-8 costs only its own cell; and that a quote that is never closed costs no row after its own.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from services.core.errors import FiretowerError

_PACKED: Final = b"\x1f\x8b"  # how gzip begins (RFC 1952)
_MOST_LINES: Final = 50  # of one cell


@contextmanager
def open_text(path: Path, option: str) -> Iterator[TextIO]:
    """Open a file that was given as `--option`.

    Raises:
        FiretowerError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            packed = path.suffix == ".gz" or file.peek(2)[:2] == _PACKED
            data = gzip.GzipFile(fileobj=file) if packed else file
            with io.TextIOWrapper(data, "utf-8-sig", errors="replace", newline="") as text:
                yield text
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise FiretowerError(f"--{option}: {path} cannot be read: {error}") from error


class Rows:
    """The rows of a table with their lines. A quoted cell may span lines, but none that is a row by itself.

    `open_quote` is told the line of each quote that is not closed; `is_row`, set once the header is read, says of cells
    whether they are a row.
    """

    def __init__(self, text: Iterable[str], open_quote: Callable[[int], None]) -> None:
        self._text, self._open_quote = iter(text), open_quote
        self.is_row: Callable[[list[str]], bool] = lambda _cells: False
        self._ahead: deque[str] = deque()  # looked at, and not read yet
        self._line = self._lines = 0  # of the row, and read so far
        self._width: int | None = None

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        for cells in csv.reader(self._whole_rows()):
            if self._width is None:
                self._width = len(cells)
            yield self._line, cells

    def _whole_rows(self) -> Iterator[str]:
        while (line := self._next()) is not None:
            self._lines += 1
            self._line = self._lines
            yield self._to_its_end(line) if '"' in line and _is_open(line) else line

    def _next(self) -> str | None:
        return self._ahead.popleft() if self._ahead else next(self._text, None)

    def _to_its_end(self, line: str) -> str:
        """Return a line, whose last quote is open, with the lines that its cell spans, or with the quote closed."""
        whole, following = line, list[str]()
        while len(following) < _MOST_LINES and (more := self._next()) is not None:
            following.append(more)
            if self.is_row(_cells(more)):
                break
            whole += more
            if not _is_open(whole):
                self._lines += len(following)
                return whole
        self._ahead.extendleft(reversed(following))
        self._open_quote(self._line)
        closed = line.rstrip("\r\n") + '"'
        return closed if len(_cells(closed)) == self._width else line.replace('"', "")


def _is_open(line: str) -> bool:
    """Whether a quoted cell goes on behind it."""
    reader = csv.reader((line, ""))
    next(reader)
    return reader.line_num > 1


def _cells(line: str) -> list[str]:
    return next(csv.reader((line,)), [])
