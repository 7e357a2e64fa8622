from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.api.request.state import State
from tests.integration.api.conftest import AREA, Client, Raise

Register = Callable[..., Awaitable[dict[str, Any]]]


async def test_the_legal_clocks_are_measured_against_their_limits(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    panel = (await register("p-1", kind="panel"))["id"]
    now = datetime.now(UTC)
    for n, seconds in enumerate((0.1, 0.2, 12.0)):
        received = now - timedelta(minutes=5 + n * 20)
        opened = received + timedelta(seconds=seconds)
        await connection.execute(
            """insert into event (device_id, ts, received_at, batch_id, event_id, type, component, digest)
               values ($1, $2, $2, 1, 'e', 'fire', $3, $4)""",
            panel,
            received,
            f"1-{n}",
            bytes([n]),
        )
        alarm = await connection.fetchval(
            """insert into alarm (subject, code, component, category, severity, state, device_id, area, reason,
                                  reason_en, opened_at)
               values ($1, 'fire', $2, 'fire', 'critical', 'closed', $3, $4, '火警', 'fire', $5) returning id""",
            f"device:{panel}",
            f"1-{n}",
            panel,
            AREA,
            opened,
        )
        await connection.execute(
            """insert into notice (id, alarm_id, number, type, fire, body, state, due_at, created_at, delivered_at)
               values (gen_random_uuid(), $1, 1, 'fire.confirmed', true, '{}', 'delivered', $2, $2, $3)""",
            alarm,
            opened,
            opened + timedelta(seconds=1),
        )
    await connection.execute(
        """insert into device_quality (device_id, hour, gaps, late)
           values ($1, now(), 2, 1), ($1, now() - interval '9 d', 3, 0)""",
        panel,
    )
    slo = (await client.get("/api/v1/slo")).json()
    clocks = {clock["name"]: clock for clock in slo["clocks"]}
    visible = clocks["report_to_visible"]
    assert (visible["count"], visible["breaches"], visible["limit_s"]) == (3, 1, 10)
    assert visible["p50_s"] == pytest.approx(0.2, abs=0.01)
    assert clocks["confirmation_to_dispatch"]["p99_s"] == pytest.approx(1, abs=0.01)
    assert (slo["loss"]["gaps"], slo["loss_total"]["gaps"], slo["loss"]["late"]) == (2, 5, 1)


async def test_the_system_tells_counts_lanes_and_windows(client: Client, register: Register) -> None:
    await register("h-1")
    site = (await client.post("/api/v1/sites", json={"name": "医院", "area": AREA})).json()["id"]
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await client.post(f"/api/v1/sites/{site}/test-window", json={"until": until, "reason": "测试"})
    await client.put("/api/v1/policies/drill", json={"until": until})
    shown = (await client.get("/api/v1/system")).json()
    assert shown["counts"]["devices"]["hydrant"] == {"online": 0, "offline": 1, "discovered": 0, "out_of_service": 0}
    assert shown["test_windows"][0]["site_name"] == "医院"
    assert shown["drill_until"]
    assert shown["storage"]["database_bytes"] > 0
    assert shown["lanes"] == []
    assert {program["name"] for program in shown["programs"]} == {"api"}


async def test_the_handover_lists_what_is_open(client: Client, register: Register) -> None:
    await register("h-1")
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await client.post("/api/v1/devices/h-1/out-of-service", json={"until": until, "reason": "换阀"})
    shown = (await client.get("/api/v1/handover")).json()
    assert shown["out_of_service"][0]["reason"] == "换阀"
    assert (shown["open"], shown["notices"], shown["false_alarms"]) == ([], [], [])


async def test_a_fire_on_the_row_of_an_old_one_is_a_false_alarm_of_these_days_and_what_came_back_stands_since_then(
    client: Client, open_alarm: Raise
) -> None:
    site = (await client.post("/api/v1/sites", json={"name": "医院", "area": AREA})).json()["id"]
    now = datetime.now(UTC)
    back = {"opened_at": now - timedelta(days=40), "since": now - timedelta(hours=1)}
    await open_alarm("p-1", fire=True, site_id=site, state="closed", verification="false", **back)
    await open_alarm("p-2", **back)
    stale = await open_alarm("p-3", opened_at=now - timedelta(days=2))
    (of_site,) = (await client.get("/api/v1/handover")).json()["false_alarms"]
    assert (of_site["count_24h"], of_site["count_30d"], of_site["alarms_30d"]) == (1, 1, 1)
    assert (await client.get(f"/api/v1/sites/{site}")).json()["false_alarms_30d"] == 1
    assert (await client.get("/api/v1/system")).json()["alarm_load"]["standing"] == [stale]


async def test_the_map_has_bounds_and_files_of_our_own(
    client: Client, register: Register, state: State, tmp_path: Path
) -> None:
    await register("h-1")
    (tmp_path / "pipes.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    ground = tmp_path / "county.pmtiles"
    ground.write_bytes(bytes(range(200)))
    state.settings = state.settings.model_copy(update={"layers_dir": tmp_path, "basemap": str(ground)})
    shown = (await client.get("/api/v1/map")).json()
    assert shown["basemap"]["kind"] == "pmtiles"
    layer = shown["layers"][0]
    assert (layer["kind"], (await client.get(layer["url"])).status_code) == ("pipe", 200)
    part = await client.get(shown["basemap"]["url"], headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    for refused in ("bytes=900-999", "bytes=5-2", "bytes=0-1,5-6", "bytes=-5", "bytes=0-", "lines=0-1"):
        answer = await client.get(shown["basemap"]["url"], headers={"Range": refused})
        assert (answer.status_code, answer.headers["content-type"]) == (416, "application/problem+json"), refused
    assert (await client.get("/geo/layers/..%2Fsecret.geojson")).status_code in (404, 422)


def _holds(bounds: list[list[float]], lon: float, lat: float) -> bool:
    (west, south), (east, north) = bounds
    return west <= lon <= east and south <= lat <= north


async def test_the_map_lies_where_the_county_does_and_where_an_area_does(client: Client, register: Register) -> None:
    async def bounds(area: str = "") -> list[list[float]]:
        return list((await client.get("/api/v1/map", params={"area": area} if area else {})).json()["bounds"])

    empty = await bounds()
    assert _holds(empty, 110.97, 38.755)  # Fengjiachuan, at the far end
    await register("h-1")
    assert await bounds() == empty, "one device does not make the county small"
    (west, south), (east, north) = town = await bounds(AREA)
    assert _holds(town, 111.09, 39.02)
    assert 0.011 < east - west < 0.1
    assert 0.011 < north - south < 0.1
    await register("h-2", location={"lon": 111.2, "lat": 39.02})
    assert _holds(await bounds(AREA), 111.2, 39.02)
    site = {"name": "粮库", "area": AREA, "location": {"lon": 111.02, "lat": 39.06}}
    assert (await client.post("/api/v1/sites", json=site)).status_code == 201
    assert _holds(await bounds(AREA), 111.02, 39.06)
    ring = [[111.0, 39.0], [111.05, 39.0], [111.05, 39.09], [111.0, 39.09], [111.0, 39.0]]
    grid = {"name": "一网格", "area": AREA, "polygon": {"type": "Polygon", "coordinates": [ring]}}
    assert (await client.put("/api/v1/grids/g-1", json=grid)).status_code == 201
    assert _holds(await bounds(AREA), 111.0, 39.09)
    assert await bounds("140999") == await bounds(), "an area of which nothing is known: the county"
    assert (await client.get("/api/v1/map", params={"area": "x"})).status_code == 422


async def test_devices_of_another_county_are_not_joined_with_the_names_that_came_with_the_system(
    client: Client, register: Register
) -> None:
    await register("h-1", area="110101001", location={"lon": 116.4, "lat": 39.9})
    assert not _holds((await client.get("/api/v1/map")).json()["bounds"], 111.09, 39.02)


async def test_rejects_are_listed_and_marked_for_replay(
    client: Client, visit: Any, connection: asyncpg.Connection
) -> None:
    for topic in (f"fire/v1/{AREA}/hydrant/h-1/up/telemetry", "fire/v1/140931101/hydrant/h-2/up/telemetry", "nonsense"):
        await connection.execute(
            """insert into reject (received_at, batch_id, topic, payload, reason, detail)
               values (now(), 1, $1, $2, 'bad_field: pressure_mpa', 'out of range')""",
            topic,
            b"\xff{" + b"x" * 5000,
        )
    items = (await client.get("/api/v1/rejects")).json()["items"]
    assert len(items) == 3
    assert items[0]["field"] == "pressure_mpa"
    assert items[0]["payload_bytes"] == 5002
    made = await client.post("/api/v1/api-keys", json={"name": "t", "role": "maintainer", "areas": [AREA]})
    township = visit(made.json()["key"])
    own = (await township.get("/api/v1/rejects")).json()["items"]
    assert [item["topic"] for item in own] == [f"fire/v1/{AREA}/hydrant/h-1/up/telemetry"]
    assert (await township.post(f"/api/v1/rejects/{items[0]['id']}/replay")).status_code == 404
    replay = await client.post(f"/api/v1/rejects/{items[0]['id']}/replay")
    assert replay.status_code == 202
    assert replay.json()["replay_requested_by"] == "key:supervisor"


async def test_events_page_newest_first(client: Client, register: Register, connection: asyncpg.Connection) -> None:
    panel = (await register("p-1", kind="panel"))["id"]
    now = datetime.now(UTC).replace(microsecond=0)
    await connection.executemany(
        """insert into event (device_id, ts, received_at, batch_id, event_id, type, digest)
           values ($1, $2, $2, 1, $3, 'fault', $4)""",
        [(panel, now - timedelta(seconds=n // 2), f"e{n}", bytes([n])) for n in range(5)],
    )
    ids, cursor = [], None
    for _ in range(3):
        params = {"limit": 2, "device": "p-1"} | ({"cursor": cursor} if cursor else {})
        part = (await client.get("/api/v1/events", params=params)).json()
        ids += [item["event_id"] for item in part["items"]]
        cursor = part["next"]
    assert sorted(ids) == [f"e{n}" for n in range(5)]
    assert cursor is None


async def test_the_load_of_alarms_tells_a_flood_and_which_alarms_say_little(
    client: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    standing = await open_alarm("p-0", opened_at=now - timedelta(hours=30))
    chattering = await open_alarm("p-1")
    line = """insert into alarm_transition (alarm_id, number, at, actor, act, outcome, to_state, previous, hash)
              values ($1, $2, $3, 'event', 'repeat', 'repeated', 'unacknowledged', '', '')"""
    for n in range(3):
        await connection.execute(line, chattering, 100 + n, now - timedelta(seconds=10 * n))
    for n in range(10):
        await open_alarm(f"q-{n}")
    load = (await client.get("/api/v1/system")).json()["alarm_load"]
    assert load == {"per_10min": 11, "flood": True, "chattering": [chattering], "standing": [standing]}
