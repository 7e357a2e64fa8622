"""The code tables of GB/T 26875.3, 2011 edition, loaded from data/gb26875_2011.json.

Read by the codec (layouts), the meaning (bits to event types) and the documents; a newer edition is another data file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Entry:
    """One code with its names."""

    code: int
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class TypeFlag(Entry):
    """One kind of application data unit: `layout` is its object field by field, (name, form)."""

    direction: str
    max_objects: int
    reply: int | None
    layout: tuple[tuple[str, str], ...]

    @property
    def timed(self) -> bool:
        """Whether each object ends with a time label of its own."""
        return self.direction == "up" and self.layout[-1][0] == "time"


@dataclass(frozen=True, slots=True)
class Quantity(Entry):
    """An analog type: value = raw x resolution, in `unit`."""

    unit: str | None
    resolution: float | None


@dataclass(frozen=True, slots=True)
class Bit:
    """One bit of a state or operation byte; `event` is the event type it stands for, None: no event."""

    bit: int
    event: str | None
    zh: str
    en: str
    zh_clear: str = ""


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything the standard lists."""

    edition: str
    commands: Mapping[int, Entry]
    types: Mapping[int, TypeFlag]
    system_types: Mapping[int, Entry]
    component_types: Mapping[int, Entry]
    analog_types: Mapping[int, Quantity]
    system_state: tuple[Bit, ...]
    component_state: tuple[Bit, ...]
    utd_state: tuple[Bit, ...]
    system_operation: tuple[Bit, ...]
    utd_operation: tuple[Bit, ...]

    def system_name(self, code: int) -> str:
        """Return the Chinese name of a system type, also of one the standard does not name."""
        return _name(self.system_types, code, "系统类型")

    def component_name(self, code: int) -> str:
        """Return the Chinese name of a component type, also of one the standard does not name."""
        return _name(self.component_types, code, "部件类型")


def _name(entries: Mapping[int, Entry], code: int, what: str) -> str:
    entry = entries.get(code)
    if entry is not None:
        return entry.zh
    return f"自定义{what}{code}" if code >= 128 else f"预留{what}{code}"


def _entries(rows: list[dict[str, Any]]) -> Mapping[int, Entry]:
    return MappingProxyType({row["code"]: Entry(row["code"], row["zh"], row["en"]) for row in rows})


def _bits(rows: list[dict[str, Any]]) -> tuple[Bit, ...]:
    return tuple(Bit(row["bit"], row["event"], row["zh"], row["en"], row.get("zh_clear", "")) for row in rows)


def load_tables(path: Path = DATA / "gb26875_2011.json") -> Tables:
    """Read the tables of one edition."""
    data = orjson.loads(path.read_bytes())
    types = {
        row["code"]: TypeFlag(
            row["code"],
            row["zh"],
            row["en"],
            row["direction"],
            row["max_objects"],
            row["reply"],
            tuple((name, form) for name, form in row["layout"]),
        )
        for row in data["types"]
    }
    analogs = {
        row["code"]: Quantity(row["code"], row["zh"], row["en"], row["unit"], row["resolution"])
        for row in data["analog_types"]
    }
    return Tables(
        edition=data["edition"],
        commands=_entries(data["commands"]),
        types=MappingProxyType(types),
        system_types=_entries(data["system_types"]),
        component_types=_entries(data["component_types"]),
        analog_types=MappingProxyType(analogs),
        system_state=_bits(data["system_state_bits"]),
        component_state=_bits(data["component_state_bits"]),
        utd_state=_bits(data["utd_state_bits"]),
        system_operation=_bits(data["system_operation_bits"]),
        utd_operation=_bits(data["utd_operation_bits"]),
    )


TABLES = load_tables()
