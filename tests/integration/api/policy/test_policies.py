from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from tests.integration.api.conftest import AREA, Client


def _ahead(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


async def test_a_new_person_signs_in_and_sees_their_township(client: Client, visit: Any) -> None:
    body = {"username": "dongguan", "password": "correct horse", "role": "duty_officer", "areas": [AREA]}
    made = await client.post("/api/v1/users", json=body)
    assert made.status_code == 201, made.text
    assert "password" not in made.text
    assert (await client.post("/api/v1/users", json=body)).status_code == 409
    person = visit()
    login = {"username": "dongguan", "password": "correct horse"}
    session = await person.post("/api/v1/session", json=login)
    assert session.json()["areas"] == [AREA]
    assert (await person.get("/api/v1/users")).status_code == 403
    disabled = await client.put("/api/v1/users/dongguan", json={"enabled": False})
    assert disabled.status_code == 200
    assert (await person.get("/api/v1/devices")).status_code == 401
    assert (await person.post("/api/v1/session", json=login)).status_code == 401


async def test_a_person_changes_their_password(client: Client, visit: Any) -> None:
    body = {"username": "li", "password": "first password", "role": "viewer", "areas": ["*"]}
    await client.post("/api/v1/users", json=body)
    person = visit()
    await person.post("/api/v1/session", json={"username": "li", "password": "first password"})
    change = {"current": "wrong", "new": "second password"}
    assert (await person.put("/api/v1/session/password", json=change)).status_code == 403
    change["current"] = "first password"
    assert (await person.put("/api/v1/session/password", json=change)).status_code == 204
    again = visit()
    login = await again.post("/api/v1/session", json={"username": "li", "password": "second password"})
    assert login.status_code == 200


async def test_a_key_is_shown_once_and_ends_when_revoked(client: Client, visit: Any) -> None:
    made = await client.post("/api/v1/api-keys", json={"name": "gis", "role": "viewer", "areas": [AREA]})
    assert made.status_code == 201
    listed = (await client.get("/api/v1/api-keys")).json()["items"]
    assert all("key" not in item for item in listed)
    machine = visit(made.json()["key"])
    assert (await machine.get("/api/v1/devices")).status_code == 200
    assert (await client.delete(f"/api/v1/api-keys/{made.json()['id']}")).status_code == 204
    assert (await machine.get("/api/v1/devices")).status_code == 401


async def test_a_site_or_device_may_come_before_its_area_is_registered(client: Client) -> None:
    site = await client.post("/api/v1/sites", json={"name": "新村", "area": "140931100777"})
    assert site.status_code == 201, site.text
    device = await client.put("/api/v1/devices/h-1", json={"kind": "hydrant", "area": "140931100778"})
    assert device.status_code == 201, device.text
    areas = {area["code"]: area for area in (await client.get("/api/v1/areas")).json()["items"]}
    for code in ("140931100777", "140931100778"):
        assert (areas[code]["name"], areas[code]["parent"]) == (code, "140931100")


async def test_a_test_window_ends_within_eight_hours(client: Client) -> None:
    site = (await client.post("/api/v1/sites", json={"name": "医院", "area": AREA})).json()
    path = f"/api/v1/sites/{site['id']}/test-window"
    assert (await client.post(path, json={"until": _ahead(hours=9), "reason": "测试"})).status_code == 422
    assert (await client.post(path, json={"until": _ahead(hours=-1), "reason": "测试"})).status_code == 422
    opened = await client.post(path, json={"until": _ahead(hours=7.9), "reason": "季度测试"})
    assert opened.status_code == 200, opened.text
    assert opened.json()["test_window_reason"] == "季度测试"
    ended = await client.post(path, json={"until": None})
    assert ended.json()["test_window_until"] is None


async def test_a_drill_has_an_end(client: Client) -> None:
    assert (await client.put("/api/v1/policies/drill", json={"until": _ahead(days=3)})).status_code == 422
    begun = await client.put("/api/v1/policies/drill", json={"until": _ahead(hours=2)})
    assert begun.status_code == 200, begun.text
    shown = (await client.get("/api/v1/policies/drill")).json()
    assert shown["body"]["until"]
    assert (await client.put("/api/v1/policies/drill", json={"until": None})).json()["body"]["until"] is None


async def test_policies_change_by_field_and_refuse_what_they_have_not(client: Client) -> None:
    changed = await client.put("/api/v1/policies/fire_clocks", json={"suspected_s": 120})
    assert changed.json()["body"]["suspected_s"] == 120
    assert changed.json()["body"]["probable_s"] == 60
    for body in ({"speed": 1}, {"suspected_s": "soon"}, {"suspected_s": -1}):
        assert (await client.put("/api/v1/policies/fire_clocks", json=body)).status_code == 422, body
    assert (await client.put("/api/v1/policies/nothing", json={})).status_code == 404


async def test_rules_list_their_numbers_and_take_overrides(client: Client) -> None:
    rules = {rule["code"]: rule for rule in (await client.get("/api/v1/rules")).json()["items"]}
    assert rules["hydrant_pressure_low"]["parameters"]["static_mpa"]["default"] == 0.14
    body = {"scope": "area", "target": AREA, "parameters": {"static_mpa": 0.16}}
    changed = await client.put("/api/v1/rules/hydrant_pressure_low", json=body)
    assert changed.json()["overrides"][0]["parameters"] == {"static_mpa": 0.16}
    bad = await client.put("/api/v1/rules/hydrant_pressure_low", json={"parameters": {"volume": 1}})
    assert bad.status_code == 422
    assert "static_mpa" in bad.json()["detail"]


async def test_an_override_taken_back_no_longer_holds_and_the_audit_keeps_what_it_said(client: Client) -> None:
    body = {
        "scope": "area", "target": AREA, "parameters": {"static_mpa": 0.16}, "effective_from": "2026-01-02T03:04:05Z",
    }  # fmt: skip
    put = await client.put("/api/v1/rules/hydrant_pressure_low", json=body)
    (override,) = put.json()["overrides"]
    address = f"/api/v1/rules/hydrant_pressure_low/overrides/{override['id']}"
    other = await client.delete(address.replace("pressure_low", "tilt"))
    assert other.status_code == 404
    deleted = await client.delete(address)
    assert deleted.status_code == 200, deleted.text
    assert deleted.json()["overrides"] == []
    assert (await client.delete(address)).status_code == 404
    audit = (await client.get("/api/v1/audit")).json()["items"]
    (row,) = [row for row in audit if row["action"] == "rule.delete_override"]
    assert row["target"] == "hydrant_pressure_low"
    at = datetime.fromisoformat(row["detail"].pop("effective_from"))
    assert at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert row["detail"] == {"scope": "area", "target": AREA, "parameters": {"static_mpa": 0.16}}


async def test_contacts_areas_and_audit(client: Client, connection: asyncpg.Connection) -> None:
    contact = {"name": "值班队长", "channel": "sms", "address": "13800000000", "area": AREA}
    made = await client.post("/api/v1/contacts", json=contact)
    assert made.status_code == 201, made.text
    bad = await client.post("/api/v1/contacts", json=contact | {"channel": "webhook"})
    assert bad.status_code == 422
    changed = await client.put(f"/api/v1/contacts/{made.json()['id']}", json=contact | {"enabled": False})
    assert changed.json()["enabled"] is False
    assert (await client.delete(f"/api/v1/contacts/{made.json()['id']}")).status_code == 204
    area = await client.put("/api/v1/areas/140931300", json={"name": "新区", "parent": "140931"})
    assert area.status_code == 201, area.text
    actions = [row["action"] for row in (await client.get("/api/v1/audit")).json()["items"]]
    assert {"contact.create", "contact.update", "contact.delete", "area.put"} <= set(actions)


async def test_acts_on_a_device_show_on_it_and_a_refused_one_is_not_recorded(
    client: Client, connection: asyncpg.Connection
) -> None:
    before = await connection.fetchval("select count(*) from audit")
    await client.put("/api/v1/devices/h-1", json={"kind": "hydrant", "area": AREA})
    await client.post("/api/v1/devices/h-1/out-of-service", json={"until": _ahead(hours=1), "reason": "阀"})
    await client.post("/api/v1/devices/h-1/commands", json={"command": "guard_check", "timeout_min": 5})
    refused = await client.put("/api/v1/devices/h-2", json={"kind": "hydrant", "area": AREA, "site": 9})
    assert refused.status_code == 422
    assert await connection.fetchval("select count(*) from audit") == before + 3
    shown = (await client.get("/api/v1/devices/h-1")).json()
    assert shown["status"] == "out_of_service"
    commands = (await client.get("/api/v1/devices/h-1/commands")).json()["items"]
    assert commands[0]["arguments"] == {"timeout_min": 5}


async def test_easy_passwords_are_refused_by_field_wherever_one_is_set(client: Client, visit: Any) -> None:
    made = {"username": "zhang", "role": "administrator", "areas": ["*"]}
    for easy in ("12345678", "zhang119", "        ", "woaini1314"):
        refused = await client.post("/api/v1/users", json=made | {"password": easy})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "password"), easy
    assert (await client.post("/api/v1/users", json=made | {"password": "correct horse"})).status_code == 201
    refused = await client.put("/api/v1/users/zhang", json={"password": "password1"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "password")
    zhang = visit()
    await zhang.post("/api/v1/session", json={"username": "zhang", "password": "correct horse"})
    change = {"current": "correct horse", "new": "zhang123456"}
    refused = await zhang.put("/api/v1/session/password", json=change)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "new")


async def test_an_administrator_changes_the_own_password_with_the_old_one_only(client: Client, visit: Any) -> None:
    made = {"username": "zhang", "role": "administrator", "areas": ["*"], "password": "correct horse"}
    await client.post("/api/v1/users", json=made)
    zhang = visit()
    await zhang.post("/api/v1/session", json={"username": "zhang", "password": "correct horse"})
    assert (await zhang.put("/api/v1/users/zhang", json={"password": "another long one"})).status_code == 403
    change = {"current": "correct horse", "new": "another long one"}
    assert (await zhang.put("/api/v1/session/password", json=change)).status_code == 204
