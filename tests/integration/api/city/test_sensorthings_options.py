"""SensorThings 1.1: what the options do, and how a wrong one is refused."""

from collections.abc import Awaitable, Callable
from datetime import UTC
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


async def test_select_leaves_what_is_named_and_what_is_expanded(sta: Sta, world: World) -> None:
    page = await sta("Things", select="name,properties/area,id", expand="Locations($select=location)", top=1)
    assert page["value"] == [
        {
            "name": "h-own",
            "properties": {"area": AREA},
            "@iot.id": world.devices["h-own"],
            "Locations": [{"location": {"type": "Point", "coordinates": [111.09, 39.02]}}],
        }
    ]


async def test_expand_nests_with_options_of_its_own(sta: Sta, world: World) -> None:
    page = await sta(
        "Things",
        filter="properties/kind eq 'hydrant'",
        expand="Datastreams($filter=ObservedProperty/name ne 'alarm';$orderby=name desc;$top=2;$count=true;"
        "$expand=Observations($orderby=phenomenonTime desc;$top=1),ObservedProperty),Locations",
    )
    assert names(page) == ["h-own", "h-other"]
    own = page["value"][0]
    assert own["Datastreams@iot.count"] == 3
    assert [one["name"] for one in own["Datastreams"]] == ["h-own:pressure_mpa", "h-own:flow_lps"]
    assert "/Datastreams?" in own["Datastreams@iot.nextLink"]
    newest = own["Datastreams"][0]["Observations"]
    assert [one["result"] for one in newest] == [0.39]
    assert own["Datastreams"][0]["ObservedProperty"]["name"] == "pressure_mpa"
    rest = await sta(own["Datastreams@iot.nextLink"].removeprefix(f"{ROOT}/"))
    assert [one["name"] for one in rest["value"]] == ["h-own:cap_open"]
    assert rest["@iot.count"] == 3
    assert rest["value"][0]["Observations"][0]["result"] is False


async def test_wishes_for_one_link_merge(sta: Sta, world: World) -> None:
    page = await sta(
        "Datastreams",
        expand="Sensor,ObservedProperty,Thing/Locations,Observations($select=@iot.id;$orderby=phenomenonTime desc),"
        "Observations/FeatureOfInterest($select=feature)",
        top=2,
    )
    one = page["value"][0]
    assert len(one["Observations"]) == world.readings
    assert one["Observations"][0].keys() == {"@iot.id", "FeatureOfInterest"}
    assert one["Observations"][0]["FeatureOfInterest"] == {"feature": {"type": "Point", "coordinates": [111.09, 39.02]}}
    assert one["Thing"]["Locations"][0]["name"] == "h-own"


async def test_data_arrays_hold_what_the_plain_form_holds(sta: Sta, world: World) -> None:
    plain = (await sta("Observations", top=1000))["value"]
    arrays = await sta("Observations", top=1000, resultFormat="dataArray")
    rows: list[dict[str, Any]] = []
    for array in arrays["value"]:
        assert array["dataArray@iot.count"] == len(array["dataArray"])
        rows += [dict(zip(array["components"], row, strict=True)) for row in array["dataArray"]]
    wanted = [{"id": one["@iot.id"]} | {name: one[name] for name in rows[0] if name != "id"} for one in plain]
    assert sorted(rows, key=lambda row: row["id"]) == sorted(wanted, key=lambda row: row["id"])
    assert all(array["Datastream@iot.navigationLink"].startswith(f"{ROOT}/Datastreams(") for array in arrays["value"])
    page = await sta("Observations", top=5, resultFormat="dataArray", select="result,phenomenonTime")
    assert page["value"][0]["components"] == ["result", "phenomenonTime"]
    assert "$resultFormat=dataArray" in page["@iot.nextLink"]


@pytest.mark.parametrize(
    ("path", "options", "status", "named"),
    [
        ("Things", {"filtr": "x"}, 400, "$filtr"),
        ("Things", {"filter": "nam eq 'x'"}, 400, "nam"),
        ("Things", {"filter": "properties/nam eq 'x'"}, 400, "properties/nam"),
        ("Things", {"filter": "Datastreams/nam eq 'x'"}, 400, "nam"),
        ("Things", {"filter": "foo(name) eq 'x'"}, 400, "foo"),
        ("Things", {"filter": "length(name, name) eq 1"}, 400, "length"),
        ("Things", {"filter": "matchesPattern(name, 'x')"}, 501, "matchesPattern"),
        ("Things", {"filter": "name eq 5"}, 400, "text"),
        ("Things", {"filter": "name"}, 400, "condition"),
        ("Things", {"filter": "Locations/location eq 5"}, 400, "position"),
        ("Things", {"filter": "name eq 'x"}, 400, "$filter"),
        ("Things", {"filter": "(" * 60 + "name eq 'x'" + ")" * 60}, 400, "nested"),
        ("Things", {"filter": "name eq '" + "x" * 21_000 + "'"}, 400, "characters"),
        ("Things", {"filter": "st_within(Locations/location, geography'POLYGON((1 2,3 4,5 6))')"}, 400, "ring"),
        ("Things", {"filter": "st_within(Locations/location, geography'CIRCLE(1 2)')"}, 400, "CIRCLE"),
        ("Things", {"orderby": "nam"}, 400, "nam"),
        ("Things", {"orderby": "Datastreams/name"}, 400, "Datastreams"),
        ("Things", {"select": "nam"}, 400, "nam"),
        ("Things", {"expand": "Nothings"}, 400, "Nothings"),
        ("Things", {"expand": "Datastreams/Thing/Datastreams/Thing/Datastreams"}, 400, "deep"),
        ("Things", {"expand": "Datastreams($foo=1)"}, 400, "$foo"),
        ("Things", {"expand": "Datastreams($filter=nam eq 1)"}, 400, "nam"),
        ("Things", {"expand": "Datastreams($expand=Observations($filter=foo eq 1))"}, 400, "foo"),
        ("Things", {"expand": "Datastreams($top=1),Datastreams($top=2)"}, 400, "$top"),
        ("Things", {"top": "-1"}, 400, "$top"),
        ("Things", {"skip": "x"}, 400, "$skip"),
        ("Things", {"count": "perhaps"}, 400, "$count"),
        ("Things", {"resultFormat": "dataArray"}, 400, "$resultFormat"),
        ("Things", {"resultFormat": "GeoJSON"}, 501, "GeoJSON"),
        ("Things", {"skiptoken": "x"}, 400, "$skiptoken"),
        *[
            ("Observations", {"skiptoken": token}, 400, "$skiptoken")
            for token in (
                "WzEsMl0",
                "0.1-2-3.",
                "-1..",
                "1",
                "0.0-1-9999999999999999999-0-1-0.",
                "0.0-9999999999-1-0-1-0.",
                "0.0-1-1-0-1-0.9999999999999999999",
                "9999999999999999999..",
                "\uff11..",
            )
        ],
        ("Observations", {"filter": "phenomenonTime gt 2026-02-31T00:00:00Z"}, 400, "2026-02-31"),
        ("Observations", {"filter": "phenomenonTime gt 'x'"}, 400, "time"),
        ("Observations", {"filter": "foo eq 1", "top": 0}, 400, "foo"),
        ("Sensors(1)", {"top": 1}, 400, "$top"),
        ("Sensors(1)/name", {"select": "name"}, 400, "$select"),
    ],
)
async def test_what_cannot_be_understood_is_named(
    *, sta: Sta, path: str, options: dict[str, Any], status: int, named: str
) -> None:
    answer = await sta(path, status=status, **options)
    assert named in answer["message"]
    assert answer["status"] == status


async def test_an_option_without_a_dollar_is_unknown(client: Client) -> None:
    answer = await client.get("/sta/v1.1/Things?top=1")
    assert answer.status_code == 400
    assert "top" in answer.json()["message"]


async def test_blank_and_repeated_options_do_no_harm(client: Client, world: World) -> None:
    plain = (await client.get("/sta/v1.1/Things")).json()
    for query in ("?&$filter=", "?$filter=&$top=", "?$expand=&$expand=", "?", "?%24top=100&%24top=100&$orderby="):
        assert (await client.get(f"/sta/v1.1/Things{query}")).json()["value"] == plain["value"], query
    assert (await client.get("/sta/v1.1/Things?$top=1&$top=2")).status_code == 400
    by_number = (await client.get("/sta/v1.1/Things?&$filter=startswith(@iot.id,'1')")).json()
    assert all(str(one["@iot.id"]).startswith("1") for one in by_number["value"])
    assert by_number["value"]


async def test_filters_go_where_the_names_lead(sta: Sta, world: World) -> None:
    async def found(path: str, text: str) -> list[str]:
        return names(await sta(path, filter=text, top=1000))

    own = ["h-own", "e-own", "w-own", "p-own"]
    assert await found("Things", f"properties/area eq '{AREA}'") == own
    assert await found("Things", "properties/attributes/bore_mm ge 100 and properties/attributes/maker eq 'own'") == [
        "h-own"
    ]
    assert await found("Things", "Datastreams/ObservedProperty/name eq 'level_pct'") == ["w-own", "w-other"]
    both = "Datastreams/ObservedProperty/name eq 'pressure_mpa' and Datastreams/Observations/result lt 0.1"
    assert await found("Things", both) == []  # flow is 0, and of another stream
    assert await found("Things", both.replace("pressure_mpa", "flow_lps")) == ["h-own", "h-other"]
    assert await found("Things", "Datastreams/any(d:d/ObservedProperty/name eq 'mains_ok')") == ["p-own", "p-other"]
    assert await found("Things", "not Datastreams/any(d:endswith(d/name,'battery_v') or endswith(d/name,'pct')) and "
                       "properties/kind ne 'hydrant'") == ["e-own", "e-other"]  # fmt: skip
    assert await found("Things", "Locations/any()") == ["h-own", "e-own", "w-own", "h-other", "e-other", "w-other"]
    assert await found("Datastreams", "Thing/properties/kind eq 'panel' and Thing/Locations/name eq 'p-own'") == []
    assert await found("Datastreams", "Thing/name eq 'w-own' and unitOfMeasurement/symbol eq '%'") == [
        "w-own:level_pct"
    ]
    assert await found("Datastreams", "Observations/any(o:o/result eq true) and startswith(name,'p-own')") == [
        "p-own:mains_ok"
    ]
    assert await found("Locations", "location/type eq 'Point' or location/geometry/type eq 'Point'") == [
        "h-own", "e-own", "w-own", "h-other", "e-other", "w-other",
    ]  # fmt: skip
    assert await found("ObservedProperties", "Datastreams/Thing/name eq 'h-own'") == [
        "pressure_mpa", "flow_lps", "cap_open", "alarm",
    ]  # fmt: skip
    assert await found("Sensors", "Datastreams/Observations/result gt 50") == ["water"]
    assert await found("Things", "properties/form eq null and properties/site ne null") == []
    assert await found("Things", "name in ('h-own','w-own')") == ["h-own", "w-own"]


async def test_observations_are_filtered_by_everything_they_belong_to(sta: Sta, world: World) -> None:
    async def count(text: str) -> int:
        return int((await sta("Observations", filter=text, count="true", top=0))["@iot.count"])

    hydrant, ten = world.devices["h-own"], world.readings
    assert await count(f"Datastream/@iot.id eq {hydrant * 100 + 1}") == ten
    assert await count(f"Datastream/Thing/@iot.id eq {hydrant}") == 3 * ten + 3
    assert await count(f"FeatureOfInterest/@iot.id eq {hydrant}") == 3 * ten + 3
    assert await count("Datastream/ObservedProperty/name eq 'cap_open' and result eq false") == 2 * ten
    assert await count("result eq 'major/returned/hydrant_pressure_low'") == 2
    assert await count("phenomenonTime ge 2026-11-20T20:05:00+08:00 and Datastream/Thing/name eq 'w-own'") == 2 * 5
    assert await count("resultTime lt 2026-11-20T12:05:00Z and Datastream/Thing/name eq 'w-own'") == 2 * 5
    assert await count("resultQuality/late eq true and parameters/seq eq 0 and Datastream/Sensor/name eq 'panel'") == 4
    assert await count("parameters/verification eq 'none'") == 6
    assert await count("FeatureOfInterest/name eq 'p-own'") == 0
    assert await count(f"Datastream/@iot.id eq {hydrant * 100 + 77}") == 0
    assert await count("Datastream/@iot.id eq 999999999999999") == 0


@pytest.mark.parametrize("field", [27, 77])  # of another kind of device, and of none
async def test_a_stream_that_its_device_does_not_have_is_empty_in_any_order(
    city: City, sta: Sta, world: World, field: int
) -> None:
    stream = f"Datastream/@iot.id eq {world.devices['h-own'] * 100 + field}"
    for more in ({"orderby": "phenomenonTime desc"}, {"orderby": "result"}, {"skip": 1}, {}):
        assert (await sta("Observations", filter=stream, **more))["value"] == []
    refused = await reader(city.admin)("Observations", 400, filter=f"{stream} and nonsense eq 1")
    assert "nonsense" in refused["message"]


async def test_order_is_by_what_is_asked(sta: Sta, world: World) -> None:
    async def order(path: str, text: str, **more: object) -> list[Any]:
        return (await sta(path, orderby=text, top=1000, **more))["value"]

    assert [one["name"] for one in await order("Things", "name")] == sorted(world.devices)
    by_two = await order("Things", "properties/kind desc,name asc")
    assert [one["name"] for one in by_two][:4] == ["w-other", "w-own", "p-other", "p-own"]
    near = await order("Locations", "geo.distance(location, geography'POINT(111.1221 39.022)')")
    assert near[0]["name"] == "w-other"
    values = [
        one["result"] for one in await order("Observations", "result desc", filter="Datastream/Sensor/name eq 'water'")
    ]
    assert values == sorted(values, reverse=True)
    assert len(values) == 2 * 2 * world.readings
    times = [one["phenomenonTime"] for one in await order("Observations", "phenomenonTime desc")]
    assert times == sorted(times, reverse=True)
    streams = [one["@iot.id"] for one in await order("Datastreams", "Thing/@iot.id desc,@iot.id desc")]
    assert streams == sorted(streams, reverse=True)
    forms = [one["properties"].get("form") for one in await order("Things", "properties/form desc")]
    assert forms[:2] == ["aboveground", "aboveground"]


async def test_a_wall_sees_no_names_of_people(city: City, world: World) -> None:
    wall = city.clients["wall"]
    thing = (await wall.get(f"/sta/v1.1/Things({world.devices['h-own']})")).json()
    assert thing["properties"]["address"]
    assert not {"owner", "maintainer", "attributes"} & thing["properties"].keys()
    for text in (
        "properties/owner ne null",
        "startswith(properties/owner,'own')",
        "properties/attributes/maker eq 'own'",
    ):
        assert (await wall.get("/sta/v1.1/Things", params={"$filter": text})).json()["value"] == [], text


async def test_links_keep_the_address_that_was_asked(client: Client, world: World) -> None:
    answer = await client.get("/sta/v1.1/Things?$top=1", headers={"Host": "fire.baode.example:8443"})
    assert answer.json()["@iot.nextLink"].startswith("http://fire.baode.example:8443/sta/v1.1/Things?")
    assert answer.headers["cache-control"] == "no-store"
    assert UTC is NOON.tzinfo
