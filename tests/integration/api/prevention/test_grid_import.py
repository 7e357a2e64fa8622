"""A file of grids: what is bad in it is named, and stops no other feature."""

from tests.integration.api.conftest import AREA, Client
from tests.integration.api.prevention.conftest import Put, feature, load, read, square


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


async def test_positions_of_features_that_are_refused_count_as_well(client: Client) -> None:
    zigzag = {"type": "Polygon", "coordinates": [[[111 + n % 2, 39 + n / 10_000] for n in range(9_000)]]}
    refused = await load(client, feature("good"), *[feature(f"f-{n}", zigzag) for n in range(23)], status=413)
    assert refused["type"] == "urn:firetower:problem:too_large"
    assert "200000" in refused["detail"]
    assert (await read(client, "grids"))["items"] == []


async def test_ids_and_areas_that_a_gis_took_for_numbers_are_codes(client: Client) -> None:
    told = await load(
        client,
        feature(None, square(111.0), id=7.0, name=12.0, area=140931100.0),
        {**feature(None, square(111.1), 编号="g-8", name="八"), "id": None},
        {**feature(None, square(111.2)), "id": 9, "properties": {"name": "九"}},
        feature(None, square(111.3), id=7.5, name="x"),
    )
    assert [one["id"] for one in told["changes"]] == ["7", "g-8", "9"]
    assert [(one["feature"], one["field"]) for one in told["errors"]] == [(4, "id")]
    seven = await read(client, "grids/7")
    assert (seven["name"], seven["area"]) == ("12", AREA)


async def test_a_file_that_says_itself_that_it_is_of_another_datum_is_refused_until_one_is_named(
    client: Client,
) -> None:
    body = {"type": "FeatureCollection", "features": [feature("a")]}
    for crs, status in (
        ({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4214"}}, 422),  # Beijing 1954
        ({"type": "EPSG", "properties": {"code": 4610}}, 422),  # Xi'an 1980
        ({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::14326"}}, 422),
        ({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}, 200),
        ({"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}, 200),
        ({"type": "EPSG", "properties": {"code": 4326}}, 200),
        (None, 200),
        ("EPSG:4326", 200),
    ):
        sent = await client.post("/api/v1/grids/import?dry_run=true", json=body | {"crs": crs})
        assert sent.status_code == status, (crs, sent.text)
        if status == 422:
            (error,) = sent.json()["errors"]
            assert (error["field"], "CGCS2000" in error["message_zh"]) == ("crs", True)
            named = await client.post("/api/v1/grids/import?dry_run=true&datum=wgs84", json=body | {"crs": crs})
            assert named.status_code == 200, "somebody knows better"


async def test_a_layer_that_is_exported_and_imported_again_keeps_what_it_does_not_name(
    client: Client, put: Put
) -> None:
    people = [{"name": "王建国", "role": "网格员", "phone": "13800000000"}, {"name": "李强", "role": "", "phone": "1"}]
    await put("above", area=AREA)
    await put("g-1", area=AREA, parent="above", people=people)
    exported = (await client.get("/ogc/collections/grids/items")).json()
    told = (await client.post("/api/v1/grids/import", json=exported)).json()
    assert (told["updated"], told["failed"]) == (2, 0)
    again = await read(client, "grids/g-1")
    assert (again["people"], again["parent"], again["area"], again["polygon"]) == (people, "above", AREA, square(111.0))
    cleared = await put("g-1", 200, people=["张敏", {"name": "李强", "phone": ""}])
    assert [tuple(one.values()) for one in cleared["people"]] == [("张敏", "", ""), ("李强", "", "")]
