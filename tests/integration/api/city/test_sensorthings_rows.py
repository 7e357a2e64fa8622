"""SensorThings over rows that are not as they usually are."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.core.topics import Kind
from tests.integration.api.city.conftest import NOON, World, reader
from tests.integration.api.conftest import AREA, Client

Sta = Callable[..., Awaitable[Any]]
ROOT = "http://firetower.test/sta/v1.1"


@pytest.fixture
def sta(client: Client) -> Sta:
    return reader(client)


async def test_the_newest_of_each_stream_is_what_its_history_says(sta: Sta, world: World) -> None:
    hydrant = world.devices["h-own"]
    await world.connection.execute(  # a newer reading without a pressure, and one whose clock is ahead
        "insert into reading_hydrant (device_id, ts, seq, received_at, batch_id, flow_lps) values"
        " ($1, $2, 90, $2, 1, 5), ($1, $2 + interval '4 min', 91, $2 + interval '1 min', 1, 6)",
        hydrant,
        NOON + timedelta(hours=1),
    )
    await world.connection.execute(
        """update device_state set ts = $2, received_at = $2, seq = 91,
           state_at = jsonb_build_object('pressure_mpa', jsonb_build_array(to_us($3), to_us($3), 9),
                                         'cap_open', jsonb_build_array(to_us($3), to_us($3), 9))
           where device_id = $1""",
        hydrant,
        NOON + timedelta(hours=1, minutes=1),
        NOON + timedelta(minutes=9),
    )
    by_state = await sta("Things", expand="Datastreams($expand=Observations($top=1;$orderby=phenomenonTime desc))")
    for thing in by_state["value"]:
        for stream in thing["Datastreams"]:
            path = f"Datastreams({stream['@iot.id']})/Observations"
            history = await sta(path, orderby="phenomenonTime desc", top=1)
            assert stream["Observations"] == history["value"], stream["name"]
            assert ("Observations@iot.nextLink" in stream) == ("@iot.nextLink" in history), stream["name"]
    assert by_state["value"][0]["Datastreams"][1]["Observations"][0]["result"] == 6


async def test_a_single_newest_observation_has_no_next_page(sta: Sta, world: World) -> None:
    world.readings = 1
    number = await world.add("w-new", Kind.WATER, AREA, (111.0, 39.0))
    thing = await sta(
        f"Things({number})", expand="Datastreams($expand=Observations($top=1;$orderby=phenomenonTime desc))"
    )
    for stream in thing["Datastreams"]:
        assert "Observations@iot.nextLink" not in stream
    assert [len(stream["Observations"]) for stream in thing["Datastreams"]] == [1, 1, 0]


async def test_a_broken_row_spoils_nothing(sta: Sta, world: World, connection: asyncpg.Connection) -> None:
    await connection.execute("update device set attributes = '[1, null]' where code = 'h-own'")
    await connection.execute("""update device_state set state_at = '{"flow_lps": ["x"], "cap_open": 7}'""")
    await connection.execute("""update alarm_transition set detail = '[]' where number = 2""")
    await sta("Things", filter="properties/attributes/bore_mm gt 1")
    await sta("Things", expand="Datastreams($expand=Observations($top=1;$orderby=phenomenonTime desc))")
    page = await sta("Observations", filter="Datastream/ObservedProperty/name eq 'alarm'")
    assert len(page["value"]) == 6


async def test_what_fits_a_filter_no_more_shifts_nobody_out_of_the_next_page(
    sta: Sta, world: World, connection: asyncpg.Connection
) -> None:
    """microsoftgraph/microsoft-graph-docs 8854, OData/WebApi 15: a page that is found by counting passes some over."""
    nowhere = {"filter": "properties/address eq null", "top": 2, "select": "name", "count": "true"}
    for code in ("h-own", "h-other"):
        await connection.execute("update device set address = '' where code = $1", code)
    whole = [one["name"] for one in (await sta("Things", **nowhere | {"top": 100}))["value"]]
    for order in ({}, {"orderby": "@iot.id asc"}):
        page = await sta("Things", **nowhere, **order)
        seen, known = [one["name"] for one in page["value"]], page["@iot.count"]
        await connection.execute("update device set address = 'a street' where code = any($1)", seen)
        while "@iot.nextLink" in page:
            page = await sta(page["@iot.nextLink"].removeprefix(f"{ROOT}/"))
            assert page["@iot.count"] == known == len(whole)
            seen += [one["name"] for one in page["value"]]
        assert seen == whole
        await connection.execute("update device set address = ''")
    (thing,) = (await sta("Things", filter="name eq 'h-own'", expand="Datastreams($top=2)"))["value"]
    streams = [one["name"] for one in thing["Datastreams"]]
    await connection.execute("update device_state set state = state - 'pressure_mpa'")
    rest = await sta(thing["Datastreams@iot.nextLink"].removeprefix(f"{ROOT}/"))
    assert streams + [one["name"] for one in rest["value"]] == [
        f"h-own:{name}" for name in ("pressure_mpa", "flow_lps", "cap_open", "alarm")
    ]


async def test_a_historical_location_is_from_when_the_device_was_moved_there(sta: Sta, world: World) -> None:
    number = await world.add("h-moved", Kind.HYDRANT, AREA, (111.09, 39.02), created_at=NOON)
    run = world.connection.execute

    async def since() -> datetime:
        (one,) = (await sta(f"Things({number})/HistoricalLocations"))["value"]
        return datetime.fromisoformat(one["time"])

    await run("update device set name = 'other', lon = 111.09 where id = $1", number)
    assert await since() == NOON, "its place has not changed"
    await run("update device set lon = 111.1 where id = $1", number)
    moved = await since()
    assert moved > NOON
    later = f"time gt {(moved - timedelta(milliseconds=1)).isoformat().replace('+00:00', 'Z')}"
    found = await sta("HistoricalLocations", filter=later, orderby="time desc", top=1)
    assert [one["@iot.id"] for one in found["value"]] == [number]


async def test_attributes_with_chinese_names_are_filtered_by_ordered_by_and_selected(sta: Sta, world: World) -> None:
    for code, diameter in (("h-new", 150), ("h-newer", 100)):
        attributes = {"厂家": "北京消防器材", "管径": diameter}
        await world.add(code, Kind.HYDRANT, AREA, (111.09, 39.02), attributes=attributes)

    async def found(**options: Any) -> list[str]:
        return [one["name"] for one in (await sta("Things", **options))["value"]]

    ours = "properties/attributes/厂家 eq '北京消防器材'"
    assert await found(filter=ours, orderby="properties/attributes/管径") == ["h-newer", "h-new"]
    assert await found(filter=f"{ours} and properties/attributes/管径 gt 120") == ["h-new"]
    assert await found(filter="Datastreams/any(流:流/Thing/properties/attributes/管径 eq 100)") == ["h-newer"]
    (one,) = (await sta("Things", filter="name eq 'h-new'", select="properties/attributes/管径"))["value"]
    assert one == {"properties": {"attributes": {"管径": 150}}}
    refused = await sta("Things", 400, filter="厂家 eq '北京消防器材'")
    assert "厂家" in refused["message"]
