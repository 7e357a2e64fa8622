"""The live stream of the program itself."""

import time
from contextlib import ExitStack
from typing import Any

import asyncpg
import httpx2

from tests.integration.api.conftest import AREA, OTHER_AREA
from tests.integration.api.live.listening import keep_sending, store_alarm, store_batch, store_device
from tests.support.servers import until
from tests.support.waiting import PATIENCE_S


async def test_changes_of_devices_and_alarms_arrive(listen: Any, connection: asyncpg.Connection) -> None:
    device_id = await store_device(connection, "h-1")
    listener = listen()
    await keep_sending(connection, device_id, listener)
    newest = lambda: listener.named("device")[-1]["items"][0]  # noqa: E731
    until(lambda: newest()["status"] == "online", what="the device that was made and then heard of")
    item = newest()
    assert item["code"] == "h-1"
    assert item["state"]["pressure_mpa"]["value"] > 0
    await store_alarm(connection, device_id)
    until(lambda: bool(listener.named("alarm")), what="the alarm")
    assert listener.named("alarm")[0]["device"] == "h-1"
    until(lambda: listener.named("device")[-1]["items"][0]["alarm"] == "minor", what="the device with its alarm")


async def test_a_fire_behind_three_thousand_faults_is_told_or_everybody_is_told_to_fetch_anew(
    listen: Any, connection: asyncpg.Connection
) -> None:
    device_id = await store_device(connection, "p-1")
    listener = listen()
    insert = """insert into alarm (subject, code, component, category, severity, state, confidence, device_id, area,
                                   reason, reason_en, opened_at)
                select 'device:' || $1::integer, $2, n::text, $3, $4, 'unacknowledged', $5, $1, $6, '火', 'fire', now()
                from generate_series(1, $7) n"""
    await connection.execute(insert, device_id, "panel_fault", "device", "minor", None, AREA, 3000)
    await connection.execute("select pg_notify('firetower_alarm', '')")
    await connection.execute(insert, device_id, "fire", "fire", "critical", "suspected", AREA, 1)
    await connection.execute("select pg_notify('firetower_alarm', '')")
    heard = lambda: "fire" in [alarm["code"] for alarm in listener.named("alarm")]  # noqa: E731
    until(lambda: heard() or bool(listener.named("resync")), what="the fire, or word to fetch anew")
    if heard():
        place = [alarm["code"] for alarm in listener.named("alarm")].index("fire")
        assert place < 3000 - 500, "a fire waits for what is on its way, not for the whole flood"


async def test_streams_end_when_their_key_is_revoked_or_its_rights_change(listen: Any) -> None:
    with ExitStack() as stack:
        http = stack.enter_context(httpx2.Client(base_url=listen.url, headers=listen().headers, timeout=PATIENCE_S))

        def key(name: str) -> Any:
            return http.post("/api/v1/api-keys", json={"name": name, "role": "viewer", "areas": [AREA]}).json()

        def person(name: str, role: str = "viewer") -> httpx2.Client:
            body = {"username": name, "password": "long and quiet 7", "role": role, "areas": ["*"]}
            assert http.post("/api/v1/users", json=body).status_code == 201
            mine = stack.enter_context(httpx2.Client(base_url=listen.url, timeout=PATIENCE_S))
            assert mine.post("/api/v1/session", json={k: body[k] for k in ("username", "password")}).is_success
            return mine

        revoked, kept = key("revoked"), key("kept")
        narrowed, leaves, disabled, boss = (
            person("narrowed"), person("leaves"), person("disabled"), person("boss", "administrator")
        )  # fmt: skip
        of_boss = boss.post("/api/v1/api-keys", json={"name": "of-boss", "role": "administrator"}).json()["key"]
        of_boss_headers = {"Authorization": f"Bearer {of_boss}"}
        with httpx2.Client(base_url=listen.url, headers=of_boss_headers, timeout=PATIENCE_S) as other:
            second = other.post("/api/v1/api-keys", json={"name": "second", "role": "viewer"}).json()["key"]
        stays = listen(kept["key"])
        end = [listen(revoked["key"]), listen(second), *(listen(cookie=one) for one in (narrowed, leaves, disabled))]
        assert http.delete(f"/api/v1/api-keys/{revoked['id']}").status_code == 204
        assert http.put("/api/v1/users/narrowed", json={"areas": [AREA]}).is_success
        assert leaves.delete("/api/v1/session").status_code == 204
        assert http.delete("/api/v1/users/disabled").status_code == 204
        assert http.delete("/api/v1/users/boss").status_code == 204
        for number, one in enumerate(end):
            until(one.ended.is_set, what=f"the end of stream {number}")
        assert not stays.ended.is_set()
        for refused in (of_boss, second):
            answer = http.get("/api/v1/alarms", headers={"Authorization": f"Bearer {refused}"})
            assert answer.status_code == 401
        shown = {item["name"]: item["usable"] for item in http.get("/api/v1/api-keys").json()["items"]}
        assert shown == {"supervisor": True, "revoked": False, "kept": True, "of-boss": False, "second": False}
        assert http.put("/api/v1/users/boss", json={"enabled": True}).is_success
        assert http.get("/api/v1/alarms", headers={"Authorization": f"Bearer {second}"}).is_success


async def test_device_frames_come_at_most_four_times_a_second(listen: Any, connection: asyncpg.Connection) -> None:
    device_id = await store_device(connection, "h-1")
    opened = time.monotonic()  # what has arrived by now was sent since then, however late a busy machine reads it
    listener = listen()
    number = await keep_sending(connection, device_id, listener)
    began = time.monotonic()
    while time.monotonic() - began < 2 or len(listener.named("device")) < 2:
        await store_batch(connection, number, device_id, number / 1000)
        number += 1
    frames = len(listener.named("device"))
    assert frames <= 4 * (time.monotonic() - opened) + 1


async def test_a_burst_of_changes_is_told_whole_in_frames_of_a_bounded_size(
    listen: Any, connection: asyncpg.Connection
) -> None:
    device_id = await store_device(connection, "h-1")
    await connection.execute(
        """insert into device (code, kind, area, registered, updated_at)
           select 'b-' || n, 'hydrant', $1, true, now() - interval '1 hour' from generate_series(1, 2500) n""",
        AREA,
    )
    listener = listen()
    number = await keep_sending(connection, device_id, listener)
    ids = await connection.fetchval("select array_agg(id) from device where code like 'b-%'")
    await connection.execute("insert into device_state (device_id, last_seen) select unnest($1::integer[]), now()", ids)
    await connection.execute(
        """insert into ingest_batch (id, writer, number, owner, lane, seen)
           overriding system value values ($1, 'all/telemetry', $1, gen_random_uuid(), 'telemetry', $2)""",
        number,
        ids,
    )
    await connection.execute("select pg_notify('firetower_batch', '')")

    def told() -> list[set[str]]:
        frames = [{item["code"] for item in frame["items"]} for frame in listener.named("device")]
        return [codes for codes in frames if any(code.startswith("b-") for code in codes)]

    until(lambda: len(set().union(*told())) >= 2500, what="every device")
    assert len(told()) >= 3


async def test_a_township_hears_nothing_of_its_neighbour(listen: Any, connection: asyncpg.Connection) -> None:
    own, other = await store_device(connection, "own"), await store_device(connection, "other", OTHER_AREA)
    county = listen()
    with httpx2.Client(base_url=listen.url, headers=county.headers, timeout=PATIENCE_S) as http:
        key = http.post("/api/v1/api-keys", json={"name": "t", "role": "viewer", "areas": [AREA]}).json()["key"]
    township = listen(key)
    await store_alarm(connection, other, OTHER_AREA)
    await store_alarm(connection, own)
    until(lambda: len(county.named("alarm")) == 2, what="both alarms at the county")
    until(lambda: bool(township.named("alarm")), what="the township's own alarm")
    assert [alarm["device"] for alarm in township.named("alarm")] == ["own"]


async def test_who_no_longer_sees_a_device_that_was_moved_is_told_to_fetch_anew(
    listen: Any, connection: asyncpg.Connection
) -> None:
    moved = await store_device(connection, "h-1")
    county = listen()

    def township(area: str) -> Any:
        with httpx2.Client(base_url=listen.url, headers=county.headers, timeout=PATIENCE_S) as http:
            made = http.post("/api/v1/api-keys", json={"name": area, "role": "viewer", "areas": [area]})
        return listen(made.json()["key"])

    old, new, other = township(AREA), township(OTHER_AREA), township("140931102")
    await store_alarm(connection, moved)
    await connection.execute("update device set name = '府前街' where id = $1", moved)
    until(lambda: old.named("alarm") and old.named("device"), what="both where the device stood")
    before = [len(one.named("resync")) for one in (old, new, other)]
    await connection.execute("update device set area = $2 where id = $1", moved, OTHER_AREA)
    until(lambda: len(old.named("resync")) > before[0], what="word to fetch anew, of the device")
    told = len(old.named("resync"))
    await connection.execute("update alarm set area = $2 where device_id = $1", moved, OTHER_AREA)
    until(lambda: new.named("alarm") and new.named("device"), what="both where it stands now")
    until(lambda: len(old.named("resync")) > told, what="word to fetch anew, of the alarm, seconds later")
    assert [len(one.named("resync")) for one in (new, other)] == before[1:]
    assert [len(old.named(name)) for name in ("alarm", "device")] == [1, 1]


async def test_who_comes_back_gets_what_was_missed_or_is_told(listen: Any, connection: asyncpg.Connection) -> None:
    first_id, second_id = await store_device(connection, "h-1"), await store_device(connection, "h-2")
    stays, leaves = listen(), listen()
    await store_alarm(connection, first_id)
    until(lambda: bool(leaves.named("alarm")), what="the first alarm")
    place = leaves.ids[-1]
    leaves.close()
    await store_alarm(connection, second_id)
    until(lambda: len(stays.named("alarm")) == 2, what="the second alarm")
    back = listen(last=place)
    until(lambda: bool(back.named("alarm")), what="the missed alarm")
    assert [alarm["device"] for alarm in back.named("alarm")] == ["h-2"]
    lost = listen(last="another-1")
    until(lambda: lost.named("resync") == [{}], what="a resync")


async def test_head_of_pages_answers_and_the_stream_ends_at_once(listen: Any) -> None:
    key = listen().headers
    with httpx2.Client(base_url=listen.url, headers=key, timeout=PATIENCE_S) as http:
        for path in ("/", "/wall", "/healthz", "/static/js/main.js", "/api/v1/alarms", "/api/v1/stream", "/nowhere"):
            head = http.head(path)
            assert head.content == b""
            if path != "/api/v1/stream":
                got = http.get(path)
                assert (head.status_code, head.headers["content-length"]) == (
                    got.status_code,
                    got.headers["content-length"],
                )


async def test_open_streams_do_not_hold_up_the_end_of_the_program(listen: Any) -> None:
    listeners = [listen() for _ in range(5)]
    assert listen.program.stop() == 0
    for one in listeners:
        assert one.ended.wait(PATIENCE_S)
