"""Addresses, headers and templates of other people's receivers: checked when written, their secrets never read back."""

from collections.abc import Callable
from typing import Any

import asyncpg
import orjson

from tests.integration.api.conftest import AREA, Client, Raise, Store

SECRETS = ("s3cret-header", "pa55word", "t0ken-of-query", "appkey-in-body", "0c9f4b7a1d2e4f60")
URL = "https://user:pa55word@sms.example/send/0c9f4b7a1d2e4f60?access_token=t0ken-of-query"
GATEWAY = {
    "url": URL,
    "headers": {"Authorization": "Bearer s3cret-header"},
    "body": {"phone": "{address}", "content": "【保德消防】{text}", "app": "appkey-in-body"},
    "success": {"status": [200], "json": {"path": "errcode", "equals": 0}},
}
CONTACT = {
    "name": "值班队长", "channel": "webhook", "address": URL, "area": AREA,
    "settings": {"headers": {"X-Key": "s3cret-header"}},
}  # fmt: skip


async def stored(connection: asyncpg.Connection, name: str) -> dict[str, Any]:
    return orjson.loads(await connection.fetchval("select body::text from policy where name = $1", name))


async def administrator(client: Client, visit: Callable[..., Client], areas: list[str]) -> Client:
    made = await client.post("/api/v1/api-keys", json={"name": "-".join(areas), "role": "admin", "areas": areas})
    return visit(made.json()["key"])


STEP = {"code": "fire", "after_s": 1, "channels": ["sms"], "until": "closed"}
REFUSED_STEPS: list[tuple[dict[str, Any], str, str]] = [
    ({"code": "fires"}, "steps.0.code", "dispatch_failed"),
    ({"channels": "SMS"}, "steps.0.channels", "webhook"),
    ({"channels": "webhook"}, "steps.0.channels", "voice"),
    ({"channels": ["SMS"]}, "steps.0.channels.0", "sms"),
    ({"until": "ack"}, "steps.0.until", "acknowledged"),
    ({"after_s": -5}, "steps.0.after_s", "604800"),
    ({"after_s": "5"}, "steps.0.after_s", "604800"),
    ({"after_s": 1e308}, "steps.0.after_s", "604800"),
    ({"code": None}, "steps.0", "code or severity"),
]
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    *(("escalation", {"steps": [STEP | change]}, field, choice) for change, field, choice in REFUSED_STEPS),
    ("escalation", {"steps": {}}, "steps", "list"),
    ("fire_clocks", {"suspected_s": 1e308}, "suspected_s", "3600"),
    ("fire_clocks", {"suspected_s": True}, "suspected_s", "3600"),
    ("notices", {"notify_from": "loud"}, "notify_from", "major"),
    ("sms_gateway", {"headers": {"X-Account": 1001}}, "headers.X-Account", "string"),
    ("sms_gateway", {"headers": {"X-Sign": "保德消防"}}, "headers.X-Sign", "ASCII"),
    ("sms_gateway", {"url": "http://[::1"}, "url", "http"),
    ("sms_gateway", {"url": "http://127.0.0.1:8/"}, "url", "FIRETOWER_SUBSCRIPTION_NETWORKS"),
    ("sms_gateway", {"success": {"json": {"path": "a"}}}, "success.json.equals", "required"),
]


async def test_a_policy_that_cannot_be_used_is_refused_with_field_and_choices(client: Client) -> None:
    for name, body, field, choice in REFUSED:
        answer = await client.put(f"/api/v1/policies/{name}", json=body)
        assert answer.status_code == 422, (body, answer.text)
        (error,) = answer.json()["errors"]
        assert error["field"] == field, body
        assert choice in error["message"], body
    for number in ("NaN", "Infinity", "-Infinity", "1e999"):
        content = f'{{"suspected_s": {number}}}'
        answer = await client.put(
            "/api/v1/policies/fire_clocks", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == "suspected_s"


async def test_a_contact_that_cannot_be_called_is_refused(client: Client) -> None:
    changes: list[tuple[dict[str, Any], str]] = [
        ({"settings": {"headers": "Authorization: Bearer abc"}}, "settings.headers"),
        ({"settings": {"headers": {"X": 7}}}, "settings.headers.X"),
        ({"settings": {"headers": {"X": "a\r\nb"}}}, "settings.headers.X"),
        ({"settings": {"header": {}}}, "settings.header"),
        ({"settings": {"success": {"json": {"path": "x y", "equals": 0}}}}, "settings.success.json.path"),
        ({"address": "http://"}, "address"),
        ({"address": "http://h:99999/"}, "address"),
        ({"address": "http://127.0.0.1/"}, "address"),
        ({"address": "http://[::ffff:10.0.0.1]/"}, "address"),
        ({"address": "http://2130706433/"}, "address"),
        ({"address": "http://localhost:8000/"}, "address"),
        ({"channel": "sms", "address": "１３８００"}, "address"),
    ]
    for change, field in changes:
        answer = await client.post("/api/v1/contacts", json=CONTACT | change)
        assert answer.status_code == 422, (change, answer.text)
        assert answer.json()["errors"][0]["field"] == field, change


async def test_secrets_of_a_gateway_are_written_and_never_read_back(
    client: Client, connection: asyncpg.Connection
) -> None:
    put = await client.put("/api/v1/policies/sms_gateway", json=GATEWAY)
    assert put.status_code == 200, put.text
    assert await stored(connection, "sms_gateway") == GATEWAY
    audit = await client.get("/api/v1/audit")
    for answer in (put, audit, await client.get("/api/v1/policies"), await client.get("/api/v1/policies/sms_gateway")):
        assert not [secret for secret in SECRETS if secret in answer.text]
    shown = put.json()["body"]
    assert shown["url"] == "https://***@sms.example/send/***?access_token=***"
    assert shown["headers"] == {"Authorization": "***"}
    assert shown["body"] == {"phone": "{address}", "content": "【保德消防】{text}", "app": "***"}


async def test_a_mask_that_is_written_back_keeps_the_secret_but_never_for_another_host(
    client: Client, connection: asyncpg.Connection
) -> None:
    shown = (await client.put("/api/v1/policies/sms_gateway", json=GATEWAY)).json()["body"]
    again = await client.put("/api/v1/policies/sms_gateway", json=shown)
    assert again.status_code == 200, again.text
    assert await stored(connection, "sms_gateway") == GATEWAY
    added = {"headers": {"Authorization": "***", "X-More": "1"}}
    assert (await client.put("/api/v1/policies/sms_gateway", json=added)).status_code == 200
    assert (await stored(connection, "sms_gateway"))["headers"] == GATEWAY["headers"] | {"X-More": "1"}
    elsewhere = "https://thief.example/"
    for body in ({"url": elsewhere}, shown | {"url": elsewhere}, {"url": shown["url"].replace("sms", "thief")}):
        assert (await client.put("/api/v1/policies/sms_gateway", json=body)).status_code == 422, body
    misplaced = await client.put("/api/v1/policies/sms_gateway", json={"headers": {"X-New": "***"}})
    assert misplaced.status_code == 422
    moved = await client.put("/api/v1/policies/sms_gateway", json={"url": elsewhere, "headers": {}, "body": {}})
    assert moved.status_code == 200, moved.text


async def test_secrets_of_a_contact_are_written_and_never_read_back(
    client: Client, visit: Callable[..., Client], connection: asyncpg.Connection
) -> None:
    made = await client.post("/api/v1/contacts", json=CONTACT)
    assert made.status_code == 201, made.text
    shown = made.json()
    body = {name: value for name, value in shown.items() if name not in {"id", "version"}}
    address = f"/api/v1/contacts/{shown['id']}"
    renamed = await client.put(address, json=body | {"name": "副队长"})
    assert renamed.status_code == 200, renamed.text
    row = await connection.fetchrow("select * from contact")
    assert row is not None
    assert (row["name"], row["address"], row["settings"]) == ("副队长", URL, CONTACT["settings"])
    duty = await client.post("/api/v1/api-keys", json={"name": "duty", "role": "duty", "areas": [AREA]})
    seen = await visit(duty.json()["key"]).get(address)
    assert seen.json()["address"] == "https://***@sms.example/send/***?access_token=***"
    audit = await client.get("/api/v1/audit")
    for answer in (made, renamed, seen, audit, await client.get("/api/v1/contacts")):
        assert not [secret for secret in SECRETS if secret in answer.text]
    for change in ({"address": "https://thief.example/"}, {"address": shown["address"].replace("sms.", "thief.")}):
        assert (await client.put(address, json=body | change)).status_code == 422
    assert (await client.post("/api/v1/contacts", json=body)).status_code == 422


async def test_a_townships_administrator_reads_no_gateway_of_the_county(
    client: Client, visit: Callable[..., Client]
) -> None:
    await client.put("/api/v1/policies/sms_gateway", json=GATEWAY)
    township = await administrator(client, visit, [AREA])
    assert (await township.get("/api/v1/policies/sms_gateway")).status_code == 404
    listed = [one["name"] for one in (await township.get("/api/v1/policies")).json()["items"]]
    assert "escalation" in listed
    assert not [name for name in listed if name.endswith("gateway")]
    assert (await client.get("/api/v1/policies/sms_gateway")).status_code == 200


async def test_what_stands_in_the_table_and_cannot_be_used_is_shown_with_what_holds_instead(
    client: Client, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        """insert into policy (name, body, updated_by) values
           ('fire_clocks', '{"suspected_s": 1e400, "probable_s": 30}', 't'), ('health', '[1]', 't'),
           ('notices', '{"flap_hold_s": -1, "offline_hold_s": 7}', 't')"""
    )
    policies = {one["name"]: one for one in (await client.get("/api/v1/policies")).json()["items"]}
    assert policies["notices"]["body"]["flap_hold_s"] == 60
    assert policies["notices"]["body"]["offline_hold_s"] == 7
    assert policies["notices"]["faults"][0]["field"] == "flap_hold_s"
    assert policies["fire_clocks"]["faults"]
    assert policies["health"]["faults"]
    mended = await client.put("/api/v1/policies/health", json={"drift_s": 6})
    assert mended.status_code == 200, mended.text
    assert (mended.json()["body"]["drift_s"], mended.json()["faults"]) == (6, [])


async def test_whose_word_a_contact_is_stands_beside_it(
    client: Client, visit: Callable[..., Client], connection: asyncpg.Connection
) -> None:
    plain = {"name": "x", "channel": "sms", "address": "13800000000", "area": AREA}
    made = (await client.post("/api/v1/contacts", json=plain)).json()["id"]
    assert await connection.fetchval("select by_county from contact") is True
    township = await administrator(client, visit, [AREA])
    assert (await township.put(f"/api/v1/contacts/{made}", json=plain)).status_code == 200
    assert await connection.fetchval("select by_county from contact") is False


async def test_contacts_in_the_table_that_nobody_could_write_are_shown_and_can_be_mended(
    client: Client, connection: asyncpg.Connection
) -> None:
    stored = ('{"headers": 1e400}', "[1]", '"x"', '{"headers": "Bearer s3cret-header"}', '{"headers": {"X": 1}}')
    for settings in stored:
        await connection.execute(
            """insert into contact (name, channel, address, settings)
               values ('x', 'webhook', 'http://[::1', $1::text::jsonb)""",
            settings,
        )
    contacts = (await client.get("/api/v1/contacts")).json()["items"]
    assert len(contacts) == 5
    assert "s3cret-header" not in str(contacts)
    for contact in contacts:
        mended = await client.put(f"/api/v1/contacts/{contact['id']}", json=CONTACT)
        assert mended.status_code == 200, mended.text


async def test_what_was_answered_is_shown_to_who_may_see_settings(
    client: Client, visit: Callable[..., Client], open_alarm: Raise, store_notice: Store, connection: asyncpg.Connection
) -> None:
    await client.put("/api/v1/devices/p-1", json={"kind": "panel", "area": AREA})
    alarm = await open_alarm("p-1", fire=True)
    call = await store_notice(alarm, "held")
    body = {"phone": "13800000000", "app": ["appkey-in-body"], "text": "【望火楼】紧急告警"}
    await connection.execute("update notice set channel = 'contact:1', body = $1", orjson.dumps(body))
    desk = await store_notice(alarm, "dead")
    await connection.execute(
        """insert into notice_attempt (notice_id, number, at, duration_ms, status, error, answer)
           select id, 1, now(), 1, 500, 'HTTP 500', 'inner words' from notice"""
    )
    words: dict[str, list[str | None]] = {}
    for role in ("viewer", "duty", "maintainer", "admin"):
        made = await client.post("/api/v1/api-keys", json={"name": role, "role": role, "areas": [AREA]})
        reader = visit(made.json()["key"])
        shown = [(await reader.get(f"/api/v1/notices/{notice}")).json() for notice in (desk, call)]
        words[role] = [one["tries"][-1]["answer"] for one in shown]
    assert shown[1]["body"] == {"phone": "***", "app": ["***"], "text": "【望火楼】紧急告警"}
    told = "inner words"
    assert words == {
        "viewer": [None, None], "duty": [told, None], "maintainer": [told, None], "admin": [told, told],
    }  # fmt: skip
