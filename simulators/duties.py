"""Grids of the county seat with the people who look after them, and one inspection that found something.

Called by `simulators.main` once the fleet is registered, so that a newcomer sees whose duty is what. Promises: made
once; grids that somebody changed are left alone; an API that is away costs the grids, never the simulation.
"""

from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx2

from services.core.log import logger
from services.core.text import describe_error
from services.core.topics import Kind
from simulators.places import TOWNSHIPS, code_of
from simulators.registry import Registry

log = logger(__name__)

_SEAT = TOWNSHIPS[0]
_REACH_DEG = 0.03  # from the middle to the edge: further than its devices are spread
_QUARTERS = (("nw", "西北", -1, 1), ("ne", "东北", 0, 1), ("sw", "西南", -1, 0), ("se", "东南", 0, 0))
_INSPECTED = code_of(Kind.HYDRANT, 1)
_REQUEST = str(uuid5(NAMESPACE_URL, "firetower:simulated-inspection"))


def grids() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the four quarters of the county seat as the HTTP API takes grids. Telephone numbers are no real ones."""
    for number, (side, name, east, north) in enumerate(_QUARTERS, 1):
        west, south = _SEAT.lon + east * _REACH_DEG, _SEAT.lat + (north - 1) * _REACH_DEG
        corners = [
            (west, south),
            (west + _REACH_DEG, south),
            (west + _REACH_DEG, south + _REACH_DEG),
            (west, south + _REACH_DEG),
        ]
        ring = [[round(lon, 6), round(lat, 6)] for lon, lat in (*corners, corners[0])]
        people = [{"name": f"模拟网格员{number}", "role": "网格员", "phone": f"000-{number + 9_000_000:07d}"}]
        body = {"name": f"{_SEAT.name}{name}网格", "area": _SEAT.code, "people": people}
        yield f"sim-{side}", body | {"polygon": {"type": "Polygon", "coordinates": [ring]}}


def inspection() -> dict[str, Any]:
    """Return an inspection of the first hydrant, which cannot be reached: that becomes a hazard."""
    answers = [{"item": "reachable", "ok": False, "note": "被车辆遮挡（模拟）"}]
    answers += [{"item": item, "ok": True, "note": ""} for item in ("intact", "opens", "flows")]
    return {"request_id": _REQUEST, "device": _INSPECTED, "answers": answers, "note": "模拟巡查 simulated"}


async def register_duties(registry: Registry) -> None:
    """Make the grids that are missing; with the first of them, the inspection."""
    try:
        known = await registry.known_grids()
        missing = [(grid_id, body) for grid_id, body in grids() if grid_id not in known]
        for grid_id, body in missing:
            await registry.put_grid(grid_id, body)
        if len(missing) == len(_QUARTERS):
            await registry.add_inspection(inspection())
    except httpx2.HTTPError as error:
        log.warning("duties_not_registered", error=describe_error(error))
