"""Data units of GB/T 26875.3, 2011 edition: information objects, walked one by one along the layouts of the tables.

Used by meaning.py and link.py. Pure; never raises on any bytes: what does not fit is kept raw and noted, and an object
whose state can be read counts, even when its text or time label is cut off.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields

from services.gateway.characters import read_characters
from services.gateway.tables import TABLES, TypeFlag

TEXT_BYTES = 31  # fixed description, clause 8.2.1.2
_SIZES = {"u8": 1, "u16": 2, "i16": 2, "bytes4": 4, "time": 6, "text31": TEXT_BYTES}
_OPTIONAL = ("time", "text")  # an object without these still says what happened


@dataclass(frozen=True, slots=True)
class Item:
    """One information object; a field its type does not have is None. `text` is raw, see `read_text`."""

    system_type: int | None = None
    system_address: int | None = None
    component_type: int | None = None
    component_address: bytes | None = None
    state: int | None = None
    analog_type: int | None = None
    value: int | None = None
    operation: int | None = None
    operator: int | None = None
    major: int | None = None
    minor: int | None = None
    count: int | None = None
    timeout_min: int | None = None
    reserved: int | None = None
    text: bytes | None = None
    time: bytes | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A data unit: its type flag, its objects, what was left over and what was odd."""

    flag: int | None
    type: TypeFlag | None
    items: tuple[Item, ...] = ()
    rest: bytes = b""
    notes: tuple[str, ...] = ()
    raw: bytes = b""  # all of it


def read_text(raw: bytes | None) -> str:
    """Return the text up to its first NUL (left-over bytes follow it), without padding and control characters."""
    if not raw:
        return ""
    said = raw.split(b"\0", 1)[0]
    text = read_characters(said, may_be_cut=len(said) == len(raw))
    return "".join(char for char in text if unicodedata.category(char)[0] != "C").strip(" \ufffd")


def write_text31(text: str) -> bytes:
    """Return text for a fixed field: GB 18030, cut at a character, padded with NUL."""
    raw = b""
    for char in text:
        piece = char.encode("gb18030", errors="replace")
        if len(raw) + len(piece) > TEXT_BYTES:
            break
        raw += piece
    return raw.ljust(TEXT_BYTES, b"\0")


def _read_item(data: bytes, at: int, layout: Sequence[tuple[str, str]]) -> tuple[Item, int] | None:
    """Read one object; None when not even its required fields are there. Layouts end with their optional fields."""
    values: dict[str, int | bytes] = {}
    for name, form in layout:
        if form == "text":
            if at >= len(data):
                break
            size = 1 + data[at]
            raw = data[at + 1 : at + size]
        else:
            size = _SIZES[form]
            raw = data[at : at + size]
            if len(raw) < size and name not in _OPTIONAL:
                return None
            if len(raw) < size and form == "time":
                at = len(data)
                break
        if form in {"u8", "u16", "i16"}:
            values[name] = int.from_bytes(raw, "little", signed=form == "i16")
        elif raw or form == "text":
            values[name] = raw
        at = min(at + size, len(data))
    return (Item(**values), at) if values else None  # type: ignore[arg-type] # names and forms come from the tables


def _fixed_size(layout: Sequence[tuple[str, str]]) -> int | None:
    return None if any(form == "text" for _, form in layout) else sum(_SIZES[form] for _, form in layout)


def read_unit(adu: bytes) -> Unit:
    """Walk a data unit. One shorter than a type flag and an object count is a heartbeat: no flag, all of it `rest`."""
    if len(adu) < 2:
        return Unit(None, None, rest=adu, raw=adu)
    flag, count = adu[0], adu[1]
    kind = TABLES.types.get(flag)
    if kind is None or not kind.layout:
        return Unit(flag, None, rest=adu[2:], raw=adu)
    notes = []
    layout = kind.layout
    size = _fixed_size(layout)
    body = len(adu) - 2
    if kind.timed and size and count and body == count * (size - _SIZES["time"]) and size > _SIZES["time"]:
        layout = layout[:-1]  # some devices leave the label out of every object
        size -= _SIZES["time"]
        notes.append("no_time_labels")
    if count > kind.max_objects:
        notes.append("count_over_limit")
    items: list[Item] = []
    at = 2
    while at < len(adu):
        if len(items) >= count and not (size and (len(adu) - at) % size == 0):
            break
        read = _read_item(adu, at, layout)
        if read is None:
            break
        item, at = read
        items.append(item)
    if len(items) != count:
        notes.append("count_wrong")
    if size and items and at >= len(adu) and body % size:
        notes.append("object_cut")
    return Unit(flag, kind, tuple(items), adu[at:], tuple(notes), adu)


def holds_fire(unit: Unit) -> bool:
    """Say whether a data unit holds a fire or a manual alarm, without judging it: such frames go first."""
    return count_fires(unit) > 0


def count_fires(unit: Unit) -> int:
    """Return how many objects of a data unit say fire or manual alarm."""
    if unit.flag in {1, 2, 21}:
        return sum(item.state is not None and bool(item.state & 0b10) for item in unit.items)
    if unit.flag in {4, 24}:
        return sum(item.operation is not None and bool(item.operation & 0b100) for item in unit.items)
    return 0


def write_unit(flag: int, items: Sequence[Item]) -> bytes:
    """Return the data unit of a type of the tables.

    Raises:
        ValueError: an item lacks a field of the layout, or a value does not fit (a fault of the caller).
    """
    kind = TABLES.types[flag]
    out = bytearray((flag, len(items)))
    for item in items:
        for name, form in kind.layout:
            value = getattr(item, name)
            if value is None:
                raise ValueError(f"type {flag} needs {name}")
            if form in {"u8", "u16", "i16"}:
                out += int(value).to_bytes(_SIZES[form], "little", signed=form == "i16")
            elif form == "text":
                out += bytes((len(value),)) + value
            elif len(value) != _SIZES[form]:
                raise ValueError(f"{name} of type {flag} is {_SIZES[form]} bytes")
            else:
                out += value
    return bytes(out)


def describe(item: Item) -> dict[str, int | str]:
    """Return an object as plain JSON values: bytes as hex, text decoded."""
    out: dict[str, int | str] = {}
    for field in fields(Item):
        value = getattr(item, field.name)
        if isinstance(value, bytes):
            out[field.name] = read_text(value) if field.name == "text" else value.hex()
        elif value is not None:
            out[field.name] = value
    return out
