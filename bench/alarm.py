"""`firetower bench alarm`: from a pressed call point, or a pressure that fell, to the desk's acceptance.

Called by the command line and `make bench`. Runs the whole system with background telemetry; publish time and
the desk's receive time come from the same machine's clock.
"""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import orjson
import uvloop

from bench import backing_up, stages
from bench.learned import teach
from bench.load import prepare, run_prefix, wait_until_known
from bench.meter import Meter
from bench.origin import machine, origin
from bench.publisher import publish
from bench.system import BenchFailed, firetower, own_system, scratch_folder
from services.core.clock import SystemClock
from services.core.log import configure_log
from services.core.mqtt import SessionConfig
from simulators.device import Link
from stack import children
from stack.children import free_port

PATIENCE_S = 30.0
NORMAL_MPA, LOW_MPA = 0.31, 0.12
TRIAL_S = 0.07  # two pauses, and what sending takes
LEAD_S, TAIL_S = 2.0, 3.0  # of the background before the first trial and after the last one; of short runs a fifth each
P50_TARGET_MS, P99_TARGET_MS = 300, 1000


@dataclass(slots=True)
class Trials:
    """When each device acted (Unix seconds), and what the desk should be told of it."""

    notice: str
    what: str
    started_s: dict[str, float] = field(default_factory=dict)


def main(
    *,
    devices: int = 10_000,
    rate: float = 5000.0,
    seconds: float = 60.0,
    trials: int = 200,
    backup: bool = False,
    learned: bool = False,
    json_file: Path | None = None,
) -> int:
    """Measure; 0 when every target was met. `backup`: beside copies. `learned`: early warning knows every device."""
    configure_log("bench", "warning", "console")
    result = uvloop.run(
        measure(devices=devices, rate=rate, seconds=seconds, trials=trials, backup=backup, learned=learned)
    )
    print_result(result)
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    return 1 if result["missed"] else 0


@asynccontextmanager
async def desk() -> AsyncIterator[str]:
    """A stand-in desk of our own; its address."""
    port = free_port()
    folder = scratch_folder()
    env = {**os.environ, "FIRETOWER_STATE_DIR": str(folder)}  # its record is of this run alone
    process = children.spawn(firetower("desk", "--port", str(port)), log=folder / "desk.log", env=env)
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            for _ in range(200):
                try:
                    (await client.get("/received")).raise_for_status()
                    break
                except httpx2.TransportError:
                    await asyncio.sleep(0.05)
            else:
                raise BenchFailed("the stand-in desk did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        await asyncio.to_thread(children.stop, process)
        shutil.rmtree(folder, ignore_errors=True)


async def measure(
    *, devices: int, rate: float, seconds: float, trials: int, backup: bool, learned: bool
) -> dict[str, Any]:
    """Run the trials and return everything that is known about them."""
    host = machine()
    lead_s, spread_s, trials = times_of_trials(seconds, trials)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(desk())
        folder = backing_up.folder_of_copies(stack) if backup else None
        settings = {"FIRETOWER_DISPATCH_URL": address} | (backing_up.settings_for(folder) if folder else {})
        system = await stack.enter_async_context(own_system("up", settings))
        copies_s = await stack.enter_async_context(backing_up.copies(system, folder)) if folder else []
        prefix = run_prefix()
        fires = Trials("fire.confirmed", "manual call point pressed -> desk accepted fire.confirmed")
        drops = Trials("alarm.raised", "second reading below 0.14 MPa -> desk accepted alarm.raised")
        config = SessionConfig(
            f"firetower.bench.{prefix[3:-1]}", system.fleet.host, system.fleet.port,
            username=system.fleet.username, password=system.fleet.password,
            filters=("fire/v1/+/+/+/down/ack",), clean_start=True, session_expiry_s=0,
        )  # fmt: skip
        link = Link(config, SystemClock())
        taught = 0  # cells of early warning
        async with asyncio.TaskGroup() as tasks:
            session = tasks.create_task(link.run(), name="trials")
            await link.ready()
            await _introduce(link, prefix, trials)
            messages = prepare(devices, prefix)
            began = time.monotonic()
            await publish(system.fleet, messages, count=devices, rate=rate)  # of devices nobody knows yet
            await wait_until_known(system.database, prefix, devices + trials)
            met_s = time.monotonic() - began
            if learned:
                system, taught = await teach(system, devices + trials)
            meter = Meter(system.processes)
            background = tasks.create_task(
                publish(system.fleet, messages, seconds=seconds, rate=rate), name="background"
            )
            watch = tasks.create_task(meter.watch(), name="meter")
            meter.start()
            began = time.monotonic()
            await asyncio.sleep(lead_s)  # let the background get going
            await _try_all(link, prefix, trials=trials, seconds=spread_s, fires=fires, drops=drops)
            load = await background
            meter.stop()
            spent_s = time.monotonic() - began
            watch.cancel()
            received = await _received(address, fires, drops)
            await link.stop()
            await session
            moments = {
                one.notice: await stages.read_moments(system.database, one.notice, list(one.started_s))
                for one in (fires, drops)
            }
        result: dict[str, Any] = {
            "what": "bench alarm",
            **origin(host),
            "programs": sorted(system.processes),
            "background_per_s": round(load.published / max(load.last_s - load.first_s, 1e-9)),
            "background_devices": devices,
            "background_met_s": round(met_s, 1),  # until every device was in the registry
            "background_worst_lag_ms": round(load.worst_lag_s * 1000),
            "base_copies_s": copies_s,
            "cells_that_had_learned": taught,
            "trials": [judge(one, received, moments[one.notice]) for one in (fires, drops)],
            "processes": {
                name: {"cpu_cores": round(usage.cpu_s / spent_s, 3), "peak_mb": round(usage.peak_mb, 1)}
                for name, usage in meter.usage.items()
            },
        }
        result["missed"] = missed(result)
        return result


def times_of_trials(seconds: float, trials: int) -> tuple[float, float, int]:
    """Return when the trials begin in a run, over how many seconds they are spread, and how many of them fit."""
    lead_s = min(LEAD_S, seconds / 5)
    spread_s = seconds - lead_s - min(TAIL_S, seconds / 5)
    return lead_s, spread_s, min(trials, max(1, int(spread_s / TRIAL_S)))


def _panel(prefix: str, number: int) -> str:
    return f"fire/v1/140931100/panel/{prefix}P{number:04d}"


def _hydrant(prefix: str, number: int) -> str:
    # an area each: three falling hydrants in one area would become a mains event
    return f"fire/v1/140931{number:06d}/hydrant/{prefix}H{number:04d}"


async def _introduce(link: Link, prefix: str, trials: int) -> None:
    """Let every hydrant report a normal pressure first."""
    for number in range(trials):
        await _send_pressure(link, _hydrant(prefix, number), 1, NORMAL_MPA)
    while link.outgoing:  # noqa: ASYNC110  the link counts, it does not tell
        await asyncio.sleep(0.05)


async def _send_pressure(link: Link, base: str, seq: int, pressure_mpa: float) -> float:
    now_s = time.time()
    body = {"ts": int(now_s * 1000), "seq": seq, "pressure_mpa": pressure_mpa, "flow_lps": 0.0, "cap_open": False}
    await link.send_reading(f"{base}/up/telemetry", orjson.dumps(body))
    return now_s


async def _try_all(link: Link, prefix: str, *, trials: int, seconds: float, fires: Trials, drops: Trials) -> None:
    """Spread the trials evenly: a first low reading, a call point, the second low reading."""
    began = time.monotonic()
    for number in range(trials):
        await asyncio.sleep(max(0.0, began + number * seconds / trials - time.monotonic()))
        hydrant, panel = _hydrant(prefix, number), _panel(prefix, number)
        await _send_pressure(link, hydrant, 2, LOW_MPA)
        await asyncio.sleep(0.03)
        now_s = time.time()
        event_id = f"{prefix}{number}"
        body = {"event_id": event_id, "ts": int(now_s * 1000), "seq": 1, "type": "manual_alarm", "component": "1-90"}
        link.send_event(panel, event_id, orjson.dumps(body))
        fires.started_s[panel.rpartition("/")[2]] = now_s
        await asyncio.sleep(0.03)
        drops.started_s[hydrant.rpartition("/")[2]] = await _send_pressure(link, hydrant, 3, LOW_MPA)


async def _received(address: str, *expected: Trials) -> Mapping[tuple[str, str], float]:
    """Ask the desk until everything expected came, or nothing more comes; (notice type, device) -> Unix seconds."""
    wanted = {(one.notice, code) for one in expected for code in one.started_s}
    deadline = time.monotonic() + PATIENCE_S
    async with httpx2.AsyncClient(base_url=address, timeout=30, trust_env=False) as client:
        while True:
            answer = await client.get("/received", params={"limit": "100000"})
            first = _first_times(answer.raise_for_status().json()["items"])
            if wanted <= first.keys() or time.monotonic() > deadline:
                return first
            await asyncio.sleep(0.5)


def _first_times(items: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """When a notice of a type for a device was first accepted; what the background raised besides is left out."""
    first: dict[tuple[str, str], float] = {}
    for item in items:
        if item["answered"] != 200:
            continue
        at_s = datetime.fromisoformat(item["received_at"]).timestamp()
        if item["body"]["alarm"]["code"] in {"fire", "hydrant_pressure_low"}:
            first.setdefault((item["type"], item["body"]["device"]["code"]), at_s)
    return first


def judge(
    trials: Trials, received: Mapping[tuple[str, str], float], moments: Mapping[str, Sequence[float]]
) -> dict[str, Any]:
    """Return the figures of one sort of trial, and where the time went by `moments` (see `stages`)."""
    received_s = {code: received[trials.notice, code] for code in trials.started_s if (trials.notice, code) in received}
    late_ms = sorted((at_s - trials.started_s[code]) * 1000 for code, at_s in received_s.items())
    ways = stages.ways(trials.started_s, moments, received_s)
    return {
        "what": trials.what,
        "trials": len(trials.started_s),
        "reached": len(late_ms),
        **spread(late_ms),
        "stages": {stage: spread(sorted(spent)) for stage, spent in stages.spent_ms(ways.values()).items()},
        "slowest": stages.slowest(ways, 5),
    }


def missed(result: Mapping[str, Any]) -> list[str]:
    """Return the targets that were missed: all trials reach the desk, half of them and 99 of 100 in time."""
    found: list[str] = []
    for one in result["trials"]:
        if not one["trials"] or one["reached"] < one["trials"]:
            found.append(f"{one['what']}: all of them")
        for part, target_ms in (("p50", P50_TARGET_MS), ("p99", P99_TARGET_MS)):
            late_ms = one[f"{part}_ms"]
            if late_ms is None or late_ms > target_ms:
                found.append(f"{one['what']}: {part} <= {target_ms} ms")
    return found


def spread(ordered_ms: Sequence[float]) -> dict[str, int | None]:
    """Return p50, p95, p99 and the worst of sorted values, each None where there are none."""
    if not ordered_ms:
        return {"p50_ms": None, "p95_ms": None, "p99_ms": None, "worst_ms": None}
    return {
        **{f"p{part}_ms": round(percentile(ordered_ms, part / 100)) for part in (50, 95, 99)},
        "worst_ms": round(ordered_ms[-1]),
    }


def percentile(ordered: Sequence[float], part: float) -> float:
    """Return the smallest value that at least `part` of the ordered values do not exceed."""
    return ordered[min(len(ordered) - 1, max(0, -int(-(len(ordered) * part) // 1) - 1))]


def print_result(result: Mapping[str, Any]) -> None:
    """Print the tables for people."""
    host = result["machine"]
    out = [
        "",
        f"bench alarm: {result['background_per_s']} readings/s of {result['background_devices']} devices beside it",
        f"the registry met them within {result['background_met_s']} s",
        f"machine: {host['cores']} cores, {host['memory_gb']} GB, load average before {host['load_average_before']}",
        *(f"a base copy of the database beside it, in {took_s} s" for took_s in result["base_copies_s"]),
        "",
    ]
    if result["cells_that_had_learned"]:
        out.insert(-1, f"early warning had learned all devices, in {result['cells_that_had_learned']} cells")
    for one in result["trials"]:
        out.append(f"  {one['what']}")
        out.append(
            f"    {one['reached']} of {one['trials']} reached it: p50 {one['p50_ms']} ms  p95 {one['p95_ms']} ms  "
            f"p99 {one['p99_ms']} ms  worst {one['worst_ms']} ms"
        )
        out += [
            f"      {stage:<22} p50 {part['p50_ms']:>5}  p95 {part['p95_ms']:>5}  p99 {part['p99_ms']:>5}  "
            f"worst {part['worst_ms']:>5}"
            for stage, part in one["stages"].items()
            if part["worst_ms"] is not None
        ]
    out += ["", "  program            cores    peak MB"]
    out += [
        f"  {name:<16} {one['cpu_cores']:>7.2f} {one['peak_mb']:>10.1f}" for name, one in result["processes"].items()
    ]
    out += ["", f"missed: {', '.join(result['missed']) or 'nothing'}"]
    sys.stdout.write("\n".join(out) + "\n")
