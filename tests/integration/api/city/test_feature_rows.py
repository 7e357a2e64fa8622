"""Devices as features say what the devices' own documents say, whatever their rows hold."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.core.clock import rfc3339
from tests.integration.api.city.test_features import ITEMS, Register, read
from tests.integration.api.conftest import Client, Raise

AT = datetime(2026, 11, 29, 8, 0, 0, 999_999, tzinfo=UTC)  # written with milliseconds, never rounded up
BEFORE, BEHIND = AT - timedelta(days=1), AT + timedelta(minutes=1)


def micros(at: datetime) -> int:
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)


STATES: dict[str, tuple[Any, Any, datetime | None]] = {  # state, state_at, ts; all were last seen a minute later
    "usual": ({"pressure_mpa": 0.35, "cap_open": False}, {}, AT),
    "one-field-older": ({"pressure_mpa": 0.35, "flow_lps": 0.0}, {"flow_lps": [micros(BEFORE), 0, 1]}, AT),
    "all-fields-older": ({"pressure_mpa": 0.35}, {"pressure_mpa": [micros(BEFORE), 0, 1]}, AT),
    "no-time-of-its-own": ({"pressure_mpa": 0.35}, {}, None),
    "older-without-a-time": ({"pressure_mpa": 0.35, "flow_lps": 0.0}, {"flow_lps": "x"}, None),
    "like-a-property": ({"name": "x", "alarm": "y", "value_at": 7, "pressure_mpa": 0.35}, {}, AT),
    "empty": ({}, {}, AT),
    "empty-and-older": ({}, {"flow_lps": [micros(BEFORE), 0, 1]}, AT),
    "a-list": ([1], {}, AT),
    "a-text": ("x", ["y"], AT),
    "older-is-a-list": ({"pressure_mpa": 0.35}, [1], AT),
    "older-is-nothing": ({"pressure_mpa": 0.35}, 0, AT),
}


@pytest.fixture
async def stored(register: Register, connection: asyncpg.Connection) -> None:
    for code, (state, older, ts) in STATES.items():
        made = await register(code, name=f"栓 {code}", owner="供水公司")
        await connection.execute(
            "insert into device_state (device_id, state, state_at, ts, received_at, last_seen)"
            " values ($1, $2, $3, $4, $5, $5)",
            made["id"], state, older, ts, BEHIND,
        )  # fmt: skip
    await register("never-heard")
    await connection.execute("update device set out_of_service_until = 'infinity' where code = 'empty'")


async def test_features_say_what_the_devices_own_documents_say(client: Client, stored: None, open_alarm: Raise) -> None:
    await open_alarm("warned")
    page = await read(client, ITEMS.format("devices"))
    assert {one["id"] for one in page["features"]} == {*STATES, "never-heard", "warned"}
    for feature in page["features"]:
        shown = await read(client, f"/api/v1/devices/{feature['id']}")
        own = {name: shown[name] for name in ("code", "name", "kind", "form", "area", "address", "status", "site")}
        own |= {name: shown[name] for name in ("site_name", "owner", "maintainer", "alarm")}
        times = [datetime.fromisoformat(one["ts"]) for one in shown["state"].values()]
        own["value_at"] = rfc3339(max(times, default=None))
        own["last_seen"] = rfc3339(datetime.fromisoformat(shown["last_seen"])) if shown["last_seen"] else None
        own["area_name"] = "东关镇"
        values = {name: one["value"] for name, one in shown["state"].items() if name not in own}
        assert feature["properties"] == own | values, feature["id"]


@pytest.mark.parametrize("seen", ["infinity", "-infinity", "0044-03-15 BC", "12026-01-01"])
async def test_a_time_beyond_all_years_is_shown_as_everywhere(
    client: Client, stored: None, connection: asyncpg.Connection, seen: str
) -> None:
    await connection.execute(f"update device_state set last_seen = '{seen}', ts = null")  # noqa: S608 - of this test
    shown = await read(client, "/api/v1/devices/usual")
    feature = await read(client, f"{ITEMS.format('devices')}/usual")
    expected = rfc3339(datetime.fromisoformat(shown["last_seen"]))
    assert feature["properties"]["last_seen"] == feature["properties"]["value_at"] == expected


async def test_the_time_that_a_feature_shows_finds_it(
    client: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    """A feature shows milliseconds, and the database holds microseconds."""
    number = await open_alarm("h-1")
    await connection.execute("update alarm set opened_at = '2026-11-20T12:00:00.123456Z' where id = $1", number)
    address = "/ogc/collections/alarms/items"
    shown = (await client.get(f"{address}/{number}")).json()["properties"]["opened_at"]
    for when in (shown, f"../{shown}", f"{shown}/{shown}"):
        assert (await client.get(f"{address}?datetime={when}")).json()["numberMatched"] == 1, when
    assert (await client.get(f"{address}?datetime=../2026-11-20T12:00:00.122Z")).json()["numberMatched"] == 0
