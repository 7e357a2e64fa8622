from datetime import UTC, datetime, timedelta

import asyncpg

from tests.integration.api.conftest import AREA, Client


def _ahead(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


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


async def test_the_arguments_of_a_command_are_what_was_given(client: Client, connection: asyncpg.Connection) -> None:
    await client.put("/api/v1/devices/h-1", json={"kind": "hydrant", "area": AREA})
    given = '{"command":"set","interval_s":300,"until_ms":1796126007539,"ratio":1.5,"on":true,"text":"5","none":null}'
    headers = {"content-type": "application/json"}
    made = await client.post("/api/v1/devices/h-1/commands", content=given, headers=headers)
    assert made.status_code == 201, made.text
    kept = await connection.fetchval("select arguments::text from command")
    for part in ('"interval_s": 300', '"until_ms": 1796126007539', '"ratio": 1.5', '"on": true', '"text": "5"'):
        assert f"{part}," in kept.replace("}", ",")
    for refused in (2**53, -(2**53), 1e10):
        assert (await client.post("/api/v1/devices/h-1/commands", json={"command": "set", "n": refused})).is_error


async def test_a_switch_is_no_place(client: Client) -> None:
    for location in ({"lon": True, "lat": 39.02}, {"lon": 111.09, "lat": False}):
        body = {"kind": "hydrant", "area": AREA, "location": location}
        assert (await client.put("/api/v1/devices/h-1", json=body)).status_code == 422
        assert (await client.post("/api/v1/sites", json={"name": "医院"} | body)).status_code == 422


async def test_a_whole_number_in_an_attribute_comes_back_as_one(client: Client) -> None:
    body = {"kind": "hydrant", "area": AREA, "attributes": {"bore_mm": 100, "share": 0.5, "loud": True}}
    made = await client.put("/api/v1/devices/h-1", json=body)
    assert '"bore_mm":100,' in made.text.replace("}", ",")
