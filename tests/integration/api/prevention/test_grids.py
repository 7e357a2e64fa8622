"""Grids over HTTP: registered, changed, imported; what lies in them by position, what does not fit, who sees them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.integration.api.conftest import AREA, OTHER_AREA, Client

Register = Callable[..., Awaitable[dict[str, Any]]]
Put = Callable[..., Awaitable[dict[str, Any]]]


def box(west: float, south: float = 39.0, size: float = 0.02) -> list[list[float]]:
    east, north = round(west + size, 6), round(south + size, 6)
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def square(west: float, south: float = 39.0, size: float = 0.02, *holes: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [box(west, south, size), *holes]}


@pytest.fixture
def put(client: Client) -> Put:
    """A function that registers or changes a grid."""

    async def make(grid: str, status: int = 201, **fields: Any) -> dict[str, Any]:
        body = {"name": grid, "polygon": square(111.0)} | fields if status == 201 else fields
        answer = await client.put(f"/api/v1/grids/{grid}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    return make


async def key_of(client: Client, visit: Callable[..., Client], role: str, area: str = AREA) -> Client:
    made = await client.post("/api/v1/api-keys", json={"name": f"{role}-{area}", "role": role, "areas": [area]})
    return visit(made.json()["key"])


async def read(client: Client, path: str) -> Any:
    answer = await client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_grid_is_registered_read_changed_and_removed(
    client: Client, put: Put, connection: asyncpg.Connection
) -> None:
    people = [{"name": "王建国", "role": "网格员", "phone": "13800000000"}]
    made = await put("g-1", area=AREA, people=people)
    assert (made["area"], made["people"], made["version"]) == (AREA, people, 1)
    assert (made["polygon"], made["bbox"]) == (square(111.0), [111.0, 39.0, 111.02, 39.02])
    assert await read(client, "grids/g-1") == made
    changed = await put("g-1", 200, name="第一网格", people=["李强", "张敏"])
    assert [one["name"] for one in changed["people"]] == ["李强", "张敏"]
    assert (changed["name"], changed["polygon"], changed["version"]) == ("第一网格", square(111.0), 2)
    listed = (await read(client, "grids"))["items"]
    assert [one["id"] for one in listed] == ["g-1"]
    assert "polygon" not in listed[0]
    late = await client.put("/api/v1/grids/g-1", json={"name": "x"}, headers={"If-Match": '"1"'})
    assert late.status_code == 412
    assert (await client.delete("/api/v1/grids/g-1")).status_code == 204
    assert (await client.get("/api/v1/grids/g-1")).status_code == 404
    assert await connection.fetchval("select count(*) from grid_ring") == 0
    audited = [row["action"] for row in await connection.fetch("select action from audit where target = 'grid:g-1'")]
    assert audited == ["grid.put", "grid.put", "grid.remove"]


async def test_a_whole_feature_and_a_geometry_are_taken_for_a_grid(client: Client, put: Put) -> None:
    feature = {"type": "Feature", "properties": {"name": "一", "people": "王建国、李强"}, "geometry": square(111.0)}
    made = (await client.put("/api/v1/grids/7", json=feature)).json()
    assert (made["id"], made["name"], len(made["people"])) == ("7", "一", 2)
    moved = await client.put("/api/v1/grids/7", json={"geometry": square(111.5)})
    assert moved.json()["polygon"] == square(111.5)


async def test_devices_and_sites_belong_by_position_with_holes_and_parts(
    client: Client, register: Register, put: Put
) -> None:
    parts = [[box(111.0, size=0.1), box(111.04, 39.04)[::-1]], [box(111.3)]]
    await put("g-1", polygon={"type": "MultiPolygon", "coordinates": parts})
    places = {
        "inside": (111.01, 39.01), "in-hole": (111.05, 39.05), "in-part": (111.31, 39.01), "on-border": (111.0, 39.05),
        "between": (111.2, 39.01), "beside": (110.999, 39.05),
    }  # fmt: skip
    for code, (lon, lat) in places.items():
        await register(code, location={"lon": lon, "lat": lat})
    await register("nowhere", location=None)
    site = {"name": "医院", "area": AREA, "location": {"lon": 111.02, "lat": 39.02}}
    site_id = (await client.post("/api/v1/sites", json=site)).json()["id"]
    shown = await read(client, "grids/g-1")
    assert shown["devices"] == ["in-part", "inside", "on-border"]
    assert (shown["device_count"], shown["sites"]) == (3, [{"id": site_id, "name": "医院"}])
    assert [one["code"] for one in (await read(client, "devices?grid=g-1"))["items"]] == shown["devices"]
    assert (await read(client, "devices?grid=none"))["items"] == []
    await register("inside", location={"lon": 111.2, "lat": 39.5})
    assert (await read(client, "grids/g-1"))["devices"] == ["in-part", "on-border"], "it has moved out"


async def test_what_the_border_is_not_is_said_by_its_place_and_nothing_is_stored(client: Client) -> None:
    turned = [[lat, lon] for lon, lat in box(111.0)]
    crossed = [[111.0, 39.0], [111.1, 39.1], [111.1, 39.0], [111.0, 39.1], [111.0, 39.0]]
    for ring, said, zh in (
        (turned, "changed places", "经纬度填反"),
        (crossed, "crosses itself near 111.05, 39.05", "自相交"),
        (box(111.0)[:-1], "is not closed", "没有闭合"),
    ):
        body = {"name": "x", "polygon": {"type": "Polygon", "coordinates": [ring]}}
        refused = await client.put("/api/v1/grids/g-1", json=body)
        assert refused.status_code == 422, refused.text
        (error,) = refused.json()["errors"]
        assert error["field"].startswith("polygon.coordinates.0")
        assert said in error["message"]
        assert zh in error["message_zh"]
    for body, field in (({"polygon": square(111.0)}, "name"), ({"name": "x"}, "polygon")):
        refused = await client.put("/api/v1/grids/g-1", json=body)
        assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert (await client.get("/api/v1/grids/g-1")).status_code == 404


async def test_a_border_that_runs_the_wrong_way_is_turned_and_that_is_said(put: Put) -> None:
    made = await put("g-1", polygon={"type": "Polygon", "coordinates": [box(111.0)[::-1]]})
    assert [note["field"] for note in made["notes"]] == ["polygon.coordinates.0"]
    assert "逆时针" in made["notes"][0]["message_zh"]


async def test_overlaps_and_gaps_are_reported_and_refuse_nothing(client: Client, put: Put) -> None:
    await put("whole", polygon=square(111.0, size=0.1))
    await put("west", parent="whole", polygon=square(111.0, size=0.05))
    made = await put("east", parent="whole", polygon=square(111.04, size=0.07))
    assert [(one["fault"], one["grids"]) for one in made["faults"]] == [
        ("beyond", ["east", "whole"]), ("overlap", ["east", "west"]),
    ]  # fmt: skip
    assert "重叠" in made["faults"][1]["text"]
    whole = await read(client, "grid-coverage")
    assert whole["grids"] == 3
    told = {(one["fault"], *one["grids"]) for one in whole["faults"]}
    assert told == {("overlap", "east", "west"), ("beyond", "east", "whole"), ("gap", "whole")}
    areas = [one["area_m2"] for one in whole["faults"]]
    assert areas == sorted(areas, reverse=True)
    assert (await read(client, "grid-coverage?limit=1"))["faults"] == whole["faults"][:1]
    assert [one["fault"] for one in (await read(client, "grids/whole"))["faults"]].count("gap") == 1


async def test_who_meets_a_long_import_is_told_to_come_back_and_holds_nothing(
    client: Client, put: Put, connection: asyncpg.Connection
) -> None:
    await put("g-1")
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(hashtext('firetower.grids'))")
        refused = await client.put("/api/v1/grids/g-1", json={"name": "x"})
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:firetower:problem:import_running")
        assert refused.headers["retry-after"] == "5"
    await put("g-1", 200, name="x")


async def test_a_circle_of_parents_is_refused_by_name(client: Client, put: Put) -> None:
    await put("a")
    await put("b", parent="a")
    await put("c", parent="b")
    refused = await client.put("/api/v1/grids/a", json={"parent": "c"})
    assert refused.status_code == 422
    assert "a < c < b < a" in refused.json()["detail"]
    assert (await client.put("/api/v1/grids/a", json={"parent": "x"})).status_code == 422
    kept = await client.delete("/api/v1/grids/a")
    assert (kept.status_code, kept.json()["type"]) == (409, "urn:firetower:problem:has_children")
    assert [one["id"] for one in (await read(client, "grids?parent=a"))["items"]] == ["b"]


def feature(grid: str | None, geometry: Any = None, **properties: Any) -> dict[str, Any]:
    named = {} if grid is None else {"id": grid}
    return {
        "type": "Feature",
        **named,
        "properties": {"name": grid} | properties,
        "geometry": geometry or square(111.0),
    }


async def load(client: Client, *features: Any, status: int = 200, query: str = "") -> dict[str, Any]:
    body = {"type": "FeatureCollection", "features": list(features)}
    answer = await client.post(f"/api/v1/grids/import{query}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_an_import_names_what_is_bad_and_stores_the_rest(client: Client, put: Put) -> None:
    await put("old", people=["王建国"])
    crossed = {"type": "Polygon", "coordinates": [[[111, 39], [111.1, 39.1], [111.1, 39], [111, 39.1], [111, 39]]]}
    told = await load(
        client,
        feature("child", square(111.2), parent="late"),
        feature("late", square(111.2, size=0.05)),
        feature("old", square(111.4), name="旧网格"),
        feature("crossed", crossed),
        feature("late"),
        feature(None),
        feature("orphan", parent="nobody"),
        feature("circle-1", parent="circle-2"),
        feature("circle-2", parent="circle-1"),
        feature("nameless", name=""),
        "no feature",
        feature("point", {"type": "Point", "coordinates": [111, 39]}),
        feature(None, square(111.6), 编号="zh", 名称="中文表头", 负责人="李强", 区划=140931100),
    )
    assert (told["features"], told["created"], told["updated"], told["failed"]) == (13, 3, 1, 9)
    assert [(one["feature"], one["id"], one["action"]) for one in told["changes"]] == [
        (1, "child", "created"), (2, "late", "created"), (3, "old", "updated"), (13, "zh", "created"),
    ]  # fmt: skip
    assert [(one["feature"], one["id"], one["field"]) for one in told["errors"]] == [
        (4, "crossed", "geometry.coordinates.0"), (5, "late", "id"), (6, None, "id"), (7, "orphan", "parent"),
        (8, "circle-1", "parent"), (9, "circle-2", "parent"), (10, "nameless", "name"), (11, None, "type"),
        (12, "point", "geometry.type"),
    ]  # fmt: skip
    assert all(one["message_zh"] for one in told["errors"])
    old = await read(client, "grids/old")
    assert (old["name"], old["polygon"], old["people"][0]["name"]) == ("旧网格", square(111.4), "王建国")
    zh = await read(client, "grids/zh")
    assert (zh["people"][0]["name"], zh["area"]) == ("李强", AREA)
    assert any(one["grids"] == ["late"] for one in told["faults"]), "the gap beside the child"


async def test_a_file_of_which_nothing_can_be_stored_is_refused_and_a_dry_run_stores_nothing(client: Client) -> None:
    refused = await load(client, feature("a", parent="nobody"), status=422)
    assert refused["type"] == "urn:firetower:problem:bad_features"
    assert [(one["feature"], one["field"]) for one in refused["errors"]] == [(1, "parent")]
    told = await load(client, feature("a"), feature(None), query="?dry_run=true")
    assert (told["dry_run"], told["created"], told["failed"]) == (True, 1, 1)
    assert (await read(client, "grids"))["items"] == []
    await load(client, status=422)


async def test_duties_are_hazards_inspections_and_silent_devices_within(
    client: Client, register: Register, put: Put, connection: asyncpg.Connection
) -> None:
    within = {"location": {"lon": 111.01, "lat": 39.01}}
    for code in ("h-due", "h-done", "h-own", "h-away"):
        await register(code, **within)
    await register("panel", kind="panel", **within)
    await register("outside", location={"lon": 111.5, "lat": 39.5})
    await register("h-own", attributes={"inspection_interval_d": 90}, **within)
    now = datetime.now(UTC)
    until = {"until": (now + timedelta(days=1)).isoformat(), "reason": "检修"}
    await client.post("/api/v1/devices/h-away/out-of-service", json=until)
    for code, days in (("h-due", 31), ("h-done", 29), ("h-own", 60)):
        await connection.execute(
            """insert into inspection (request_id, digest, device_id, checklist, inspected_at, received_at,
                   inspected_by, answers, failed, note, hazards)
               select gen_random_uuid(), '', id, 'hydrant', $2, $2, 'user:li', '[]', 0, '', '{}'
               from device where code = $1""",
            code,
            now - timedelta(days=days),
        )
    heard = "insert into device_state (device_id, last_seen, online) select id, $2, $3 from device where code = $1"
    hour_ago = now - timedelta(hours=1)
    for code, online in (("h-due", True), ("h-done", True), ("panel", False)):
        await connection.execute(heard, code, hour_ago, online)
    site = {"name": "医院", "area": AREA, "location": {"lon": 111.01, "lat": 39.01}}
    site_id = (await client.post("/api/v1/sites", json=site)).json()["id"]
    for body in (
        {"device": "h-due", "code": "hydrant_blocked"},
        {"site": site_id, "code": "escape_blocked", "due": "2030-01-01"},
        {"device": "outside", "code": "hydrant_blocked"},
    ):
        assert (await client.post("/api/v1/hazards", json=body)).status_code == 201
    await put("g-1", people=["王建国"])
    duties = await read(client, "grids/g-1/duties")
    assert duties["grid"] == {"id": "g-1", "name": "g-1", "people": [{"name": "王建国", "role": "", "phone": ""}]}
    assert [one["code"] for one in duties["hazards"]] == ["escape_blocked", "hydrant_blocked"]
    due = {one["device"]: (one["interval_d"], one["inspected_at"] is None) for one in duties["inspections_due"]}
    assert due == {"h-due": (30, False)}
    assert [one["device"] for one in duties["silent_devices"]] == ["h-own", "panel"]
    counts = {"devices": 5, "sites": 1, "hazards": 2, "inspections_due": 1, "silent_devices": 2}
    assert duties["counts"] == counts
    short = await read(client, "grids/g-1/duties?limit=1")
    assert (short["counts"], len(short["hazards"])) == (counts, 1)
    assert (await client.get("/api/v1/grids/none/duties")).status_code == 404


async def test_a_township_sees_and_writes_its_own_grids_alone(
    client: Client, visit: Callable[..., Client], register: Register, put: Put
) -> None:
    township = await key_of(client, visit, "maintainer")
    await put("county", polygon=square(111.0, size=0.1))
    await put("theirs", area=OTHER_AREA, parent="county")
    await put("mine", area=AREA, parent="county")
    await register("own", location={"lon": 111.01, "lat": 39.01})
    await register("other", area=OTHER_AREA, location={"lon": 111.01, "lat": 39.01})
    assert [one["id"] for one in (await read(township, "grids"))["items"]] == ["mine"]
    seen = await read(township, "grids/mine")
    assert (seen["parent"], seen["devices"], seen["faults"]) == (None, ["own"], [])
    assert (await read(township, "grid-coverage"))["faults"] == []
    found = {grid: (await read(township, f"devices?grid={grid}"))["items"] for grid in ("mine", "county")}
    assert {grid: [one["code"] for one in items] for grid, items in found.items()} == {"mine": ["own"], "county": []}
    for path in ("county", "theirs", "theirs/duties"):
        assert (await township.get(f"/api/v1/grids/{path}")).status_code == 404
    for path in ("county", "theirs"):
        assert (await township.put(f"/api/v1/grids/{path}", json={"name": "x"})).status_code == 404
        assert (await township.delete(f"/api/v1/grids/{path}")).status_code == 404
    assert (await township.put("/api/v1/grids/mine", json={"area": OTHER_AREA})).status_code == 403
    refused = await township.put("/api/v1/grids/mine", json={"parent": "theirs"})
    assert refused.json()["errors"] == [
        {"field": "parent", "message": "there is no grid theirs", "message_zh": "没有网格 theirs"}
    ]
    kept = await township.put("/api/v1/grids/mine", json={"parent": None, "name": "新名"})
    assert kept.status_code == 200
    assert (await read(client, "grids/mine"))["parent"] == "county", "what it cannot see it does not take away"
    made = await township.put("/api/v1/grids/new", json={"name": "新", "polygon": square(111.05)})
    assert made.json()["area"] == AREA
    told = await load(township, feature("theirs"), feature("also"))
    assert [(one["id"], one["field"]) for one in told["errors"]] == [("theirs", "id")]
    assert [one["grids"] for one in told["faults"]] == [["also", "mine"]]
    viewer = await key_of(client, visit, "viewer")
    assert (await viewer.put("/api/v1/grids/new", json={"name": "x"})).status_code == 403
