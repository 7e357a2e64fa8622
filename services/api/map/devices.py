"""Devices as GeoJSON for maps and GIS: longitude, latitude, WGS 84."""

from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from services.api.registry.documents import status_of
from services.api.request import tables
from services.api.request.auth import KEY_BY_BASIC, Watcher
from services.api.request.described import described
from services.api.request.fields import AreaFilter
from services.api.request.state import Here
from services.core.topics import Kind

router = APIRouter(prefix="/geo", tags=["map"], dependencies=[KEY_BY_BASIC])
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


class GeoJson(JSONResponse):
    """Features that are text already."""

    media_type = "application/geo+json"

    def render(self, content: str) -> bytes:
        """Return the text as it is."""
        return content.encode()


@router.get("/devices.geojson", responses=described(FeatureCollection), response_class=GeoJson)
async def devices_geojson(here: Here, who: Watcher, kind: Kind | None = None, area: AreaFilter = None) -> Response:
    """Return every device that has a place, with its status and worst open alarm."""
    severities = sa.literal_column("(array['critical','major','minor','info'])", sa.ARRAY(sa.Text))
    rank = sa.func.min(sa.func.array_position(severities, _alarm.severity))
    worst = (
        sa.select(_alarm.device_id, rank.label("rank"))
        .where(_alarm.state != "closed")
        .group_by(_alarm.device_id)
        .subquery()
    )
    statement = (
        sa.select(_feature(here.clock.now(), severities[worst.c.rank]).label("feature"))
        .outerjoin(tables.device_state, _state.device_id == _device.id)
        .outerjoin(worst, worst.c.device_id == _device.id)
        .where(_device.lon.is_not(None), who.scope.clause(_device.area))
        .order_by(worst.c.rank.nulls_last())  # whatever the limit, no fire is left out
        .limit(MOST)
    )
    if kind is not None:
        statement = statement.where(_device.kind == kind)
    if area is not None:
        statement = statement.where(_device.area.startswith(area))
    written = await here.database.rows(sa.select(sa.func.string_agg(statement.subquery().c.feature, ",").label("all")))
    body = f'{{"type":"FeatureCollection","features":[{written[0]["all"] or ""}]}}'
    return GeoJson(body)


def _feature(now: datetime, severity: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Return a device as GeoJSON text, written by the database: 10 000 need not pass through Python."""
    built = sa.func.json_build_object
    properties = built(
        "code", _device.code, "kind", _device.kind, "name", _device.name, "area", _device.area, "form", _device.form,
        "status", status_of(now), "alarm", severity,
    )  # fmt: skip
    point = built("type", "Point", "coordinates", sa.func.json_build_array(_device.lon, _device.lat))
    return sa.cast(built("type", "Feature", "id", _device.id, "geometry", point, "properties", properties), sa.Text)
