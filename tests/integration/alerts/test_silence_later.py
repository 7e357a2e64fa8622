"""Who falls silent beside an older group, in works, or under a rule that is switched off and on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.core.alarms.ledger import acts
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import AREA, County
from tests.support.servers import Program
from tests.support.waiting import eventually

MINUTES_4, WEEK = timedelta(minutes=4), timedelta(days=7)


@pytest.fixture(autouse=True)
async def _ingest_may_stand_still(county: County) -> None:
    await county.set_policy("health", starting_s=3600)
    await county.set_policy("notices", offline_hold_s=1, flap_hold_s=0)


async def fall_silent(county: County, codes: list[str], ago: timedelta = MINUTES_4) -> None:
    """Nothing was heard of these for so long; everybody else spoke just now."""
    now = datetime.now(UTC)
    others = "device_id <> all(select id from device where code = any($2))"
    await county.conn.execute(f"update device_state set last_seen = $1 where online and {others}", now, codes)  # noqa: S608
    said = "update device_state set last_seen = $1 where device_id = any(select id from device where code = any($2))"
    await county.conn.execute(said, now - ago, codes)
    await county.set_watermark(now)


async def switch(county: County, code: str, enabled: int) -> None:
    await county.conn.execute(
        """
        insert into rule_parameter (code, scope, target, parameters, effective_from, created_by)
        values ($1, 'all', '', jsonb_build_object('enabled', $2::int), now(), 'user:test')
        """,
        code,
        enabled,
    )
    await county.conn.execute("select pg_notify('firetower_registry', '')")


async def speakers(county: County, at_least: int = 1) -> list[asyncpg.Record]:
    return await county.alarms("a.device_id is null and cleared_at is null", at_least=at_least)


async def one_stays_away(county: County, alerts: Callable[..., Program]) -> None:
    """The power of a street was cut a week ago; all came back but one, which nobody has looked after."""
    street = [f"e-{n}" for n in range(4)]
    for code in street:
        await county.add_device(code, "electrical", expected_interval_s=60)
    alerts()
    await fall_silent(county, street)
    await eventually(lambda: speakers(county), what="the incident")
    await county.conn.execute(
        "update device_state set online = true, offline_since = null, last_seen = now() where device_id <> $1",
        county.id_of("e-0"),
    )
    await county.conn.execute(
        "update device_state set last_seen = $1, offline_since = $1 where device_id = $2",
        datetime.now(UTC) - WEEK,
        county.id_of("e-0"),
    )
    await eventually(lambda: county.alarms("d.code <> 'e-0' and cleared_at is not null", at_least=3), what="them back")


async def test_a_panel_that_falls_silent_is_not_hidden_in_the_incident_of_last_week(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1", expected_interval_s=60)
    await one_stays_away(county, alerts)
    await fall_silent(county, ["panel-1"])
    (alarm,) = await eventually(lambda: county.alarms("d.code = 'panel-1'"), what="the panel")
    await eventually(lambda: county.notices("alarm_id = $1", alarm["id"]), what="its own notice", timeout_s=20)
    assert (await county.alarms("d.code = 'panel-1'"))[0]["incident_id"] is None


async def test_a_second_power_cut_beside_one_that_stayed_away_is_an_incident_with_a_notice(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    panels = [f"panel-{n}" for n in range(5)]
    for code in panels:
        await county.add_device(code, expected_interval_s=60)
    await one_stays_away(county, alerts)
    (first,) = await speakers(county)
    await fall_silent(county, panels)
    both = await eventually(lambda: speakers(county, 2), what="a second incident", timeout_s=20)
    second = both[1]
    assert second["incident_id"] != first["incident_id"]
    members = await county.alarms("d.code like 'panel-%'")
    assert {member["incident_id"] for member in members} == {second["incident_id"]}
    raised = "type = 'alarm.raised' and alarm_id <> $1"
    (notice,) = await eventually(lambda: county.notices(raised, first["id"]), what="one notice")
    assert notice["alarm_id"] == second["id"]
    await county.conn.execute("update device_state set online = true, last_seen = now() where device_id <> $1",
                              county.id_of("e-0"))  # fmt: skip
    await eventually(lambda: county.alarms("a.id = $1 and cleared_at is not null", second["id"]), what="its end")
    assert [one["id"] for one in await speakers(county)] == [first["id"]]


async def test_a_second_power_cut_does_not_join_the_incident_that_a_person_cleared_while_one_stayed_away(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    panels = [f"panel-{n}" for n in range(5)]
    for code in panels:
        await county.add_device(code, expected_interval_s=60)
    await one_stays_away(county, alerts)
    (first,) = await speakers(county)
    await acts.clear(county.conn, first["id"], actor="user:t", now=datetime.now(UTC))
    await fall_silent(county, panels)
    (second,) = await eventually(lambda: speakers(county), what="an incident", timeout_s=20)
    assert second["incident_id"] != first["incident_id"]
    await county.conn.execute("update device_state set online = true, last_seen = now() where device_id <> $1",
                              county.id_of("e-0"))  # fmt: skip
    await eventually(lambda: county.alarms("a.id = $1 and cleared_at is not null", second["id"]), what="its end")


async def test_devices_that_are_switched_off_for_works_are_no_incident(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    codes = [f"panel-{n}" for n in range(6)]
    for code in codes:
        await county.add_device(code, expected_interval_s=60, out_of_service_until=until if code != "panel-5" else None)
    alerts()
    await fall_silent(county, codes)
    await eventually(lambda: county.alarms("a.device_id is not null", at_least=6), what="all of them")
    await eventually(lambda: county.notices("state = 'delivered'"), what="the notice of the one in service")
    assert {notice["json"]["device"]["code"] for notice in await county.notices()} == {"panel-5"}
    assert await speakers(county, 0) == []


async def test_six_hundred_silent_devices_whose_rule_is_off_do_not_hide_a_silent_panel(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.conn.execute(
        """
        with made as (
            insert into device (code, kind, area, registered, expected_interval_s)
            select 'h-' || n, 'hydrant', $1, true, 60 from generate_series(1, 1200) n returning id)
        insert into device_state (device_id, last_seen) select id, now() - interval '30 days' from made
        """,
        AREA,
    )
    await county.conn.execute(
        """
        insert into rule_parameter (code, scope, target, parameters, effective_from, created_by)
        values ('device_offline', 'kind', 'hydrant', '{"enabled": 0}', now() - interval '1 h', 'user:test')
        """
    )
    await county.add_device("panel-1", expected_interval_s=60)
    await county.conn.execute(
        "update device_state set last_seen = $1 where device_id = $2",
        datetime.now(UTC) - MINUTES_4,
        county.id_of("panel-1"),
    )
    await county.set_watermark(datetime.now(UTC))
    alerts()
    (alarm,) = await eventually(county.alarms, what="the panel")
    assert alarm["device"] == "panel-1"


async def test_what_no_rule_judges_any_more_ends_and_is_found_again_with_the_rule(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1", expected_interval_s=60)
    await county.add_device("mute-1", "hydrant", expected_interval_s=3600)
    alerts()
    await county.conn.execute(
        "update device_state set refused = 6, refused_since = now(), refused_reason = 'not_json' where device_id = $1",
        county.id_of("mute-1"),
    )
    await fall_silent(county, ["panel-1"])
    codes = ["device_offline", "device_unreadable"]
    stands = "a.code = any($1) and cleared_at is null"
    await eventually(lambda: county.alarms(stands, codes, at_least=2), what="both alarms")
    for code in codes:
        await switch(county, code, 0)
    over = "a.code = any($1) and cleared_at is not null"
    await eventually(lambda: county.alarms(over, codes, at_least=2), what="their end", timeout_s=90)
    for code in codes:
        await switch(county, code, 1)
    await county.set_watermark(datetime.now(UTC))
    await eventually(lambda: county.alarms(stands, codes, at_least=2), what="both again")
