from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.core.alarms.document import TIMES
from tests.integration.api.conftest import AREA, OTHER_AREA, Client

Raise = Callable[..., Awaitable[int]]
FIELDS = (
    "id code category severity state confidence verification device component zone area value limit reason "
    "opened_at acknowledged_at cleared_at closed_at incident_id shelved_until escalates_at version"
)


@pytest.fixture
def open_alarm(connection: asyncpg.Connection, client: Client) -> Raise:
    """A function that stores an alarm as the alerts program would; returns its id."""

    async def make(device: str, *, area: str = AREA, code: str = "tamper", fire: bool = False, **more: Any) -> int:
        body = {"kind": "panel", "area": area, "location": {"lon": 111.09, "lat": 39.02}}
        shown = (await client.put(f"/api/v1/devices/{device}", json=body)).json()
        now = more.pop("opened_at", datetime.now(UTC))
        incident = await connection.fetchval(
            "insert into incident (kind, cause, title, area, opened_at)"
            " values ('single', $1, '测试', $2, $3) returning id",
            device,
            area,
            now,
        )
        values = {
            "subject": f"device:{shown['id']}", "code": "fire" if fire else code, "component": "1-1",
            "category": "fire" if fire else "device", "severity": "critical" if fire else "minor",
            "state": "unacknowledged", "confidence": "suspected" if fire else None,
            "verification": "pending" if fire else "none", "device_id": shown["id"], "area": area,
            "reason": "防拆", "reason_en": "tamper (reported 12 min late)", "opened_at": now, "incident_id": incident,
            "scope": f"device:{shown['id']}" if fire else None, "updated_at": now,
            "escalates_at": now + timedelta(minutes=3) if fire else None,
        } | more  # fmt: skip
        names = ", ".join(values)
        places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        return await connection.fetchval(
            f"insert into alarm ({names}) values ({places}) returning id",  # noqa: S608 - a test's own names
            *values.values(),
        )

    return make


async def test_an_alarm_has_the_fields_of_the_contract(client: Client, open_alarm: Raise) -> None:
    alarm_id = await open_alarm("p-1", fire=True)
    listed = (await client.get("/api/v1/alarms", params={"device": "p-1"})).json()["items"][0]
    assert set(FIELDS.split()) <= set(listed)
    assert listed["late_min"] == 12
    detail = await client.get(f"/api/v1/alarms/{alarm_id}")
    assert detail.headers["etag"] == f'"{listed["version"]}"'
    assert {"timeline", "evidence", "notices", "nearest_water", "siblings", "site"} <= set(detail.json())


async def test_times_are_rfc_3339_in_utc(client: Client, open_alarm: Raise) -> None:
    await open_alarm("p-1", fire=True)
    listed = (await client.get("/api/v1/alarms")).json()["items"][0]
    for name in TIMES:
        if listed[name] is not None:
            assert datetime.fromisoformat(listed[name]).utcoffset() == timedelta(0)


async def test_lists_filter_by_words_and_page_newest_first(client: Client, open_alarm: Raise) -> None:
    now = datetime.now(UTC)
    ids = [await open_alarm(f"p-{n}", opened_at=now + timedelta(seconds=n)) for n in range(3)]
    closed = await open_alarm("p-9", fire=True, state="closed", verification="false")

    async def found(**params: Any) -> list[int]:
        answer = await client.get("/api/v1/alarms", params=params)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert await found(state="open") == ids[::-1]
    assert await found(state="unacknowledged,acknowledged") == ids[::-1]
    assert await found(category="fire") == [closed]
    assert await found(severity="critical,major") == [closed]
    assert (await client.get("/api/v1/alarms", params={"state": "loud"})).status_code == 422
    first = (await client.get("/api/v1/alarms", params={"limit": 2, "state": "open"})).json()
    second = await client.get("/api/v1/alarms", params={"limit": 2, "state": "open", "cursor": first["next"]})
    assert [item["id"] for item in first["items"] + second.json()["items"]] == ids[::-1]


async def test_acknowledging_answers_the_alarm_with_its_new_version(client: Client, open_alarm: Raise) -> None:
    alarm_id = await open_alarm("p-1")
    answer = await client.post(f"/api/v1/alarms/{alarm_id}/acknowledge")
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "acknowledged"
    assert answer.json()["acknowledged_by"] == "key:supervisor"
    assert answer.headers["etag"] == '"2"'


async def test_judging_false_needs_the_version_that_was_read(client: Client, open_alarm: Raise) -> None:
    alarm_id = await open_alarm("p-1", fire=True)
    path = f"/api/v1/alarms/{alarm_id}/verify"
    for outcome in ("false", "test"):
        assert (await client.post(path, json={"outcome": outcome})).status_code == 428
        stale = await client.post(path, json={"outcome": outcome}, headers={"If-Match": '"99"'})
        assert stale.status_code == 412
        assert stale.headers["etag"] == '"1"'
        for odd in ("1", 'W/"1"', '"x"', ""):
            assert (await client.post(path, json={"outcome": outcome}, headers={"If-Match": odd})).status_code == 412
    answer = await client.post(path, json={"outcome": "false", "note": "蒸汽"}, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["verification"], answer.json()["state"]) == ("false", "closed")


async def test_judging_real_needs_no_version_and_confirms(client: Client, open_alarm: Raise) -> None:
    alarm_id = await open_alarm("p-1", fire=True)
    answer = await client.post(f"/api/v1/alarms/{alarm_id}/verify", json={"outcome": "real"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["verification"], answer.json()["confidence"]) == ("real", "confirmed")
    notices = (await client.get("/api/v1/notices", params={"alarm": alarm_id})).json()["items"]
    assert [notice["type"] for notice in notices] == ["fire.confirmed"]


async def test_a_judgement_sent_twice_with_one_key_is_made_once(
    client: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    alarm_id = await open_alarm("p-1", fire=True)
    for _ in range(2):
        answer = await client.post(
            f"/api/v1/alarms/{alarm_id}/verify", json={"outcome": "real"}, headers={"Idempotency-Key": "once"}
        )
        assert answer.status_code == 200
    assert await connection.fetchval("select count(*) from audit where action = 'alarm.verify'") == 1


async def test_an_unverified_fire_cannot_be_cleared(client: Client, open_alarm: Raise) -> None:
    alarm_id = await open_alarm("p-1", fire=True)
    answer = await client.post(f"/api/v1/alarms/{alarm_id}/clear")
    assert answer.status_code == 409
    assert answer.json()["detail_zh"]


async def test_shelving_needs_an_end_a_reason_and_the_version(client: Client, open_alarm: Raise) -> None:
    alarm_id = await open_alarm("p-1")
    path = f"/api/v1/alarms/{alarm_id}/shelve"
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert (await client.post(path, json={"until": until, "reason": "检修"})).status_code == 428
    match = {"If-Match": '"1"'}
    assert (await client.post(path, json={"until": until}, headers=match)).status_code == 422
    for never in ("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"):
        refused = await client.post(path, json={"until": never, "reason": "x"}, headers=match)
        assert refused.status_code == 422, refused.text
        assert refused.json()["errors"][0]["field"] == "until"
    answer = await client.post(path, json={"until": until, "reason": "检修"}, headers=match)
    assert answer.status_code == 200, answer.text
    assert answer.json()["shelved_until"]
    back = await client.post(f"/api/v1/alarms/{alarm_id}/unshelve")
    assert back.json()["shelved_until"] is None


async def test_a_note_is_a_line_of_the_time_line(client: Client, open_alarm: Raise) -> None:
    alarm_id = await open_alarm("p-1")
    assert (await client.post(f"/api/v1/alarms/{alarm_id}/notes", json={"text": "已通知维保"})).status_code == 200
    assert (await client.post(f"/api/v1/alarms/{alarm_id}/notes", json={"text": " "})).status_code == 422
    timeline = (await client.get(f"/api/v1/alarms/{alarm_id}")).json()["timeline"]
    assert timeline[-1]["detail"]["note"] == "已通知维保"
    # the word that a verdict has for it is understood too
    assert (await client.post(f"/api/v1/alarms/{alarm_id}/notes", json={"note": "已到场"})).status_code == 200


async def test_a_township_neither_sees_nor_touches_its_neighbour(client: Client, visit: Any, open_alarm: Raise) -> None:
    own, other = await open_alarm("p-own", fire=True), await open_alarm("p-other", area=OTHER_AREA, fire=True)
    site = (await client.post("/api/v1/sites", json={"name": "邻镇", "area": OTHER_AREA})).json()["id"]
    made = await client.post("/api/v1/api-keys", json={"name": "township", "role": "administrator", "areas": [AREA]})
    township = visit(made.json()["key"])
    assert [item["id"] for item in (await township.get("/api/v1/alarms")).json()["items"]] == [own]
    assert [item["code"] for item in (await township.get("/api/v1/devices")).json()["items"]] == ["p-own"]
    features = (await township.get("/geo/devices.geojson")).json()["features"]
    assert [feature["properties"]["code"] for feature in features] == ["p-own"]
    assert (await township.get("/api/v1/sites")).json()["items"] == []
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for method, path, body in (
        ("GET", f"/api/v1/alarms/{other}", None),
        ("POST", f"/api/v1/alarms/{other}/acknowledge", None),
        ("POST", f"/api/v1/alarms/{other}/verify", {"outcome": "real"}),
        ("POST", f"/api/v1/alarms/{other}/notes", {"text": "x"}),
        ("GET", "/api/v1/devices/p-other", None),
        ("PUT", "/api/v1/devices/p-other", {"name": "x"}),
        ("POST", "/api/v1/devices/p-other/commands", {"command": "guard_check"}),
        ("POST", "/api/v1/devices/p-other/credentials", None),
        ("POST", "/api/v1/devices/p-other/out-of-service", {"until": until, "reason": "x"}),
        ("GET", "/api/v1/devices/p-other/readings", None),
        ("GET", f"/api/v1/sites/{site}", None),
        ("PUT", f"/api/v1/sites/{site}", {"name": "x"}),
        ("POST", f"/api/v1/sites/{site}/test-window", {"until": until, "reason": "x"}),
        ("GET", "/api/v1/users/admin", None),
    ):
        answer = await township.request(method, path, json=body)
        assert answer.status_code == 404, (method, path, answer.text)
    for method, path, body in (
        ("PUT", "/api/v1/policies/drill", {"until": until}),
        ("PUT", "/api/v1/rules/hydrant_pressure_low", {"scope": "all", "parameters": {"static_mpa": 0.2}}),
        ("PUT", "/api/v1/rules/hydrant_pressure_low", {"scope": "area", "target": OTHER_AREA, "parameters": {}}),
        ("POST", "/api/v1/users", {"username": "x", "password": "12345678", "role": "viewer", "areas": ["*"]}),
        ("POST", "/api/v1/api-keys", {"name": "x", "role": "viewer", "areas": [OTHER_AREA]}),
        ("PUT", f"/api/v1/areas/{OTHER_AREA}", {"name": "x"}),
        ("POST", "/api/v1/sites", {"name": "x", "area": OTHER_AREA}),
        ("PUT", "/api/v1/devices/p-new", {"kind": "panel", "area": OTHER_AREA}),
        ("PUT", "/api/v1/devices/p-own", {"area": OTHER_AREA}),
        ("GET", "/api/v1/audit", None),
    ):
        answer = await township.request(method, path, json=body)
        assert answer.status_code == 403, (method, path, answer.text)
