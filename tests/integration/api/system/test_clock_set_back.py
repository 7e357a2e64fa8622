"""A server's clock that was years ahead and was set right: what it counted by that clock is still counted."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from services.api.request.state import State
from services.api.system.housekeeping import clear
from services.core.aside import Asides
from tests.integration.api.conftest import Client
from tests.support.hand_clock import HandClock

Register = Callable[..., Awaitable[dict[str, Any]]]
NOW = datetime.now(UTC)
AHEAD = timedelta(days=4000)
HOUR = timedelta(hours=1)


async def lose(connection: asyncpg.Connection, device: int, at: datetime, gaps: int) -> None:
    await connection.execute(
        """insert into device_quality as q (device_id, hour, gaps, late)
           values ($1, date_trunc('hour', $2::timestamptz), $3, 1)
           on conflict (device_id, hour) do update set gaps = q.gaps + excluded.gaps""",
        device,
        at,
        gaps,
    )


async def keep_house(state: State, at: datetime) -> None:
    clock = HandClock(at)
    await clear(state.database, clock, Asides("api", clock))


async def gaps_of(client: Client) -> tuple[int, int, int, int]:
    """Of the device ever and in 24 h, and of all devices likewise."""
    device = (await client.get("/api/v1/devices/h-1")).json()["quality"]
    slo = (await client.get("/api/v1/slo?hours=744")).json()
    return device["gaps"], device["last_24h"]["gaps"], slo["loss_total"]["gaps"], slo["loss"]["gaps"]


async def test_gaps_are_counted_after_a_clock_that_was_ahead_is_set_right(
    client: Client, register: Register, connection: asyncpg.Connection, state: State
) -> None:
    device = (await register("h-1"))["id"]
    await lose(connection, device, NOW - timedelta(days=40), 1)
    await lose(connection, device, NOW - timedelta(days=5), 2)
    await lose(connection, device, NOW - 3 * HOUR, 4)
    await keep_house(state, NOW)
    await lose(connection, device, NOW + AHEAD - 50 * HOUR, 8)
    await keep_house(state, NOW + AHEAD)
    await keep_house(state, NOW)
    await lose(connection, device, NOW, 16)  # it would be counted in eleven years
    assert await gaps_of(client) == (31, 20, 31, 22)
    await keep_house(state, NOW + timedelta(days=2))  # once more, as on any other day
    assert await connection.fetchval("select gaps from device_quality_sum") == 23


async def test_a_clock_that_began_years_behind_takes_nothing_from_the_sums(
    client: Client, register: Register, connection: asyncpg.Connection, state: State
) -> None:
    device = (await register("h-1"))["id"]
    await lose(connection, device, NOW - timedelta(days=5), 2)
    await lose(connection, device, NOW - 3 * HOUR, 4)
    for at in (NOW, NOW - AHEAD, NOW):
        await keep_house(state, at)
    assert await gaps_of(client) == (6, 4, 6, 6)


async def test_a_device_whose_gaps_are_of_a_time_to_come_is_not_listed_for_years(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    await lose(connection, (await register("h-1"))["id"], NOW + AHEAD, 8)
    listed = (await client.get("/api/v1/devices?trouble=loss")).json()["items"]
    assert listed == []
    await lose(connection, (await register("h-2"))["id"], NOW, 1)
    listed = (await client.get("/api/v1/devices?trouble=loss")).json()["items"]
    assert [one["code"] for one in listed] == ["h-2"]


async def test_disks_are_shown_as_they_are_and_not_as_they_were_when_the_clock_was_ahead(
    client: Client, connection: asyncpg.Connection
) -> None:
    for at, used in ((NOW - HOUR, 1), (NOW, 2), (NOW + AHEAD, 3)):
        await connection.execute(
            "insert into disk_use (folder, at, used_bytes, free_bytes) values ('', $1, $2, 100)", at, used
        )
    [disk] = (await client.get("/api/v1/system")).json()["storage"]["disks"]
    assert disk["used_bytes"] == 2
