"""SensorThings as its clients use it: FROST's Python client over a real server, and the requests that others send."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import frost_sta_client
import httpx2
import pytest
import requests

from services.api.people.first_admin import FirstAdmin
from stack.children import free_port
from tests.integration.api.city.conftest import World
from tests.support.servers import Program


@pytest.fixture
async def address(program: Callable[..., Program], database: str, admin: FirstAdmin, world: World) -> str:
    assert admin.api_key  # made before the program would make one of its own
    port = free_port()
    program("api", DATABASE_URL=database, API_PORT=port, TRUSTED_PROXIES="127.0.0.1").wait_ready()
    return f"http://127.0.0.1:{port}"


def frost(address: str, key: str) -> Any:
    handler = frost_sta_client.AuthHandler("platform", key)
    return frost_sta_client.SensorThingsService(f"{address}/sta/v1.1", auth_handler=handler)


def _frost_walk(address: str, key: str, world: World) -> None:
    service = frost(address, key)
    things = service.things().query().filter("properties/kind eq 'hydrant'").expand("Locations,Datastreams").list()
    assert {thing.name for thing in things} == {"h-own", "h-other"}
    thing = service.things().find(world.devices["h-own"])
    assert thing.properties["area"] == "140931100"
    streams = thing.get_datastreams().query().list()
    assert [one.name for one in streams] == ["h-own:pressure_mpa", "h-own:flow_lps", "h-own:cap_open", "h-own:alarm"]
    pressure = service.datastreams().find(world.devices["h-own"] * 100 + 1)
    assert pressure.unit_of_measurement.symbol == "MPa"
    history = pressure.get_observations().query().orderby("phenomenonTime", "DESC").top(3).list()
    values = [one.result for one in history]  # page after page, by its next links
    assert values == sorted(values, reverse=True)
    assert len(values) == len(set(values)) == world.readings
    counted = service.observations().query().count().top(7).list()
    assert counted.count == len({one.id for one in counted})
    found = service.observations().find(next(iter(history)).id)
    assert found.result == values[0]
    past = pressure.get_observations().query().filter("phenomenonTime lt 2026-11-20T12:02:00Z").list()
    assert len(list(past)) == 2
    with pytest.raises(requests.HTTPError, match="400"):
        service.things().query().filter("nonsense eq 1").list()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # FROST's client and furl
async def test_frosts_client_reads_all_and_others_get_what_they_send_for(
    address: str, admin: FirstAdmin, world: World
) -> None:
    await asyncio.to_thread(_frost_walk, address, admin.api_key, world)
    await _what_other_clients_send(address, admin.api_key)


async def _what_other_clients_send(address: str, api_key: str) -> None:
    key = httpx2.BasicAuth("", api_key)
    async with httpx2.AsyncClient(base_url=address, auth=key, trust_env=False) as client:

        async def get(path: str) -> Any:
            answer = await client.get(path)
            assert answer.status_code == 200, (path, answer.text)
            return answer.json()

        # QGIS: the root, how many there are, of which geometry, a page within what the map shows
        assert len((await get("/sta/v1.1/"))["value"]) == 8
        wanted = "location/type eq 'Point' or location/geometry/type eq 'Point'"
        assert (await get(f"/sta/v1.1/Locations?$top=0&$count=true&$filter={wanted}"))["@iot.count"] == 6
        box = "geo.intersects(location, geography'Polygon ((111.05 39, 111.1 39, 111.1 39.1, 111.05 39.1, 111.05 39))')"
        page = await get(f"/sta/v1.1/Locations?$top=2&$count=false&$filter=({wanted}) and {box}")
        assert len(page["value"]) == 2
        rest = await get(page["@iot.nextLink"])
        assert len(rest["value"]) == 1
        assert "@iot.nextLink" not in rest
        multi = "location/type eq 'MultiPoint' or location/geometry/type eq 'MultiPoint'"
        assert (await get(f"/sta/v1.1/Locations?$top=0&$count=true&$filter={multi}"))["@iot.count"] == 0

        # Grafana Infinity: an empty filter behind `?&`, and the newest value of each stream
        assert (await get("/sta/v1.1/Things?&$filter=&$top=1"))["value"]
        newest = "$expand=Observations($orderby=phenomenonTime desc;$top=1)&$filter=startswith(@iot.id,'1')"
        for stream in (await get(f"/sta/v1.1/Datastreams?{newest}"))["value"]:
            assert len(stream["Observations"]) <= 1
        percent = "/sta/v1.1/Things?%24filter=properties%2Fkind+eq+%27hydrant%27&%24expand=Locations&%24count=true"
        assert (await get(percent))["@iot.count"] == 2

        # a proxy in front of us that takes a prefix away
        sent = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "fire.example", "X-Forwarded-Prefix": "/desk"}
        behind = (await client.get("/sta/v1.1/Things?$top=1", headers=sent)).json()
        assert behind["@iot.nextLink"].startswith("https://fire.example/desk/sta/v1.1/Things?")
        assert datetime.fromisoformat(behind["value"][0]["properties"]["lastSeen"]).tzinfo is not None
        for path in ("/ogc", "/ogc/collections", "/ogc/collections/hydrants/items?limit=1"):
            hrefs = [link["href"] for link in (await client.get(path, headers=sent)).json()["links"]]
            assert all(href.startswith("https://fire.example/desk/ogc") for href in hrefs), hrefs
        feed = (await client.get("/cap/alarms.atom?from=2020-01-01T00:00:00Z", headers=sent)).text
        assert feed.count('href="https://fire.example/desk/cap/alarms') == feed.count("href=") > 2

    # a stranger is asked for a key in the way that GIS clients know
    async with httpx2.AsyncClient(base_url=address, trust_env=False) as nobody:
        refused = await nobody.get("/sta/v1.1/Things")
        assert (refused.status_code, refused.headers["www-authenticate"].split()[0]) == (401, "Basic")
        assert refused.json()["message"]
