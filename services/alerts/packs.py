"""Devices, readings and events from files, as `firetower evaluate` takes them (contract 11).

Promises: what cannot be (contract 3) is left out and counted, a field by itself, a row without a readable time as a
whole; the run goes on. It ends with the line and the cure only where no row at all can be read, because then the file
is not what it claims to be.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

from services.alerts.detectors.finding import Place
from services.alerts.detectors.fleet import Device
from services.alerts.pack_rows import Row, in_order, met_once
from services.alerts.rules.model import Event
from services.core.contracts import SEQ_MODULUS
from services.core.errors import FiretowerError
from services.core.fields import FIELD_RULES, FieldRule
from services.core.moment import from_us, read_ts
from services.core.rules.device_bounds import EXPECTED_INTERVAL_S, RATED_CURRENT_A
from services.core.rules.profile import DeviceProfile
from services.core.topics import Kind

_SWITCH: Final = {"true": True, "1": True, "false": False, "0": False}
_DEFAULT_INTERVAL_S: Final = 60.0
_LONGEST_MS: Final = 18  # digits
_Column = tuple[int, str, FieldRule]  # place in the row, name, what it may hold


class Aside:
    """What was left out: fields that cannot be, by kind and name, and whole rows, by why."""

    def __init__(self) -> None:
        self.fields: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.first: dict[str, str] = {}  # of each sort of row, the first with its line

    def row(self, why: str, line: int, detail: str) -> None:
        """Count a row."""
        self.rows[why] += 1
        self.first.setdefault(why, f"line {line}: {detail}")

    def lines(self) -> list[str]:
        """Return what to tell a person, in the same order every time."""
        rows = [
            f"{why}: {count} rows set aside" + (f", the first: {self.first[why]}" if why in self.first else "")
            for why, count in sorted(self.rows.items())
        ]
        return rows + [f"{name}: {count} left out" for name, count in sorted(self.fields.items())]


def read_devices(path: Path) -> dict[str, Device]:
    """Return the devices by code.

    Raises:
        FiretowerError: the file cannot be read, or a row is no device; the text names the line.
    """
    found: dict[str, Device] = {}
    with _open_table(path, "devices", ("code", "kind", "area")) as table:
        for line, row in enumerate(table, start=2):
            where = f"--devices: line {line}"
            kind = (row["kind"] or "").strip()
            if kind not in set(Kind):
                raise FiretowerError(f"{where}: kind {kind!r}; one of {', '.join(Kind)}")
            code = (row["code"] or "").strip()
            if not code:
                raise FiretowerError(f"{where}: a device needs a code")
            interval = _number(row.get("expected_interval_s"), where)
            lon, lat = _number(row.get("lon"), where), _number(row.get("lat"), where)
            profile = DeviceProfile(
                code=code,
                kind=kind,
                area=(row["area"] or "").strip(),
                expected_interval_s=EXPECTED_INTERVAL_S.clamp(interval) or _DEFAULT_INTERVAL_S,
                rated_current_a=RATED_CURRENT_A.clamp(_number(row.get("rated_current_a"), where)),
            )
            found[code] = Device(profile, None if lon is None or lat is None else Place(lon, lat))
    return found


def read_readings(path: Path, devices: Mapping[str, Device], aside: Aside) -> Iterator[Row]:
    """Yield the readings to be judged, in the order of time; what is left out is counted in `aside`.

    Raises:
        FiretowerError: the file cannot be read, or no row of it has a time that can be read; the text says why.
    """
    return met_once(in_order(_read_rows(path, devices, aside), aside.rows), aside.rows)


def _read_rows(path: Path, devices: Mapping[str, Device], aside: Aside) -> Iterator[Row]:
    with _open_text(path, "readings") as text:
        rows = csv.reader(text)
        header = [name.strip() for name in next(rows, [])]
        if "ts" not in header or "code" not in header:
            raise FiretowerError("--readings: the first line must name ts, code and fields of contract 3")
        reader = _RowReader(header, devices, aside)
        for line, cells in enumerate(rows, start=2):
            if cells:
                row = reader.read(line, cells)
                if row is not None:
                    yield row
        if aside.rows and not reader.readable:
            first = "; ".join(aside.first.values())
            raise FiretowerError(f"--readings: no row of {path} can be read: {first}")


class _RowReader:
    """Makes readings of the lines of a file with this header."""

    def __init__(self, header: list[str], devices: Mapping[str, Device], aside: Aside) -> None:
        self._aside = aside
        self._ts, self._code = header.index("ts"), header.index("code")
        self._seq = header.index("seq") if "seq" in header else None
        self._least = max(self._ts, self._code, self._seq or 0) + 1
        columns = {kind: _columns(header, kind) for kind in Kind}
        self._by_code = {
            code: (device.profile.kind, columns[Kind(device.profile.kind)]) for code, device in devices.items()
        }
        self._text: str | None = None
        self._at: datetime | tuple[str, str] = "", ""
        self._at_s = 0.0
        self.readable = False  # whether any line had a time

    def read(self, line: int, cells: list[str]) -> Row | None:
        """Return the reading, None where the line has none."""
        if len(cells) < self._least:
            return self._refuse(line, "row too short", f"{len(cells)} columns")
        if cells[self._ts] != self._text:
            self._text = cells[self._ts]
            self._at = read_time(self._text)
            self._at_s = 0.0 if isinstance(self._at, tuple) else self._at.timestamp()
        if isinstance(self._at, tuple):
            return self._refuse(line, *self._at)
        self.readable = True
        code = cells[self._code]
        known = self._by_code.get(code)
        if known is None:
            return self._refuse(line, f"unknown device {code}", "add it to --devices")
        seq = None
        if self._seq is not None:
            seq = _read_seq(cells[self._seq])
            if seq is None:
                return self._refuse(line, "seq_unreadable", "seq is a whole number from 0 to 4294967295")
        return Row(self._at_s, self._at, code, seq, self._fields(*known, cells))

    def _fields(self, kind: str, columns: list[_Column], cells: list[str]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for place, name, rule in columns:
            cell = cells[place] if place < len(cells) else ""
            if cell:
                value = _value(cell, rule)
                if value is None:
                    self._aside.fields[f"{kind}.{name}"] += 1
                else:
                    fields[name] = value
        return fields

    def _refuse(self, line: int, why: str, detail: str) -> Row | None:
        self._aside.row(why, line, detail)
        return None


def read_events(path: Path, aside: Aside) -> list[tuple[str, Event]]:
    """Return (device code, event) in order of time; columns are named like the fields of contract 3's event.

    A row whose time cannot be read is counted in `aside`.

    Raises:
        FiretowerError: the file cannot be read, or no row of it has a time that can be read; the text says why.
    """
    found: list[tuple[str, Event]] = []
    unreadable = ""
    with _open_table(path, "events", ("ts", "code", "type")) as table:
        for line, row in enumerate(table, start=2):
            at = read_time(row["ts"] or "")
            if isinstance(at, tuple):
                aside.row(f"event: {at[0]}", line, at[1])
                unreadable = unreadable or f"line {line}: {at[1]}"
                continue
            event = Event(
                type=row["type"] or "",
                ts=at,
                received_at=at,
                active=_SWITCH.get((row.get("active") or "true").strip().lower(), True),
                component=row.get("component") or "",
                zone=row.get("zone") or None,
                system_type=_code(row.get("system_type")),
                component_type=_code(row.get("component_type")),
                description=row.get("description") or "",
                event_id=row.get("event_id") or "",
            )
            found.append(((row["code"] or "").strip(), event))
    if unreadable and not found:
        raise FiretowerError(f"--events: no row of {path} can be read: {unreadable}")
    return sorted(found, key=lambda item: item[1].ts)


def read_time(text: str) -> datetime | tuple[str, str]:
    """Return a time of contract 3, or (reason, detail) when it cannot be read: no offset, seconds, no time at all."""
    digits = text.isascii() and text.isdigit() and len(text) <= _LONGEST_MS
    us = read_ts(int(text) if digits else text or None)
    if isinstance(us, tuple):
        return us
    try:
        return from_us(us)
    except OverflowError:
        return "ts_unreadable", f"ts is {text}: there is no such time"


def _columns(header: list[str], kind: Kind) -> list[_Column]:
    """Return (place, name, rule) of the columns that this kind sends."""
    rules = FIELD_RULES[kind]
    return [(place, name, rules[name]) for place, name in enumerate(header) if name in rules]


def _value(cell: str, rule: FieldRule) -> float | bool | None:
    """Return what a cell says, None where it is no such value: the same limits as on the way through ingest."""
    if rule.base is bool:
        return _SWITCH.get(cell.strip().lower())
    if not cell.isascii() or "_" in cell:  # float() would take both
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    if rule.base is int:
        return _whole(cell, value, rule)
    return value if rule.low <= value <= rule.high else None


def _whole(cell: str, value: float, rule: FieldRule) -> int | None:
    if not value.is_integer():  # infinity and NaN, too
        return None
    try:
        whole = int(cell)
    except ValueError:
        whole = int(value)  # some write 14.0
    return whole if rule.low <= whole <= rule.high else None


def _read_seq(cell: str) -> int | None:
    whole = int(cell) if cell.isascii() and cell.isdigit() and len(cell) <= _LONGEST_MS else SEQ_MODULUS
    return whole if whole < SEQ_MODULUS else None


def _number(text: str | None, where: str) -> float | None:
    if text is None or not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        raise FiretowerError(f"{where}: {text!r} is no number") from None


def _code(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


@contextmanager
def _open_text(path: Path, option: str) -> Iterator[TextIO]:
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as packed, io.TextIOWrapper(packed, "utf-8-sig", newline="") as text:
                yield text
        else:
            with path.open(encoding="utf-8-sig", newline="") as text:
                yield text
    except (OSError, UnicodeDecodeError, EOFError, zlib.error, csv.Error) as error:
        raise FiretowerError(f"--{option}: {path} cannot be read: {error}") from error


@contextmanager
def _open_table(path: Path, option: str, needed: tuple[str, ...]) -> Iterator[csv.DictReader[str]]:
    with _open_text(path, option) as text:
        table = csv.DictReader(text)
        missing = [name for name in needed if name not in (table.fieldnames or ())]
        if missing:
            raise FiretowerError(f"--{option}: the first line must name {', '.join(missing)}")
        yield table
