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
