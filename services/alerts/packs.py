"""Devices, readings and events from files, as `firetower evaluate` takes them (contract 11).

Promises: a field that cannot be (contract 3) is left out and counted, like on its way through ingest; a row that names
no device or no time ends the run with its line, because then the file is not what it claims to be.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

from services.alerts.detectors.finding import Place
from services.alerts.detectors.fleet import Device
from services.alerts.rules.model import Event
from services.core.contracts import READING_FIELDS, READING_MODELS
from services.core.errors import FiretowerError
from services.core.rules.device_bounds import EXPECTED_INTERVAL_S, RATED_CURRENT_A
from services.core.rules.profile import DeviceProfile
from services.core.topics import Kind

_AIR_C: Final = (-60.0, 60.0)  # contract 3; not stored by ingest yet
_SWITCH: Final = {"true": True, "1": True, "false": False, "0": False}
_DEFAULT_INTERVAL_S: Final = 60.0
_Range = tuple[float, float] | None  # None: a switch


class Row(NamedTuple):
    """One reading: epoch seconds, the same as a time, whose it is, its fields by name."""

    at_s: float
    at: datetime
    code: str
    fields: dict[str, Any]


class BadFields:
    """How many fields were left out, by kind and name."""

    def __init__(self) -> None:
        self.count: dict[str, int] = {}

    def note(self, kind: str, name: str) -> None:
        """Count one."""
        self.count[f"{kind}.{name}"] = self.count.get(f"{kind}.{name}", 0) + 1


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


def read_readings(path: Path, devices: Mapping[str, Device], bad: BadFields) -> Iterator[Row]:
    """Yield the readings in the file's order; those of devices that the ledger does not name are counted and passed.

    Raises:
        FiretowerError: the file cannot be read, or a row has no time; the text names the line.
    """
    with _open_text(path, "readings") as text:
        rows = csv.reader(text)
        header = [name.strip() for name in next(rows, [])]
        if header[:1] == [] or "ts" not in header or "code" not in header:
            raise FiretowerError("--readings: the first line must name ts, code and fields of contract 3")
        ts_column, code_column = header.index("ts"), header.index("code")
        columns = {kind: _columns(header, kind) for kind in Kind}
        by_code = {code: (device.profile.kind, columns[Kind(device.profile.kind)]) for code, device in devices.items()}
        last_text, at, at_s = "", datetime.fromtimestamp(0, UTC), 0.0
        for line, row in enumerate(rows, start=2):
            if not row:
                continue
            try:
                if row[ts_column] != last_text:
                    last_text = row[ts_column]
                    at = read_time(last_text)
                    at_s = at.timestamp()
                kind, wanted = by_code[row[code_column]]
            except KeyError:
                bad.note("unknown device", row[code_column])
                continue
            except (ValueError, IndexError, OverflowError):
                raise FiretowerError(f"--readings: line {line}: no ts like 2026-11-23T08:00:00+08:00") from None
            fields: dict[str, Any] = {}
            for place, name, bounds in wanted:
                cell = row[place] if place < len(row) else ""
                if not cell:
                    continue
                value = _value(cell, bounds)
                if value is None:
                    bad.note(kind, name)
                else:
                    fields[name] = value
            yield Row(at_s, at, row[code_column], fields)


def read_events(path: Path) -> list[tuple[str, Event]]:
    """Return (device code, event) in order of time; columns are named like the fields of contract 3's event.

    Raises:
        FiretowerError: the file cannot be read, or a row has no time; the text names the line.
    """
    found: list[tuple[str, Event]] = []
    with _open_table(path, "events", ("ts", "code", "type")) as table:
        for line, row in enumerate(table, start=2):
            try:
                at = read_time(row["ts"] or "")
            except (ValueError, OverflowError):
                raise FiretowerError(f"--events: line {line}: no ts like 2026-11-23T08:00:00+08:00") from None
            event = Event(
                type=row["type"] or "",
                ts=at,
                received_at=at,
                active=_SWITCH.get((row.get("active") or "true").lower(), True),
                component=row.get("component") or "",
                zone=row.get("zone") or None,
                system_type=_code(row.get("system_type")),
                component_type=_code(row.get("component_type")),
                description=row.get("description") or "",
                event_id=row.get("event_id") or "",
            )
            found.append((row["code"] or "", event))
    return sorted(found, key=lambda item: item[1].ts)


def read_time(text: str) -> datetime:
    """Read RFC 3339 with offset, or epoch milliseconds; without an offset it is UTC. Raises ValueError."""
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    at = datetime.fromisoformat(text)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _columns(header: list[str], kind: Kind) -> list[tuple[int, str, _Range]]:
    """Return (place, name, range) of the columns that this kind sends."""
    schema = READING_MODELS[kind].model_json_schema()["properties"]
    ranges = {name: _range(schema[name]) for name in READING_FIELDS[kind]}
    if kind in {Kind.HYDRANT, Kind.WATER}:
        ranges["air_temp_c"] = _AIR_C
    return [(place, name, ranges[name]) for place, name in enumerate(header) if name in ranges]


def _range(schema: Mapping[str, Any]) -> _Range:
    """Return what a field's schema allows."""
    for option in schema.get("anyOf", [schema]):
        if option.get("type") == "boolean":
            return None
        if option.get("type") in {"number", "integer"}:
            return option.get("minimum", float("-inf")), option.get("maximum", float("inf"))
    return float("-inf"), float("inf")


def _value(cell: str, bounds: _Range) -> float | bool | None:
    if bounds is None:
        return _SWITCH.get(cell.strip().lower())
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if bounds[0] <= value <= bounds[1] else None


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
    except (OSError, UnicodeDecodeError, EOFError, csv.Error) as error:
        raise FiretowerError(f"--{option}: {path} cannot be read: {error}") from error


@contextmanager
def _open_table(path: Path, option: str, needed: tuple[str, ...]) -> Iterator[csv.DictReader[str]]:
    with _open_text(path, option) as text:
        table = csv.DictReader(text)
        missing = [name for name in needed if name not in (table.fieldnames or ())]
        if missing:
            raise FiretowerError(f"--{option}: the first line must name {', '.join(missing)}")
        yield table
