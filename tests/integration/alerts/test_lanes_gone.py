"""Another list of areas gives ingest other lanes; those of before count until a person says that they are gone."""

from datetime import UTC, datetime, timedelta

from services.alerts import heartbeat
from services.alerts.health import Health
from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.policies import read_policies
from tests.support.county import County

HOURS_2 = timedelta(hours=2)


async def set_lane(county: County, partition: str, at: datetime) -> None:
    for lane in ("event", "telemetry"):
        await county.conn.execute(
            """
            insert into ingest_lane (writer, lane, owner, connected, watermark, updated_at)
            values ($1 || '/' || $2, $2, $3, true, $4, $4)
            on conflict (writer) do update set watermark = excluded.watermark, updated_at = excluded.updated_at
            """,
            partition,
            lane,
            county.owner,
            at,
        )


async def stalled(county: County, now: datetime) -> list[str]:
    """Let our health look at the lanes; return those that are told as stalled."""
    health = Health(has_desk=True, since=now - HOURS_2)
    page = Page(county.conn, now, read_policies({}))
    async with county.conn.transaction():
        await health.judge(page, [part for part in health.parts if part.name == "lanes"])
        await page.write()
    return [row["component"] for row in await county.alarms("a.code = 'ingest_stalled' and cleared_at is null")]


async def clear_all(county: County, now: datetime) -> None:
    for alarm in await county.alarms("state <> 'closed'"):
        await acts.clear(county.conn, alarm["id"], actor="user:t", now=now)


async def test_lanes_of_another_list_of_areas_are_forgotten_once_a_person_clears_their_alarm(county: County) -> None:
    now = datetime.now(UTC)
    await set_lane(county, "all", now - HOURS_2)
    await set_lane(county, "140931100", now)
    assert await stalled(county, now) == ["all/event", "all/telemetry"]
    assert await stalled(county, now) == ["all/event", "all/telemetry"], "until a person says so"
    await clear_all(county, now)
    assert await stalled(county, now) == []
    lanes = await county.conn.fetch("select writer from ingest_lane order by writer")
    assert [row["writer"] for row in lanes] == ["140931100/event", "140931100/telemetry"]
    assert await county.conn.fetchval(heartbeat.ALL_IS_WELL), "the outside monitor hears of us again"
    await set_lane(county, "all", now - timedelta(minutes=5))  # it was there after all, and stands still again
    assert await stalled(county, now) == ["all/event", "all/telemetry"]


async def test_clearing_the_alarm_of_what_should_hear_forgets_nothing(county: County) -> None:
    now = datetime.now(UTC)
    await set_lane(county, "all", now - HOURS_2)
    for _ in range(2):  # nobody else hears
        assert await stalled(county, now) == ["all/event", "all/telemetry"]
        await clear_all(county, now)
    await set_lane(county, "all", now - timedelta(minutes=30))
    await set_lane(county, "140931100", now)
    for _ in range(2):  # it was heard half an hour ago
        assert await stalled(county, now) == ["all/event", "all/telemetry"]
        await clear_all(county, now)


async def test_a_clear_at_the_beginning_of_an_outage_does_not_end_it_an_hour_later(county: County) -> None:
    """Who clears the alarm a minute after it rose says that he knows of it, not that the lane was taken away."""
    now = datetime.now(UTC)
    died = now - HOURS_2
    await set_lane(county, "all", died)
    for at, cleared in ((died + timedelta(minutes=2), True), (now - timedelta(minutes=30), False)):
        await set_lane(county, "140931100", at)
        assert await stalled(county, at) == ["all/event", "all/telemetry"]
        if cleared:
            await clear_all(county, at)
    await set_lane(county, "140931100", now)
    assert await stalled(county, now) == ["all/event", "all/telemetry"]
    await clear_all(county, now)  # now it says so: what is not heard for an hour is not coming back by itself
    assert await stalled(county, now) == []
