"""The server's clock was an hour ahead and is right now: nothing waits for the hour to pass again."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

from services.alerts.registry import Registry
from services.core import lease
from services.core.topics import parse_topic
from services.ingest import lease as lane_lease
from services.ingest import store
from services.ingest.devices import Devices
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

HOUR = timedelta(hours=1)


async def test_a_fire_whose_notice_or_clock_runs_by_the_hour_before_reaches_the_desk(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    await county.add_device("panel-2")
    await county.add_device("panel-3")
    await county.conn.execute(
        "insert into lease (name, owner, expires_at, taken_at) values ('alerts', $1, now() + $2, now() + $2)",
        uuid4(),
        HOUR,
    )
    await desk.behave(mode="error", count=1000)
    program = alerts()
    manual = {"device": "panel-1", "type": "manual_alarm"}
    await county.send_events([manual, *({"device": f"panel-{n}", "type": "fire"} for n in (2, 3))])

    async def waiting() -> bool:
        return len(await county.alarms("a.escalates_at is not null")) == 2

    await eventually(waiting, what="fires that wait for a verdict")
    await eventually(lambda: county.conn.fetchval("select count(*) from notice_attempt"), what="an attempt that failed")
    program.kill()
    await county.conn.execute("update notice set due_at = now() + $1", HOUR)
    await county.conn.execute(
        "update alarm set opened_at = opened_at + $1, escalates_at = escalates_at + $1, due_at = due_at + $1", HOUR
    )
    await county.conn.execute(  # on the row of a fire of the day before
        "update alarm set since = opened_at, opened_at = opened_at - interval '1 day' where device_id = $1",
        county.id_of("panel-3"),
    )
    await desk.behave(mode="ok")
    alerts()
    delivered = "state = 'delivered' and alarm_id = (select id from alarm where device_id = $1)"
    for device in ("panel-1", "panel-2", "panel-3"):
        number = county.id_of(device)
        await eventually(lambda n=number: county.notices(delivered, n), what=f"the fire of {device} at the desk")


async def test_a_notice_that_is_no_fire_is_sent_at_once_and_waits_for_as_long_as_the_desk_has_asked_since(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    for n in (1, 2, 3):
        await county.add_device(f"h-{n}", "hydrant", area=f"14093110{n}")
    first = alerts(DISPATCH_URL="")
    low = [{"device": f"h-{n}", "pressure_mpa": 0.04} for n in (1, 2, 3)]
    await county.send_readings("hydrant", low)
    await eventually(lambda: county.notices("type = 'alarm.raised'", at_least=3), what="their notices")
    first.stop()
    await county.conn.execute("update notice set created_at = now() + $1, due_at = now() + $1", HOUR)
    await county.conn.execute(  # one was tried before the clock was set back, and one since
        """
        insert into notice_attempt (notice_id, number, at, duration_ms)
        select n.id, 1, now() + case d.code when 'h-2' then $1 else interval '0' end, 1
        from notice n join alarm a on a.id = n.alarm_id join device d on d.id = a.device_id
        where d.code in ('h-2', 'h-3')
        """,
        HOUR,
    )
    await county.conn.execute("update notice set attempts = 1 where id in (select notice_id from notice_attempt)")
    alerts()
    await eventually(lambda: county.notices("state = 'delivered'", at_least=2), what="what waits by the hour before")
    assert {one["body"]["device"]["code"] for one in await desk.received()} == {"h-1", "h-2"}


async def test_a_lane_of_ingest_takes_a_lease_that_no_clock_of_now_gave(county: County) -> None:
    other, ours = str(uuid4()), str(uuid4())
    assert await lane_lease.take(county.conn, "ingest:all/event", other) is not None
    assert await lane_lease.take(county.conn, "ingest:all/event", ours) is None
    await county.conn.execute("update lease set expires_at = now() + $1", HOUR)
    assert await lane_lease.take(county.conn, "ingest:all/event", ours) is not None
    assert not await lease.take(county.conn, "ingest:all/event", uuid4())


async def test_silence_is_counted_anew_from_the_moment_the_clock_was_set_back(county: County) -> None:
    now = await county.conn.fetchval("select clock_timestamp()")
    await county.set_watermark(now + HOUR, gap_at=now - HOUR)
    for writer in await county.conn.fetch("select writer from ingest_lane"):
        await county.conn.execute(store.QUERIES["advance_watermark"], writer["writer"], int(now.timestamp() * 1e6))
    for row in await county.conn.fetch("select watermark, watermark_gap_at from ingest_lane"):
        assert abs(row["watermark"] - now) < timedelta(milliseconds=1)
        assert row["watermark_gap_at"] >= now


async def test_ingest_on_a_machine_whose_clock_is_ahead_of_the_database_gives_nobody_a_fresh_grace(
    county: County,
) -> None:
    now = await county.conn.fetchval("select clock_timestamp()")
    ahead, long_ago = now + timedelta(seconds=40), now - HOUR
    await county.set_watermark(ahead, gap_at=long_ago)
    for writer in await county.conn.fetch("select writer from ingest_lane"):
        sent_us = int((ahead + timedelta(seconds=1)).timestamp() * 1e6)
        await county.conn.execute(store.QUERIES["advance_watermark"], writer["writer"], sent_us)
    for row in await county.conn.fetch("select watermark, watermark_gap_at from ingest_lane"):
        assert row["watermark"] > ahead
        assert row["watermark_gap_at"] == long_ago


async def test_a_change_of_the_registry_is_seen_though_an_earlier_look_was_by_the_hour_before(
    county: County, monkeypatch
) -> None:
    device_id = await county.add_device("h-1", "hydrant")
    now = await county.conn.fetchval("select clock_timestamp()")
    registry, devices = Registry(), Devices()
    await registry.load(county.conn, [device_id])
    topic = parse_topic("fire/v1/140931100/hydrant/h-1/up/telemetry")
    assert topic is not None
    await devices.ensure(county.conn, [topic], lease="x", owner=str(uuid4()))
    monkeypatch.setattr(registry, "_changed_at", now + HOUR)
    monkeypatch.setattr(registry, "newest", now + HOUR)
    monkeypatch.setattr(devices, "_read_until", now + HOUR)
    late_after = devices["h-1"].late_after_us
    await county.conn.execute("update device set expected_interval_s = 7200")
    assert [device.id for device in await registry.refresh(county.conn)] == [device_id]
    assert registry.newest <= await county.conn.fetchval("select clock_timestamp()")
    await devices.refresh(county.conn)
    assert devices["h-1"].late_after_us > late_after
