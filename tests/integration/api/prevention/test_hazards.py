"""Hazards over HTTP: found, assigned, rectified, verified; who may do it, what is refused, and what is left behind."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.integration.api.conftest import AREA, OTHER_AREA, Client

Register = Callable[..., Awaitable[dict[str, Any]]]
Find = Callable[..., Awaitable[dict[str, Any]]]
Key = Callable[..., Awaitable[Client]]


@pytest.fixture
async def find(client: Client, register: Register) -> Find:
    """A function that registers a hazard of the device h-1."""
    await register("h-1")

    async def make(**fields: Any) -> dict[str, Any]:
        body = {"device": "h-1", "code": "hydrant_blocked"} | fields
        answer = await client.post("/api/v1/hazards", json={k: v for k, v in body.items() if v is not None})
        assert answer.status_code == 201, answer.text
        assert answer.headers["location"] == f"/api/v1/hazards/{answer.json()['id']}"
        return answer.json()

    return make


@pytest.fixture
def key_of(client: Client, visit: Callable[..., Client]) -> Key:
    """A function that makes a key of a role, and a client with it."""

    async def make(role: str, areas: tuple[str, ...] = (AREA,)) -> Client:
        body = {"name": f"{role}-{areas[0]}", "role": role, "areas": list(areas)}
        made = await client.post("/api/v1/api-keys", json=body)
        return visit(made.json()["key"])

    return make


async def step(who: Client, hazard: dict[str, Any], act: str, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = await who.post(f"/api/v1/hazards/{hazard['id']}/{act}", json=body or None)
    assert answer.status_code == status, (act, answer.text)
    return answer.json()


async def ids(who: Client, query: str = "") -> list[int]:
    return [item["id"] for item in (await who.get(f"/api/v1/hazards{query}")).json()["items"]]


async def test_a_hazard_goes_from_found_to_verified_and_every_step_is_kept(
    client: Client, find: Find, connection: asyncpg.Connection
) -> None:
    one = await find(source="inspection", description="被车辆遮挡")
    assert (one["state"], one["grade"], one["area"], one["device"]) == ("found", "general", AREA, "h-1")
    assert one["location"] == {"lon": 111.09, "lat": 39.02}
    one = await step(client, one, "assign", owner="供水公司", due="2030-01-31")
    assert (one["state"], one["owner"], one["due"]) == ("assigned", "供水公司", "2030-01-31T15:59:59.000Z")
    one = await step(client, one, "rectify", note="已挪车")
    one = await step(client, one, "reopen", note="又停上了")
    assert (one["state"], one["rectified_at"]) == ("assigned", None)
    await step(client, one, "rectify")
    one = await step(client, one, "verify")
    assert (one["state"], one["closed_as"], one["version"]) == ("verified", "rectified", 6)
    assert one["closed_at"] is not None
    acts = [(line["act"], line["from_state"], line["to_state"], line["note"]) for line in one["timeline"]]
    assert acts == [
        ("find", None, "found", ""),
        ("assign", "found", "assigned", ""),
        ("rectify", "assigned", "rectified", "已挪车"),
        ("reopen", "rectified", "assigned", "又停上了"),
        ("rectify", "assigned", "rectified", ""),
        ("verify", "rectified", "verified", ""),
    ]
    assert [line["number"] for line in one["timeline"]] == [1, 2, 3, 4, 5, 6]
    audited = await connection.fetch(
        "select action, actor from audit where target = $1 order by id", f"hazard:{one['id']}"
    )
    assert [row["action"] for row in audited] == [f"hazard.{act}" for act, *_ in acts]
    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute("update hazard_step set note = 'x'")
    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute("delete from hazard_step")


async def test_each_step_is_told_to_subscribers_with_its_own_transaction(
    client: Client, find: Find, connection: asyncpg.Connection
) -> None:
    one = await find()
    await step(client, one, "assign", owner="供水公司")
    await step(client, one, "verify", 409)
    rows = await connection.fetch(
        "select subject, area, data from subscription_event where type = 'hazard.changed' order by id"
    )
    assert [(row["subject"], row["area"], row["data"]["act"]) for row in rows] == [
        ("h-1", AREA, "find"),
        ("h-1", AREA, "assign"),
    ]
    shown = (await client.get(f"/api/v1/hazards/{one['id']}")).json()
    told = rows[-1]["data"]["hazard"]
    people = {"owner", "found_by", "assigned_by", "rectified_by", "closed_by", "supervised_by"}
    assert shown.keys() - told.keys() == people | {"timeline"}
    assert told == {name: shown[name] for name in told}


async def test_what_the_state_does_not_allow_is_refused_in_both_languages_and_leaves_no_line(
    client: Client, find: Find
) -> None:
    one = await find()
    for act in ("rectify", "verify", "close", "reopen", "supervise", "assign"):
        refused = await step(client, one, act, 409)
        assert refused["type"] == "urn:firetower:problem:not_allowed"
        assert refused["detail_zh"]
    assert len((await client.get(f"/api/v1/hazards/{one['id']}")).json()["timeline"]) == 1


async def test_a_major_hazard_under_supervision_is_closed_by_another_person(
    client: Client, find: Find, key_of: Key
) -> None:
    duty, maintainer = await key_of("duty_officer"), await key_of("maintainer")
    one = await find(grade="major")
    one = await step(duty, one, "supervise", authority="消防救援大队", due="2030-01-31")
    assert (one["supervised"], one["authority"]) == (True, "消防救援大队")
    await step(duty, one, "assign", owner="物业")
    await step(maintainer, one, "rectify")
    for act in ("verify", "close"):
        assert "another person" in (await step(maintainer, one, act, 409))["detail"]
    lower = await client.patch(f"/api/v1/hazards/{one['id']}", json={"grade": "general"})
    assert lower.status_code == 409
    await step(duty, one, "close", 409, outcome="unfounded", note="x")
    one = await step(duty, one, "close")
    assert (one["state"], one["closed_by"], one["supervised"]) == ("verified", "key:duty_officer-140931100", True)
    await step(duty, one, "close")  # once more changes nothing
    assert (await client.get(f"/api/v1/hazards/{one['id']}")).json()["version"] == one["version"]


async def test_a_key_that_the_rectifier_made_is_no_other_person(
    client: Client, find: Find, visit: Callable[..., Client]
) -> None:
    body = {"username": "li", "password": "correct horse", "role": "administrator", "areas": ["*"]}
    assert (await client.post("/api/v1/users", json=body)).status_code == 201
    person = visit()
    signed = await person.post("/api/v1/session", json={"username": "li", "password": "correct horse"})
    assert signed.status_code == 200
    made = await person.post("/api/v1/api-keys", json={"name": "phone", "role": "administrator"})
    own_key = visit(made.json()["key"])
    one = await find(grade="major", owner="物业")
    for act in ("supervise", "assign"):
        await step(person, one, act)
    await step(own_key, one, "rectify")
    await step(person, one, "verify", 409)
    await step(own_key, one, "close", 409)
    await step(client, one, "verify")


async def test_what_was_none_is_closed_with_a_reason_from_any_open_state(client: Client, find: Find) -> None:
    one = await find()
    await step(client, one, "close", 422, outcome="unfounded")
    one = await step(client, one, "close", outcome="unfounded", note="现场无遮挡")
    assert (one["state"], one["closed_as"]) == ("verified", "unfounded")


async def test_it_is_corrected_while_it_is_open_and_only_at_the_version_that_was_read(
    client: Client, find: Find
) -> None:
    one = await find(owner="物业", due="2030-01-31T00:00:00+08:00")
    path = f"/api/v1/hazards/{one['id']}"
    changed = await client.patch(path, json={"grade": "major", "due": None}, headers={"If-Match": '"1"'})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["grade"], changed.json()["due"], changed.json()["owner"]) == ("major", None, "物业")
    assert changed.headers["etag"] == '"2"'
    assert changed.json()["timeline"][-1]["detail"] == {"grade": "major", "due": None}
    for how in (client.patch(path, json={"owner": "x"}, headers={"If-Match": '"1"'}),
                client.post(f"{path}/assign", headers={"If-Match": '"1"'})):  # fmt: skip
        stale = await how
        assert (stale.status_code, stale.json()["current_version"]) == (412, 2)
    same = await client.patch(path, json={"grade": "major"})
    assert same.json()["version"] == 2
    await step(client, one, "assign")
    await step(client, one, "rectify")
    await step(client, one, "verify")
    assert (await client.patch(path, json={"owner": "x"})).status_code == 409


async def test_a_repeated_write_is_done_once(client: Client, find: Find) -> None:
    await find()
    body = {"device": "h-1", "code": "hydrant_damaged"}
    headers = {"Idempotency-Key": "scan-1"}
    first, again = [await client.post("/api/v1/hazards", json=body, headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    path = f"/api/v1/hazards/{first.json()['id']}/assign"
    first, again = [
        await client.post(path, json={"owner": "物业"}, headers={"Idempotency-Key": "scan-2"}) for _ in range(2)
    ]
    assert first.json()["version"] == again.json()["version"] == 2


async def test_a_hazard_names_one_place_that_exists_and_a_code_of_the_catalogue(client: Client, find: Find) -> None:
    await find()
    kinds = (await client.get("/api/v1/hazard-codes")).json()["items"]
    assert {"panel_fault", "device_offline", "water_dry", "false_alarms", "insulation_ageing"} <= {
        kind["code"] for kind in kinds if kind["proposed"]
    }
    site = (await client.post("/api/v1/sites", json={"name": "医院", "area": AREA})).json()["id"]
    for body in (
        {"code": "other"},
        {"code": "other", "device": "h-1", "site": site},
        {"code": "other", "device": "h-none"},
        {"code": "other", "site": 999},
        {"code": "unheard_of", "device": "h-1"},
        {"code": "other", "device": "h-1", "source": "system"},
        {"code": "other", "device": "h-1", "grade": "huge"},
        {"code": "other", "device": "h-1", "due": "2030-02-31"},
    ):
        answer = await client.post("/api/v1/hazards", json=body)
        assert answer.status_code == 422, (body, answer.text)
        assert answer.json()["errors"]
    for kind in kinds:
        answer = await client.post("/api/v1/hazards", json={"code": kind["code"], "site": site})
        assert (answer.status_code, answer.json()["grade"]) == (201, kind["grade"])
        assert answer.json()["site"] == {"id": site, "name": "医院"}


async def test_lists_are_filtered_paged_and_written_as_a_table(client: Client, find: Find, register: Register) -> None:
    site = (await client.post("/api/v1/sites", json={"name": "医院", "area": AREA})).json()["id"]
    await register("p-1", kind="panel", site=site)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    late = await find(due=yesterday, owner="物业")
    major = await find(grade="major", code="escape_blocked", device=None, site=site, source="inspection")
    panel = await find(device="p-1", code="panel_fault", description="主电故障")
    done = await find(due=yesterday)
    await step(client, done, "close", outcome="unfounded", note="无")
    await step(client, major, "supervise")
    assert (await client.get(f"/api/v1/hazards/{late['id']}")).json()["overdue"] is True
    every = [done["id"], panel["id"], major["id"], late["id"]]
    for query, wanted in (
        ("", every),
        ("?state=open", every[1:]),
        ("?state=found,verified", every),
        ("?state=verified", [done["id"]]),
        ("?overdue=true", [late["id"]]),
        ("?overdue=false", every[:3]),
        ("?grade=major", [major["id"]]),
        ("?source=inspection", [major["id"]]),
        ("?code=panel_fault", [panel["id"]]),
        (f"?site={site}", [panel["id"], major["id"]]),
        ("?device=p-1", [panel["id"]]),
        ("?owner=物业", [late["id"]]),
        ("?supervised=true", [major["id"]]),
        ("?q=主电", [panel["id"]]),
        ("?area=140931", every),
        ("?area=15", []),
        ("?to=2020-01-01T00:00:00Z", []),
    ):
        assert await ids(client, query) == wanted, query
    for wrong in ("?state=gone", "?grade=x", "?source=,", "?colour=red", "?owner=%00", "?cursor=x"):
        assert (await client.get(f"/api/v1/hazards{wrong}")).status_code == 422, wrong
    seen, cursor = [], ""
    while cursor is not None:
        page = (await client.get(f"/api/v1/hazards?limit=1{cursor}")).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"] and f"&cursor={page['next']}"
    assert seen == every
    table = await client.get("/api/v1/hazards?format=csv&limit=2")
    assert table.headers["content-type"].startswith("text/csv")
    assert len(table.text.splitlines()) == 3
    assert 'rel="next"' in table.headers["link"]


async def test_a_viewer_reads_and_a_township_neither_sees_nor_touches_its_neighbours(
    client: Client, find: Find, register: Register, key_of: Key
) -> None:
    viewer, township = await key_of("viewer"), await key_of("administrator")
    one = await find()
    assert await ids(viewer) == [one["id"]]
    for act in ("assign", "rectify", "verify", "reopen", "close", "supervise"):
        await step(viewer, one, act, 403)
    assert (await viewer.post("/api/v1/hazards", json={"device": "h-1", "code": "other"})).status_code == 403
    site = (await client.post("/api/v1/sites", json={"name": "邻镇", "area": OTHER_AREA})).json()["id"]
    await register("h-other", area=OTHER_AREA)
    await register("p-border", kind="panel", site=site)  # its site belongs to the neighbour
    foreign = [await find(device="h-other"), await find(device=None, site=site)]
    border = await find(device="p-border")
    assert border["site"] == {"id": site, "name": "邻镇"}
    assert await ids(township) == [border["id"], one["id"]]
    assert (await township.get(f"/api/v1/hazards/{border['id']}")).json()["site"] is None
    assert await ids(township, f"?site={site}") == []
    for hidden in foreign:
        assert (await township.get(f"/api/v1/hazards/{hidden['id']}")).status_code == 404
        assert (await township.patch(f"/api/v1/hazards/{hidden['id']}", json={"owner": "x"})).status_code == 404
        for act in ("assign", "rectify", "verify", "reopen", "close", "supervise"):
            await step(township, hidden, act, 404)
    for place in ({"device": "h-other"}, {"site": site}):
        answer = await township.post("/api/v1/hazards", json=place | {"code": "other"})
        assert answer.status_code == 422
    await register("h-1", area=OTHER_AREA)  # the device moves, and its hazards with it
    assert await ids(township) == [border["id"]]
