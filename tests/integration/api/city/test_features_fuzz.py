"""Whatever is asked of `/ogc` and `/cap`, the answer is an answer or a refusal that names the parameter."""

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.city.features.collections import COLLECTIONS
from services.api.city.features.query import CONTROLS, CRS
from tests.integration.api.city.conftest import City

pytestmark = pytest.mark.asyncio(loop_scope="module")
NAMES = sorted({*CONTROLS, *(name for one in COLLECTIONS.values() for name in one.names), "colour", "$filter"})
ODD = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "1e309",
            "nan",
            "true",
            "null",
            "9" * 25,
            "3000000000",
            "²",
            "\x00",
            "'; drop table device --",
            "%",
            "\ud800",
        ]
    ),
)
box = st.lists(st.floats(), min_size=3, max_size=7).map(lambda found: ",".join(map(str, found)))
time = st.one_of(
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.sampled_from(["..", "", "2026-02-30", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-29"]),
)
span = st.lists(time, min_size=1, max_size=3).map("/".join)
values = {
    "bbox": st.one_of(box, ODD),
    "datetime": st.one_of(span, ODD),
    "crs": st.one_of(st.sampled_from(CRS), ODD),
    "bbox-crs": st.one_of(st.sampled_from(CRS), ODD),
    "limit": st.one_of(st.integers().map(str), ODD),
    "f": st.one_of(st.sampled_from(["json", "html"]), ODD),
}
sent = st.lists(
    st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), values.get(name, ODD))), max_size=4
)


async def ask(city: City, path: str, given: list[tuple[str, str]]) -> tuple[int, str]:
    query = "&".join(f"{quote(name, safe='')}={quote(text, safe='', errors='replace')}" for name, text in given)
    answer = await city.township.get(f"{quote(path, errors='replace')}?{query}")
    if answer.status_code == 400:
        assert answer.json()["errors"][0]["field"] in {name for name, _ in given}, (path, given, answer.text)
    return answer.status_code, answer.text


@settings(max_examples=120, derandomize=True)
@given(name=st.sampled_from(sorted(COLLECTIONS)), given_=sent)
async def test_items_are_answered_or_refused(city: City, name: str, given_: list[tuple[str, str]]) -> None:
    status, text = await ask(city, f"/ogc/collections/{name}/items", given_)
    assert status in {200, 400}, (name, given_, text)
    assert status == 400 or "-other" not in text


@settings(max_examples=60, derandomize=True)
@given(name=st.one_of(st.sampled_from(sorted(COLLECTIONS)), ODD), feature=ODD, given_=sent)
async def test_ids_of_every_kind_are_answered_or_refused(
    city: City, name: str, feature: str, given_: list[tuple[str, str]]
) -> None:
    status, text = await ask(city, f"/ogc/collections/{name}/items/{feature}", given_)
    assert status in {200, 400, 404}, (name, feature, given_, text)


@settings(max_examples=60, derandomize=True)
@given(begin=st.one_of(time, ODD), area=st.one_of(st.just("140931"), ODD), limit=st.one_of(st.just("2"), ODD), at=ODD)
async def test_feeds_and_messages_are_answered_or_refused(
    city: City, begin: str, area: str, limit: str, at: str
) -> None:
    for path, given_ in (
        ("/cap/alarms.atom", [("from", begin), ("area", area), ("limit", limit), ("cursor", at)]),
        (f"/cap/alarms/{at}.xml", []),
    ):
        status, text = await ask(city, path, given_)
        assert status in {200, 404, 422}, (path, given_, text)
