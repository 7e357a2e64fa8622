"""Notices that a person sends again or lets go."""

from typing import Any

import asyncpg

from tests.integration.api.conftest import Client, Raise, Store


async def test_the_county_sends_a_dead_notice_again_and_lets_a_held_one_go(
    client: Client, open_alarm: Raise, store_notice: Store, connection: asyncpg.Connection
) -> None:
    for act, before in (("replay", "dead"), ("release", "held")):
        notice_id = await store_notice(await open_alarm(f"p-{act}", fire=True), before)
        path = f"/api/v1/notices/{notice_id}/{act}"
        answer = await client.post(path)
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == "waiting"
        assert await connection.fetchval("select state from notice where id = $1", notice_id) == "waiting"
        row = await connection.fetchrow("select actor, action from audit order by id desc limit 1")
        assert tuple(row) == ("key:supervisor", f"notice.{act}")
        refused = await client.post(path)
        assert refused.status_code == 409
        assert "the notice is waiting" in refused.json()["detail"]
        assert refused.json()["detail_zh"].startswith("通知发送中，")
        targets = "select count(*) from audit where action = $1 and target = $2"
        assert await connection.fetchval(targets, f"notice.{act}", f"notice:{notice_id}") == 1


async def test_everybody_reads_why_the_desk_refused_and_all_but_viewers_its_answer(
    client: Client, visit: Any, open_alarm: Raise, store_notice: Store, connection: asyncpg.Connection
) -> None:
    notice_id = await store_notice(await open_alarm("p-1", fire=True), "dead")
    why, answer = "HTTP 422: outside of our area", "outside of our area; " + "x" * 500
    await connection.execute("update notice set last_error = $1", why)
    await connection.execute(
        """insert into notice_attempt (notice_id, number, at, duration_ms, status, error, answer)
           values ($1, 1, now(), 1, 422, $2, $3)""",
        notice_id,
        why,
        answer,
    )
    seen = {}
    for role in ("viewer", "duty_officer"):
        made = await client.post("/api/v1/api-keys", json={"name": role, "role": role})
        shown = (await visit(made.json()["key"]).get(f"/api/v1/notices/{notice_id}")).json()
        assert (shown["last_error"], shown["tries"][0]["error"]) == (why, why)
        seen[role] = shown["tries"][0]["answer"]
    assert seen == {"viewer": None, "duty_officer": answer}
