"""Devices as GeoJSON for maps and GIS: longitude, latitude, WGS 84."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from services.api.registry.devices import parse_bbox
from services.api.registry.documents import newest, select_devices, status_of
from services.api.request import tables
from services.api.request.address import root_of
from services.api.request.answers import encode
from services.api.request.auth import KEY_BY_BASIC, Watcher
from services.api.request.database import Reads, Row
from services.api.request.described import described
from services.api.request.fields import AreaFilter, Flag
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
    """Every device that has a place. `bbox` is left out where there is none.

    `numberMatched` and `numberReturned` stand only in an answer that does not hold all of them.
    """

    type: Literal["FeatureCollection"]
    number_matched: int | None = Field(None, alias="numberMatched", examples=[None])
    number_returned: int | None = Field(None, alias="numberReturned", examples=[None])
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
    request: Request,
    here: Here,
    who: Watcher,
    kind: Kind | None = None,
    area: AreaFilter = None,
    bbox: Annotated[str | None, Query(max_length=200, description="west,south,east,north")] = None,
    brief: Annotated[Flag, Query(description="only what a map draws: no values, no judgement of water")] = False,
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
    wanted = [_device.lon.is_not(None), who.scope.clause(_device.area)]
    if kind is not None:
        wanted.append(_device.kind == kind)
    if area is not None:
        wanted.append(_device.area.startswith(area))
    if box := parse_bbox(bbox):
        wanted += [_device.lon.between(box[0], box[2]), _device.lat.between(box[1], box[3])]
    statement = (
        statement.outerjoin(worst, worst.c.device_id == _device.id)
        .where(*wanted)
        .order_by(worst.c.rank.nulls_last(), _device.id)  # whatever the limit, no fire is left out
        .limit(MOST)
    )
    if brief:
        joined = statement.subquery().c.feature
        found = await here.database.rows(
            sa.select(sa.func.string_agg(joined, ",").label("all"), sa.func.count(joined).label("n"))
        )
        text, returned = found[0]["all"] or "", found[0]["n"]
        counted = await _counted(here.database, wanted, returned)
        body = encode({"type": "FeatureCollection", **counted})[:-1] + f',"features":[{text}]}}'.encode()
    else:
        rows = await here.database.rows(statement)
        counted = await _counted(here.database, wanted, len(rows))
        book = book_of(await here.database.rows(READ_OVERRIDES))
        body = await asyncio.to_thread(_whole, rows, now, book, counted)  # 10 000 rows must not hold the loop
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if counted:  # all of them come page by page from there
        items = f"{root_of(request)}/ogc/collections/devices/items"
        headers["Link"] = f'<{items}>; rel="alternate"; type="application/geo+json"'
    tags = [tag.strip().removeprefix("W/") for tag in (known or "").split(",")]
    if etag in tags or "*" in tags:
        return Response(status_code=304, headers=headers)
    return GeoJson(body, headers=headers)


async def _counted(reads: Reads, wanted: Sequence[sa.ColumnElement[bool]], returned: int) -> dict[str, int]:
    """Return how many there are beside how many are answered, where that is not the same number."""
    if returned < MOST:
        return {}
    rows = await reads.rows(sa.select(sa.func.count().label("n")).select_from(tables.device).where(*wanted))
    matched = rows[0]["n"]
    return {"numberMatched": matched, "numberReturned": returned} if matched > returned else {}


def _drawn(now: datetime, severity: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Return a device as GeoJSON text, written by the database: 10 000 need not pass through Python."""
    built = sa.func.json_build_object
    properties = built(
        "code", _device.code, "kind", _device.kind, "name", _device.name, "area", _device.area, "form", _device.form,
        "status", status_of(now), "alarm", severity,
    )  # fmt: skip
    point = built("type", "Point", "coordinates", sa.func.json_build_array(_device.lon, _device.lat))
    return sa.cast(built("type", "Feature", "id", _device.id, "geometry", point, "properties", properties), sa.Text)


def _whole(rows: Sequence[Row], now: datetime, book: ParameterBook, counted: dict[str, int]) -> bytes:
    lons, lats = [row["lon"] for row in rows], [row["lat"] for row in rows]
    box = {"bbox": [min(lons), min(lats), max(lons), max(lats)]} if rows else {}
    features = [_feature(row, now, book) for row in rows]
    return encode({"type": "FeatureCollection", **counted, **box, "features": features})


def _feature(row: Row, now: datetime, book: ParameterBook) -> dict[str, Any]:
    values = {name: entry["value"] for name, entry in newest(row).items() if isinstance(entry["value"], int | float)}
    usable, level_pct, level_m = None, None, values.get("level_m")
    if row["kind"] in water.MAIN_FIELDS:
        usable = water.judge(row, values, now, row["standing"] or (), book).usable
        level_pct = water.shown_level_pct(row, values, now)
        level_m = water.newer_level(row, values, now).get("level_m")
    properties = {name: row[name] for name in ("code", "kind", "name", "area", "form", "status", "last_seen")} | {
        "alarm": row["severity"],
        "severity": row["severity"],
        "pressure_mpa": values.get("pressure_mpa"),
        "flow_lps": values.get("flow_lps"),
        "level_pct": level_pct,
        "level_m": level_m,
        "usable": usable,
    }
    point = {"type": "Point", "coordinates": [row["lon"], row["lat"]]}
    return {"type": "Feature", "id": row["id"], "geometry": point, "properties": properties}
