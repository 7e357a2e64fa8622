"""Devices as GeoJSON for maps and GIS: longitude, latitude, WGS 84."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Header, Query
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from services.api.registry.devices import parse_bbox
from services.api.registry.documents import newest, select_devices, status_of
from services.api.request import tables
from services.api.request.answers import encode
from services.api.request.auth import KEY_BY_BASIC, Watcher
from services.api.request.database import Row
from services.api.request.described import described
from services.api.request.fields import AreaFilter
from services.api.request.state import Here
from services.core import water
from services.core.rules.overrides import READ_OVERRIDES, book_of
from services.core.rules.parameters import ParameterBook
from services.core.topics import Kind

router = APIRouter(prefix="/geo", tags=["map"], dependencies=[KEY_BY_BASIC])
_device, _state, _alarm = tables.device.c, tables.device_state.c, tables.alarm.c
_SEVERITIES = sa.literal_column("(array['critical','major','minor','info'])", sa.ARRAY(sa.Text))
MOST = 50_000


class Feature(BaseModel):
    """A device on the map."""

    type: Literal["Feature"]
    id: int
    geometry: dict[str, Any]
    properties: dict[str, Any]


class FeatureCollection(BaseModel):
    """Every device that has a place. `bbox` is left out where there is none."""

    type: Literal["FeatureCollection"]
    bbox: list[float] = []
    features: list[Feature]


class GeoJson(JSONResponse):
    """Features that are JSON already."""

    media_type = "application/geo+json"

    def render(self, content: bytes) -> bytes:
        """Return the bytes as they are."""
        return content


_ANSWERS = described(FeatureCollection) | {304: {"description": "It is what If-None-Match names"}}


@router.get("/devices.geojson", responses=_ANSWERS, response_class=GeoJson)
async def devices_geojson(
    *,
    here: Here,
    who: Watcher,
    kind: Kind | None = None,
    area: AreaFilter = None,
    bbox: Annotated[str | None, Query(max_length=200, description="west,south,east,north")] = None,
    brief: Annotated[bool, Query(description="only what a map draws: no values, no judgement of water")] = False,
    known: Annotated[str | None, Header(alias="If-None-Match", max_length=2000)] = None,
) -> Response:
    """Return every device that has a place, with its status, worst open alarm, newest water and whether it is usable.

    `usable` is null where it is not known, and for what is no water source. The ETag is of the content.
    """
    now = here.clock.now()
    worst = (
        sa.select(
            _alarm.device_id,
            sa.func.min(sa.func.array_position(_SEVERITIES, _alarm.severity)).label("rank"),
            sa.func.array_agg(_alarm.code.distinct()).filter(_alarm.cleared_at.is_(None)).label("standing"),
        )
        .where(_alarm.state != "closed")
        .group_by(_alarm.device_id)
        .subquery()
    )
    severity = _SEVERITIES[worst.c.rank]
    if brief:
        statement = sa.select(_drawn(now, severity).label("feature")).outerjoin(
            tables.device_state, _state.device_id == _device.id
        )
    else:
        statement = select_devices(now, who.scope).add_columns(severity.label("severity"), worst.c.standing)
    statement = (
        statement.outerjoin(worst, worst.c.device_id == _device.id)
        .where(_device.lon.is_not(None), who.scope.clause(_device.area))
        .order_by(worst.c.rank.nulls_last(), _device.id)  # whatever the limit, no fire is left out
        .limit(MOST)
    )
    if kind is not None:
        statement = statement.where(_device.kind == kind)
    if area is not None:
        statement = statement.where(_device.area.startswith(area))
    if box := parse_bbox(bbox):
        statement = statement.where(_device.lon.between(box[0], box[2]), _device.lat.between(box[1], box[3]))
    if brief:
        joined = sa.select(sa.func.string_agg(statement.subquery().c.feature, ",").label("all"))
        text = (await here.database.rows(joined))[0]["all"] or ""
        body = f'{{"type":"FeatureCollection","features":[{text}]}}'.encode()
    else:
        rows = await here.database.rows(statement)
        book = book_of(await here.database.rows(READ_OVERRIDES))
        body = await asyncio.to_thread(_whole, rows, now, book)  # 10 000 rows must not hold the loop
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    tags = [tag.strip().removeprefix("W/") for tag in (known or "").split(",")]
    if etag in tags or "*" in tags:
        return Response(status_code=304, headers=headers)
    return GeoJson(body, headers=headers)


def _drawn(now: datetime, severity: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Return a device as GeoJSON text, written by the database: 10 000 need not pass through Python."""
    built = sa.func.json_build_object
    properties = built(
        "code", _device.code, "kind", _device.kind, "name", _device.name, "area", _device.area, "form", _device.form,
        "status", status_of(now), "alarm", severity,
    )  # fmt: skip
    point = built("type", "Point", "coordinates", sa.func.json_build_array(_device.lon, _device.lat))
    return sa.cast(built("type", "Feature", "id", _device.id, "geometry", point, "properties", properties), sa.Text)


def _whole(rows: Sequence[Row], now: datetime, book: ParameterBook) -> bytes:
    lons, lats = [row["lon"] for row in rows], [row["lat"] for row in rows]
    box = {"bbox": [min(lons), min(lats), max(lons), max(lats)]} if rows else {}
    return encode({"type": "FeatureCollection", **box, "features": [_feature(row, now, book) for row in rows]})


def _feature(row: Row, now: datetime, book: ParameterBook) -> dict[str, Any]:
    values = {name: entry["value"] for name, entry in newest(row).items() if isinstance(entry["value"], int | float)}
    usable, level_pct = None, None
    if row["kind"] in water.MAIN_FIELDS:
        usable = water.judge(row, values, now, row["standing"] or (), book).usable
        level_pct = water.shown_level_pct(row["limits"], values)
    properties = {name: row[name] for name in ("code", "kind", "name", "area", "form", "status", "last_seen")} | {
        "alarm": row["severity"],
        "severity": row["severity"],
        "pressure_mpa": values.get("pressure_mpa"),
        "flow_lps": values.get("flow_lps"),
        "level_pct": level_pct,
        "level_m": values.get("level_m"),
        "usable": usable,
    }
    point = {"type": "Point", "coordinates": [row["lon"], row["lat"]]}
    return {"type": "Feature", "id": row["id"], "geometry": point, "properties": properties}
