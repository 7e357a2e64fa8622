"""The whole function table of 18-088 section 9.3.3.5, a line each: right, or refused by name."""

from typing import Any

import pytest

from services.api.city.sensorthings.functions import FUNCTIONS, NOT_BUILT
from tests.integration.api.city.conftest import City, reader

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALL = ["e-other", "e-own", "h-other", "h-own", "p-other", "p-own", "w-other", "w-own"]
OWN = ["e-own", "h-own", "p-own", "w-own"]
LOCATED = ["e-other", "e-own", "h-other", "h-own", "w-other", "w-own"]
AROUND_OWN = "geography'POLYGON ((111 39, 111.1 39, 111.1 39.1, 111 39.1, 111 39))'"
CORNER_AT_OWN = "geography'Polygon((111.09 39.02,111.2 39.02,111.2 39.5,111.09 39.5,111.09 39.02))'"
HOLE = "geography'POLYGON((111 39,111.1 39,111.1 39.1,111 39.1,111 39),(111.08 39.015,111.0905 39.015,111.0905 39.0205,111.08 39.0205,111.08 39.015))'"  # noqa: E501
TWO = "geography'MULTIPOLYGON(((111 39,111.0905 39,111.0905 39.1,111 39.1,111 39)),((111.11 39,111.1205 39,111.1205 39.1,111.11 39.1,111.11 39)))'"  # noqa: E501
H_OWN = "geography'POINT(111.09 39.02)'"
THROUGH = "geography'LINESTRING(111.0 39.02, 111.2 39.02)'"
FROM_OWN = "geography'LINESTRING(111.09 39.02, 111.09 40)'"
PLACE = "Locations/location"
PRESSURE = "Datastreams/name eq 'h-own:pressure_mpa'"

TABLE = [
    # 9.3.3.5.1 operators
    ("eq", "name eq 'h-own'", ["h-own"]),
    ("ne", "name ne 'h-own' and substringof('own', name)", ["e-own", "p-own", "w-own"]),
    ("ne of nothing", "properties/form ne 'aboveground'", [name for name in ALL if not name.startswith("h")]),
    ("gt", "name gt 'p-other'", ["p-own", "w-other", "w-own"]),
    ("ge", "name ge 'w-other'", ["w-other", "w-own"]),
    ("lt", "name lt 'e-own'", ["e-other"]),
    ("le", "name le 'e-own'", ["e-other", "e-own"]),
    ("and", "name ge 'h' and name lt 'i'", ["h-other", "h-own"]),
    ("or", "name eq 'h-own' or name eq 'w-own'", ["h-own", "w-own"]),
    ("not", "not (name eq 'h-own') and endswith(name, 'own')", ["e-own", "p-own", "w-own"]),
    ("precedence", "name eq 'h-own' or name eq 'w-own' and name eq 'p-own'", ["h-own"]),
    ("grouping", "(name eq 'h-own' or name eq 'w-own') and name eq 'w-own'", ["w-own"]),
    ("add", "properties/expectedIntervalS add 5 eq 305", ALL),
    ("sub", "properties/expectedIntervalS sub 5 eq 295", ALL),
    ("mul", "properties/expectedIntervalS mul 0.5 eq 150", ALL),
    ("div", "properties/expectedIntervalS div 8 eq 37.5", ALL),
    ("div by nothing", "properties/expectedIntervalS div 0 eq 1", []),
    ("mod", "properties/expectedIntervalS mod 7 eq 6 and -properties/expectedIntervalS mod 7 eq -6", ALL),
    # 9.3.3.5.2 text
    ("substringof", "substringof('h-o', name)", ["h-other", "h-own"]),
    ("contains", "contains(name, 'h-o')", ["h-other", "h-own"]),
    ("substringof takes no pattern", "substringof('%', name)", []),
    ("endswith", "endswith(name, 'own')", OWN),
    ("startswith", "startswith(name, 'h-')", ["h-other", "h-own"]),
    ("length", "length(name) eq 5", OWN),
    ("indexof", "indexof(name, 'own') eq 2 and indexof(name, 'x') eq -1", OWN),
    ("substring", "substring(name, 2) eq 'own'", OWN),
    ("substring with length", "substring(name, 1, 2) eq '-o'", ALL),
    ("tolower", "tolower('ABC') eq 'abc' and tolower(name) eq 'h-own'", ["h-own"]),
    ("toupper", "toupper(name) eq 'H-OWN'", ["h-own"]),
    ("trim", "trim('  h-own ') eq name", ["h-own"]),
    ("concat", "concat(concat(name, ':'), properties/kind) eq 'h-own:hydrant'", ["h-own"]),
    ("quotes", "name eq 'it''s' or name eq 'h-own'", ["h-own"]),
    # times
    ("year", "year(properties/lastSeen) eq 2026", ALL),
    ("month", "month(properties/lastSeen) eq 11", ALL),
    ("day", "day(properties/lastSeen) eq 20", ALL),
    ("hour", "hour(properties/lastSeen) eq 12", ALL),
    ("minute", "minute(properties/lastSeen) eq 9", ALL),
    ("second", "second(properties/lastSeen) eq 2", ALL),
    ("fractionalseconds", "fractionalseconds(2026-11-20T12:00:00.25Z) eq 0.25", ALL),
    ("date", "date(properties/lastSeen) eq 2026-11-20", ALL),
    ("time", "time(properties/lastSeen) eq 12:09:02", ALL),
    ("totaloffsetminutes", "totaloffsetminutes(2026-11-20T12:00:00+08:00) eq 480", ALL),
    ("now", "properties/lastSeen lt now() add duration'P3650D'", ALL),
    ("mindatetime", "properties/lastSeen gt mindatetime()", ALL),
    ("maxdatetime", "properties/lastSeen lt maxdatetime()", ALL),
    ("time and duration", "properties/lastSeen sub duration'PT9M2S' eq 2026-11-20T20:00:00+08:00", ALL),
    # numbers
    ("round", "round(2.5) eq 3 and round(-2.5) eq -3 and round(2.4) eq 2", ALL),
    ("floor", "floor(properties/expectedIntervalS div 7) eq 42", ALL),
    ("ceiling", "ceiling(properties/expectedIntervalS div 7) eq 43", ALL),
    # places
    ("geo.distance", f"geo.distance({PLACE}, {H_OWN}) lt 0.0015", ["e-own", "h-own"]),
    ("geo.length", "geo.length(geography'LINESTRING(0 0, 3 4, 3 5)') eq 6", ALL),
    ("geo.intersects", f"geo.intersects({PLACE}, {CORNER_AT_OWN})", LOCATED),
    ("st_equals", f"st_equals({PLACE}, {H_OWN})", ["h-own"]),
    ("st_disjoint", f"st_disjoint({PLACE}, {AROUND_OWN})", ["e-other", "h-other", "w-other"]),
    ("st_touches", f"st_touches({PLACE}, {CORNER_AT_OWN})", ["h-other", "h-own"]),
    ("st_touches the end of a line", f"st_touches({PLACE}, {FROM_OWN})", ["h-own"]),
    ("st_within", f"st_within({PLACE}, {AROUND_OWN})", ["e-own", "h-own", "w-own"]),
    ("st_within leaves the border out", f"st_within({PLACE}, {CORNER_AT_OWN})", [n for n in LOCATED if n[0] != "h"]),
    ("st_within leaves a hole out", f"st_within({PLACE}, {HOLE})", ["e-own", "w-own"]),
    ("st_within one of two", f"st_within({PLACE}, {TWO})", ["h-other", "h-own"]),
    ("st_within a line", f"st_within({PLACE}, {THROUGH})", ["h-other", "h-own"]),
    ("st_within many points", f"st_within({PLACE}, geography'MULTIPOINT((111.09 39.02),(1 1))')", ["h-own"]),
    ("st_overlaps", f"st_overlaps({PLACE}, {AROUND_OWN})", []),
    ("st_crosses", f"st_crosses({THROUGH}, {PLACE})", []),
    ("st_intersects", f"st_intersects({PLACE}, {THROUGH})", ["h-other", "h-own"]),
    ("st_contains", f"st_contains({AROUND_OWN}, {PLACE})", ["e-own", "h-own", "w-own"]),
    ("st_contains the other way", f"st_contains({PLACE}, {H_OWN})", ["h-own"]),
    ("st_relate", f"st_relate({PLACE}, {AROUND_OWN}, 'T*F**F***')", ["e-own", "h-own", "w-own"]),
    ("st_relate turned", f"st_relate({AROUND_OWN}, {PLACE}, 'T*****FF*')", ["e-own", "h-own", "w-own"]),
    ("many of one stream", f"{PRESSURE} and Datastreams/Observations/result gt 0.35", ["h-own"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "found"), [line[1:] for line in TABLE], ids=[line[0] for line in TABLE])
async def test_the_standards_functions(city: City, text: str, found: list[str]) -> None:
    page = await reader(city.admin)("Things", filter=text, orderby="name", select="name")
    assert [one["name"] for one in page["value"]] == found


async def test_no_function_is_without_a_line() -> None:
    tried = " ".join(line[1] for line in TABLE)
    assert [name for name in FUNCTIONS if f"{name}(" not in tried] == []


@pytest.mark.parametrize("name", sorted(NOT_BUILT))
async def test_what_is_not_built_is_named(city: City, name: str) -> None:
    answer: Any = await reader(city.admin)("Things", 501, filter=f"{name}(name, 'x') eq 'x'")
    assert name in answer["message"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("startswith(Locations/location, 'x')", "startswith"),
        ("year(name) eq 2026", "year"),
        ("geo.distance(name, name) lt 1", "geo.distance"),
        ("st_relate(Locations/location, geography'POINT(1 1)', 'XX') ", "st_relate"),
        ("substring(name, 'x') eq 'y'", "substring"),
        ("substring(name, -1) eq 'y'", "substring"),
        ("round(name) eq 1", "round"),
        ("name add 1 eq 2", "add"),
    ],
)
async def test_a_wrong_argument_is_named(city: City, text: str, named: str) -> None:
    answer: Any = await reader(city.admin)("Things", 400, filter=text)
    assert named in answer["message"]
