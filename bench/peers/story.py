"""`firetower bench peers`: the same readings through other consumers and ours, and what three kills cost each of them.

Called by the command line. One broker and one database; the contestants take their turns, ours last. Each first stores
as fast as it can; then it is killed three times under a steady load, and what the publisher may forget is looked for.
"""

import asyncio
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import uvloop

from bench.load import prepare, register, run_prefix
from bench.meter import Meter
from bench.origin import origin
from bench.packets import PreparedPublish
from bench.peers.broker import forget_session, until_subscribed
from bench.peers.contestant import Contestant
from bench.peers.counting import SQL, Kept, drained, kept
from bench.peers.nodered import NotToBeHad, node_red
from bench.peers.ours import our_ingest
from bench.peers.plain import plain_consumer
from bench.peers.verdict import missed, print_result
from bench.publisher import Load, publish
from bench.system import BenchFailed, System, own_system, services_account
from services.core import migrate
from services.core.db import connect
from services.core.log import configure_log
from services.core.topics import Kind
from stack import children

CONTESTANTS: tuple[Callable[[System], Contestant], ...] = (node_red, plain_consumer, our_ingest)
KILLS = 3
_WARM_RATE_PER_S = 2000
_SLICE_S = 2.0  # the load of the kills is published in pieces of this length until they are over
_AFTER_RESTART_S = (0.5, 3.0)  # a kill comes so long after its victim stored something again
_RESTART_TIMEOUT_S = 60.0


def main(*, devices: int = 2000, seconds: float = 20.0, rate: float = 2000.0, json_file: Path | None = None) -> int:
    """Measure; 0 when ours kept its promise and is ahead of Node-RED, or Node-RED could not be had."""
    configure_log("bench", "warning", "console")
    result = uvloop.run(measure(devices=devices, seconds=seconds, rate=rate))
    result["missed"] = missed(result)
    print_result(result)
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    return 1 if result["missed"] else 0


async def measure(*, devices: int, seconds: float, rate: float) -> dict[str, Any]:
    """Run every contestant that can be had and return all figures."""
    result: dict[str, Any] = {
        "what": "bench peers",
        **origin(),
        "devices": devices,
        "asked_seconds": seconds,
        "kill_rate": rate,
        "contestants": [],
        "absent": [],
    }
    async with own_system("servers") as system:
        await asyncio.to_thread(migrate.main, dsn=system.database)
        database = await connect(system.database, program="bench", statement_timeout_s=120)
        try:
            for make in CONTESTANTS:
                try:
                    contestant = await asyncio.to_thread(make, system)
                except NotToBeHad as reason:
                    result["absent"].append({"name": make.__name__, "reason": str(reason)})
                    continue
                result["contestants"].append(
                    await _take_turn(system, database, contestant, devices=devices, seconds=seconds, rate=rate)
                )
        finally:
            await database.close()
    return result


async def _take_turn(
    system: System, database: asyncpg.Connection, contestant: Contestant, *, devices: int, seconds: float, rate: float
) -> dict[str, Any]:
    await database.execute(SQL["make_table"])
    contestant.start()
    try:
        await until_subscribed(system.fleet, contestant)
        fast = await _flat_out(system, database, contestant, devices=devices, seconds=seconds)
        killed = await _under_kills(system, database, contestant, devices=devices, rate=rate)
    finally:
        await asyncio.to_thread(contestant.stop)
    if contestant.session is not None:
        await asyncio.to_thread(forget_session, services_account(system), contestant.session)
    return {"name": contestant.name, "promise": contestant.promise, "flat_out": fast, "kills": killed}


async def _flat_out(
    system: System, database: asyncpg.Connection, contestant: Contestant, *, devices: int, seconds: float
) -> dict[str, Any]:
    prefix, messages = await _known_devices(database, devices)
    warm = await publish(system.fleet, messages, count=devices, rate=_WARM_RATE_PER_S)
    before = await drained(database, contestant, prefix, warm.acknowledged)
    meter = Meter({"consumer": contestant.pid(), **system.processes})
    watch = asyncio.create_task(meter.watch(), name="meter")
    meter.start()
    load = await publish(system.fleet, messages, seconds=seconds)
    after = await drained(database, contestant, prefix, warm.acknowledged + load.acknowledged)
    meter.stop()
    watch.cancel()
    if after.distinct == before.distinct:
        raise BenchFailed(f"{contestant.name} stored nothing: {children.tail(children.read_log(contestant.log))}")
    return _pace(load, before, after) | {
        "cpu_us_per_message": {
            name: round(usage.cpu_s / load.published * 1e6, 1) for name, usage in meter.usage.items()
        },
        "load_average": round(os.getloadavg()[0], 2),  # at its end: on a shared machine the turns are not alike
        "peak_mb": round(meter.usage["consumer"].peak_mb, 1),
    }


def _pace(load: Load, before: Kept, after: Kept) -> dict[str, Any]:
    spent_s = max(after.last_commit_s - load.first_s, 1e-9)
    return {
        "published": load.published,
        "acknowledged": load.acknowledged,
        "published_per_s": round(load.published / max(load.last_s - load.first_s, 1e-9)),
        "stored": after.distinct - before.distinct,
        "seconds": round(spent_s, 3),  # first publish to last commit
        "stored_per_s": round((after.distinct - before.distinct) / spent_s),
        "lost": max(0, load.acknowledged - (after.distinct - before.distinct)),
        "doubled": after.doubled - before.doubled,
    }


async def _known_devices(database: asyncpg.Connection, devices: int) -> tuple[str, list[PreparedPublish]]:
    """Make hydrants with codes of their own, in the registry, so that making them is nobody's cost."""
    prefix = run_prefix()
    messages = prepare(devices, prefix, (Kind.HYDRANT,))
    await register(database, messages)
    return prefix, messages


async def _under_kills(
    system: System, database: asyncpg.Connection, contestant: Contestant, *, devices: int, rate: float
) -> dict[str, Any]:
    prefix, messages = await _known_devices(database, devices)
    over = asyncio.Event()
    loads = asyncio.create_task(_publish_until(system, messages, rate, over), name="load")
    try:
        for _ in range(KILLS):
            await _until_stored_more(database, contestant, prefix, loads)
            await asyncio.sleep(random.uniform(*_AFTER_RESTART_S))
            contestant.kill()
            contestant.start()
        await _until_stored_more(database, contestant, prefix, loads)
    finally:
        over.set()
        sent = await loads
    acknowledged = sum(load.acknowledged for load in sent)
    found = await drained(database, contestant, prefix, acknowledged)
    return {
        "kills": KILLS,
        "published": sum(load.published for load in sent),
        "acknowledged": acknowledged,
        "stored": found.distinct,
        "lost": found.lost(acknowledged),
        "doubled": found.doubled,
    }


async def _publish_until(
    system: System, messages: Sequence[PreparedPublish], rate: float, over: asyncio.Event
) -> list[Load]:
    loads: list[Load] = []
    while not over.is_set():
        loads.append(await publish(system.fleet, messages, seconds=_SLICE_S, rate=rate))
    return loads


async def _until_stored_more(
    database: asyncpg.Connection, contestant: Contestant, prefix: str, loads: "asyncio.Task[list[Load]]"
) -> None:
    """Wait until the contestant stores: a kill while it starts would cost it nothing."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _RESTART_TIMEOUT_S
    await asyncio.sleep(1)  # what the database still commits for the one that was killed is not the new one's
    before = (await kept(database, contestant, prefix)).rows
    while (await kept(database, contestant, prefix)).rows == before:
        contestant.pid()
        if loads.done():
            loads.result()  # the load failed: say why
        if loop.time() > deadline:
            wrote = children.tail(children.read_log(contestant.log))
            raise BenchFailed(f"{contestant.name} stored nothing for {_RESTART_TIMEOUT_S:g} s: {wrote}")
        await asyncio.sleep(0.5)
