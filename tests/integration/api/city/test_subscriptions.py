"""Subscriptions through the API, and what push makes of them at a receiver of somebody else's hand."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.api.request.state import State
from services.core.city.cloudevent import Event, EventType
from services.core.city.outbox import write_events
from services.core.settings import ApiSettings
from tests.integration.api.conftest import AREA, OTHER_AREA, Client
from tests.support.poison import poison
from tests.support.servers import Program
from tests.support.subscriber import Subscriber
from tests.support.waiting import eventually

PATH = "/api/v1/subscriptions"
BODY = {"name": "智慧城市", "url": "https://city.example/hook?token=very-secret"}


@pytest.fixture
async def receiver() -> AsyncIterator[Subscriber]:
    async with Subscriber() as made:
        yield made


@pytest.fixture
def push(program: Callable[..., Program], database: str, state: State) -> Callable[[], Program]:
    """Start push, and let API and push call this machine."""
    state.settings = ApiSettings(database_url=database, subscription_networks="127.0.0.0/8")

    def start() -> Program:
        made = program("push", DATABASE_URL=database, SUBSCRIPTION_NETWORKS="127.0.0.0/8")
        made.wait_ready()
        return made

    return start


@pytest.fixture
def happen(connection: asyncpg.Connection) -> Callable[..., Awaitable[None]]:
    async def write(*subjects: str, area: str = AREA, at: datetime | None = None) -> None:
        now = at or datetime.now(UTC)
        async with connection.transaction():
            await write_events(connection, [Event(EventType.RAISED, one, area, now, {}) for one in subjects])

    return write


async def test_a_secret_is_shown_once_and_an_address_without_what_may_be_one(client: Client) -> None:
    made = await client.post(PATH, json=BODY)
    assert made.status_code == 201, made.text
    shown = made.json()
    # polarsource/polar 13522: the base64 held the prefix, too; Standard Webhooks wants 24 to 64 bytes behind it
    assert len(base64.b64decode(shown["secret"].removeprefix("whsec_"), validate=True)) == 24
    assert shown["url"] == "https://city.example/hook?token=***"
    assert (shown["types"], shown["areas"], shown["format"], shown["state"]) == (["*"], ["*"], "cloudevents", "active")
    again = await client.get(f"{PATH}/{shown['id']}")
    assert "secret" not in again.json()
    assert again.headers["etag"] == '"1"'
    listed = (await client.get(PATH)).json()["items"]
    assert [one["id"] for one in listed] == [shown["id"]]
    audits = (await client.get("/api/v1/audit")).text
    assert "very-secret" not in audits
    assert shown["secret"] not in audits


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"url": "http://127.0.0.1/"}, "url"),
    ({"url": "http://0x7f000001/"}, "url"),
    ({"url": "http://localhost:8080/"}, "url"),
    ({"url": "http://[::1]/"}, "url"),
    ({"url": "http://169.254.169.254/latest"}, "url"),
    ({"url": "http://10.1.2.3/"}, "url"),
    ({"url": "http://[::ffff:10.1.2.3]/"}, "url"),
    ({"url": "http://[::ffff:a9fe:a9fe]/"}, "url"),  # the same written in hexadecimal
    ({"url": "http://[::]/"}, "url"),
    ({"url": "http://[64:ff9b::7f00:1]/"}, "url"),
    ({"url": "ftp://city.example/"}, "url"),
    ({"types": ["alarm.exploded"]}, "types"),
    ({"types": []}, "types"),
    ({"format": "cap", "types": ["device.status"]}, "types"),
    ({"format": "xml"}, "format"),
    ({"areas": ["14"]}, "areas"),
    ({"name": ""}, "name"),
    ({"secret": "mine"}, "secret"),
]


async def test_what_cannot_be_is_refused_with_the_name_of_the_field(client: Client) -> None:
    for wrong, field in WRONG:
        answer = await client.post(PATH, json=BODY | wrong)
        assert answer.status_code == 422, (wrong, answer.text)
        assert any(field in error["field"] for error in answer.json()["errors"]), answer.text


async def test_a_pause_keeps_what_happens_and_a_change_needs_the_version_it_names(client: Client) -> None:
    number = (await client.post(PATH, json=BODY)).json()["id"]
    paused = await client.patch(f"{PATH}/{number}", json={"state": "paused"}, headers={"If-Match": '"1"'})
    assert (paused.json()["state"], paused.json()["version"]) == ("paused", 2)
    assert (await client.patch(f"{PATH}/{number}", json={"name": "x"}, headers={"If-Match": '"1"'})).status_code == 412
    kept = await client.patch(f"{PATH}/{number}", json={"url": paused.json()["url"], "types": ["fire.confirmed"]})
    assert kept.status_code == 200, kept.text
    assert kept.json()["types"] == ["fire.confirmed"]
    masked = await client.patch(f"{PATH}/{number}", json={"url": "https://elsewhere.example/?token=***"})
    assert masked.status_code == 422
    assert (await client.post(f"{PATH}/{number}/test")).status_code == 409
    assert (await client.delete(f"{PATH}/{number}")).status_code == 204
    assert (await client.get(f"{PATH}/{number}")).status_code == 404


async def test_a_township_sees_and_makes_its_own_alone(client: Client, visit: Callable[..., Client]) -> None:
    whole = (await client.post(PATH, json=BODY)).json()["id"]
    made = {"name": "t", "role": "administrator", "areas": [AREA]}
    township = visit((await client.post("/api/v1/api-keys", json=made)).json()["key"])
    assert (await township.get(PATH)).json()["items"] == []
    for path in (f"{PATH}/{whole}", f"{PATH}/{whole}/deliveries"):
        assert (await township.get(path)).status_code == 404
    for name in ("test", "rotate-secret"):
        assert (await township.post(f"{PATH}/{whole}/{name}")).status_code == 404
    assert (await township.delete(f"{PATH}/{whole}")).status_code == 404
    assert (await township.post(PATH, json=BODY | {"areas": [OTHER_AREA]})).status_code == 403
    own = await township.post(PATH, json=BODY)
    assert own.json()["areas"] == [AREA]
    for wider in ([OTHER_AREA], ["140931"], ["*"]):
        assert (await township.patch(f"{PATH}/{own.json()['id']}", json={"areas": wider})).status_code == 403
    viewer = {"name": "v", "role": "viewer", "areas": ["*"]}
    assert (
        await visit((await client.post("/api/v1/api-keys", json=viewer)).json()["key"]).get(PATH)
    ).status_code == 403


async def test_what_a_subscription_wants_no_more_is_neither_shown_nor_sent(
    client: Client, push: Callable[[], Program], receiver: Subscriber, happen: Callable[..., Awaitable[None]]
) -> None:
    push()
    body = BODY | {"url": receiver.url, "areas": ["*"]}
    made = (await client.post(PATH, json=body)).json()
    receiver.secret = made["secret"]
    path = f"{PATH}/{made['id']}"
    await client.patch(path, json={"state": "paused"})
    await happen("own", area=AREA)
    await happen("theirs", area=OTHER_AREA)

    async def subjects() -> set[str]:
        return {one["subject"] for one in (await client.get(f"{path}/deliveries")).json()["items"]}

    async def both() -> bool:
        return await subjects() == {"own", "theirs"}

    await eventually(both, what="what waits")
    assert (await client.patch(path, json={"areas": [AREA]})).status_code == 200
    assert await subjects() == {"own"}
    await client.patch(path, json={"state": "active"})
    await eventually(lambda: receiver.took, what="what is left")
    assert {one.event.get_subject() for one in receiver.took} == {"own"}
    assert (await client.patch(path, json={"format": "cap"})).status_code == 200
    assert await subjects() == set()  # no CAP message belongs to it


async def test_what_waits_goes_to_a_corrected_address_at_once(
    client: Client, push: Callable[[], Program], receiver: Subscriber, happen: Callable[..., Awaitable[None]]
) -> None:
    push()
    made = (await client.post(PATH, json=BODY | {"url": f"{receiver.url}/old"})).json()
    receiver.secret = made["secret"]
    receiver.answer = lambda _: b"HTTP/1.1 503 Away\r\nretry-after: 86400\r\ncontent-length: 0\r\n\r\n"
    await happen("own", area=AREA)
    await eventually(lambda: receiver.heard, what="the first try")

    async def is_put_off() -> bool:
        return bool((await client.get(f"{PATH}/{made['id']}/deliveries")).json()["items"][0]["attempts"])

    await eventually(is_put_off, what="what came of it")
    receiver.answer = lambda _: 204
    assert (await client.patch(f"{PATH}/{made['id']}", json={"url": receiver.url})).status_code == 200
    await eventually(lambda: receiver.took, what="the event there")


async def test_a_test_a_rotation_and_a_replay_arrive_at_the_receiver(
    client: Client, push: Callable[[], Program], receiver: Subscriber, happen: Callable[..., Awaitable[None]]
) -> None:
    made = (await client.post(PATH, json=BODY | {"url": receiver.url})).json()
    path, receiver.secret = f"{PATH}/{made['id']}", made["secret"]
    push()
    sent = (await client.post(f"{path}/test")).json()
    await eventually(lambda: receiver.took, what="the test")
    assert receiver.took[0].id == sent["event_id"]
    assert receiver.took[0].event.get_type() == "cn.firetower.subscription.test.v1"
    for _ in range(2):  # pressed twice: the receiver still knows the first secret alone
        rotated = (await client.post(f"{path}/rotate-secret")).json()
    secret = rotated["secret"]
    assert secret != made["secret"]
    alone, listed = (await client.get(path)).json(), (await client.get(PATH)).json()["items"][0]
    changed = (await client.patch(path, json={"name": "city"})).json()
    assert {one["previous_secret_until"] for one in (alone, listed, changed)} == {rotated["previous_secret_until"]}
    begin = datetime.now(UTC)
    await happen("h-1", "h-2", at=begin)
    await happen("h-3", at=begin - timedelta(hours=1))
    await eventually(lambda: len(receiver.took) == 4, what="the events, signed with the first secret too")
    receiver.secret = secret
    before = [one.id for one in receiver.took if one.event.get_subject() in {"h-1", "h-2"}]

    async def settled() -> bool:
        return bool((await client.get(path)).json()["backlog"] == 0)

    await eventually(settled, what="all recorded")
    replayed = await client.post(f"{path}/replay", json={"from": begin.isoformat()})
    assert replayed.json() == {"replayed": 2}
    await eventually(lambda: len(receiver.took) == 6, what="both again")
    assert sorted(one.id for one in receiver.took[4:]) == sorted(before)
    await eventually(settled, what="all recorded")
    listed = (await client.get(f"{path}/deliveries", params={"state": "delivered", "limit": 3})).json()
    assert len(listed["items"]) == 3
    assert listed["next"]
    assert {one["last_status"] for one in listed["items"]} == {204}
    assert not receiver.refused


async def test_what_a_receiver_refused_is_listed_and_sent_again_on_request(
    client: Client, push: Callable[[], Program], receiver: Subscriber, happen: Callable[..., Awaitable[None]]
) -> None:
    made = (await client.post(PATH, json=BODY | {"url": receiver.url, "types": ["alarm.raised"]})).json()
    path, receiver.secret = f"{PATH}/{made['id']}", made["secret"]
    receiver.answer = lambda _: 404
    push()
    begin = datetime.now(UTC)
    await happen("h-1", at=begin)

    async def shown(**wanted: Any) -> bool:
        found = (await client.get(path)).json()
        return all(found[name] == value for name, value in wanted.items())

    await eventually(lambda: shown(dead=1, backlog=0, last_status=404), what="the dead letter")
    (dead,) = (await client.get(f"{path}/deliveries", params={"state": "dead"})).json()["items"]
    assert (dead["subject"], dead["attempts"], dead["last_error"]) == ("h-1", 1, "HTTP 404")
    receiver.answer = lambda _: 410
    await client.post(f"{path}/replay", json={"from": begin.isoformat()})
    await eventually(lambda: shown(state="disabled"), what="the end")
    receiver.answer = lambda _: 204
    assert (await client.patch(path, json={"state": "active"})).status_code == 200
    await eventually(lambda: receiver.took, what="the event after all")
    await eventually(lambda: shown(dead=0, backlog=0, failures=0), what="the record")


async def test_a_change_that_the_database_undid_to_end_a_deadlock_is_done_again(
    client: Client, connection: asyncpg.Connection
) -> None:
    path = f"{PATH}/{(await client.post(PATH, json=BODY)).json()['id']}"
    await connection.execute("create sequence tries")
    await poison(connection, "subscription", "nextval('tries') = 1", errcode="40P01")
    changed = await client.patch(path, json={"name": "new"})
    assert (changed.status_code, changed.json()["name"]) == (200, "new")
    assert await connection.fetchval("select last_value from tries") == 2
    assert await connection.fetchval("select count(*) from audit where action = 'subscription.update'") == 1
