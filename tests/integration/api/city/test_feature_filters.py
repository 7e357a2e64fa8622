"""Every property that a feature shows finds that feature again, but for times and for words that code composes."""

from typing import Any, Final

import pytest

from services.api.city.features.collections import COLLECTIONS
from services.api.city.features.query import CONTROLS
from tests.integration.api.city.conftest import City, World
from tests.integration.api.city.test_features import ITEMS, read
from tests.integration.api.conftest import AREA, Client

# times have `datetime`; the others are composed or judged when they are shown, or named as a parameter is
COMPOSED: Final = {
    "sites": {"devices", "open_alarms"},
    "water-sources": {"age_s", "level_pct", "reasons", "reasons_en", "reason_codes"},
    "alarms": {"reason", "reason_en", "limit"},
    "hazards": {"title", "title_en", "description", "description_en"},
    "grids": {"people"},
}


def is_time(name: str, value: Any) -> bool:
    return isinstance(value, str) and (name.endswith(("_at", "_since")) or name in {"last_seen", "due"})


def test_no_filter_has_the_name_of_another_parameter() -> None:
    assert [(name, one) for name, found in COLLECTIONS.items() for one in found.names if one in CONTROLS] == []


async def test_each_property_finds_its_feature_again(client: Client, world: World) -> None:
    body = {"device": "h-own", "code": "hydrant_blocked", "owner": "供水公司", "description": "井盖被压"}
    assert (await client.post("/api/v1/hazards", json=body)).status_code == 201
    square = {"type": "Polygon", "coordinates": [[[111.0, 39.0], [111.1, 39.0], [111.1, 39.1], [111.0, 39.0]]]}
    for grid, more in (("g-1", {}), ("g-2", {"area": AREA, "parent": "g-1", "people": ["王建国"]})):
        made = await client.put(f"/api/v1/grids/{grid}", json={"name": grid, "polygon": square, **more})
        assert made.status_code == 201
    await world.connection.execute("update site set address = '府前街', test_window_until = now() + interval '1 hour'")
    tried = 0
    for name in COLLECTIONS:
        for feature in (await read(client, ITEMS.format(name), limit=4))["features"]:
            for key, value in feature["properties"].items():
                if value is None or value == "" or is_time(key, value) or key in COMPOSED.get(name, ()):
                    continue
                sent = str(value).lower() if isinstance(value, bool) else str(value)
                page = (await client.get(ITEMS.format(name), params={key: sent, "limit": 1000})).json()
                assert feature["id"] in {one["id"] for one in page.get("features", ())}, (name, key, value, page)
                tried += 1
        assert set(COLLECTIONS[name].names).isdisjoint(COMPOSED.get(name, ())), "it can be asked for after all"
    assert tried > 150


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("devices/items?cap_open=false", ["h-own", "h-other"]),
        ("devices/items?cap_open=true", []),
        ("hydrants/items?pressure_mpa=0.39", ["h-own", "h-other"]),
        ("hydrants/items?pressure_mpa=0.39&area=140931100", ["h-own"]),
        ("devices/items?alarm=major", ["h-own", "h-other"]),
        ("devices/items?alarm=minor", []),
        ("water-sources/items?level_m=2.5", []),
        ("areas/items?position_approximate=maybe", 400),
        ("hydrants/items?pressure_mpa=x", 400),
        ("hydrants/items?pressure_mpa=nan", 400),
        ("hydrants/items?mains_ok=true", 400),
    ],
)
async def test_what_devices_measure_can_be_asked_for(
    client: Client, world: World, asked: str, found: list[str] | int
) -> None:
    answer = await client.get(f"/ogc/collections/{asked}")
    if isinstance(found, int):
        assert answer.status_code == found, answer.text
        assert answer.json()["errors"][0]["field"] in asked
    else:
        assert [feature["id"] for feature in answer.json()["features"]] == found


async def test_a_number_beyond_all_finds_nothing_and_no_cursor_is_refused_by_its_name(client: Client) -> None:
    for number in ("3000000000", "-3000000000", "9223372036854775807"):
        answer = await client.get(ITEMS.format("sites"), params={"risk": number})
        assert (answer.status_code, answer.json()["features"]) == (200, [])
    refused = await client.get(ITEMS.format("sites"), params={"cursor": "x"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "cursor")


async def test_a_filter_by_a_broken_state_finds_nothing_and_fails_nothing(client: Client, world: World) -> None:
    for state in ('[1, "x"]', '"x"', '{"pressure_mpa": "high", "cap_open": 1}', "{}"):
        await world.connection.execute("update device_state set state = $1::text::jsonb", state)
        for asked in ("pressure_mpa=0.39", "cap_open=true"):
            page = await client.get(f"/ogc/collections/hydrants/items?{asked}")
            assert page.json()["numberMatched"] == 0, (state, asked)


@pytest.mark.asyncio(loop_scope="module")
async def test_no_filter_tells_a_township_of_another(city: City) -> None:
    tried = 0
    for name in COLLECTIONS:
        address = ITEMS.format(name)
        own = {one["id"] for one in (await read(city.township, address, limit=1000))["features"]}
        whole = (await read(city.admin, address, limit=1000))["features"]
        foreign = [one for one in whole if one["id"] not in own]
        assert foreign or not whole, name
        for feature in foreign[:6]:
            for key, value in feature["properties"].items():
                if key not in COLLECTIONS[name].names or value is None:
                    continue
                sent = str(value).lower() if isinstance(value, bool) else str(value)
                page = (await city.township.get(address, params={key: sent, "limit": 1000})).json()
                found = {one["id"] for one in page["features"]}
                assert found <= own, (name, key, value)
                assert page["numberMatched"] == len(found), (name, key, value)
                tried += 1
    assert tried > 100


@pytest.mark.asyncio(loop_scope="module")
async def test_a_township_asks_its_own_devices_alone(city: City) -> None:
    for asked in ("alarm=major", "cap_open=false", "pressure_mpa=0.39"):
        page = (await city.township.get(f"/ogc/collections/hydrants/items?{asked}")).json()
        assert [feature["properties"]["area"] for feature in page["features"]] == [AREA], asked
        assert page["numberMatched"] == 1
