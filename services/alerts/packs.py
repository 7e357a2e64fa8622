"""Devices, readings and events from files, as `firetower evaluate` takes them (contract 11).

Promises: an impossible value (contract 3) is left out and counted, and so is a row without a readable time; the run
goes on. It ends, with the line and the cure, only if no row at all can be read, because then the file is not what it
claims to be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any, Final

from services.alerts.detectors.finding import Place
from services.alerts.detectors.fleet import Device
from services.alerts.pack_cells import SWITCH, columns, whole_number
from services.alerts.pack_files import Rows, open_text
from services.alerts.pack_rows import Row, in_order, met_once
from services.alerts.rules.model import Event
from services.core.contracts import SEQ_MODULUS
from services.core.errors import FiretowerError
from services.core.event_types import known_type
from services.core.moment import from_us, read_ts
from services.core.rules.device_bounds import EXPECTED_INTERVAL_S, RATED_CURRENT_A
from services.core.rules.profile import DeviceProfile
from services.core.topics import Kind

_KINDS: Final = frozenset(Kind)
_Sign = tuple[str, Callable[[str], bool]]  # a column, and what its cell says of a row by itself
_OPEN_QUOTE: Final = "quote that is not closed in its row"
_FIGURES: Final = {"lon": 180.0, "lat": 90.0, "expected_interval_s": inf, "rated_current_a": inf}  # how large at most
_BETWEEN: Final = "\x1f"  # the separator of units (ASCII)
_DEFAULT_INTERVAL_S: Final = 60.0
_LONGEST_MS: Final = 18  # digits
_DEVICE_NEEDS: Final = ("code", "kind", "area")
_EVENT_NEEDS: Final = ("ts", "code", "type")
_EVENT_MAY_HAVE: Final = (
    "active", "component", "zone", "system_type", "component_type", "description", "event_id",
)  # fmt: skip


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
def _open_table(
    path: Path, option: str, names: tuple[tuple[str, ...], tuple[str, ...]], aside: Aside, sign: _Sign
) -> Iterator[Iterator[tuple[int, dict[str, str]]]]:
    """Open a table for its rows by line: the cells of the columns that it needs and may have; of two the first counts.

    Raises:
        FiretowerError: it cannot be read, or does not name the columns that are needed.
    """
    needed, more = names
    with open_text(path, option) as text:
        rows = Rows(text, aside.open_quote)
        numbered = iter(rows)
        header = _header(numbered)
        missing = [name for name in needed if name not in header]
        if missing:
            raise FiretowerError(f"--{option}: the first line must name {', '.join(missing)}")
        places = {name: header.index(name) for name in (*needed, *more) if name in header}
        for place, name in enumerate(header):
            if places.get(name) != place:
                aside.column(name, again=name in places)
        rows.is_row = _by_cell(places[sign[0]], sign[1])
        yield (
            (line, {name: cells[place] if place < len(cells) else "" for name, place in places.items()})
            for line, cells in numbered
            if cells
        )


def _header(rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    _, cells = next(rows, (1, []))
    return [name.strip() for name in cells]


def _by_cell(place: int, says: Callable[[str], bool]) -> Callable[[list[str]], bool]:
    return lambda cells: len(cells) > place and says(cells[place])


def read_devices(path: Path, aside: Aside) -> dict[str, Device]:
    """Return the devices by code; a row without a device, and a figure that is not a number, is counted in `aside`.

    Raises:
        FiretowerError: the file cannot be read, or no row of it is a device; the text says why.
    """
    found: dict[str, Device] = {}
    refused = ""
    with _open_table(path, "devices", (_DEVICE_NEEDS, tuple(_FIGURES)), aside, ("kind", _is_kind)) as table:
        for line, row in table:
            code, kind = row["code"].strip(), row["kind"].strip().lower()
            why = ("kind unknown", f"kind {kind!r}; one of {', '.join(Kind)}") if kind not in _KINDS else None
            if not code:
                why = "code missing", "a device needs a code"
            if why is not None:
                aside.row(f"device: {why[0]}", line, why[1])
                refused = refused or f"line {line}: {why[1]}"
                continue
            figures = {name: _figure(row.get(name), name, aside) for name in _FIGURES}
            lon, lat = figures["lon"], figures["lat"]
            if code in found:
                aside.fields["device that a later row of the same code replaces"] += 1
            profile = DeviceProfile(
                code=code,
                kind=kind,
                area=row["area"].strip(),
                expected_interval_s=EXPECTED_INTERVAL_S.clamp(figures["expected_interval_s"]) or _DEFAULT_INTERVAL_S,
                rated_current_a=RATED_CURRENT_A.clamp(figures["rated_current_a"]),
            )
            found[code] = Device(profile, None if lon is None or lat is None else Place(lon, lat))
    if refused and not found:
        raise FiretowerError(f"--devices: no row of {path} is a device: {refused}")
    return found


def read_readings(
    path: Path, devices: Mapping[str, Device], aside: Aside, *, put_in_order: bool = False
) -> Iterator[Row]:
    """Yield the readings to be judged, in the order of time; what is left out is counted in `aside`.

    `put_in_order`: the file is not in the order of `ts` that contract 11 asks for; it is held as a whole.

    Raises:
        FiretowerError: the file cannot be read, or no row of it has a time that can be read; the text says why.
    """
    return met_once(in_order(_read_rows(path, devices, aside, put_in_order=put_in_order), aside.rows), aside.rows)


def _read_rows(path: Path, devices: Mapping[str, Device], aside: Aside, *, put_in_order: bool) -> Iterator[Row]:
    with open_text(path, "readings") as text:
        rows = Rows(text, aside.open_quote)
        lines = iter(rows)
        header = _header(lines)
        if "ts" not in header or "code" not in header:
            raise FiretowerError("--readings: the first line must name ts, code and fields of contract 3")
        reader = _RowReader(header, devices, aside)
        rows.is_row = _by_cell(header.index("ts"), _is_time)
        for line, cells in _by_time(lines, reader) if put_in_order else lines:
            row = reader.read(line, cells)
            if row is not None:
                yield row
        if reader.unreadable and not reader.readable:
            raise FiretowerError(f"--readings: no row of {path} can be read: {reader.unreadable}")


def _by_time(lines: Iterable[tuple[int, list[str]]], reader: _RowReader) -> Iterator[tuple[int, list[str]]]:
    """Yield lines in the order of their times; lines with the same time keep the order of the file."""
    held: list[tuple[float, int, str]] = []
    for line, cells in lines:
        at_s = reader.time_of(line, cells)
        if at_s is not None:
            held.append((at_s, line, _BETWEEN.join(cells)))
    held.sort()
    for _, line, text in held:
        yield line, text.split(_BETWEEN)


class _RowReader:
    """Makes readings of the lines of a file with this header."""

    def __init__(self, header: list[str], devices: Mapping[str, Device], aside: Aside) -> None:
        self._aside = aside
        self._ts, self._code = header.index("ts"), header.index("code")
        self._seq = header.index("seq") if "seq" in header else None
        self._least = max(self._ts, self._code, self._seq or 0) + 1
        self._width = len(header)
        known = {kind: columns(header, kind) for kind in Kind}
        used = {self._ts, self._code, self._seq} | {place for some in known.values() for place, _, _ in some}
        for place, name in enumerate(header):
            if place not in used:
                aside.column(name, again=name in header[:place])
        self._by_code = {
            code: (device.profile.kind, known[Kind(device.profile.kind)]) for code, device in devices.items()
        }
        self._text: str | None = None  # the newest time as it stands in the file: rows of one moment are many
        self._at, self._at_s = from_us(0), 0.0
        self._refused: tuple[str, str] | None = None  # why that text is no time
        self.readable = False  # whether any line had a time
        self.unreadable = ""  # the first that had none

    def time_of(self, line: int, cells: list[str]) -> float | None:
        """Return the time of a line in epoch seconds, None where it has none that can be read."""
        if len(cells) < self._least:
            if cells:
                self._set_aside("row too short", line, f"{len(cells)} columns")
            return None
        text = cells[self._ts]
        if text != self._text:
            self._text, self._refused = text, None
            at = read_time(text)
            if isinstance(at, tuple):
                self._refused = at
            else:
                self._at, self._at_s = at, at.timestamp()
        if self._refused is not None:
            self._set_aside(self._refused[0], line, self._refused[1])
            return None
        self.readable = True
        return self._at_s

    def _set_aside(self, why: str, line: int, detail: str) -> None:
        self._aside.row(why, line, detail)
        self.unreadable = self.unreadable or f"line {line}: {detail}"

    def read(self, line: int, cells: list[str]) -> Row | None:
        """Return the reading, None where the line has none."""
        count = len(cells)
        known = count >= self._least and cells[self._ts] == self._text and self._refused is None
        if not known and self.time_of(line, cells) is None:
            return None
        code = cells[self._code]
        columns_of = self._by_code.get(code) or self._by_code.get(code := code.strip())
        if columns_of is None:
            self._aside.row(f"unknown device {code}", line, "add it to --devices")
            return None
        seq = None
        if self._seq is not None:
            seq = whole_number(cells[self._seq], 0, SEQ_MODULUS - 1)
            if seq is None:
                self._aside.row("seq_unreadable", line, "seq is a whole number from 0 to 4294967295")
                return None
        kind, columns_of_kind = columns_of
        if count < self._width:
            cells = [*cells, *[""] * (self._width - count)]
        fields: dict[str, Any] = {}
        for place, name, value_of in columns_of_kind:
            cell = cells[place]
            if cell:
                value = value_of(cell)
                if value is not None:
                    fields[name] = value
                elif not cell.isspace():
                    self._aside.fields[f"{kind}.{name}"] += 1
        return Row(self._at_s, self._at, code, seq, fields)


def read_events(path: Path, aside: Aside) -> list[tuple[str, Event]]:
    """Return (device code, event) in order of time; columns are named like the fields of contract 3's event.

    A row whose time cannot be read is counted in `aside`.

    Raises:
        FiretowerError: the file cannot be read, or no row of it has a time that can be read; the text says why.
    """
    found: list[tuple[str, Event]] = []
    unreadable = ""
    with _open_table(path, "events", (_EVENT_NEEDS, _EVENT_MAY_HAVE), aside, ("ts", _is_time)) as table:
        for line, row in table:
            at, kind = read_time(row["ts"]), row["type"].strip()
            if isinstance(at, tuple):
                aside.row(f"event: {at[0]}", line, at[1])
                unreadable = unreadable or f"line {line}: {at[1]}"
                continue
            if not kind:
                aside.row("event: type missing", line, "name one, such as fire, fault or reset")
                continue
            event = Event(
                type=known_type(kind) or kind,
                ts=at,
                received_at=at,
                active=_active(row.get("active", ""), aside),
                component=row.get("component", ""),
                zone=row.get("zone") or None,
                system_type=_code(row, "system_type", aside),
                component_type=_code(row, "component_type", aside),
                description=row.get("description", ""),
                event_id=row.get("event_id", ""),
            )
            found.append((row["code"].strip(), event))
    if unreadable and not found:
        raise FiretowerError(f"--events: no row of {path} can be read: {unreadable}")
    return sorted(found, key=lambda item: item[1].ts)


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


def _figure(text: str | None, name: str, aside: Aside) -> float | None:
    """Return a figure of the ledger, None where it is absent or impossible."""
    if text is None or not text.strip():
        return None
    try:
        figure = float(text)
    except ValueError:
        figure = nan
    if isfinite(figure) and abs(figure) <= _FIGURES[name]:
        return figure
    aside.fields[f"device {name}"] += 1
    return None


def _active(cell: str, aside: Aside) -> bool:
    """Return whether a condition began; of what cannot be read that is assumed, as it is live: it may be a fire."""
    text = cell.strip().lower()
    if text and text not in SWITCH:
        aside.fields["event active"] += 1
    return SWITCH.get(text, True)


def _code(row: Mapping[str, str], name: str, aside: Aside) -> int | None:
    cell = row.get(name, "").strip()
    code = whole_number(cell, 0, 255) if cell else None
    if cell and code is None:
        aside.fields[f"event {name}"] += 1
    return code


def _is_time(cell: str) -> bool:
    return not isinstance(read_time(cell), tuple)


def _is_kind(cell: str) -> bool:
    return cell.strip().lower() in _KINDS
