"""What is measured, and by what: the ObservedProperties and Sensors, read from `catalogue.json`.

Ids never change: a new field takes a number that was never used. Quantities and units are named by QUDT 2.1 and UCUM.
UCUM has no unit for a level relative to a milliwatt; it is written in the form of UCUM's other levels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import orjson

from services.core.contracts import READING_FIELDS, READING_MODELS
from services.core.topics import Kind

_DATA: Final[Mapping[str, Any]] = orjson.loads(Path(__file__).with_suffix(".json").read_bytes())
_QUANTITIES: Final = "http://qudt.org/vocab/quantitykind/"
_OBSERVATIONS: Final = "http://www.opengis.net/def/observationType/OGC-OM/2.0/"
ALARM: Final = "alarm"


@dataclass(frozen=True, slots=True)
class Property:
    """A field of contract 3, or `alarm`."""

    id: int
    name: str
    description: str
    definition: str
    observation_type: str
    unit: Mapping[str, str]
    is_flag: bool


@dataclass(frozen=True, slots=True)
class Sensor:
    """A kind of device."""

    id: int
    name: str
    description: str
    metadata: str


def _is_flag(name: str) -> bool:
    return any(
        "bool" in str(model.model_fields[name].annotation)
        for kind, model in READING_MODELS.items()
        if name in READING_FIELDS[kind]
    )


def _property(row: Mapping[str, Any]) -> Property:
    name, unit, flag = row["name"], row["unit"], _is_flag(row["name"])
    kind = "OM_CategoryObservation" if name == ALARM else "OM_TruthObservation" if flag else "OM_Measurement"
    words, definition = _DATA["units"][unit]
    return Property(
        id=row["id"],
        name=name,
        description=f"{row['zh']} {row['en']}",
        definition=_QUANTITIES + row["quantity"] if "quantity" in row else f"urn:firetower:property:{name}",
        observation_type=_OBSERVATIONS + kind,
        unit=MappingProxyType({"name": words, "symbol": unit, "definition": definition}),
        is_flag=flag,
    )


def _sensor(row: Mapping[str, Any]) -> Sensor:
    fields = ", ".join(READING_FIELDS[Kind(row["kind"])])
    return Sensor(row["id"], row["kind"], f"{row['zh']} {row['en']}", f"{row['en']}; fields: {fields}")


BY_NAME: Final[Mapping[str, Property]] = MappingProxyType({row["name"]: _property(row) for row in _DATA["properties"]})
BY_NUMBER: Final[Mapping[int, Property]] = MappingProxyType({one.id: one for one in BY_NAME.values()})
SENSORS: Final[Mapping[str, Sensor]] = MappingProxyType({row["kind"]: _sensor(row) for row in _DATA["sensors"]})
FIELDS_OF: Final[Mapping[Kind, tuple[Property, ...]]] = MappingProxyType(
    {kind: tuple(BY_NAME[name] for name in names) for kind, names in READING_FIELDS.items()}
)
