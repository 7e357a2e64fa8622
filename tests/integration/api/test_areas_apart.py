"""What belongs to one township, and what another may see of it or do to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from tests.integration.api.conftest import AREA, OTHER_AREA, Client, Raise, Store

TRIAL = {"parameters": {"static_mpa": 0.2}, "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}


async def test_a_township_neither_sees_nor_touches_its_neighbour(
    client: Client, township: Client, open_alarm: Raise
) -> None:
    own, other = await open_alarm("p-own", fire=True), await open_alarm("p-other", area=OTHER_AREA, fire=True)
    site = (await client.post("/api/v1/sites", json={"name": "邻镇", "area": OTHER_AREA})).json()["id"]
    hazard = (await client.post("/api/v1/hazards", json={"site": site, "code": "other"})).json()["id"]
    assert (await township.get("/api/v1/hazards")).json()["items"] == []
    assert [item["id"] for item in (await township.get("/api/v1/alarms")).json()["items"]] == [own]
    assert [item["code"] for item in (await township.get("/api/v1/devices")).json()["items"]] == ["p-own"]
    features = (await township.get("/geo/devices.geojson")).json()["features"]
    assert [feature["properties"]["code"] for feature in features] == ["p-own"]
    assert (await township.get("/api/v1/sites")).json()["items"] == []
    square = {"type": "Polygon", "coordinates": [[[111.0, 39.0], [111.1, 39.0], [111.1, 39.1], [111.0, 39.0]]]}
    await client.put("/api/v1/grids/g-other", json={"name": "邻镇", "area": OTHER_AREA, "polygon": square})
    assert (await township.get("/api/v1/grids")).json()["items"] == []
    seen = {"site": site, "answers": {"exits": True}}
    inspection = (await client.post("/api/v1/inspections", json=seen)).json()["id"]
    assert (await township.get("/api/v1/inspections")).json()["items"] == []
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for method, path, body in (
        ("GET", f"/api/v1/alarms/{other}", None),
        ("GET", f"/api/v1/alarms/{other}/expectation", None),
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
        ("GET", f"/api/v1/sites/{site}/risk", None),
        ("GET", f"/api/v1/hazards/{hazard}", None),
        ("PATCH", f"/api/v1/hazards/{hazard}", {"owner": "x"}),
        ("POST", f"/api/v1/hazards/{hazard}/assign", {"owner": "x"}),
        ("GET", f"/api/v1/inspections/{inspection}", None),
        ("GET", f"/api/v1/inspections/{inspection}/photo", None),
        ("GET", "/api/v1/grids/g-other", None),
        ("GET", "/api/v1/grids/g-other/duties", None),
        ("PUT", "/api/v1/grids/g-other", {"name": "x"}),
        ("DELETE", "/api/v1/grids/g-other", None),
        ("GET", "/api/v1/users/admin", None),
    ):
        answer = await township.request(method, path, json=body)
        assert answer.status_code == 404, (method, path, answer.text)
    for method, path, body in (
        ("PUT", "/api/v1/policies/drill", {"until": until}),
        ("PUT", "/api/v1/rules/hydrant_pressure_low", {"scope": "all", "parameters": {"static_mpa": 0.2}}),
        ("PUT", "/api/v1/rules/hydrant_pressure_low", {"scope": "area", "target": OTHER_AREA, "parameters": {}}),
        ("POST", "/api/v1/rules/hydrant_pressure_low/trials", TRIAL),
        ("POST", "/api/v1/rules/hydrant_pressure_low/trials", TRIAL | {"scope": "area", "target": OTHER_AREA}),
        ("POST", "/api/v1/users", {"username": "x", "password": "12345678", "role": "viewer", "areas": ["*"]}),
        ("POST", "/api/v1/api-keys", {"name": "x", "role": "viewer", "areas": [OTHER_AREA]}),
        ("PUT", f"/api/v1/areas/{OTHER_AREA}", {"name": "x"}),
        ("POST", "/api/v1/sites", {"name": "x", "area": OTHER_AREA}),
        ("PUT", "/api/v1/devices/p-new", {"kind": "panel", "area": OTHER_AREA}),
        ("PUT", "/api/v1/devices/p-own", {"area": OTHER_AREA}),
        ("POST", "/api/v1/townships", {"name": "x", "areas": [OTHER_AREA]}),
        ("GET", "/api/v1/audit", None),
    ):
        answer = await township.request(method, path, json=body)
        assert answer.status_code == 403, (method, path, answer.text)


async def test_a_township_reads_only_its_own_on_every_page(
    client: Client, township: Client, open_alarm: Raise, store_notice: Store, connection: asyncpg.Connection
) -> None:
    alarms = {AREA: await open_alarm("p-own", fire=True)}
    alarms[OTHER_AREA] = await open_alarm("p-other", area=OTHER_AREA, fire=True)
    notices = {area: await store_notice(alarm_id, "dead") for area, alarm_id in alarms.items()}
    incidents, hydrants = {}, {AREA: "h-own", OTHER_AREA: "h-other"}
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    window = {"until": until, "reason": "测试"}
    for area, code in hydrants.items():
        alarm = await connection.fetchrow("select * from alarm where id = $1", alarms[area])
        incidents[area] = alarm["incident_id"]
        await connection.execute(
            """insert into event (device_id, ts, received_at, batch_id, event_id, type, component, digest)
               values ($1, $2, $2, 1, 'e', 'fire', '1-1', '')""",
            alarm["device_id"],
            alarm["opened_at"],
        )
        gap = "insert into device_quality (device_id, hour, gaps) values ($1, now(), 1)"
        await connection.execute(gap, alarm["device_id"])
        body = {"kind": "hydrant", "area": area, "location": {"lon": 111.09, "lat": 39.02}}
        await client.put(f"/api/v1/devices/{code}", json=body)
        await client.post(f"/api/v1/devices/{code}/out-of-service", json=window)
        site = (await client.post("/api/v1/sites", json={"name": area, "area": area})).json()["id"]
        await client.post(f"/api/v1/sites/{site}/test-window", json=window)
        await client.post(f"/api/v1/alarms/{alarms[area]}/notes", json={"text": area})
        contact = {"name": "值班队长", "channel": "sms", "address": "13800000000", "area": area}
        assert (await client.post("/api/v1/contacts", json=contact)).status_code == 201

    async def read(who: Client, path: str) -> Any:
        answer = await who.get(f"/api/v1/{path}")
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    water = "water-sources/nearest?lon=111.09&lat=39.02"
    for path, name, own in (
        ("incidents", "id", incidents[AREA]),
        ("notices", "id", str(notices[AREA])),
        ("events", "device", "p-own"),
        ("contacts", "area", AREA),
        (water, "code", "h-own"),
    ):
        assert [item[name] for item in (await read(township, path))["items"]] == [own], path
        assert len((await read(client, path))["items"]) == 2, path

    handover, everything = await read(township, "handover"), await read(client, "handover")
    for page, name, own in (
        ("open", "id", alarms[AREA]),
        ("notices", "id", str(notices[AREA])),
        ("out_of_service", "code", "h-own"),
        ("test_windows", "area", AREA),
        ("notes", "text", AREA),
    ):
        assert [item[name] for item in handover[page]] == [own], page
        assert len(everything[page]) == 2, page

    for who, seen in ((township, 1), (client, 2)):
        slo, system = await read(who, "slo"), await read(who, "system")
        clocks = {clock["name"]: clock["count"] for clock in slo["clocks"]}
        assert (clocks["report_to_visible"], slo["loss"]["gaps"], slo["loss_total"]["gaps"]) == (seen, seen, seen)
        assert (slo["loss"].get("stored") is None) == (who is township)
        counts = system["counts"]
        assert (counts["fires_open"], counts["sites"], len(system["test_windows"])) == (seen, seen, seen)
        assert counts["devices"]["hydrant"]["out_of_service"] == seen


async def test_a_township_cannot_touch_what_belongs_to_its_neighbour(
    client: Client, township: Client, open_alarm: Raise, store_notice: Store, connection: asyncpg.Connection
) -> None:
    other = await open_alarm("p-other", area=OTHER_AREA)
    incident = await connection.fetchval("select incident_id from alarm where id = $1", other)
    dead = await store_notice(await open_alarm("p-2", area=OTHER_AREA, fire=True), "dead")
    held = await store_notice(await open_alarm("p-3", area=OTHER_AREA, fire=True), "held")
    contact = {"name": "值班队长", "channel": "sms", "address": "13800000000"}
    theirs = (await client.post("/api/v1/contacts", json=contact | {"area": OTHER_AREA})).json()["id"]
    county = (await client.post("/api/v1/contacts", json=contact)).json()["id"]
    body = {"scope": "area", "target": OTHER_AREA, "parameters": {"static_mpa": 0.2}}
    rule = (await client.put("/api/v1/rules/hydrant_pressure_low", json=body)).json()
    override = f"/api/v1/rules/hydrant_pressure_low/overrides/{rule['overrides'][0]['id']}"
    body = {"scope": "device", "target": "p-other", "parameters": {"static_mpa": 0.2}}
    assert (await client.put("/api/v1/rules/hydrant_pressure_low", json=body)).status_code == 200
    seen = [(await who.get("/api/v1/rules/hydrant_pressure_low")).json()["overrides"] for who in (township, client)]
    assert (seen[0], [one["scope"] for one in seen[1]]) == ([], ["area", "device"])
    made = await client.post("/api/v1/api-keys", json={"name": "gis", "role": "viewer", "areas": [OTHER_AREA]})
    shelf = {"until": (datetime.now(UTC) + timedelta(hours=1)).isoformat(), "reason": "x"}
    audited = await connection.fetchval("select count(*) from audit")
    for status, method, path, sent in (
        (404, "POST", f"/api/v1/alarms/{other}/clear", None),
        (404, "POST", f"/api/v1/alarms/{other}/shelve", shelf),
        (404, "POST", f"/api/v1/alarms/{other}/unshelve", None),
        (404, "GET", f"/api/v1/incidents/{incident}", None),
        (404, "GET", f"/api/v1/notices/{dead}", None),
        (404, "POST", f"/api/v1/notices/{dead}/replay", None),
        (404, "POST", f"/api/v1/notices/{held}/release", None),
        (404, "GET", f"/api/v1/contacts/{theirs}", None),
        (404, "PUT", f"/api/v1/contacts/{theirs}", contact | {"area": AREA}),
        (404, "DELETE", f"/api/v1/contacts/{theirs}", None),
        (404, "DELETE", f"/api/v1/contacts/{county}", None),
        (403, "POST", "/api/v1/contacts", contact | {"area": OTHER_AREA}),
        (403, "POST", "/api/v1/contacts", contact),
        (404, "DELETE", override, None),
        (404, "DELETE", f"/api/v1/api-keys/{made.json()['id']}", None),
    ):
        answer = await township.request(method, path, json=sent, headers={"If-Match": '"1"'})
        assert answer.status_code == status, (method, path, answer.text)
    rule_of = {"scope": "device", "parameters": {"static_mpa": 0.2}}
    guesses = [
        (await township.put("/api/v1/rules/hydrant_pressure_low", json=rule_of | {"target": code})).json()
        for code in ("p-other", "p-no-such")
    ]
    assert [one["detail"].rpartition(" ")[0] for one in guesses] == ["target: there is no device"] * 2
    assert await connection.fetchval("select count(*) from audit") == audited
    states = await connection.fetch("select state from notice order by state")
    assert [row["state"] for row in states] == ["dead", "held"]
    visitor = await client.get("/api/v1/api-keys")
    assert {item["name"]: item["revoked_at"] for item in visitor.json()["items"]}["gis"] is None
