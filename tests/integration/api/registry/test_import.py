from collections.abc import Callable
from typing import Any

import asyncpg
import orjson
import pytest

from services.api.registry.datum import to_gcj02
from tests.integration.api.conftest import Client

PATH = "/api/v1/devices/import"
CSV = """code,kind,area,name,lon,lat,pipe_bore_mm
h-1,hydrant,140931100,府前街 12 号,{lon},{lat},150
w-1,water,140931101,东关水池,111.1,39.0,
"""
HEADERS = {"Content-Type": "text/csv"}


def _shifted() -> str:
    lon, lat = to_gcj02(111.0911, 39.0202)
    return CSV.format(lon=lon, lat=lat)


async def test_a_ledger_in_gcj02_is_stored_in_wgs84(client: Client) -> None:
    answer = await client.post(PATH, params={"datum": "gcj02"}, content=_shifted().encode(), headers=HEADERS)
    assert answer.status_code == 200, answer.text
    assert answer.json()["created"] == 2
    device = (await client.get("/api/v1/devices/h-1")).json()
    assert device["location"]["lon"] == pytest.approx(111.0911, abs=1e-6)
    assert device["location"]["lat"] == pytest.approx(39.0202, abs=1e-6)
    assert device["source_datum"] == "gcj02"
    assert device["attributes"] == {"pipe_bore_mm": "150"}


async def test_a_missing_datum_is_refused_by_line(client: Client) -> None:
    answer = await client.post(PATH, content=_shifted().encode(), headers=HEADERS)
    assert answer.status_code == 422
    assert [(error["line"], error["field"]) for error in answer.json()["errors"]] == [(2, "datum"), (3, "datum")]
    tried = await client.post(PATH, params={"dry_run": True}, content=_shifted().encode(), headers=HEADERS)
    assert (tried.status_code, tried.json()["errors"][0]["field"]) == (422, "datum")


async def test_a_dry_run_says_what_would_change_and_changes_nothing(
    client: Client, connection: asyncpg.Connection
) -> None:
    params: dict[str, Any] = {"datum": "wgs84", "dry_run": True}
    first = CSV.format(lon=111.09, lat=39.02)
    planned = (await client.post(PATH, params=params, content=first.encode(), headers=HEADERS)).json()
    assert (planned["created"], planned["dry_run"]) == (2, True)
    assert await connection.fetchval("select count(*) from device") == 0
    await client.post(PATH, params={"datum": "wgs84"}, content=first.encode(), headers=HEADERS)
    second = first.replace("府前街 12 号", "府前街 14 号")
    planned = (await client.post(PATH, params=params, content=second.encode(), headers=HEADERS)).json()
    assert (planned["created"], planned["updated"], planned["unchanged"]) == (0, 1, 1)
    assert planned["changes"] == [
        {
            "line": 2,
            "code": "h-1",
            "action": "update",
            "fields": {"name": {"from": "府前街 12 号", "to": "府前街 14 号"}},
        }
    ]


@pytest.mark.parametrize("query", ["dry_run&datum=wgs84", "dry_run=&datum=wgs84"])
async def test_a_dry_run_needs_no_more_than_its_name(
    client: Client, connection: asyncpg.Connection, query: str
) -> None:
    ledger = CSV.format(lon=111.09, lat=39.02).encode()
    planned = await client.post(f"{PATH}?{query}", content=ledger, headers=HEADERS)
    assert (planned.status_code, planned.json()["created"], planned.json()["dry_run"]) == (200, 2, True)
    assert await connection.fetchval("select count(*) from device") == 0


async def test_one_bad_line_stops_the_whole_ledger_and_is_named(client: Client, connection: asyncpg.Connection) -> None:
    bad = CSV.format(lon=111.09, lat=39.02) + (
        "bad code,hydrant,140931100,x,111,39,\n"
        "h-3,drone,140931100,x,111,39,\n"
        "h-4,hydrant,999999,x,111,39,\n"
        "h-5,hydrant,140931100,x,east,39,\n"
        "h-1,hydrant,140931100,x,111,39,\n"
        "h-6,hydrant,140931100,x,111,,\n"
        "h-7,,140931100,x,111,39,\n"
    )
    for dry_run, status in ((True, 200), (False, 422)):
        params: dict[str, Any] = {"datum": "wgs84", "dry_run": dry_run}
        answer = await client.post(PATH, params=params, content=bad.encode(), headers=HEADERS)
        assert answer.status_code == status, answer.text
        found = [(error["line"], error["field"]) for error in answer.json()["errors"]]
        assert found == [(4, "code"), (5, "kind"), (6, "area"), (7, "lon"), (8, "code"), (9, "lat"), (10, "kind")]
    assert await connection.fetchval("select count(*) from device") == 0


async def test_geojson_names_its_datum_and_its_features(client: Client) -> None:
    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [111.09, 39.02]},
        "properties": {"code": "h-9", "kind": "hydrant", "area": "140931100"},
    }
    document = {"type": "FeatureCollection", "datum": "cgcs2000", "features": [feature, {"type": "Feature"}]}
    headers = {"Content-Type": "application/geo+json"}
    answer = await client.post(PATH, params={"dry_run": True}, content=orjson.dumps(document), headers=headers)
    assert answer.json()["created"] == 1
    (error,) = answer.json()["errors"]
    assert error == {"line": 2, "field": "properties", "message": "must be an object", "message_zh": "必须是对象"}


async def test_a_form_and_a_chinese_spreadsheet_are_understood(client: Client) -> None:
    sheet = "编号,类型,区划,名称,经度,纬度\nh-8,hydrant,140931100,桥头,111.09,39.02\n".encode("gb18030")
    answer = await client.post(PATH, data={"datum": "wgs84"}, files={"file": ("ledger.csv", sheet, "text/csv")})
    assert answer.status_code == 200, answer.text
    assert (await client.get("/api/v1/devices/h-8")).json()["name"] == "桥头"


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe\x00", b"name\nx\n", b"{", b'{"features": 1}', b"code,code\n", b'code\n"x', b"[]" * 10]
)
async def test_what_is_no_ledger_is_a_problem(client: Client, body: bytes) -> None:
    answer = await client.post(PATH, params={"datum": "wgs84"}, content=body, headers=HEADERS)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_is_larger_than_any_ledger_is_refused_before_it_is_read(client: Client) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="l.csv"\r\n\r\nx\r\n'
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    for headers, body in (
        (form, part * 100_000 + b"--b--\r\n"),
        (HEADERS, b"\n" * 15_000_000 + b"code"),
        (HEADERS, b"code" + b"," * 30_000_000),
        ({"Content-Type": "application/geo+json"}, b'{"features": [' + b"{}," * 2_000_000 + b"{}]}"),
    ):
        answer = await client.post(PATH, params={"datum": "wgs84"}, content=body, headers=headers)
        assert answer.status_code == 413, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


async def test_doubtful_places_are_shown_in_the_preview_and_wait_for_a_person(
    client: Client, connection: asyncpg.Connection
) -> None:
    ledger = (
        "sep=;\n编号;类型;区划;经度;纬度;level_pct_low\n"
        "h-1;hydrant;140931100.0;１１１．０９;39°01'12\"N;30\n"
        "h-2;hydrant;140931100;0;0\n"
        "h-3;hydrant;140931100;39.03;111.10\n"
        "h-4;hydrant;140931100;116.4;39.9\n"
        "h-5;hydrant;140931100;111.09;39.02\n"
    ).encode("utf-16")
    params: dict[str, Any] = {"datum": "wgs84"}
    preview = (await client.post(PATH, params=params | {"dry_run": True}, content=ledger, headers=HEADERS)).json()
    assert (preview["created"], preview["errors"]) == (5, [])
    wanted = [(3, "no_limit"), (4, "zero"), (5, "swapped"), (6, "outside"), (7, "doubled")]
    assert [(one["line"], one["kind"]) for one in preview["warnings"]] == wanted
    refused = await client.post(PATH, params=params, content=ledger, headers=HEADERS)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:firetower:problem:warnings_not_accepted")
    assert "accept_warnings" in refused.json()["detail"]
    assert [(one["line"], one["kind"]) for one in refused.json()["warnings"]] == wanted
    assert await connection.fetchval("select count(*) from device") == 0
    unsaid = await client.post(PATH, params=params | {"accept_warnings": ""}, content=ledger, headers=HEADERS)
    assert unsaid.status_code == 422, "an empty answer accepts nothing"
    params["accept_warnings"] = True
    answer = await client.post(PATH, params=params, content=ledger, headers=HEADERS)
    assert (answer.status_code, answer.json()["created"]) == (200, 5), answer.text
    place = (await client.get("/api/v1/devices/h-3")).json()["location"]
    assert (place["lon"], place["lat"]) == (111.10, 39.03)
    again = await client.post(PATH, params={"datum": "wgs84"}, content=ledger, headers=HEADERS)
    assert (again.status_code, again.json()["unchanged"], again.json()["warnings"]) == (200, 5, [])


async def test_a_warning_never_names_a_device_of_another_township(client: Client, visit: Callable[..., Client]) -> None:
    first = CSV.format(lon=111.09, lat=39.02)
    await client.post(PATH, params={"datum": "wgs84"}, content=first.encode(), headers=HEADERS)
    made = await client.post("/api/v1/api-keys", json={"name": "t", "role": "maintainer", "areas": ["140931101"]})
    other = visit(made.json()["key"])
    ledger = b"code,kind,area,lon,lat\nx-1,hydrant,140931101,111.09,39.02\n"
    preview = await other.post(PATH, params={"datum": "wgs84", "dry_run": True}, content=ledger, headers=HEADERS)
    assert (preview.status_code, preview.json()["warnings"]) == (200, []), preview.text
