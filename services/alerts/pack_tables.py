"""Tables of a pack, their times, and the account of what was left out of them.

Used by `packs` and `pack_events`. Promises that a column that is not used is counted, and so is the second of a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from services.alerts.pack_files import Rows, open_text
from services.core.errors import FiretowerError
from services.core.moment import from_us, read_ts

_LONGEST_MS: Final = 18  # digits
_OPEN_QUOTE: Final = "quote that is not closed in its row"
Sign = tuple[str, Callable[[str], bool]]
"""A column, and what its cell says of a row by itself."""


class Aside:
    """What was left out: impossible fields, by kind and name, and whole rows, by reason."""

    def __init__(self) -> None:
        self.fields: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.first: dict[str, str] = {}  # the first row of each sort, with its line

    def row(self, why: str, line: int, detail: str) -> None:
        """Count a row."""
        self.rows[why] += 1
        self.first.setdefault(why, f"line {line}: {detail}")

    def open_quote(self, line: int) -> None:
        """Count a quote that is not closed; its row is read as if it had been."""
        self.fields[_OPEN_QUOTE] += 1
        self.first.setdefault(_OPEN_QUOTE, f"line {line}")

    def column(self, name: str, *, again: bool) -> None:
        """Count a column that is not used."""
        self.fields[f"column {name!r}, {'a second time' if again else 'no field of any kind'}"] += 1

    def lines(self) -> list[str]:
        """Return what to tell a person, in the same order every time."""
        rows = [
            f"{why}: {count} rows set aside" + (f", the first: {self.first[why]}" if why in self.first else "")
            for why, count in sorted(self.rows.items())
        ]
        return rows + [
            f"{name}: {count} left out" + (f", the first: {self.first[name]}" if name in self.first else "")
            for name, count in sorted(self.fields.items())
        ]


@contextmanager
def open_table(
    path: Path, option: str, names: tuple[tuple[str, ...], tuple[str, ...]], aside: Aside, sign: Sign
) -> Iterator[Iterator[tuple[int, dict[str, str]]]]:
    """Open a table for its rows by line: the cells of the columns that it needs and may have; of two the first counts.

    Raises:
        FiretowerError: it cannot be read, or does not name the columns that are needed.
    """
    needed, more = names
    with open_text(path, option) as text:
        rows = Rows(text, aside.open_quote)
        numbered = iter(rows)
        header = header_of(numbered)
        missing = [name for name in needed if name not in header]
        if missing:
            raise FiretowerError(f"--{option}: the first line must name {', '.join(missing)}")
        places = {name: header.index(name) for name in (*needed, *more) if name in header}
        for place, name in enumerate(header):
            if places.get(name) != place:
                aside.column(name, again=name in places)
        rows.is_row = by_cell(places[sign[0]], sign[1])
        yield (
            (line, {name: cells[place] if place < len(cells) else "" for name, place in places.items()})
            for line, cells in numbered
            if cells
        )


def header_of(rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    """Return the names that the first row gives."""
    _, cells = next(rows, (1, []))
    return [name.strip() for name in cells]


def by_cell(place: int, says: Callable[[str], bool]) -> Callable[[list[str]], bool]:
    """Return what says of a row by one of its cells whether it is one by itself."""
    return lambda cells: len(cells) > place and says(cells[place])


def read_time(text: str) -> datetime | tuple[str, str]:
    """Return a time of contract 3, or (reason, detail) when it cannot be read: no offset, seconds, not a time."""
    digits = text.isascii() and text.isdigit() and len(text) <= _LONGEST_MS
    us = read_ts(int(text) if digits else text or None)
    if isinstance(us, tuple):
        return us
    try:
        return from_us(us)
    except OverflowError:
        return "ts_unreadable", f"ts is {text}: there is no such time"


def is_time(cell: str) -> bool:
    """Whether it is a time of contract 3."""
    return not isinstance(read_time(cell), tuple)
