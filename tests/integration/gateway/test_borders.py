"""One bad row, frame, command, message or disk costs itself: every other panel's fire goes on, and it is shown."""

import asyncio
import contextlib
import json
import resource
import sqlite3

import asyncpg
import pytest

from tests.integration.gateway.conftest import until
from tests.integration.gateway.dialling import address_of, detector_state
from tests.integration.gateway.leaving import fire_of, known, register
from tests.support.waiting import eventually


@pytest.fixture
def gateway(bare_gateway):
    return bare_gateway


@pytest.fixture
async def db(database):
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def set_aside(db, kind):
    return await db.fetch("select * from set_aside where program = 'gateway' and kind = $1 and done_at is null", kind)


async def test_a_registry_row_that_is_none_costs_that_panel_its_name_alone(gateway, store, dial, db, database):
    await register(database, 61)
    await db.execute("alter table device drop constraint device_gateway_address_check")
    for number, address in enumerate(("not hex at all", "4242", "", "zz" * 6)):
        await db.execute(
            """insert into device (code, kind, area, registered, gateway_address)
               values ($1, 'panel', '140931', true, $2)""",
            f"bad-{number}",
            address,
        )

    async def listed():
        return {row["name"] for row in await set_aside(db, "panel")} == {f"bad-{number}" for number in range(4)}

    await eventually(listed, what="the bad rows are listed")
    panel = await dial(61)
    await panel.confirmed(panel.send(detector_state(0b11)))
    assert store.of("fire")[0]["device"] == "panel-61"
    await db.execute("update device set gateway_address = null where code like 'bad-%'")
    await db.execute("update device set gateway_address = $1 where code = 'bad-1'", address_of(62).hex())

    async def only_those_that_still_fail():
        return "bad-1" not in {row["name"] for row in await set_aside(db, "panel")}

    await eventually(only_those_that_still_fail, what="the mended row is struck off")


async def test_commands_that_make_no_sense_fail_alone_with_their_error(gateway, store, dial, db, database):
    await register(database, 63)
    await known(gateway)
    panel = await dial(63)
    await panel.confirmed(panel.send(b""))
    device = await db.fetchval("select id from device where code = 'panel-63'")
    hostile = (
        {"since": "9999-12-31T23:59:59-14:00", "count": 5},
        {"component_address": "four bytes"},
        {"timeout_min": 10**30},
        ["no", "object"],
        "text",
        None,
    )
    names = ("read_utd_operation", "read_component_state", "guard_check", "read_utd_time", "read_utd_time", "no such")
    for name, arguments in zip(names, hostile, strict=True):
        await db.execute(
            "insert into command (device_id, command, arguments, created_by) values ($1, $2, $3::text::jsonb, 't')",
            device,
            name,
            json.dumps(arguments),
        )
    await panel.order(88, count=2)

    async def others_failed():
        rows = await db.fetch("select error from command where state = 'failed'")
        return len(rows) == 4 and all(row["error"] for row in rows)

    await eventually(others_failed, what="each failed with its error")
    await panel.confirmed(panel.send(detector_state(0b11)))
    assert gateway.process.poll() is None


async def test_a_result_that_the_database_refuses_holds_back_no_other(gateway, store, dial, db, database):
    await register(database, 64)
    await known(gateway)
    panel = await dial(64)
    await panel.confirmed(panel.send(b""))
    device = await db.fetchval("select id from device where code = 'panel-64'")
    await db.execute(
        "alter table command add constraint poison check (command <> 'read_utd_state' or state = 'queued')"
    )
    ids = [
        await db.fetchval(
            "insert into command (device_id, command, created_by) values ($1, $2, 't') returning id", device, name
        )
        for name in ("read_utd_state", "guard_check")
    ]
    await panel.order(91)

    async def sent():
        return await db.fetchval("select state from command where id = $1", ids[1]) == "sent"

    await eventually(sent, what="the other command is sent")

    async def listed():
        rows = await set_aside(db, "command result")
        return any(row["name"] == str(ids[0]) and "poison" in row["error"] for row in rows)

    await eventually(listed, what="the refused result is listed with its real error")


async def test_messages_that_are_none_end_nothing(gateway, store, dial):
    panel = await dial(65)
    await panel.confirmed(panel.send(b""))
    base = "fire/v1/140931/panel/utd-410000000000/down/"
    bodies = (b"", b"\xff\xfe", b"[]", b"null", b'{"event_ids": [null, 1, {"a": 1}]}', b'{"event_ids": "x"}',
              b'{"id": "\\ud800", "command": "guard_check"}', b'{"id": 7, "command": ["a"]}', b"[" * 10_000,
              b'{"id": "a", "command": "guard_check", "arguments": {"timeout_min": 1e999}}')  # fmt: skip
    for body in bodies:
        for channel in ("ack", "command"):
            await store.session.publish(base + channel, body)
    await panel.confirmed(panel.send(detector_state(0b11)))
    assert len(store.of("fire")) == 1
    assert gateway.process.poll() is None


async def test_without_room_on_the_disk_fires_are_told_and_confirmed_only_with_room(gateway, store, dial, database):
    await register(database, 66)
    await known(gateway)
    panel = await dial(66)
    await panel.confirmed(panel.send(b""))
    pid = gateway.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    fires = [panel.send(detector_state(0b11, point=point)) for point in range(5)]
    await until(lambda: len(store.of("fire")) == 5, "told without a disk")
    await until(lambda: len(store.acked) >= 5, "and stored by ingest")
    beat = panel.send(b"")
    await panel.confirmed(beat)
    assert not {reply.serial for reply in panel.replies} & {fire.serial for fire in fires}
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    for fire in fires:
        await panel.confirmed(fire)
    assert len(store.of("fire")) == 5
    assert gateway.process.poll() is None


async def test_a_journal_that_cannot_be_read_is_put_aside_at_the_start(gateway, store, dial):
    gateway.kill()
    folder = gateway.folder / "gateway"
    for path in folder.iterdir():
        path.write_bytes(b"this is no journal " * 1000)
    gateway.restart()
    await asyncio.to_thread(gateway.wait_ready)
    panel = await dial(67)
    await panel.confirmed(panel.send(detector_state(0b11)))
    assert list(folder.glob("journal-damaged-*.sqlite3"))


async def test_a_state_folder_that_cannot_be_written_ends_nothing(gateway, store, dial, database):
    await register(database, 68)
    gateway.kill()
    folder = gateway.folder / "gateway"
    folder.rename(gateway.folder / "kept")
    folder.write_text("in the way")
    gateway.restart()
    await asyncio.to_thread(gateway.wait_ready)
    panel = await dial(68)
    fire = panel.send(detector_state(0b11))
    await until(lambda: store.of("fire"), "told without a journal")
    folder.unlink()
    (gateway.folder / "kept").rename(folder)
    await panel.confirmed(fire)
    assert len(store.of("fire")) == 1


async def test_a_last_known_state_that_is_none_costs_itself_alone(gateway, store, dial):
    panel = await dial(69)
    await panel.confirmed(panel.send(detector_state(0b101)))
    gateway.kill()
    with contextlib.closing(sqlite3.connect(gateway.folder / "gateway" / "journal.sqlite3")) as file:
        file.execute("update state set bits = 'many', arrival = 'late'")
        file.commit()
    gateway.restart()
    await asyncio.to_thread(gateway.wait_ready)
    panel = await dial(69)
    panel.serial = 10
    await panel.confirmed(panel.send(detector_state(0b11)))
    assert len(store.of("fire")) == 1
    assert "journal_row_unreadable" in gateway.log_text()


async def test_a_frame_that_was_set_aside_is_taken_when_a_person_asks(gateway, store, db):
    frame = fire_of(70)
    await db.execute(
        """insert into set_aside (program, kind, name, fire, error, detail, first_at, last_at, retry_requested_at)
           values ('gateway', 'frame', 'f', true, 'ValueError: x', $1::text::jsonb, now(), now(), now())""",
        json.dumps({"frame": frame.hex(), "peer": "127.0.0.1"}),
    )
    await until(lambda: store.of("fire"), "the fire")

    async def struck_off():
        return not await set_aside(db, "frame")

    await eventually(struck_off, what="struck off")
