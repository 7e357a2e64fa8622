"""Grids over HTTP: registered, changed and removed, which borders and parents are refused, what does not fit."""

from typing import Any

import asyncpg

from tests.integration.api.conftest import AREA, Client
from tests.integration.api.prevention.conftest import Put, box, feature, load, read, square


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


async def test_a_feature_says_of_what_datum_it_is(client: Client) -> None:
    feature = {"type": "Feature", "properties": {"name": "一"}, "geometry": square(111.0)}
    shifted = (await client.put("/api/v1/grids/8", json=feature | {"datum": "gcj02"})).json()
    assert shifted["polygon"]["coordinates"][0][0] != square(111.0)["coordinates"][0][0]
    beijing = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4214"}}
    refused = await client.put("/api/v1/grids/9", json=feature | {"crs": beijing})
    assert refused.status_code == 422, refused.text
    (error,) = refused.json()["errors"]
    assert "WGS 84 or CGCS2000" in error["message"]
    assert "图层" in error["message_zh"]


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


async def test_borders_too_tangled_to_compare_are_named_and_refuse_nothing(client: Client, put: Put) -> None:
    combs = []
    for lying in (False, True):
        points = [[0.0, 0.0]]
        for n in range(200):
            points += [[(n + x) / 2000, y / 10] for x, y in ((0, 1), (0.5, 1), (0.5, 0.01), (1, 0.01))]
        points += [[0.1, 0.0], [0.0, 0.0]]
        combs.append([[round(111 + (y if lying else x), 7), round(39 + (x if lying else y), 7)] for x, y in points])
    await put("upright", polygon={"type": "Polygon", "coordinates": [combs[0]]})
    made = await put("lying", polygon={"type": "Polygon", "coordinates": [combs[1]]})
    await put("other", polygon=square(111.0, size=0.001))
    for faults in (made["faults"], (await read(client, "grid-coverage"))["faults"][:1]):
        assert [(one["fault"], one["grids"], one["area_m2"]) for one in faults] == [
            ("unchecked", ["lying", "upright"], 0)
        ]
        assert "简化" in faults[0]["text"]


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


def _comb(count: int) -> dict[str, Any]:
    teeth = [[111 + n * 1e-5, 39.01 + n % 2 * 1e-3] for n in range(count - 3)]
    return {"type": "Polygon", "coordinates": [[*teeth, [teeth[-1][0], 39.0], [111.0, 39.0], teeth[0]]]}


async def test_all_borders_together_are_bounded_and_what_stands_can_be_made_smaller(
    client: Client, put: Put, connection: asyncpg.Connection
) -> None:
    await put("small")
    await put("large", polygon=_comb(9_000))
    await connection.execute(
        "insert into grid_ring select 'large', n, 0, ring, 0, 0, 0, 0 from grid_ring, generate_series(1, 55) n"
        " where grid_id = 'large'"
    )  # as from before there was a bound
    for grid, border in (("other", square(111.0)), ("small", _comb(100))):
        refused = await client.put(f"/api/v1/grids/{grid}", json={"name": grid, "polygon": border})
        assert refused.status_code == 422, refused.text
        assert refused.json()["errors"][0]["field"] == "polygon"
        assert "500000" in refused.json()["errors"][0]["message"]
        assert "简化边界" in refused.json()["errors"][0]["message_zh"]
    told = await load(client, feature("small", square(111.2)), feature("other"))
    assert [one["id"] for one in told["changes"]] == ["small"], "it does not grow"
    assert [(one["id"], one["field"]) for one in told["errors"]] == [("other", "polygon")]
    await put("large", 200, polygon=square(111.1))
    await put("other")


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
