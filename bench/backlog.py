"""`firetower bench backlog`: how long a fire takes to its commit while ingest works through a backlog in the broker.

Called by the command line and `make bench`. Two backlogs, one after the other: late readings, and events that are not
fires. Ingest is stopped while they are published, and fires are published from its first commit to its last.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import uvloop

from bench.load import prepare, run_prefix
from bench.meter import Meter
from bench.origin import machine, origin
from bench.packets import PreparedPublish
from bench.publisher import publish
from bench.system import BenchFailed, System, own_system
from services.core.db import connect
from services.core.log import configure_log
from services.core.mqtt import Session, SessionConfig
from services.core.statements import load_queries
from services.core.topics import ROOT, Channel, Kind

SQL = load_queries(__file__)
AREA = "140931100"
AGE_S = 3600.0  # late by every limit of the contract
FIRE_EVERY_S = 0.1
LOOK_S = 0.02
PATIENCE_S = 120.0
FIRES_PATIENCE_S = 10.0
WORST_TARGET_MS = 500


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: `count` of `messages` for one lane, `age_s` old."""

    what: str
    lane: str
    prefix: str
    messages: Sequence[PreparedPublish]
    count: int
    age_s: float


def main(*, devices: int = 10_000, readings: int = 200_000, events: int = 20_000, json_file: Path | None = None) -> int:
    """Measure; 0 when every target was met."""
    configure_log("bench", "warning", "console")
    result = uvloop.run(measure(devices=devices, readings=readings, events=events))
    print_result(result)
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    return 1 if result["missed"] else 0


async def measure(*, devices: int, readings: int, events: int) -> dict[str, Any]:
    """Run both and return everything that is known about them."""
    late, chatter = run_prefix(), run_prefix()
    backlogs = (
        Backlog("late readings", "telemetry", late, prepare(devices, late), readings, AGE_S),
        Backlog("events that are not fires", "event", chatter, _chatter(chatter), events, 0.0),
    )
    host = machine()
    async with own_system() as system:
        database = await connect(system.database, program="bench", statement_timeout_s=120)
        found = [await _work_off(system, database, backlog) for backlog in backlogs]
        await database.close()
    return {
        "what": "bench backlog", **origin(host), "devices": devices,
        "backlogs": found, "missed": [line for one in found for line in missed(one)],
    }  # fmt: skip


def _chatter(prefix: str) -> list[PreparedPublish]:
    return [
        PreparedPublish(
            f"{ROOT}/{AREA}/{Kind.PANEL}/{prefix}{number:05d}/{Channel.EVENT}",
            {"event_id": "chatter", "type": "feedback", "component": "1-1-1"},
        )
        for number in range(2000)
    ]


async def _work_off(system: System, database: asyncpg.Connection, backlog: Backlog) -> dict[str, Any]:
    fleet = system.fleet
    await publish(fleet, backlog.messages[:1], count=1)  # shows that the lane works
    await _until_more(database, backlog.lane, 0)
    before = await database.fetchval(SQL["moving"], backlog.lane)
    ingest = system.processes["ingest"]
    os.kill(ingest, signal.SIGSTOP)
    try:
        load = await publish(fleet, backlog.messages, count=backlog.count, age_s=backlog.age_s)
    finally:
        os.kill(ingest, signal.SIGCONT)
    started = time.time()
    meter = Meter(system.processes)
    watch = asyncio.create_task(meter.watch(), name="meter")
    await _until_more(database, backlog.lane, before)
    began = time.time()
    fires_prefix = run_prefix()
    fires = await _fires_until_drained(system, database, backlog, before, fires_prefix)
    watch.cancel()
    row = await _stored_fires(database, fires_prefix, fires)
    last_s = await database.fetchval(SQL["last_commit"], backlog.lane)
    return {
        "what": backlog.what,
        "acknowledged": load.acknowledged + 1,
        "stored": await database.fetchval(SQL["stored"], backlog.prefix),
        "back_after_s": round(began - started, 2),
        "drained_in_s": round(max(0.0, last_s - began), 2),
        "fires_published": fires,
        "fires_stored": row["stored"],
        "fire_to_commit_ms": {name: round(row[name], 1) for name in ("p50", "p95", "worst")},
        "peak_mb": {name: round(usage.peak_mb, 1) for name, usage in meter.usage.items()},
    }


async def _until_more(database: asyncpg.Connection, lane: str, than: int) -> None:
    for _ in range(int(PATIENCE_S / LOOK_S)):
        if await database.fetchval(SQL["moving"], lane) > than:
            return
        await asyncio.sleep(LOOK_S)
    raise BenchFailed(f"the {lane} lane stored nothing within {PATIENCE_S:g} s")


async def _stored_fires(database: asyncpg.Connection, prefix: str, count: int) -> asyncpg.Record:
    """Return how late the fires were, once `count` are stored or no more come."""
    for _ in range(int(FIRES_PATIENCE_S / LOOK_S)):
        (row,) = await database.fetch(SQL["fires"], prefix)
        if row["stored"] >= count:
            return row
        await asyncio.sleep(LOOK_S)
    if row["stored"] == 0:
        raise BenchFailed("no fire was stored")
    return row


async def _fires_until_drained(
    system: System, database: asyncpg.Connection, backlog: Backlog, before: int, prefix: str
) -> int:
    """Publish a fire of another device every tenth of a second until nothing of the backlog is left."""
    config = SessionConfig(
        f"firetower.bench.{prefix[3:-1]}", system.fleet.host, system.fleet.port, username=system.fleet.username,
        password=system.fleet.password, clean_start=True, session_expiry_s=0,
    )  # fmt: skip
    session = Session(config)
    running = asyncio.create_task(session.run(), name="fires")
    await session.ready()
    number, wanted, deadline = 0, before + backlog.count, time.monotonic() + PATIENCE_S
    while number < 5 or await database.fetchval(SQL["moving"], backlog.lane) < wanted:
        if time.monotonic() > deadline:
            raise BenchFailed(f"the {backlog.what} were not worked off within {PATIENCE_S:g} s")
        number += 1
        wanted += backlog.lane == "event"  # there the fire is a row of the same lane
        body = {"event_id": f"fire-{number}", "ts": int(time.time() * 1000), "seq": 1, "type": "fire"}
        topic = f"{ROOT}/{AREA}/{Kind.PANEL}/{prefix}{number:05d}/{Channel.EVENT}"
        await session.publish(topic, orjson.dumps(body))
        await asyncio.sleep(FIRE_EVERY_S)
    await session.stop()
    await running
    return number


def missed(backlog: Mapping[str, Any]) -> list[str]:
    """Return which targets were missed with one backlog."""
    found = {
        "everything acknowledged is stored": backlog["stored"] == backlog["acknowledged"],
        "every fire is stored": backlog["fires_stored"] == backlog["fires_published"],
        f"fire to commit <= {WORST_TARGET_MS} ms": backlog["fire_to_commit_ms"]["worst"] <= WORST_TARGET_MS,
    }
    return [f"{target} ({backlog['what']})" for target, met in found.items() if not met]


def print_result(result: dict[str, Any]) -> None:
    """Print the table for people."""
    host = result["machine"]
    sys.stdout.write(
        f"\nbench backlog on {host['cores']} cores, {host['memory_gb']} GB, load average before "
        f"{host['load_average_before']}\n"
    )
    for one in result["backlogs"]:
        latency = one["fire_to_commit_ms"]
        sys.stdout.write(
            f"\n  {one['acknowledged']:,} {one['what']}: stored {one['stored']:,}, drained in {one['drained_in_s']} s; "
            f"ingest at most {one['peak_mb']['ingest']} MB\n"
            f"  {one['fires_stored']} of {one['fires_published']} fires meanwhile: publish to commit p50 "
            f"{latency['p50']} ms  p95 {latency['p95']} ms  worst {latency['worst']} ms\n"
        )
    sys.stdout.write(f"\nmissed: {', '.join(result['missed']) or 'nothing'}\n")
