import asyncio
import contextlib
from types import SimpleNamespace

import orjson

from services.core.clock import SystemClock
from services.core.mqtt import Delivery
from services.gateway import commands as commands_module
from services.gateway.border import Border
from services.gateway.commands import QUERIES, Commands
from services.gateway.downlink import GUARD_CHECK, Exchange
from services.gateway.frames import DENY, RESPONSE, Frame, answer, encode, read_time
from services.gateway.limits import Limits
from services.gateway.objects import Item, write_unit
from services.gateway.profiles import load_profiles
from services.gateway.registry import Registry
from tests.integration.gateway.conftest import until
from tests.integration.gateway.dialling import address_of, detector_state, label, operation
from tests.integration.gateway.leaving import known, look_ups_failed
from tests.integration.gateway.registered import ended, order, register, spoiled
from tests.support.waiting import PATIENCE_S, eventually


async def test_a_panel_may_call_the_moment_it_is_registered(gateway, store, dial, db):
    for number in range(141, 161):
        failed = look_ups_failed(gateway)
        await register(db, number, f"panel-{number}")
        panel = await dial(number)
        fires = [panel.send(detector_state(0b10, point=point)) for point in range(3)]
        beat = panel.send(b"")
        for frame in (*fires, beat):
            await panel.confirmed(frame)
        if look_ups_failed(gateway) == failed:
            break  # else the database was too busy to answer within the second that a fire waits
    assert [(event["device"], event["component"][:4]) for event in store.of("fire")[-3:]] == [
        (f"panel-{number}", f"3-{point} ") for point in range(3)
    ]


async def test_a_panel_of_ours_that_is_not_understood_any_more_is_told_until_it_is(gateway, store, dial, db):
    await register(db, 42, "panel-42")
    await known(gateway)
    ours, stranger = await dial(42), await dial(43)
    for panel in (ours, stranger):
        await panel.confirmed(panel.send(b""))
        for serial in range(100, 100 + 2 * Limits().damages_told):
            frame = panel.frame(detector_state(0b10), serial=serial)
            panel.write(spoiled(encode(frame)))
            await panel.denied(frame)
        await panel.confirmed(panel.send(b""))
    await until(lambda: len(store.of("line_fault")) == 2, "told, and that it is over")
    await ours.confirmed(ours.send(detector_state(0b10)))
    told = [(event["device"], event["type"], event["component"], event.get("active", True)) for event in store.events]
    assert told == [
        ("panel-42", "line_fault", "报文", True),
        ("panel-42", "line_fault", "报文", False),
        ("panel-42", "fire", "3-12 感烟火灾探测器", True),
    ]


async def test_a_registered_address_speaks_under_its_code_area_and_profile(gateway, store, dial, db):
    await register(db, 31, "panel-east", profile="point_first")
    await register(db, 32, "panel-west", profile="no_such_profile")
    await known(gateway, 2)
    panel = await dial(31)
    await panel.confirmed(panel.send(detector_state(0b11, 3, 12)))
    (event,) = store.of("fire")
    assert event["topic"] == "fire/v1/140931100/panel/panel-east/up/event"
    assert event["component"] == "12-3 感烟火灾探测器"
    other = await dial(32)
    await other.confirmed(other.send(detector_state(0b11, 3, 12)))
    assert store.of("fire")[1]["component"] == "3-12 感烟火灾探测器"
    await until(lambda: "profile_unknown" in gateway.log_text(), "the wrong profile is told")


async def test_a_device_of_another_area_takes_no_registered_panel_over(gateway, store, dial, db):
    await db.execute(
        "insert into device (code, kind, area, registered) values ($1, 'panel', '140931101', true)",
        f"utd-{address_of(44).hex()}",
    )
    await register(db, 44, "taker", area="140931100")
    await register(db, 45, "panel-45", area="140931100")  # of nobody else
    for refreshed in (False, True):
        if refreshed:
            failed = look_ups_failed(gateway)
            await known(gateway)
        for number in (44, 45):
            panel = await dial(number)
            panel.serial = 10 * refreshed
            await panel.confirmed(panel.send(detector_state(0b11, point=20 + refreshed)))
            await panel.close()
    names = [event["device"] for event in store.of("fire")]
    if failed:  # the database was too busy to answer within the second that a fire waits
        names[1] = "panel-45"
    assert names == [f"utd-{address_of(44).hex()}", "panel-45"] * 2


async def test_devices_that_measure_follow_their_panel_to_its_registered_code(gateway, store, dial, db):
    own = "utd-270000000000-hydrant-11-1-3-"
    for point, before in ((1, None), (2, "utd-270000000000"), (3, "set-by-hand")):
        await db.execute(
            "insert into device (code, kind, area, gateway) values ($1, 'hydrant', '140931', $2)",
            f"{own}{point}",
            before,
        )
    await register(db, 39, "panel-39")
    await known(gateway)
    panel = await dial(39)
    values = [Item(11, 1, 0, bytes((3, 0, point, 0)), analog_type=5, value=3000, time=label()) for point in (1, 2, 3)]
    await panel.confirmed(panel.send(write_unit(3, values)))

    async def follow():
        rows = await db.fetch("select gateway from device where kind = 'hydrant' order by code")
        return [row["gateway"] for row in rows] == ["panel-39", "panel-39", "set-by-hand"]

    await eventually(follow, what="both name the panel by its code")


async def test_the_clock_is_set_on_connect_and_commands_come_back_with_reply_and_time(gateway, store, dial, db):
    device = await register(db, 33, "panel-33")
    await known(gateway)
    panel = await dial(33)
    await panel.confirmed(panel.send(b""))
    sync = await panel.order(90)
    assert read_time(sync.adu[2:]) is not None
    assert (sync.source, sync.destination) == (b"\1\0\0\0\0\0", address_of(33))

    command = await order(db, device, "read_component_state", loop=3, point=12)
    request = await panel.order(62)
    assert request.adu.hex() == "3e01010103000c00"
    panel.write(encode(answer(request, RESPONSE, detector_state(0b101))))
    row = await ended(db, command)
    assert row["state"] == "replied"
    assert row["replied_at"] >= row["sent_at"]
    reply = orjson.loads(row["reply"])
    assert reply["objects"][0]["component"] == "3-12 感烟火灾探测器"
    assert reply["objects"][0]["state"] == 5
    await until(lambda: store.of("fault"), "a state that was read counts like one that was sent")

    command = await order(db, device, "read_system_state")
    panel.write(encode(answer(await panel.order(61), DENY)))
    row = await ended(db, command)
    assert (row["state"], "denied" in row["error"]) == ("failed", True)

    row = await ended(db, await order(db, device, "guard_check", timeout_min=999))
    assert (row["state"], row["error"]) == ("failed", "timeout_min: give a whole number from 1 to 255")

    command = await order(db, device, "initialise")
    await panel.order(89)
    assert (await ended(db, command))["state"] == "replied"

    command = await order(db, device, "guard_check", timeout_min=7)
    assert (await panel.order(91)).adu == b"\x5b\x01\x07"
    await panel.confirmed(panel.send(operation(5)))
    await until(lambda: store.of("guard_reply"), "the guard's answer")
    sent = "select answer_by - sent_at from command where id = $1 and state = 'sent'"  # ingest matches the answer
    within = await eventually(lambda: db.fetchval(sent, command), what="written down as sent")
    assert within.total_seconds() == 420


async def test_a_command_whose_time_is_over_is_not_carried_out_and_one_has_no_more_time_than_it_was_given(
    gateway, store, dial, db
):
    device = await register(db, 34, "panel-34")
    await known(gateway)
    panel = await dial(34)
    await panel.confirmed(panel.send(b""))
    await panel.order(90)  # its clock is set
    add = "insert into command (device_id, command, created_by, created_at, answer_by)"
    add += " values ($1, $2, 'county', {}) returning id"
    old = await db.fetchval(add.format("now() - interval '11 min', null"), device, "initialise")
    over = await db.fetchval(add.format("now(), now() - interval '1 s'"), device, "initialise")
    for command in (old, over):
        row = await ended(db, command)
        assert (row["state"], "not sent" in row["error"]) == ("failed", True)
    check = await db.fetchval(add.format("now(), now() + interval '3 min'"), device, "guard_check")
    assert (await panel.order(91)).adu == b"\x5b\x01\x0a", "the first that it was told"
    sent = "select answer_by - created_at from command where id = $1 and state = 'sent'"
    within = await eventually(lambda: db.fetchval(sent, check), what="written down as sent")
    assert within.total_seconds() == 180


async def test_a_guard_check_that_a_device_did_not_confirm_stays_open_for_the_guard(db, database):
    device = await register(db, 38, "panel-38")
    check, read = [await order(db, device, command) for command in ("guard_check", "read_utd_time")]
    await db.execute("update command set state = 'sent', sent_at = now()")
    clock = SystemClock()
    border = Border(clock)
    registry = Registry(database, clock, load_profiles(), "140931", border)
    commands = Commands(registry, None, clock, border)  # nothing is sent here
    running = asyncio.create_task(commands.run(), name="commands")
    for flag, number in ((GUARD_CHECK, check), (88, read)):
        commands.failed(Exchange(flag, Frame(0, 1, address_of(1), address_of(38)), number, 0.0), "no answer")
    assert (await ended(db, read))["error"] == "no answer"
    note = "select reply->>'not_confirmed' from command where id = $1 and state = 'sent'"
    assert await eventually(lambda: db.fetchval(note, check), what="noted, and still sent") == "no answer"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await registry.close()


async def test_a_gateway_without_the_link_of_a_panel_fails_only_what_nobody_sent(db, database, monkeypatch):
    monkeypatch.setattr(commands_module, "LINK_WITHIN_S", 0.0)
    device = await register(db, 40, "panel-40")
    at_the_other = await order(db, device, "guard_check", timeout_min=5)
    over_mqtt = await order(db, await register(db, 41, "p-mqtt"), "guard_check", timeout_min=5)
    await db.execute("update device set gateway_address = null where code = 'p-mqtt'")
    clock = SystemClock()
    border = Border(clock)
    registry = Registry(database, clock, load_profiles(), "140931", border)
    commands = Commands(registry, SimpleNamespace(link_of=lambda address: None), clock, border)
    fetch = registry.fetch

    async def fetch_late(query):
        """It takes up what waits just before the gateway of the link writes that it is sent."""
        rows = await fetch(query)
        if query == QUERIES["queued"]:
            await db.execute("update command set state = 'sent', sent_at = now() where id = $1", at_the_other)
        return rows

    monkeypatch.setattr(registry, "fetch", fetch_late)
    await db.execute("update command set state = 'sent', sent_at = now() where id = $1", over_mqtt)
    late = await order(db, device, "read_utd_time")
    body = orjson.dumps({"id": str(over_mqtt), "command": "guard_check", "timeout_min": 5})
    commands.delivered(Delivery("fire/v1/140931100/panel/p-mqtt/down/command", body, 1, False, False, 1, 0))
    running = asyncio.create_task(commands.run(), name="commands")
    assert "not connected" in (await ended(db, late))["error"], "written after those that waited longer"
    for number in (over_mqtt, at_the_other):
        assert await db.fetchval("select state from command where id = $1", number) == "sent"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await registry.close()


async def test_a_command_over_mqtt_reaches_a_panel_that_nobody_registered(gateway, store, dial):
    panel = await dial(34)
    await panel.confirmed(panel.send(b""))
    topic = "fire/v1/140931/panel/utd-220000000000/down/command"
    for body in (b"junk", b'{"id": "a", "command": "dance"}'):
        await store.session.publish(topic, body)
    body = {"id": "1b4e28ba-2fa1-11d2-883f-0016d3cca427", "command": "read_utd_time", "arguments": {}}
    for _ in range(2):  # the same id is one command
        await store.session.publish(topic, orjson.dumps(body))
    request = await panel.order(88)
    panel.write(encode(answer(request, RESPONSE, write_unit(28, [Item(time=label())]))))
    await store.session.publish(topic, b'{"id": "b", "command": "guard_check", "timeout_min": 3}')
    await panel.order(91)
    assert sum(frame.adu[:1] == b"\x58" for frame in panel.orders) == 1


async def test_a_panel_whose_network_no_profile_allows_is_refused(  # noqa: PLR0917 - fixtures
    program, database, broker, store, gateway_port, scratch
):
    scratch.joinpath("gateway-profiles.json").write_text(
        '{"standard": {"networks": ["10.9.0.0/16"]}}', encoding="utf-8"
    )
    started = program(
        "gateway", DATABASE_URL=database, MQTT_URL=broker.url, GATEWAY_PORT=gateway_port, STATE_DIR=scratch
    )
    started.wait_ready()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway_port)
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read(1) == b""
    writer.close()
    await until(lambda: "network_not_allowed" in started.log_text(), "it is told")


async def test_links_go_on_with_the_database_away_and_names_survive_a_restart(  # noqa: PLR0917 - fixtures
    gateway, store, dial, db, postgres, database
):
    await register(db, 35, "panel-35")
    await known(gateway)
    panel = await dial(35)
    await panel.confirmed(panel.send(b""))
    db.terminate()
    gateway.kill()
    postgres.kill()
    gateway.restart()
    gateway.wait_ready()
    panel = await dial(35)
    panel.serial = 50
    await panel.confirmed(panel.send(detector_state(0b11)))
    assert store.of("fire")[0]["device"] == "panel-35"
    postgres.start()


async def test_a_silent_link_is_asked_for_its_state_and_closed_when_it_stays_silent(  # noqa: PLR0917 - fixtures
    program, database, broker, store, gateway_port, dial, scratch
):
    scratch.joinpath("gateway-profiles.json").write_text(
        '{"standard": {"networks": ["127.0.0.0/8"], "idle_probe_s": 1, "silence_limit_s": 4, "clock_sync_s": 0}}',
        encoding="utf-8",
    )
    started = program(
        "gateway", DATABASE_URL=database, MQTT_URL=broker.url, GATEWAY_PORT=gateway_port, STATE_DIR=scratch
    )
    started.wait_ready()
    panel, mute = await dial(36), await dial(37)
    for one in (panel, mute):
        await one.confirmed(one.send(b""))
    for turn in (1, 2, 3):
        request = await panel.order(81, count=turn)
        panel.write(encode(answer(request, RESPONSE, write_unit(21, [Item(state=1, time=label())]))))
    await asyncio.wait_for(mute.closed.wait(), PATIENCE_S)
    assert not panel.closed.is_set()
    await until(lambda: any(body.get("mains_ok") is True for _, body in store.readings), "its mains, by its answer")
    await until(lambda: {"online": False}.items() <= dict(store.statuses).get("utd-250000000000", {}).items(), "told")
