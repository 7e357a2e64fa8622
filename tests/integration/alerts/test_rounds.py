"""Who is looked at while more devices may be silent, or not understood, than one look takes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.alerts.incidents import SQL
from services.alerts.registry import Registry
from services.alerts.rule_states import RuleStates
from services.alerts.silence import AT_ONCE, Silence
from services.alerts.silent_devices import SilentDevices
from services.alerts.unreadable import Unreadable
from services.core import db
from tests.integration.alerts.calls import border_at
from tests.support.county import AREA, County
from tests.support.hand_clock import HandClock

Look = Callable[[], Awaitable[list[str]]]


@pytest.fixture
async def look(county: County, database: str) -> AsyncIterator[Look]:
    """Look through all devices once and judge what was found; returns which devices are known to be silent."""
    registry = Registry()
    silence = Silence(registry, RuleStates(registry))
    pool = await db.create_pool(database, program="test", size=1)

    async def once() -> list[str]:
        now = datetime.now(UTC)
        border = border_at(county, now)
        await SilentDevices(pool, HandClock(now), border.asides, silence).take_turn()
        await silence.watch(border, now)
        return [row["device"] for row in await county.alarms("a.device_id is not null")]

    yield once
    await pool.close()


async def sleepy(county: County, count: int, hours_ago: int) -> None:
    """Add hydrants that report once a day, and did so these hours ago."""
    await county.conn.execute(
        """
        with made as (
            insert into device (code, kind, area, registered, sleepy, expected_interval_s)
            select 'sleepy-' || n, 'hydrant', $1, true, true, 86400 from generate_series(1, $2::int) n returning id)
        insert into device_state (device_id, last_seen) select id, now() - make_interval(hours => $3) from made
        """,
        AREA,
        count,
        hours_ago,
    )


async def fall_silent(county: County, code: str) -> None:
    said = "update device_state set last_seen = now() - interval '30 min' where device_id = $1"
    await county.conn.execute(said, county.id_of(code))


async def test_a_panel_that_falls_silent_does_not_wait_for_the_round_of_sleepy_devices(
    county: County, look: Look
) -> None:
    await sleepy(county, 3 * AT_ONCE, hours_ago=20)
    for n in range(3):
        await county.add_device(f"panel-{n}", expected_interval_s=60)
    await county.set_watermark(datetime.now(UTC) + timedelta(seconds=1))
    for n in range(3):
        assert len(await look()) == n, "the round has begun"
        await fall_silent(county, f"panel-{n}")
        await look()
        assert len(await look()) == n + 1, "found in two looks, wherever the round is"


async def test_who_speaks_in_an_area_is_asked_once_and_not_for_every_gateway(county: County, look: Look) -> None:
    for n in range(8):
        for member in range(3 if n % 2 else 1):
            code = f"m-{n}-{member}"
            await county.add_device(code, "electrical", gateway=f"gw-{n}", expected_interval_s=60)
            await fall_silent(county, code)
    await county.set_watermark(datetime.now(UTC) + timedelta(seconds=1))
    asked: list[str] = []

    def note(query: Any) -> None:
        if query.query == SQL["silence_speakers"]:
            asked.append(query.query)

    with county.conn.query_logger(note):
        await look()
    assert len(asked) == 1
    incidents = await county.conn.fetch("select cause from incident order by cause")
    assert [row["cause"] for row in incidents] == [f"area:{AREA}", *(f"gateway:gw-{n}" for n in (1, 3, 5, 7))]


async def test_devices_whose_rule_is_off_do_not_hide_a_panel_of_which_nothing_usable_comes(county: County) -> None:
    await county.conn.execute(
        """
        with made as (
            insert into device (code, kind, area, registered)
            select 'e-' || n, 'electrical', $1, true from generate_series(1, 4000) n returning id)
        insert into device_state (device_id, refused, refused_since, refused_reason)
        select id, 100, now() - interval '1 day', 'not_json' from made
        """,
        AREA,
    )
    await county.conn.execute(
        """
        insert into rule_parameter (code, scope, target, parameters, effective_from, created_by)
        values ('device_unreadable', 'kind', 'electrical', '{"enabled": 0}', now() - interval '1 h', 'user:test')
        """
    )
    await county.conn.execute(
        "update device_state set refused = 5, refused_since = now(), refused_reason = 'not_json' where device_id = $1",
        await county.add_device("panel-1"),
    )
    now = datetime.now(UTC)
    registry = Registry()
    states = RuleStates(registry)
    await states.refresh(county.conn, (), now)
    unreadable, border = Unreadable(registry, states), border_at(county, now)
    for _ in range(4):
        await unreadable.watch(border, now)
    assert [alarm["device"] for alarm in await county.alarms()] == ["panel-1"]
