"""Frames that are damaged alike each time they come, from a panel whose heartbeats are sound."""

from services.gateway.downlink import TRIES
from services.gateway.frames import encode
from tests.integration.gateway.conftest import until
from tests.integration.gateway.dialling import detector_state
from tests.integration.gateway.leaving import known
from tests.integration.gateway.registered import register, spoiled


async def test_a_fire_whose_every_copy_is_damaged_alike_is_heard_although_heartbeats_are_sound(
    gateway, store, dial, db
):
    await register(db, 45, "panel-45")
    await known(gateway)
    ours, stranger = await dial(45), await dial(46)
    for panel in (stranger, ours):
        frame = panel.frame(detector_state(0b10))
        for count in range(1, TRIES + 1):  # as the standard has it: once, and three repeats
            assert store.events == []
            panel.write(spoiled(encode(frame)))
            await panel.denied(frame, count=count)
            await panel.confirmed(panel.send(b""))
    (line,) = [line for line in gateway.log_text().splitlines() if "stranger_not_understood" in line]
    assert stranger.address.hex() in line
    await until(lambda: store.of("fire"), "its fire")
    assert store.of("fire")[0]["notes"] == ["checksum_wrong"]
    assert "校验错误" in store.of("fire")[0]["description"], "whoever sees the fire sees that as well"
    ours.write(spoiled(encode(frame)))
    await ours.denied(frame, count=TRIES + 1)
    await ours.confirmed(ours.send(b""))
    told = [(event["device"], event["type"], event.get("active", True)) for event in store.events]
    assert told == [("panel-45", "fire", True), ("panel-45", "line_fault", True)]
    await ours.confirmed(ours.send(detector_state(0b11)))
    await until(lambda: len(store.of("line_fault")) == 2, "data that is sound ends it")


async def test_a_frame_with_a_wrong_length_that_is_repeated_is_told(gateway, store, dial, db):
    await register(db, 47, "panel-47")
    await known(gateway)
    panel = await dial(47)
    frame = panel.frame(detector_state(0b100))
    data = encode(frame)
    wrong = data[:24] + bytes((data[24] - 2,)) + data[25:]
    for count in range(1, TRIES + 1):
        assert store.events == []
        panel.write(wrong)
        await panel.denied(frame, count=count)
        await panel.confirmed(panel.send(b""))
    await until(lambda: store.of("line_fault"), "nobody would know of it")
    assert [event["type"] for event in store.events] == ["line_fault"]
