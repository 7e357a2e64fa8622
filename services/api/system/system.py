"""How the system fares: lanes, storage, dispatch, counts, gateways, programs. Every screen asks every few seconds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.api.request.answers import answer
from services.api.request.auth import Watcher
from services.api.request.database import Reads
from services.api.request.described import described
from services.api.request.scope import Scope
from services.api.request.state import Here, State
from services.core.alarms.load import FLOOD_LOOKS_BACK, load_now
from services.core.clock import rfc3339
from services.core.statements import load_queries
from services.core.topics import Kind

router = APIRouter(prefix="/api/v1", tags=["system"])
QUERIES = load_queries(__file__)
_KEPT_S = 2.0
_LOAD_KEPT_S = 10.0
_STATUSES = ("online", "offline", "discovered", "out_of_service")


class AlarmLoad(BaseModel):
    """Whether a person can follow the alarms, after ISA-18.2 and EEMUA 191."""

    per_10min: int = Field(description="alarms opened in the last 10 minutes; about 1 is the aim")
    flood: bool = Field(description="more than 10 in 10 minutes, until fewer than 5")
    chattering: list[int] = Field(description="open ones raised 3 times or more within a minute, in the last hour")
    standing: list[int] = Field(description="active for more than 24 h, by id; 200 at most")


class System(BaseModel):
    """How the system fares. What cannot be known is left out."""

    model_config = ConfigDict(extra="allow")

    now: str
    watermark_at: str | None
    lanes: list[dict[str, Any]]
    storage: dict[str, Any]
    dispatch: dict[str, Any]
    drill_until: str | None
    test_windows: list[dict[str, Any]]
    counts: dict[str, Any]
    alarm_load: AlarmLoad
    gateways: list[dict[str, Any]]
    programs: list[dict[str, Any]]
    web_push: dict[str, Any] = Field(description="browsers told of fires while no page is open; off: no way out is set")


@router.get("/system", responses=described(System))
async def show_system(here: Here, who: Watcher) -> Response:
    """Show how the system fares."""

    async def read() -> dict[str, Any]:
        return await read_system(here, who.scope)

    kept = await here.kept.get(("system", who.scope.areas), _KEPT_S, here.clock, read)
    return answer({**kept, "now": rfc3339(here.clock.now())})


async def read_drill(reads: Reads) -> str | None:
    """Return until when a drill runs, or None."""
    rows = await reads.rows(QUERIES["drill"])
    until: str | None = rows[0]["until"] if rows else None
    return until


async def read_windows(reads: Reads, scope: Scope) -> list[dict[str, Any]]:
    """Return the test windows that are open."""
    return [dict(row) for row in await reads.rows(QUERIES["test_windows"], **scope.parameters())]


async def read_load(here: State, scope: Scope) -> dict[str, Any]:
    """Return how many alarms come, and which of those that stand say little."""
    reads, now = here.database, here.clock.now()
    parameters = scope.parameters() | {"county": scope.county}
    opened = await reads.rows(QUERIES["opened_lately"], since=now - FLOOD_LOOKS_BACK, **parameters)
    per_10min, flood = load_now((row["opened_at"] for row in opened), now)
    lists = {
        name: [row["id"] for row in await reads.rows(QUERIES[name], **parameters)]
        for name in ("chattering", "standing")
    }
    return {"per_10min": per_10min, "flood": flood, **lists}


async def read_system(here: State, scope: Scope) -> dict[str, Any]:
    """Return the body of `GET /system`."""
    reads, parameters = here.database, scope.parameters()
    lanes = [dict(row) for row in await reads.rows(QUERIES["lanes"])]
    for lane in lanes:
        lane["rate_per_s"] = round(float(lane["rate_per_s"]), 2)
    watermarks = [lane["watermark_at"] for lane in lanes if lane["watermark_at"] is not None]
    storage = dict((await reads.rows(QUERIES["storage"]))[0]) | _disk(here.settings.state_dir)
    storage["disks"] = [dict(row) for row in await reads.rows(QUERIES["disks"])]
    devices = {kind: dict.fromkeys(_STATUSES, 0) for kind in Kind}
    for row in await reads.rows(QUERIES["devices"], **parameters):
        devices[Kind(row["kind"])] = {status: row[status] for status in _STATUSES}
    alarms = dict((await reads.rows(QUERIES["alarms"], county=scope.county, **parameters))[0])
    counts: Mapping[str, Any] = {
        "devices": devices,
        "unacknowledged": alarms.pop("unacknowledged"),
        "fires_open": alarms.pop("fires_open"),
        "alarms": alarms,
        "sites": (await reads.rows(QUERIES["sites"], **parameters))[0]["sites"],
    }
    programs = [dict(row) for row in await reads.rows(QUERIES["programs"])]
    programs.append({"name": "api", "up": True, "since": here.started_at})
    drill = await read_drill(reads)
    return {
        "watermark_at": min(watermarks) if watermarks and len(watermarks) == len(lanes) else None,
        "lanes": lanes,
        "storage": storage,
        "dispatch": dict((await reads.rows(QUERIES["dispatch"]))[0]),
        "drill_until": drill,
        "test_windows": await read_windows(reads, scope),
        "counts": counts,
        "alarm_load": await here.kept.get(
            ("alarm_load", scope.areas), _LOAD_KEPT_S, here.clock, lambda: read_load(here, scope)
        ),
        "gateways": [dict(row) for row in await reads.rows(QUERIES["gateways"], **parameters)],
        "programs": programs,
        "web_push": dict((await reads.rows(QUERIES["web_push"]))[0]),
    }


def _disk(state_dir: Path) -> dict[str, int]:
    """Return the disk below the embedded database; nothing when the database lies elsewhere."""
    if not (state_dir / "postgres").is_dir():
        return {}
    usage = psutil.disk_usage(str(state_dir))
    return {"disk_total_bytes": usage.total, "disk_free_bytes": usage.free}
