"""What people say of alarms counts on both sides, the county's word first; commands come down and replies go up."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx2
import orjson
import pytest

from services.core.alarms.ledger import acts
from stack.children import free_port
from tests.integration.relay.conftest import County, Side, Start
from tests.support.broker_fleet import event, now_ms, reading, topic, wait_for
from tests.support.servers import Program

ALARM = "select * from alarm where code = 'fire' order by id desc limit 1"
LINES = """
    select actor from alarm_transition
    where alarm_id = $1 and act = $2 and outcome in ('verified', 'corrected', 'acknowledged')"""


@pytest.fixture
async def judged(township: Side, county: County, program: Start) -> None:
    """Both sides judge what they store."""
    program("alerts", DATABASE_URL=county.dsn)
    program("alerts", DATABASE_URL=township.dsn, RELAY_MQTT_URL=county.link["mqtt_url"])


async def fire(township: Side, county: County) -> tuple[asyncpg.Record, asyncpg.Record]:
    """A detector reports; return the alarm of each side."""
    one = event("e-1", component="1-23")
    await township.fleet.send(topic("panel-1", "up/event", "panel"), one)
    found = []
    for side in (township, county):
        await side.rows.until("select count(*) from alarm where code = 'fire'", equals=1)
        found += await side.rows.all(ALARM)
    return found[0], found[1]


async def verify(side: Side, alarm: asyncpg.Record, outcome: str, actor: str = "user:li") -> None:
    now = datetime.now(UTC)
    await acts.verify(side.rows.connection, alarm["id"], outcome=outcome, note="看过了", actor=actor, now=now)


def verdict_is(outcome: str) -> str:
    return f"select verification = '{outcome}' from alarm where code = 'fire' order by id desc limit 1"  # noqa: S608


async def test_a_verdict_of_the_township_is_that_persons_act_at_the_county(
    township: Side, county: County, relay: Callable[..., Program], judged: None
) -> None:
    relay()
    own, theirs = await fire(township, county)
    await acts.acknowledge(township.rows.connection, own["id"], actor="user:li", now=datetime.now(UTC))
    await county.rows.until("select acknowledged_by from alarm where code = 'fire'", equals="user:li@dongguan")
    await verify(township, own, "real")
    await county.rows.until(verdict_is("real"))
    assert await county.rows.one("select confidence from alarm where id = $1", theirs["id"]) == "confirmed"
    assert await county.rows.one(LINES, theirs["id"], "verify") == "user:li@dongguan"
    results = "select array_agg(result order by id) from carried_act"
    await township.rows.until(results, equals=["applied", "applied"])
    assert await county.rows.one("select count(*) from notice where type = 'fire.confirmed'") == 1


async def test_a_verdict_of_the_county_comes_down(
    township: Side, county: County, relay: Callable[..., Program], judged: None
) -> None:
    relay()
    own, theirs = await fire(township, county)
    headers = {"If-Match": "*"}
    said = await county.http.post(f"/api/v1/alarms/{theirs['id']}/verify", json={"outcome": "false"}, headers=headers)
    assert said.status_code == 200, said.text
    await township.rows.until(verdict_is("false"))
    row = (await township.rows.all(ALARM))[0]
    assert (row["id"], row["state"]) == (own["id"], "closed")
    actor = await township.rows.one(LINES, own["id"], "verify")
    assert (actor.startswith("key:"), actor.endswith("@county")) == (True, True)
    assert await county.rows.one("select count(*) from carried_act") == 1


async def test_what_the_county_said_first_stands_and_the_township_is_told(
    township: Side, county: County, relay: Callable[..., Program], judged: None
) -> None:
    running = relay()
    own, theirs = await fire(township, county)
    running.kill()
    await verify(county, theirs, "real", actor="user:bob")
    await verify(township, own, "false")
    running.restart()
    await township.rows.until("select result from carried_act where origin is null", equals="stands")
    await township.rows.until(verdict_is("real"))
    assert (await county.rows.all(ALARM))[0]["verification"] == "real"
    notes = "select detail ->> 'note' from alarm_transition where alarm_id = $1 and act = 'note'"
    assert "user:bob" in await township.rows.one(notes, own["id"])
    assert await township.rows.one(LINES, own["id"], "correct") == "user:bob@county"


def told(alarm: asyncpg.Record, outcome: str, at: datetime, device: str = "panel-1") -> dict[str, Any]:
    where = {"device": device, "code": "fire", "component": "1-23", "opened_at": alarm["opened_at"].isoformat()}
    return {
        "act_id": str(uuid.uuid4()), "act": "verify", "outcome": outcome, "person": "user:li", "at": at.isoformat(),
        "alarm": where,
    }  # fmt: skip


async def test_an_act_counts_once_and_a_verdict_ends_no_fire_that_was_reported_since(
    township: Side, county: County, relay: Callable[..., Program], judged: None
) -> None:
    relay()
    _, theirs = await fire(township, county)
    before = datetime.now(UTC) - timedelta(minutes=1)
    headers = {"Authorization": f"Bearer {county.link['api_key']}"}
    async with httpx2.AsyncClient(base_url=county.url, headers=headers, trust_env=False) as http:
        early = await http.post("/api/v1/acts", json=told(theirs, "false", before))
        assert (early.status_code, early.json()["result"]) == (200, "stands"), early.text
        assert (await county.rows.all(ALARM))[0]["verification"] == "pending"
        body = told(theirs, "false", datetime.now(UTC) + timedelta(seconds=1))
        answers = [(await http.post("/api/v1/acts", json=body)).json() for _ in range(2)]
        assert [one["result"] for one in answers] == ["applied", "applied"]
        assert answers[0]["standing"]["verification"] == "false"
        assert len(await county.rows.all(LINES, theirs["id"], "verify")) == 1
        nobody = await http.post("/api/v1/acts", json=told(theirs, "real", before, device="other"))
        assert (nobody.json()["result"], nobody.json()["standing"]) == ("no_alarm", None)
    refused = await county.http.post("/api/v1/acts", json=body)
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (403, "not_a_relay")


async def test_a_command_of_the_county_reaches_the_device_and_its_reply_comes_back(
    township: Side, county: County, relay: Callable[..., Program]
) -> None:
    running = relay()
    await township.fleet.send(topic("hydrant-1"), reading(1))
    await county.rows.until("select count(*) from reading_hydrant", equals=1)
    running.kill()  # the county's broker keeps the command meanwhile
    sent = await county.http.post("/api/v1/devices/hydrant-1/commands", json={"command": "blink", "times": 3})
    assert sent.status_code == 201, sent.text
    command_id = sent.json()["id"]
    await county.rows.until("select state from command", equals="sent")
    running.restart()
    own = topic("hydrant-1", "down/command")
    await wait_for(lambda: [one for one in township.fleet.down if one.topic == own], what="the command")
    (command,) = [orjson.loads(one.payload) for one in township.fleet.down if one.topic == own]
    assert command == {"id": command_id, "command": "blink", "times": 3}
    reply = event("r-1", "operation", ts=now_ms(), command_id=command_id, description="done")
    await township.fleet.send(topic("hydrant-1", "up/event"), reply)
    for side in (township, county):
        await side.rows.until("select state from command", equals="replied")
    assert await township.rows.one("select created_by from command") == "county"


async def test_a_command_is_over_when_the_county_said_however_long_it_waited_for_the_link(
    township: Side, county: County, relay: Callable[..., Program]
) -> None:
    running = relay()
    await township.fleet.send(topic("hydrant-1"), reading(1))
    await county.rows.until("select count(*) from reading_hydrant", equals=1)
    running.kill()
    left = "insert into command (device_id, command, created_by, answer_by)"
    left += " select id, 'blink', 'test', clock_timestamp() + interval '5 min' from device"  # of the 10 it had
    await county.rows.connection.execute(left)
    await county.rows.until("select state from command", equals="sent")
    running.restart()
    await township.rows.until("select state from command", equals="sent")
    over = [await side.rows.one("select answer_by from command") for side in (county, township)]
    assert abs(over[1] - over[0]) < timedelta(seconds=4), "the broker counts whole seconds"


async def test_what_became_of_a_command_without_an_event_is_told_to_the_county(
    township: Side, county: County, relay: Callable[..., Program]
) -> None:
    relay()
    await township.fleet.send(topic("panel-1", kind="panel"), reading(1, mains_ok=True))
    await county.rows.until("select count(*) from reading_panel", equals=1)
    await county.http.post("/api/v1/devices/panel-1/commands", json={"command": "guard_check"})
    await township.rows.until("select state from command", equals="sent")
    confirmed = "update command set state = 'replied', replied_at = now(), reply = $1"  # as the gateway does
    await township.rows.connection.execute(confirmed, {"confirmed": True})
    await county.rows.until("select state from command", equals="replied")
    assert await county.rows.one("select reply from command") == {"confirmed": True}


OWN_NOTICE = "select state from notice where channel = 'desk' and type = 'fire.confirmed'"
FAILED = "select count(*) from alarm where code = 'dispatch_failed' and cleared_at is null"


async def test_119_is_told_by_the_county_alone(
    township: Side, county: County, relay: Callable[..., Program], judged: None
) -> None:
    relay()
    await township.fleet.send(topic("panel-1", "up/event", "panel"), event("e-1", "manual_alarm", component="m-1"))
    await county.rows.until(OWN_NOTICE, equals="waiting")
    await township.rows.until(OWN_NOTICE, equals="withdrawn")
    assert await township.rows.one(FAILED) == 0


async def test_a_confirmed_fire_that_is_not_carried_up_calls_the_townships_own_contacts(
    township: Side, county: County, relay: Callable[..., Program], judged: None
) -> None:
    body = {"carried_after_s": 1}
    insert = "insert into policy (name, body, updated_by) values ('notices', $1, 'test')"
    await township.rows.connection.execute(insert, body)
    nobody = relay(free_port(), free_port())
    await township.fleet.send(topic("panel-1", "up/event", "panel"), event("e-1", "manual_alarm", component="m-1"))
    await township.rows.until(FAILED, equals=1)
    assert await township.rows.one(OWN_NOTICE) == "waiting"
    nobody.kill()
    relay()
    await township.rows.until(OWN_NOTICE, equals="withdrawn")
    await township.rows.until(FAILED, equals=0)
