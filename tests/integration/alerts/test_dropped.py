"""What brokers drop is counted on while its alarm stands, and asks again when it happens anew."""

from datetime import UTC, datetime, timedelta

import asyncpg

from services.alerts.health import Health
from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.policies import read_policies
from tests.support.county import County

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


async def look(county: County, at: datetime, *, broker: str | None = None, **dropped: int) -> list[asyncpg.Record]:
    """Let our health look at partitions whose lane counted so many drops of its broker; return the open alarms of it.

    Each partition has a broker of its own where no `broker` is given. Only the lane of telemetry hears of drops.
    """
    for partition, count in dropped.items():
        for lane in ("event", "telemetry"):
            await county.conn.execute(
                """
                insert into ingest_lane (writer, lane, owner, connected, updated_at, broker_dropped, broker)
                values ($1 || '/' || $2, $2, $3, true, now(), $4, $5)
                on conflict (writer) do update set broker_dropped = excluded.broker_dropped
                """,
                partition,
                lane,
                county.owner,
                count if lane == "telemetry" else 0,
                broker or partition,
            )
    health = Health(has_desk=True, since=at)
    page = Page(county.conn, at, read_policies({}))
    async with county.conn.transaction():
        await health.judge(page, [part for part in health.parts if part.name == "lanes"])
        await page.write()
    return await county.alarms("a.code = 'queue_dropped' and state <> 'closed'")


async def test_the_count_goes_on_and_only_another_overload_asks_again(county: County) -> None:
    assert await look(county, BEGAN, all=0) == []
    (alarm,) = await look(county, BEGAN, all=5)
    assert (alarm["value"], alarm["reason"]) == (5, "消息队列已满，消息服务器丢弃 5 条消息")
    await acts.acknowledge(county.conn, alarm["id"], actor="user:t", now=BEGAN)
    for minute, dropped in enumerate(range(1_000, 31_000, 1_000)):
        (alarm,) = await look(county, BEGAN + timedelta(minutes=minute), all=dropped)
    assert alarm["reason_en"] == "a queue was full: the broker dropped 30000 messages"
    assert alarm["state"] == "acknowledged"
    (alarm,) = await look(county, BEGAN + timedelta(hours=2), all=30_001)
    assert (alarm["value"], alarm["state"], alarm["acknowledged_by"]) == (30_001, "unacknowledged", None)
    await acts.clear(county.conn, alarm["id"], actor="user:t", now=BEGAN)
    (fresh,) = await look(county, BEGAN + timedelta(hours=3), all=30_004)
    assert (fresh["value"], fresh["state"]) == (3, "unacknowledged")


async def test_what_one_broker_drops_is_not_hidden_by_what_another_has_dropped(county: County) -> None:
    assert await look(county, BEGAN, north=100, south=0) == []
    (alarm,) = await look(county, BEGAN + timedelta(hours=1), north=100, south=50)
    assert alarm["value"] == 50


async def test_partitions_of_one_broker_read_one_counter(county: County) -> None:
    await look(county, BEGAN, broker="b:1883", north=0, south=0, west=0)
    (alarm,) = await look(county, BEGAN, broker="b:1883", north=7, south=7, west=7)
    assert alarm["value"] == 7
    (alarm,) = await look(county, BEGAN, broker="b:1883", north=9, south=7, west=7)  # the others hear of it later
    (alarm,) = await look(county, BEGAN, broker="b:1883", north=9, south=9, west=9)
    assert alarm["value"] == 9


async def test_lanes_that_stop_come_back_or_are_new_count_nothing_twice(county: County) -> None:
    await look(county, BEGAN, broker="b:1883", north=5, south=5)
    (alarm,) = await look(county, BEGAN, broker="b:1883", south=8)  # the other has stopped
    assert alarm["value"] == 3
    (alarm,) = await look(county, BEGAN, broker="b:1883", south=8, west=0)  # and one is new, which counts from 0
    (alarm,) = await look(county, BEGAN, broker="b:1883", north=8, south=8, west=0)
    assert alarm["value"] == 3
    (alarm,) = await look(county, BEGAN, broker="b:1883", north=8, south=8, west=2)
    assert alarm["value"] == 5
    (alarm,) = await look(county, BEGAN, broker="b:1883", north=10, south=9, west=2)
    assert alarm["value"] == 5
    await county.conn.execute("delete from ingest_lane where writer ~ 'north'")
    (alarm,) = await look(county, BEGAN, broker="b:1883", south=11, west=2)
    assert alarm["value"] == 6
