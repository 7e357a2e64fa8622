"""pygeoapi's SensorThings provider on ours, and OWSLib in front of it. It is installed when this is asked for."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from owslib.ogcapi.features import Features

from services.api.people.first_admin import FirstAdmin
from stack.children import free_port
from tests.integration.api.city.conftest import World
from tests.support import pygeoapi
from tests.support.servers import Program, until
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.chaos  # 40 packages


@pytest.fixture
async def served(program: Callable[..., Program], database: str, admin: FirstAdmin, world: World, scratch: Path) -> Any:
    """The address of pygeoapi over the two townships."""
    try:
        python = await asyncio.to_thread(pygeoapi.install)
    except pygeoapi.NotToBeHad as why:
        pytest.skip(str(why))
    ours, port = free_port(), free_port()
    program("api", DATABASE_URL=database, API_PORT=ours).wait_ready()
    address = f"http://platform:{admin.api_key}@127.0.0.1:{ours}/sta/v1.1/"
    child = await asyncio.to_thread(pygeoapi.start, python, scratch, port, address)
    yield f"http://127.0.0.1:{port}/"
    child.kill()
    child.wait()


async def test_owslib_reads_through_pygeoapi_what_there_is(served: str, world: World) -> None:
    await asyncio.to_thread(_walk, served, world)


def _walk(served: str, world: World) -> None:
    api = None

    def answers() -> bool:
        nonlocal api
        try:
            api = Features(served)
            return bool(api.feature_collections())
        except Exception:  # noqa: BLE001 - whatever a server that is starting gives
            return False

    until(answers, what="pygeoapi answers", timeout_s=120)
    assert api is not None
    assert set(api.feature_collections()) == {entity.lower() for entity in pygeoapi.ENTITIES}

    def ids(collection: str, /, **more: Any) -> list[str]:
        return [str(one["id"]) for one in api.collection_items(collection, **more)["features"]]

    def pages(name: str, limit: int) -> Iterator[list[str]]:
        offset = 0
        while found := ids(name, limit=limit, offset=offset):
            yield found
            offset += len(found)

    devices = {str(one) for one in world.devices.values()}
    assert api.collection_items("things", resulttype="hits")["numberMatched"] == len(devices)
    assert sorted(one for page in pages("things", 3) for one in page) == sorted(devices)
    assert len([one for page in pages("observedproperties", 10) for one in page]) == 33
    assert len(ids("things", bbox=[111.05, 39.0, 111.1, 39.1], limit=100)) == 3
    assert api.collection_item("things", str(world.devices["h-own"]))["properties"]["name"] == "h-own"
    assert ids("things", name="'w-other'") == [str(world.devices["w-other"])]
    # OWSLib has no word for an order
    ordered = httpx2.get(f"{served}collections/things/items?f=json&sortby=-name&limit=2", timeout=PATIENCE_S).json()
    assert [one["properties"]["name"] for one in ordered["features"]] == ["w-own", "w-other"]
    minute = ids("observations", datetime="2026-11-20T12:00:00Z/2026-11-20T12:00:59Z", limit=100)
    assert len(minute) == len(set(minute)) == 20
    streams = api.collection_items("datastreams", limit=100)["features"]
    assert {one["properties"]["name"] for one in streams} >= {"h-own:pressure_mpa", "p-other:alarm"}
