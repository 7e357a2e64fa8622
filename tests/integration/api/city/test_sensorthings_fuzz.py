"""Whatever is asked, the answer is an answer or a refusal: never a fault of ours."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.city.sensorthings.functions import FUNCTIONS
from services.api.city.sensorthings.model import LINKS, PROPERTIES, SETS, Entity
from tests.integration.api.city.conftest import City

pytestmark = pytest.mark.asyncio(loop_scope="module")
NAMES = sorted(
    {*SETS, *(name for links in LINKS.values() for name in links), *(n for names in PROPERTIES.values() for n in names)}
    | {"id", "@iot.id", "properties/area", "properties/attributes/x", "unitOfMeasurement/symbol", "resultQuality/late"}
)
LITERALS = [
    "1", "-0.5", "1e309", "9999999999999999999999", "true", "null", "'x'", "''", "'%''_\\'", "2026-11-20T12:00:00Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30", "12:00:00", "duration'P1D'",
    "duration'P999999999D'", "geography'POINT(1 2)'", "geography'POLYGON((0 0,1 0,1 1,0 0))'",
    "geography'POINT(1e400 2)'",
    "geography'LINESTRING EMPTY'", "'1-1795176000000000-0-1'", "now()", "mindatetime()", "maxdatetime()", "(1,2)",
]  # fmt: skip
path = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
atom = st.one_of(path, st.sampled_from(LITERALS), st.floats().map(str), st.text(max_size=8).map(lambda t: f"'{t}'"))
value = st.recursive(
    atom,
    lambda inner: st.one_of(
        st.builds(
            lambda name, arguments: f"{name}({','.join(arguments)})",
            st.sampled_from(sorted(FUNCTIONS)),
            st.lists(inner, max_size=3),
        ),
        st.builds("{} {} {}".format, inner, st.sampled_from(["add", "sub", "mul", "div", "mod"]), inner),
        inner.map("-{}".format),
    ),
    max_leaves=4,
)
condition = st.recursive(
    st.one_of(
        st.builds("{} {} {}".format, value, st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le", "in"]), value),
        value,
    ),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
        inner.map("not ({})".format),
        st.builds("{}/{}(d:{})".format, st.sampled_from(NAMES), st.sampled_from(["any", "all"]), inner),
    ),
    max_leaves=3,
)
order = st.builds("{}{}".format, value, st.sampled_from(["", " asc", " desc"]))
anything = st.text(max_size=40)
expand = st.recursive(
    st.sampled_from(sorted({name for links in LINKS.values() for name in links})),
    lambda inner: st.builds(
        "{}($expand={};$filter={};$top={})".format,
        st.sampled_from(sorted({name for links in LINKS.values() for name in links})),
        inner, condition, st.sampled_from(["0", "1", "x"]),
    ),
    max_leaves=3,
)  # fmt: skip
options = st.fixed_dictionaries(
    {},
    optional={
        "$filter": st.one_of(condition, anything),
        "$orderby": st.one_of(order, anything),
        "$expand": st.one_of(expand, anything),
        "$select": st.one_of(path, anything),
        "$top": st.one_of(st.sampled_from(["0", "1", "3"]), anything),
        "$skip": st.one_of(st.sampled_from(["0", "2", "4611686018427387904"]), anything),
        "$count": st.sampled_from(["true", "false", "1"]),
        "$resultFormat": st.sampled_from(["dataArray", "x"]),
        "$skiptoken": st.one_of(
            st.sampled_from(["0..", "2..", "2.1.", "2.9999999999999999.", "0.0-1-1795176000000000-0-1-0.7"]), anything
        ),
    },
)
key = st.one_of(
    st.sampled_from(
        ["", "(1)", "(101)", "(199)", "('1-1795176000000000-0-1')", "(-1)", "('')", "(9223372036854775808)"]
    ),
    st.text(max_size=10).map("({})".format),
)
segment = st.builds("{}{}".format, st.one_of(st.sampled_from([*NAMES, "$ref", "$value"]), anything), key)
paths = st.lists(segment, min_size=1, max_size=4).map("/".join)


async def ask(city: City, where: str, sent: dict[str, str]) -> Any:
    query = "&".join(f"{quote(name)}={quote(text, errors='replace')}" for name, text in sent.items())
    return await city.township.get(f"/sta/v1.1/{quote(where, errors='replace')}?{query}")


@settings(max_examples=80, derandomize=True)
@given(where=st.sampled_from(sorted(SETS)), sent=options)
async def test_options_of_every_kind_are_answered_or_refused(city: City, where: str, sent: dict[str, str]) -> None:
    answer = await ask(city, where, sent)
    assert answer.status_code in {200, 400, 501}, (where, sent, answer.text)
    if answer.status_code == 200:
        assert "-other" not in answer.text
    else:
        assert answer.json()["message"], (where, sent)


@settings(max_examples=40, derandomize=True)
@given(where=paths, sent=options)
async def test_paths_of_every_kind_are_answered_or_refused(city: City, where: str, sent: dict[str, str]) -> None:
    answer = await ask(city, where, sent)
    assert answer.status_code in {200, 204, 400, 404, 501}, (where, sent, answer.text)


async def test_what_is_long_or_deep_is_refused_and_costs_nothing(city: City) -> None:
    long_or = " or ".join(f"name eq 'x{n}'" for n in range(390))
    for text, status in (
        (long_or, 200),
        (" or ".join([long_or] * 3), 400),
        ("not " * 300 + "true", 400),
        ("-" * 2000 + "1 eq 1", 400),
        ("/".join(["Datastreams"] * 50) + "/name eq 'x'", 400),
        ("length(" * 29 + "name" + ")" * 29 + " eq 1", 200),
        ("length(" * 29 + "-" * 40 + "length(name)" + ")" * 29 + " eq 1", 200),
        ("not (" * 29 + "name eq 'x'" + ")" * 29, 200),
        (" add ".join(["properties/expectedIntervalS"] * 50) + " gt 1", 200),
        (f"st_within(Locations/location,geography'POLYGON(({','.join('1 2' for _ in range(3000))}))')", 400),
        (f"name in ({','.join(chr(39) + str(n) + chr(39) for n in range(1500))})", 200),
    ):
        answer = await ask(city, "Things", {"$filter": text})
        assert answer.status_code == status, (text[:60], answer.text[:300])
    assert (await ask(city, "/".join(["Things(1)"] + ["Datastreams(101)/Thing"] * 30), {})).status_code == 400
    every = ",".join(["Datastreams($expand=Thing,Sensor,ObservedProperty,Observations)"] * 9)
    assert (await ask(city, "Things", {"$expand": every})).status_code == 400
    for entity in Entity:
        links = ",".join(LINKS[entity])
        assert (
            await ask(city, next(name for name, one in SETS.items() if one is entity), {"$expand": links})
        ).status_code == 200
