"""Asks the API for what screens ask for, and says how long it took.

Called by `bench.api`. Promises: an answer counts when its last byte is here, and a refused one ends the measurement.
"""

import random
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from bench.alarm import percentile
from bench.system import BenchFailed

BUCKETS = 500


async def measure_reads(client: httpx2.AsyncClient, charted: Sequence[str], days: int) -> list[dict[str, Any]]:
    """Measure every read; the first one of each is not counted."""
    device = random.Random(1).choice
    now = datetime.now(UTC)
    chart = {
        "from": (now - timedelta(days=days)).isoformat(), "to": now.isoformat(), "bucket": days * 86_400 // BUCKETS,
        "limit": 1000,
    }  # fmt: skip
    near = {"lon": 111.1, "lat": 38.9, "limit": 10}

    async def lists() -> AsyncIterator[float]:
        cursor: str | None = None
        for _ in range(41):
            spent_ms, body = await _ask(
                client, "/api/v1/devices", {"limit": 1000} | ({"cursor": cursor} if cursor else {})
            )
            cursor = body["next"]
            yield spent_ms

    async def repeated(times: int, path: str, params: dict[str, Any]) -> AsyncIterator[float]:
        for _ in range(times + 1):
            spent_ms, _ = await _ask(client, path, params)
            yield spent_ms

    async def charts() -> AsyncIterator[float]:
        for _ in range(61):
            spent_ms, _ = await _ask(client, f"/api/v1/devices/{device(charted)}/readings", chart)
            yield spent_ms

    return [
        await _figures("GET /api/v1/devices?limit=1000, page after page", 100, lists()),
        await _figures("GET /geo/devices.geojson", 500, repeated(20, "/geo/devices.geojson", {})),
        await _figures(f"{days} days of readings in {BUCKETS} buckets, another device each time", 100, charts()),
        await _figures("GET /api/v1/water-sources/nearest", None, repeated(40, "/api/v1/water-sources/nearest", near)),
        await _figures("GET /api/v1/alarms?limit=100", None, repeated(40, "/api/v1/alarms", {"limit": 100})),
    ]


async def _ask(client: httpx2.AsyncClient, path: str, params: dict[str, Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = await client.get(path, params=params)
    spent_ms = (time.perf_counter() - began) * 1000
    if answer.status_code != 200:
        raise BenchFailed(f"{path} answered {answer.status_code}: {answer.text[:200]}")
    return spent_ms, answer.json()


async def _figures(what: str, target_ms: float | None, took: AsyncIterator[float]) -> dict[str, Any]:
    spent = sorted([spent_ms async for spent_ms in took][1:])
    parts = {f"p{part}_ms": round(percentile(spent, part / 100), 1) for part in (50, 95)}
    return {"what": what, "target_p95_ms": target_ms, "times": len(spent), **parts, "worst_ms": round(spent[-1], 1)}
