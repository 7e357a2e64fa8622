"""A township's account reaches its own areas alone, at a real broker; its key sees no other; both end with the link."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from services.api.request.state import State
from services.core.errors import BadSetting
from services.core.mqtt import PublishRefused, Session, SessionConfig
from tests.integration.api.conftest import AREA, OTHER_AREA, Client
from tests.support.servers import Broker

BODY = {"name": "dongguan", "areas": [AREA]}


@pytest.fixture
def with_broker(state: State, broker: Broker) -> Broker:
    state.settings = state.settings.model_copy(update={"mqtt_url": broker.provisioner_url})
    return broker


@asynccontextmanager
async def connected(made: dict[str, Any], *filters: str) -> AsyncIterator[Session]:
    config = SessionConfig.from_url(urlsplit(made["mqtt_url"]), "firetower.relay.test", filters=filters)
    session = Session(config)
    running = asyncio.create_task(session.run())
    ready = asyncio.create_task(session.ready())
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield session
    finally:
        ready.cancel()
        await session.stop()
        if not running.done():
            await running


async def may_publish(made: dict[str, Any], topic: str) -> bool:
    try:
        async with connected(made) as session:
            await session.publish(topic, b"{}")
    except (BadSetting, PublishRefused):
        return False
    return True


async def may_subscribe(made: dict[str, Any], name: str) -> bool:
    try:
        async with connected(made, name):
            return True
    except BadSetting:
        return False


async def test_the_account_publishes_and_reads_for_devices_of_its_areas_alone(
    client: Client, with_broker: Broker
) -> None:
    answer = await client.post("/api/v1/townships", json=BODY)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["username"] == "relay.dongguan"
    for topic, may in (
        (f"fire/v1/{AREA}/hydrant/h-1/up/telemetry", True),
        (f"fire/v1/{AREA}/panel/p-1/up/event", True),
        (f"fire/v1/{OTHER_AREA}/hydrant/h-1/up/telemetry", False),
        (f"fire/v1/{AREA}/hydrant/h-1/down/command", False),
        (f"fire/v1/{AREA}/hydrant/h-1/down/ack", False),
        ("firetower/ingest/all/event/probe", False),
        ("$CONTROL/dynamic-security/v1", False),
    ):
        assert await may_publish(made, topic) is may, topic
    for name, may in (
        (f"fire/v1/{AREA}/+/+/down/ack", True),
        (f"fire/v1/{AREA}/+/+/down/command", True),
        (f"fire/v1/{AREA}/+/+/up/event", False),
        (f"fire/v1/{OTHER_AREA}/+/+/down/ack", False),
        ("fire/v1/+/+/+/down/ack", False),
    ):
        assert await may_subscribe(made, name) is may, name


async def test_the_key_sees_its_areas_and_the_list_shows_no_secret(
    client: Client, visit: Callable[..., Client], with_broker: Broker
) -> None:
    made = (await client.post("/api/v1/townships", json=BODY)).json()
    await client.post("/api/v1/townships", json={"name": "yimen", "areas": [OTHER_AREA]})
    relay = visit(made["api_key"])
    (seen,) = (await relay.get("/api/v1/townships")).json()["items"]
    assert seen == {
        "name": "dongguan", "areas": [AREA], "username": "relay.dongguan", "created_by": made["created_by"],
        "created_at": made["created_at"], "last_heard": None, "silent": False, "version": None, "backlog_rows": None,
        "backlog_s": None, "heard_until": None,
    }  # fmt: skip
    everything = await client.get("/api/v1/townships?limit=1")
    assert [item["name"] for item in everything.json()["items"]] == ["dongguan"]
    following = await client.get("/api/v1/townships", params={"cursor": everything.json()["next"]})
    assert [item["name"] for item in following.json()["items"]] == ["yimen"]
    for secret in (made["password"], made["api_key"]):
        assert secret not in everything.text
    assert (await relay.delete("/api/v1/townships/yimen")).status_code == 403


async def test_the_account_survives_a_restart_of_the_broker_and_ends_with_the_link(
    client: Client, visit: Callable[..., Client], with_broker: Broker
) -> None:
    made = (await client.post("/api/v1/townships", json=BODY)).json()
    topic = f"fire/v1/{AREA}/hydrant/h-1/up/telemetry"
    with_broker.stop()
    with_broker.start()
    assert await may_publish(made, topic)
    assert (await client.delete("/api/v1/townships/dongguan")).status_code == 204
    assert not await may_publish(made, topic)
    assert (await visit(made["api_key"]).get("/api/v1/townships")).status_code == 401
    assert (await client.delete("/api/v1/townships/dongguan")).status_code == 404
    again = (await client.post("/api/v1/townships", json=BODY)).json()
    assert await may_publish(again, topic)
    assert (await visit(again["api_key"]).get("/api/v1/townships")).status_code == 200


async def test_a_link_is_ended_where_its_account_is(
    client: Client, state: State, with_broker: Broker, private_broker: Callable[..., Broker]
) -> None:
    made = (await client.post("/api/v1/townships", json=BODY)).json()
    topic, first = f"fire/v1/{AREA}/hydrant/h-1/up/telemetry", state.settings
    state.settings = first.model_copy(update={"mqtt_url": private_broker().provisioner_url})
    refused = await client.delete("/api/v1/townships/dongguan")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "other_broker")
    assert f":{made['port']}" in refused.json()["detail"]
    assert await may_publish(made, topic)
    assert len((await client.get("/api/v1/townships")).json()["items"]) == 1
    moved = first.model_copy(update={"device_mqtt_url": "mqtts://another.name.example"})
    state.settings = moved  # the broker has another name by now
    assert (await client.delete("/api/v1/townships/dongguan")).status_code == 204
    assert not await may_publish(made, topic)


async def test_a_link_ends_also_where_the_broker_of_its_account_is_no_more(
    client: Client, state: State, with_broker: Broker, private_broker: Callable[..., Broker]
) -> None:
    await client.post("/api/v1/townships", json=BODY)
    with_broker.kill()
    state.settings = state.settings.model_copy(update={"mqtt_url": private_broker().provisioner_url})
    assert (await client.delete("/api/v1/townships/dongguan")).status_code == 409
    assert (await client.delete("/api/v1/townships/dongguan?broker_gone=")).status_code == 422  # is no answer
    assert (await client.delete("/api/v1/townships/dongguan?broker_gone=true")).status_code == 204


async def test_a_second_one_of_the_name_leaves_the_first_as_it_is(client: Client, with_broker: Broker) -> None:
    made = (await client.post("/api/v1/townships", json=BODY)).json()
    second = await client.post("/api/v1/townships", json=BODY)
    assert (second.status_code, second.json()["type"].rpartition(":")[2]) == (409, "conflict")
    assert await may_publish(made, f"fire/v1/{AREA}/hydrant/h-1/up/telemetry")


async def test_without_the_broker_nothing_is_made_and_the_same_request_goes_through_later(
    client: Client, with_broker: Broker, connection: asyncpg.Connection
) -> None:
    with_broker.kill()
    headers = {"Idempotency-Key": "once"}
    refused = await client.post("/api/v1/townships", json=BODY, headers=headers)
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (502, "broker_away")
    assert await connection.fetchval("select count(*) from township") == 0
    with_broker.start()
    made = await client.post("/api/v1/townships", json=BODY, headers=headers)
    assert made.status_code == 201, made.text
    again = await client.post("/api/v1/townships", json=BODY, headers=headers)
    assert (again.status_code, again.json()["type"].rpartition(":")[2]) == (409, "secret_shown_once")


async def test_a_link_counts_as_silent_when_its_alarm_is_raised(
    client: Client, with_broker: Broker, connection: asyncpg.Connection
) -> None:
    await client.post("/api/v1/townships", json=BODY)
    await connection.execute("update township set last_heard = now() - interval '90 s'")

    async def silent() -> bool:
        (item,) = (await client.get("/api/v1/townships")).json()["items"]
        return bool(item["silent"])

    assert await silent()
    body = (await client.get("/api/v1/policies/health")).json()["body"]
    for seconds, expected in ((300, False), (80, True)):
        changed = body | {"township_silent_s": seconds}
        put = await client.put("/api/v1/policies/health", json=changed, headers={"If-Match": "*"})
        assert put.status_code == 200, put.text
        assert await silent() is expected


@pytest.mark.parametrize(
    "body", [{"name": "a b", "areas": [AREA]}, {"name": "x", "areas": []}, {"name": "x", "areas": ["1409"]}]
)
async def test_what_cannot_be_a_township_is_refused_with_the_name_of_the_field(
    client: Client, body: dict[str, Any]
) -> None:
    answer = await client.post("/api/v1/townships", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].split(".")[0] in {"name", "areas"}
