"""Clients of other hands on `/ogc` as it is served: OWSLib, and GDAL's OAPIF driver (in pyogrio, as QGIS has it)."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import asyncpg
import pyogrio
import pytest
from owslib.ogcapi.features import Features

from services.api.people.first_admin import FirstAdmin
from stack.children import free_port
from tests.support.servers import Program

COUNT = 250


@pytest.fixture
async def served(
    admin: FirstAdmin, connection: asyncpg.Connection, database: str, program: Callable[..., Program]
) -> str:
    """The address of `/ogc` of a running API with 250 hydrants."""
    await connection.execute(
        """insert into device (code, kind, area, name, lon, lat, registered)
           select 'h-' || n, 'hydrant', '140931100', '消火栓 ' || n, 111 + n / 1000.0, 39 + n / 1000.0, true
           from generate_series(1, $1::integer) n""",
        COUNT,
    )
    port = free_port()
    program("api", DATABASE_URL=database, API_PORT=port).wait_ready()
    return f"http://127.0.0.1:{port}/ogc"


@contextmanager
def key_for_gdal(key: str) -> Iterator[None]:
    """GDAL sends the key as a GIS user types it: any name, the key as the password."""
    pyogrio.set_gdal_config_options({"GDAL_HTTP_USERPWD": f"gis:{key}", "GDAL_HTTP_AUTH": "BASIC"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"GDAL_HTTP_USERPWD": None, "GDAL_HTTP_AUTH": None})


async def test_clients_of_other_hands_find_their_way_and_read_every_feature(served: str, admin: FirstAdmin) -> None:
    await asyncio.to_thread(owslib_finds_its_way_and_pages, served, admin.api_key)
    with key_for_gdal(admin.api_key):
        await asyncio.to_thread(gdal_reads_every_feature_through_the_links, served)
        await asyncio.to_thread(gdal_takes_one_collection_by_its_own_address, served)


def owslib_finds_its_way_and_pages(served: str, key: str) -> None:
    api = Features(served, headers={"Authorization": f"Bearer {key}"})
    assert api.api()["openapi"].startswith("3.0")
    assert any(uri.endswith("/conf/core") for uri in api.conformance()["conformsTo"])
    assert "hydrants" in api.feature_collections()
    assert api.collection("hydrants")["itemType"] == "feature"
    page = api.collection_items("hydrants", limit=100)
    assert (page["numberMatched"], page["numberReturned"]) == (COUNT, 100)
    box = api.collection_items("hydrants", bbox=[111.0, 39.0, 111.0105, 39.0105], limit=100)
    assert box["numberMatched"] == 10
    assert api.collection_items("hydrants", code="h-7")["numberMatched"] == 1
    assert api.collection_item("hydrants", "h-7")["properties"]["name"] == "消火栓 7"


def gdal_reads_every_feature_through_the_links(served: str) -> None:
    source = f"OAPIF:{served}"
    layers = {str(name): str(kind) for name, kind in pyogrio.list_layers(source)}
    assert "hydrants" in layers
    meta, _, geometry, fields = pyogrio.raw.read(source, layer="hydrants")
    assert len(geometry) == COUNT
    codes = fields[list(meta["fields"]).index("code")]
    assert set(codes) == {f"h-{n}" for n in range(1, COUNT + 1)}
    _, _, some, _ = pyogrio.raw.read(source, layer="hydrants", bbox=(111.0, 39.0, 111.0105, 39.0105))
    assert len(some) == 10
    assert pyogrio.read_info(source, layer="hydrants")["features"] == COUNT


def gdal_takes_one_collection_by_its_own_address(served: str) -> None:
    _, _, geometry, _ = pyogrio.raw.read(f"OAPIF:{served}/collections/water-sources")
    assert len(geometry) == COUNT
