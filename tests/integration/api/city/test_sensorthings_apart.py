"""A key of one township walks every path, expand, filter, order and count, and finds nothing of another."""

import re
from typing import Any

import asyncpg
import pytest

from services.api.city.sensorthings.model import LINKS, SETS, Entity
from tests.integration.api.city.conftest import City, reader
from tests.integration.api.conftest import AREA

pytestmark = pytest.mark.asyncio(loop_scope="module")
FOREIGN = re.compile(r"-other|other (街|水务)|140931101|义门")
KINDS = {entity: name for name, entity in SETS.items()}


def expand(entity: Entity, depth: int) -> str:
    """Every link of an entity at once, so many deep."""
    return ",".join(
        f"{link.name}($count=true" + (f";$expand={expand(link.target, depth - 1)})" if depth > 1 else ")")
        for link in LINKS[entity].values()
    )


def foreign_ids(city: City) -> set[int]:
    return {number for name, number in city.world.devices.items() if name.endswith("other")}


def located(city: City) -> set[int]:
    return {number for name, number in city.world.devices.items() if not name.startswith("p")}


def check(city: City, document: Any, asked: str) -> None:
    """Look at every text, id and link of an answer."""
    text = str(document)
    assert not FOREIGN.search(text), (asked, FOREIGN.search(text))
    for number in foreign_ids(city):
        assert f"Things({number})" not in text, asked
        assert not re.search(rf"(Locations|Interest)\({number}\)|Datastreams\({number}\d\d\)|\('{number}-", text), asked


async def test_every_set_and_every_way_of_expanding_holds_nothing_foreign(city: City) -> None:
    read, everything = reader(city.township), reader(city.admin)
    for entity, name in KINDS.items():
        found = await read(
            name, count="true", top=1000, expand=expand(entity, 1 if entity is Entity.OBSERVATION else 2)
        )
        check(city, found, name)
        whole = (await everything(name, count="true", top=0))["@iot.count"]
        catalogue = entity in {Entity.SENSOR, Entity.OBSERVED_PROPERTY}
        assert found["@iot.count"] == len(found["value"]) == (whole if catalogue else whole // 2), name
    deep = "Datastreams($expand=Sensor($expand=Datastreams($expand=Thing)),ObservedProperty($expand=Datastreams))"
    check(city, await read("Things", expand=deep, top=2), deep)


async def test_no_path_leads_to_another_township(city: City) -> None:
    read, everything, foreign = reader(city.township), reader(city.admin), foreign_ids(city)
    for entity, name in KINDS.items():
        devices: set[int] = set()
        for one in (await everything(name, top=1000))["value"]:
            path, number = one["@iot.selfLink"].rpartition("/sta/v1.1/")[2], one["@iot.id"]
            if entity in {Entity.SENSOR, Entity.OBSERVED_PROPERTY}:
                if number < 5:
                    check(city, await read(f"{path}/Datastreams", count="true", top=1000), path)
                continue
            device = int(number.split("-")[0]) if isinstance(number, str) else number
            device = device // 100 if entity is Entity.DATASTREAM else device
            if device in devices:
                continue  # one stream, one observation of each device
            devices.add(device)
            await read(path, 404 if device in foreign else 200)
            for link in LINKS[entity]:
                nowhere = link == "FeatureOfInterest" and device not in located(city)
                await read(f"{path}/{link}", 404 if device in foreign or nowhere else 200)
        assert len(devices) in {0, 6, 8}, name


async def test_no_filter_order_or_count_tells_of_another_township(city: City) -> None:
    read = reader(city.township)
    other = city.world.devices["h-other"]
    for path, text in (
        ("Things", "name eq 'h-other'"),
        ("Things", f"@iot.id eq {other}"),
        ("Things", "properties/area eq '140931101'"),
        ("Things", "not (properties/area eq '140931100')"),
        ("Things", "Datastreams/any(d:startswith(d/name,'h-other'))"),
        ("Things", "Datastreams/ObservedProperty/Datastreams/Thing/name eq 'h-other'"),
        ("Datastreams", "Sensor/Datastreams/any(d:startswith(d/name,'h-other'))"),
        ("Things", "Datastreams/any(d:d/Sensor/Datastreams/any(e:startswith(e/name,'h-other')))"),
        ("Sensors", "Datastreams/Thing/name eq 'h-other'"),
        ("Sensors", "Datastreams/Observations/FeatureOfInterest/name eq 'h-other'"),
        ("ObservedProperties", "Datastreams/Thing/name eq 'h-other'"),
        ("ObservedProperties", f"Datastreams/@iot.id eq {other * 100 + 1}"),
        ("Datastreams", f"@iot.id eq {other * 100 + 1}"),
        ("Datastreams", f"ObservedProperty/Datastreams/any(d:d/@iot.id eq {other * 100 + 1})"),
        ("Datastreams", f"Sensor/Datastreams/Thing/@iot.id eq {other}"),
        ("Observations", f"Datastream/@iot.id eq {other * 100 + 1}"),
        ("Observations", f"Datastream/Thing/@iot.id eq {other}"),
        ("Observations", f"FeatureOfInterest/@iot.id eq {other}"),
        ("Observations", f"startswith(@iot.id,'{other}-')"),
        ("FeaturesOfInterest", "Observations/Datastream/Thing/name eq 'h-other'"),
        ("Locations", "Things/name eq 'h-other'"),
    ):
        found = await read(path, filter=text, count="true")
        assert (found["@iot.count"], found["value"]) == (0, []), (path, text)
    for order in ("Datastream/Thing/name desc", "result desc", "phenomenonTime desc", "FeatureOfInterest/name desc"):
        check(city, await read("Observations", orderby=order, top=1000, expand="Datastream/Thing"), order)


async def test_who_sees_no_device_sees_none_of_all_this(city: City) -> None:
    read = reader(city.clients["nowhere"])
    for entity, name in KINDS.items():
        found = (await read(name, count="true"))["@iot.count"]
        assert found == (await reader(city.admin)(name, count="true"))["@iot.count"] if entity in {
            Entity.SENSOR, Entity.OBSERVED_PROPERTY,
        } else found == 0, name  # fmt: skip


async def test_a_site_of_another_township_is_not_told(city: City) -> None:
    connection = await asyncpg.connect(city.dsn)
    try:
        own, other = [
            await connection.fetchval("select id from site where name = $1", name) for name in ("own", "other")
        ]
        await connection.execute("update device set site_id = $1 where code = 'e-own'", other)
        read = reader(city.township)
        thing = (await read("Things", filter="name eq 'e-own'"))["value"][0]
        assert not {"site", "siteName"} & thing["properties"].keys()
        assert (await read("Things", filter="properties/siteName eq 'other'"))["value"] == []
        assert len((await read("Things", filter=f"properties/site eq {own}"))["value"]) == 1
        await connection.execute("update device set site_id = null where code = 'e-own'")
    finally:
        await connection.close()
    assert AREA
