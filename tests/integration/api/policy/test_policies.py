from datetime import UTC, datetime, timedelta

import asyncpg

from tests.integration.api.conftest import AREA, Client


def _ahead(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


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


async def test_the_rota_says_who_is_on_call_and_names_what_it_cannot_use(client: Client) -> None:
    contact = {"channel": "sms", "address": "13800000000"}
    day, night, always, off = [
        (await client.post("/api/v1/contacts", json=contact | {"name": name, "enabled": name != "off"})).json()["id"]
        for name in ("day", "night", "always", "off")
    ]
    every_day = [1, 2, 3, 4, 5, 6, 7]
    shifts = [
        {"contacts": [day, off], "weekdays": every_day, "begin": "08:00", "end": "20:00"},
        {"contacts": [night], "weekdays": every_day, "begin": "20:00", "end": "08:00"},
    ]
    put = await client.put("/api/v1/policies/rota", json={"shifts": shifts})
    assert put.status_code == 200, put.text
    shown = (await client.get("/api/v1/on-call?days=2")).json()
    assert shown["always"] == [always]
    assert len(shown["on_call"]) == 2
    assert [turn["contacts"] for turn in shown["turns"][:4]] in ([[day], [night]] * 2, [[night], [day]] * 2)
    wrong = {"contacts": [], "weekdays": [8], "begin": "8 am", "end": "08:00"}
    refused = await client.put("/api/v1/policies/rota", json={"shifts": [*shifts, wrong]})
    assert refused.status_code == 422
    errors = {one["field"]: one.get("message_zh") for one in refused.json()["errors"]}
    assert set(errors) == {"shifts.2.contacts", "shifts.2.weekdays.0", "shifts.2.begin"}
    assert all(errors.values())  # in Chinese, too


async def test_what_to_do_is_the_brigades_own_by_code(client: Client) -> None:
    words = {"zh": "先打 0350-7320119", "en": ""}
    put = await client.put("/api/v1/policies/responses", json={"fire": words})
    assert put.json()["body"]["fire"] == words
    assert put.json()["body"]["tamper"] == put.json()["defaults"]["tamper"]
    for body in ({"fire": {"zh": "一" * 501}}, {"smoke": words}, {"fire": "出动"}):
        assert (await client.put("/api/v1/policies/responses", json=body)).status_code == 422, body


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
