"""Data quality: what a ledger says against itself and against what devices send, with the devices behind each count."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.api.registry import ledger_checks
from services.api.registry.ledger_checks import Check
from tests.integration.api.conftest import AREA, OTHER_AREA, Client

NOW = datetime.now(UTC)
SEAT = {"lon": 111.09, "lat": 39.02}


def spot(n: int) -> dict[str, float]:
    return {"lon": 111.09 + n / 1000, "lat": 39.02}


async def hear(connection: asyncpg.Connection, code: str, kind: str = "hydrant", at: datetime = NOW) -> int:
    number: int = await connection.fetchval(
        """insert into device_state (device_id, ts, received_at, last_seen, last_topic)
           select id, $2, $2, $2, format('fire/v1/%s/%s/%s', area, $3::text, code) from device where code = $1
           returning device_id""",
        code,
        at,
        kind,
    )
    return number


FIELDS = {"hydrant": "pressure_mpa", "electrical": "temp_a_c", "water": "level_m", "panel": "battery_v"}


async def send(
    connection: asyncpg.Connection, number: int, came_s: Sequence[float], *, rows: int = 1, kind: str = "hydrant"
) -> None:
    """Store what a device sent so many seconds ago; `rows` readings a message."""
    for ago_s in came_s:
        received_at = NOW - timedelta(seconds=ago_s)
        for n in range(rows):
            await connection.execute(
                f"insert into reading_{kind} (device_id, ts, seq, received_at, batch_id, {FIELDS[kind]})"  # noqa: S608
                " values ($1, $2, 1, $3, 0, 0.3)",
                number,
                received_at - timedelta(seconds=20 * n + 1),
                received_at,
            )


async def inspect(connection: asyncpg.Connection, code: str, *, days_ago: float = 0) -> None:
    await connection.execute(
        """insert into inspection (request_id, digest, device_id, checklist, inspected_at, received_at, inspected_by,
               answers, failed, note, hazards)
           select gen_random_uuid(), '', id, 'hydrant', $2, $2, 'user:li', '[]', 0, '', '{}'
           from device where code = $1""",
        code,
        NOW - timedelta(days=days_ago),
    )


async def counts(client: Client, **asked: object) -> dict[str, int | None]:
    answer = await client.get("/api/v1/data-quality", params=asked)
    assert answer.status_code == 200, answer.text
    return {one["check"]: one["count"] for one in answer.json()["checks"]}


async def codes(client: Client, check: Check, **asked: object) -> list[str]:
    answer = await client.get(f"/api/v1/data-quality/{check}", params=asked)
    assert answer.status_code == 200, answer.text
    return [row["code"] for row in answer.json()["items"]]


async def test_a_sound_ledger_has_nothing_to_look_at(
    register: Any, client: Client, connection: asyncpg.Connection
) -> None:
    for n in range(3):
        await register(f"h-{n}", location=spot(n))
        await inspect(connection, f"h-{n}", days_ago=n)
        await send(connection, await hear(connection, f"h-{n}"), [300 * i for i in range(8)])
    assert await counts(client) == dict.fromkeys(Check, 0)


async def test_each_check_counts_its_devices_and_says_what_it_saw(
    register: Any, client: Client, connection: asyncpg.Connection
) -> None:
    await register("nowhere", location=None)
    await register("zero", location={"lon": 0, "lat": 0})
    await register("far", location={"lon": 112.5, "lat": 37.9})
    await register("pair-1", location=spot(1))
    await register("pair-2", location=spot(1))
    await register("beside", location=spot(1), kind="water")
    for circuit in ("circuit-1", "circuit-2"):  # of one switchboard
        await register(circuit, location=spot(1), kind="electrical")
        await hear(connection, circuit, "electrical")
    await register("other-kind", location=spot(2))
    await connection.execute(
        "insert into device (code, kind, area) values ('found', 'hydrant', $1)", AREA
    )  # as ingest adds one
    for code in ("zero", "far", "pair-1", "pair-2", "beside", "found"):
        await hear(connection, code, "water" if code == "beside" else "hydrant")
    await hear(connection, "other-kind", "electrical")
    for code in ("nowhere", "zero", "far", "pair-1", "pair-2", "beside"):
        await inspect(connection, code)
    await inspect(connection, "other-kind", days_ago=31)
    await put_grid(client, 111.09)
    shown = (await client.get("/api/v1/data-quality")).json()
    rows = {one["check"]: {row["code"]: row["text_en"] for row in one["rows"]} for one in shown["checks"]}
    assert shown["devices"] == 10
    assert rows == {
        "no_position": {"nowhere": "no coordinates: on no map", "zero": "no coordinates: on no map"},
        "outside_area": {"far": "151 km from the nearest known place"},
        "outside_grid": dict.fromkeys(["far", "other-kind"], "its area has grids, and it stands in none of them"),
        "stale_inspection": {
            "other-kind": f"water source last inspected: {NOW + timedelta(hours=8, days=-31):%Y-%m-%d}, every 30 d"
        },
        "doubled_position": {
            "pair-1": "on the spot of pair-2, of the same kind",
            "pair-2": "on the spot of pair-1, of the same kind",
        },
        "never_heard": {"nowhere": "registered, and no message ever came"},
        "kind_contradicts": {"other-kind": "listed as hydrant, sends as electrical"},
        "interval_contradicts": {},
        "unregistered": {"found": "it sends, and stands in no ledger"},
    }
    assert {one["count"] for one in shown["checks"]} == {0, 1, 2}


async def put_grid(client: Client, west: float, **fields: Any) -> None:
    corners = [[west, 39.0], [west + 0.0015, 39.0], [west + 0.0015, 39.1], [west, 39.1], [west, 39.0]]
    body = {"name": "网格", "polygon": {"type": "Polygon", "coordinates": [corners]}} | fields
    assert (await client.put(f"/api/v1/grids/g-{west}".replace(".", "-"), json=body)).status_code == 201


async def test_a_device_is_held_against_grids_only_where_its_area_has_some(register: Any, client: Client) -> None:
    await register("h-1", location=spot(1))
    assert await codes(client, Check.OUTSIDE_GRID) == []
    await put_grid(client, 111.5, area=OTHER_AREA)
    assert await codes(client, Check.OUTSIDE_GRID) == []
    await put_grid(client, 111.6, area=AREA)
    assert await codes(client, Check.OUTSIDE_GRID) == ["h-1"]
    await put_grid(client, 111.09, area=OTHER_AREA)
    assert await codes(client, Check.OUTSIDE_GRID) == [], "whoever looks after the ground it stands on"


async def test_a_device_on_the_ground_of_another_area_alone_is_outside_its_own(register: Any, client: Client) -> None:
    await register("h-1", location=spot(1))
    await register("h-2", location=spot(20))
    await put_grid(client, 111.09, area=OTHER_AREA)
    assert await codes(client, Check.OUTSIDE_AREA) == [], "its own area has no grids: nobody says where that is"
    await put_grid(client, 111.6, area=AREA)
    shown = (await client.get("/api/v1/data-quality/outside_area")).json()["items"]
    assert [(row["code"], row["text"], row["text_en"]) for row in shown] == [
        ("h-1", "位置只在其他区域的网格内", "it stands in grids of other areas alone")
    ]
    await put_grid(client, 111.0901, area=AREA)
    assert await codes(client, Check.OUTSIDE_AREA) == [], "two areas look after it, and one is its own"


@pytest.mark.parametrize("area", [None, AREA[:6]])
async def test_a_grid_of_the_county_is_ground_of_every_area(register: Any, client: Client, area: str | None) -> None:
    await register("h-1", location=spot(1))
    await put_grid(client, 111.6, area=AREA)
    await put_grid(client, 111.09, area=OTHER_AREA)
    await put_grid(client, 111.0901, area=area)
    assert await codes(client, Check.OUTSIDE_AREA) == []


async def test_a_source_is_due_by_its_own_interval_and_when_it_was_never_inspected(
    register: Any, client: Client, connection: asyncpg.Connection
) -> None:
    await register("never", location=spot(1))
    await register("seldom", location=spot(2), attributes={"inspection_interval_d": "90"})
    await register("often", location=spot(3), attributes={"inspection_interval_d": 7})
    await register("odd", location=spot(4), attributes={"inspection_interval_d": "weekly"})
    await register("panel", kind="panel", location=spot(5))
    for code in ("seldom", "often", "odd"):
        await inspect(connection, code, days_ago=20)
    assert await codes(client, Check.STALE_INSPECTION) == ["never", "often"]


@pytest.mark.parametrize(
    ("expected_s", "came", "wrong"),
    [
        (300, (300, 1), False), (300, (590, 1), False), (300, (620, 1), True), (300, (160, 1), False),
        (300, (60, 1), True),
        (3600, (3600, 3), False),  # three readings in each message: the interval is that of the messages
        (300, (3600, 3), True),
    ],
)  # fmt: skip
async def test_an_interval_is_held_against_when_messages_came(
    register: Any,
    client: Client,
    connection: asyncpg.Connection,
    expected_s: int,
    came: tuple[int, int],
    *,
    wrong: bool,
) -> None:
    every_s, rows = came
    await register("h-1", expected_interval_s=expected_s)
    await send(connection, await hear(connection, "h-1"), [every_s * i for i in range(8)], rows=rows)
    assert await codes(client, Check.INTERVAL_CONTRADICTS) == ["h-1"] * wrong


@pytest.mark.parametrize("kind", FIELDS)
async def test_an_interval_of_every_kind_is_held_against_its_messages(
    register: Any, client: Client, connection: asyncpg.Connection, kind: str
) -> None:
    await register("x-1", kind=kind, expected_interval_s=300)
    await send(connection, await hear(connection, "x-1", kind), [3600.0 * i for i in range(8)], kind=kind)
    assert await codes(client, Check.INTERVAL_CONTRADICTS) == ["x-1"]


async def test_too_few_messages_prove_no_interval(
    register: Any, client: Client, connection: asyncpg.Connection
) -> None:
    await register("h-1")
    await send(connection, await hear(connection, "h-1"), [3600.0 * i for i in range(4)])
    assert await codes(client, Check.INTERVAL_CONTRADICTS) == []


async def test_who_is_out_of_service_is_not_expected_to_be_heard(register: Any, client: Client) -> None:
    await register("h-1")
    assert await codes(client, Check.NEVER_HEARD) == ["h-1"]
    until = (NOW + timedelta(days=1)).isoformat()
    await client.post("/api/v1/devices/h-1/out-of-service", json={"until": until, "reason": "未通水"})
    assert await codes(client, Check.NEVER_HEARD) == []


async def test_a_list_pages_to_its_end_and_is_a_sheet(register: Any, client: Client) -> None:
    for n in range(5):
        await register(f"h-{n}", location=None, name="=1+1" if n == 0 else "")
    found, place = [], {}
    while True:
        part = (await client.get("/api/v1/data-quality/no_position", params={"limit": 2, **place})).json()
        found += [row["code"] for row in part["items"]]
        if part["next"] is None:
            break
        place = {"cursor": part["next"]}
    assert found == [f"h-{n}" for n in range(5)]
    sheet = await client.get("/api/v1/data-quality/no_position", params={"format": "csv"})
    first = next(csv.DictReader(io.StringIO(sheet.text)))
    assert (first["code"], first["name"], first["text"]) == ("h-0", "'=1+1", "台账没有坐标，地图上看不到")
    assert (await counts(client, check="no_position", limit=0)) == {"no_position": 5}


async def test_a_township_sees_its_own_devices_alone(
    register: Any, client: Client, visit: Any, connection: asyncpg.Connection
) -> None:
    await register("mine", location=spot(1))
    await register("theirs", location=spot(1), area=OTHER_AREA)
    made = (await client.post("/api/v1/api-keys", json={"name": "township", "role": "viewer", "areas": [AREA]})).json()
    township = visit(made["key"])
    assert await codes(client, Check.DOUBLED_POSITION) == ["mine", "theirs"]
    assert await codes(client, Check.DOUBLED_POSITION, area=AREA) == []
    assert await codes(township, Check.DOUBLED_POSITION) == []  # and does not hear whose spot it is
    assert await codes(township, Check.NEVER_HEARD) == ["mine"]
    assert await codes(township, Check.NEVER_HEARD, area=OTHER_AREA) == []


async def test_too_many_devices_for_a_look_at_their_readings_are_said_and_are_no_zero(
    register: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_checks, "MOST_DEVICES", 1)
    await register("h-1")
    await register("h-2", area=OTHER_AREA)
    assert (await counts(client))["interval_contradicts"] is None
    refused = await client.get("/api/v1/data-quality/interval_contradicts")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:firetower:problem:too_many_devices")
    assert (await counts(client, area=AREA))["interval_contradicts"] == 0


async def test_a_check_that_is_none_is_refused_by_name(client: Client) -> None:
    refused = await client.get("/api/v1/data-quality", params={"check": "colour"})
    assert refused.status_code == 422
    assert "check" in refused.text
