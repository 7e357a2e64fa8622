"""SensorThings: names inside properties, which are known or refused; and lists of one."""

import pytest

from services.api.city.sensorthings.model import INNER, SET_OF, Entity
from tests.integration.api.city.conftest import City, reader

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = [
    ("Things", "properties/nonsense"), ("Things", "name/nonsense"), ("Things", "Datastreams/nonsense"),
    ("Things", "properties/"), ("Things", "@iot.id/nonsense"), ("Locations", "location/nonsense"),
    ("Locations", "location/coordinates/nonsense"), ("Datastreams", "unitOfMeasurement/nonsense"),
    ("Datastreams", "observedArea/nonsense"), ("Datastreams", "properties/kind"), ("Observations", "result/nonsense"),
    ("Observations", "resultQuality/nonsense"), ("Observations", "parameters/nonsense"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "name"), UNKNOWN)
async def test_a_part_that_no_property_has_is_refused_by_name(city: City, where: str, name: str) -> None:
    sta = reader(city.admin)
    refused = await sta(where, 400, select=name)
    assert name in refused["message"]
    (one,) = (await sta(where, top=1))["value"]
    path = one["@iot.selfLink"].partition("/sta/v1.1/")[2] + f"/{name.rstrip('/')}"
    if not name.endswith("/"):
        assert name.rpartition("/")[2] in (await sta(path, 404))["message"]


async def test_a_path_through_a_link_is_no_selection_but_an_expansion(city: City) -> None:
    sta = reader(city.admin)
    assert "Datastreams/name" in (await sta("Things", 400, select="Datastreams/name"))["message"]
    (one,) = (await sta("Things", top=1, select="name", expand="Datastreams($select=name)"))["value"]
    assert {key for stream in one["Datastreams"] for key in stream} == {"name"}


async def test_what_a_property_may_hold_is_selected_and_read_whether_or_not_it_is_there(city: City) -> None:
    sta = reader(city.admin)
    for entity, properties in INNER.items():
        (one,) = (await sta(SET_OF[entity], top=1))["value"]
        link = one["@iot.selfLink"].partition("/sta/v1.1/")[2]
        for name, inner in properties.items():
            for part in inner:
                (shown,) = (await sta(SET_OF[entity], top=1, select=f"{name}/{part}"))["value"]
                assert shown.get(name, {}).get(part) == one[name].get(part)
                answer = await city.admin.get(f"/sta/v1.1/{link}/{name}/{part}")
                assert answer.status_code == (200 if part in one[name] else 204)
    thing = (await sta("Things", top=1))["value"][0]["@iot.id"]
    assert (await city.admin.get(f"/sta/v1.1/Things({thing})/properties/attributes/whatever")).status_code == 204
    assert (await sta("Things", top=1, select="properties/attributes/whatever"))["value"] == [{}]


async def test_each_part_that_is_shown_can_be_compared_and_what_has_parts_says_so(city: City) -> None:
    sta = reader(city.admin)
    for entity, properties in INNER.items():
        for name, inner in properties.items():
            for part in inner - {"attributes", "coordinates"}:
                await sta(SET_OF[entity], filter=f"{name}/{part} ne null", top=1)
            if name not in {"location", "feature", "observedArea"}:  # positions, which functions compare
                refused = await sta(SET_OF[entity], 400, filter=f"{name} ne null")
                assert "no single value" in refused["message"]
    for text in ("properties/attributes ne null", "properties/attributes eq null"):
        assert "properties/attributes" in (await sta("Things", 400, filter=text))["message"]
    assert "unknown" in (await sta("Things", 400, filter="properties/nonsense ne null"))["message"]
    assert set(INNER) < set(Entity)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("name in ('h-own')", ["h-own"]),
        ("name in ( 'h-own' ) or name in ('w-own','p-own')", ["h-own", "w-own", "p-own"]),
        ("not (name in ('h-own')) and (name in (tolower('W-OWN'))) and (1 eq 1)", ["w-own"]),
        ("name in (('h-own'))", ["h-own"]),
        ("name in ('a,b')", []),
    ],
)
async def test_a_list_may_have_one_item(city: City, text: str, wanted: list[str]) -> None:
    page = await reader(city.admin)("Things", filter=text)
    assert [one["name"] for one in page["value"]] == wanted


async def test_a_list_without_items_is_refused(city: City) -> None:
    assert "$filter" in (await reader(city.admin)("Things", 400, filter="name in ()"))["message"]
