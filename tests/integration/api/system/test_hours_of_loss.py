"""What devices lost is kept by the hour only as far as somebody can ask for it so."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.api.request.state import State
from services.api.system import housekeeping
from services.core.aside import Asides
from tests.integration.api.conftest import Client

Register = Callable[..., Awaitable[dict[str, Any]]]


async def test_hours_that_are_summed_go_when_nobody_asks_for_them_any_more_and_the_totals_stay(
    client: Client,
    register: Register,
    connection: asyncpg.Connection,
    state: State,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(housekeeping, "_MOST_AT_ONCE", 2)
    device = (await register("h-1"))["id"]
    now = datetime.now(UTC)
    await connection.executemany(
        "insert into device_quality (device_id, hour, gaps) values ($1, $2, 1)",
        [(device, now - timedelta(days=days)) for days in (0, 2, 30, 33, 40, 400)],
    )
    for left, ran_a_week_ago in ((6, False), (4, True), (3, True), (3, True)):
        if ran_a_week_ago:
            await connection.execute(
                """insert into ingest_batch (writer, number, owner, lane, committed_at)
                   values ('all', 1, gen_random_uuid(), 'telemetry', $1) on conflict do nothing""",
                now - timedelta(days=8),
            )
        await housekeeping.clear(state.database, state.clock, Asides("api", state.clock))
        assert await connection.fetchval("select count(*) from device_quality") == left
        slo = (await client.get("/api/v1/slo?hours=744")).json()
        assert (slo["loss"]["gaps"], slo["loss_total"]["gaps"]) == (3, 6)
        assert (await client.get("/api/v1/devices/h-1")).json()["quality"]["gaps"] == 6
    assert (await client.get("/api/v1/slo?hours=745")).status_code == 422
