"""What belongs to one township and what another may see of it or do to it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from tests.integration.api.conftest import AREA, OTHER_AREA, Client, Raise, Store

TRIAL = {"parameters": {"static_mpa": 0.2}, "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}


@pytest.fixture
async def township(client: Client, visit: Callable[..., Client]) -> Client:
    """The administrator of one township."""
    made = await client.post("/api/v1/api-keys", json={"name": "township", "role": "administrator", "areas": [AREA]})
    return visit(made.json()["key"])


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
        (403, "DELETE", override, None),
        (404, "DELETE", f"/api/v1/api-keys/{made.json()['id']}", None),
    ):
        answer = await township.request(method, path, json=sent, headers={"If-Match": '"1"'})
        assert answer.status_code == status, (method, path, answer.text)
    assert await connection.fetchval("select count(*) from audit") == audited
    states = await connection.fetch("select state from notice order by state")
    assert [row["state"] for row in states] == ["dead", "held"]
    visitor = await client.get("/api/v1/api-keys")
    assert {item["name"]: item["revoked_at"] for item in visitor.json()["items"]}["gis"] is None


async def test_a_form_or_a_ledger_of_a_township_clears_no_site_that_it_cannot_see(
    client: Client, township: Client, connection: asyncpg.Connection
) -> None:
    place = (await client.post("/api/v1/sites", json={"name": "邻镇", "area": OTHER_AREA})).json()["id"]
    body = {"kind": "panel", "area": AREA, "site": place}
    assert (await client.put("/api/v1/devices/p-own", json=body)).status_code == 201
    shown = (await township.get("/api/v1/devices/p-own")).json()
    assert shown["site"] is None
    sent = {"name": "新名", "site": shown["site"]}
    assert (await township.put("/api/v1/devices/p-own", json=sent)).status_code == 200
    feature = {
        "type": "Feature", "geometry": None,
        "properties": {"code": "p-own", "kind": "panel", "area": AREA, "name": "再改", "site": None},
    }  # fmt: skip
    ledger = {"type": "FeatureCollection", "features": [feature]}
    imported = await township.post("/api/v1/devices/import?datum=wgs84", json=ledger)
    assert imported.status_code == 200, imported.text
    row = await connection.fetchrow("select name, site_id from device where code = 'p-own'")
    assert (row["name"], row["site_id"]) == ("再改", place)
    assert (await township.put("/api/v1/devices/p-own", json={"site": place})).status_code == 422
    assert (await client.put("/api/v1/devices/p-own", json={"site": None})).status_code == 200
    assert await connection.fetchval("select site_id from device where code = 'p-own'") is None


async def test_a_township_names_no_gateway_of_another_and_takes_over_no_panel(
    client: Client, township: Client, connection: asyncpg.Connection
) -> None:
    for code, area, registered in (
        ("gw-own", AREA, True),
        ("gw-other", OTHER_AREA, True),
        ("utd-0a0000000000", OTHER_AREA, True),  # registered under the name it called in with
        ("utd-0b0000000000", OTHER_AREA[:6], False),  # called in, nobody's yet
    ):
        await connection.execute(
            "insert into device (code, kind, area, registered) values ($1, 'panel', $2, $3)", code, area, registered
        )
    for field, value in (
        ("gateway", "gw-other"),
        ("gateway", "gw-none"),  # what it may not see does not exist
        ("gateway_address", "0a0000000000"),
    ):
        body = {"kind": "panel", "area": AREA, field: value}
        answer = await township.put("/api/v1/devices/p-taker", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text
        csv = f"code,kind,area,{field}\np-taker,panel,{AREA},{value}\n"
        headers = {"Content-Type": "text/csv"}
        answer = await township.post(
            "/api/v1/devices/import", params={"datum": "wgs84"}, content=csv.encode(), headers=headers
        )
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text
    for body in ({"gateway": "gw-own"}, {"gateway_address": "0b0000000000"}, {"gateway_address": "0c0000000000"}):
        answer = await township.put("/api/v1/devices/p-taker", json={"kind": "panel", "area": AREA} | body)
        assert answer.status_code in {200, 201}, answer.text
    assert (await client.put("/api/v1/devices/p-taker", json={"gateway": "gw-other"})).status_code == 200  # the county
    body = {"name": "新名", "gateway": "gw-other"}  # a form that sends everything back may keep what stands there
    assert (await township.put("/api/v1/devices/p-taker", json=body)).status_code == 200


async def test_what_is_joined_to_an_alarm_of_ones_own_shows_nothing_of_the_neighbour(
    client: Client, township: Client, open_alarm: Raise, store_notice: Store, connection: asyncpg.Connection
) -> None:
    """An alarm may hang on a site, an incident and hydrants of another township: a device on the border, a move."""
    own, other = await open_alarm("p-own", fire=True), await open_alarm("p-other", area=OTHER_AREA, fire=True)
    secret = "秘密 13800000000"
    contact = {"name": secret, "role": "", "phone": "13800000000"}
    site = {"name": secret, "area": OTHER_AREA, "access_note": secret, "contacts": [contact]}
    place = (await client.post("/api/v1/sites", json=site | {"location": {"lon": 111.5, "lat": 39.5}})).json()["id"]
    hydrant = {"kind": "hydrant", "area": OTHER_AREA, "location": {"lon": 111.09, "lat": 39.02}, "name": secret}
    await client.put("/api/v1/devices/h-secret", json=hydrant)
    await connection.execute("update device set site_id = $1", place)
    await connection.execute("update alarm set site_id = $1", place)
    incident = await connection.fetchval("select incident_id from alarm where id = $1", other)
    await connection.execute("update incident set title = $1 where id = $2", secret, incident)
    await connection.execute("update alarm set incident_id = $1 where id = $2", incident, own)
    await connection.execute(
        """insert into event (device_id, ts, received_at, batch_id, event_id, type, component, description, digest)
           select id, now(), now(), 1, 'e', 'prealarm', '1', $1, '' from device where code = 'p-other'""",
        secret,
    )
    body = {"site": site, "evidence": [{"text": secret}], "nearest_water": [{"code": "h-secret"}, {"code": "h-own"}]}
    await client.put("/api/v1/devices/h-own", json=hydrant | {"area": AREA, "name": ""})
    notice = await store_notice(own, "dead")
    await connection.execute("update notice set body = convert_to($1, 'UTF8')", orjson.dumps(body).decode())
    for path in (
        f"alarms/{own}", "alarms", f"notices/{notice}", "notices", "devices", "devices/p-own", "handover", "events",
        "incidents", "sites", "system", "slo",
    ):  # fmt: skip
        seen = await township.get(f"/api/v1/{path}")
        assert seen.status_code == 200, seen.text
        assert secret not in seen.text, path
        assert "h-secret" not in seen.text, path
    assert secret not in (await township.get("/geo/devices.geojson")).text
    for path in (f"alarms/{own}", f"notices/{notice}", "devices/p-own"):
        everything = (await client.get(f"/api/v1/{path}")).text
        assert secret in everything, path


async def test_an_incident_counts_only_the_alarms_one_may_see(
    client: Client, township: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    own, other = await open_alarm("p-own", fire=True), await open_alarm("p-other", area=OTHER_AREA, fire=True)
    incident = await connection.fetchval("select incident_id from alarm where id = $1", own)
    await connection.execute("update alarm set incident_id = $1 where id = $2", incident, other)
    for who, alarms in ((township, 1), (client, 2)):
        (shown,) = [one for one in (await who.get("/api/v1/incidents")).json()["items"] if one["id"] == incident]
        assert (shown["alarms"], shown["open_alarms"]) == (alarms, alarms)
        assert len((await who.get(f"/api/v1/incidents/{incident}")).json()["members"]) == alarms
