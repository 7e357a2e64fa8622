"""What lies in a grid, by position: devices and sites, and what its people have to do there."""

from datetime import UTC, datetime, timedelta

import asyncpg

from tests.integration.api.conftest import AREA, Client
from tests.integration.api.prevention.conftest import Put, Register, box, read


async def test_devices_and_sites_belong_by_position_with_holes_and_parts(
    client: Client, register: Register, put: Put
) -> None:
    parts = [[box(111.0, size=0.1), box(111.04, 39.04)[::-1]], [box(111.3)]]
    await put("g-1", polygon={"type": "MultiPolygon", "coordinates": parts})
    places = {
        "inside": (111.01, 39.01), "in-hole": (111.05, 39.05), "in-part": (111.31, 39.01), "on-border": (111.0, 39.05),
        "between": (111.2, 39.01), "beside": (110.999, 39.05),
    }  # fmt: skip
    for code, (lon, lat) in places.items():
        await register(code, location={"lon": lon, "lat": lat})
    await register("nowhere", location=None)
    site = {"name": "医院", "area": AREA, "location": {"lon": 111.02, "lat": 39.02}}
    site_id = (await client.post("/api/v1/sites", json=site)).json()["id"]
    shown = await read(client, "grids/g-1")
    assert shown["devices"] == ["in-part", "inside", "on-border"]
    assert (shown["device_count"], shown["sites"]) == (3, [{"id": site_id, "name": "医院"}])
    assert [one["code"] for one in (await read(client, "devices?grid=g-1"))["items"]] == shown["devices"]
    assert (await read(client, "devices?grid=none"))["items"] == []
    await register("inside", location={"lon": 111.2, "lat": 39.5})
    assert (await read(client, "grids/g-1"))["devices"] == ["in-part", "on-border"], "it has moved out"


async def test_duties_are_hazards_inspections_and_silent_devices_within(
    client: Client, register: Register, put: Put, connection: asyncpg.Connection
) -> None:
    within = {"location": {"lon": 111.01, "lat": 39.01}}
    for code in ("h-due", "h-done", "h-own", "h-away"):
        await register(code, **within)
    await register("panel", kind="panel", **within)
    await register("outside", location={"lon": 111.5, "lat": 39.5})
    await register("h-own", attributes={"inspection_interval_d": 90}, **within)
    now = datetime.now(UTC)
    until = {"until": (now + timedelta(days=1)).isoformat(), "reason": "检修"}
    await client.post("/api/v1/devices/h-away/out-of-service", json=until)
    for code, days in (("h-due", 31), ("h-done", 29), ("h-own", 60)):
        await connection.execute(
            """insert into inspection (request_id, digest, device_id, checklist, inspected_at, received_at,
                   inspected_by, answers, failed, note, hazards)
               select gen_random_uuid(), '', id, 'hydrant', $2, $2, 'user:li', '[]', 0, '', '{}'
               from device where code = $1""",
            code,
            now - timedelta(days=days),
        )
    heard = "insert into device_state (device_id, last_seen, online) select id, $2, $3 from device where code = $1"
    hour_ago = now - timedelta(hours=1)
    for code, online in (("h-due", True), ("h-done", True), ("panel", False)):
        await connection.execute(heard, code, hour_ago, online)
    site = {"name": "医院", "area": AREA, "location": {"lon": 111.01, "lat": 39.01}}
    site_id = (await client.post("/api/v1/sites", json=site)).json()["id"]
    for body in (
        {"device": "h-due", "code": "hydrant_blocked"},
        {"site": site_id, "code": "escape_blocked", "due": "2030-01-01"},
        {"device": "outside", "code": "hydrant_blocked"},
    ):
        assert (await client.post("/api/v1/hazards", json=body)).status_code == 201
    await put("g-1", people=["王建国"])
    duties = await read(client, "grids/g-1/duties")
    assert duties["grid"] == {"id": "g-1", "name": "g-1", "people": [{"name": "王建国", "role": "", "phone": ""}]}
    assert [one["code"] for one in duties["hazards"]] == ["escape_blocked", "hydrant_blocked"]
    due = {one["device"]: (one["interval_d"], one["inspected_at"] is None) for one in duties["inspections_due"]}
    assert due == {"h-due": (30, False)}
    assert [one["device"] for one in duties["silent_devices"]] == ["h-own", "panel"]
    counts = {"devices": 5, "sites": 1, "hazards": 2, "inspections_due": 1, "silent_devices": 2}
    assert duties["counts"] == counts
    short = await read(client, "grids/g-1/duties?limit=1")
    assert (short["counts"], len(short["hazards"])) == (counts, 1)
    assert (await client.get("/api/v1/grids/none/duties")).status_code == 404
