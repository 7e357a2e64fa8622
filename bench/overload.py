"""`firetower bench overload`: ten times as many readings as can be stored, for a while, with fires among them.

Called by the command line and `make overload`. The whole system on a database that is made a tenth as fast as the load;
then the brake is taken away and the queue has to drain. Held to: memory bounded, fires told in time, everything that
the broker acknowledged stored or counted as dropped. The report is reports/overload.html and reports/overload.json.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import uvloop

from bench.alarm import desk
from bench.callpoints import CallPoints
from bench.findings import Findings
from bench.ingest import drained, stored_of
from bench.load import prepare, register, run_prefix
from bench.origin import machine
from bench.pages import chart
from bench.publisher import publish
from bench.samples import Samples, processes_of
from bench.system import own_system
from services.core.db import connect
from services.core.log import configure_log
from services.core.statements import load_queries
from stack.mosquitto import BrokerLimits

SQL = load_queries(__file__)
TIMES = 10
BATCH = 1000  # messages of one transaction of the telemetry lane (services/ingest/lane_limits.py)
# below 5 000 readings/s the brake would hold a batch longer than the lease of the lane and the statement time-out allow
EVERY_S, CALL_EVERY_S = 10.0, 5.0
INGEST_MB, OTHERS_MB = 250.0, 400.0


def main(
    *, minutes: float = 30.0, rate: float = 5000.0, devices: int = 10_000, report_dir: Path = Path("reports")
) -> int:
    """Run; 0 when all of it held."""
    configure_log("bench", "warning", "console")
    return uvloop.run(measure(minutes=minutes, rate=rate, devices=devices)).write(report_dir)


async def measure(*, minutes: float, rate: float, devices: int) -> Findings:
    """Run it, and return what was found."""
    asked = f"{minutes:g} min at {rate:g} readings/s on a database slowed to a tenth of that, a call point every 5 s"
    findings = Findings("overload", "Firetower 望火楼: overload 过载", asked, machine())
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(desk())
        system = await stack.enter_async_context(own_system("up", {"FIRETOWER_DISPATCH_URL": address}))
        database = await connect(system.database, program="bench", statement_timeout_s=120)
        stack.push_async_callback(database.close)
        prefix = run_prefix()
        messages = prepare(devices, prefix)
        await register(database, messages)
        before = (await publish(system.fleet, messages, count=devices, rate=rate)).acknowledged
        await drained(database, prefix, before)
        samples, calls, began = Samples(system), CallPoints(system, address, prefix), processes_of(system)
        await database.execute(SQL["slow_down"].replace("{seconds}", str(BATCH * TIMES / rate)))
        async with asyncio.TaskGroup() as tasks:
            pressing = tasks.create_task(calls.press_every(CALL_EVERY_S), name="call points")
            load = tasks.create_task(publish(system.fleet, messages, seconds=minutes * 60, rate=rate), name="load")
            await samples.take_until(load, database, every_s=EVERY_S)
            stored = await stored_of(database, prefix) - before
            await database.execute(SQL["speed_up"])
            since_s = time.monotonic()
            await _drain(samples, database, prefix, before + load.result().acknowledged)
            took_s = time.monotonic() - since_s
            pressing.cancel()
        await calls.settle()
        kept = await stored_of(database, prefix) - before
        dropped = await database.fetchval(SQL["dropped"])
        restarted = sorted(name for name, pid in processes_of(system).items() if began.get(name) != pid)
    sent = load.result()
    _judge_memory(findings, samples)
    rates = f"{sent.published / (minutes * 60):.0f}/s and {stored / (minutes * 60):.0f}/s"
    findings.judge("offered and stored meanwhile", rates)
    missing = max(0, sent.acknowledged - kept - dropped)
    findings.judge("drained afterwards", f"in {took_s:.0f} s", good=missing == 0)
    counts = f"{kept:,} stored, {dropped:,} dropped at the broker's limit and counted, {missing:,} missing"
    findings.judge("acknowledged readings", f"{sent.acknowledged:,}: {counts}", good=missing == 0)
    findings.judge_fires(calls)
    findings.judge("programs that were restarted", ", ".join(restarted) or "none", good=not restarted)
    fires = chart("Call point pressed to told", "s", {"fire": calls.points(samples.began_s)})
    findings.charts += [*samples.charts(), fires]
    findings.samples = samples.as_json()
    return findings


async def _drain(samples: Samples, database: asyncpg.Connection, prefix: str, acknowledged: int) -> None:
    """Wait until all that the broker did not drop is stored, or nothing moves any more."""
    dropped: int = await database.fetchval(SQL["dropped"])
    draining = asyncio.create_task(drained(database, prefix, acknowledged - dropped), name="drain")
    other = await connect(samples.system.database, program="bench", statement_timeout_s=120)
    try:
        await samples.take_until(draining, other, every_s=EVERY_S)
    finally:
        await other.close()
    await draining


def _judge_memory(findings: Findings, samples: Samples) -> None:
    memory_bytes = int(findings.machine["memory_gb"] * 2**30)
    bounds = {"ingest": INGEST_MB, "mosquitto": BrokerLimits.for_memory(memory_bytes).memory_bytes / 2**20}
    for name in samples.programs:
        bound, peak = bounds.get(name, OTHERS_MB), max(value for _, value in samples.memory_of(name))
        findings.judge(f"{name}: memory at most (bound {bound:.0f} MB)", f"{peak:.0f} MB", good=peak <= bound)
