"""An account made over HTTP works at a real broker, on the device's own topics only."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest

from services.api.request.state import State
from services.api.request.writing import Write
from tests.integration.api.conftest import AREA, Client
from tests.support.servers import Broker


@pytest.fixture
def with_broker(state: State, broker: Broker) -> Broker:
    state.settings = state.settings.model_copy(update={"mqtt_url": broker.provisioner_url})
    return broker


def _account(answer: httpx2.Response) -> Any:
    assert answer.status_code == 201, answer.text
    body = answer.json()
    return type("Account", (), {"username": body["username"], "password": body["password"]})()


async def test_an_issued_account_writes_its_own_topics(client: Client, with_broker: Broker) -> None:
    await client.put("/api/v1/devices/h-1", json={"kind": "hydrant", "area": AREA})
    first = await client.post("/api/v1/devices/h-1/credentials")
    account = _account(first)
    assert (first.json()["tls"], first.json()["port"]) == (False, urlsplit(with_broker.provisioner_url).port)
    assert first.json()["qr"].startswith("data:image/svg+xml")
    topic = first.json()["topics"]["telemetry"]
    assert topic == f"fire/v1/{AREA}/hydrant/h-1/up/telemetry"
    assert with_broker.publish(topic, "{}", account=account) == 0
    second = _account(await client.post("/api/v1/devices/h-1/credentials"))
    assert second.password != account.password
    assert with_broker.publish(topic, "{}", account=account) != 0
    assert with_broker.publish(topic, "{}", account=second) == 0


async def test_accounts_made_at_one_moment_are_each_answered_for_themselves(
    client: Client, with_broker: Broker
) -> None:
    codes = [f"h-{number}" for number in range(8)]
    for code in codes:
        await client.put(f"/api/v1/devices/{code}", json={"kind": "hydrant", "area": AREA})
    for code in codes[::2]:  # these have an account, the others have none
        _account(await client.post(f"/api/v1/devices/{code}/credentials"))
    for _ in range(3):
        asked = [client.post(f"/api/v1/devices/{code}/credentials") for code in codes]
        for answer in await asyncio.gather(*asked):
            account = _account(answer)
            assert with_broker.publish(answer.json()["topics"]["event"], "{}", account=account) == 0


async def test_a_secret_is_not_told_again(client: Client, with_broker: Broker) -> None:
    await client.put("/api/v1/devices/h-1", json={"kind": "hydrant", "area": AREA})
    headers = {"Idempotency-Key": "once"}
    first = await client.post("/api/v1/devices/h-1/credentials", headers=headers)
    again = await client.post("/api/v1/devices/h-1/credentials", headers=headers)
    assert again.status_code == 409
    assert "password" not in again.text
    topic = first.json()["topics"]["event"]
    assert with_broker.publish(topic, "{}", account=_account(first)) == 0


async def test_a_broker_that_is_away_is_said(client: Client, with_broker: Broker) -> None:
    await client.put("/api/v1/devices/h-1", json={"kind": "hydrant", "area": AREA})
    with_broker.kill()
    answer = await client.post("/api/v1/devices/h-1/credentials")
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await client.get("/api/v1/devices/h-1")).status_code == 200


async def test_the_old_password_holds_where_the_new_one_cannot_be_written_down(
    client: Client, with_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.put("/api/v1/devices/h-1", json={"kind": "hydrant", "area": AREA})
    first = await client.post("/api/v1/devices/h-1/credentials")

    async def die(*_given: Any, **_more: Any) -> None:
        raise OSError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(Write, "record", die)
        assert (await client.post("/api/v1/devices/h-1/credentials")).status_code == 503
    assert with_broker.publish(first.json()["topics"]["event"], "{}", account=_account(first)) == 0


async def test_of_two_requests_at_once_with_one_key_the_password_that_is_shown_holds(
    client: Client, with_broker: Broker
) -> None:
    await client.put("/api/v1/devices/h-1", json={"kind": "hydrant", "area": AREA})
    headers = {"Idempotency-Key": "once"}
    both = [client.post("/api/v1/devices/h-1/credentials", headers=headers) for _ in range(2)]
    shown, refused = sorted(await asyncio.gather(*both), key=lambda answer: answer.status_code)
    assert refused.status_code == 409
    assert with_broker.publish(shown.json()["topics"]["event"], "{}", account=_account(shown)) == 0


async def test_what_the_broker_did_not_take_is_in_the_audit_and_may_be_asked_again(
    client: Client, with_broker: Broker, connection: asyncpg.Connection
) -> None:
    await client.put("/api/v1/devices/h-1", json={"kind": "hydrant", "area": AREA})
    with_broker.kill()
    headers = {"Idempotency-Key": "once"}
    assert (await client.post("/api/v1/devices/h-1/credentials", headers=headers)).status_code == 502
    with_broker.start()
    made = await client.post("/api/v1/devices/h-1/credentials", headers=headers)
    assert with_broker.publish(made.json()["topics"]["event"], "{}", account=_account(made)) == 0
    rows = await connection.fetch("select action from audit where target = 'h-1' and action like '%.cred%' order by id")
    assert [row["action"].rpartition(".")[2] for row in rows] == [
        "credentials",
        "credentials_refused",
        "credentials",
    ]


async def test_an_account_at_another_broker_says_that_the_last_one_still_holds(
    client: Client, state: State, with_broker: Broker, private_broker: Callable[..., Broker]
) -> None:
    await client.put("/api/v1/devices/h-1", json={"kind": "hydrant", "area": AREA})
    path, first = "/api/v1/devices/h-1/credentials", state.settings
    made = (await client.post(path)).json()
    assert made["also_at"] is None
    state.settings = first.model_copy(update={"mqtt_url": private_broker().provisioner_url})
    assert (await client.post(path)).json()["also_at"] == f"{made['host']}:{made['port']}"
    assert (await client.post(path)).json()["also_at"] is None, "said once"
    state.settings = first.model_copy(update={"device_mqtt_url": "mqtts://another.name.example"})
    assert (await client.post(path)).json()["also_at"] is None, "the same broker by another name has the account"


async def test_a_try_that_the_new_broker_refused_hides_no_account_at_the_old_one(
    client: Client, state: State, with_broker: Broker, private_broker: Callable[..., Broker]
) -> None:
    await client.put("/api/v1/devices/h-1", json={"kind": "hydrant", "area": AREA})
    path, other = "/api/v1/devices/h-1/credentials", private_broker()
    made = (await client.post(path)).json()
    state.settings = state.settings.model_copy(update={"mqtt_url": other.provisioner_url})
    other.kill()
    for _ in range(2):
        assert (await client.post(path)).status_code == 502
    other.start()
    assert (await client.post(path)).json()["also_at"] == f"{made['host']}:{made['port']}"
    assert (await client.post(path)).json()["also_at"] is None, "said once"
