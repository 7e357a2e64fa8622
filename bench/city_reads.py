"""What a platform asks SensorThings and OGC API Features for, and how long it takes.

Called by `bench.city`. Promises: an answer counts when its last byte is here, and a refused one ends the measurement.
"""

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx2

from bench.alarm import percentile
from bench.system import BenchFailed

ROOT = "/sta/v1.1"
TIMES = 60
NEWEST = "Datastreams($expand=Observations($top=1;$orderby=phenomenonTime desc))"
LEAST_PER_S, WORST_PAGE_MS = 20_000, 200.0
LONGEST_S = 180.0  # a day of 1 000 devices is 2.3 million observations, read in two minutes at the rate wanted


async def measure(client: httpx2.AsyncClient, charted: Sequence[str], day: datetime) -> list[dict[str, Any]]:
    """Measure every read; the first one of each is not counted. `charted` have readings of `day`."""
    choose = random.Random(1).choice
    streams = await _pressures(client, charted)
    newest = [
        await _timed(
            client, f"Datastreams({choose(streams)})/Observations", {"$orderby": "phenomenonTime desc", "$top": 100}
        )
        for _ in range(TIMES + 1)
    ]
    whole = [
        await _timed(client, "Things", {"$top": 100, "$expand": f"Locations,{NEWEST}", "$skip": 100 * turn})
        for turn in range(TIMES // 2 + 1)
    ]
    counted = [await _timed(client, "Datastreams", {"$top": 0, "$count": "true"}) for _ in range(TIMES // 4 + 1)]
    hydrants = await _follow(client, "/ogc/collections/hydrants/items", {"limit": 1000})
    return [
        _figures("Datastreams(n)/Observations?$orderby=phenomenonTime desc&$top=100", 30, newest),
        _figures("Things?$top=100&$expand=Locations,Datastreams($expand=Observations(newest))", 150, whole),
        _figures("Datastreams?$top=0&$count=true", None, counted),
        _figures("/ogc/collections/hydrants/items?limit=1000, page after page", 80, hydrants),
        await _drain(client, day),
    ]


async def _pressures(client: httpx2.AsyncClient, charted: Sequence[str]) -> list[int]:
    """Return the streams of pressure of some of the devices."""
    names = ",".join(f"'{code}:pressure_mpa'" for code in charted[:200])
    _, body = await _ask(client, f"{ROOT}/Datastreams", {"$filter": f"name in ({names})", "$top": 1000})
    return [one["@iot.id"] for one in body["value"]]


async def _follow(client: httpx2.AsyncClient, path: str, params: dict[str, Any]) -> list[float]:
    """Read a collection of features by its links, from the beginning again where it ends; the last page is shorter."""
    spent: list[float] = []
    link: str | None = None
    while len(spent) <= TIMES // 2:
        took_ms, body = await _ask(client, link or path, None if link else params)
        spent.append(took_ms)
        link = next((one["href"] for one in body["links"] if one["rel"] == "next"), None)
    return spent


async def _drain(client: httpx2.AsyncClient, day: datetime) -> dict[str, Any]:
    """Read the observations of a day, page by page, to the end or for `LONGEST_S`."""
    end = day + timedelta(days=1)
    span = f"phenomenonTime ge {day:%Y-%m-%dT%H:%M:%SZ} and phenomenonTime lt {end:%Y-%m-%dT%H:%M:%SZ}"
    await _ask(client, f"{ROOT}/Observations", {"$filter": span, "$top": 1000})
    began, spent, items = time.perf_counter(), [], 0
    link: str | None = f"{ROOT}/Observations"
    params: dict[str, Any] | None = {"$filter": span, "$top": 1000}
    while link is not None and time.perf_counter() - began < LONGEST_S:
        took_ms, body = await _ask(client, link, params)
        spent.append(took_ms)
        items += len(body["value"])
        link, params = body.get("@iot.nextLink"), None
    rate = items / (time.perf_counter() - began)
    figures = _figures(f"Observations of a day, {items:,} in {len(spent)} pages of 1000", None, [0.0, *spent])
    missed = rate < LEAST_PER_S or figures["worst_ms"] > WORST_PAGE_MS
    return figures | {"items_per_s": round(rate), "to_the_end": link is None, "missed": missed}


async def _timed(client: httpx2.AsyncClient, path: str, params: dict[str, Any]) -> float:
    spent_ms, _ = await _ask(client, f"{ROOT}/{path}", params)
    return spent_ms


async def _ask(client: httpx2.AsyncClient, path: str, params: dict[str, Any] | None) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = await client.get(path, params=params)
    spent_ms = (time.perf_counter() - began) * 1000
    if answer.status_code != 200:
        raise BenchFailed(f"{path} answered {answer.status_code}: {answer.text[:200]}")
    return spent_ms, answer.json()


def _figures(what: str, target_ms: float | None, took: Sequence[float]) -> dict[str, Any]:
    spent = sorted(took[1:])
    parts = {f"p{part}_ms": round(percentile(spent, part / 100), 1) for part in (50, 95)}
    missed = target_ms is not None and parts["p95_ms"] > target_ms
    return {
        "what": what, "target_p95_ms": target_ms, "times": len(spent), **parts, "worst_ms": round(spent[-1], 1),
        "missed": missed,
    }  # fmt: skip
