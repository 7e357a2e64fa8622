"""OGC API Features: what is answered, what is refused with which words, and what another area's key never finds."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from tests.integration.api.conftest import AREA, OTHER_AREA, Client, Raise

Register = Callable[..., Awaitable[dict[str, Any]]]
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG4490 = "http://www.opengis.net/def/crs/EPSG/0/4490"
ITEMS = "/ogc/collections/{}/items"


async def fill(register: Register, count: int = 5) -> None:
    for number in range(count):
        await register(f"h-{number}", location={"lon": 111.0 + number / 100, "lat": 39.0}, name=f"消火栓 {number}")
    await register("w-0", kind="water", form="pool", area=OTHER_AREA, location={"lon": 111.2, "lat": 39.1})
    await register("nowhere", location=None)


async def read(client: Client, address: str, **sent: Any) -> dict[str, Any]:
    answer = await client.get(address, params=sent or None)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def follow(client: Client, address: str, **sent: Any) -> list[Any]:
    """Read all pages by their links; return the ids."""
    page = await read(client, address, **sent)
    found = [feature["id"] for feature in page["features"]]
    matched = page["numberMatched"]
    while (following := [link["href"] for link in page["links"] if link["rel"] == "next"]) != []:
        page = await read(client, following[0])
        assert page["features"], "no page is empty"
        assert page["numberMatched"] == matched
        found += [feature["id"] for feature in page["features"]]
    assert len(found) == matched
    return found


async def test_links_lead_from_the_landing_page_to_every_feature(client: Client, register: Register) -> None:
    await fill(register)
    for start in ("/ogc", "/ogc/"):
        landing = await read(client, start)
        found = {link["rel"]: link for link in landing["links"]}
        assert {"self", "alternate", "service-desc", "service-doc", "conformance", "data"} <= set(found)
        assert found["service-desc"]["type"] == "application/vnd.oai.openapi+json;version=3.0"
        assert all(link["href"].startswith("http://firetower.test/ogc") for link in landing["links"])
    listed = await read(client, "/ogc/collections")
    assert {one["id"] for one in listed["collections"]} == {
        "devices", "hydrants", "water-sources", "sites", "alarms", "hazards", "areas", "grids",
    }  # fmt: skip
    for one in listed["collections"]:
        assert one["itemType"] == "feature"
        href = next(link["href"] for link in one["links"] if link["rel"] == "items")
        for feature in (await read(client, href))["features"]:
            own = await read(client, ITEMS.format(one["id"]) + f"/{feature['id']}")
            assert own["properties"] == feature["properties"]
    described = await read(client, "/ogc/api")
    assert described["openapi"].startswith("3.0")
    assert "/collections/hydrants/items" in described["paths"]


async def test_pages_hold_everything_once_and_say_how_much_there_is(client: Client, register: Register) -> None:
    await fill(register)
    address = ITEMS.format("devices")
    assert await follow(client, address, limit=2) == ["h-0", "h-1", "h-2", "h-3", "h-4", "w-0", "nowhere"]
    assert await follow(client, address, limit=7) == await follow(client, address, limit=1_000_000)
    assert await follow(client, address, limit=2, kind="water") == ["w-0"]
    await register("owned", owner="供水公司")
    assert await follow(client, address, owner="供水公司", area_name="东关镇", limit=1) == ["owned"]
    assert await follow(client, address, site=1) == await follow(client, address, site_name="-") == []
    assert await follow(client, address, limit=2, bbox="111.005,38.9,111.035,39.05") == ["h-1", "h-2", "h-3"]


async def test_boxes_in_every_reference_system_are_the_same_box(client: Client, register: Register) -> None:
    await fill(register)
    address = ITEMS.format("devices")
    plain = await follow(client, address, bbox="111.005,38.9,111.035,39.05")
    for crs in (EPSG4490, "http://www.opengis.net/def/crs/EPSG/0/4326"):
        turned = {"bbox": "38.9,111.005,39.05,111.035", "bbox-crs": crs, "crs": crs}
        answer = await client.get(address, params=turned)
        assert answer.headers["content-crs"] == f"<{crs}>"
        assert [feature["id"] for feature in answer.json()["features"]] == plain
        assert answer.json()["features"][0]["geometry"]["coordinates"] == [39.0, 111.01]
    with_heights = await follow(client, address, bbox="111.005,38.9,0,111.035,39.05,100")
    assert with_heights == plain
    assert await follow(client, address, bbox="170,-90,-170,90") == []
    assert len(await follow(client, address, bbox="120,-90,112,90")) == 6, "across the antimeridian"


async def test_alarms_answer_for_their_time(client: Client, open_alarm: Raise) -> None:
    now = datetime.now(UTC)
    for number, (hours, closed) in enumerate([(10, 8), (5, None), (1, None)]):
        more = {} if closed is None else {"state": "closed", "closed_at": now - timedelta(hours=closed)}
        await open_alarm(f"p-{number}", opened_at=now - timedelta(hours=hours), **more)
    address = ITEMS.format("alarms")

    def ago(hours: float) -> str:
        return (now - timedelta(hours=hours)).isoformat()

    async def devices(when: str) -> list[str]:
        page = await read(client, address, datetime=when)
        return [feature["properties"]["device"] for feature in page["features"]]

    assert await devices(f"{ago(7)}/..") == ["p-2", "p-1"]
    assert await devices(f"../{ago(9)}") == ["p-0"]
    assert await devices(f"{ago(9)}/{ago(4)}") == ["p-1", "p-0"]
    assert await devices(ago(2)) == ["p-1"]
    assert await devices(f"{ago(2)}/") == ["p-2", "p-1"]
    assert await devices("2020-01-01") == []
    assert (await read(client, address, state="closed"))["numberMatched"] == 1
    assert (await read(client, address, drill="false"))["numberMatched"] == 3


async def test_hazards_stand_where_their_device_or_site_stands_and_answer_for_their_time(
    client: Client, register: Register, visit: Callable[..., Client]
) -> None:
    await register("h-1", location={"lon": 111.01, "lat": 39.0})
    place = {"name": "医院", "area": OTHER_AREA, "location": {"lon": 111.2, "lat": 39.0}}
    site = (await client.post("/api/v1/sites", json=place)).json()["id"]
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    due = {"device": "h-1", "code": "hydrant_blocked", "due": yesterday, "owner": "供水公司"}
    made = [
        (await client.post("/api/v1/hazards", json=body)).json()["id"]
        for body in (due, {"site": site, "code": "escape_blocked"})
    ]
    closing = {"outcome": "unfounded", "note": "无"}
    assert (await client.post(f"/api/v1/hazards/{made[1]}/close", json=closing)).status_code == 200
    address = ITEMS.format("hazards")
    assert await follow(client, address, limit=1) == [made[1], made[0]]
    one = await read(client, f"{address}/{made[0]}")
    assert one["geometry"]["coordinates"] == [111.01, 39.0]
    told = {"state": "found", "overdue": True, "device": "h-1", "owner": "供水公司", "area": AREA, "site": None}
    assert told.items() <= one["properties"].items()
    for sent, wanted in (
        ({"bbox": "111.0,38.9,111.1,39.1"}, [made[0]]),
        ({"overdue": "true"}, [made[0]]),
        ({"overdue": "false"}, [made[1]]),
        ({"state": "verified"}, [made[1]]),
        ({"grade": "major", "site": str(site)}, [made[1]]),
        ({"supervised": "true"}, []),
        ({"datetime": "../2020-01-01"}, []),
        ({"datetime": f"{(datetime.now(UTC) + timedelta(hours=1)).isoformat()}/.."}, [made[0]]),
    ):
        assert await follow(client, address, **sent) == wanted, sent
    page = await client.get(f"{address}?f=html")
    assert "供水公司" in page.text
    key = (await client.post("/api/v1/api-keys", json={"name": "t", "role": "viewer", "areas": [AREA]})).json()["key"]
    assert await follow(visit(key), address) == [made[0]]
    assert (await visit(key).get(f"{address}/{made[1]}")).status_code == 404


async def test_grids_show_their_border_and_a_box_finds_what_it_touches(
    client: Client, visit: Callable[..., Client]
) -> None:
    def ring(west: float, south: float, size: float) -> list[list[float]]:
        east, north = west + size, south + size
        return [[west, south], [east, south], [east, north], [west, north], [west, south]]

    triangle = {"type": "Polygon", "coordinates": [[[111.0, 39.0], [112.0, 39.0], [112.0, 40.0], [111.0, 39.0]]]}
    holed = {"type": "Polygon", "coordinates": [ring(113.0, 39.0, 1.0), ring(113.25, 39.25, 0.5)[::-1]]}
    for grid, shape, more in (
        ("a", triangle, {"people": ["王建国"]}),
        ("b", holed, {"area": OTHER_AREA, "parent": "a"}),
    ):
        made = await client.put(f"/api/v1/grids/{grid}", json={"name": grid, "polygon": shape, **more})
        assert made.status_code == 201, made.text
    address = ITEMS.format("grids")
    assert await follow(client, address, limit=1) == ["a", "b"]
    one = await read(client, f"{address}/a")
    assert one["geometry"] == triangle
    assert one["properties"]["people"] == "王建国"
    turned = await read(client, f"{address}/a", crs=EPSG4490)
    assert turned["geometry"]["coordinates"][0][1] == [39.0, 112.0]
    for box, wanted in (
        ("111.6,39.1,111.7,39.2", ["a"]),
        ("111.1,39.8,111.2,39.9", []),  # within its bounds, beside its border
        ("113.4,39.4,113.5,39.5", []),  # in the hole
        ("113.4,39.4,113.9,39.5", ["b"]),
        ("110,38,115,41", ["a", "b"]),
        ("113.5,38,-170,41", ["b"]),
    ):
        assert await follow(client, address, bbox=box) == wanted, box
    assert await follow(client, address, parent="a") == ["b"]
    key = (await client.post("/api/v1/api-keys", json={"name": "t", "role": "wall", "areas": [OTHER_AREA]})).json()[
        "key"
    ]
    wall = await read(visit(key), address)
    assert [(shown["id"], shown["properties"]["parent"]) for shown in wall["features"]] == [("b", None)]
    assert "people" not in wall["features"][0]["properties"]
    assert await follow(visit(key), address, parent="a") == []


REFUSED = [
    ("limit=0", "limit"), ("limit=-1", "limit"), ("limit=x", "limit"), ("limit=99999999999", "limit"),
    ("bbox=1,2,3", "bbox"), ("bbox=1,2,3,nan", "bbox"), ("bbox=1,2,3,x", "bbox"), ("bbox=1,9,3,2", "bbox"),
    ("bbox=", "bbox"), ("datetime=yesterday", "datetime"), ("datetime=../..", "datetime"),
    ("datetime=/", "datetime"),
    ("datetime=2026-01-02/2026-01-01", "datetime"), ("datetime=a/b/c", "datetime"), ("crs=EPSG:3857", "crs"),
    ("bbox=1,2,3,4&bbox-crs=x", "bbox-crs"), ("f=xml", "f"), ("colour=red", "colour"), ("limit=1&limit=2", "limit"),
    ("drill=maybe", "drill"), ("id=1.5", "id"), ("id=99999999999999999999", "id"), ("code=%00", "code"),
    ("$filter=1", "$filter"), ("bbox-crs=EPSG:3857", "bbox-crs"), ("datetime=99999-01-01", "datetime"),
]  # fmt: skip


async def test_what_is_not_understood_is_named(client: Client) -> None:
    for sent, field in REFUSED:
        answer = await client.get(f"{ITEMS.format('alarms')}?{sent}")
        assert answer.status_code == 400, (sent, answer.text)
        assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_what_does_not_exist_is_not_found(client: Client) -> None:
    for path in ("/ogc/collections/x", "/ogc/collections/x/items", "/ogc/collections/alarms/items/x"):
        for address in (path, f"{path}?f=html"):
            assert (await client.get(address)).status_code == 404
    for feature in ("%00", "99999999999999999999", "-1", "1e9", "' or 1=1"):
        assert (await client.get(f"/ogc/collections/alarms/items/{feature}")).status_code == 404
        assert (await client.get(f"/ogc/collections/devices/items/{feature}")).status_code == 404


async def test_water_says_how_much_how_old_and_why_not(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    await register("h-0")
    shown = await client.get("/api/v1/devices/h-0")
    now = datetime.now(UTC)
    await connection.execute(
        "insert into device_state (device_id, state, ts, received_at, last_seen) values ($1, $2, $3, $3, $3)"
        " on conflict (device_id) do update set state = excluded.state, ts = excluded.ts,"
        " received_at = excluded.received_at, last_seen = excluded.last_seen",
        shown.json()["id"],
        {"pressure_mpa": 0.02},
        now,
    )
    (feature,) = (await read(client, ITEMS.format("water-sources")))["features"]
    properties = feature["properties"]
    assert properties["pressure_mpa"] == 0.02
    assert properties["usable"] is False
    assert properties["inspected_at"] is None
    assert properties["reason_codes"] == "low_pressure"
    assert properties["reasons"]
    assert properties["age_s"] < 60
    assert await follow(client, ITEMS.format("water-sources"), usable="false", limit=1) == ["h-0"]
    assert await follow(client, ITEMS.format("water-sources"), usable="true") == []
    assert (await client.get(f"{ITEMS.format('water-sources')}?usable=maybe")).status_code == 400
    seen = {"device": "h-0", "answers": {"flows": True}, "inspected_at": now.replace(microsecond=0).isoformat()}
    assert (await client.post("/api/v1/inspections", json=seen)).status_code == 201
    (feature,) = (await read(client, ITEMS.format("water-sources")))["features"]
    assert datetime.fromisoformat(feature["properties"]["inspected_at"]) == now.replace(microsecond=0)
    (hydrant,) = (await read(client, ITEMS.format("hydrants")))["features"]
    assert hydrant["properties"]["pressure_mpa"] == 0.02
    assert hydrant["properties"]["value_at"]


async def test_a_person_reads_pages_and_nothing_in_them_is_markup(client: Client, register: Register) -> None:
    await register("h-0", name="<script>alert(1)</script>", address='"><img src=x>')
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    for path in ("", "/", "/conformance", "/api", "/collections", "/collections/devices"):
        answer = await client.get(f"/ogc{path}", headers=browser)
        assert answer.headers["content-type"].startswith("text/html"), path
    for path in ("/ogc/collections/devices/items", "/ogc/collections/devices/items/h-0"):
        page = (await client.get(path, headers=browser)).text
        assert "&lt;script&gt;" in page
        assert "<script" not in page
        assert "<img" not in page
        assert "JSON" in page
    assert (await client.get("/ogc", params={"f": "json"}, headers=browser)).json()["title"]


async def test_a_township_finds_nothing_of_another(
    client: Client, visit: Callable[..., Client], register: Register, open_alarm: Raise
) -> None:
    await fill(register)
    site = {"name": "别处单位", "area": OTHER_AREA, "location": {"lon": 111.0, "lat": 39.0}}
    other_site = (await client.post("/api/v1/sites", json=site)).json()["id"]
    other_alarm = await open_alarm("theirs", area=OTHER_AREA)
    await open_alarm("mine")
    key = (await client.post("/api/v1/api-keys", json={"name": "t", "role": "viewer", "areas": [AREA]})).json()["key"]
    township = visit(key)
    listed = await township.get("/ogc/collections")
    assert "111.2" not in listed.text, "no extent of what is not theirs"
    for one in listed.json()["collections"]:
        address = ITEMS.format(one["id"])
        ids = await follow(township, address, limit=2)
        page = (await township.get(address)).text
        for hidden in (OTHER_AREA, "w-0", "别处单位", "theirs"):
            assert hidden not in page, (one["id"], hidden)
        assert set(ids) <= set(await follow(client, address))
    for name, feature in [("devices", "w-0"), ("sites", other_site), ("alarms", other_alarm), ("areas", OTHER_AREA)]:
        assert (await township.get(f"{ITEMS.format(name)}/{feature}")).status_code == 404
    assert (await read(township, ITEMS.format("devices"), area=OTHER_AREA))["numberMatched"] == 0
    assert (await read(township, ITEMS.format("areas"), parent="140931"))["numberMatched"] == 0, "it reads no parent"
