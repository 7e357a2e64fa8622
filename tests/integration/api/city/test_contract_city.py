"""docs/contract.md, section 9, against what is answered."""

import pytest

from tests.integration.api.city.conftest import City, reader
from tests.integration.api.city.test_features import ITEMS, read
from tests.support.contract_page import part, plain, rows, words

pytestmark = pytest.mark.asyncio(loop_scope="module")
STA, OGC = "9.1 SensorThings", "9.2 OGC API Features"


async def test_the_entity_sets_are_those_of_the_page(city: City) -> None:
    root = await reader(city.admin)("")
    assert {one["name"] for one in root["value"]} == {plain(row["entity set"]) for row in rows(STA, "entity set")}


async def test_a_thing_has_no_property_that_the_page_does_not_name(city: City) -> None:
    _, _, text = part(STA).partition("`properties` of a Thing are `")
    named = set(words(text.partition("`")[0]))
    assert len(named) > 10
    things = (await reader(city.admin)("Things"))["value"]
    shown = {name for thing in things for name in thing["properties"]}
    assert shown <= named
    assert {"kind", "area", "status", "lastSeen", "attributes", "owner", "site"} <= shown


async def test_the_collections_of_the_page_are_answered_and_have_a_time_where_it_says_so(city: City) -> None:
    listed = {one["id"]: one for one in (await read(city.admin, "/ogc/collections"))["collections"]}
    for row in rows(OGC, "collection"):
        name = plain(row["collection"])
        assert ("temporal" in listed[name]["extent"]) == bool(row["time"]), name
        page = await read(city.admin, ITEMS.format(name))
        for feature in page["features"]:
            assert {word.strip(",") for word in words(row["shows"]) if "_" in word} <= feature["properties"].keys(), (
                name
            )
