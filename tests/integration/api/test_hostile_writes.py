"""Values beyond the schema in every write and every parameter: a 4xx that names the field, never a 5xx."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from tests.integration.api.conftest import AREA, Client, Raise

UNTIL = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
# a good body of every write that takes one, by route
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PUT", "devices/h-1"): {
        "kind": "hydrant",
        "area": AREA,
        "name": "x",
        "site": 1,
        "form": "aboveground",
        "location": {"lon": 111.1, "lat": 39.0, "datum": "wgs84"},
        "source_datum": "wgs84",
        "address": "x",
        "owner": "x",
        "maintainer": "x",
        "expected_interval_s": 60,
        "sleepy": False,
        "rated_current_a": 63,
        "limits": {"level_m_low": 1},
        "gateway": "p-1",
        "gateway_address": "921000000000",
        "gateway_profile": "x",
        "attributes": {"bore": "150"},
    },
    ("POST", "devices/h-1/commands"): {"command": "guard_check", "timeout_min": 10, "more": 1},
    ("POST", "devices/h-1/out-of-service"): {"until": UNTIL, "reason": "x"},
    ("POST", "sites"): {
        "name": "x",
        "area": AREA,
        "address": "x",
        "location": {"lon": 1, "lat": 1},
        "access_note": "x",
        "contacts": [{"name": "x", "role": "x", "phone": "1"}],
    },
    ("PUT", "sites/1"): {"name": "x", "area": AREA, "contacts": [], "access_note": "x"},
    ("POST", "sites/1/test-window"): {"until": UNTIL, "reason": "x"},
    ("POST", "alarms/1/acknowledge"): {"note": "x"},
    ("POST", "alarms/1/notes"): {"text": "x"},
    ("POST", "alarms/1/shelve"): {"until": UNTIL, "reason": "x"},
    ("POST", "hazards"): {
        "device": "h-1",
        "component": "x",
        "code": "hydrant_blocked",
        "grade": "major",
        "source": "report",
        "owner": "x",
        "due": UNTIL,
        "description": "x",
    },
    ("PATCH", "hazards/1"): {
        "code": "other",
        "grade": "general",
        "owner": "x",
        "due": UNTIL,
        "description": "x",
        "note": "x",
    },
    ("POST", "hazards/1/assign"): {"owner": "x", "due": UNTIL, "note": "x"},
    ("POST", "hazards/1/supervise"): {"authority": "x", "due": UNTIL, "note": "x"},
    ("POST", "hazards/1/close"): {"outcome": "unfounded", "note": "x"},
    ("PUT", "grids/g-1"): {
        "name": "x",
        "area": AREA,
        "parent": "g-2",
        "people": [{"name": "x", "role": "x", "phone": "1"}],
        "polygon": {"type": "Polygon", "coordinates": [[[111, 39], [112, 39], [112, 40], [111, 39]]]},
        "datum": "gcj02",
    },
    ("POST", "grids/import"): {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "id": "g-1", "properties": {}, "geometry": None}],
    },
    ("POST", "inspections"): {
        "request_id": "7d0c4f0e-5d0b-4a57-9a68-6b6f3f1f8a11",
        "device": "h-1",
        "answers": [{"item": "flows", "ok": False, "note": "x"}],
        "note": "x",
        "inspected_at": None,
        "photo": None,
    },
    ("PUT", "areas/140931100"): {"name": "x", "parent": "140931", "location": {"lon": 1, "lat": 1}},
    ("PUT", "rules/battery_low"): {
        "scope": "device",
        "target": "h-1",
        "parameters": {"low_pct": 20},
        "effective_from": UNTIL,
    },
    ("PUT", "policies/drill"): {"until": UNTIL},
    ("POST", "users"): {"username": "li", "password": "correct horse", "role": "viewer", "areas": [AREA], "name": "x"},
    ("POST", "api-keys"): {"name": "x", "role": "viewer", "areas": [AREA], "expires_at": UNTIL},
    ("POST", "contacts"): {"name": "x", "channel": "sms", "address": "13800000000", "area": AREA},
    ("POST", "session"): {"username": "x", "password": "x"},
    ("PUT", "session/password"): {"current": "x", "new": "correct horse"},
}
DEEP: Any = "deep"
for _ in range(200):
    DEEP = [DEEP]
# one of each kind for every field
HOSTILE: tuple[Any, ...] = (
    "a\x00b",
    "x" * 100_000,
    -1,
    2**31,
    10**40,
    1e308,
    None,
    [],
    {"a\x00": 1},
    DEEP,
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59+23:59",
    "NaN",
)
# their relatives take turns: each field gets every third, the next field the next ones
MORE: tuple[Any, ...] = (
    "\x00",
    "\u202e\ufeff\x1b[0m",
    0,
    2**63,
    -0.0,
    True,
    {},
    [[]],
    {"a" * 5000: "b"},
    "2026-01-01T00:00:00-23:59",
    "Infinity",
    "'; drop table device; --",
    "%s{0}",
    "../../etc/passwd",
)
RAW = (b"\\ud800", b"\\udfff\\ud800", b"\\u0000")


def places(body: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, value in body.items():
        yield (name,)
        if isinstance(value, dict):
            yield from ((name, inner) for inner in value)


def with_value(body: dict[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    if len(place) == 1:
        return body | {place[0]: value}
    return body | {place[0]: body[place[0]] | {place[1]: value}}


def hostile_bodies(body: dict[str, Any], place: tuple[str, ...], number: int) -> Iterator[bytes]:
    yield from (orjson.dumps(with_value(body, place, "@")).replace(b'"@"', b'"' + raw + b'"') for raw in RAW)
    for value in HOSTILE + MORE[number % 3 :: 3]:
        written = "@" if isinstance(value, int) and abs(value) >= 2**63 else value
        plain = orjson.dumps(with_value(body, place, written))
        yield plain.replace(b'"@"', str(value).encode()) if written == "@" else plain


@pytest.fixture
async def ready(client: Client, open_alarm: Raise) -> Client:
    await client.put(f"/api/v1/areas/{AREA}", json={"name": "东关"})
    await open_alarm("p-1")
    await client.put("/api/v1/devices/h-1", json={"kind": "hydrant", "area": AREA})
    await client.post("/api/v1/sites", json={"name": "x", "area": AREA})
    await client.post("/api/v1/hazards", json={"device": "h-1", "code": "other"})
    return client


@pytest.mark.parametrize(
    "resources",
    [
        "devices",
        "sites",
        "alarms",
        "areas rules policies",
        "hazards grids inspections",
        "users api-keys contacts",
        "session",
    ],
)
async def test_no_value_of_any_field_is_our_fault(ready: Client, resources: str) -> None:
    headers = {"Content-Type": "application/json"}
    for (method, path), body in BODIES.items():
        if path.split("/")[0] not in resources.split():
            continue
        for number, place in enumerate(places(body)):
            for raw in hostile_bodies(body, place, number):
                answer = await ready.request(method, f"/api/v1/{path}", content=raw, headers=headers)
                assert answer.status_code < 500, (path, place, raw[:200], answer.text)
                if answer.status_code == 422:
                    assert answer.json()["errors"], (path, place, raw[:200])


async def test_no_parameter_is_our_fault(ready: Client) -> None:
    names = ("cursor", "limit", "from", "to", "area", "device", "site", "q", "bbox", "code", "type", "state", "reason")
    for_all = (
        "a%00",
        "%ed%a0%80",
        "%ff",
        "-1",
        "0",
        str(2**31),
        str(2**63),
        "9" * 400,
        "NaN",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "2026-01-01T00:00:00%2B24:00",
    )
    of_one = {
        "bbox": ("nan,nan,nan,nan", "-inf,-inf,inf,inf", "1e400,0,0,0"),
        "cursor": (
            "WzFd",
            "W10",
            "bnVsbA",
            "W251bGwsbnVsbF0",
            "WyIwMDAxLTAxLTAxVDAwOjAwOjAwIiwxXQ",
            "WzFlMzA4LDFlMzA4XQ",
            "=" * 40,
        ),
    }
    for path in ("devices", "alarms", "events", "rejects", "hazards", "grids", "inspections", "risk"):
        for name in names:
            for value in for_all + of_one.get(name, ()):
                answer = await ready.get(f"/api/v1/{path}?{name}={value}")
                assert answer.status_code in {200, 404, 422}, (path, name, value, answer.text)


async def test_no_path_is_our_fault(ready: Client) -> None:
    paths = (
        "alarms/{}",
        "sites/{}",
        "incidents/{}",
        "notices/{}",
        "devices/{}",
        "devices/{}/readings",
        "areas/{}",
        "users/{}",
        "contacts/{}",
        "rules/{}",
        "policies/{}",
        "set-aside/{}",
        "hazards/{}",
        "hazards/{}/assign",
        "grids/{}",
        "grids/{}/duties",
        "inspections/{}",
        "inspections/{}/photo",
        "sites/{}/risk",
    )
    values = (
        "%00",
        "-1",
        "0",
        str(2**31),
        str(2**63),
        "9" * 400,
        "%ed%a0%80",
        "1e5",
        "NaN",
        "%20",
        "a%2Fb",
        "x" * 3000,
    )
    for path in paths:
        for value in values:
            for method in ("GET", "PUT", "DELETE", "POST"):
                answer = await ready.request(method, f"/api/v1/{path.format(value)}", json={})
                assert answer.status_code < 500, (path, method, value, answer.text)


async def test_no_if_match_is_our_fault(ready: Client) -> None:
    for header in ('"99999999999999999999999"', "*", 'W/"1"', '""', "x" * 150, '"-1"', '"1","2"', "\u00e9"):
        for path in ("devices/h-1", "sites/1"):
            raw = {"If-Match": header.encode("latin-1")}
            answer = await ready.put(f"/api/v1/{path}", json={"name": "x"}, headers=raw)
            assert answer.status_code in {200, 412, 422}, (header, path, answer.text)
