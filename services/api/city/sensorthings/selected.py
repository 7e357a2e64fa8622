"""Which columns are read of each entity: what a renderer needs, whatever version it writes."""

from typing import Any

from services.api.city.sensorthings.model import Entity
from services.api.city.sensorthings.properties import placed_at, property_of
from services.api.city.sensorthings.rows import Row, View, stream_id


def select_columns(view: View, entity: Entity, row: Row) -> list[Any]:
    """Return the columns of an entity; `device`, `number` and `kind` are the keys by which links are followed."""
    if entity is Entity.SENSOR:
        named: dict[str, Any] = {"id": property_of(view, entity, row, ("id",)).sql, "kind": row.kind}  # type: ignore[union-attr]
    elif entity is Entity.OBSERVED_PROPERTY:
        named = {"id": row.number, "number": row.number}
    else:
        named = _of_device(view, entity, row)
    return [column.label(name) for name, column in named.items()]


def _of_device(view: View, entity: Entity, row: Row) -> dict[str, Any]:
    device = row.device
    named: dict[str, Any] = {"id": device.id, "device": device.id, "kind": device.kind}
    if entity is Entity.HISTORICAL_LOCATION:
        return {**named, "time": placed_at(row)}
    named |= {"code": device.code, "name": device.name}
    if entity is Entity.DATASTREAM:
        return {
            **named, "id": stream_id(row), "number": row.number, "lon": device.lon, "lat": device.lat,
            "known_since": device.created_at,
        }  # fmt: skip
    named |= {"address": device.address, "lon": device.lon, "lat": device.lat, "known_since": device.created_at}
    if entity is not Entity.THING:
        return named
    named |= {
        "form": device.form, "area": device.area, "area_name": row.area.name, "site": row.site.id,
        "site_name": row.site.name, "status": view.status(row), "last_seen": row.state.last_seen,
        "source_datum": device.source_datum, "expected_interval_s": device.expected_interval_s,
    }  # fmt: skip
    if row.shows_people:
        named |= {"owner": device.owner, "maintainer": device.maintainer, "attributes": device.attributes}
    return named
