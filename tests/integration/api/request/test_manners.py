"""A question that we do not understand is refused by name; lists come as tables too; a person finds the sign-in."""

import csv
import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.integration.api.conftest import AREA, Client, Raise

Register = Callable[..., Awaitable[dict[str, Any]]]


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    "asked",
    [
        "/api/v1/alarms?states=open", "/api/v1/devices?Kind=hydrant", "/api/v1/sites?colour=red",
        "/geo/devices.geojson?box=1", "/api/v1/devices/h-1/readings?since=2026", "/cap/alarms.atom?states=open",
        "/api/v1/alarms?severity=critical&severity=major",
    ],
)  # fmt: skip
async def test_a_parameter_that_a_route_does_not_know_or_that_comes_twice_is_refused_by_name(
    client: Client, register: Register, asked: str
) -> None:
    await register("h-1")
    answer = await client.get(asked)
    assert answer.status_code == 422, answer.text
    name = asked.partition("?")[2].partition("=")[0]
    assert [one["field"] for one in answer.json()["errors"]] == [name]
    assert name in answer.json()["detail"]


async def test_an_unknown_parameter_of_a_write_is_refused_before_anything_is_written(client: Client) -> None:
    body = {"kind": "hydrant", "area": "140931100"}
    assert (await client.put("/api/v1/devices/h-1?dryrun=1", json=body)).status_code == 422
    packed = await client.put("/api/v1/devices/h-1", json=body, headers={"Content-Encoding": "gzip"})
    assert (packed.status_code, packed.headers["accept-encoding"]) == (415, "identity")
    assert "Content-Encoding" in packed.json()["detail"]
    assert (await client.get("/api/v1/devices/h-1")).status_code == 404


async def test_readings_come_as_a_table_whose_parts_are_linked(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    device = await register("h-1")
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    await connection.executemany(
        "insert into reading_hydrant (device_id, ts, seq, received_at, batch_id, late, pressure_mpa, extra)"
        " values ($1, $2, $3, $2, 1, false, $4, $5)",
        [(device["id"], at + timedelta(minutes=n), n, -0.1 * n, {"note": "=1+1"}) for n in range(3)],
    )
    answer = await client.get("/api/v1/devices/h-1/readings?format=csv&limit=2")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = table(answer.text)
    assert [row["seq"] for row in rows] == ["0", "1"]
    assert [row["pressure_mpa"] for row in rows] == ["-0.0", "-0.1"]  # a number stays one
    assert rows[0]["extra_note"] == "'=1+1"  # a text never becomes a formula
    assert {"ts", "received_at", "flow_lps"} <= set(rows[0])
    following = answer.headers["link"].partition("<")[2].partition(">")[0]
    rest = await client.get(f"/api/v1/devices/h-1/readings{following}")
    assert [row["seq"] for row in table(rest.text)] == ["2"]
    assert "link" not in rest.headers
    buckets = await client.get("/api/v1/devices/h-1/readings?format=csv&bucket=1d")
    assert buckets.text.startswith("ts")


async def test_every_list_of_a_spreadsheet_keeper_is_a_table_too(
    client: Client, register: Register, open_alarm: Raise
) -> None:
    await register("h-1", name="=HYPERLINK(1)", owner="@sum", address="+8613")
    await open_alarm("p-1", component="-1", zone="一层")
    (row,) = table((await client.get("/api/v1/devices?format=csv&q=h-1")).text)
    assert (row["name"], row["owner"], row["address"]) == ("'=HYPERLINK(1)", "'@sum", "'+8613")
    assert (row["code"], row["location_lon"]) == ("h-1", "111.09")
    (alarm,) = table((await client.get("/api/v1/alarms?format=csv")).text)
    assert (alarm["device"], alarm["component"], alarm["zone"], alarm["state"]) == (
        "p-1", "'-1", "一层", "unacknowledged",
    )  # fmt: skip
    for name in ("events", "audit", "notices", "rejects"):
        answer = await client.get(f"/api/v1/{name}?format=csv")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
        assert answer.text.splitlines(), name  # the columns, though nothing is below them
    marked = await client.get("/api/v1/devices?format=csv&bom=true")
    assert marked.content.startswith(b"\xef\xbb\xbf")


async def test_a_browser_without_a_session_is_led_from_the_docs_to_the_sign_in(stranger: Client) -> None:
    asked = await stranger.get("/docs", headers={"Accept": "text/html,*/*"})
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2Fdocs")
    assert (await stranger.get("/docs")).status_code == 401  # a program is told what it lacks
    data = await stranger.get("/api/v1/devices", headers={"Accept": "text/html,*/*"})
    assert data.status_code == 401


async def test_a_misspelt_field_makes_nothing_that_sees_or_lasts_more_than_was_meant(client: Client) -> None:
    """fastapi/fastapi 903, msaad00/agent-bom 3022: what is not known was left aside, and the default was wider."""
    for path, body, odd in (
        ("api-keys", {"name": "k", "role": "viewer", "area": [AREA]}, "area"),
        ("api-keys", {"name": "k", "role": "viewer", "expires": "2099-01-01T00:00:00Z"}, "expires"),
        ("users", {"username": "u", "password": "correct horse", "role": "viewer", "area": [AREA]}, "area"),
        ("rules/hydrant_tilt", {"scopes": "device", "target": "h-1", "parameters": {"tilt_deg": 20}}, "scopes"),
        ("subscriptions/1/replay", {"from": "2026-11-28T00:00:00Z", "until": "2026-11-28T01:00:00Z"}, "until"),
        ("subscriptions", {"name": "s", "url": "https://city.example/", "areas": []}, "areas"),
    ):
        answer = await client.request("PUT" if path.startswith("rules") else "POST", f"/api/v1/{path}", json=body)
        assert answer.status_code == 422, (path, answer.text)
        assert [one["field"] for one in answer.json()["errors"]] == [odd]
    assert "k" not in [one["name"] for one in (await client.get("/api/v1/api-keys")).json()["items"]]


async def test_what_must_be_new_overwrites_nothing(client: Client) -> None:
    """nodeSolidServer/node-solid-server 1431, jelmer/xandikos 23: If-None-Match was ignored with PUT."""
    square = [[111.0, 39.0], [111.1, 39.0], [111.1, 39.1], [111.0, 39.0]]
    grid = {"name": "first", "polygon": {"type": "Polygon", "coordinates": [square]}}
    for path, body in (("devices/h-1", {"kind": "hydrant", "area": AREA, "name": "first"}), ("grids/g-1", grid)):
        address, new = f"/api/v1/{path}", {"If-None-Match": "*"}
        made = await client.put(address, json=body, headers=new)
        assert made.status_code == 201
        for named in ("*", made.headers["etag"], f"W/{made.headers['etag']}"):
            again = await client.put(address, json=body | {"name": "second"}, headers={"If-None-Match": named})
            assert (again.status_code, again.headers["etag"]) == (412, made.headers["etag"]), named
        assert (await client.get(address)).json()["name"] == "first"
        other = await client.put(address, json=body | {"name": "second"}, headers={"If-None-Match": '"99"'})
        assert other.json()["name"] == "second"


async def test_a_refused_method_is_told_all_that_are_taken(client: Client) -> None:
    """etalab-ia/OpenGateLLM 1064: each route told of itself alone."""
    for path, allowed in (
        ("/api/v1/devices/h-1", "GET, HEAD, PUT"), ("/api/v1/grids/g-1", "DELETE, GET, HEAD, PUT"),
        ("/api/v1/hazards/1", "GET, HEAD, PATCH"), ("/sta/v1.1/Things", "GET, HEAD"),
        ("/api/v1/acts", "GET, HEAD, POST"),
    ):  # fmt: skip
        answer = await client.request("OPTIONS", path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed), path
