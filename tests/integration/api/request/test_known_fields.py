"""A body with a field that nobody knows is refused by name; a document that was read can be sent back."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.integration.api.conftest import AREA, Client

Register = Callable[..., Awaitable[dict[str, Any]]]
SITE = {"name": "人民医院", "area": AREA, "contacts": [{"name": "王建国", "role": "负责人", "phone": "0350-7320119"}]}
PERSON = {"username": "li", "password": "9 horses, 3 hydrants", "role": "viewer", "areas": [AREA]}
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[111.08, 39.01], [111.1, 39.01], [111.1, 39.03], [111.08, 39.03], [111.08, 39.01]]],
}
GRID = {"name": "第一网格", "area": AREA, "polygon": SQUARE}
CALLED = {"name": "值班队长", "channel": "sms", "address": "13800000000"}


async def make(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    made = await client.post(f"/api/v1/{path}", json=body)
    assert made.status_code == 201, made.text
    return made.json()


@pytest.fixture
async def paths(client: Client, register: Register) -> dict[str, str]:
    """One of each, by what it is."""
    await register("h-1")
    site, person = await make(client, "sites", SITE), await make(client, "users", PERSON)
    called = await make(client, "contacts", CALLED)
    assert (await client.put("/api/v1/grids/dg-01", json=GRID)).status_code == 201
    return {
        "device": "/api/v1/devices/h-1",
        "site": f"/api/v1/sites/{site['id']}",
        "person": f"/api/v1/users/{person['username']}",
        "contact": f"/api/v1/contacts/{called['id']}",
        "area": f"/api/v1/areas/{AREA}",
        "grid": "/api/v1/grids/dg-01",
    }


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("device", {"adress": "府前街 12 号"}, "adress"),
        ("device", {"location": {"lon": 111.09, "lat": 39.02, "crs": "gcj02"}}, "location.crs"),
        ("device", {"expected_interval": 60}, "expected_interval"),
        ("site", {"accessNote": "南门进"}, "accessNote"),
        ("site", {"contacts": [{"name": "王建国", "tel": "0350-7320119"}]}, "contacts.0.tel"),
        ("person", {"area": ["140931101"]}, "area"),
        ("person", {"active": False}, "active"),
        ("contact", CALLED | {"areas": [AREA]}, "areas"),
        ("area", {"name": "东关镇", "lon": 111.09, "lat": 39.02}, "lon"),
        ("grid", {"polygon": SQUARE, "crs": "gcj02"}, "crs"),
    ],
)
async def test_an_unknown_field_is_refused_by_its_name_and_nothing_is_changed(
    client: Client, paths: dict[str, str], what: str, body: dict[str, Any], field: str
) -> None:
    before = (await client.get(paths[what])).json()
    answer = await client.put(paths[what], json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert "不认识的字段" in answer.json()["detail_zh"]
    assert (await client.get(paths[what])).json() == before


@pytest.mark.parametrize(
    ("what", "field", "value"),
    [
        ("device", "name", "府前街 12 号"), ("site", "address", "府前街 1 号"), ("person", "name", "李"),
        ("contact", "name", "队长"), ("area", "name", "东关镇"), ("grid", "name", "第二网格"),
    ],
)  # fmt: skip
async def test_a_document_that_was_read_is_changed_and_sent_back_whole(
    client: Client, paths: dict[str, str], what: str, field: str, value: str
) -> None:
    read = (await client.get(paths[what])).json()
    answer = await client.put(paths[what], json=read | {field: value})
    assert answer.status_code == 200, answer.text
    after = (await client.get(paths[what])).json()
    changing = {"version", "updated_at"}
    assert {name: one for name, one in after.items() if name not in changing} == {
        name: one for name, one in (read | {field: value}).items() if name not in changing
    }


@pytest.mark.parametrize(
    ("step", "body", "field"),
    [
        ("assign", {"assignee": "供水公司"}, "assignee"), ("close", {"result": "unfounded", "note": "没有"}, "result"),
        ("rectify", {"remark": "已清理"}, "remark"),
    ],
)  # fmt: skip
async def test_a_step_of_a_hazard_with_an_unknown_field_is_not_taken(
    client: Client, register: Register, step: str, body: dict[str, Any], field: str
) -> None:
    await register("h-1")
    hazard = await make(client, "hazards", {"device": "h-1", "code": "hydrant_blocked"})
    answer = await client.post(f"/api/v1/hazards/{hazard['id']}/{step}", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text
    severe = await client.post("/api/v1/hazards", json={"device": "h-1", "code": "other", "severity": "major"})
    assert (severe.status_code, severe.json()["errors"][0]["field"]) == (422, "severity"), severe.text
    mended = await client.patch(f"/api/v1/hazards/{hazard['id']}", json={"state": "verified"})
    assert (mended.status_code, mended.json()["errors"][0]["field"]) == (422, "state"), mended.text
    assert (await client.get(f"/api/v1/hazards/{hazard['id']}")).json()["state"] == "found"


async def test_a_feature_of_a_gis_may_have_columns_of_its_own(client: Client) -> None:
    feature = {"type": "Feature", "properties": {"name": "第一网格", "fid": 7, "style": "red"}, "geometry": SQUARE}
    made = await client.put("/api/v1/grids/dg-01", json=feature)
    assert (made.status_code, made.json()["name"]) == (201, "第一网格"), made.text
