"""Where water is now: the nearest sources with live pressure or level, and why one is not usable."""

from collections.abc import Mapping
from datetime import datetime
from math import atan2, cos, degrees, radians, sin
from typing import Annotated, Any, NamedTuple

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api import tables
from services.api.answers import MAX_LIMIT, answer, described
from services.api.auth import Reader
from services.api.database import Reads
from services.api.device_model import Location
from services.api.device_rows import newest, select_devices
from services.api.roles import Who
from services.api.state import Here
from services.core.device_bounds import own_limit

router = APIRouter(prefix="/api/v1", tags=["water"])
_device = tables.device.c
_EARTH_M = 6_371_000.0
_BOXES_DEG = (0.01, 0.04, 0.16, 0.64, 180.0)


# Contract 8: hydrant_pressure_low, water_level_low, hydrant_freezing, hydrant_in_use, and the rule of lateness.
_STATIC_MPA, _FLOWING_MPA = 0.14, 0.10
_LEVEL_PCT_LOW = 30.0
_FROZEN_C = 2.0
_TILT_DEG = 15.0
_IN_USE_LPS = 0.5
_STALE_S, _STALE_SLEEPY_S = 600.0, 25 * 3600.0


class Reason(NamedTuple):
    """Why a source is not usable."""

    code: str
    text: str
    text_en: str


class ReasonShown(BaseModel):
    """Why a source is not usable."""

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
    level_pct: float | None
    level_m: float | None
    value_at: str | None
    age_s: float | None
    usable: bool
    reasons: list[ReasonShown]


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
    usable: Annotated[bool, Query(description="only usable ones")] = False,
) -> Response:
    """List water sources by distance from a point (WGS 84), with live values and why one is not usable."""
    items = await near(here.database, who, lon=lon, lat=lat, limit=limit, now=here.clock.now(), usable=usable)
    return answer({"items": items, "next": None})


async def near(
    reads: Reads, who: Who, *, lon: float, lat: float, limit: int, now: datetime, usable: bool = False
) -> list[dict[str, Any]]:
    """Return the nearest sources; looks in a small box first and in larger ones until there are enough."""
    found: list[dict[str, Any]] = []
    for box in _BOXES_DEG:
        width = min(180.0, box / max(0.01, cos(radians(lat))))
        rows = await reads.rows(
            _select(who, lon, lat, width=width, height=box, now=now).limit(limit if not usable else limit * 10)
        )
        sources = [_source(row, lon, lat, now) for row in rows]
        # the corners of a box are farther than its sides: what lies beyond may be nearer than a corner
        safe_m = radians(box) * _EARTH_M if box < 180 else float("inf")
        found = [source for source in sources if source["usable"] or not usable]
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
    return (
        select_devices(now)
        .add_columns(distance.label("distance_m"), codes.label("alarms"))
        .where(
            _device.kind.in_(("hydrant", "water")),
            _device.lon.between(lon - width, lon + width),
            _device.lat.between(lat - height, lat + height),
            who.scope.clause(_device.area),
        )
        .order_by(sa.text("distance_m"))
    )


def _bearing(lon: float, lat: float, to_lon: float, to_lat: float) -> float:
    here, there, turn = radians(lat), radians(to_lat), radians(to_lon - lon)
    east = sin(turn) * cos(there)
    north = cos(here) * sin(there) - sin(here) * cos(there) * cos(turn)
    return round(degrees(atan2(east, north)) % 360, 1)


def _source(row: Mapping[str, Any], lon: float, lat: float, now: datetime) -> dict[str, Any]:
    state = newest(row)
    main = ("pressure_mpa",) if row["kind"] == "hydrant" else ("level_pct", "level_m")
    at = max((state[name]["ts"] for name in main if name in state and state[name]["ts"] is not None), default=None)
    values = {name: entry["value"] for name, entry in state.items() if isinstance(entry["value"], int | float)}
    age_s = None if at is None else max(0.0, (now - at).total_seconds())
    reasons = unusable(row, values, age_s, row["alarms"] or ())
    return {
        "code": row["code"], "kind": row["kind"], "name": row["name"], "area": row["area"], "form": row["form"],
        "address": row["address"], "location": {"lon": row["lon"], "lat": row["lat"]},
        "distance_m": round(row["distance_m"], 1), "bearing_deg": _bearing(lon, lat, row["lon"], row["lat"]),
        "status": row["status"],
        **{name: values.get(name) for name in ("pressure_mpa", "flow_lps", "level_pct", "level_m")},
        "value_at": at, "age_s": age_s, "usable": not reasons, "reasons": [reason._asdict() for reason in reasons],
    }  # fmt: skip


def unusable(
    device: Mapping[str, Any], values: Mapping[str, Any], age_s: float | None, alarms: "list[str] | tuple[()]"
) -> list[Reason]:
    """Return every reason why the source cannot be counted on, worst first. Pure."""
    found = []
    if device["status"] == "out_of_service":
        found.append(Reason("out_of_service", "停用检修", "out of service"))
    if device["status"] == "offline" or "device_offline" in alarms:
        found.append(Reason("offline", "设备离线", "the device is offline"))
    stale_s = _STALE_SLEEPY_S if device["sleepy"] else max(_STALE_S, 2.0 * device["expected_interval_s"])
    if age_s is None:
        found.append(Reason("no_reading", "没有读数", "nothing was measured"))
    elif age_s > stale_s:
        minutes = round(age_s / 60)
        found.append(Reason("stale", f"读数已过去 {minutes} 分钟", f"the value is {minutes} min old"))
    found += _hydrant(values, alarms) if device["kind"] == "hydrant" else _level(values, device["limits"] or {}, alarms)
    return found


def _hydrant(values: Mapping[str, Any], alarms: "list[str] | tuple[()]") -> list[Reason]:
    found = []
    flow, pressure = values.get("flow_lps") or 0.0, values.get("pressure_mpa")
    drawn = flow > _IN_USE_LPS or bool(values.get("cap_open"))
    limit = _FLOWING_MPA if drawn else _STATIC_MPA
    if pressure is not None and pressure < limit:
        text = f"{pressure:g} MPa < {limit:g} MPa"
        found.append(Reason("low_pressure", f"水压低：{text}", f"low pressure: {text}"))
    elif "hydrant_pressure_low" in alarms:
        found.append(Reason("low_pressure", "水压低报警未恢复", "a low-pressure alarm stands"))
    temperature = values.get("water_temp_c")
    if "hydrant_freezing" in alarms or (temperature is not None and temperature < _FROZEN_C):
        found.append(Reason("frozen", "可能结冰", "may be frozen"))
    if "hydrant_tilt" in alarms or (values.get("tilt_deg") or 0.0) >= _TILT_DEG:
        found.append(Reason("tilt", "栓体倾斜", "it leans: hit or broken"))
    if flow > _IN_USE_LPS:
        found.append(Reason("in_use", f"正在用水 {flow:g} L/s", f"in use, {flow:g} L/s"))
    elif values.get("cap_open"):
        found.append(Reason("cap_open", "闷盖打开", "the cap is open"))
    return found


def _level(values: Mapping[str, Any], limits: Mapping[str, Any], alarms: "list[str] | tuple[()]") -> list[Reason]:
    for name, unit, limit in (
        ("level_pct", "%", _LEVEL_PCT_LOW if (own := own_limit(limits, "level_pct_low")) is None else own),
        ("level_m", "m", own_limit(limits, "level_m_low")),
    ):
        value = values.get(name)
        if value is not None and limit is not None and value < limit:
            text = f"{value:g} {unit} < {limit:g} {unit}"
            return [Reason("low_level", f"水位低：{text}", f"low level: {text}")]
    if "water_level_low" in alarms:
        return [Reason("low_level", "水位低报警未恢复", "a low-level alarm stands")]
    return []
