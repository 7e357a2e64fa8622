"""Hydrants that lose pressure together: by the numbers of now, again after a person ended it, and not in works."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.core.alarms.ledger import acts
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually


@pytest.fixture
async def hydrants(county: County) -> list[str]:
    codes = [f"h-{n}" for n in range(6)]
    for code in codes:
        await county.add_device(code, "hydrant")
    return codes


async def lose_pressure(county: County, codes: list[str], *, alarms: int) -> list[asyncpg.Record]:
    """All of them are empty, as one message each says; wait until so many alarms of them have been opened.

    They say it again, as hydrants do: what a person has just cleared may still stand for the first of these readings.
    """

    async def said() -> list[asyncpg.Record]:
        await county.send_readings("hydrant", [{"device": code, "pressure_mpa": 0.02} for code in codes])
        return await low(county, alarms)

    return await eventually(said, what="their alarms", every_s=0.5)


async def low(county: County, at_least: int) -> list[asyncpg.Record]:
    return await county.alarms("a.code = 'hydrant_pressure_low'", at_least=at_least)


async def events(county: County) -> list[asyncpg.Record]:
    return await county.alarms("a.code = 'mains_event' and a.state <> 'closed'")


async def clear(county: County, where: str) -> None:
    for alarm in await county.alarms(f"a.state <> 'closed' and {where}"):
        await acts.clear(county.conn, alarm["id"], actor="user:t", now=datetime.now(UTC))


async def test_an_event_that_a_person_cleared_with_its_members_is_told_again_while_it_goes_on(
    county: County, desk: DeskControl, alerts: Callable[..., Program], hydrants: list[str]
) -> None:
    alerts()
    await lose_pressure(county, hydrants[:3], alarms=3)
    (first,) = await eventually(lambda: events(county), what="the event")
    await clear(county, "true")
    await lose_pressure(county, hydrants[:3], alarms=6)
    (second,) = await eventually(lambda: events(county), what="the event again")
    assert second["id"] != first["id"]
    await eventually(lambda: county.notices("alarm_id = $1 and state = 'delivered'", second["id"]), what="its notice")


async def test_who_comes_after_a_person_has_ended_the_event_is_told(
    county: County, desk: DeskControl, alerts: Callable[..., Program], hydrants: list[str]
) -> None:
    alerts()
    await lose_pressure(county, hydrants[:3], alarms=3)
    await eventually(lambda: events(county), what="the event")
    await clear(county, "a.code = 'mains_event'")
    assert await events(county) == []
    await lose_pressure(county, hydrants[3:4], alarms=4)
    (again,) = await eventually(lambda: events(county), what="the event again")
    assert again["value"] == 4
    await eventually(lambda: county.notices("alarm_id = $1 and state = 'delivered'", again["id"]), what="its notice")


async def test_the_numbers_of_the_event_count_as_soon_as_they_are_set(
    county: County, desk: DeskControl, alerts: Callable[..., Program], hydrants: list[str]
) -> None:
    """Those of the policy `grouping` as well; a number of the rule goes first."""
    alerts()
    await lose_pressure(county, hydrants[:1], alarms=1)
    await county.set_policy("grouping", mains_members=4)
    await lose_pressure(county, hydrants[1:3], alarms=3)
    assert await events(county) == [], "three are not four"
    await county.conn.execute(
        """
        insert into rule_parameter (code, scope, target, parameters, effective_from, created_by)
        values ('mains_event', 'all', '', '{"devices": 5}', now(), 'user:test')
        """
    )
    await lose_pressure(county, hydrants[3:4], alarms=4)
    assert await events(county) == [], "four are not five"
    await lose_pressure(county, hydrants[4:5], alarms=5)
    (event,) = await eventually(lambda: events(county), what="the event")
    assert (event["value"], event["limit_value"]) == (5, 5)


async def test_hydrants_out_of_service_are_no_event_of_the_mains(
    county: County, desk: DeskControl, alerts: Callable[..., Program], hydrants: list[str]
) -> None:
    """Whoever drains a main for works has said so, and 119 is told neither of the hydrants nor of the area."""
    until = datetime.now(UTC) + timedelta(hours=1)
    await county.conn.execute("update device set out_of_service_until = $1 where code <> 'h-5'", until)
    alerts()
    await lose_pressure(county, hydrants, alarms=6)
    assert await events(county) == []
    await eventually(lambda: county.notices("state = 'delivered'"), what="the notice of the one in service")
    assert {notice["json"]["device"]["code"] for notice in await county.notices()} == {"h-5"}


async def test_hydrants_in_works_are_no_event_either_after_a_restart(
    county: County, desk: DeskControl, alerts: Callable[..., Program], hydrants: list[str]
) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    await county.conn.execute("update device set out_of_service_until = $1 where code <> 'h-5'", until)
    before = alerts()
    await lose_pressure(county, hydrants[:5], alarms=5)
    before.stop()
    alerts()
    await lose_pressure(county, hydrants[5:], alarms=6)
    assert await events(county) == []
    await eventually(lambda: county.notices("state = 'delivered'"), what="the notice of the one in service")
    assert {notice["json"]["device"]["code"] for notice in await county.notices()} == {"h-5"}


async def let_days_pass(county: County, days: int) -> None:
    """So long ago by what was written down; a note on an alarm meanwhile is nothing of the mains."""
    await county.conn.execute(
        "update alarm set life = jsonb_set(life, '{last_at}', to_jsonb(now() - make_interval(days => $1)))"
        " where code = 'hydrant_pressure_low'",
        days,
    )


@pytest.mark.parametrize("taken", [False, True], ids=["nobody took it", "taken"])
async def test_another_event_is_told_though_one_hydrant_of_the_last_stays_dry(
    county: County, desk: DeskControl, alerts: Callable[..., Program], hydrants: list[str], *, taken: bool
) -> None:
    before = alerts()
    await lose_pressure(county, hydrants[:3], alarms=3)
    (first,) = await eventually(lambda: events(county), what="the event")
    await eventually(lambda: county.notices("alarm_id = $1 and state = 'delivered'", first["id"]), what="its notice")
    if taken:
        await acts.acknowledge(county.conn, first["id"], actor="user:t", now=datetime.now(UTC))
    before.stop()
    await let_days_pass(county, 10)
    alerts()
    await lose_pressure(county, hydrants[3:], alarms=6)

    async def told() -> list[asyncpg.Record]:
        found = await events(county)
        return [one for one in found if one["incident_id"] != first["incident_id"]]

    (second,) = await eventually(told, what="another event")
    assert (second["value"], second["cleared_at"]) == (3, None)
    members = await county.alarms("a.incident_id = $1 and a.code = 'hydrant_pressure_low'", second["incident_id"])
    assert {alarm["device"] for alarm in members} == set(hydrants[3:])

    query = "alarm_id = $1 and state = 'delivered' and created_at > $2"
    since = datetime.fromisoformat(second["life"]["last_at"]) - timedelta(seconds=1)
    if taken:
        await eventually(lambda: county.notices(query, second["id"], since), what="its notice")
    else:  # the end of the first is told at once, and what came back after it when the time for flapping is over
        assert second["life"]["retell_at"] is not None


async def test_an_event_after_the_next_one_is_no_part_of_the_one_whose_hydrant_stays_dry(
    county: County, desk: DeskControl, alerts: Callable[..., Program], hydrants: list[str]
) -> None:
    before = alerts()
    await lose_pressure(county, hydrants[:3], alarms=3)
    (first,) = await eventually(lambda: events(county), what="the event")
    before.stop()
    await let_days_pass(county, 60)
    alerts()
    await lose_pressure(county, hydrants[3:], alarms=6)

    async def told() -> list[asyncpg.Record]:
        found = await events(county)
        return [one for one in found if one["incident_id"] != first["incident_id"] and one["cleared_at"] is None]

    (second,) = await eventually(told, what="another event")
    for alarm in await county.alarms("a.incident_id = $1 and a.code = 'hydrant_pressure_low'", second["incident_id"]):
        await acts.clear(county.conn, alarm["id"], actor="user:t", now=datetime.now(UTC))

    async def over() -> bool:
        return not await told()

    await eventually(over, what="the end of the second event")
    for alarm in await events(county):
        await acts.clear(county.conn, alarm["id"], actor="user:t", now=datetime.now(UTC))
    await lose_pressure(county, hydrants[3:], alarms=9)
    (third,) = await eventually(told, what="the third event")
    assert third["incident_id"] not in {first["incident_id"], second["incident_id"]}
    members = await county.alarms("a.incident_id = $1 and a.code = 'hydrant_pressure_low'", third["incident_id"])
    assert {alarm["device"] for alarm in members} == set(hydrants[3:])
