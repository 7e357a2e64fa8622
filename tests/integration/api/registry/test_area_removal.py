"""An area that nothing uses can be removed; one in use says by what, in both languages; other areas do not exist."""

from collections.abc import Callable

from tests.integration.api.conftest import AREA, Client, Raise

SPARE = "140931299"


async def test_an_unused_area_is_gone_and_one_in_use_says_by_what(
    client: Client, visit: Callable[..., Client], open_alarm: Raise
) -> None:
    await client.put(f"/api/v1/areas/{SPARE}", json={"name": "写错的乡", "parent": "140931"})
    assert (await client.delete(f"/api/v1/areas/{SPARE}")).status_code == 204
    assert (await client.get(f"/api/v1/areas/{SPARE}")).status_code == 404
    assert (await client.delete(f"/api/v1/areas/{SPARE}")).status_code == 404

    await open_alarm("p-1")
    await client.post("/api/v1/sites", json={"name": "医院", "area": AREA})
    refused = await client.delete(f"/api/v1/areas/{AREA}")
    body = refused.json()
    assert (refused.status_code, body["type"]) == (409, "urn:firetower:problem:in_use")
    assert body["uses"] == {"devices": 1, "sites": 1, "alarms": 1}
    assert body["detail"] == "东关镇 (140931100) is used (devices: 1, sites: 1, alarms: 1): move or remove these first"
    assert body["detail_zh"] == "东关镇（140931100）仍在使用：1 台设备、1 个单位、1 条告警。请先移走或删除它们"
    above = (await client.delete("/api/v1/areas/140931")).json()
    assert above["uses"]["areas"] >= 1

    made = await client.post("/api/v1/api-keys", json={"name": "town", "role": "administrator", "areas": [AREA]})
    town = visit(made.json()["key"])
    await client.put(f"/api/v1/areas/{SPARE}", json={"name": "别处", "parent": "140931"})
    assert (await town.delete(f"/api/v1/areas/{SPARE}")).status_code == 404  # it is not theirs


async def test_an_area_that_somebody_may_see_or_is_called_for_stays(client: Client) -> None:
    await client.put(f"/api/v1/areas/{SPARE}", json={"name": "新乡", "parent": "140931"})
    person = {"username": "li", "password": "correct horse", "role": "viewer", "areas": [SPARE]}
    await client.post("/api/v1/users", json=person)
    contact = {"name": "张队长", "channel": "sms", "address": "13800000001", "area": SPARE}
    await client.post("/api/v1/contacts", json=contact)
    rule = {"parameters": {"static_mpa": 0.16}, "scope": "area", "target": SPARE}
    await client.put("/api/v1/rules/hydrant_pressure_low", json=rule)
    refused = await client.delete(f"/api/v1/areas/{SPARE}")
    assert refused.status_code == 409
    assert refused.json()["uses"] == {"users": 1, "contacts": 1, "rules": 1}
