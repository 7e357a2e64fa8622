"""Where water is now: the nearest sources with live pressure or level, and why one is not usable."""

from collections.abc import Mapping
from datetime import datetime
from math import atan2, cos, degrees, radians, sin
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.registry.documents import newest, select_devices
from services.api.registry.models import Location
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.database import Reads
from services.api.request.described import described
from services.api.request.fields import Flag
from services.api.request.paging import MAX_LIMIT
from services.api.request.roles import Who
from services.api.request.state import Here
from services.core import water
from services.core.rules.overrides import READ_OVERRIDES, book_of
from services.core.rules.parameters import ParameterBook
from services.core.rules.profile import DeviceProfile

router = APIRouter(prefix="/api/v1", tags=["water"])
_device = tables.device.c
_EARTH_M = 6_371_000.0
_BOXES_DEG = (0.01, 0.04, 0.16, 0.64, 180.0)
_AT_ONCE = 200
"""Sources of one read where only usable ones are asked for: a burst main puts out every one around it."""


class ReasonShown(BaseModel):
    """Why a source is not usable, or why that is not known."""

    code: str = Field(examples=["low_pressure"])
    text: str
    text_en: str


class WaterSource(BaseModel):
    """A hydrant, pool, tank or natural source, and what it can give now."""

    code: str
    kind: str
    name: str
    area: str
    form: str | None
    address: str
    location: Location
    distance_m: float
    bearing_deg: float = Field(description="from the point asked for, clockwise from north")
    status: str
    pressure_mpa: float | None
    flow_lps: float | None
    level_pct: float | None = Field(description="as sent, or worked out from level_m and the limit level_m_full")
    level_m: float | None
    value_at: str | None
    age_s: float | None
    stale_after_s: float = Field(description="from this age on, the value no longer says whether there is water")
    usable: bool | None = Field(description="null: not known; the reasons say what is missing")
    reasons: list[ReasonShown]
    inspected_at: str | None = Field(description="when somebody last looked at it; null: never")


class WaterSources(BaseModel):
    """Sources by distance."""

    items: list[WaterSource]
    next: None = None


@router.get("/water-sources/nearest", responses=described(WaterSources))
async def nearest_water_sources(
    *,
    here: Here,
    who: Reader,
    lon: Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False, examples=[111.0911])],
    lat: Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False, examples=[39.0202])],
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 10,
    usable: Annotated[Flag, Query(description="only usable ones")] = False,
) -> Response:
    """List water sources by distance from a point (WGS 84), with live values and why one is not usable."""
    items = await near(here.database, who, lon=lon, lat=lat, limit=limit, now=here.clock.now(), usable=usable)
    return answer({"items": items, "next": None})


async def near(
    reads: Reads, who: Who, *, lon: float, lat: float, limit: int, now: datetime, usable: bool = False
) -> list[dict[str, Any]]:
    """Return the nearest sources; looks in a small box first and in larger ones until there are enough."""
    found: list[dict[str, Any]] = []
    book = book_of(await reads.rows(READ_OVERRIDES))
    part = max(limit, _AT_ONCE) if usable else limit
    for box in _BOXES_DEG:
        width = min(180.0, box / max(0.01, cos(radians(lat)))) if box < 180 else 360.0  # the last one is the globe
        statement = _select(who, lon, lat, width=width, height=box, now=now).limit(part)
        found, read, is_end = [], 0, False
        while len(found) < limit and not is_end:
            rows = await reads.rows(statement.offset(read))
            sources = [_source(row, lon, lat, now, book) for row in rows]
            found += [source for source in sources if source["usable"] is True or not usable]
            read, is_end = read + part, len(rows) < part
        # the corners of a box are farther than its sides: what lies beyond may be nearer than a corner
        safe_m = radians(box) * _EARTH_M if box < 180 else float("inf")
        if len([source for source in found if source["distance_m"] <= safe_m]) >= limit:
            break
    return found[:limit]


def _select(who: Who, lon: float, lat: float, *, width: float, height: float, now: datetime) -> "sa.Select[Any]":
    half_lat = sa.func.sin(sa.func.radians(_device.lat - lat) / 2)
    half_lon = sa.func.sin(sa.func.radians(_device.lon - lon) / 2)
    chord = half_lat * half_lat + cos(radians(lat)) * sa.func.cos(sa.func.radians(_device.lat)) * half_lon * half_lon
    distance = 2 * _EARTH_M * sa.func.asin(sa.func.least(1.0, sa.func.sqrt(chord)))
    alarm = tables.alarm.c
    codes = (
        sa.select(sa.func.array_agg(alarm.code.distinct()))
        .where(alarm.device_id == _device.id, alarm.state != "closed", alarm.cleared_at.is_(None))
        .scalar_subquery()
    )
    inspection = tables.inspection.c
    inspected = (
        sa.select(sa.func.max(inspection.inspected_at)).where(inspection.device_id == _device.id).scalar_subquery()
    )
    return (
        select_devices(now)
        .add_columns(distance.label("distance_m"), codes.label("alarms"), inspected.label("inspected_at"))
        .where(
            _device.kind.in_(("hydrant", "water")),
            _device.lon.between(lon - width, lon + width),
            _device.lat.between(lat - height, lat + height),
            who.scope.clause(_device.area),
        )
        .order_by(sa.text("distance_m"), _device.code)
    )


def _bearing(lon: float, lat: float, to_lon: float, to_lat: float) -> float:
    here, there, turn = radians(lat), radians(to_lat), radians(to_lon - lon)
    east = sin(turn) * cos(there)
    north = cos(here) * sin(there) - sin(here) * cos(there) * cos(turn)
    return round(degrees(atan2(east, north)) % 360, 1)


def _source(row: Mapping[str, Any], lon: float, lat: float, now: datetime, book: ParameterBook) -> dict[str, Any]:
    state = newest(row)
    values = {name: entry["value"] for name, entry in state.items() if isinstance(entry["value"], int | float)}
    judged, name = water.newer_level(row, values, now), water.main_field(row, values, now)
    at = None if name is None else state[name]["ts"]
    verdict = water.judge(row, values, now, row["alarms"] or (), book)
    return {
        "code": row["code"], "kind": row["kind"], "name": row["name"], "area": row["area"], "form": row["form"],
        "address": row["address"], "location": {"lon": row["lon"], "lat": row["lat"]},
        "distance_m": round(row["distance_m"], 1), "bearing_deg": _bearing(lon, lat, row["lon"], row["lat"]),
        "status": row["status"],
        **{name: judged.get(name) for name in ("pressure_mpa", "flow_lps", "level_m")},
        "level_pct": water.shown_level_pct(row, values, now),
        "value_at": at, "age_s": water.age_s(row, values, now),
        "stale_after_s": DeviceProfile.of(row).late_after.total_seconds(), "usable": verdict.usable,
        "reasons": [reason._asdict() for reason in verdict.reasons],
        "inspected_at": row["inspected_at"],
    }  # fmt: skip
