"""`serverSettings.conformance` beside what is answered: whatever is listed has its check here, and the reverse."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from services.api.city.sensorthings.model import SETS
from tests.integration.api.city.conftest import City, reader
from tests.integration.api.city.test_sensorthings_functions import TABLE

pytestmark = pytest.mark.asyncio(loop_scope="module")
SPEC: Final = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
Read = Callable[..., Awaitable[Any]]
# 18-088 section 8.2: properties that must be there, and relations; Tasking has its own standard
MODEL: Final = {
    "thing": ("Things", "name description", "Locations HistoricalLocations Datastreams"),
    "location": ("Locations", "name description encodingType location", "Things HistoricalLocations"),
    "historical-location": ("HistoricalLocations", "time", "Thing Locations"),
    "datastream": (
        "Datastreams", "name description observationType unitOfMeasurement",
        "Thing Sensor ObservedProperty Observations",
    ),
    "sensor": ("Sensors", "name description encodingType metadata", "Datastreams"),
    "observed-property": ("ObservedProperties", "name definition description", "Datastreams"),
    "observation": ("Observations", "phenomenonTime result resultTime", "Datastream FeatureOfInterest"),
    "feature-of-interest": ("FeaturesOfInterest", "name description encodingType feature", "Observations"),
}  # fmt: skip
CHECKS: Final[dict[str, Callable[[Read], Awaitable[None]]]] = {}


def shows(*requirements: str) -> Callable[[Callable[[Read], Awaitable[None]]], None]:
    def keep(check: Callable[[Read], Awaitable[None]]) -> None:
        CHECKS.update(dict.fromkeys(requirements, check))

    return keep


def behind(link: str) -> str:
    return link.partition("/sta/v1.1/")[2]


def _model(entity: str) -> None:
    path, properties, relations = MODEL[entity]

    @shows(f"datamodel/{entity}/properties")
    async def _(read: Read) -> None:
        for one in (await read(path, top=20))["value"]:
            assert set(properties.split()) <= one.keys(), one

    @shows(f"datamodel/{entity}/relations")
    async def _(read: Read) -> None:
        one = (await read(path, top=1, expand=relations.replace(" ", ",")))["value"][0]
        for name in relations.split():
            assert name in one
            await read(behind(one[f"{name}@iot.navigationLink"]))


for _entity in MODEL:
    _model(_entity)


@shows("datamodel/entity-control-information/common-control-information")
async def _(read: Read) -> None:
    for path in SETS:
        for one in (await read(path, top=3))["value"]:
            assert (await read(behind(one["@iot.selfLink"])))["@iot.id"] == one["@iot.id"]


@shows("resource-path/resource-path-to-entities")
async def _(read: Read) -> None:
    assert {one["name"] for one in (await read(""))["value"]} == set(SETS)
    assert await read("Sensors(1)/name") == {"name": "hydrant"}
    stream = (await read("Sensors(1)/Datastreams", top=1))["value"][0]["@iot.id"]
    assert (await read(f"Sensors(1)/Datastreams({stream})/Thing"))["name"].startswith("h-")
    assert (await read("Sensors(1)/Datastreams/$ref", top=1))["value"][0].keys() == {"@iot.selfLink"}


async def _names(read: Read, **options: object) -> list[str]:
    return [one["name"] for one in (await read("Things", **options))["value"]]


@shows("request-data/order")
async def _(read: Read) -> None:
    options = {"filter": "startswith(name,'h-')", "count": "true", "orderby": "name desc", "skip": 1, "top": 1}
    page = await read("Things", **options, expand="Locations", select="name")
    assert page["@iot.count"] == 2
    assert [(one["name"], len(one["Locations"])) for one in page["value"]] == [("h-other", 1)]


@shows("request-data/expand")
async def _(read: Read) -> None:
    one = (await read("Datastreams", top=1, expand="Thing/Locations,Sensor"))["value"][0]
    assert one["Thing"]["Locations"][0]["name"] == one["Thing"]["name"]
    assert one["Sensor"]["@iot.id"] == 1


@shows("request-data/select")
async def _(read: Read) -> None:
    assert all(one.keys() == {"name"} for one in (await read("Things", select="name"))["value"])


@shows("request-data/status-code")
async def _(read: Read) -> None:
    await read("Things(999999)", 404)
    await read("Nothings", 404)


@shows("request-data/query-status-code")
async def _(read: Read) -> None:
    await read("Things", 400, filter="nonsense eq 1")
    await read("Things", 400, nonsense=1)
    await read("Things", 501, filter="matchesPattern(name,'x')")


@shows("request-data/orderby")
async def _(read: Read) -> None:
    names = await _names(read, orderby="properties/kind desc,name asc")
    assert names[:3] == ["w-other", "w-own", "p-other"]


@shows("request-data/top")
async def _(read: Read) -> None:
    assert len(await _names(read, top=3)) == 3


@shows("request-data/skip")
async def _(read: Read) -> None:
    assert await _names(read, skip=3) == (await _names(read))[3:]


@shows("request-data/count")
async def _(read: Read) -> None:
    assert (await read("Things", count="true", top=2))["@iot.count"] == 8
    assert "@iot.count" not in await read("Things", count="false")


@shows("request-data/filter")
async def _(read: Read) -> None:
    assert await _names(read, filter="Datastreams/ObservedProperty/name eq 'level_m'", orderby="name") == [
        "w-other", "w-own",
    ]  # fmt: skip


@shows("request-data/built-in-filter-operations", "request-data/built-in-query-functions")
async def _(read: Read) -> None:
    for what, text, found in TABLE:
        assert await _names(read, filter=text, orderby="name") == found, what


@shows("request-data/pagination")
async def _(read: Read) -> None:
    page = await read("Things", top=5)
    last = await read(behind(page["@iot.nextLink"]))
    assert (len(page["value"]), len(last["value"])) == (5, 3)
    assert "@iot.nextLink" not in last


@shows("data-array/data-array")
async def _(read: Read) -> None:
    array = (await read("Observations", resultFormat="dataArray", top=2))["value"][0]
    assert array.keys() == {"Datastream@iot.navigationLink", "components", "dataArray@iot.count", "dataArray"}
    assert all(len(row) == len(array["components"]) for row in array["dataArray"])


CLASSES: Final = ("datamodel", "resource-path", "request-data")


async def test_whatever_is_said_to_hold_is_checked_and_holds(city: City) -> None:
    read = reader(city.admin)
    said = [one.removeprefix(SPEC) for one in (await read(""))["serverSettings"]["conformance"]]
    assert set(said) == {*CHECKS, *CLASSES}
    assert len(set(said)) == len(said)
    for requirement, check in CHECKS.items():
        try:
            await check(read)
        except AssertionError as error:
            raise AssertionError(requirement) from error
