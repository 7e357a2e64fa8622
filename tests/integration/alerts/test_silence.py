from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.alerts.conftest import DeskControl
from tests.support.county import AREA, County
from tests.support.servers import Program
from tests.support.waiting import eventually


@pytest.fixture(autouse=True)
async def _ingest_may_stand_still(county: County) -> None:
    """Nobody moves its watermark on but the test; that this is an alarm of our own is shown elsewhere."""
    await county.set_policy("health", starting_s=3600)


async def hear_nothing_since(county: County, ago: timedelta) -> None:
    await county.conn.execute("update device_state set last_seen = $1", datetime.now(UTC) - ago)


async def two_rounds_of_judging(county: County) -> None:
    """Silence is judged every second, and every transaction of judging moves the lease on."""
    query = "select expires_at from lease where name = 'alerts'"
    begin = await county.conn.fetchval(query)

    async def moved_on() -> bool:
        return bool(await county.conn.fetchval(query) - begin > timedelta(seconds=3))

    await eventually(moved_on, what="two rounds of judging")


async def test_a_silent_panel_is_offline_and_back_with_its_next_message(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("notices", offline_hold_s=1)
    await county.add_device("panel-1", expected_interval_s=60)
    await hear_nothing_since(county, timedelta(minutes=4))
    await county.set_watermark(datetime.now(UTC))
    alerts()
    (alarm,) = await eventually(county.alarms, what="the alarm")
    assert (alarm["code"], alarm["severity"]) == ("device_offline", "major")
    state = await county.conn.fetchrow("select online, offline_since from device_state")
    assert state is not None
    assert state["online"] is False
    await eventually(lambda: desk.received(type="alarm.raised"), what="the notice after its hold")
    await county.send_readings("panel", [{"device": "panel-1", "mains_ok": True}])
    await eventually(lambda: county.alarms("state = 'returned'"), what="the return")
    await eventually(lambda: desk.received(type="alarm.cleared"), what="the end at the desk")


async def test_five_hundred_sleepy_devices_that_may_be_silent_do_not_hide_a_silent_panel(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.conn.execute(
        """
        insert into device (code, kind, area, registered, sleepy, expected_interval_s)
            select 'sleepy-' || n, 'hydrant', $1, true, true, 86400 from generate_series(1, 600) n
        """,
        AREA,
    )
    await county.add_device("panel-1", expected_interval_s=60)
    await county.conn.execute("insert into device_state (device_id) select id from device on conflict do nothing")
    await hear_nothing_since(county, timedelta(hours=20))
    await county.conn.execute(
        "update device_state set last_seen = now() - interval '4 min' where device_id = $1", county.id_of("panel-1")
    )
    await county.set_watermark(datetime.now(UTC))
    alerts()
    (alarm,) = await eventually(county.alarms, what="the panel named")
    assert (alarm["device"], alarm["code"]) == ("panel-1", "device_offline")


async def test_nobody_is_offline_while_our_own_ingest_hears_nothing(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1", expected_interval_s=60)
    await hear_nothing_since(county, timedelta(minutes=30))
    await county.set_watermark(datetime.now(UTC) - timedelta(minutes=29))
    alerts()
    await county.add_device("panel-2", expected_interval_s=60)
    await county.send_events([{"device": "panel-2", "type": "fault"}])
    await eventually(lambda: county.alarms("a.code = 'fault'"), what="the bench at work")
    # ingest is back: everybody has a fresh grace
    now = datetime.now(UTC)
    await county.set_watermark(now, gap_at=now)
    await two_rounds_of_judging(county)
    assert await county.alarms("a.code = 'device_offline'") == []
    # and it would have been found: once ingest has heard others for longer than the grace, the silent one is named
    await county.set_watermark(now + timedelta(minutes=4))
    (alarm,) = await eventually(lambda: county.alarms("a.code = 'device_offline' and d.code = 'panel-1'"), what="it")
    assert alarm["severity"] == "major"


async def test_three_hundred_devices_of_a_street_are_one_incident_and_one_notice(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("notices", offline_hold_s=2)
    await county.conn.execute(
        """
        with made as (
            insert into device (code, kind, area, registered, expected_interval_s)
            select 'e-' || n, case when n % 10 = 0 then 'panel' else 'electrical' end, $1, true, 60
            from generate_series(1, 300) n returning id)
        insert into device_state (device_id, last_seen) select id, now() - interval '4 minutes' from made
        """,
        AREA,
    )
    await county.set_watermark(datetime.now(UTC))
    alerts()
    await eventually(
        lambda: county.alarms("a.device_id is not null", at_least=300),
        what="all",
    )
    await eventually(lambda: desk.received(type="alarm.raised"), what="the one notice")
    incidents = await county.conn.fetch("select * from incident")
    assert [row["kind"] for row in incidents] == ["silence"]
    children = await county.alarms("a.device_id is not null")
    assert {row["incident_id"] for row in children} == {incidents[0]["id"]}
    (parent,) = await county.alarms("a.device_id is null")
    assert parent["subject"] == f"area:{AREA}"
    assert [notice["alarm_id"] for notice in await county.notices()] == [parent["id"]]

    await county.conn.execute("update device_state set online = true, last_seen = now()")
    await eventually(
        lambda: county.alarms("cleared_at is not null", at_least=301),
        what="all back",
    )


async def test_the_devices_behind_a_silent_gateway_are_its_children(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("gw-1", expected_interval_s=60)
    for n in range(3):
        await county.add_device(f"m-{n}", "electrical", gateway="gw-1", expected_interval_s=60)
    await county.add_device("lone", "electrical", expected_interval_s=60)
    await hear_nothing_since(county, timedelta(minutes=4))
    await county.set_watermark(datetime.now(UTC))
    alerts()
    await eventually(lambda: county.alarms("a.code = 'device_offline'", at_least=6), what="all, and one that speaks")
    (incident,) = await county.conn.fetch("select * from incident")
    assert incident["cause"] == "gateway:gw-1"
    lone = await county.alarms("d.code = 'lone'")
    assert lone[0]["incident_id"] is None


async def test_a_second_power_cut_is_told_again_though_nobody_has_looked_at_the_first(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("notices", offline_hold_s=0, flap_hold_s=0)
    for n in range(5):
        await county.add_device(f"e-{n}", "electrical", expected_interval_s=60)
    await county.set_watermark(datetime.now(UTC))
    alerts()
    for count in (1, 2):
        await county.set_watermark(datetime.now(UTC))
        await hear_nothing_since(county, timedelta(minutes=4))
        await eventually(lambda: county.alarms("cleared_at is null", at_least=6), what="all silent")
        await eventually(
            lambda count=count: county.notices("state = 'delivered'", at_least=2 * count - 1), what="the notice"
        )
        await county.conn.execute("update device_state set online = true, last_seen = now()")
        await eventually(lambda: county.alarms("cleared_at is not null", at_least=6), what="all back")
        await eventually(lambda count=count: county.notices("state = 'delivered'", at_least=2 * count), what="its end")
    parents = {notice["alarm_id"] for notice in await county.notices()}
    assert len(parents) == 1
    assert len(await county.conn.fetch("select from incident")) == 1


async def test_a_panel_silent_alone_after_a_power_cut_has_a_notice_of_its_own(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("notices", offline_hold_s=1, flap_hold_s=0)
    ids = [await county.add_device(f"panel-{n}", expected_interval_s=60) for n in range(5)]
    await hear_nothing_since(county, timedelta(minutes=4))
    await county.set_watermark(datetime.now(UTC))
    alerts()
    await eventually(lambda: desk.received(type="alarm.raised"), what="the group's notice")
    await county.conn.execute("update device_state set online = true, last_seen = now()")
    await eventually(lambda: county.alarms("cleared_at is not null", at_least=6), what="all back")
    await county.set_watermark(datetime.now(UTC))
    await county.conn.execute(
        "update device_state set last_seen = now() - interval '4 minutes' where device_id = $1", ids[0]
    )
    raised = await eventually(lambda: county.notices("type = 'alarm.raised'", at_least=2), what="its own notice")
    assert raised[1]["json"]["device"]["code"] == "panel-0"


async def note_township(county: County, *, heard_until: timedelta, heard_since: timedelta) -> None:
    await county.conn.execute(
        """
        with key as (
            insert into api_key (name, key_hash, hint, role, areas, created_by, created_at)
            values ('relay.dongguan', '', '', 'duty_officer', '{}', 'test', now())
            on conflict (name) do update set hint = '' returning id)
        insert into township (name, areas, api_key_id, created_by, created_at, last_heard, heard_until, heard_since)
        select 'dongguan', array[$1::text], id, 'test', now(), now(), now() - $2::interval, now() - $3::interval
        from key
        on conflict (name) do update set heard_until = excluded.heard_until, heard_since = excluded.heard_since
        """,
        AREA,
        heard_until,
        heard_since,
    )


async def test_devices_of_a_township_are_silent_by_its_own_watermark(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1", expected_interval_s=60)
    await county.add_device("panel-2", expected_interval_s=60, area="140931101")
    await hear_nothing_since(county, timedelta(minutes=30))
    await county.set_watermark(datetime.now(UTC))
    day = timedelta(days=1)
    await note_township(county, heard_until=timedelta(minutes=28), heard_since=day)  # the link has been cut since then
    alerts()
    (alarm,) = await eventually(county.alarms, what="the county's own panel")
    assert alarm["device"] == "panel-2"
    await two_rounds_of_judging(county)
    assert len(await county.alarms()) == 1
    just_now = timedelta(seconds=1)
    await note_township(county, heard_until=just_now, heard_since=timedelta(minutes=1))  # it was down itself until then
    await two_rounds_of_judging(county)
    assert len(await county.alarms()) == 1
    await note_township(county, heard_until=just_now, heard_since=day)
    await eventually(lambda: county.alarms("d.code = 'panel-1'"), what="the township's panel")
