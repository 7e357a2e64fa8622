"""Inspections over HTTP: stored once however often they are sent, hazards of what failed, photos, and what is due."""

import asyncio
import base64
import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import segno

from services.api.request.state import State
from tests.integration.api.conftest import AREA, OTHER_AREA, Client
from tests.support.hand_clock import HandClock
from tests.unit.api.prevention.test_photos import JPEG, PNG

Register = Callable[..., Awaitable[dict[str, Any]]]
GOOD = [{"item": "reachable", "ok": True}, {"item": "flows", "ok": True}]


async def add(client: Client, status: int = 201, **fields: Any) -> dict[str, Any]:
    body = {"device": "h-1", "answers": GOOD} | fields
    answer = await client.post("/api/v1/inspections", json={k: v for k, v in body.items() if v is not None})
    assert answer.status_code == status, answer.text
    return answer.json()


async def read(client: Client, path: str) -> Any:
    answer = await client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def key_of(client: Client, visit: Callable[..., Client], role: str, area: str = AREA) -> Client:
    made = await client.post("/api/v1/api-keys", json={"name": f"{role}-{area}", "role": role, "areas": [area]})
    return visit(made.json()["key"])


async def test_what_was_found_is_kept_with_who_and_when(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    await register("h-1", name="府前街 12 号")
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    made = await add(client, note="正常", inspected_at=at.isoformat())
    assert (made["device"], made["checklist"], made["failed"], made["hazards"]) == ("h-1", "hydrant", 0, [])
    assert (made["inspected_by"], made["photo"], made["area"]) == ("key:supervisor", None, AREA)
    assert datetime.fromisoformat(made["inspected_at"]) == at
    assert made["answers"][0] == {
        "item": "reachable", "ok": True, "note": "", "title": "未被埋压、圈占、遮挡，消防车可以靠近",
        "title_en": "free, and a fire engine can reach it",
    }  # fmt: skip
    assert await read(client, f"inspections/{made['id']}") == made
    assert (await read(client, "inspections"))["items"] == [made]
    for statement in ("update inspection set note = ''", "delete from inspection"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute(statement)


async def test_every_checklist_can_be_answered_by_its_own_items(client: Client, register: Register) -> None:
    lists = {one["name"]: one["items"] for one in (await read(client, "checklists"))["items"]}
    for kind in ("hydrant", "water", "electrical", "panel"):
        await register(f"d-{kind}", kind=kind)
        answers = {item["item"]: None for item in lists[kind]}
        made = await add(client, device=f"d-{kind}", answers=answers)
        assert [one["ok"] for one in made["answers"]] == [None] * len(answers)
    site = (await client.post("/api/v1/sites", json={"name": "医院", "area": AREA})).json()["id"]
    made = await add(client, device=None, site=site, answers={lists["site"][0]["item"]: True})
    assert (made["site"], made["checklist"]) == ({"id": site, "name": "医院"}, "site")


async def test_a_failed_item_proposes_a_hazard_and_one_is_open_of_each(client: Client, register: Register) -> None:
    await register("h-1")
    answers = [{"item": "reachable", "ok": False, "note": "被车辆遮挡"}, {"item": "flows", "ok": False}, GOOD[1] | {"item": "sign"}]  # fmt: skip  # noqa: E501
    made = await add(client, answers=answers)
    assert made["failed"] == 2
    first, second = [await read(client, f"hazards/{number}") for number in made["hazards"]]
    assert (first["code"], first["source"], first["state"], first["device"]) == (
        "hydrant_blocked", "inspection", "found", "h-1",
    )  # fmt: skip
    assert "被车辆遮挡" in first["description"]
    assert (second["code"], second["grade"]) == ("water_dry", "major")
    again = await add(client, answers=[{"item": "reachable", "ok": False}])
    assert again["hazards"] == [first["id"]], "it is open already"
    closing = {"outcome": "unfounded", "note": "已挪车"}
    assert (await client.post(f"/api/v1/hazards/{first['id']}/close", json=closing)).status_code == 200
    anew = await add(client, answers=[{"item": "reachable", "ok": False}])
    assert anew["hazards"] != [first["id"]]
    assert len((await read(client, "inspections?failed=true"))["items"]) == 3


async def test_what_a_phone_sends_again_is_stored_once_also_at_the_same_time(
    client: Client, register: Register, visit: Callable[..., Client]
) -> None:
    await register("h-1")
    body = {
        "device": "h-1", "request_id": str(uuid4()), "answers": {"reachable": False},
        "photo": base64.b64encode(JPEG).decode(),
    }  # fmt: skip
    sent = await asyncio.gather(*[client.post("/api/v1/inspections", json=body) for _ in range(4)])
    assert sorted(answer.status_code for answer in sent) == [200, 200, 200, 201]
    assert len({answer.json()["id"] for answer in sent}) == 1
    assert len((await read(client, "inspections"))["items"]) == 1
    assert len((await read(client, "hazards"))["items"]) == 1
    for other in (body | {"note": "x"}, body | {"photo": None}):
        refused = await client.post("/api/v1/inspections", json=other)
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:firetower:problem:conflict")
    stranger = await key_of(client, visit, "maintainer")
    assert (await stranger.post("/api/v1/inspections", json=body)).status_code == 409


async def test_what_is_sent_again_is_answered_again_also_when_it_could_not_be_stored_anew(
    client: Client, register: Register, state: State
) -> None:
    await register("h-1")
    at = datetime.now(UTC) - timedelta(days=29)
    body = {"device": "h-1", "request_id": str(uuid4()), "answers": {"flows": True}, "inspected_at": at.isoformat()}
    first = await client.post("/api/v1/inspections", json=body)
    assert first.status_code == 201
    await register("h-1", kind="water")  # whose checklist has no such item
    state.clock = HandClock(datetime.now(UTC) + timedelta(days=2))  # it lies more than 30 days back
    again = await client.post("/api/v1/inspections", json=body)
    assert (again.status_code, again.json()) == (200, first.json() | {"device_kind": "water"})


async def test_a_photo_is_given_back_as_a_picture_and_as_nothing_else(client: Client, register: Register) -> None:
    await register("h-1")
    made = await add(client, photo=f"data:text/html;base64,{base64.b64encode(PNG).decode()}")
    shown = await client.get(made["photo"])
    assert (shown.status_code, shown.content) == (200, PNG)
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in shown.headers["content-security-policy"]
    assert f"inspection-{made['id']}.png" in shown.headers["content-disposition"]
    without = await add(client)
    assert (await client.get(f"/api/v1/inspections/{without['id']}/photo")).status_code == 404
    page = base64.b64encode(b"<script>alert(1)</script>").decode()
    large = base64.b64encode(JPEG[:-2] + b"\x01" * (2 * 1024 * 1024) + JPEG[-2:]).decode()
    for photo, status in (
        (page, 422),
        ("?", 422),
        (large, 413),
        ("A" * 2_933_336, 413),
        ("A" * (3 * 1024 * 1024), 413),
    ):
        refused = await client.post("/api/v1/inspections", json={"device": "h-1", "answers": GOOD, "photo": photo})
        assert refused.status_code == status, photo[:20]
    assert len((await read(client, "inspections"))["items"]) == 2


async def test_a_form_with_a_file_is_taken_too(client: Client, register: Register) -> None:
    await register("h-1")
    form = {"device": "h-1", "site": "", "answers": '{"reachable": false}', "note": "[急]", "request_id": str(uuid4())}
    files = {"photo": ("a.html", JPEG, "text/html")}
    sent = [await client.post("/api/v1/inspections", data=form, files=files) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [201, 200], sent[0].text
    made = sent[0].json()
    assert (made["note"], made["failed"]) == ("[急]", 1)
    assert (await client.get(made["photo"])).content == JPEG
    for wrong, field in (({"answers": "x"}, "answers"), ({"site": "x", "device": ""}, "site"), ({"device": ""}, "")):
        refused = await client.post("/api/v1/inspections", data=form | wrong, files=files)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"].startswith(field)
    for kind in ("multipart/form-data", "multipart/form-data; boundary=b"):
        refused = await client.post("/api/v1/inspections", content=b"x", headers={"Content-Type": kind})
        assert refused.status_code == 422, refused.text
    many = b"".join(b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' for _ in range(21))
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    refused = await client.post("/api/v1/inspections", content=many + b"--b--\r\n", headers=headers)
    assert refused.status_code == 413
    other = await client.post("/api/v1/hazards", data=form, files=files)
    assert other.status_code == 415


async def test_what_is_wrong_is_named_and_nothing_is_stored(client: Client, register: Register) -> None:
    await register("h-1")
    now = datetime.now(UTC)
    for fields, field in (
        ({"device": "none"}, "device"),
        ({"device": None, "site": 7}, "site"),
        ({"answers": []}, "answers"),
        ({"answers": {"colour": True}}, "answers.0.item"),
        ({"answers": [*GOOD, GOOD[0]]}, "answers.2.item"),
        ({"answers": [{"item": "flows"}]}, "answers.0.ok"),
        ({"inspected_at": (now + timedelta(hours=1)).isoformat()}, "inspected_at"),
        ({"inspected_at": (now - timedelta(days=31)).isoformat()}, "inspected_at"),
        ({"request_id": "x"}, "request_id"),
    ):
        refused = await add(client, 422, **fields)
        assert [error["field"] for error in refused["errors"]] == [field], fields
        assert refused["errors"][0].get("message_zh") or field == "request_id", refused
    await add(client, 422, site=1)
    assert (await read(client, "inspections"))["items"] == []


async def test_a_source_shows_its_last_inspection_and_is_due_after_its_interval(
    client: Client, register: Register
) -> None:
    place = {"lon": 111.01, "lat": 39.01}
    await register("h-1", location=place)
    await register("panel", kind="panel")

    async def due(query: str = "") -> list[str]:
        return [one["device"] for one in (await read(client, f"inspections/due{query}"))["items"]]

    never = (await read(client, "devices/h-1"))["inspection"]
    assert never == {"id": None, "inspected_at": None, "failed": None, "interval_d": 30, "due_at": None}
    assert (await read(client, "devices/panel"))["inspection"]["interval_d"] is None
    assert await due() == ["h-1"]
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=5)
    made = await add(client, answers={"flows": False}, inspected_at=at.isoformat())
    last = (await read(client, "devices/h-1"))["inspection"]
    assert (last["id"], last["failed"]) == (made["id"], 1)
    assert datetime.fromisoformat(last["due_at"]) == at + timedelta(days=30)
    (near,) = (await read(client, "water-sources/nearest?lon=111.01&lat=39.01"))["items"]
    assert datetime.fromisoformat(near["inspected_at"]) == at
    assert await due() == []
    await register("h-1", location=place, attributes={"inspection_interval_d": 3})
    assert await due() == ["h-1"]
    corners = [[111.0, 39.0], [111.02, 39.0], [111.02, 39.02], [111.0, 39.02], [111.0, 39.0]]
    grid = {"name": "一", "polygon": {"type": "Polygon", "coordinates": [corners]}}
    await client.put("/api/v1/grids/g-1", json=grid)
    assert (await read(client, "devices/h-1"))["grids"] == ["g-1"]
    assert await due("?grid=g-1") == await due(f"?area={AREA}") == ["h-1"]
    assert await due(f"?area={OTHER_AREA}") == []
    assert (await client.get("/api/v1/inspections/due?grid=none")).status_code == 404


async def test_the_code_for_a_plate_holds_the_address_of_the_checklist_and_no_secret(
    client: Client, register: Register
) -> None:
    await register("h-1")
    shown = await client.get("/api/v1/devices/h-1/inspection-qr")
    assert shown.headers["content-type"] == "image/svg+xml"
    same = io.BytesIO()
    segno.make("http://firetower.test/#/inspect/h-1", error="m", micro=False).save(
        same, kind="svg", border=4, light="#fff", scale=6, title="h-1"
    )
    assert shown.content == same.getvalue()
    assert (await client.get("/api/v1/devices/none/inspection-qr")).status_code == 404


async def test_filters_pages_and_sheets(client: Client, register: Register) -> None:
    site = (await client.post("/api/v1/sites", json={"name": "医院", "area": AREA})).json()["id"]
    await register("h-1", site=site)
    await register("h-2", area=OTHER_AREA)
    ids = [(await add(client, device=code))["id"] for code in ("h-1", "h-2", "h-1")]

    async def found(query: str) -> list[int]:
        return [one["id"] for one in (await read(client, f"inspections?{query}"))["items"]]

    assert await found("device=h-1") == await found(f"site={site}") == await found(f"area={AREA}") == [ids[2], ids[0]]
    assert await found("failed=true") == []
    assert await found("failed=false&limit=2") == ids[:0:-1]
    assert await found(f"from={(datetime.now(UTC) + timedelta(minutes=1)).strftime('%Y-%m-%dT%H:%M:%SZ')}") == []
    part = await read(client, "inspections?limit=2")
    rest = await read(client, f"inspections?limit=2&cursor={part['next']}")
    assert [one["id"] for one in (*part["items"], *rest["items"])] == ids[::-1]
    sheet = await client.get("/api/v1/inspections?format=csv")
    assert sheet.text.splitlines()[0].startswith("id,inspected_at,inspected_by,device")
    assert len(sheet.text.splitlines()) == 4


async def test_a_township_sees_and_enters_its_own_inspections_alone(
    client: Client, register: Register, visit: Callable[..., Client]
) -> None:
    await register("h-1")
    await register("h-2", area=OTHER_AREA)
    theirs = await add(client, device="h-2", photo=base64.b64encode(PNG).decode())
    township = await key_of(client, visit, "duty_officer")
    assert (await read(township, "inspections"))["items"] == []
    assert [one["device"] for one in (await read(township, "inspections/due"))["items"]] == ["h-1"]
    for path in (f"inspections/{theirs['id']}", f"inspections/{theirs['id']}/photo"):
        assert (await township.get(f"/api/v1/{path}")).status_code == 404
    assert (await add(township, 422, device="h-2"))["errors"][0]["field"] == "device"
    await add(township)
    viewer = await key_of(client, visit, "viewer")
    assert (await viewer.post("/api/v1/inspections", json={"device": "h-1", "answers": GOOD})).status_code == 403
