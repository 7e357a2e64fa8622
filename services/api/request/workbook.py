"""Tables as an Excel workbook (XLSX), written row by row into a file on disk: many rows cost little memory.

No text becomes a formula or a link, whatever it begins with; times are Excel's own, by the county's clock.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Any, Final

import xlsxwriter

from services.api.request.sheets import text_of
from services.core.clock import COUNTY
from services.core.text import clean_text

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DESCRIBED: Final = {"description": "Done", "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
ONE_AT_A_TIME: Final = asyncio.Semaphore(1)  # a workbook keeps a core busy: others wait
_MOST_LETTERS: Final = 32_767  # of a cell: Excel's own limit
_PART_BYTES: Final = 64 * 1024
_WIDTH: Final = 18
_OPTIONS: Final = {
    "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True,
}  # fmt: skip


class Workbook:
    """A workbook whose newest sheet grows row by row. Closed once, by `finish` or `drop`."""

    def __init__(self, title: str, headings: Sequence[str]) -> None:
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed by finish or drop
        self._book = xlsxwriter.Workbook(self._file, _OPTIONS)
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._head = self._book.add_format({"bold": True})
        self.begin(title, headings)

    def begin(self, title: str, headings: Sequence[str]) -> None:
        """Begin another sheet: rows go there from now on."""
        self._sheet = self._book.add_worksheet(title)
        self._sheet.set_column(0, len(headings) - 1, _WIDTH)
        self._sheet.freeze_panes(1, 0)
        for at, name in enumerate(headings):
            self._sheet.write_string(0, at, name, self._head)
        self._rows = 1

    def add(self, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
        """Write rows below the others. Blocks: called in a thread."""
        for row in rows:
            for at, name in enumerate(columns):
                self._write(at, row.get(name))
            self._rows += 1

    def _write(self, at: int, value: Any) -> None:
        if value is None:
            return
        if isinstance(value, bool):
            self._sheet.write_boolean(self._rows, at, value)
        elif isinstance(value, int | float):
            self._sheet.write_number(self._rows, at, value)
        elif isinstance(value, datetime):
            wall = value.astimezone(COUNTY).replace(tzinfo=None)
            self._sheet.write_datetime(self._rows, at, wall, self._moment)
        else:
            self._sheet.write_string(self._rows, at, clean_text(text_of(value), _MOST_LETTERS))

    def finish(self) -> Iterator[bytes]:
        """Complete the file and return its bytes in parts; it is gone behind the last. Blocks."""
        try:
            self._book.close()
            self._file.seek(0)
            while part := self._file.read(_PART_BYTES):
                yield part
        finally:
            self._file.close()

    def drop(self) -> None:
        """Give it up: the library's own files are closed by completing them."""
        try:
            self._book.close()
        finally:
            self._file.close()
