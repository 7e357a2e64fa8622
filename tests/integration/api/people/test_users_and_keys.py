"""People and keys of machines: made, changed, disabled; nobody is locked out."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.api.people.throttle import TRIES, TRIES_OF_NAME, Throttle
from services.api.request import gate, secrets
from services.api.request.state import State
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


async def test_a_key_may_no_more_than_who_made_it_may_now(client: Client, visit: Any) -> None:
    login = {"username": "wang", "password": "9 horses, 3 hydrants"}
    county = {"role": "administrator", "areas": ["140931"]}
    assert (await client.post("/api/v1/users", json=login | county)).status_code == 201
    person = visit()
    await person.post("/api/v1/session", json=login)
    made = {"name": "platform", "role": "administrator", "areas": ["140931"]}
    platform = visit((await person.post("/api/v1/api-keys", json=made)).json()["key"])
    of_platform = {"name": "gis", "role": "viewer", "areas": ["140931"]}
    gis = visit((await platform.post("/api/v1/api-keys", json=of_platform)).json()["key"])

    async def seen(key: Client) -> tuple[int, list[str] | None]:
        answer = await key.get("/api/v1/session")
        return answer.status_code, answer.json().get("areas")

    async def usable() -> dict[str, bool]:
        listed = (await client.get("/api/v1/api-keys")).json()["items"]
        return {one["name"]: one["usable"] for one in listed if one["name"] in ("platform", "gis")}

    assert await seen(platform) == await seen(gis) == (200, ["140931"])
    assert (await client.put("/api/v1/users/wang", json={"areas": [AREA]})).status_code == 200
    assert await seen(platform) == await seen(gis) == (200, [AREA])
    assert await usable() == {"platform": True, "gis": True}
    assert (await client.put("/api/v1/users/wang", json={"role": "duty_officer"})).status_code == 200
    assert (await seen(platform))[0] == 401
    assert await seen(gis) == (200, [AREA])
    assert await usable() == {"platform": False, "gis": True}
    assert (await client.put("/api/v1/users/wang", json={"areas": ["140932"]})).status_code == 200
    assert (await seen(gis))[0] == 401
    assert (await client.put("/api/v1/users/wang", json=county)).status_code == 200
    assert await seen(platform) == await seen(gis) == (200, ["140931"])


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


async def test_a_password_that_is_changed_while_it_is_judged_opens_nothing(
    client: Client, visit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.post("/api/v1/users", json={"username": "li", "password": "first password", "role": "viewer"})
    person, judge = visit(), secrets.password_fits

    async def judge_and_change(given: str, stored: str | None) -> bool:
        fits = await judge(given, stored)
        changed = await client.put("/api/v1/users/li", json={"password": "an administrator's"})
        assert changed.status_code == 200, changed.text
        return fits

    login = {"username": "li", "password": "first password"}
    monkeypatch.setattr(secrets, "password_fits", judge_and_change)
    assert (await person.post("/api/v1/session", json=login)).status_code == 401
    monkeypatch.undo()
    assert (await person.get("/api/v1/session")).status_code == 401


async def test_a_password_that_an_administrator_sets_meanwhile_is_not_overwritten_with_the_old_one(
    client: Client, visit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.post("/api/v1/users", json={"username": "li", "password": "first password", "role": "viewer"})
    thief, judge = visit(), secrets.password_fits
    await thief.post("/api/v1/session", json={"username": "li", "password": "first password"})

    async def judge_and_change(given: str, stored: str | None) -> bool:
        fits = await judge(given, stored)
        await client.put("/api/v1/users/li", json={"password": "an administrator's"})
        return fits

    change = {"current": "first password", "new": "the thief's own one"}
    monkeypatch.setattr(secrets, "password_fits", judge_and_change)
    refused = await thief.put("/api/v1/session/password", json=change)
    monkeypatch.undo()
    assert refused.status_code == 403, refused.text
    login = {"username": "li", "password": "an administrator's"}
    assert (await visit().post("/api/v1/session", json=login)).status_code == 200


async def test_whose_name_is_guessed_from_everywhere_still_changes_the_password(
    client: Client, visit: Any, state: State
) -> None:
    await client.post("/api/v1/users", json={"username": "li", "password": "first password", "role": "viewer"})
    person = visit()
    await person.post("/api/v1/session", json={"username": "li", "password": "first password"})
    for n in range(TRIES_OF_NAME):
        state.of(Throttle).failed(state.clock.monotonic(), f"192.0.2.{n}", "li")
    change = {"current": "first password", "new": "second password"}
    assert (await person.put("/api/v1/session/password", json=change)).status_code == 204
    for _ in range(TRIES):
        assert (await person.put("/api/v1/session/password", json=change)).status_code == 403
    assert (await person.put("/api/v1/session/password", json=change)).status_code == 429


async def test_a_name_has_one_spelling_to_guess_at(client: Client, visit: Any) -> None:
    await client.post("/api/v1/users", json={"username": "li", "password": "first password", "role": "viewer"})
    for spelling in ("\x00li", "l\x00i", "li\x00"):
        refused = await visit().post("/api/v1/session", json={"username": spelling, "password": "first password"})
        assert refused.status_code == 401, refused.text


async def test_a_right_that_is_taken_away_while_the_body_comes_changes_nothing(
    client: Client, visit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "SURE_S", 0.0)
    made = (await client.post("/api/v1/api-keys", json={"name": "former", "role": "administrator"})).json()

    async def body_after_the_end() -> AsyncIterator[bytes]:
        yield b'{"username": "ghost", "password": "correct horse", '
        assert (await client.delete(f"/api/v1/api-keys/{made['id']}")).status_code == 204
        yield b'"role": "administrator"}'

    late = await visit(made["key"]).post(
        "/api/v1/users", content=body_after_the_end(), headers={"Content-Type": "application/json"}
    )
    assert late.status_code == 401, late.text
    assert (await client.get("/api/v1/users/ghost")).status_code == 404
