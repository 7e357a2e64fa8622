"""Every injected fault shows where it should: in gaps, duplicates, rejects or nowhere, by the truth file."""

import asyncio
import collections
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from services.core import db
from services.core.clock import SystemClock
from services.core.topics import Kind
from simulators.fleet import Fleet, FleetPlan
from simulators.links import Links
from simulators.scenario import FaultRates, Scenario
from simulators.truth import Truth
from tests.support.servers import Broker, Program
from tests.support.waiting import eventually

RATES = FaultRates(drop=0.05, duplicate=0.05, reorder=0.05, unit_mixup=0.05, malformed=0.05, outage=0.01, outage_s=2)


def truth_lines(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


async def test_what_is_stored_is_what_the_truth_file_says(
    database: str, broker: Broker, program: Callable[..., Program], scratch: Path
) -> None:
    program("ingest", DATABASE_URL=database, MQTT_URL=broker.url).wait_ready()
    clock, truth = SystemClock(), Truth(scratch / "truth.jsonl")
    links = Links(urlsplit(broker.fleet_url), clock)
    scenario = Scenario(intervals_s={Kind.HYDRANT: 0.25}, faults=RATES)
    fleet = Fleet(FleetPlan({Kind.HYDRANT: 40}, scenario=scenario), clock, truth, links=links.for_twin)
    links.on_down = fleet.take_down
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(link.run()) for link in links.all]
        await links.all[0].ready()
        report = tasks.create_task(fleet.run())
        await eventually(lambda: min(twin.seq for twin in fleet.twins) >= 40, what="40 readings each")
        for twin in fleet.twins:  # no new ones, but let what was delayed arrive and every outage end
            twin.silent_until_s = float("inf")
        turns = len(fleet.twins)  # one of each device; what else is on the agenda was delayed
        await eventually(lambda: len(fleet._agenda) <= turns, what="what was delayed")  # noqa: SLF001
        await eventually(lambda: links.all[0].outgoing == 0, what="every PUBACK")
        fleet.stop()
        await report
        await links.all[0].stop()
        await asyncio.wait(running)
    truth.close()

    lines = truth_lines(scratch / "truth.jsonl")
    count = collections.Counter(line["what"] for line in lines)
    generated = {(twin.code, seq) for twin in fleet.twins for seq in range(1, twin.seq + 1)}
    lost = {(line["device"], line["seq"]) for line in lines if line["what"] in {"drop", "malformed"}}
    in_outage = still_stored_by_devices(lines, {twin.code: twin.seq for twin in fleet.twins})
    expected = generated - lost - in_outage

    connection = await db.connect(database, program="test")

    async def stored() -> set[tuple[str, int]]:
        rows = await connection.fetch("select d.code, r.seq from reading_hydrant r join device d on d.id = r.device_id")
        assert len({(row["code"], row["seq"]) for row in rows}) == len(rows)
        return {(row["code"], row["seq"]) for row in rows}

    async def complete() -> bool:
        kept = await connection.fetchval("select count(*) from reject")  # what comes last may be one of these
        return await stored() >= expected and kept >= count["unit_mixup"] + count["malformed"]

    await eventually(complete, what="every good reading", every_s=0.3)
    assert await stored() == expected
    assert all(count[fault] > 0 for fault in ("drop", "duplicate", "reorder", "unit_mixup", "malformed", "outage"))
    rejects = await connection.fetch("select reason, stored from reject")
    assert sum(row["stored"] for row in rejects) == count["unit_mixup"]
    assert sum(not row["stored"] for row in rejects) == count["malformed"]
    repeats = "select sum(duplicates) >= $1 from device_quality"
    await eventually(lambda: connection.fetchval(repeats, count["duplicate"]), what="every repeat")
    assert await connection.fetchval("select sum(duplicates) from device_quality") == count["duplicate"]
    await connection.close()


def still_stored_by_devices(lines: list[dict[str, Any]], last_seq: dict[str, int]) -> set[tuple[str, int]]:
    """Return readings of outages that had not ended when the devices fell silent."""
    open_from: dict[str, int] = {}
    for line in lines:
        if line["what"] == "outage":
            open_from[line["device"]] = line["seq"]
        elif line["what"] == "burst":
            open_from.pop(line["device"], None)
    return {(code, seq) for code, first in open_from.items() for seq in range(first, last_seq[code] + 1)}
