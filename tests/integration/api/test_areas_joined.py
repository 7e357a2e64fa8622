"""What links two townships (a site, a gateway, an incident) shows nothing of the other, and takes nothing from it."""

import asyncpg
import orjson
import pytest

from tests.integration.api.conftest import AREA, OTHER_AREA, Client, Raise, Store


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
    for path in ("alarms", "devices"):  # nor by asking for what is not shown
        for who, some in ((township, False), (client, True)):
            found = (await who.get(f"/api/v1/{path}", params={"site": place})).json()["items"]
            assert bool(found) is some, path
    for path in (f"alarms/{own}", f"notices/{notice}", "devices/p-own"):
        everything = (await client.get(f"/api/v1/{path}")).text
        assert secret in everything, path


async def test_an_alarm_of_a_device_that_moved_away_tells_nothing_of_it_since(
    client: Client, township: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    own = await open_alarm("p-moved")
    await connection.execute("update alarm set state = 'closed', closed_at = now() where id = $1", own)
    secret = {"name": "秘密", "location": {"lon": 111.777, "lat": 39.777}, "area": OTHER_AREA}
    assert (await client.put("/api/v1/devices/p-moved", json=secret)).status_code == 200
    await connection.execute(
        """update device set out_of_service_until = now() + interval '1 day', out_of_service_reason = '秘密',
           out_of_service_by = 'user:secret' where code = 'p-moved'"""
    )
    for path in (f"alarms/{own}", "alarms"):
        everything, seen = [(await who.get(f"/api/v1/{path}")).text for who in (client, township)]
        assert "p-moved" in seen, path
        for told in ("秘密", "111.777", "user:secret"):
            assert told in everything, path
            assert told not in seen, path
    for who, most in ((township, 0), (client, 1)):
        assert len((await who.get("/api/v1/alarms", params={"q": "秘密"})).json()["items"]) == most
        there = {"bbox": "111.7,39.7,111.8,39.8", "state": "closed"}
        assert len((await who.get("/ogc/collections/alarms/items", params=there)).json()["features"]) == most
    features = (await township.get("/ogc/collections/alarms/items", params={"device": "p-moved"})).json()["features"]
    assert [(one["geometry"], one["properties"]["device_name"]) for one in features] == [(None, None)]
    assert len((await township.get("/api/v1/alarms", params={"device": "p-moved"})).json()["items"]) == 1


async def test_what_the_desk_was_told_before_an_alarm_came_here_shows_nothing_of_where_it_was(
    client: Client, township: Client, open_alarm: Raise, store_notice: Store, connection: asyncpg.Connection
) -> None:
    """The registry is set right during a fire: the notices of before tell of the neighbour's site."""
    secret = {"name": "秘密", "address": "府前街 9 号", "access_note": "秘密", "contacts": []}
    other = (await client.post("/api/v1/sites", json=secret | {"area": OTHER_AREA})).json()["id"]
    here = (await client.post("/api/v1/sites", json={"name": "粮库", "address": "路 1 号", "area": AREA})).json()["id"]
    own = await open_alarm("p-own", fire=True)
    notice = await store_notice(own, "delivered")
    there = {"code": "p-own", "kind": "panel", "name": "秘密", "area": OTHER_AREA, "location": None}
    mine = there | {"area": AREA, "name": "粮库主机"}
    bodies = (
        {"device": there, "site": None, "evidence": [{"text": "秘密"}]},
        {"device": there, "site": secret, "evidence": [{"text": "秘密"}]},
        {"device": mine | {"name": ""}, "site": secret, "evidence": [{"text": "秘密"}]},
    )
    for place in (None, here):
        await connection.execute("update alarm set site_id = $1", place)
        for body in bodies:
            await connection.execute("update notice set body = convert_to($1, 'UTF8')", orjson.dumps(body).decode())
            seen, everything = [(await who.get(f"/api/v1/notices/{notice}")).text for who in (township, client)]
            assert "秘密" not in seen, (place, body)
            assert "秘密" in everything
    known = {"device": mine, "site": {"name": "粮库", "address": "路 1 号"}, "evidence": [{"text": "手动报警"}]}
    await connection.execute("update notice set body = convert_to($1, 'UTF8')", orjson.dumps(known).decode())
    for name in ("粮库", "粮油中心"):  # whatever the site is called since
        await connection.execute("update site set name = $1 where id = $2", name, here)
        assert (await township.get(f"/api/v1/notices/{notice}")).json()["body"] == known
    await connection.execute("update site set name = '秘密' where id = $1", other)
    assert (await township.get(f"/api/v1/notices/{notice}")).json()["body"] == known


@pytest.mark.parametrize("area", [OTHER_AREA, AREA])
async def test_a_verdict_that_is_corrected_after_the_device_moved_tells_the_desk_where_the_fire_was(
    client: Client, open_alarm: Raise, connection: asyncpg.Connection, area: str
) -> None:
    here = {"name": "粮库", "area": AREA, "location": {"lon": 111.01, "lat": 39.01}}
    place = (await client.post("/api/v1/sites", json=here)).json()["id"]
    own = await open_alarm("p-moved", fire=True, site_id=place)
    path = f"/api/v1/alarms/{own}"
    judged = await client.post(f"{path}/verify", json={"outcome": "real"})
    assert judged.status_code == 200, judged.text
    await connection.execute("update alarm set state = 'closed', closed_at = now() where id = $1", own)
    there = {"name": "秘密", "area": area, "location": {"lon": 111.777, "lat": 39.777}}
    site = (await client.post("/api/v1/sites", json=there)).json()["id"]
    assert (await client.put("/api/v1/devices/p-moved", json=there | {"site": site})).status_code == 200
    wanted = {"outcome": "false", "reason": "复核为误报"}
    version = {"If-Match": f'"{judged.json()["version"]}"'}
    corrected = await client.post(f"{path}/correct", json=wanted, headers=version)
    assert corrected.status_code == 200, corrected.text
    newest = await connection.fetchval("select convert_from(body, 'UTF8') from notice order by number desc limit 1")
    body = orjson.loads(newest)
    assert body["type"] == "alarm.updated"
    assert (body["device"]["code"], body["device"]["area"], body["site"]["name"]) == ("p-moved", AREA, "粮库")
    assert body["device"]["location"] == {"lon": 111.01, "lat": 39.01, "datum": "WGS84"}
    assert "秘密" not in newest


async def test_a_site_counts_the_false_alarms_of_its_own_area(
    client: Client, township: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    place = (await client.post("/api/v1/sites", json={"name": "粮库", "area": AREA})).json()["id"]
    for area in (AREA, OTHER_AREA):
        await open_alarm(f"p-{area}", area=area, site_id=place, verification="false")
    assert (await township.get(f"/api/v1/sites/{place}")).json()["false_alarms_30d"] == 1


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
