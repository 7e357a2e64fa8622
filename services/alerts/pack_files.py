"""Files of a pack as text and as tables: packed or not, with or without a byte-order mark, whoever wrote them.

Used by `packs`. Promises an error that names the option and the file if the file cannot be read at all; a byte that is
not UTF-8 costs only its own cell.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from services.core.errors import FiretowerError

_PACKED: Final = b"\x1f\x8b"  # how gzip begins (RFC 1952)


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


@contextmanager
def open_table(path: Path, option: str, needed: tuple[str, ...]) -> Iterator[csv.DictReader[str]]:
    """Open a table whose first line names at least the columns that are needed.

    Raises:
        FiretowerError: it cannot be read, or does not name them.
    """
    with open_text(path, option) as text:
        table = csv.DictReader(text)
        table.fieldnames = [name.strip() for name in table.fieldnames or ()]
        missing = [name for name in needed if name not in table.fieldnames]
        if missing:
            raise FiretowerError(f"--{option}: the first line must name {', '.join(missing)}")
        yield table
