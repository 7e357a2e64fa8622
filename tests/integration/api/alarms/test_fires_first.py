"""An old fire stays on the first page of every list, however many other things are open."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.integration.api.conftest import AREA, Client, Raise, Store

LONG_AGO = datetime.now(UTC) - timedelta(days=3)
_FAULTS = """insert into alarm (
    subject, code, category, severity, state, area, reason, reason_en, opened_at, incident_id)
select 'device:' || n, 'mains_down', 'device', 'critical', 'unacknowledged', $2, '断电', 'mains down',
       now() - make_interval(secs => n), $3
from generate_series(1, $1) n"""


@pytest.fixture
async def fire(open_alarm: Raise, connection: asyncpg.Connection) -> int:
    """An open fire of three days ago behind 1200 younger alarms that are critical too."""
    made = await open_alarm("p-1", fire=True, opened_at=LONG_AGO)
    incident = await connection.fetchval("select incident_id from alarm where id = $1", made)
    await connection.execute("update incident set kind = 'fire' where id = $1", incident)
    await connection.execute(_FAULTS, 1200, AREA, incident)
    return made


async def _pages(client: Client, path: str) -> list[dict[str, object]]:
    items, cursor = [], ""
    while True:
        answer = (await client.get(f"{path}{'&' if '?' in path else '?'}limit=500{cursor}")).json()
        items += answer["items"]
        if answer["next"] is None:
            return items
        cursor = f"&cursor={answer['next']}"


async def test_alarms(client: Client, fire: int, connection: asyncpg.Connection) -> None:
    for path in ("/api/v1/alarms", "/api/v1/alarms?state=open"):
        items = await _pages(client, path)
        assert items[0]["id"] == fire
        assert len({item["id"] for item in items}) == len(items) == 1201
        opened = [str(item["opened_at"]) for item in items[1:]]
        assert opened == sorted(opened, reverse=True)
    half = (await client.get("/api/v1/alarms?limit=1")).json()
    await connection.execute("update alarm set state = 'closed', closed_at = now() where id = $1", fire)
    rest = (await client.get(f"/api/v1/alarms?limit=1000&cursor={half['next']}")).json()
    assert len(rest["items"]) == 1000
    closed_last = await _pages(client, "/api/v1/alarms")
    assert closed_last[-1]["id"] == fire


async def test_hand_over(client: Client, fire: int, connection: asyncpg.Connection) -> None:
    await connection.execute("update alarm set shelved_until = now() + interval '1 hour' where subject = 'device:9'")
    shown = (await client.get("/api/v1/handover")).json()
    assert shown["open"][0]["id"] == fire
    assert (len(shown["open"]), shown["open_total"], len(shown["shelved"])) == (1000, 1200, 1)


async def test_incidents_and_their_members(client: Client, fire: int, connection: asyncpg.Connection) -> None:
    await connection.execute(
        """insert into incident (kind, cause, title, area, opened_at)
           select 'single', 'c' || n, '断电', $1, now() from generate_series(1, 120) n""",
        AREA,
    )
    listed = (await client.get("/api/v1/incidents")).json()["items"]
    assert listed[0]["kind"] == "fire"
    members = (await client.get(f"/api/v1/incidents/{listed[0]['id']}")).json()["members"]
    assert members[0]["id"] == fire
    others = members[1]["id"]
    assert (await client.get(f"/api/v1/alarms/{others}")).json()["siblings"][0]["id"] == fire


async def test_notices_that_nobody_took(
    client: Client, fire: int, store_notice: Store, connection: asyncpg.Connection
) -> None:
    untaken = await store_notice(fire, "dead")
    await connection.execute("update notice set created_at = $1", LONG_AGO)
    await connection.execute(
        """insert into notice (id, alarm_id, number, type, body, state, due_at, created_at)
           select gen_random_uuid(), $1, n, 'alarm.updated', '{}', 'delivered', now(), now()
           from generate_series(2, 300) n""",
        fire,
    )
    items = await _pages(client, "/api/v1/notices")
    assert items[0]["id"] == str(untaken)
    assert len({item["id"] for item in items}) == 300
    assert (await client.get("/api/v1/handover")).json()["notices"][0]["id"] == str(untaken)
    assert str(untaken) in {one["id"] for one in (await client.get(f"/api/v1/alarms/{fire}")).json()["notices"]}
