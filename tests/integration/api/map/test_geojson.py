"""Devices as GeoJSON: what a GIS needs to draw water and alarms without another question."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from services.api.map import devices
from tests.integration.api.conftest import Client, Raise

Register = Callable[..., Awaitable[dict[str, Any]]]
PATH = "/geo/devices.geojson"


@pytest.fixture
def hears(connection: asyncpg.Connection) -> Callable[..., Awaitable[None]]:
    async def store(device: dict[str, Any], **state: Any) -> None:
        now = datetime.now(UTC)
        await connection.execute(
            "insert into device_state (device_id, state, ts, received_at, last_seen) values ($1, $2, $3, $3, $3)",
            device["id"],
            state,
            now,
        )

    return store


async def shown(client: Client, query: str = "") -> dict[str, dict[str, Any]]:
    features = (await client.get(PATH + query)).json()["features"]
    return {one["properties"]["code"]: one["properties"] for one in features}


async def test_it_carries_pressure_whether_usable_last_seen_and_severity(
    client: Client, register: Register, open_alarm: Raise, hears: Any
) -> None:
    await hears(await register("good"), pressure_mpa=0.31)
    await hears(await register("weak"), pressure_mpa=0.06)
    await hears(await register("pool", kind="water", form="pool"), level_pct=80.5)
    await register("silent")
    await open_alarm("p-1", fire=True)
    found = await shown(client)
    assert (found["good"]["pressure_mpa"], found["good"]["usable"]) == (0.31, True)
    assert found["good"]["last_seen"].endswith("Z")
    assert (found["weak"]["pressure_mpa"], found["weak"]["usable"]) == (0.06, False)
    assert (found["pool"]["level_pct"], found["pool"]["usable"]) == (80.5, True)
    assert (found["silent"]["pressure_mpa"], found["silent"]["usable"]) == (None, False)  # it is offline
    assert (found["p-1"]["severity"], found["p-1"]["usable"]) == ("critical", None)
    assert next(iter(found)) == "p-1"  # the worst first
    assert "usable" not in (await shown(client, "?brief=true"))["good"]


async def test_a_box_leaves_out_what_lies_outside(client: Client, register: Register) -> None:
    await register("in", location={"lon": 111.10, "lat": 39.00})
    await register("out", location={"lon": 111.30, "lat": 39.10})
    answer = await client.get(f"{PATH}?bbox=111.0,38.9,111.2,39.05")
    assert [one["properties"]["code"] for one in answer.json()["features"]] == ["in"]
    assert answer.json()["bbox"] == [111.10, 39.00, 111.10, 39.00]
    assert (await client.get(f"{PATH}?bbox=1,2,3")).status_code == 422


@pytest.mark.parametrize("brief", ["", "&brief=true"])
async def test_an_answer_that_lacks_devices_says_how_many_there_are_and_where(
    client: Client, register: Register, monkeypatch: pytest.MonkeyPatch, brief: str
) -> None:
    for code in ("h-1", "h-2", "h-3"):
        await register(code)
    monkeypatch.setattr(devices, "MOST", 3)
    whole = await client.get(f"{PATH}?kind=hydrant{brief}")
    assert ("link" in whole.headers, "numberMatched" in whole.json(), len(whole.json()["features"])) == (
        False,
        False,
        3,
    )
    monkeypatch.setattr(devices, "MOST", 2)
    cut = await client.get(f"{PATH}?kind=hydrant{brief}")
    said = cut.json()
    assert (said["numberMatched"], said["numberReturned"], len(said["features"])) == (3, 2, 2)
    where = cut.headers["link"].partition(">")[0].removeprefix("<")
    assert where.startswith(str(cut.url.copy_with(path="/ogc/", query=None)))
    assert len((await client.get(where)).json()["features"]) == 3


async def test_what_has_not_changed_is_not_sent_again(client: Client, register: Register) -> None:
    await register("h-1")
    first = await client.get(PATH)
    again = await client.get(PATH, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    await register("h-1", name="新名称")
    changed = await client.get(PATH, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]
