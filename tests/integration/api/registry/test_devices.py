import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.core.fields import FIELD_RULES
from services.core.topics import Kind
from tests.integration.api.conftest import AREA, OTHER_AREA, Client, stand_still

Register = Callable[..., Awaitable[dict[str, Any]]]
FIELDS = (
    "code kind area name site form location source_datum address owner maintainer expected_interval_s sleepy "
    "rated_current_a limits gateway gateway_address status last_seen state quality"
)


async def test_put_registers_then_updates(client: Client) -> None:
    body = {"kind": "water", "area": AREA, "name": "消防水池", "form": "pool", "location": {"lon": 111.1, "lat": 39.0}}
    first = await client.put("/api/v1/devices/w-1", json=body)
    assert first.status_code == 201
    assert set(FIELDS.split()) <= set(first.json())
    assert first.json()["status"] == "offline"
    second = await client.put(
        "/api/v1/devices/w-1", json={"name": "东水池"}, headers={"If-Match": first.headers["etag"]}
    )
    assert second.status_code == 200
    assert (second.json()["name"], second.json()["form"]) == ("东水池", "pool")
    stale = await client.put("/api/v1/devices/w-1", json={"name": "x"}, headers={"If-Match": first.headers["etag"]})
    assert stale.status_code == 412


async def test_a_device_that_comes_into_being_meanwhile_is_updated(
    client: Client, connection: asyncpg.Connection
) -> None:
    body = {"kind": "hydrant", "area": AREA}
    heard = connection.transaction()
    await heard.start()
    await connection.execute("insert into area (code, name) values ($1, '') on conflict do nothing", AREA)
    await connection.execute("insert into device (code, kind, area) values ('h-1', 'hydrant', $1)", AREA)
    answers = [asyncio.create_task(client.put("/api/v1/devices/h-1", json=body | {"name": str(n)})) for n in range(2)]
    only_new = asyncio.create_task(client.put("/api/v1/devices/h-1", json=body, headers={"If-None-Match": "*"}))
    await stand_still(connection, 3)
    await heard.commit()
    assert [(await one).status_code for one in answers] == [200, 200]
    assert (await only_new).status_code == 412


async def test_a_repeated_idempotency_key_gets_the_first_answer(client: Client) -> None:
    body = {"kind": "hydrant", "area": AREA, "name": "a"}
    key = {"Idempotency-Key": "k-1"}
    first = await client.put("/api/v1/devices/h-1", json=body, headers=key)
    again = await client.put("/api/v1/devices/h-1", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = await client.put("/api/v1/devices/h-1", json=body | {"name": "b"}, headers=key)
    assert other.status_code == 422


async def test_what_a_person_set_is_fixed_and_audited(register: Register, connection: asyncpg.Connection) -> None:
    await register("h-1")
    row = await connection.fetchrow("select * from device where code = 'h-1'")
    assert (row["area_fixed"], row["kind_fixed"], row["registered"]) == (True, True, True)
    audit = await connection.fetchrow("select * from audit where action = 'device.register'")
    assert (audit["actor"], audit["target"]) == ("key:supervisor", "h-1")


@pytest.mark.parametrize("named", [{"area": OTHER_AREA}, {"kind": "water"}, {"name": "x"}])
async def test_who_sets_area_or_kind_of_a_discovered_device_fixes_both(
    client: Client, connection: asyncpg.Connection, named: dict[str, str]
) -> None:
    await connection.execute("insert into device (code, kind, area) values ('h-1', 'hydrant', $1)", AREA)
    assert (await client.put("/api/v1/devices/h-1", json=named)).status_code == 200
    row = await connection.fetchrow("select area_fixed, kind_fixed from device")
    assert tuple(row) == ((False, False) if "name" in named else (True, True))


async def test_the_address_of_a_panel_is_taken_in_either_case(client: Client) -> None:
    body = {"kind": "panel", "area": AREA, "gateway_address": "0A1B2C3D4E5F"}
    assert (await client.put("/api/v1/devices/p-1", json=body)).json()["gateway_address"] == "0a1b2c3d4e5f"
    for wrong in ("4242", "0a:1b:2c:3d:4e:5f", 4242):
        answer = await client.put("/api/v1/devices/p-2", json=body | {"gateway_address": wrong})
        assert answer.status_code == 422
        assert "gateway_address" in answer.text


async def test_lists_filter_and_page(client: Client, register: Register) -> None:
    for n in range(5):
        await register(f"h-{n}", area=AREA if n < 3 else OTHER_AREA, name=f"消火栓 {n}")
    await register("p-1", kind="panel", location=None)

    async def codes(**params: Any) -> list[str]:
        answer = await client.get("/api/v1/devices", params=params)
        assert answer.status_code == 200, answer.text
        return [item["code"] for item in answer.json()["items"]]

    assert await codes(kind="panel") == ["p-1"]
    assert await codes(area=OTHER_AREA) == ["h-3", "h-4"]
    assert len(await codes(area="140931")) == 6
    assert await codes(q="栓 2") == ["h-2"]
    assert len(await codes(bbox="111,39,112,40")) == 5
    assert await codes(status="online") == []
    first = (await client.get("/api/v1/devices", params={"limit": 4})).json()
    second = (await client.get("/api/v1/devices", params={"limit": 4, "cursor": first["next"]})).json()
    assert [item["code"] for item in first["items"] + second["items"]] == [*[f"h-{n}" for n in range(5)], "p-1"]
    assert second["next"] is None


async def test_state_and_quality_are_shown(client: Client, register: Register, connection: asyncpg.Connection) -> None:
    shown = await register("h-1")
    now = datetime.now(UTC).replace(microsecond=0)
    older = int((now - timedelta(minutes=5)).timestamp() * 1_000_000)
    await connection.execute(
        "insert into device_state (device_id, state, state_at, ts, last_seen) values ($1, $2, $3, $4, $4)",
        shown["id"],
        {"pressure_mpa": 0.33, "tilt_deg": 2.0},
        {"tilt_deg": [older, older, 7]},
        now,
    )
    await connection.executemany(
        "insert into device_quality (device_id, hour, gaps) values ($1, $2, $3)",
        [(shown["id"], now - timedelta(hours=h), 1) for h in (1, 30, 80)],
    )
    device = (await client.get("/api/v1/devices/h-1")).json()
    assert device["status"] == "online"
    assert device["state"]["pressure_mpa"]["value"] == 0.33
    assert datetime.fromisoformat(device["state"]["pressure_mpa"]["ts"]) == now
    assert device["state"]["tilt_deg"]["value"] == 2.0
    assert datetime.fromisoformat(device["state"]["tilt_deg"]["ts"]) == now - timedelta(minutes=5)
    assert device["quality"]["last_24h"]["gaps"] == 1
    assert device["quality"]["gaps"] == 3


async def test_bad_input_names_the_field(client: Client) -> None:
    for body, field in (
        ({"kind": "drone", "area": AREA}, "kind"),
        ({"area": AREA}, "kind"),
        ({"kind": "hydrant", "area": "x"}, "area"),
        ({"kind": "hydrant", "area": AREA, "location": {"lon": 200, "lat": 1}}, "location.lon"),
        ({"kind": "hydrant", "area": AREA, "site": 99}, "site"),
        ({"kind": "hydrant", "area": AREA, "name": "a\u0000b"}, "name"),
    ):
        answer = await client.put("/api/v1/devices/h-9", json=body)
        assert answer.status_code == 422, body
        assert answer.json()["errors"][0]["field"] == field
    for params in ({"bbox": "1,2,3"}, {"cursor": "!"}, {"limit": 1001}, {"kind": "x"}, {"q": "\x00"}):
        answer = await client.get("/api/v1/devices", params=params)
        assert answer.status_code == 422, params
        assert answer.headers["content-type"] == "application/problem+json"


async def test_raw_readings_page_forward_without_repeats(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    shown = await register("h-1")
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    await connection.executemany(
        "insert into reading_hydrant (device_id, ts, seq, received_at, batch_id, pressure_mpa)"
        " values ($1, $2, $3, $2, 1, $4)",
        [(shown["id"], start + timedelta(minutes=n), n, 0.3 + n / 100) for n in range(10)],
    )
    await connection.execute(
        "insert into device_state (device_id, state, ts) values ($1, $2, now())",
        shown["id"],
        {"pressure_mpa": 0.3},
    )
    path, seqs, cursor = "/api/v1/devices/h-1/readings", [], None
    while True:
        part = (await client.get(path, params={"limit": 4} | ({"cursor": cursor} if cursor else {}))).json()
        seqs += [item["seq"] for item in part["items"]]
        cursor = part["next"]
        if cursor is None:
            break
    assert seqs == list(range(10))
    one = (await client.get(path, params={"from": (start + timedelta(minutes=9)).isoformat()})).json()["items"]
    assert one[0]["pressure_mpa"] == 0.39
    assert "flow_lps" not in one[0]
    buckets = (await client.get(path, params={"bucket": "1d"})).json()["items"]
    values = [bucket["pressure_mpa"] for bucket in buckets]
    assert min(value["min"] for value in values) == 0.3
    assert values[-1]["last"] == 0.39
    for params in (
        {"bucket": "0"},
        {"bucket": "99d"},
        {"from": "yesterday"},
        {"from": "2026-01-01T00:00:00"},
        {"from": "2026"},
    ):
        assert (await client.get(path, params=params)).status_code == 422, params
    backwards = {"from": start.isoformat(), "to": start.isoformat()}
    assert (await client.get(path, params=backwards)).status_code == 422


@pytest.mark.parametrize("kind", Kind)
async def test_every_field_of_a_kind_has_its_buckets(
    client: Client, connection: asyncpg.Connection, register: Register, kind: Kind
) -> None:
    shown = await register("d-1", kind=kind)
    sent = {name: rule.base(1) for name, rule in FIELD_RULES[kind].items()}
    at = datetime.now(UTC) - timedelta(minutes=5)
    await connection.copy_records_to_table(
        f"reading_{kind}",
        records=[(shown["id"], at, 1, at, 1, *sent.values())],
        columns=("device_id", "ts", "seq", "received_at", "batch_id", *sent),
    )
    await connection.execute(
        "insert into device_state (device_id, state, ts) values ($1, $2, now())", shown["id"], sent
    )
    answer = await client.get("/api/v1/devices/d-1/readings", params={"bucket": "1d"})
    assert answer.status_code == 200, answer.text
    found = {name: mean for one in answer.json()["items"] for name, mean in one.items() if name in sent}
    assert {name: (mean["mean"], mean["last"]) for name, mean in found.items()} == dict.fromkeys(sent, (1, 1))


async def test_a_mean_lies_between_the_least_and_the_largest_value_also_where_sums_are_rounded(
    client: Client, connection: asyncpg.Connection, register: Register
) -> None:
    shown = await register("h-1", kind="hydrant")
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    await connection.executemany(
        "insert into reading_hydrant (device_id, ts, seq, received_at, batch_id, flow_lps)"
        " values ($1, $2, $3, $2, 1, 0.1)",
        [(shown["id"], hour + timedelta(minutes=n), n) for n in range(59)],
    )
    await connection.execute(
        "insert into device_state (device_id, state, ts) values ($1, $2, now())", shown["id"], {"flow_lps": 0.1}
    )
    answer = await client.get("/api/v1/devices/h-1/readings", params={"bucket": "1h"})
    (bucket,) = [one for one in answer.json()["items"] if "flow_lps" in one]
    assert bucket["flow_lps"] == {"min": 0.1, "max": 0.1, "mean": 0.1, "last": 0.1}


async def test_a_number_that_no_mean_can_hold_leaves_its_chart_and_the_other_fields_as_they_are(
    client: Client, connection: asyncpg.Connection, register: Register
) -> None:
    shown = await register("e-1", kind="electrical")
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    await connection.executemany(
        "insert into reading_electrical (device_id, ts, seq, received_at, batch_id, energy_kwh, residual_current_ma)"
        " values ($1, $2, $3, $2, 1, $4, 30)",
        [(shown["id"], hour + timedelta(minutes=n), n, energy) for n, energy in enumerate((0.5, 1e300, 1.5))],
    )
    await connection.execute(
        "insert into device_state (device_id, state, ts) values ($1, $2, now())",
        shown["id"],
        {"energy_kwh": 1.5, "residual_current_ma": 30},
    )
    answer = await client.get("/api/v1/devices/e-1/readings", params={"bucket": "1h"})
    assert answer.status_code == 200, answer.text
    (bucket,) = [one for one in answer.json()["items"] if "energy_kwh" in one]
    assert bucket["energy_kwh"] == {"min": 0.5, "max": 1e300, "mean": 1.0, "last": 1.5}
    assert bucket["residual_current_ma"]["mean"] == 30
    hourly = await connection.fetchrow("select * from reading_electrical_hourly")
    assert (hourly["energy_kwh_max"], hourly["energy_kwh_mean"]) == (1e300, 1.0)


async def test_a_bucket_of_a_day_is_a_day_of_the_county(
    client: Client, connection: asyncpg.Connection, register: Register
) -> None:
    """taosdata/TDengine 22880, apache/streampipes 1292: days began at eight in the morning."""
    device = await register("h-1")
    midnight = datetime(2026, 11, 20, 16, tzinfo=UTC)  # of Saturday the 21st
    await connection.executemany(
        "insert into reading_hydrant (device_id, ts, seq, received_at, batch_id, pressure_mpa)"
        " values ($1, $2, $3, $2, 1, 0.3)",
        [(device["id"], midnight + timedelta(minutes=n), n + 1) for n in (-1, 0, 1, 24 * 60)],
    )
    await connection.execute(
        "insert into device_state (device_id, state, ts) values ($1, $2, now())", device["id"], {"pressure_mpa": 0.3}
    )
    day, path = timedelta(days=1), "/api/v1/devices/h-1/readings"
    for bucket, begins in (
        ("1d", [midnight - day, midnight, midnight + day]), ("7d", [midnight - 5 * day]),
        ("6h", [midnight - day / 4, midnight, midnight + day]),
    ):  # fmt: skip
        asked = {"bucket": bucket, "from": (midnight - day).isoformat(), "limit": "2"}
        part = (await client.get(path, params=asked)).json()
        found = part["items"]
        if part["next"]:
            found += (await client.get(path, params=asked | {"cursor": part["next"]})).json()["items"]
        assert [datetime.fromisoformat(one["ts"]) for one in found] == begins, bucket
