"""The maintainers' list: what troubles devices, how many, and in which order, without leaving one out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.integration.api.conftest import AREA, OTHER_AREA, Client

STATES: dict[str, dict[str, Any]] = {
    "h-1": {"battery_pct": 12, "rsrp_dbm": -118, "water_temp_c": 1.2},
    "h-2": {"battery_pct": 55.5, "rsrp_dbm": -90, "water_temp_c": 8},
    "h-3": {"battery_pct": "broken", "rsrp_dbm": -101},
    "h-4": {},
}


@pytest.fixture
async def devices(register: Any, client: Client, connection: asyncpg.Connection) -> None:
    now = datetime.now(UTC)
    for n, (code, state) in enumerate(STATES.items()):
        shown = await register(code, area=OTHER_AREA if code == "h-4" else AREA, name=f"栓{9 - n}")
        if state:
            await connection.execute(
                """insert into device_state (device_id, state, ts, received_at, last_seen, online)
                   values ($1, $2, $3, $3, $3, $4)""",
                shown["id"],
                state,
                now - timedelta(minutes=n),
                code != "h-2",
            )
    number = await connection.fetchval("select id from device where code = 'h-3'")
    await connection.execute(
        "insert into device_quality (device_id, hour, gaps) values ($1, date_trunc('hour', now()), 3)", number
    )
    until = (now + timedelta(days=1)).isoformat()
    await client.post("/api/v1/devices/h-1/out-of-service", json={"until": until, "reason": "换阀"})


@pytest.mark.usefixtures("devices")
async def test_troubles_are_counted_and_filtered(client: Client, visit: Any) -> None:
    expected = {
        "offline": ["h-2", "h-4"], "low_battery": ["h-1"], "weak_signal": ["h-1"], "freezing": ["h-1"],
        "discovered": [], "out_of_service": ["h-1"], "loss": ["h-3"],
    }  # fmt: skip
    counts = (await client.get("/api/v1/device-troubles")).json()
    assert counts == {"total": 4} | {name: len(codes) for name, codes in expected.items()}
    for name, codes in expected.items():
        items = (await client.get(f"/api/v1/devices?trouble={name}")).json()["items"]
        assert [item["code"] for item in items] == codes, name
    sheet = await client.get("/api/v1/devices?trouble=low_battery&format=csv")
    assert [line.split(",")[0] for line in sheet.text.splitlines()] == ["code", "h-1"]
    made = await client.post("/api/v1/api-keys", json={"name": "town", "role": "viewer", "areas": [OTHER_AREA]})
    town = visit(made.json()["key"])
    assert (await town.get("/api/v1/device-troubles")).json()["total"] == 1


async def test_a_list_goes_on_behind_the_longest_name(client: Client, register: Any) -> None:
    for code in ("a" * 64, "b"):
        await register(code, name="𠀋" * 200)
    first = (await client.get("/api/v1/devices?sort=name&limit=1")).json()
    second = await client.get(f"/api/v1/devices?sort=name&limit=1&cursor={first['next']}")
    assert [one["code"] for one in second.json()["items"]] == ["b"]


@pytest.mark.usefixtures("devices")
async def test_a_temperature_that_was_not_said_for_a_day_freezes_nothing(
    client: Client, connection: asyncpg.Connection
) -> None:
    query = "/api/v1/devices?trouble=freezing"
    for hours, codes in ((24, ["h-1"]), (26, [])):
        at = round((datetime.now(UTC) - timedelta(hours=hours)).timestamp() * 1e6)
        await connection.execute(
            """update device_state set state_at = $1
               where device_id = (select id from device where code = 'h-1')""",
            {"water_temp_c": [at, at, 1]},
        )
        assert [item["code"] for item in (await client.get(query)).json()["items"]] == codes


@pytest.mark.usefixtures("devices")
@pytest.mark.parametrize(
    ("order", "codes"),
    [
        ("battery", ["h-1", "h-2", "h-3", "h-4"]),
        ("-battery", ["h-2", "h-1", "h-3", "h-4"]),
        ("signal", ["h-1", "h-3", "h-2", "h-4"]),
        ("-last_seen", ["h-1", "h-2", "h-3", "h-4"]),
        ("name", ["h-4", "h-3", "h-2", "h-1"]),
        ("status", ["h-2", "h-4", "h-3", "h-1"]),
        ("-code", ["h-4", "h-3", "h-2", "h-1"]),
    ],
)
async def test_every_order_is_whole_page_by_page(client: Client, order: str, codes: list[str]) -> None:
    found, cursor = [], ""
    while True:
        page = (await client.get(f"/api/v1/devices?sort={order}&limit=1{cursor}")).json()
        found += [item["code"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == codes
