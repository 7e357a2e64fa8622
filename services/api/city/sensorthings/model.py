"""The entities of SensorThings 1.1 (18-088 section 8.2) as far as we fill them: names, properties, navigation. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

STREAMS_PER_DEVICE: Final = 100
"""The id of a Datastream is the device's id times this, plus the number of its field: stable, and below 2^31 for the
first 21 million devices (QGIS reads 32 bits)."""


class Entity(StrEnum):
    """The types of entities."""

    THING = "Thing"
    LOCATION = "Location"
    HISTORICAL_LOCATION = "HistoricalLocation"
    DATASTREAM = "Datastream"
    SENSOR = "Sensor"
    OBSERVED_PROPERTY = "ObservedProperty"
    OBSERVATION = "Observation"
    FEATURE = "FeatureOfInterest"


SETS: Final[Mapping[str, Entity]] = MappingProxyType(
    {
        "Things": Entity.THING,
        "Locations": Entity.LOCATION,
        "HistoricalLocations": Entity.HISTORICAL_LOCATION,
        "Datastreams": Entity.DATASTREAM,
        "Sensors": Entity.SENSOR,
        "ObservedProperties": Entity.OBSERVED_PROPERTY,
        "Observations": Entity.OBSERVATION,
        "FeaturesOfInterest": Entity.FEATURE,
    }
)
SET_OF: Final[Mapping[Entity, str]] = MappingProxyType({entity: name for name, entity in SETS.items()})

PROPERTIES: Final[Mapping[Entity, tuple[str, ...]]] = MappingProxyType(
    {
        Entity.THING: ("name", "description", "properties"),
        Entity.LOCATION: ("name", "description", "encodingType", "location"),
        Entity.HISTORICAL_LOCATION: ("time",),
        Entity.DATASTREAM: (
            "name",
            "description",
            "observationType",
            "unitOfMeasurement",
            "observedArea",
            "properties",
        ),
        Entity.SENSOR: ("name", "description", "encodingType", "metadata"),
        Entity.OBSERVED_PROPERTY: ("name", "description", "definition"),
        Entity.OBSERVATION: ("phenomenonTime", "resultTime", "result", "resultQuality", "parameters"),
        Entity.FEATURE: ("name", "description", "encodingType", "feature"),
    }
)  # fmt: skip

_GEOMETRY: Final = frozenset({"type", "coordinates"})
INNER: Final[Mapping[Entity, Mapping[str, frozenset[str]]]] = MappingProxyType(
    {
        Entity.THING: {
            "properties": frozenset({
                "kind", "form", "area", "areaName", "site", "siteName", "address", "owner", "maintainer",
                "status", "lastSeen", "sourceDatum", "expectedIntervalS", "attributes",
            })
        },
        Entity.LOCATION: {"location": _GEOMETRY},
        Entity.DATASTREAM: {
            "unitOfMeasurement": frozenset({"name", "symbol", "definition"}),
            "observedArea": _GEOMETRY,
            "properties": frozenset({"field", "device"}),
        },
        Entity.OBSERVATION: {
            "resultQuality": frozenset({"late"}),
            "parameters": frozenset({"seq", "id", "confidence", "verification"}),
        },
        Entity.FEATURE: {"feature": _GEOMETRY},
    }
)  # fmt: skip
"""What the objects among the properties hold. `properties/attributes` of a Thing is the ledger's, with any names."""


def has_property(entity: Entity, names: tuple[str, ...]) -> bool:
    """Whether an entity may have the property, or part of one, that is named part by part."""
    if names[0] not in PROPERTIES[entity]:
        return False
    if len(names) == 1 or (entity is Entity.THING and names[:2] == ("properties", "attributes")):
        return True
    return len(names) == 2 and names[1] in INNER.get(entity, {}).get(names[0], frozenset())


@dataclass(frozen=True, slots=True)
class Link:
    """A way from an entity to another: rows belong together where the keys named in `by` are the same."""

    name: str
    target: Entity
    many: bool
    by: tuple[str, ...]  # device: its id; number: of the field; kind: of the device
    same_row: bool = False  # both are made of the same tables: a filter that goes there joins nothing


def _links(*links: Link) -> Mapping[str, Link]:
    return MappingProxyType({link.name: link for link in links})


_DEVICE: Final = ("device",)
_STREAM: Final = ("device", "number")
LINKS: Final[Mapping[Entity, Mapping[str, Link]]] = MappingProxyType(
    {
        Entity.THING: _links(
            Link("Locations", Entity.LOCATION, True, _DEVICE, same_row=True),
            Link("HistoricalLocations", Entity.HISTORICAL_LOCATION, True, _DEVICE, same_row=True),
            Link("Datastreams", Entity.DATASTREAM, True, _DEVICE),
        ),
        Entity.LOCATION: _links(
            Link("Things", Entity.THING, True, _DEVICE, same_row=True),
            Link("HistoricalLocations", Entity.HISTORICAL_LOCATION, True, _DEVICE, same_row=True),
        ),
        Entity.HISTORICAL_LOCATION: _links(
            Link("Thing", Entity.THING, False, _DEVICE, same_row=True),
            Link("Locations", Entity.LOCATION, True, _DEVICE, same_row=True),
        ),
        Entity.DATASTREAM: _links(
            Link("Thing", Entity.THING, False, _DEVICE, same_row=True),
            Link("Sensor", Entity.SENSOR, False, ("kind",), same_row=True),
            Link("ObservedProperty", Entity.OBSERVED_PROPERTY, False, ("number",), same_row=True),
            Link("Observations", Entity.OBSERVATION, True, _STREAM),
        ),
        Entity.SENSOR: _links(Link("Datastreams", Entity.DATASTREAM, True, ("kind",))),
        Entity.OBSERVED_PROPERTY: _links(Link("Datastreams", Entity.DATASTREAM, True, ("number",))),
        Entity.OBSERVATION: _links(
            Link("Datastream", Entity.DATASTREAM, False, _STREAM, same_row=True),
            Link("FeatureOfInterest", Entity.FEATURE, False, _DEVICE, same_row=True),
        ),
        Entity.FEATURE: _links(Link("Observations", Entity.OBSERVATION, True, _DEVICE)),
    }
)
