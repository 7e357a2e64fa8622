"""What people and machines are told of a device that speaks and is not understood, or whose clock is wrong."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from tests.integration.api.conftest import Client

Register = Callable[..., Awaitable[dict[str, Any]]]


async def test_an_unreadable_device_is_nowhere_online(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    for code, since in (("fine", None), ("garbled", now)):
        shown = await register(code)
        await connection.execute(
            "insert into device_state (device_id, state, ts, last_seen, unreadable_since) values ($1, $2, $3, $3, $4)",
            shown["id"], {"pressure_mpa": 0.3}, now, since,
        )  # fmt: skip
    listed = (await client.get("/api/v1/devices", params={"status": "online"})).json()["items"]
    assert [item["code"] for item in listed] == ["fine"]
    garbled = (await client.get("/api/v1/devices/garbled")).json()
    assert garbled["status"] == "offline"
    assert datetime.fromisoformat(garbled["unreadable_since"]) == now
    counts = (await client.get("/api/v1/system")).json()["counts"]["devices"]["hydrant"]
    assert (counts["online"], counts["offline"]) == (1, 1)


async def test_a_clock_that_is_behind_is_shown_at_the_device_and_at_its_readings(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    shown = await register("slow")
    assert shown["clock_behind_s"] is None
    await connection.execute(
        "insert into device_state (device_id, last_seen, clock) values ($1, $2, $3)",
        shown["id"], now, {"behind_us": 720_000_000, "late": []},
    )  # fmt: skip
    for seq, behind in enumerate((False, True)):
        await connection.execute(
            """
            insert into reading_hydrant (device_id, ts, seq, received_at, batch_id, clock_behind, pressure_mpa)
            values ($1, $2, $3, $4, 1, $5, 0.3)
            """,
            shown["id"], now - timedelta(minutes=12), seq, now, behind,
        )  # fmt: skip
    assert (await client.get("/api/v1/devices/slow")).json()["clock_behind_s"] == 720
    items = (await client.get("/api/v1/devices/slow/readings")).json()["items"]
    assert [item.get("clock_behind") for item in items] == [None, True]
