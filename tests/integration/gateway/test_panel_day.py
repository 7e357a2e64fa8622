"""One day of one panel, from connecting to guard check, through the real gateway, ingest and alerts."""

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg

from services.gateway.frames import encode
from services.gateway.objects import Item, write_unit
from tests.integration.gateway.dialling import detector_state, label, operation
from tests.support.waiting import PATIENCE_S

CODE = "utd-b20700000000"
NUMBER = 0x07B2


async def fetch(database, query, *values):
    connection = await asyncpg.connect(database)
    try:
        return await connection.fetch(query, *values)
    finally:
        await connection.close()


async def wait_for(database, query, wanted, what, timeout_s=PATIENCE_S):
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        rows = [tuple(row) for row in await fetch(database, query)]
        if rows == wanted:
            return
        assert asyncio.get_running_loop().time() < deadline, f"{what}: {rows}"
        await asyncio.sleep(0.05)


ALARMS = """select a.code, a.component, a.severity, a.state, a.confidence, a.verification
            from alarm a order by a.opened_at, a.id"""
TIME_LINE = """select e.type, e.active, e.component from event e
               join device d on d.id = e.device_id where d.code = 'utd-b20700000000' order by e.received_at, e.seq"""


async def test_a_panel_day_reads_as_a_time_line_and_ends_with_the_expected_alarms(whole, database, dial):
    panel = await dial(NUMBER)
    await panel.confirmed(panel.send(b""))  # connect, first heartbeat
    await panel.order(90)  # the centre sets the clock
    for word in (
        operation(6),  # the guard presses test
        detector_state(0b10, 1, 1),  # and a detector is tried with spray, bit 0 says test mode
        detector_state(0b00, 1, 1),
        operation(0, flag=4),  # reset
        detector_state(0b11, 3, 12),  # the real one; nobody judged the trial, so it bears witness for 5 min
        detector_state(0b11, 3, 13),  # a second detector
        operation(1),  # silence
        operation(0, flag=4),  # reset
        write_unit(21, [Item(state=0b1001, time=label())]),  # mains failed
        write_unit(21, [Item(state=0b0001, time=label())]),  # and came back
    ):
        await panel.confirmed(panel.send(word))
        await panel.confirmed(panel.send(b""))
    (device,) = await fetch(database, "select id from device where code = $1", CODE)
    command = uuid.uuid4()
    await fetch(
        database,
        """insert into command (id, device_id, command, arguments, created_by)
           values ($1, $2, 'guard_check', '{"timeout_min": 5}', 'user:test')""",
        command,
        device["id"],
    )
    order = await panel.order(91)
    assert order.adu == b"\x5b\x01\x05"
    await panel.confirmed(panel.send(operation(5)))  # the guard is at his desk

    await wait_for(
        database,
        TIME_LINE,
        [
            ("test", True, ""),
            ("fire", True, "1-1 感烟火灾探测器"),
            ("fire", False, "1-1 感烟火灾探测器"),
            ("reset", True, ""),
            ("fire", True, "3-12 感烟火灾探测器"),
            ("fire", True, "3-13 感烟火灾探测器"),
            ("silence", True, ""),
            ("reset", True, ""),
            ("mains_fault", True, ""),
            ("mains_fault", False, ""),
            ("guard_reply", True, ""),
        ],
        "the time line",
    )
    await wait_for(database, "select state, reply is not null from command", [("replied", True)], "the guard check")
    await wait_for(database, "select count(*) from alarm where code = 'fire'", [(3,)], "three fire alarms")
    confirmed = "select count(*) from alarm where confidence = 'confirmed'"
    await wait_for(database, confirmed, [(3,)], "independent detectors confirm each other")
    fires = [row for row in await fetch(database, ALARMS) if row["code"] == "fire"]
    fires.sort(key=lambda row: row["component"])
    assert [row["component"][:4].strip() for row in fires] == ["1-1", "3-12", "3-13"]
    assert all(row["state"] in {"unacknowledged", "returned"} for row in fires)  # silence and reset end no fire
    assert all(row["verification"] in {"none", "pending"} for row in fires)
    assert {row["confidence"] for row in fires} == {"confirmed"}
    await wait_for(
        database,
        "select severity, state from alarm where code = 'power_fault'",
        [("major", "returned")],
        "the power fault, over",
    )


async def test_a_clock_nine_years_behind_costs_no_fire_and_is_kept_beside(whole, database, dial):
    panel = await dial(NUMBER)
    begun = datetime.now(UTC).replace(microsecond=0)
    old = label(begun - timedelta(days=3300))
    fire = panel.frame(detector_state(0b10, time=old))
    panel.write(encode(fire))
    await panel.confirmed(fire)
    (row,) = await fetch(database, "select ts, device_ts, received_at from event where type = 'fire'")
    assert begun <= row["ts"] <= row["received_at"]  # when the gateway heard it
    assert row["device_ts"].year < 2020
    await wait_for(database, "select code, state from alarm where code = 'fire'", [("fire", "unacknowledged")], "fire")


async def test_a_measured_pressure_belongs_to_a_hydrant_that_reports_through_the_panel(whole, database, dial):
    panel = await dial(NUMBER)
    pressure = Item(
        system_type=11, system_address=1, component_type=0, component_address=b"\x03\0\x0c\0", analog_type=5, value=900
    )
    for _ in range(3):
        adu = write_unit(3, [replace(pressure, time=label())])
        await panel.confirmed(panel.send(adu))
    await wait_for(
        database,
        "select d.kind, d.gateway, count(*) from reading_hydrant r join device d on d.id = r.device_id "
        "where r.pressure_mpa = 0.09 group by 1, 2",
        [("hydrant", CODE, 3)],
        "readings of the hydrant",
    )
