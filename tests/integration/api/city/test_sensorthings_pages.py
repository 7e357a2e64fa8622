"""Counts and pages: every way of counting says what SQL says, and reading page by page misses and repeats nothing."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.integration.api.city.conftest import City, reader
from tests.integration.api.conftest import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")
COUNTS = {
    "Things": "select count(*) from device",
    "Locations": "select count(*) from device where lon is not null",
    "HistoricalLocations": "select count(*) from device where lon is not null",
    "FeaturesOfInterest": "select count(*) from device where lon is not null",
    "Datastreams": "select sum((select count(*) + 1 from jsonb_object_keys(state))) from device_state",
    "Sensors": "select 4",
    "ObservedProperties": "select 33",
    "Observations": """select
        (select count(pressure_mpa) + count(flow_lps) + count(cap_open) from reading_hydrant)
        + (select count(residual_current_ma) + count(relay_closed) + count(arc_count) from reading_electrical)
        + (select count(level_m) + count(level_pct) from reading_water)
        + (select count(mains_ok) + count(battery_v) from reading_panel) + (select count(*) from alarm_transition)""",
}


async def pages(client: Client, path: str, **options: object) -> AsyncIterator[Any]:
    """Give every page, by its next link."""
    page = await reader(client)(path, **options)
    while True:
        yield page
        link = page.get("@iot.nextLink")
        if link is None:
            return
        assert link.count("?") == 1
        page = await reader(client)(link.partition("/sta/v1.1/")[2])


@pytest.mark.parametrize("path", COUNTS)
async def test_every_way_of_counting_says_what_sql_says(city: City, path: str) -> None:
    connection = await asyncpg.connect(city.dsn)
    try:
        wanted = await connection.fetchval(COUNTS[path])
    finally:
        await connection.close()
    read = reader(city.admin)
    none = await read(path, top=0, count="true")
    assert none == {"@iot.count": wanted, "value": []}
    assert "@iot.count" not in await read(path, top=1, count="false")
    size, seen = max(3, int(wanted) // 5), []
    found = [page async for page in pages(city.admin, path, top=size, count="true", select="id")]
    for page in found:
        assert page["@iot.count"] == wanted
        seen += [one["@iot.id"] for one in page["value"]]
    assert len(found) == -(-int(wanted) // size)
    assert all(page["value"] for page in found)
    assert len(seen) == len(set(seen)) == wanted
    assert [one["@iot.id"] for one in (await read(path, top=1000, select="id"))["value"]] == seen
    skipped = await read(path, top=2, skip=2, select="id")
    assert [one["@iot.id"] for one in skipped["value"]] == seen[2:4]
    assert (await read(path, skip=100_000))["value"] == []


@pytest.mark.parametrize(
    "order",
    [
        None,
        "phenomenonTime",
        "phenomenonTime desc",
        "@iot.id desc",
        "result desc",
        "resultTime",
        "phenomenonTime desc,@iot.id desc",
    ],
)
async def test_an_order_is_kept_from_page_to_page(city: City, order: str | None) -> None:
    options: dict[str, object] = {} if order is None else {"orderby": order}
    whole = (await reader(city.admin)("Observations", top=1000, **options))["value"]
    for extra in ({}, {"skip": 5}):
        read = [
            one async for page in pages(city.admin, "Observations", top=37, **extra, **options) for one in page["value"]
        ]
        assert read == whole[extra.get("skip", 0) :], (order, extra)


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("Observations", "phenomenonTime ge 2026-11-20T12:03:00Z and phenomenonTime lt 2026-11-20T12:07:00Z"),
        ("Observations", "not resultQuality/late and (parameters/seq gt 7 or parameters/seq eq 2)"),
        ("Observations", "Datastream/Thing/properties/kind ne 'water' and resultTime gt 2026-11-20T12:08:00Z"),
        ("FeaturesOfInterest({hydrant})/Observations", "phenomenonTime ne 2026-11-20T12:04:00Z"),
    ],
)
async def test_values_read_with_their_readings_are_those_read_one_by_one(city: City, where: str, wanted: str) -> None:
    path = where.format(hydrant=city.world.devices["h-own"])
    for client in (city.admin, city.township):
        for order in ("@iot.id", "@iot.id desc"):
            one_by_one = await reader(client)(path, filter=f"({wanted}) and result ne -1", orderby=order, top=1000)
            found = [
                one async for page in pages(client, path, filter=wanted, orderby=order, top=7) for one in page["value"]
            ]
            assert found == one_by_one["value"]
            assert len(found) > 7


async def test_one_stream_is_paged_to_its_end_both_ways(city: City) -> None:
    for field in (1, 99):
        path = f"Datastreams({city.world.devices['h-own'] * 100 + field})/Observations"
        whole = (await reader(city.admin)(path))["value"]
        for order, wanted in (("phenomenonTime asc", whole), ("phenomenonTime desc", whole[::-1])):
            read = [one async for page in pages(city.admin, path, top=1, orderby=order) for one in page["value"]]
            assert read == wanted
        last = len(whole)
        assert len([page async for page in pages(city.admin, path, top=last)]) == 1


async def test_the_options_go_along_with_the_next_link(city: City) -> None:
    options: dict[str, object] = {
        "filter": "result gt 0.1 and Datastream/Thing/name ne 'x?&#+%'",
        "expand": "Datastream($select=name;$expand=Thing($select=name))",
        "select": "result",
        "count": "true",
        "top": 3,
    }
    found = [page async for page in pages(city.admin, "Observations", **options)]
    assert len(found) > 5
    for page in found:
        assert page["@iot.count"] == found[0]["@iot.count"]
        for one in page["value"]:
            assert one.keys() == {"result", "Datastream"}
            assert one["Datastream"].keys() == {"name", "Thing"}
    assert sum(len(page["value"]) for page in found) == found[0]["@iot.count"]
    arrays = [page async for page in pages(city.admin, "Observations", resultFormat="dataArray", top=50)]
    assert all("dataArray" in array for page in arrays for array in page["value"])


async def test_a_client_may_repeat_and_change_options_of_a_next_link(city: City) -> None:
    expand = "Datastream,FeatureOfInterest"
    page = await reader(city.admin)("Observations", top=2, expand=expand)
    link = page["@iot.nextLink"].partition("firetower.test")[2]
    again = await city.admin.get(f"{link}&$expand=Datastream,FeatureOfInterest")
    assert len(again.json()["value"]) == 2
    more = await city.admin.get(link.replace("$top=2", "$top=5"))
    assert len(more.json()["value"]) == 5
    assert more.json()["value"][:2] == again.json()["value"]


async def test_nested_pages_are_bounded_and_lead_on(city: City) -> None:
    thing = (
        await reader(city.admin)(
            "Things", filter="name eq 'h-own'", expand="Datastreams($top=3;$expand=Observations($top=4))"
        )
    )["value"][0]
    assert "$top=3" in thing["Datastreams@iot.nextLink"]
    stream = thing["Datastreams"][0]
    read = list(stream["Observations"])
    link = stream["Observations@iot.nextLink"].partition("/sta/v1.1/")[2]
    async for page in pages(city.admin, link):
        read += page["value"]
    whole = (await reader(city.admin)(f"Datastreams({stream['@iot.id']})/Observations"))["value"]
    assert read == whole
    places = await reader(city.admin)("FeaturesOfInterest", expand="Observations($top=2;$count=true)", top=2)
    assert places["value"][0]["Observations@iot.count"] == 3 * city.world.readings + 3
    assert len(places["value"][0]["Observations"]) == 2
    assert "Observations@iot.nextLink" in places["value"][0]
