"""Commands go down to MQTT devices, their answers come back to the row."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import orjson
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from services.gateway.commands import QUERIES as OF_LINKS
from services.ingest.commands import QUERIES
from services.ingest.decode import decode
from services.ingest.store import Rest
from tests.support.broker_fleet import event, now_ms, reading, topic, wait_for
from tests.support.waiting import eventually

QUEUE = """
insert into command (device_id, command, arguments, created_by, answer_by)
select id, $1, $2, 'test', now() + $3::text::interval from device where code = 'P1' returning id
"""


def sent_to(fleet, device):
    return [
        orjson.loads(delivery.payload)
        for delivery in fleet.down
        if delivery.topic == topic(device, "down/command", "panel", "140931101")
    ]


async def queue(fleet, rows, command="guard_check"):
    await fleet.send(topic("P1", kind="panel", area="140931101"), reading(1, mains_ok=True))
    await rows.until("select count(*) from device_state where last_topic is not null", equals=1)
    command_id = await rows.one(QUEUE, command, {"timeout_min": 10}, "10 min")
    await wait_for(lambda: sent_to(fleet, "P1"), what="the command at the device")
    await rows.until("select state from command", equals="sent")
    return str(command_id)


async def test_a_command_is_sent_on_the_last_topic_and_answered_by_its_id(ingest, fleet, rows):
    command_id = await queue(fleet, rows)
    assert sent_to(fleet, "P1") == [{"id": command_id, "command": "guard_check", "timeout_min": 10}]
    await fleet.send(topic("P1", "up/event", "panel"), event("r", "guard_reply", command_id=command_id))
    await rows.until("select state from command", equals="replied")
    assert await rows.one("select reply ->> 'type' from command") == "guard_reply"


async def test_an_answer_may_name_its_command_as_the_command_named_itself(ingest, fleet, rows):
    first = await queue(fleet, rows)
    await fleet.send(topic("P1", "up/event", "panel"), event("r", "operation", id=first))
    await rows.until("select state from command", equals="replied")
    await rows.one(QUEUE, "guard_check", {"timeout_min": 10}, "10 min")
    await rows.until("select count(*) from command where state = 'sent'", equals=1)
    await fleet.send(topic("P1", "up/event", "panel"), event("again", "guard_reply", id=first))
    await rows.until("select count(*) from event", equals=2)
    assert await rows.one("select count(*) from command where state = 'sent'") == 1


async def test_a_guards_button_without_an_id_answers_the_open_check(ingest, fleet, rows):
    await queue(fleet, rows)
    await fleet.send(topic("P1", "up/event", "panel"), event("r", "guard_reply"))
    await rows.until("select state from command", equals="replied")


async def test_a_guards_reply_whose_own_id_is_a_uuid_answers_the_open_check(ingest, fleet, rows):
    await queue(fleet, rows)
    await fleet.send(topic("P1", "up/event", "panel"), event(uuid.uuid4().hex, "guard_reply"))
    await rows.until("select state from command", equals="replied")


@pytest.mark.parametrize("named", [True, False])
async def test_a_reply_that_comes_before_we_know_that_its_command_was_sent_answers_it(connection, stores, named):
    at_us = time.time_ns() // 1000
    await connection.execute("insert into device (code, kind, area) values ('P1', 'panel', '140931100')")
    command_id = await connection.fetchval(QUEUE, "guard_check", {}, "10 min")
    reply = event("r", "guard_reply", **({"command_id": str(command_id)} if named else {}))
    message = decode(topic("P1", "up/event", "panel"), orjson.dumps(reply), at_us)
    await stores["event"].write(connection, [message], Rest())
    await connection.execute(QUERIES["sent"], command_id, 10)
    row = await connection.fetchrow("select state, sent_at, reply ->> 'type' as said from command")
    assert (row["state"], row["said"]) == ("replied", "guard_reply")
    assert row["sent_at"] is not None
    await connection.execute("update command set sent_at = null")
    sent_at = datetime.now(UTC)
    await connection.execute(OF_LINKS["sent"], command_id, sent_at, sent_at)  # the same of a gateway's link
    row = await connection.fetchrow("select state, sent_at from command")
    assert tuple(row) == ("replied", sent_at)
    await connection.execute("update command set sent_at = to_timestamp(0)")
    await connection.execute(QUERIES["sent"], command_id, 10)  # said again: it was sent when it was
    assert await connection.fetchval("select sent_at = to_timestamp(0) from command")


@pytest.mark.parametrize(
    ("older", "pressed_min", "answered"),
    [
        ("sent", 0, "older"),  # it may still be answered
        ("unanswered", 0, "newer"),  # nobody answered it while there was time
        ("unanswered", -3, "older"),  # pressed before the newer one was made
        ("replied", 0, "newer"),
        ("replied", -3, None),
    ],
)
async def test_a_guards_key_answers_no_check_that_waits_to_be_sent_if_it_was_for_an_older_one(
    connection, stores, older, pressed_min, answered
):
    await connection.execute("insert into device (code, kind, area) values ('P1', 'panel', '140931100')")
    old = await connection.fetchval(QUEUE, "guard_check", {}, "8 min" if older == "sent" else "-1 min")
    await connection.execute(
        "update command set state = $1, created_at = now() - interval '5 min', sent_at = now() - interval '5 min',"
        " replied_at = case when $1 = 'replied' then now() - interval '4 min' end",
        older,
    )
    new = await connection.fetchval(QUEUE, "guard_check", {}, "10 min")
    pressed = event("r", "guard_reply", ts=now_ms() + pressed_min * 60_000)
    message = decode(topic("P1", "up/event", "panel"), orjson.dumps(pressed), time.time_ns() // 1000)
    await stores["event"].write(connection, [message], Rest())
    found = await connection.fetchval("select id from command where reply is not null")
    assert found == {"older": old, "newer": new, None: None}[answered]


async def test_a_guards_key_answers_no_check_that_waits_for_its_device_so_that_it_is_still_sent(connection, stores):
    await connection.execute("insert into device (code, kind, area) values ('P1', 'panel', '140931100')")
    await connection.execute(QUEUE, "guard_check", {}, "10 min")
    await connection.execute("update command set created_at = now() - interval '20 s'")
    message = decode(topic("P1", "up/event", "panel"), orjson.dumps(event("r", "guard_reply")), time.time_ns() // 1000)
    await stores["event"].write(connection, [message], Rest())
    assert await connection.fetchval("select state from command") == "queued"


async def test_a_reply_to_another_command_answers_no_check(ingest, fleet, rows):
    await queue(fleet, rows)
    await fleet.send(topic("P1", "up/event", "panel"), event("r", "guard_reply", command_id=str(uuid.uuid4())))
    await rows.until("select count(*) from event", equals=1)
    assert await rows.one("select state from command") == "sent"


async def test_no_answer_is_said_and_a_late_one_is_late(ingest, fleet, rows):
    command_id = await queue(fleet, rows)
    await rows.connection.execute("update command set answer_by = now()")
    await rows.until("select state from command", equals="unanswered")
    await fleet.send(topic("P1", "up/event", "panel"), event(command_id, "operation"))
    await rows.until("select state from command", equals="late")


async def test_commands_of_gateway_links_are_left_to_the_gateway(ingest, fleet, rows):
    await fleet.send(topic("P1", kind="panel"), reading(1, mains_ok=True))
    await rows.until("select count(*) from device", equals=1)
    await rows.connection.execute("update device set gateway_address = '0a0000000001'")
    await rows.one(QUEUE, "guard_check", {}, "10 min")
    await rows.connection.execute("insert into device (code, kind, area) values ('P2', 'panel', '140931100')")
    await rows.connection.execute(
        "insert into command (device_id, command, created_by) select id, 'x', 't' from device"
    )
    await rows.until("select count(*) from command where state = 'sent'", equals=1)
    assert await rows.one("select code from device d join command c on c.device_id = d.id where state = 'sent'") == "P2"


async def test_the_catch_all_leaves_a_command_to_the_partition_that_holds_the_devices_area(ingest, fleet, rows):
    await rows.one(
        "insert into lease (name, owner, expires_at) values"
        " ('ingest:140931100-140931101/event', gen_random_uuid(), now() + interval '1 h')"
    )
    for device, area in (("P1", "140931101"), ("P2", "140931102")):
        await fleet.send(topic(device, kind="panel", area=area), reading(1, mains_ok=True))
    await rows.until("select count(*) from device_state where last_topic is not null", equals=2)
    await rows.one(QUEUE, "guard_check", {}, "10 min")
    await rows.one(QUEUE.replace("P1", "P2"), "guard_check", {}, "10 min")
    await rows.until("select count(*) from command where state = 'sent'", equals=1)
    held = await rows.all("select code from command join device d on d.id = device_id where state = 'queued'")
    assert [row["code"] for row in held] == ["P1"]


@pytest.mark.usefixtures("ingest")
async def test_the_catch_all_leaves_a_command_to_a_partition_of_many_areas_too(fleet, rows, program, database, broker):
    areas = [f"14093110{n}" for n in range(1, 6)]
    many = program("ingest", DATABASE_URL=database, MQTT_URL=broker.url, INGEST_AREAS=",".join(areas))
    many.wait_ready()
    await rows.until("select areas = $1 from ingest_lane where writer like '140931101-5-%/event'", areas)
    many.kill()
    await rows.connection.execute("update lease set expires_at = now() + interval '1 h' where name like 'ingest:1409%'")
    for device, area in (("P1", "140931105"), ("P2", "140931106")):
        await fleet.send(topic(device, kind="panel", area=area), reading(1, mains_ok=True))
    await rows.until("select count(*) from device_state where last_topic is not null", equals=2)
    await rows.one(QUEUE, "guard_check", {}, "10 min")
    await rows.one(QUEUE.replace("P1", "P2"), "guard_check", {}, "10 min")
    await rows.until("select count(*) from command where state = 'sent'", equals=1)
    held = await rows.all("select code from command join device d on d.id = device_id where state = 'queued'")
    assert [row["code"] for row in held] == ["P1"]


@asynccontextmanager
async def device_of(url: str, version: MQTTProtocolVersion) -> AsyncIterator[list[str]]:
    """A device with a durable session while it is connected; yields the names of the commands that come down."""
    came, subscribed = list[str](), asyncio.Event()
    loop, parts = asyncio.get_running_loop(), urlsplit(url)
    old = version is MQTTProtocolVersion.MQTTv311
    client = Client(CallbackAPIVersion.VERSION2, "test.P1", protocol=version, clean_session=False if old else None)
    client.username_pw_set(parts.username, parts.password)
    client.on_message = lambda _client, _data, message: came.append(orjson.loads(message.payload)["command"])
    client.on_subscribe = lambda *_: loop.call_soon_threadsafe(subscribed.set)
    client.on_connect = lambda *_: client.subscribe(topic("P1", "down/command", "panel", "140931101"), qos=1)
    durable = {}
    if not old:
        durable = {"clean_start": False, "properties": Properties(PacketTypes.CONNECT)}
        durable["properties"].SessionExpiryInterval = 3600
    await asyncio.to_thread(client.connect, parts.hostname, parts.port, **durable)
    client.loop_start()
    try:
        await eventually(subscribed.is_set, what="the device listens")
        yield came
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)


async def send_with_little_time(rows) -> str:
    """Give a command as little time to be answered as this machine needs to send it."""
    for seconds in (2, 4, 8, 16, 32, 64):
        command_id = await rows.one(QUEUE, "old", {}, f"{seconds} s")
        await rows.until("select state <> 'queued' from command where id = $1", command_id)
        if await rows.one("select state from command where id = $1", command_id) != "failed":
            return command_id
    raise AssertionError("a minute is too little to send a command")


@pytest.mark.parametrize("version", [MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5], ids=["3.1.1", "5"])
async def test_a_device_that_comes_back_too_late_gets_no_old_command(ingest, broker, fleet, rows, version):
    await fleet.send(topic("P1", kind="panel", area="140931101"), reading(1, mains_ok=True))
    await rows.until("select count(*) from device_state where last_topic is not null", equals=1)
    async with device_of(broker.fleet_url, version):
        pass  # the broker knows its session
    old = await send_with_little_time(rows)
    kept = await rows.one(QUEUE, "kept", {}, "10 min")
    await rows.until("select state from command where id = $1", kept, equals="sent")
    await rows.until("select state from command where id = $1", old, equals="unanswered")
    answer_by = await rows.one("select answer_by from command where id = $1", old)
    over_at = answer_by.timestamp() + 5  # the broker counts whole seconds, from when it took the command
    await eventually(lambda: time.time() > over_at, what="the old command's time is over")
    async with device_of(broker.fleet_url, version) as came:
        await eventually(lambda: "kept" in came, what="the command that may still be answered")
    assert came == ["kept"]
    assert await rows.one("select state from command where id = $1", old) == "unanswered"


async def test_a_command_that_waited_too_long_for_ingest_is_not_sent_and_says_so(ingest, fleet, rows):
    command_id = await queue(fleet, rows)
    old = await rows.one(
        "insert into command (device_id, command, arguments, created_by, created_at)"
        """ select id, 'reset', '{"timeout_min": 5}', 'test', now() - interval '6 min' from device returning id"""
    )
    await rows.until("select state from command where id = $1", old, equals="failed")
    assert "not sent" in await rows.one("select error from command where id = $1", old)
    assert [command["id"] for command in sent_to(fleet, "P1")] == [command_id]
