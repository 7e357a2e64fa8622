"""`firetower bench api`: how long lists, maps and charts take, and how late a change comes to 300 browsers.

Called by the command line and `make bench`. The whole system runs with a county of devices and as many stored readings
as asked for. Reads are measured from outside, one after the other, alone and then beside the open streams.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import orjson
import uvloop

from bench.alarm import percentile
from bench.load import prepare, run_prefix
from bench.meter import Meter
from bench.origin import origin
from bench.publisher import publish
from bench.reads import measure_reads
from bench.streams import Browser, Frames, browsers, delays_s
from bench.system import BenchFailed, System, own_system
from services.core.db import connect
from services.core.log import configure_log
from services.core.statements import load_queries

SQL = load_queries(__file__)
DAYS = 30
PER_DEVICE = DAYS * 288  # one every 5 minutes
SETTLE_S = 3.0
P99_TARGET_S, CORES_TARGET = 1.0, 0.6
SHOWN_PER_S = 2  # changes of a device that four frames a second surely show apart; what comes closer may be merged
LEAST_SHARE = 0.95  # of the changes asked for must reach every browser: with fewer, their delay says little


def main(
    *,
    devices: int = 10_000,
    readings: int = 10_000_000,
    streams: int = 300,
    stalled: int = 50,
    rate: float = 500.0,
    seconds: float = 20.0,
    weeks: int = 0,
    json_file: Path | None = None,
) -> int:
    """Measure; 0 when every target was met."""
    configure_log("bench", "warning", "console")
    result = uvloop.run(
        measure(
            devices=devices,
            readings=readings,
            streams=streams,
            stalled=stalled,
            rate=rate,
            seconds=seconds,
            weeks=weeks,
        )
    )
    print_result(result)
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    return 1 if result["missed"] else 0


async def measure(
    *, devices: int, readings: int, streams: int, stalled: int, rate: float, seconds: float, weeks: int
) -> dict[str, Any]:
    """Run one measurement and return everything that is known about it."""
    result: dict[str, Any] = {
        "what": "bench api", **origin(),
        "devices": devices, "weeks": weeks,
    }  # fmt: skip
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(own_system("up"))
        client = await stack.enter_async_context(
            httpx2.AsyncClient(
                base_url=system.api, headers={"Authorization": f"Bearer {system.api_key}"}, timeout=30, trust_env=False
            )
        )  # fmt: skip
        prefix = run_prefix()
        messages = prepare(devices, prefix)
        await publish(system.fleet, messages, count=devices, rate=2000)
        filled, charted = await fill(system.database, prefix, devices=devices, readings=readings, weeks=weeks)
        result |= filled
        result["reads_alone"] = await measure_reads(client, charted, DAYS)
        frames = Frames()
        opened = await stack.enter_async_context(
            browsers(system.api, system.api_key, frames, count=streams, stalled=stalled)
        )
        load = asyncio.create_task(publish(system.fleet, messages, seconds=10_000, rate=rate), name="changes")
        try:
            result["streams"] = {"count": streams, "stalled": stalled, "asked_changes_per_s": rate}
            result["streams"] |= await _watch(system, list(opened[stalled:]), frames, seconds)
            result["reads_beside_streams"] = await measure_reads(client, charted, DAYS)
        finally:
            load.cancel()
    result["missed"] = missed(result)
    return result


async def fill(dsn: str, prefix: str, *, devices: int, readings: int, weeks: int) -> tuple[dict[str, Any], list[str]]:
    """Give the run's devices a place, alarms and a past; return what was stored, and the devices with a past."""
    began = time.monotonic()
    database = await connect(dsn, program="bench", statement_timeout_s=300)
    try:
        await _known(database, prefix, devices)
        for name in ("place", "account", "raise"):
            await database.execute(SQL[name], prefix)
        charted = [row["code"] for row in await database.fetch(SQL["charted"], prefix, max(1, readings // PER_DEVICE))]
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        for day in range(DAYS, 0, -1):
            await database.execute(SQL["read"], prefix, len(charted), today - timedelta(days=day))
        await database.execute(SQL["age"], weeks)
        await database.execute("analyze")
    finally:
        await database.close()
    stored = len(charted) * PER_DEVICE
    filled = {"readings": stored, "charted_devices": len(charted), "filling_s": round(time.monotonic() - began)}
    return filled, charted


async def _known(database: asyncpg.Connection, prefix: str, devices: int) -> None:
    async with asyncio.timeout(60):
        while await database.fetchval(SQL["known"], prefix) < devices:  # noqa: ASYNC110  rows do not tell
            await asyncio.sleep(0.2)


async def _watch(system: System, reading: list[Browser], frames: Frames, seconds: float) -> dict[str, Any]:
    """Let the streams run, and return how late changes came and what the programs spent."""
    meter = Meter(system.processes)
    watching = asyncio.create_task(meter.watch(), name="meter")
    await asyncio.sleep(SETTLE_S)
    bytes_before, since_s = sum(one.bytes for one in reading), time.time()
    meter.start()
    await asyncio.sleep(seconds)
    meter.stop()
    spent_s, got = time.time() - since_s, sum(one.bytes for one in reading) - bytes_before
    watching.cancel()
    late = delays_s(reading, frames, since_s)
    if not late:
        raise BenchFailed(f"no stream sent a change in {spent_s:.0f} s; {sum(one.lost for one in reading)} were lost")
    return {
        "seconds": round(spent_s, 1),
        "changes_per_s": round(len(late) / len(reading) / spent_s),
        **{f"published_to_browser_p{part}_s": round(percentile(late, part / 100), 3) for part in (50, 95, 99)},
        "worst_s": round(late[-1], 3),
        "megabytes_per_s": round(got / 1e6 / spent_s, 1),
        "resyncs": sum(one.resyncs for one in reading),
        "lost": sum(one.lost for one in reading),
        "processes": {
            name: {"cpu_cores": round(usage.cpu_s / spent_s, 3), "peak_mb": round(usage.peak_mb, 1)}
            for name, usage in meter.usage.items()
        },
    }


def missed(result: Mapping[str, Any]) -> list[str]:
    """Return which targets were missed. Those of reads hold while nothing else is asked."""
    flow = result["streams"]
    found = [
        read["what"]
        for read in result["reads_alone"]
        if read["target_p95_ms"] is not None and read["p95_ms"] > read["target_p95_ms"]
    ]
    if flow["published_to_browser_p99_s"] > P99_TARGET_S:
        found.append(f"published to browser p99 <= {P99_TARGET_S:g} s")
    if flow["processes"]["api"]["cpu_cores"] > CORES_TARGET:
        found.append(f"api <= {CORES_TARGET:g} cores")
    if flow["lost"]:
        found.append("no stream lost")
    if flow["changes_per_s"] < LEAST_SHARE * min(flow["asked_changes_per_s"], SHOWN_PER_S * result["devices"]):
        found.append(f"changes >= {LEAST_SHARE:g} of those asked for")
    return found


def print_result(result: Mapping[str, Any]) -> None:
    """Print the tables for people."""
    host, flow = result["machine"], result["streams"]
    reads = [
        (title, one)
        for title, name in (("alone", "reads_alone"), ("beside streams", "reads_beside_streams"))
        for one in result[name]
    ]
    lines = f"""
bench api: {result["devices"]:,} devices, {result["readings"]:,} readings of {result["charted_devices"]:,} over \
{DAYS} days (stored in {result["filling_s"]} s), tables of {result["weeks"] or "few"} weeks
machine: {host["cores"]} cores, {host["memory_gb"]} GB, load average before {host["load_average_before"]}

  read {"":>75} p50 ms   p95 ms  worst ms""".split("\n")
    lines += [
        f"  {title:<15} {one['what']:<64} {one['p50_ms']:>6} {one['p95_ms']:>8} {one['worst_ms']:>9}"
        for title, one in reads
    ]
    lines += f"""
  {flow["count"]} streams, {flow["stalled"]} of them stalled; {flow["changes_per_s"]} changes/s at each of the others
    published to browser  p50 {flow["published_to_browser_p50_s"]} s  p95 {flow["published_to_browser_p95_s"]} s  \
p99 {flow["published_to_browser_p99_s"]} s  worst {flow["worst_s"]} s
    {flow["megabytes_per_s"]} MB/s, {flow["resyncs"]} resyncs, {flow["lost"]} streams lost

  program            cores    peak MB""".split("\n")
    lines += [
        f"  {name:<16} {one['cpu_cores']:>7.2f} {one['peak_mb']:>10.1f}" for name, one in flow["processes"].items()
    ]
    lines += ["", f"missed: {', '.join(result['missed']) or 'nothing'}"]
    sys.stdout.write("\n".join(lines) + "\n")
