"""`firetower bench ingest`: how many readings a second reach the tables, how late and at what cost.

Called by the command line and `make bench`. Counts by SQL after the last commit; every figure is of this run alone.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import uvloop

from bench.limits import copy_limit, drain_limit
from bench.load import prepare, register, run_prefix
from bench.meter import Meter
from bench.origin import origin
from bench.publisher import Load, publish
from bench.system import BenchFailed, System, own_system
from services.core.db import connect
from services.core.log import configure_log
from services.core.statements import load_queries

SQL = load_queries(__file__)
_WARMED = 20_000
QUIET_S = 20.0  # no new row for this long: the rest is lost
STORED_TARGET_PER_S, PEAK_TARGET_MB = 15_000, 400
P99_TARGET_MS, P99_UP_TO_PER_S = 150, 10_000  # flat out, what waits in the broker makes every reading late


def main(
    *,
    devices: int = 10_000,
    rate: float = 0.0,
    seconds: float = 60.0,
    json_file: Path | None = None,
    state_dir: Path | None = None,
    whole: bool = False,
    limits: bool = True,
) -> int:
    """Measure; 0 when every target was met."""
    configure_log("bench", "warning", "console")
    result = uvloop.run(
        measure(devices=devices, rate=rate or None, seconds=seconds, state_dir=state_dir, whole=whole, limits=limits)
    )
    print_result(result)
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    return 1 if result["missed"] else 0


@asynccontextmanager
async def system_for(state_dir: Path | None, *, whole: bool) -> AsyncIterator[System]:
    """The running system of `state_dir`, or one of our own."""
    if state_dir is not None:
        yield System.read(state_dir)
        return
    async with own_system("up" if whole else "stack") as system:
        yield system


async def measure(
    *, devices: int, rate: float | None, seconds: float, state_dir: Path | None, whole: bool, limits: bool
) -> dict[str, Any]:
    """Run one measurement and return everything that is known about it."""
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(system_for(state_dir, whole=whole))
        database = await connect(system.database, program="bench", statement_timeout_s=120)
        stack.push_async_callback(database.close)
        prefix = run_prefix()
        messages = prepare(devices, prefix)
        result: dict[str, Any] = {
            "what": "bench ingest",
            **origin(),
            "programs": sorted(system.processes),
            "devices": devices,
            "asked_rate": rate,
            "asked_seconds": seconds,
            "payload_bytes_mean": round(sum(len(one.packet) for one in messages) / len(messages)),
        }
        # Every device is registered first, so that this is not measured. Of very many, all but the first ones are only
        # put into the registry: ingest, alerts and API have not read them yet, as after a restart.
        await register(database, messages[_WARMED:])
        warm = await publish(system.fleet, messages, count=min(devices, _WARMED), rate=4000)
        await drained(database, prefix, warm.acknowledged)
        meter = Meter(system.processes)
        watch = asyncio.create_task(meter.watch(), name="meter")
        meter.start()
        load = await publish(system.fleet, messages, seconds=seconds, rate=rate)
        await drained(database, prefix, warm.acknowledged + load.acknowledged)
        meter.stop()
        watch.cancel()
        result |= await _judge(database, prefix, load, warm.published)
        result["processes"] = {
            name: {
                "cpu_cores": round(usage.cpu_s / result["seconds"], 3),
                "cpu_us_per_message": round(usage.cpu_s / load.published * 1e6, 1),
                "peak_mb": round(usage.peak_mb, 1),
            }
            for name, usage in meter.usage.items()
        }
        if limits:
            await _add_limits(result, database, prefix, load)
        result["missed"] = missed(result)
        return result


async def stored_of(database: asyncpg.Connection, prefix: str) -> int:
    """Return how many readings of this run are stored."""
    found: int = await database.fetchval(SQL["stored"], prefix)
    return found


async def drained(database: asyncpg.Connection, prefix: str, expected: int) -> None:
    """Wait until everything acknowledged is stored, or nothing moves any more.

    While batches come in, only their own counts are looked at: an exact count would compete with what is measured.
    """
    loop = asyncio.get_running_loop()
    stored, moved_at = -1, loop.time()
    while True:
        await _batches_pause(database)
        now_stored = await stored_of(database, prefix)
        if now_stored >= expected:
            return
        if now_stored != stored:
            stored, moved_at = now_stored, loop.time()
        elif loop.time() - moved_at > QUIET_S:
            return


async def _batches_pause(database: asyncpg.Connection) -> None:
    """Wait until no telemetry batch was committed for a second (other devices may be talking: at most ten seconds)."""
    for _ in range(10):
        before = await database.fetchval(SQL["batches"])
        await asyncio.sleep(1)
        if await database.fetchval(SQL["batches"]) == before:
            return


async def _judge(database: asyncpg.Connection, prefix: str, load: Load, first: int) -> dict[str, Any]:
    row = await database.fetchrow(SQL["judge"], prefix, load.first_s - 0.001)  # ts is cut to milliseconds
    if row is None or row["rows"] == 0:
        raise BenchFailed("nothing was stored: is ingest running and subscribed?")
    spent_s = row["last_commit_s"] - load.first_s
    return {
        "seconds": round(spent_s, 3),  # first publish to last commit
        "published": load.published,
        "acknowledged": load.acknowledged,
        "refused": load.refused,
        "stored": row["rows"],
        "distinct": row["distinct_rows"],
        "missing": max(0, load.acknowledged - row["distinct_rows"]),
        "warm_up_messages": first,
        "published_per_s": round(load.published / max(load.last_s - load.first_s, 1e-9)),
        "stored_per_s": round(row["rows"] / max(spent_s, 1e-9)),
        "drained_after_publish_s": round(row["last_commit_s"] - load.last_s, 3),
        "worst_schedule_lag_ms": round(load.worst_lag_s * 1000),
        "publish_to_commit_ms": {name: round(row[name], 1) for name in ("p50", "p95", "p99", "worst")},
        "mean_reading": {name: round(row[name], 1) for name in ("way_ms", "held_ms", "batch_rows")},
        "slowest_hundredth": {name: round(row[f"slow_{name}"], 1) for name in ("way_ms", "held_ms", "batch_rows")}
        | {"commit_seconds": row["slow_seconds"]},
    }


async def _add_limits(result: dict[str, Any], database: asyncpg.Connection, prefix: str, load: Load) -> None:
    drain = await drain_limit(min(load.published, 200_000), devices=result["devices"])
    copy = await copy_limit(database, prefix)
    result["limits"] = {"mosquitto_sub_per_s": round(drain.per_s), "copy_rows_per_s": round(copy.per_s)}
    result["limit_messages"] = {"mosquitto_sub": asdict(drain), "copy": asdict(copy)}
    result["ratios"] = {
        "stored_to_mosquitto_sub": round(result["stored_per_s"] / drain.per_s, 3),
        "stored_to_copy": round(result["stored_per_s"] / copy.per_s, 3),
    }


def missed(result: Mapping[str, Any]) -> list[str]:
    """Return which targets were missed: of pace flat out, of lateness at a pace that the system has to keep."""
    rate, found = result["asked_rate"], []
    if result["missing"]:
        found.append("everything acknowledged is stored")
    if rate is None and result["stored_per_s"] < STORED_TARGET_PER_S:
        found.append(f"stored >= {STORED_TARGET_PER_S:,}/s")
    if rate is not None and rate <= P99_UP_TO_PER_S and result["publish_to_commit_ms"]["p99"] > P99_TARGET_MS:
        found.append(f"publish to commit p99 <= {P99_TARGET_MS} ms")
    ingest = result["processes"].get("ingest")  # a peak that was not measured meets no target
    if ingest is None or ingest["peak_mb"] > PEAK_TARGET_MB:
        found.append(f"ingest <= {PEAK_TARGET_MB} MB")
    return found


def print_result(result: dict[str, Any]) -> None:
    """Print the tables for people."""
    latency, mean, slow = result["publish_to_commit_ms"], result["mean_reading"], result["slowest_hundredth"]
    asked = f"{result['asked_rate']:g}/s" if result["asked_rate"] else "flat out"
    host = result["machine"]
    lines = f"""
bench ingest: {asked} for {result["asked_seconds"]:g} s, {result["devices"]} devices, \
{result["payload_bytes_mean"]} bytes a packet
machine: {host["cores"]} cores, {host["memory_gb"]} GB, load average before {host["load_average_before"]}; \
running: {", ".join(result["programs"])}

  published     {result["published"]:>12,}   {result["published_per_s"]:>9,}/s
  acknowledged  {result["acknowledged"]:>12,}   refused {result["refused"]}
  stored        {result["stored"]:>12,}   {result["stored_per_s"]:>9,}/s
  distinct      {result["distinct"]:>12,}   missing {result["missing"]}
  publish to commit  p50 {latency["p50"]} ms  p95 {latency["p95"]} ms  p99 {latency["p99"]} ms  \
worst {latency["worst"]} ms
  slowest 1 %   {slow["way_ms"]} ms to ingest, {slow["held_ms"]} ms from there to the commit, in batches of \
{slow["batch_rows"]:.0f} rows, within {slow["commit_seconds"]} seconds of the run
  all           {mean["way_ms"]} ms to ingest, {mean["held_ms"]} ms from there to the commit, in batches of \
{mean["batch_rows"]:.0f} rows
  last commit {result["drained_after_publish_s"]} s after the last publish; \
generator at most {result["worst_schedule_lag_ms"]} ms behind its schedule

  program            cores  µs/message    peak MB""".split("\n")
    lines += [
        f"  {name:<16} {usage['cpu_cores']:>7.2f} {usage['cpu_us_per_message']:>11.1f} {usage['peak_mb']:>10.1f}"
        for name, usage in result["processes"].items()
    ]
    if "limits" in result:
        limits, ratios = result["limits"], result["ratios"]
        lines += [
            "",
            "  limit of this machine            per s   we reach",
            f"  mosquitto_sub draining  {limits['mosquitto_sub_per_s']:>14,}   {ratios['stored_to_mosquitto_sub']:.0%}",
            f"  COPY of the same rows   {limits['copy_rows_per_s']:>14,}   {ratios['stored_to_copy']:.0%}",
        ]
    lines += ["", f"missed: {', '.join(result['missed']) or 'nothing'}"]
    sys.stdout.write("\n".join(lines) + "\n")
