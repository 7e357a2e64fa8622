"""`firetower bench soak`: hours under an ordinary load, and whether anything rises that should not.

Called by the command line and `make soak`. The whole system with readings, open streams and a call point a minute whose
alarm is then called false. The verdict is on the slopes of memory, handles and connections of every program, and on
what was acknowledged and is not stored; a run too short for a slope has not passed. The report is reports/soak.html
(charts) and reports/soak.json.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from bench.alarm import desk
from bench.callpoints import CallPoints
from bench.findings import Findings
from bench.ingest import drained, stored_of
from bench.load import prepare, register, run_prefix
from bench.origin import machine
from bench.pages import Points, chart
from bench.publisher import publish
from bench.samples import Samples, processes_of
from bench.streams import keep_open
from bench.system import own_system
from bench.trend import trend
from services.core.db import connect
from services.core.log import configure_log

EVERY_S = 30.0
CALL_EVERY_S = 60.0
LEAST_MB, LEAST_HANDLES = 4.0, 4.0  # a rise below these over a whole run does not count


def main(
    *,
    hours: float = 2.0,
    rate: float = 2000.0,
    devices: int = 10_000,
    streams: int = 50,
    report_dir: Path = Path("reports"),
) -> int:
    """Run; 0 when nothing rose and every fire was told in time."""
    configure_log("bench", "warning", "console")
    return uvloop.run(measure(hours=hours, rate=rate, devices=devices, streams=streams)).write(report_dir)


async def measure(*, hours: float, rate: float, devices: int, streams: int) -> Findings:
    """Run it, and return what was found."""
    asked = f"{hours:g} h at {rate:g} readings/s of {devices:,} devices, {streams} open streams, a call point a minute"
    findings = Findings("soak", "Firetower 望火楼: soak 长时间运行", asked, machine())
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(desk())
        system = await stack.enter_async_context(own_system("up", {"FIRETOWER_DISPATCH_URL": address}))
        database = await connect(system.database, program="bench", statement_timeout_s=120)
        stack.push_async_callback(database.close)
        prefix = run_prefix()
        messages = prepare(devices, prefix)
        await register(database, messages)
        known = await publish(system.fleet, messages, count=devices, rate=rate)  # every program knows every device
        samples, calls = Samples(system), CallPoints(system, address, prefix)
        began = processes_of(system)
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(calls.press_every(CALL_EVERY_S), name="call points"),
                *(tasks.create_task(keep_open(system.api, system.api_key), name="stream") for _ in range(streams)),
            ]
            load = tasks.create_task(publish(system.fleet, messages, seconds=hours * 3600, rate=rate), name="load")
            await samples.take_until(load, database, every_s=EVERY_S)
            for helper in helpers:
                helper.cancel()
        await calls.settle()
        acknowledged = known.acknowledged + load.result().acknowledged
        await drained(database, prefix, acknowledged)
        missing = acknowledged - await stored_of(database, prefix)
        restarted = sorted(name for name, pid in processes_of(system).items() if began.get(name) != pid)
    _judge_slopes(findings, samples)
    findings.judge("programs that were restarted", ", ".join(restarted) or "none", good=not restarted)
    sent = load.result()
    figure = f"{sent.published:,} published, {sent.acknowledged:,} acknowledged, {max(0, missing):,} of them not stored"
    findings.judge("readings", figure, good=sent.refused == 0 and missing <= 0)
    findings.judge_fires(calls)
    findings.charts += [
        *samples.charts(),
        chart("Open files and sockets", "", {name: samples.handles_of(name) for name in samples.programs}),
        chart("Connections at the database", "", {"connections": samples.of(lambda one: one.connections)}),
        chart("Call point pressed to told", "s", {"fire": calls.points(samples.began_s)}),
    ]
    findings.samples = samples.as_json()
    return findings


def _judge_slopes(findings: Findings, samples: Samples) -> None:
    for name in samples.programs:
        _judge_slope(findings, f"{name}: memory", "MB", samples.memory_of(name), LEAST_MB)
        _judge_slope(findings, f"{name}: handles", "handles", samples.handles_of(name), LEAST_HANDLES)
    connections = samples.of(lambda one: one.connections)
    _judge_slope(findings, "database: connections", "connections", connections, LEAST_HANDLES)


def _judge_slope(findings: Findings, what: str, unit: str, series: Points, least: float) -> None:
    found, now = trend(series, least=least), f"{series[-1][1]:.0f} {unit} at the end"
    if found is None:
        findings.judge(what, f"{now}; too short a run for a slope", good=False)
        return
    slope = f"{found.per_hour:+.2f} an hour, {found.growth:+.1f} in the run, up to {found.allowed:.1f} is noise"
    findings.judge(what, f"{now}; {slope}", good=found.is_flat)
