"""Reads the cells of a pack: numbers and switches inside the limits of contract 3, as ingest reads them.

Used by `packs`, once a cell. Promises None for a cell that holds no such value.
"""

from __future__ import annotations

from collections.abc import Callable

from services.core.event_types import SWITCH
from services.core.fields import FIELD_RULES, FieldRule
from services.core.topics import Kind

Value = float | bool | None
Column = tuple[int, str, Callable[[str], Value]]
"""Place in the row, name, and what reads a cell."""


def columns(header: list[str], kind: Kind) -> list[Column]:
    """Return the columns that this kind sends; of two with the same name the first."""
    rules = FIELD_RULES[kind]
    return [
        (place, name, _reader(rules[name]))
        for place, name in enumerate(header)
        if name in rules and header.index(name) == place
    ]


def whole_number(cell: str, low: float, high: float) -> int | None:
    """Return a whole number between two bounds; some write 14.0."""
    value = _number(cell)
    if value is None or not value.is_integer():  # infinity and NaN, too
        return None
    try:
        whole = int(cell)
    except ValueError:
        whole = int(value)
    return whole if low <= whole <= high else None


def _reader(rule: FieldRule) -> Callable[[str], Value]:
    low, high = rule.low, rule.high
    if rule.base is bool:
        return _switch
    if rule.base is int:
        return lambda cell: whole_number(cell, low, high)

    def read(cell: str) -> float | None:
        try:
            value = float(cell)
        except ValueError:
            return None
        return value if low <= value <= high and cell.isascii() and "_" not in cell else None  # float() takes both

    return read


def _switch(cell: str) -> bool | None:
    return SWITCH.get(cell.strip().lower())


def _number(cell: str) -> float | None:
    if "_" in cell or not cell.isascii():  # float() would take both
        return None
    try:
        return float(cell)
    except ValueError:
        return None
