import asyncio

import pytest

from services.gateway.frames import CONTROL, REQUEST, RESPONSE, Frame, encode
from services.gateway.objects import Item, write_unit
from tests.integration.gateway.conftest import until
from tests.integration.gateway.dialling import detector_state, operation

WORKED = bytes.fromhex(
    "40400201010208060504031992100000000001000000000012000203010b010003000c0005220b070605040319732323"
)
CONFIRM_OF_WORKED = "404002010102080605040319010000000000921000000000000003df2323"


async def test_a_fire_is_confirmed_only_after_its_ack(gateway, store, dial):
    panel = await dial(4242)
    store.hold()
    fire = panel.send(detector_state(0b11))
    await until(lambda: store.of("fire"), "the fire is published")
    heartbeat = panel.send(b"")
    await panel.confirmed(heartbeat)
    assert [reply.serial for reply in panel.replies] == [heartbeat.serial]
    store.release()
    await panel.confirmed(fire)
    (event,) = store.of("fire")
    assert event["component"] == "3-12 感烟火灾探测器"
    assert event["topic"] == "fire/v1/140931/panel/utd-921000000000/up/event"


async def test_the_worked_example_becomes_a_hydrant_reading_and_its_confirm_is_byte_exact(gateway, store, dial):
    panel = await dial(4242)
    panel.write(WORKED)
    await until(lambda: panel.replies, "the confirm")
    assert encode(panel.replies[0]).hex() == CONFIRM_OF_WORKED
    hydrant = "utd-921000000000-hydrant-11-1-3-12"
    await until(lambda: any(code == hydrant for code, _ in store.readings), "the reading")
    assert [body["pressure_mpa"] for code, body in store.readings if code == hydrant] == [0.285]


@pytest.mark.parametrize("adu", [b"", b"\x16", b"\x01", write_unit(28, [Item(time=bytes((1, 2, 3, 4, 5, 26)))])])
async def test_every_form_of_heartbeat_is_confirmed_and_shows_the_panel_alive(gateway, store, dial, adu):
    panel = await dial(7)
    reply = await panel.confirmed(panel.send(adu))
    assert reply.adu == (b"\x17" if adu == b"\x16" else b"")
    await until(lambda: any(body.get("link_ok") for _, body in store.readings), "a sign of life")
    assert store.events == []


async def test_exactly_the_four_check_errors_are_denied(gateway, store, dial):
    panel = await dial(8)
    await panel.confirmed(panel.send(b""))
    for serial, spoil in enumerate(
        (
            lambda data: data[:-3] + bytes((data[-3] ^ 1,)) + data[-2:],
            lambda data: data[:-1] + b"!",
            lambda data: data[:24] + (1025).to_bytes(2, "little") + data[26:],
        ),
        start=100,
    ):
        frame = panel.frame(detector_state(0b11), serial=serial)
        panel.write(spoil(encode(frame)))
        await panel.denied(frame)
    for serial, command in enumerate((0, 7, 127, 200), start=200):
        await panel.denied(panel.send(b"", command=command, serial=serial))
    for serial, frame in enumerate((b"\x09\x01\x00", b"\x82\x01\xff", b"\xff\x00"), start=300):
        await panel.confirmed(panel.send(frame, serial=serial))
    other_version = panel.send(detector_state(0b11), serial=400, version_main=0x10)
    await panel.confirmed(other_version)
    assert len(store.of("fire")) == 1


async def test_a_retransmission_is_one_event_and_confirmed_again(gateway, store, dial):
    panel = await dial(9)
    fire = panel.send(detector_state(0b11))
    await panel.confirmed(fire)
    panel.write(encode(fire))
    await panel.confirmed(fire, count=2)
    again = await dial(9)
    again.write(encode(fire))
    await again.confirmed(fire)
    assert len(store.of("fire")) == 1


async def test_a_stuck_clock_and_restarted_serials_never_swallow_a_new_fire(gateway, store, dial):
    stuck = bytes((0, 0, 0, 1, 1, 0))
    panel = await dial(10)
    fire = panel.frame(detector_state(0b10, time=stuck), serial=0, time=stuck)
    reset = panel.frame(write_unit(24, [Item(operation=1, operator=0, time=stuck)]), serial=1, time=stuck)
    for turn in range(1, 4):
        panel.write(encode(fire))
        await panel.confirmed(fire, count=turn)
        panel.write(encode(reset))
        await panel.confirmed(reset, count=turn)
    assert len(store.of("fire")) == 3
    assert len({event["event_id"] for event in store.of("fire")}) == 3
    assert len(store.of("reset")) == 3


async def test_a_stream_in_single_bytes_with_noise_between_is_understood(gateway, store, dial):
    panel = await dial(11)
    first, second = panel.frame(detector_state(0b11)), panel.frame(detector_state(0b11, point=13))
    for byte in b"noise" + encode(first) + b"\r\n##@" + encode(second):
        panel.write(bytes((byte,)))
        await asyncio.sleep(0)
    await panel.confirmed(first)
    await panel.confirmed(second)
    assert [event["component"][:4] for event in store.of("fire")] == ["3-12", "3-13"]


async def test_a_storm_of_full_frames_in_one_write_is_stored_and_fires_come_first(gateway, store, dial):
    panel = await dial(12)
    faults = [panel.frame(detector_state(0b101, loop=1, point=point)) for point in range(39)]
    storm = write_unit(
        2,
        [
            Item(
                system_type=1,
                system_address=1,
                component_type=40,
                component_address=bytes((9, 0, point, 0)),
                state=2,
                text=bytes(31),
                time=bytes((1, 2, 3, 4, 5, 26)),
            )
            for point in range(22)
        ],
    )
    fire = panel.frame(storm)
    panel.write(b"".join(encode(frame) for frame in (*faults, fire)))
    await panel.confirmed(fire)
    for fault in faults:
        await panel.confirmed(fault)
    order = [reply.serial for reply in panel.replies]
    assert order.index(fire.serial) < 15  # of 39 that came before it
    more = [panel.frame(detector_state(0b101, loop=2, point=point)) for point in range(161)]
    panel.write(b"".join(encode(frame) for frame in more))
    for fault in more:
        await panel.confirmed(fault)
    assert len(store.of("fire")) == 22
    assert len(store.of("fault")) == 200


async def test_the_manual_key_and_the_guard_reply_arrive_as_their_types(gateway, store, dial):
    panel = await dial(13)
    await panel.confirmed(panel.send(operation(2)))
    await panel.confirmed(panel.send(operation(5)))
    assert [event["type"] for event in store.events] == ["manual_alarm", "guard_reply"]


async def test_states_and_sequence_numbers_survive_a_kill(gateway, store, dial):
    panel = await dial(14)
    await panel.confirmed(panel.send(detector_state(0b101)))
    gateway.kill()
    gateway.restart()
    gateway.wait_ready()
    panel = await dial(14)
    panel.serial = 10
    await panel.confirmed(panel.send(detector_state(0b101)))
    await panel.confirmed(panel.send(detector_state(0b001)))
    faults = store.of("fault")
    assert [event["active"] for event in faults] == [True, False]
    assert [event["seq"] for event in faults] == [0, 1]


async def test_what_was_not_acknowledged_is_published_again_after_a_kill_byte_for_byte(gateway, store, dial):
    panel = await dial(15)
    store.hold()
    fire = panel.send(detector_state(0b11))
    await until(lambda: store.payloads, "published once")
    gateway.kill()
    gateway.restart()
    gateway.wait_ready()
    await until(lambda: len(store.payloads) >= 2, "published again")
    assert len(set(store.payloads)) == 1
    panel = await dial(15)
    panel.write(encode(fire))
    store.release()
    await panel.confirmed(fire)
    assert len(store.of("fire")) == 1


async def test_a_second_link_is_reported_serves_its_fires_and_displaces_nothing(gateway, store, dial):
    first = await dial(16)
    await first.confirmed(first.send(b""))
    second = await dial(16)
    second.serial = 500
    await second.confirmed(second.send(detector_state(0b11)))
    await until(lambda: store.of("operation"), "the second link is reported")
    assert "第二条连接" in store.of("operation")[0]["description"]
    await first.order(81)  # the first is asked whether it lives
    await first.confirmed(first.send(b""))
    await until(lambda: store.of("tamper"), "two live links with one address are reported")
    assert not first.closed.is_set()
    await second.close()
    await until(lambda: len(store.of("tamper")) == 2, "the end of it is reported")
    assert store.of("tamper")[1]["active"] is False
    await first.confirmed(first.send(b""))


async def test_replies_go_on_while_the_broker_is_away_and_fires_wait_for_their_commit(gateway, store, dial, broker):
    panel = await dial(17)
    await panel.confirmed(panel.send(b""))
    broker.kill()
    fire = panel.send(detector_state(0b11))
    await panel.confirmed(panel.send(b""))
    assert all(reply.serial != fire.serial for reply in panel.replies)
    broker.start()
    await panel.confirmed(fire)
    assert len(store.of("fire")) == 1


async def test_a_frame_is_a_frame_of_its_source_even_when_it_shares_a_link(gateway, store, dial):
    panel = await dial(18)
    other = Frame(0, 2, (19).to_bytes(6, "little"), bytes(6), detector_state(0b11))
    panel.write(encode(other))
    await panel.confirmed(other)
    assert store.of("fire")[0]["device"] == "utd-130000000000"


@pytest.mark.parametrize("command", [CONTROL, REQUEST, RESPONSE])
async def test_a_fire_is_heard_whatever_command_it_was_sent_as(gateway, store, dial, command):
    panel = await dial(20)
    fire = panel.send(detector_state(0b10), command=command)
    for count in (1, 2) if command != RESPONSE else ():  # which nobody confirms
        await panel.confirmed(fire, count=count)
        panel.write(encode(fire))
    await until(lambda: store.of("fire"), "the fire")
    await panel.confirmed(panel.send(b""))
    other = panel.send(write_unit(90, [Item(time=bytes(6))]), command=CONTROL)
    await panel.confirmed(panel.send(b""))
    assert all(reply.serial != other.serial for reply in panel.replies)
    assert [event["type"] for event in store.events] == ["fire"]
