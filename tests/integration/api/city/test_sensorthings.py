"""SensorThings 1.1: what the entities are and where paths lead."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.integration.api.city.conftest import NOON, City, World, reader
from tests.integration.api.conftest import AREA, Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

Sta = Callable[..., Awaitable[Any]]
ROOT = "http://firetower.test/sta/v1.1"


@pytest.fixture
def sta(city: City) -> Sta:
    return reader(city.admin)


@pytest.fixture
def world(city: City) -> World:
    return city.world


@pytest.fixture
def client(city: City) -> Client:
    return city.admin


def names(page: Any) -> list[str]:
    return [one["name"] for one in page["value"]]


async def test_the_root_lists_the_sets_and_what_of_the_standard_holds(sta: Sta) -> None:
    root = await sta("")
    assert {one["name"]: one["url"] for one in root["value"]} == {
        name: f"{ROOT}/{name}"
        for name in (
            "Things", "Locations", "HistoricalLocations", "Datastreams", "Sensors", "ObservedProperties",
            "Observations", "FeaturesOfInterest",
        )
    }  # fmt: skip
    conformance = root["serverSettings"]["conformance"]
    assert len(set(conformance)) == len(conformance) > 25
    assert not any(word in one for one in conformance for word in ("create", "batch", "mqtt", "multi"))


async def test_a_thing_is_a_device(sta: Sta, world: World) -> None:
    number = world.devices["h-own"]
    thing = await sta(f"Things({number})")
    assert (thing["@iot.id"], thing["name"], thing["description"]) == (number, "h-own", "h-own 号")
    assert thing["@iot.selfLink"] == f"{ROOT}/Things({number})"
    assert thing["Datastreams@iot.navigationLink"] == f"{ROOT}/Things({number})/Datastreams"
    properties = thing["properties"]
    seen = datetime.fromisoformat(properties.pop("lastSeen"))
    assert seen == NOON + timedelta(minutes=9, seconds=2)
    assert isinstance(properties.pop("site"), int)
    assert properties == {
        "kind": "hydrant", "form": "aboveground", "area": AREA, "areaName": "东关镇", "siteName": "own",
        "address": "own 街 1 号", "owner": "own 水务", "status": "online", "expectedIntervalS": 300,
        "attributes": {"bore_mm": 100, "maker": "own"},
    }  # fmt: skip


async def test_what_has_no_value_is_left_out(sta: Sta, world: World) -> None:
    panel = await sta(f"Things({world.devices['p-own']})", expand="Locations,Datastreams")
    assert not {"form", "site", "owner", "address", "sourceDatum", "attributes"} & panel["properties"].keys()
    assert panel["Locations"] == []
    assert "observedArea" not in panel["Datastreams"][0]

    def walk(value: Any) -> None:
        assert value is not None
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(inner)

    for path in ("Things", "Datastreams", "Observations", "FeaturesOfInterest", "Sensors"):
        walk(await sta(path, top=1000))


async def test_streams_are_the_fields_that_a_device_sent_and_its_alarms(sta: Sta, world: World) -> None:
    number = world.devices["h-own"]
    page = await sta(f"Things({number})/Datastreams", expand="ObservedProperty,Sensor", count="true")
    assert page["@iot.count"] == 4
    assert names(page) == ["h-own:pressure_mpa", "h-own:flow_lps", "h-own:cap_open", "h-own:alarm"]
    assert [one["@iot.id"] for one in page["value"]] == [number * 100 + field for field in (1, 2, 5, 99)]
    kinds = [one["observationType"].rpartition("/")[2] for one in page["value"]]
    assert kinds == ["OM_Measurement", "OM_Measurement", "OM_TruthObservation", "OM_CategoryObservation"]
    assert page["value"][0]["unitOfMeasurement"] == {
        "name": "megapascal", "symbol": "MPa", "definition": "http://qudt.org/vocab/unit/MegaPA",
    }  # fmt: skip
    assert [one["ObservedProperty"]["name"] for one in page["value"]][-1] == "alarm"
    assert {one["Sensor"]["@iot.id"] for one in page["value"]} == {1}


async def test_an_observation_is_one_value_and_its_id_leads_back_to_it(sta: Sta, world: World) -> None:
    stream = world.devices["h-own"] * 100 + 1
    page = await sta(f"Datastreams({stream})/Observations", top=1)
    (one,) = page["value"]
    assert (one["phenomenonTime"], one["resultTime"]) == ("2026-11-20T12:00:00Z", "2026-11-20T12:00:02Z")
    assert (one["result"], one["resultQuality"], one["parameters"]) == (0.3, {"late": True}, {"seq": 0})
    assert isinstance(one["@iot.id"], str)
    again = await sta(one["@iot.selfLink"].removeprefix(f"{ROOT}/"), expand="Datastream,FeatureOfInterest")
    assert again["Datastream"]["@iot.id"] == stream
    assert again["FeatureOfInterest"]["feature"] == {"type": "Point", "coordinates": [111.09, 39.02]}
    assert {name: again[name] for name in one} == one


async def test_an_observation_has_no_link_to_a_place_where_its_device_has_none(sta: Sta, world: World) -> None:
    panels = {world.devices["p-own"], world.devices["p-other"]}
    link = "FeatureOfInterest@iot.navigationLink"
    seen: set[int] = set()

    async def look(value: Any) -> None:
        """Look at every observation in an answer; each link that one of a new device has leads to something."""
        if isinstance(value, dict) and "phenomenonTime" in value:
            device = int(value["@iot.id"].partition("-")[0])
            assert (link in value) == (device not in panels), value
            if device not in seen:
                for name, leads_to in value.items():
                    if name.endswith("Link"):
                        await sta(leads_to.removeprefix(f"{ROOT}/"))
            seen.add(device)
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            await look(inner)

    panel = world.devices["p-own"]
    await look(page := await sta(f"Datastreams({panel * 100 + 29})/Observations", orderby="phenomenonTime desc"))
    await look(await sta(f"Observations('{page['value'][0]['@iot.id']}')"))
    for nested in ("Observations($filter=parameters/seq gt 2)", "Observations($top=1;$orderby=phenomenonTime desc)"):
        await look(await sta("Things", expand=f"Datastreams($expand={nested})"))
    await look(await sta("Observations", top=1000))
    assert panels < seen
    chosen = await sta("Observations", top=1000, select="result,FeatureOfInterest")
    assert {one.keys() == {"result"} for one in chosen["value"]} == {False, True}


async def test_alarms_are_told_as_text_with_the_rest_beside_it(sta: Sta, world: World) -> None:
    page = await sta(f"Datastreams({world.devices['h-own'] * 100 + 99})/Observations", orderby="phenomenonTime desc")
    assert [one["result"] for one in page["value"]] == [
        f"major/{state}/hydrant_pressure_low" for state in ("returned", "acknowledged", "unacknowledged")
    ]
    assert page["value"][0]["parameters"].keys() == {"id", "verification"}
    again = await sta(f"Observations('{page['value'][1]['@iot.id']}')")
    assert again["result"] == "major/acknowledged/hydrant_pressure_low"


async def test_paths_lead_on_and_back(sta: Sta, world: World) -> None:
    number = world.devices["w-own"]
    stream = number * 100 + 28
    assert (await sta(f"Datastreams({stream})/Thing"))["@iot.id"] == number
    assert (await sta(f"Datastreams({stream})/Sensor"))["name"] == "water"
    assert (await sta(f"Datastreams({stream})/ObservedProperty"))["name"] == "level_pct"
    assert (await sta(f"Things({number})/Datastreams({stream})/Observations"))["value"]
    assert names(await sta(f"Locations({number})/Things")) == ["w-own"]
    assert (await sta(f"HistoricalLocations({number})/Thing"))["name"] == "w-own"
    assert names(await sta(f"Things({number})/HistoricalLocations({number})/Locations")) == ["w-own"]
    far = f"Things({number})/Datastreams({stream})/Thing/Datastreams({stream})/ObservedProperty/Datastreams"
    assert names(await sta(far)) == ["w-own:level_pct", "w-other:level_pct"]
    places = await sta(f"FeaturesOfInterest({number})/Observations", count="true")
    assert places["@iot.count"] == 2 * world.readings
    assert len(names(await sta("Sensors(3)/Datastreams"))) == 2 * 3


@pytest.mark.parametrize(
    "path",
    [
        "Nothings", "Things(999999)", "Things('a')", "Things(1)/Datastreams(999999)", "Things/Datastreams",
        "Things(1)/x",
        "Observations('1-2')", "Observations('x')", "Observations(3)", "Datastreams(1)", "Sensors(5)", "Things(-1)",
        "Things(99999999999999999999)", "Datastreams(9999999999999)", "$metadata", "Things(1)/Datastreams/$ref/x",
        "Observations('99999999999-1795176000000000-0-1')", "Observations('1-99999999999999999-0-1')",
    ],
)  # fmt: skip
async def test_what_is_not_there_is_a_404_with_a_message(sta: Sta, path: str) -> None:
    assert (await sta(path, status=404))["message"]


async def test_an_entity_is_found_below_its_own_parent_only(sta: Sta, world: World) -> None:
    own, other = world.devices["h-own"], world.devices["h-other"]
    await sta(f"Things({own})/Datastreams({other * 100 + 1})", status=404)
    await sta(f"Things({own})/Locations({other})", status=404)
    observation = (await sta(f"Datastreams({other * 100 + 1})/Observations", top=1))["value"][0]["@iot.id"]
    await sta(f"Datastreams({other * 100 + 1})/Observations('{observation}')")
    await sta(f"Datastreams({own * 100 + 1})/Observations('{observation}')", status=404)


async def test_properties_values_and_references(sta: Sta, client: Client, world: World) -> None:
    number = world.devices["h-own"]
    assert await sta(f"Things({number})/name") == {"name": "h-own"}
    assert (await sta(f"Things({number})/properties/attributes")) == {"attributes": {"bore_mm": 100, "maker": "own"}}
    value = await client.get(f"/sta/v1.1/Things({number})/name/$value")
    assert (value.text, value.headers["content-type"]) == ("h-own", "text/plain; charset=utf-8")
    stream = number * 100 + 1
    (one,) = (await sta(f"Datastreams({stream})/Observations", top=1))["value"]
    assert (await client.get(f"/sta/v1.1/Observations('{one['@iot.id']}')/result/$value")).text == "0.3"
    time = await client.get(f"/sta/v1.1/Observations('{one['@iot.id']}')/phenomenonTime/$value")
    assert time.text == "2026-11-20T12:00:00Z"
    formless = f"/sta/v1.1/Things({world.devices['w-own']})/properties/form"
    assert (await client.get(formless)).status_code == 204
    assert (await client.get(f"{formless}/none")).status_code == 404
    references = await sta(f"Things({number})/Datastreams/$ref", top=2)
    assert references["value"] == [{"@iot.selfLink": f"{ROOT}/Datastreams({number * 100 + n})"} for n in (1, 2)]
    assert "/Datastreams/$ref?" in references["@iot.nextLink"]
    assert (await sta(f"Datastreams({stream})/Thing/$ref")) == {"@iot.selfLink": f"{ROOT}/Things({number})"}
