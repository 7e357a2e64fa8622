"""What each property of an entity is in SQL, for `$filter` and `$orderby`. A property that is not here is unknown."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.api.city.sensorthings.catalogue import BY_NAME, SENSORS
from services.api.city.sensorthings.geometry import Place
from services.api.city.sensorthings.model import Entity, has_property
from services.api.city.sensorthings.refusals import refused
from services.api.city.sensorthings.rows import Column, Observed, Row, View, stream_id
from services.api.city.sensorthings.values import (
    Flag,
    Moment,
    Nothing,
    Number,
    ObservationId,
    Open,
    StreamId,
    Text,
    Value,
)

Names = tuple[str, ...]
GEOJSON: Final = "application/geo+json"


def text(value: str) -> Text:
    """Return a text that is the same in every row."""
    return Text(sa.literal(value, sa.Text()), value)


def by_field(field: Column, what: Callable[[Any], str]) -> Text:
    """Return what the catalogue says of a field."""
    return Text(sa.case({name: what(one) for name, one in BY_NAME.items()}, value=field, else_=sa.null()))


def _by_kind(kind: Column, what: Callable[[Any], str]) -> Text:
    return Text(sa.case({name: what(one) for name, one in SENSORS.items()}, value=kind, else_=sa.null()))


def _name_of(row: Row) -> Text:
    return Text(sa.func.coalesce(sa.func.nullif(row.device.name, ""), row.device.code))


def placed_at(row: Row) -> Column:
    """Return since when a device stands where it stands: unless it was moved, since it is known."""
    return sa.func.coalesce(row.device.placed_at, row.device.created_at)


def _json(document: Column) -> Open:
    """Return a part of a JSON document, whatever it is."""
    kind, bare = sa.func.jsonb_typeof(document), document[()].astext
    return Open(
        sa.case((kind == "number", sa.cast(bare, sa.Double()))),
        sa.case((kind == "boolean", sa.cast(bare, sa.Boolean()))),
        sa.case((kind.not_in(["number", "boolean", "null"]), bare)),
    )


def _thing_properties(view: View, row: Row, names: Names) -> Value | None:
    device = row.device
    if len(names) > 1 and names[0] == "attributes":
        return _json(sa.cast(device.attributes, JSONB)[names[1:]]) if row.shows_people else Nothing()
    if len(names) != 1:
        return None
    if names[0] in {"owner", "maintainer"} and not row.shows_people:
        return Nothing()
    known: dict[str, Callable[[], Value]] = {
        "kind": lambda: Text(device.kind),
        "form": lambda: Text(device.form),
        "area": lambda: Text(device.area),
        "areaName": lambda: Text(row.area.name),
        "site": lambda: Number(row.site.id),
        "siteName": lambda: Text(row.site.name),
        "address": lambda: Text(sa.func.nullif(device.address, "")),
        "owner": lambda: Text(sa.func.nullif(device.owner, "")),
        "maintainer": lambda: Text(sa.func.nullif(device.maintainer, "")),
        "status": lambda: Text(view.status(row)),
        "lastSeen": lambda: Moment(row.state.last_seen),
        "sourceDatum": lambda: Text(device.source_datum),
        "expectedIntervalS": lambda: Number(device.expected_interval_s),
    }
    found = known.get(names[0])
    return None if found is None else found()


def _thing(view: View, row: Row, names: Names) -> Value | None:
    match names:
        case ("id",):
            return Number(row.device.id)
        case ("name",):
            return Text(row.device.code)
        case ("description",):
            return _name_of(row)
        case ("properties", *rest) if rest:
            return _thing_properties(view, row, tuple(rest))
    return None


def _placed(geometry: str) -> Callable[[View, Row, Names], Value | None]:
    """Return the properties of a Location or FeatureOfInterest, whose geometry has the name `geometry`."""

    def find(_view: View, row: Row, names: Names) -> Value | None:
        match names:
            case ("id",):
                return Number(row.device.id)
            case ("name",):
                return Text(row.device.code)
            case ("description",):
                return Text(sa.func.coalesce(sa.func.nullif(row.device.address, ""), _name_of(row).sql))
            case ("encodingType",):
                return text(GEOJSON)
            case (name, *rest) if name == geometry:
                return _geometry(row, tuple(rest))
        return None

    return find


def _geometry(row: Row, names: Names) -> Value | None:
    """Return a device's position, or the type of that geometry. Some clients ask by the names of a Feature."""
    match names:
        case ():
            return Place(row.device.lon, row.device.lat)
        case ("type",):
            return Text(sa.case((row.device.lon.is_not(None), "Point")))
        case ("geometry", "type"):
            return Text(sa.cast(sa.null(), sa.Text()))
    return None


def _historical_location(_view: View, row: Row, names: Names) -> Value | None:
    match names:
        case ("id",):
            return Number(row.device.id)
        case ("time",):
            return Moment(placed_at(row))
    return None


def _datastream(_view: View, row: Row, names: Names) -> Value | None:
    field = row.field
    if field is None:
        return None
    match names:
        case ("id",):
            return StreamId(row.key("device"), row.key("number"), stream_id(row))
        case ("name",):
            return Text(row.device.code + ":" + field)
        case ("description",):
            return Text(_name_of(row).sql + " " + by_field(field, lambda one: one.description).sql)
        case ("observationType",):
            return by_field(field, lambda one: one.observation_type)
        case ("unitOfMeasurement", "name" | "symbol" | "definition" as part):
            return by_field(field, lambda one: one.unit[part])
        case ("observedArea", *rest):
            return _geometry(row, tuple(rest))
        case ("properties", "field"):
            return Text(field)
        case ("properties", "device"):
            return Text(row.device.code)
    return None


def _sensor(_view: View, row: Row, names: Names) -> Value | None:
    kind = row.key("kind")
    match names:
        case ("id",):
            return Number(sa.case({name: one.id for name, one in SENSORS.items()}, value=kind, else_=sa.null()))
        case ("name",):
            return Text(kind)
        case ("description",):
            return _by_kind(kind, lambda one: one.description)
        case ("encodingType",):
            return text("text/plain")
        case ("metadata",):
            return _by_kind(kind, lambda one: one.metadata)
    return None


def _observed_property(_view: View, row: Row, names: Names) -> Value | None:
    field = row.field
    if field is None:
        return None
    match names:
        case ("id",):
            return Number(row.key("number"))
        case ("name",):
            return Text(field)
        case ("description",):
            return by_field(field, lambda one: one.description)
        case ("definition",):
            return by_field(field, lambda one: one.definition)
    return None


def _observation(_view: View, row: Row, names: Names) -> Value | None:
    one = row.observed
    if one is None:
        return None
    known: dict[Names, Callable[[], Value]] = {
        ("id",): lambda: _observation_id(one, row.key("device"), row.key("number")),
        ("phenomenonTime",): lambda: Moment(one.ts),
        ("resultTime",): lambda: Moment(one.received_at),
        ("result",): lambda: Open(one.num, one.flag, one.text),
        ("resultQuality", "late"): lambda: Flag(one.late),
        ("parameters", "seq"): lambda: Number(sa.case((one.sub == 0, one.seq))),
        ("parameters", "id"): lambda: Number(sa.case((one.sub > 0, one.seq))),
        ("parameters", "confidence"): lambda: Text(one.confidence),
        ("parameters", "verification"): lambda: Text(one.verification),
    }
    found = known.get(names)
    return None if found is None else found()


def _observation_id(one: Observed, device: Column, number: Column) -> Value:
    sql = sa.func.concat_ws("-", device, sa.func.to_us(one.ts), one.seq, number, sa.func.nullif(one.sub, 0))
    return ObservationId((device, one.ts, one.seq, number, one.sub), sql)


_FIND: Final[Mapping[Entity, Callable[[View, Row, Names], Value | None]]] = MappingProxyType(
    {
        Entity.THING: _thing,
        Entity.LOCATION: _placed("location"),
        Entity.HISTORICAL_LOCATION: _historical_location,
        Entity.DATASTREAM: _datastream,
        Entity.SENSOR: _sensor,
        Entity.OBSERVED_PROPERTY: _observed_property,
        Entity.OBSERVATION: _observation,
        Entity.FEATURE: _placed("feature"),
    }
)


def property_of(view: View, entity: Entity, row: Row, names: Names) -> Value:
    """Return the value of a property, named part by part.

    Raises:
        Problem: 400, there is none of that name, or it has parts.
    """
    found = _FIND[entity](view, row, names)
    if found is None and has_property(entity, names):
        raise refused(
            f"{'/'.join(names)[:80]} of {entity} is no single value and cannot be compared; name a part of it"
        )
    if found is None:
        raise refused(f"unknown property {'/'.join(names)[:80]} of {entity}")
    return found
