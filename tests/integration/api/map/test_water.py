from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from tests.integration.api.conftest import Client

Register = Callable[..., Awaitable[dict[str, Any]]]
HERE = {"lon": 111.09, "lat": 39.02}


async def _measure(connection: asyncpg.Connection, device_id: int, *, age_s: float = 0, **values: Any) -> None:
    now = datetime.now(UTC)
    await connection.execute(
        "insert into device_state (device_id, state, ts, last_seen) values ($1, $2, $3, $4)",
        device_id,
        values,
        now - timedelta(seconds=age_s),
        now,
    )


async def test_sources_come_by_distance_and_say_why_one_is_not_usable(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    cases: dict[str, dict[str, Any]] = {
        "fine": {"pressure_mpa": 0.35, "flow_lps": 0.0},
        "low": {"pressure_mpa": 0.12, "flow_lps": 0.0},
        "drawn": {"pressure_mpa": 0.12, "flow_lps": 12.0},
        "frozen": {"pressure_mpa": 0.3, "water_temp_c": 0.5},
        "stale": {"pressure_mpa": 0.3, "age_s": 7200},
        "leaning": {"pressure_mpa": 0.3, "tilt_deg": 30},
        "silent": {},
    }
    for n, (code, values) in enumerate(cases.items()):
        shown = await register(code, location={"lon": 111.09, "lat": 39.02 + n * 0.001})
        await _measure(connection, shown["id"], **values)
    pool = await register("pool", kind="water", form="pool", location={"lon": 111.2, "lat": 39.1})
    await _measure(connection, pool["id"], level_pct=20)
    items = (await client.get("/api/v1/water-sources/nearest", params=HERE | {"limit": 20})).json()["items"]
    assert [item["code"] for item in items] == [*cases, "pool"]
    distances = [item["distance_m"] for item in items]
    assert distances == sorted(distances)
    assert abs(distances[1] - 111.2) < 1
    reasons = {item["code"]: [reason["code"] for reason in item["reasons"]] for item in items}
    assert reasons == {
        "fine": [], "low": ["low_pressure"], "drawn": ["in_use"], "frozen": ["frozen"], "stale": ["stale"],
        "leaning": ["tilt"], "silent": ["no_reading"], "pool": ["low_level"],
    }  # fmt: skip
    assert items[0]["usable"] is True
    assert items[0]["pressure_mpa"] == 0.35
    assert items[0]["age_s"] < 60
    assert {item["code"]: item["usable"] for item in items if item["usable"] is not False} == {
        "fine": True, "silent": None,
    }  # fmt: skip
    usable = (await client.get("/api/v1/water-sources/nearest", params=HERE | {"usable": True})).json()["items"]
    assert [item["code"] for item in usable] == ["fine"]


async def test_the_nearest_usable_source_is_found_behind_however_many_that_are_not(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    shown = await register("fine", location={"lon": 111.09, "lat": 39.0251})
    await _measure(connection, shown["id"], pressure_mpa=0.35)
    await connection.execute(
        """insert into device (code, kind, area, name, lon, lat, registered)
           select 'out-' || n, kind, area, name, lon, lat - 0.0051 + n * 0.00002, true
           from device, generate_series(1, 250) n where code = 'fine'"""
    )
    found = await client.get("/api/v1/water-sources/nearest", params=HERE | {"usable": True, "limit": 1})
    assert [item["code"] for item in found.json()["items"]] == ["fine"]
    nearest = await client.get("/api/v1/water-sources/nearest", params=HERE | {"limit": 1})
    assert [item["code"] for item in nearest.json()["items"]] == ["out-1"]


async def test_a_far_point_still_finds_the_nearest(client: Client, register: Register) -> None:
    await register("h-1")
    far = await client.get("/api/v1/water-sources/nearest", params={"lon": 100.0, "lat": 30.0, "limit": 1})
    assert far.json()["items"][0]["code"] == "h-1"
    assert far.json()["items"][0]["distance_m"] > 1_000_000


async def test_the_nearest_is_found_from_anywhere_on_the_globe(client: Client, register: Register) -> None:
    await register("h-1")
    for lon, lat in ((-180, 0), (-69, -39), (111, -90), (180, 90), (0, 0)):
        far = await client.get("/api/v1/water-sources/nearest", params={"lon": lon, "lat": lat})
        assert [item["code"] for item in far.json()["items"]] == ["h-1"], (lon, lat)


async def test_a_point_outside_the_world_is_refused(client: Client) -> None:
    for params in ({"lon": 181, "lat": 0}, {"lon": "nan", "lat": 0}, {"lat": 39}):
        assert (await client.get("/api/v1/water-sources/nearest", params=params)).status_code == 422


async def test_what_cannot_be_judged_is_not_known_and_stands_in_the_list_of_what_is_not_configured(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    cases: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
        "gauge": ("hydrant", {}, {"tilt_deg": 2.0}),
        "metres": ("water", {}, {"level_m": 2.4}),
        "low_known": ("water", {"level_m_low": 1}, {"level_m": 2.4}),
        "full_known": ("water", {"level_m_full": 3}, {"level_m": 2.4}),
        "dry": ("water", {}, {"level_m": 0.0}),
        "cents": ("water", {}, {"level_pct": 80.0}),
    }
    for code, (kind, limits, values) in cases.items():
        shown = await register(code, kind=kind, limits=limits)
        await _measure(connection, shown["id"], **values)
    await register("cable", kind="electrical")
    items = (await client.get("/api/v1/water-sources/nearest", params=HERE | {"limit": 20})).json()["items"]
    said = {item["code"]: (item["usable"], [reason["code"] for reason in item["reasons"]]) for item in items}
    assert said == {
        "gauge": (None, ["no_pressure"]), "metres": (None, ["no_limits"]), "low_known": (True, []),
        "full_known": (True, []), "dry": (False, ["low_level"]), "cents": (True, []),
    }  # fmt: skip
    assert {item["code"]: item["level_pct"] for item in items if item["level_m"]} == {
        "metres": None, "low_known": None, "full_known": 80.0,
    }  # fmt: skip

    missing = (await client.get("/api/v1/not-configured")).json()["items"]
    assert [(item["code"], item["rule"], item["missing"]) for item in missing] == [
        ("cable", "overcurrent", "no_rated_current"),
        ("dry", "water_level_low", "no_limits"),
        ("gauge", "hydrant_pressure_low", "no_pressure"),
        ("metres", "water_level_low", "no_limits"),
    ]
    rules = {rule["code"]: rule["not_configured"] for rule in (await client.get("/api/v1/rules")).json()["items"]}
    assert {code: n for code, n in rules.items() if n} == {
        "overcurrent": 1, "water_level_low": 2, "hydrant_pressure_low": 1,
    }  # fmt: skip
    first = (await client.get("/api/v1/not-configured", params={"rule": "water_level_low", "limit": 1})).json()
    assert [item["code"] for item in first["items"]] == ["dry"]
    rest = await client.get(
        "/api/v1/not-configured", params={"rule": "water_level_low", "limit": 1, "cursor": first["next"]}
    )
    assert [item["code"] for item in rest.json()["items"]] == ["metres"]


async def test_a_rule_that_was_changed_changes_what_is_usable(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    shown = await register("h-1")
    await _measure(connection, shown["id"], pressure_mpa=0.3)
    body = {"scope": "area", "target": "140931", "parameters": {"static_mpa": 0.35}}
    assert (await client.put("/api/v1/rules/hydrant_pressure_low", json=body)).status_code == 200
    (item,) = (await client.get("/api/v1/water-sources/nearest", params=HERE)).json()["items"]
    assert (item["usable"], [reason["code"] for reason in item["reasons"]]) == (False, ["low_pressure"])


async def test_a_level_that_a_gauge_no_longer_sends_is_not_given_out_with_the_time_of_the_other(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    shown = await register("pool", kind="water", form="pool", location={"lon": 111.09, "lat": 39.02})
    await _measure(connection, shown["id"], level_pct=5, level_m=3.9)
    await connection.execute(
        """update device_state set state_at = jsonb_build_object('level_m',
               jsonb_build_array((extract(epoch from ts) * 1000000)::bigint - 21 * 86400000000, 0, 1))"""
    )
    (nearest,) = (await client.get("/api/v1/water-sources/nearest", params=HERE)).json()["items"]
    (city,) = (await client.get("/ogc/collections/water-sources/items")).json()["features"]
    (mark,) = (await client.get("/geo/devices.geojson")).json()["features"]
    for said in (nearest, city["properties"], mark["properties"]):
        assert (said["level_pct"], said["level_m"]) == (5, None)
