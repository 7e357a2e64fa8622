"""Devices as GeoJSON for maps and GIS: longitude, latitude, WGS 84."""

from typing import Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from services.api import tables
from services.api.answers import AreaFilter, described, encode
from services.api.auth import Reader
from services.api.device_rows import status_of
from services.api.state import Here
from services.core.topics import Kind

router = APIRouter(prefix="/geo", tags=["map"])
_device, _state, _alarm = tables.device.c, tables.device_state.c, tables.alarm.c
MOST = 50_000


class Feature(BaseModel):
    """A device on the map."""

    type: Literal["Feature"]
    id: int
    geometry: dict[str, Any]
    properties: dict[str, Any]


class FeatureCollection(BaseModel):
    """Every device that has a place."""

    type: Literal["FeatureCollection"]
    features: list[Feature]


@router.get(
    "/devices.geojson",
    responses={
        200: {"content": {"application/geo+json": {"schema": {"$ref": "#/components/schemas/FeatureCollection"}}}},
        **{code: text for code, text in described(FeatureCollection).items() if code != 200},
    },
    response_class=Response,
)
async def devices_geojson(here: Here, who: Reader, kind: Kind | None = None, area: AreaFilter = None) -> Response:
    """Return every device that has a place, with its status and worst open alarm."""
    rank = sa.func.min(
        sa.func.array_position(sa.literal_column("array['critical','major','minor','info']"), _alarm.severity)
    )
    worst = (
        sa.select(_alarm.device_id, rank.label("rank"))
        .where(_alarm.state != "closed")
        .group_by(_alarm.device_id)
        .subquery()
    )
    statement = (
        sa.select(
            _device.id, _device.code, _device.kind, _device.name, _device.area, _device.form, _device.lon, _device.lat,
            status_of(here.clock.now()).label("status"), worst.c.rank,
        )
        .outerjoin(tables.device_state, _state.device_id == _device.id)
        .outerjoin(worst, worst.c.device_id == _device.id)
        .where(_device.lon.is_not(None), who.scope.clause(_device.area))
        .limit(MOST)
    )  # fmt: skip
    if kind is not None:
        statement = statement.where(_device.kind == kind)
    if area is not None:
        statement = statement.where(_device.area.startswith(area))
    severities = (None, "critical", "major", "minor", "info")
    features = [
        {
            "type": "Feature",
            "id": row["id"],
            "geometry": {"type": "Point", "coordinates": (row["lon"], row["lat"])},
            "properties": {
                "code": row["code"], "kind": row["kind"], "name": row["name"], "area": row["area"],
                "form": row["form"], "status": row["status"], "alarm": severities[row["rank"] or 0],
            },
        }
        for row in await here.database.rows(statement)
    ]  # fmt: skip
    return Response(encode({"type": "FeatureCollection", "features": features}), media_type="application/geo+json")
