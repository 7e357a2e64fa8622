"""People and keys of machines: made, changed, disabled; nobody is locked out."""

import asyncio
from typing import Any

from tests.integration.api.conftest import AREA, Client


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


async def test_the_last_administrator_of_an_area_stays(client: Client, admin: Any) -> None:
    path = f"/api/v1/users/{admin.username}"
    for change in ({"enabled": False}, {"role": "viewer"}, {"areas": [AREA]}):
        refused = await client.put(path, json=change)
        assert refused.status_code == 409, (change, refused.text)
        assert refused.json()["detail_zh"]
    assert (await client.delete(path)).status_code == 409
    other = {"username": "li", "password": "first password", "role": "administrator", "areas": [AREA]}
    assert (await client.post("/api/v1/users", json=other)).status_code == 201
    assert (await client.delete(path)).status_code == 409, "who administers one township cannot stand in"
    assert (await client.put("/api/v1/users/li", json={"areas": ["*"]})).status_code == 200
    assert (await client.delete(path)).status_code == 204
    assert (await client.delete("/api/v1/users/li")).status_code == 409


async def test_two_administrators_who_disable_each_other_leave_one(client: Client) -> None:
    names = ("li", "zhang")
    for name in names:
        body = {"username": name, "password": "first password", "role": "administrator", "areas": ["*"]}
        assert (await client.post("/api/v1/users", json=body)).status_code == 201
    assert (await client.delete("/api/v1/users/admin")).status_code == 204
    answers = await asyncio.gather(*(client.delete(f"/api/v1/users/{name}") for name in names))
    assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_a_refusal_of_a_form_is_said_in_chinese_by_field(client: Client) -> None:
    refused = await client.post("/api/v1/users", json={"username": "", "password": "x", "role": "chief"})
    errors = refused.json()["errors"]
    assert {error["field"] for error in errors} == {"username", "password", "role"}
    assert all(error["message_zh"] for error in errors), errors
    assert refused.json()["detail_zh"].startswith("username：")
