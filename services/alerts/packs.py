"""Devices and readings from files, as `firetower evaluate` takes them (contract 11).

Promises: an impossible value (contract 3) is left out and counted, and so is a row without a readable time; the run
goes on. It ends, with the line and the cure, only if no row at all can be read, because then the file is not what it
claims to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any, Final

from services.alerts.detectors.finding import Place
from services.alerts.detectors.fleet import Device
from services.alerts.pack_cells import columns, whole_number
from services.alerts.pack_files import Rows, open_text
from services.alerts.pack_rows import Row, in_order, met_once
from services.alerts.pack_tables import Aside, by_cell, header_of, is_time, open_table, read_time
from services.core.contracts import SEQ_MODULUS
from services.core.errors import FiretowerError
from services.core.moment import from_us
from services.core.rules.device_bounds import EXPECTED_INTERVAL_S, RATED_CURRENT_A
from services.core.rules.profile import DeviceProfile
from services.core.topics import Kind

_KINDS: Final = frozenset(Kind)
_FIGURES: Final = {"lon": 180.0, "lat": 90.0, "expected_interval_s": inf, "rated_current_a": inf}  # how large at most
_BETWEEN: Final = "\x1f"  # the separator of units (ASCII)
_DEFAULT_INTERVAL_S: Final = 60.0
_DEVICE_NEEDS: Final = ("code", "kind", "area")


def read_devices(path: Path, aside: Aside) -> dict[str, Device]:
    """Return the devices by code; a row without a device, and a figure that is not a number, is counted in `aside`.

    Raises:
        FiretowerError: the file cannot be read, or no row of it is a device; the text says why.
    """
    found: dict[str, Device] = {}
    refused = ""
    with open_table(path, "devices", (_DEVICE_NEEDS, tuple(_FIGURES)), aside, ("kind", _is_kind)) as table:
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
        header = header_of(lines)
        if "ts" not in header or "code" not in header:
            raise FiretowerError("--readings: the first line must name ts, code and fields of contract 3")
        reader = _RowReader(header, devices, aside)
        rows.is_row = by_cell(header.index("ts"), is_time)
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


def _is_kind(cell: str) -> bool:
    return cell.strip().lower() in _KINDS
