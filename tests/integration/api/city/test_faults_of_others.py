"""What users of comparable servers reported as faults, asked of ours. Each test names the thread that it comes from."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from tests.integration.api.city.conftest import City, reader

pytestmark = pytest.mark.asyncio(loop_scope="module")
ITEMS = "/ogc/collections/devices/items"
ATOM = "{http://www.w3.org/2005/Atom}"
Sta = Callable[..., Awaitable[Any]]


@pytest.fixture
def sta(city: City) -> Sta:
    return reader(city.admin)


def below(link: str) -> str:
    return link.partition("/sta/v1.1/")[2]


async def test_an_address_that_was_written_over_several_lines_is_read(city: City) -> None:
    """FraunhoferIOSB/FROST-Server 2351: blanks before the names of options."""
    number = city.world.devices["h-own"]
    query = (
        f"Datastreams?%20%20%20$filter=ObservedProperty/name%20eq%20'pressure_mpa'%20and%20Thing/id%20eq%20{number}"
        "&%0A%20%20$top=1&%20%20$expand=Observations($top=1;$orderby=phenomenonTime%20desc)"
    )
    answer = await city.admin.get(f"/sta/v1.1/{query}")
    assert [one["name"] for one in answer.json()["value"]] == ["h-own:pressure_mpa"]
    assert len(answer.json()["value"][0]["Observations"]) == 1
    refused = await city.admin.get("/sta/v1.1/Datastreams?$orderby=Observations/phenomenonTime desc")
    assert refused.status_code == 400
    assert "Observations/phenomenonTime" in refused.json()["message"]


async def test_a_time_in_quotes_is_a_time(sta: Sta) -> None:
    """FraunhoferIOSB/FROST-Server 1500: it was answered with 500."""
    bare = await sta("Observations", filter="phenomenonTime lt 2026-11-20T12:01:00Z", count="true", top=0)
    quoted = await sta("Observations", filter="phenomenonTime lt '2026-11-20T12:01:00.000Z'", count="true", top=0)
    assert quoted == bare
    assert bare["@iot.count"] > 0


async def test_what_is_wrong_inside_expand_is_told_before_the_answer_begins(sta: Sta) -> None:
    """FraunhoferIOSB/FROST-Server 1624: 200, and JSON that broke off."""
    for inner in ("phenomenonTime gt 2000-01-01", "phenomenonTime/start gt 2000-01-01", "name gt 5"):
        assert (await sta("Things", 400, expand=f"Datastreams($filter={inner})"))["message"]
    assert (await sta("Things", expand="Datastreams($expand=Observations($filter=phenomenonTime gt 2026-11-20))"))[
        "value"
    ]


async def test_what_has_no_observation_is_not_among_those_with_new_ones(sta: Sta) -> None:
    """FraunhoferIOSB/FROST-Server 116: streams without any were found by `phenomenonTime gt …`."""
    found = await sta("Datastreams", filter="Observations/phenomenonTime gt now() sub duration'PT60S'", count="true")
    assert found == {"@iot.count": 0, "value": []}
    text = (
        "Observations/phenomenonTime gt 2026-11-20T12:09:00Z sub duration'PT60S' and ObservedProperty/name ne 'alarm'"
    )
    names = {one["name"] for one in (await sta("Datastreams", filter=text))["value"]}
    assert len(names) == 20
    assert "p-own:alarm" not in names


async def test_a_filter_chooses_things_and_not_what_they_bring_along(sta: Sta, city: City) -> None:
    """FraunhoferIOSB/FROST-Server 314, with its slash behind brackets, which stands in no grammar."""
    number = city.world.devices["h-own"]
    wanted = f"id eq {number} and Datastreams/Observations/phenomenonTime ge 2026-11-20T12:09:00Z"
    inner = "$filter=phenomenonTime ge 2026-11-20T12:09:00Z;$select=result"
    for form in (
        f"Datastreams($select=name)/Observations({inner})",
        f"Datastreams($select=name;$expand=Observations({inner}))",
    ):
        (thing,) = (await sta("Things", filter=wanted, expand=form, select="name"))["value"]
        assert [len(stream["Observations"]) for stream in thing["Datastreams"]] == [1, 1, 1, 0]
    (thing,) = (await sta("Things", filter=wanted, expand="Datastreams/Observations"))["value"]
    assert [len(stream["Observations"]) for stream in thing["Datastreams"]] == [10, 10, 10, 3]
    for broken in ("Datastreams($top=1)/", "Datastreams($top=1)/Nothing", "Datastreams($top=1)x", "Datastreams(')/'"):
        assert (await sta("Things", 400, expand=broken))["message"]


async def test_what_is_brought_along_does_not_shorten_the_page(sta: Sta) -> None:
    """gost/server 146: pages with `$expand` held fewer Things, and ended early."""
    page, seen = await sta("Things", top=3, expand="Locations,Datastreams", count="true"), []
    while True:
        seen += [one["name"] for one in page["value"]]
        assert page["@iot.count"] == 8
        if "@iot.nextLink" not in page:
            break
        assert len(page["value"]) == 3
        page = await sta(below(page["@iot.nextLink"]))
    assert len(seen) == len(set(seen)) == 8


async def test_the_next_page_is_of_the_same_stream(sta: Sta, city: City) -> None:
    """mozilla-sensorweb/sensorthings 244: the next link had lost the stream it was below."""
    stream = city.world.devices["h-own"] * 100 + 1
    page = await sta(f"Datastreams({stream})/Observations", top=4, expand="Datastream($select=id)")
    rest = await sta(below(page["@iot.nextLink"]))
    assert {one["Datastream"]["@iot.id"] for one in page["value"] + rest["value"]} == {stream}


async def test_links_alone_can_be_selected(sta: Sta) -> None:
    """FraunhoferIOSB/FROST-Server 109: `$select` of a link gave nothing without `id` beside it."""
    one = (await sta("Things", select="name,Datastreams", top=1))["value"][0]
    assert one.keys() == {"name", "Datastreams@iot.navigationLink"}


async def test_streams_have_a_place_of_their_own(sta: Sta) -> None:
    """qgis/QGIS 59525: layers of Datastreams, whose geometry is `observedArea`."""
    wanted = "observedArea/type eq 'Point' or observedArea/geometry/type eq 'Point'"
    counted = (await sta("Datastreams", filter=wanted, count="true", top=0))["@iot.count"]
    whole = (await sta("Datastreams", top=1000))["value"]
    assert counted == sum("observedArea" in one for one in whole) > 0
    box = "geo.intersects(observedArea, geography'Polygon ((111.05 39,111.1 39,111.1 39.1,111.05 39.1,111.05 39))')"
    assert {one["name"][:5] for one in (await sta("Datastreams", filter=box))["value"]} == {"h-own", "e-own", "w-own"}


async def test_pages_keep_their_size_where_nobody_named_one(sta: Sta) -> None:
    """FraunhoferIOSB/FROST-Server 72: the second page held all the rest."""
    page, sizes = await sta("Observations", select="id", count="true"), []
    while True:
        sizes.append(len(page["value"]))
        if "@iot.nextLink" not in page:
            break
        page = await sta(below(page["@iot.nextLink"]))
    assert sizes == [100, 100, page["@iot.count"] - 200]


async def test_there_is_a_next_page_with_a_count_and_with_a_skip(sta: Sta) -> None:
    """52North/sensorweb-server-sta 304: either of them took the link away."""
    for options in ({"count": "true"}, {"skip": 7}, {"count": "true", "skip": 7, "orderby": "result"}):
        assert "@iot.nextLink" in await sta("Observations", top=5, **options), options


async def test_a_filter_by_a_part_of_a_property_is_whole_in_the_link(sta: Sta) -> None:
    """FraunhoferIOSB/FROST-Server 59: `unitOfMeasurement/name` became `unitOfMeasurement`."""
    page = await sta("Datastreams", filter="(unitOfMeasurement/name eq 'megapascal')", top=1, select="name")
    rest = await sta(below(page["@iot.nextLink"]))
    assert [one["name"] for one in page["value"] + rest["value"]] == ["h-own:pressure_mpa", "h-other:pressure_mpa"]


async def test_where_a_thing_was_can_be_asked_for_with_parts_of_the_place(city: City) -> None:
    """FraunhoferIOSB/FROST-Server 120 (500), linksmart/grafana-sensorthings-datasource 44 (no Locations)."""
    path = f"/sta/v1.1/Things({city.world.devices['h-own']})/HistoricalLocations"
    query = "?&$expand=Locations($select=name,location)&$select=time&$top=1&$orderby=time desc"
    (one,) = (await city.admin.get(path + query)).json()["value"]
    assert one.keys() == {"time", "Locations"}
    assert one["Locations"] == [{"name": "h-own", "location": {"type": "Point", "coordinates": [111.09, 39.02]}}]


async def follow(city: City, href: str) -> dict[str, Any]:
    found: dict[str, Any] = (await city.admin.get(href)).json()
    return found


def href(page: dict[str, Any], rel: str) -> str:
    found: str = next(link["href"] for link in page["links"] if link["rel"] == rel)
    return found


async def test_every_link_of_a_page_leads_to_that_page(city: City) -> None:
    """geopython/pygeoapi 1658 and 170, qgis/QGIS 52010: links lost place, box and the escapes of `crs`, or had `?&`."""
    crs = "http%3A%2F%2Fwww.opengis.net%2Fdef%2Fcrs%2FEPSG%2F0%2F4490"
    first = await follow(city, f"{ITEMS}?limit=2&bbox=111,39,111.125,39.03&crs={crs}")
    second = await follow(city, href(first, "next"))
    third = await follow(city, href(second, "next"))
    for page in (first, second, third):
        again = await follow(city, href(page, "self"))
        assert [one["id"] for one in again["features"]] == [one["id"] for one in page["features"]]
        for link in page["links"]:
            assert "?&" not in link["href"]
            assert link["rel"] == "collection" or f"crs={crs}" in link["href"]
        assert page["features"][0]["geometry"]["coordinates"][0] == pytest.approx(39.02, abs=0.01), "latitude first"
    assert "next" not in {link["rel"] for link in third["links"]}
    shown = await city.admin.get(href(second, "alternate"))
    assert second["features"][0]["id"] in shown.text
    assert first["features"][0]["id"] not in shown.text


async def test_a_box_in_the_order_of_another_system_finds_nothing(city: City) -> None:
    """geopython/pygeoapi 2010: with `bbox-crs` of EPSG the first number is a latitude."""
    right = await follow(city, f"{ITEMS}?bbox=39,111,39.1,111.2&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/4326")
    wrong = await follow(city, f"{ITEMS}?bbox=111,39,111.2,39.1&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/4326")
    assert (right["numberMatched"], wrong["numberMatched"]) == (6, 0)


async def test_a_time_says_nothing_to_what_has_none(city: City) -> None:
    """geopython/pygeoapi 252: 500. Such features are in every span (17-069r4, 7.15.4)."""
    for name in ("devices", "hydrants", "water-sources", "sites", "areas"):
        address = f"/ogc/collections/{name}/items"
        timed = await follow(city, f"{address}?datetime=2000-11-11T11:11:11Z")
        assert timed["numberMatched"] == (await follow(city, address))["numberMatched"] > 0, name
    assert (await follow(city, f"{ITEMS}?datetime=x"))["errors"][0]["field"] == "datetime"


@pytest.mark.parametrize(
    "same",
    [
        "2026-11-20T12:00:00Z", "2026-11-20t12:00:00z", "2026-11-20T20:00:00+08:00", "2026-11-20T20:00:00+0800",
        "2026-11-20T12:00Z", "2026-11-20 12:00:00Z", "2026-11-20T12:00:00.000000000Z", "2026-11-20T11:59:60Z/..",
        "2026-11-20", "../2026-11-20T12:00:00.000Z",
    ],
)  # fmt: skip
async def test_a_moment_is_the_same_however_it_is_written(city: City, same: str) -> None:
    """stac-utils/stac-fastapi 293, stac-utils/stac-pydantic 80: forms that RFC 3339 allows were answered with 400."""
    address = "/ogc/collections/alarms/items"
    for sent in (same, same.replace("+", "%2B")):  # an unescaped + is a blank
        assert (await follow(city, f"{address}?datetime={sent}"))["numberMatched"] == 2, sent


@pytest.mark.parametrize(
    "odd", ["2026-11-20T20:00:00", "20261120", "20261120T120000Z", "2026-W47-5", "2026-11-20T12Z", "2026-11", "12:00Z"]
)
async def test_a_moment_that_could_be_another_is_refused(city: City, sta: Sta, odd: str) -> None:
    """FraunhoferIOSB/FROST-Server 1485: a time without an offset was taken for UTC, and was eight hours off."""
    refused = await city.admin.get(f"/ogc/collections/alarms/items?datetime={odd}")
    assert refused.status_code == 400
    assert "offset" in refused.json()["errors"][0]["message"]
    if odd.startswith("2026-11-20T20"):
        for literal in (odd, f"'{odd}'"):
            assert "offset" in (await sta("Observations", 400, filter=f"phenomenonTime ge {literal}"))["message"]


async def test_an_offset_in_quotes_may_lose_its_plus(sta: Sta) -> None:
    """FraunhoferIOSB/FROST-Server 2153: the same time in quotes, not escaped, found nothing."""
    wanted = await sta("Observations", filter="phenomenonTime ge 2026-11-20T12:09:00Z", count="true", top=0)
    assert wanted["@iot.count"] > 0
    for text in ("'2026-11-20T20:09:00 08:00'", "'2026-11-20T20:09:00+08:00'", "2026-11-20T20:09:00 08:00"):
        found = await sta("Observations", filter=f"phenomenonTime ge {text}", count="true", top=0)
        assert found == wanted, text


async def test_the_last_page_of_a_box_is_reached(city: City) -> None:
    """geopython/pygeoapi 1594: `next` was gone before everything was read."""
    for box in ("111,39,111.125,39.03", "-180,-90,180,90"):
        page, found = await follow(city, f"{ITEMS}?limit=1&bbox={box}"), []
        while True:
            found += [one["id"] for one in page["features"]]
            if "next" not in {link["rel"] for link in page["links"]}:
                break
            page = await follow(city, href(page, "next"))
        assert len(found) == len(set(found)) == page["numberMatched"] == 6


async def test_the_default_system_may_be_named_in_full(city: City) -> None:
    """geoserver/geoserver 6652 (GEOS-10880) and 6655 (GEOS-10884): an error, and a 500 for what is no system."""
    plain = await follow(city, f"{ITEMS}?bbox=111,39,111.1,39.1")
    for name in ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", "[OGC:CRS84]", "OGC:CRS84"):
        named = await follow(city, f"{ITEMS}?bbox=111,39,111.1,39.1&bbox-crs={name}&crs={name}")
        assert named["features"] == plain["features"], name
    for name in ("", "CRS84;", "http://www.opengis.net/def/crs/EPSG/0/99999999", "%00", "EPSG:4326'"):
        assert (await city.admin.get(f"{ITEMS}?bbox=1,2,3,4&bbox-crs={name}")).status_code == 400, name


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        ("text/html;q=0.1, application/geo+json", False), ("application/json;q=0.2, text/html", True),
        ("text/html;q=0", False), ("text/html;q=0, */*", False), ("text/html, application/json", True),
        ("application/json, text/html", False), ("TEXT/HTML", True), ("*/*", False), ("application/xml", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True), ("text/html, */*", True),
        ("", False),
    ],
)  # fmt: skip
async def test_a_page_is_for_who_wants_a_page_more_than_data(city: City, accept: str, page: bool) -> None:
    """geopython/pygeoapi 1948: the first name of Accept won, whatever its weight; `*/*` is a program's."""
    for path in ("/ogc/", f"{ITEMS}?limit=1"):
        answer = await city.admin.get(path, headers={"accept": accept})
        assert answer.headers["content-type"].startswith("text/html") == page, path


async def test_a_feed_without_alarms_is_a_feed(city: City) -> None:
    """fmidev/weather-app 476, microsoft/vscode 28149, ckolderup/postmarks 80: no entries, odd times, a wrong `self`."""
    for query in ("?from=2199-01-01T00:00:00Z&area=140931", "?from=2020-01-01T00:00:00Z"):
        answer = await city.admin.get(f"/cap/alarms.atom{query}")
        feed = fromstring(answer.content)  # noqa: S314 - our own answer
        for at in feed.iter(f"{ATOM}updated"):
            assert datetime.fromisoformat(str(at.text)).tzinfo is not None
        (own,) = [link.attrib["href"] for link in feed.iterfind(f"{ATOM}link[@rel='self']")]
        assert (await city.admin.get(own)).content.count(b"<entry>") == answer.content.count(b"<entry>")
        assert feed.find(f"{ATOM}id") is not None


@pytest.mark.parametrize("name", ["²", "①", "٣"])
async def test_what_only_looks_like_a_number_is_no_id(sta: Sta, name: str) -> None:
    """Digits to `str.isdigit`, and no numbers to the database."""
    assert (await sta(f"Things('{name}')", 404))["message"]
