"""`firetower bench city`: how long a city platform waits when it asks through open standards, and when it is told.

Called by the command line and `make bench`. The whole system runs with a county of devices and a month of readings.
Reads are asked from outside, one after the other; push is measured at twenty subscribers, beside ten that hardly
answer, and with more alarms than a county raises; call points are pressed meanwhile, and must reach 119 as soon.
"""

import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import orjson
import uvloop

from bench import city_push, city_reads
from bench.alarm import desk
from bench.api import fill
from bench.load import prepare, run_prefix
from bench.meter import at_rest
from bench.origin import origin
from bench.publisher import publish
from bench.system import own_system
from services.core.log import configure_log

_OUR_RECEIVERS = {"FIRETOWER_SUBSCRIPTION_NETWORKS": "127.0.0.0/8"}


def main(
    *,
    devices: int = 10_000,
    readings: int = 10_000_000,
    rate: float = 200.0,
    seconds: float = 60.0,
    json_file: Path | None = None,
) -> int:
    """Measure; 0 when every target was met. The burst for push is `rate` alarms a second for `seconds`."""
    configure_log("bench", "warning", "console")
    result = uvloop.run(measure(devices=devices, readings=readings, rate=rate, seconds=seconds))
    print_result(result)
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    return 1 if result["missed"] else 0


async def measure(*, devices: int, readings: int, rate: float, seconds: float) -> dict[str, Any]:
    """Run one measurement and return everything that is known about it."""
    result: dict[str, Any] = {
        "what": "bench city", **origin(),
        "devices": devices,
    }  # fmt: skip
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(desk())
        system = await stack.enter_async_context(own_system("up", _OUR_RECEIVERS | {"FIRETOWER_DISPATCH_URL": address}))
        client = await stack.enter_async_context(
            httpx2.AsyncClient(
                base_url=system.api, headers={"Authorization": f"Bearer {system.api_key}"}, timeout=30, trust_env=False
            )
        )  # fmt: skip
        prefix = run_prefix()
        await publish(system.fleet, prepare(devices, prefix), count=devices, rate=2000)
        filled, charted = await fill(system.database, prefix, devices=devices, readings=readings, weeks=0)
        result |= filled
        result["alerts_at_rest_after_s"] = await at_rest(system.processes["alerts"])  # it first judges all of it
        yesterday = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
        began = time.monotonic()
        result["reads"] = await city_reads.measure(client, charted, yesterday)
        result["push"] = await city_push.measure(client, system, address, burst_rate=rate, burst_s=seconds)
        result["seconds"] = round(time.monotonic() - began)
    result["missed"] = [one["what"] for one in (*result["reads"], *result["push"]) if one["missed"]]
    return result


def print_result(result: Mapping[str, Any]) -> None:
    """Print the tables for people."""
    host = result["machine"]
    lines = [
        "",
        f"bench city: {result['devices']:,} devices; {result['readings']:,} readings of {result['charted_devices']:,}",
        f"stored in {result['filling_s']} s, judged by alerts {result['alerts_at_rest_after_s']} s later",
        f"machine: {host['cores']} cores, {host['memory_gb']} GB, load average before {host['load_average_before']}",
        "",
        f"  {'read':<88} {'p50 ms':>8} {'p95 ms':>8} {'worst ms':>9} {'items/s':>9}",
    ]
    for one in result["reads"]:
        times = f"{one['p50_ms']:>8} {one['p95_ms']:>8} {one['worst_ms']:>9}"
        lines.append(f"  {one['what']:<88} {times} {one.get('items_per_s', ''):>9}")
    lines += ["", f"  {'push':<72} {'p50 ms':>8} {'p99 ms':>8} {'worst ms':>9} {'missing':>8} {'twice':>6} in order"]
    for one in result["push"]:
        times = f"{one['p50_ms']:>8} {one['p99_ms']:>8} {one['worst_ms']:>9}"
        lines.append(f"  {one['what']:<72} {times} {one['missing']:>8} {one['twice']:>6} {one['in_order']}")
        for title in ("mean", "slowest_1_percent"):
            if (parts := one[title]) is not None:
                told = ", ".join(f"{name.removesuffix('_ms').replace('_', ' ')} {ms} ms" for name, ms in parts.items())
                lines.append(f"    {title.replace('_', ' ')}: {told}")
        if one["raised_in_s"] < one["arrived_in_s"]:
            lines.append(f"    raised in {one['raised_in_s']} s, the last one arrived after {one['arrived_in_s']} s")
        if "later_by_ms" in one:
            lines.append(f"    the slow ones made the p99 of the others later by {one['later_by_ms']} ms")
        if (fires := one.get("fires")) is not None:
            told = f"{fires['told']} of {fires['pressed']}, p50 {fires['p50_ms']}, p95 {fires['p95_ms']} ms"
            later = f", {fires['later_by_ms']} ms later at p95" if "later_by_ms" in fires else ""
            lines.append(f"    call points meanwhile, pressed to 119: {told}, worst {fires['worst_ms']} ms{later}")
    lines += ["", f"missed: {', '.join(result['missed']) or 'nothing'}"]
    sys.stdout.write("\n".join(lines) + "\n")
