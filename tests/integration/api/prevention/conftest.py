"""Grids for tests: borders of squares, and how they are put, loaded and read over HTTP."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.integration.api.conftest import AREA, Client

Register = Callable[..., Awaitable[dict[str, Any]]]
Put = Callable[..., Awaitable[dict[str, Any]]]


def box(west: float, south: float = 39.0, size: float = 0.02) -> list[list[float]]:
    east, north = round(west + size, 6), round(south + size, 6)
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def square(west: float, south: float = 39.0, size: float = 0.02, *holes: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [box(west, south, size), *holes]}


def feature(grid: str | None, geometry: Any = None, **properties: Any) -> dict[str, Any]:
    named = {} if grid is None else {"id": grid}
    return {
        "type": "Feature",
        **named,
        "properties": {"name": grid} | properties,
        "geometry": geometry or square(111.0),
    }


@pytest.fixture
def put(client: Client) -> Put:
    """A function that registers or changes a grid."""

    async def make(grid: str, status: int = 201, **fields: Any) -> dict[str, Any]:
        body = {"name": grid, "polygon": square(111.0)} | fields if status == 201 else fields
        answer = await client.put(f"/api/v1/grids/{grid}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    return make


async def key_of(client: Client, visit: Callable[..., Client], role: str, area: str = AREA) -> Client:
    made = await client.post("/api/v1/api-keys", json={"name": f"{role}-{area}", "role": role, "areas": [area]})
    return visit(made.json()["key"])


async def read(client: Client, path: str) -> Any:
    answer = await client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def load(client: Client, *features: Any, status: int = 200, query: str = "") -> dict[str, Any]:
    body = {"type": "FeatureCollection", "features": list(features)}
    answer = await client.post(f"/api/v1/grids/import{query}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()
