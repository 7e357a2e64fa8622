"""Broken bytes end to end: readable events and readings are rows, nothing that PostgreSQL refuses stops a lane."""

import json

import orjson
import pytest

from tests.support.broker_fleet import event, now_ms, reading, topic, wait_for

HOSTILE = "a\\u0000b\\ud83dc\\u202e\\uffff"  # as JSON escapes: NUL, half a pair, a turn of direction, a non-character
BROKEN = {
    "nul": lambda text: text.encode() + b"\0",
    "nuls": lambda text: text.encode() + b"\0" * 256,
    "ctrl-z": lambda text: text.encode() + b"\x1a",
    "comma": lambda text: text[:-1].encode() + b",}",
    "brace": lambda text: text[:-1].encode(),
    "two": lambda text: text.encode() * 2,
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "gb18030": lambda text: text.encode("gb18030"),
}


async def test_broken_but_readable_messages_are_stored_flagged_acknowledged_and_deduplicated(ingest, fleet, rows):
    for name, broken in BROKEN.items():
        sent = event(name, "manual_alarm", component="3-12", description="三楼手报")
        payload = broken(json.dumps(sent, ensure_ascii=False))
        await fleet.send(topic("P1", "up/event", "panel"), payload)
        await fleet.send(topic("P1", "up/event", "panel"), payload)  # unacknowledged devices send again
        values = reading(1, pressure_mpa=0.31, note="东关", cap_open=False)
        await fleet.send(topic(f"H-{name}"), broken(json.dumps(values, ensure_ascii=False)))
    await wait_for(lambda: set(fleet.acked_ids("P1")) == set(BROKEN), what="every event acknowledged")
    await rows.until("select count(*) from reading_hydrant where pressure_mpa = 0.31", equals=len(BROKEN))
    found = await rows.all("select event_id, type, component, extra from event")
    assert sorted(row["event_id"] for row in found) == sorted(BROKEN)
    assert {(row["type"], row["component"]) for row in found} == {("manual_alarm", "3-12")}
    assert all(row["extra"]["flags"] for row in found)
    assert await rows.one("select count(*) from reading_hydrant where extra ? 'flags'") == len(BROKEN)
    assert await rows.one("select count(*) from reject where not stored") == 0


async def test_an_empty_retained_payload_is_no_event_no_reject_and_no_device(ingest, fleet, rows):
    for channel in ("up/event", "up/telemetry", "up/status"):
        await fleet.send(
            topic("P1", channel, "panel"), event("e") if channel == "up/event" else reading(1), retain=True
        )
    await rows.until("select count(*) from event", equals=1)
    await rows.until("select count(*) from reject", equals=2)  # a hydrant's reading from a panel, and as a status
    before = await rows.one("select count(*) from reject")
    for channel in ("up/event", "up/telemetry", "up/status"):
        await fleet.send(topic("P1", channel, "panel"), b"", retain=True)
        await fleet.send(topic("P2", channel, "panel"), b"", retain=True)
    await fleet.send(topic("P3", "up/event", "panel"), event("after"))
    await fleet.send(topic("H3"), reading(1))
    await rows.until("select count(*) from event", equals=2)
    await rows.until("select count(*) from reading_hydrant", equals=1)
    assert await rows.one("select count(*) from reject") == before
    assert await rows.one("select count(*) from device where code = 'P2'") == 0


EVENT_TEXTS = ["event_id", "type", "component", "zone", "description", "ts", "seq", "system_type", "active", "x"]


@pytest.mark.parametrize("quote", ['"%s"', '{"%s":"%s"}'], ids=["text", "name"])
async def test_no_text_of_any_field_stops_a_lane(ingest, fleet, rows, quote):
    """A NUL or half a surrogate pair in every field of event, reading and status, well formed and broken."""
    pid = ingest.process.pid
    hostile = quote.replace("%s", HOSTILE)
    for number, name in enumerate(EVENT_TEXTS):
        parts = {"event_id": f'"e{number}"', "type": '"fire"', "ts": str(now_ms())} | {name: hostile}
        body = "{" + ",".join(f'"{part}":{value}' for part, value in parts.items()) + "}"
        for payload in (body.encode(), body.encode() + b"\0", body[:-1].encode(), f"[{body},{body}".encode()):
            await fleet.send(topic("P1", "up/event", "panel"), payload)
    for name in ("ts", "seq", "pressure_mpa", "cap_open", "note", HOSTILE):
        parts = {"ts": str(now_ms()), "seq": "1", "flow_lps": "1.5"} | {name: hostile}
        body = "{" + ",".join(f'"{part}":{value}' for part, value in parts.items()) + "}"
        for payload in (body.encode(), body.encode() + b"\0", body[:-1].encode(), f"[{body},{body}".encode()):
            await fleet.send(topic("H1"), payload)
    for body in ('{"online":%s}', '{"online":true,"ts":%s}', "%s"):
        for payload in (body.replace("%s", hostile).encode(), body.replace("%s", hostile).encode() + b"\0"):
            await fleet.send(topic("P1", "up/status", "panel"), payload)
    await fleet.send(topic("P2", "up/event", "panel"), event("last"))
    await fleet.send(topic("H2"), orjson.dumps(reading(1)))
    await wait_for(lambda: fleet.acked_ids("P2") == ["last"], what="the event lane goes on")
    await rows.until(
        "select count(*) from reading_hydrant r join device d on d.id = r.device_id where code = 'H2'", equals=1
    )
    assert (ingest.process.poll(), ingest.process.pid) == (None, pid)
    assert await rows.one("select count(*) from reject where reason = 'storage_refused'") == 0
    fires = "from event e join device d on d.id = e.device_id where d.code = 'P1' and type = 'fire'"
    await rows.until(f"select count(*) >= {len(EVENT_TEXTS) - 2} {fires}")  # devices take turns: P2's may come first
