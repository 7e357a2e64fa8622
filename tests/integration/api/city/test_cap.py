"""Alarms as CAP: the message of one, the feed, and what a subscriber gets, under the schema of OASIS."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import asyncpg
import capvalidator
import pytest

from services.api.request.state import State
from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key, Place
from services.core.alarms.life.happenings import Finding, Grouped
from services.core.alarms.policies import load_policies
from services.core.settings import ApiSettings
from services.core.words import Category, Reason, Severity
from tests.integration.api.conftest import AREA, OTHER_AREA, Client
from tests.support.servers import Program
from tests.support.subscriber import Subscriber
from tests.support.waiting import eventually

CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
ATOM = "{http://www.w3.org/2005/Atom}"
Happen = Callable[..., Awaitable[int]]


def read(xml: bytes) -> Element:
    result = capvalidator.check_schema(xml)
    assert result.passed, result.message
    return fromstring(xml)  # noqa: S314 - our own answer


def said(root: Element, name: str) -> str | None:
    return root.findtext(f"{CAP}{name}")


@pytest.fixture
def low_pressure(client: Client, connection: asyncpg.Connection) -> Happen:
    """A function that raises or ends a hydrant's alarm as alerts does; returns the alarm's id."""

    async def happen(code: str, *, active: bool = True, area: str = AREA) -> int:
        body = {"kind": "hydrant", "area": area, "location": {"lon": 111.09, "lat": 39.02}}
        device = (await client.put(f"/api/v1/devices/{code}", json=body)).json()["id"]
        place = Place(f"device:{device}", device, code, area=area)
        key = Key(place.subject, "hydrant_pressure_low")
        how: dict[str, Any] = {"device": code, "area": area, "value": 0.05, "limit": 0.14, "active": active}
        finding = Finding(key.code, Category.WATER, Severity.MAJOR, Reason("低 & 少", "low"), cause=key.code, **how)
        async with connection.transaction():
            page = Page(connection, datetime.now(UTC), await load_policies(connection))
            await page.load([key])
            page.take(key, finding, "rule", place)
            await page.write()
        number: int = await connection.fetchval("select max(id) from alarm where device_id = $1", device)
        return number

    return happen


@pytest.fixture
async def receiver() -> AsyncIterator[Subscriber]:
    async with Subscriber() as made:
        yield made


async def test_a_subscriber_gets_the_messages_that_the_api_answers(  # noqa: PLR0917
    client: Client, connection: asyncpg.Connection, low_pressure: Happen, receiver: Subscriber,
    program: Callable[..., Program], database: str, state: State,
) -> None:  # fmt: skip
    state.settings = ApiSettings(database_url=database, subscription_networks="127.0.0.0/8")
    body = {"name": "预警平台", "url": receiver.url, "format": "cap"}
    made = (await client.post("/api/v1/subscriptions", json=body)).json()
    receiver.secret = made["secret"]
    program("push", DATABASE_URL=database, SUBSCRIPTION_NETWORKS="127.0.0.0/8").wait_ready()
    answered = []

    async def step(alarm: int, count: int) -> None:
        answer = await client.get(f"/cap/alarms/{alarm}.xml")
        assert answer.headers["content-type"] == "application/cap+xml"
        answered.append(answer.content)
        await eventually(lambda: len(receiver.took) == count, what="the message")

    alarm = await low_pressure("h-1")
    await step(alarm, 1)
    await acts.acknowledge(connection, alarm, actor="user:t", now=datetime.now(UTC))
    await step(alarm, 2)
    await low_pressure("h-1", active=False)
    await step(alarm, 3)
    pushed = [read(one.body) for one in receiver.took]
    assert {one.kind for one in receiver.took} == {"application/cap+xml"}
    assert [said(one, "msgType") for one in pushed] == ["Alert", "Update", "Cancel"]
    assert said(pushed[0], "sent").endswith("+08:00")  # type: ignore[union-attr]
    for one, other in zip(pushed, map(read, answered), strict=True):
        for name in ("identifier", "sender", "sent", "status", "msgType", "references"):
            assert said(one, name) == said(other, name), name
    first, second = (f"{said(one, 'sender')},{said(one, 'identifier')},{said(one, 'sent')}" for one in pushed[:2])
    assert said(pushed[2], "references") == f"{first} {second}"
    await client.post(f"/api/v1/subscriptions/{made['id']}/test")
    await eventually(lambda: len(receiver.took) == 4, what="the test")
    assert said(read(receiver.took[3].body), "status") == "Test"
    assert not receiver.refused


async def test_the_feed_leads_to_every_message_and_to_no_foreign_one(
    client: Client, visit: Callable[..., Client], low_pressure: Happen, connection: asyncpg.Connection
) -> None:
    mine = [await low_pressure(f"h-{number}") for number in range(3)]
    theirs = await low_pressure("x-1", area=OTHER_AREA)
    await connection.execute("update alarm set drill = true where id = $1", mine[0])
    key = {"name": "t", "role": "wall", "areas": [AREA]}
    township = visit((await client.post("/api/v1/api-keys", json=key)).json()["key"])
    assert (await township.get(f"/cap/alarms/{theirs}.xml")).status_code == 404

    async def feed(who: Client, **sent: Any) -> list[str]:
        answer = await who.get("/cap/alarms.atom", params=sent)
        assert answer.headers["content-type"] == "application/atom+xml"
        found, root = [], fromstring(answer.content)  # noqa: S314
        while True:
            found += [link.attrib["href"] for link in root.iterfind(f"{ATOM}entry/{ATOM}link")]
            following = root.find(f"{ATOM}link[@rel='next']")
            if following is None:
                return found
            root = fromstring((await who.get(following.attrib["href"])).content)  # noqa: S314

    own = await feed(township, limit=2)
    assert own == [f"http://firetower.test/cap/alarms/{number}.xml" for number in reversed(mine)]
    assert len(await feed(client)) == 4
    assert await feed(township, area=OTHER_AREA) == []
    assert await feed(client, **{"from": "2199-01-01T00:00:00Z"}) == []
    # rackerlabs/atom-hopper 254, ossf/package-feeds 382: what was being written when one asked was never told
    await connection.execute(
        "update alarm set updated_at = $1 where id = $2", datetime(2199, 1, 1, tzinfo=UTC), mine[0]
    )
    assert await feed(client, **{"from": "2199-01-01T00:00:20Z"}) == [f"http://firetower.test/cap/alarms/{mine[0]}.xml"]
    assert await feed(client, **{"from": "2199-01-01T00:01:20Z"}) == []
    messages = [read((await township.get(href)).content) for href in own]
    assert [said(one, "status") for one in messages] == ["Actual", "Actual", "Exercise"]


async def test_a_message_stays_what_it_was_when_it_was_sent(
    client: Client, low_pressure: Happen, connection: asyncpg.Connection
) -> None:
    """wmo-raf/cap-composer 207: `sent`, and with it the identity, moved whenever the page was saved."""
    alarm = await low_pressure("h-1")
    first = (await client.get(f"/cap/alarms/{alarm}.xml")).content
    await connection.execute("update alarm set updated_at = updated_at + interval '5 minutes'")
    await connection.execute("update device set version = version + 1, owner = 'x'")
    assert (await client.get(f"/cap/alarms/{alarm}.xml")).content == first
    (entry,) = await entries(client)
    assert str(entry.findtext(f"{ATOM}id")).endswith(str(said(read(first), "identifier")))
    at = datetime.fromisoformat(str(entry.findtext(f"{ATOM}updated")))
    assert at.replace(microsecond=0) == datetime.fromisoformat(str(said(read(first), "sent")))


async def test_an_alarm_that_joins_an_incident_names_it_from_its_next_message_on(
    client: Client, low_pressure: Happen, connection: asyncpg.Connection
) -> None:
    alarm = await low_pressure("h-1")
    first = (await client.get(f"/cap/alarms/{alarm}.xml")).content
    async with connection.transaction():
        page = Page(connection, datetime.now(UTC), await load_policies(connection))
        entry = await page.load_one(alarm)
        assert entry is not None
        incident = await page.begin_incident("silence", "area:x", Reason("离线", "silent"), AREA)
        page.take_entry(entry, Grouped(str(incident)), "clock")
        await page.write()
    assert (await client.get(f"/cap/alarms/{alarm}.xml")).content == first
    await acts.acknowledge(connection, alarm, actor="user:t", now=datetime.now(UTC))
    assert said(read((await client.get(f"/cap/alarms/{alarm}.xml")).content), "incidents") == str(incident)


@pytest.mark.parametrize(
    ("moved", "circles"),
    [
        ({"area": OTHER_AREA, "location": {"lon": 111.2, "lat": 39.1}}, 0),
        ({"location": {"lon": 111.2, "lat": 39.1}}, 0),
        ({"owner": "x"}, 1),
    ],
)
async def test_a_closed_alarm_does_not_follow_its_device(
    client: Client, low_pressure: Happen, connection: asyncpg.Connection, moved: dict[str, Any], circles: int
) -> None:
    alarm = await low_pressure("h-1")
    await acts.acknowledge(connection, alarm, actor="user:t", now=datetime.now(UTC))
    await low_pressure("h-1", active=False)
    before = (await client.get(f"/cap/alarms/{alarm}.xml")).text
    assert "<circle>39.020000,111.090000 0.1</circle>" in before
    body = {"kind": "hydrant", "area": AREA, "name": "新名", **moved}
    put = await client.put("/api/v1/devices/h-1", json=body)
    assert put.status_code == 200, put.text
    root = read((await client.get(f"/cap/alarms/{alarm}.xml")).content)
    (area,) = root.findall(f"{CAP}info/{CAP}area")
    assert area.findtext(f"{CAP}geocode/{CAP}value") == AREA
    assert [one.text for one in area.findall(f"{CAP}circle")] == ["39.020000,111.090000 0.1"] * circles
    assert ("新名" in str(area.findtext(f"{CAP}areaDesc"))) is bool(circles)
    (entry,) = await entries(client)
    assert ("新名" in str(entry.findtext(f"{ATOM}title"))) is bool(circles)


async def test_what_is_over_stays_in_the_feed_as_its_cancel(client: Client, low_pressure: Happen) -> None:
    """jdemaeyer/brightsky 198: alerts dropped out of the feed, and nobody was told that they were over."""
    alarm = await low_pressure("h-1")
    await low_pressure("h-1", active=False)
    (entry,) = await entries(client)
    assert str(entry.findtext(f"{ATOM}title")).startswith("Cancel: ")
    assert said(read((await client.get(f"/cap/alarms/{alarm}.xml")).content), "msgType") == "Cancel"


async def test_codes_and_places_have_no_blanks_around_them(
    client: Client, low_pressure: Happen, connection: asyncpg.Connection
) -> None:
    """google/cap-library 43: a line break before a value, which receivers then compared."""
    alarm = await low_pressure("h-1")
    await connection.execute(
        "update alarm set reason = E'\\n  低\\t\\u0001\\n', component = ' 1 ' where id = $1", alarm
    )
    root = read((await client.get(f"/cap/alarms/{alarm}.xml")).content)
    for one in root.iter():
        if not len(one) and one.tag not in {f"{CAP}description", f"{CAP}value"}:
            assert one.text == str(one.text).strip() != "", one.tag
    area = root.find(f"{CAP}info/{CAP}area")
    assert area is not None
    assert area.findtext(f"{CAP}circle") == "39.020000,111.090000 0.1"


async def entries(client: Client) -> list[Element]:
    root = fromstring((await client.get("/cap/alarms.atom")).content)  # noqa: S314 - our own answer
    return root.findall(f"{ATOM}entry")
