"""Where the collections say that their features stand."""

import asyncpg

from tests.integration.api.city.test_features import ITEMS, Register, fill, read
from tests.integration.api.conftest import AREA, Client, Raise


async def test_no_feature_stands_outside_the_extent_of_its_collection(
    client: Client, register: Register, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    """CrunchyData/pg_featureserv 60, qgis/QGIS 3148: clients look no further than the extent that a server names."""
    await fill(register)
    await open_alarm("h-0")
    for name, lon in (("west", 110.5), ("east", 111.9)):
        site = {"name": name, "area": AREA, "location": {"lon": lon, "lat": 39.5}}
        made = (await client.post("/api/v1/sites", json=site)).json()["id"]
        hazard = {"site": made, "code": "other", "source": "report", "description": name}
        assert (await client.post("/api/v1/hazards", json=hazard)).status_code == 201
    await connection.execute("update area set lon = 112.5, lat = 38.5 where code = $1", AREA)
    square = [[109.5, 38.0], [110.0, 38.0], [110.0, 40.0], [109.5, 38.0]]
    grid = {"name": "a", "polygon": {"type": "Polygon", "coordinates": [square]}}
    assert (await client.put("/api/v1/grids/a", json=grid)).status_code == 201
    for one in (await read(client, "/ogc/collections"))["collections"]:
        assert (await read(client, f"/ogc/collections/{one['id']}"))["extent"] == one["extent"]
        ((west, south, east, north),) = one["extent"]["spatial"]["bbox"]
        features = (await read(client, ITEMS.format(one["id"])))["features"]
        assert features, one["id"]
        for place in [feature["geometry"] for feature in features if feature["geometry"] is not None]:
            points = place["coordinates"][0] if place["type"] == "Polygon" else [place["coordinates"]]
            assert all(west <= lon <= east and south <= lat <= north for lon, lat in points), one["id"]
        inside = await read(client, ITEMS.format(one["id"]), bbox=f"{west},{south},{east},{north}")
        placed = [feature for feature in features if feature["geometry"] is not None]
        assert inside["numberMatched"] == len(placed), one["id"]
