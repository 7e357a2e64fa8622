from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from services.core.alarms.ledger.document import TIMES
from tests.integration.api.conftest import AREA, OTHER_AREA, Client, Raise

FIELDS = (
    "id code category severity state confidence verification device component zone area value limit reason "
    "opened_at acknowledged_at cleared_at closed_at incident_id shelved_until escalates_at version"
)


async def test_an_alarm_has_the_fields_of_the_contract(client: Client, open_alarm: Raise) -> None:
    alarm_id = await open_alarm("p-1", fire=True)
    listed = (await client.get("/api/v1/alarms", params={"device": "p-1"})).json()["items"][0]
    assert set(FIELDS.split()) <= set(listed)
    assert listed["late_min"] == 12
    detail = await client.get(f"/api/v1/alarms/{alarm_id}")
    assert detail.headers["etag"] == f'"{listed["version"]}"'
    assert {"timeline", "evidence", "notices", "nearest_water", "siblings", "site"} <= set(detail.json())


async def test_an_early_warning_tells_members_place_and_what_was_expected(
    client: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    plain, warned = await open_alarm("p-1"), await open_alarm("p-2", code="water_burst")
    assert (await client.get(f"/api/v1/alarms/{plain}")).json()["early_warning"] is None
    await connection.execute(
        """
        insert into early_warning (
            cell, area, subject, code, component, severity, began_at, alarm_id, members, lon, lat, expected, seen, unit,
            sure)
        values ('hydrant:p-1', '140931100', 'area:140931100', 'water_burst', 'p-1', 'major', '2026-06-01T00:00:00Z', $1,
            array['p-2', 'gone', 'p-1'], 111.1, 39.0, 0.31, 0.27, 'MPa', 'high')
        """,
        warned,
    )
    assert (await client.get(f"/api/v1/alarms/{warned}")).json()["early_warning"] == {
        "members": ["p-2", "p-1"], "location": {"lon": 111.1, "lat": 39.0}, "expected": 0.31, "seen": 0.27,
        "unit": "MPa", "since": "2026-06-01T00:00:00.000Z", "until": None, "sure": "high",
    }  # fmt: skip
    assert (await client.get(f"/api/v1/alarms/{plain}/expectation")).status_code == 404


async def test_an_early_warning_has_a_chart_of_what_was_expected_seen_and_done_by_its_peers(
    client: Client, visit: Callable[..., Client], open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    warned, began = await open_alarm("h-1", code="water_burst"), datetime(2026, 6, 1, tzinfo=UTC)
    await connection.execute("update device set kind = 'hydrant'")
    await connection.execute(
        "insert into device (code, kind, area, registered) values"
        " ('h-2', 'hydrant', $1, true), ('h-3', 'hydrant', $2, true)",
        AREA,
        OTHER_AREA,
    )
    await connection.execute(
        """
        insert into early_warning (
            cell, area, subject, code, component, severity, began_at, ended_at, alarm_id, members, unit, sure)
        values ('hydrant:h-1', '140931100', 'area:140931100', 'water_burst', 'net', 'major', $2, $2, $1,
            array['h-1', 'h-2', 'h-3'], 'MPa', 'high')
        """,
        warned,
        began,
    )
    await connection.execute(
        """
        insert into reading_hydrant (device_id, ts, seq, received_at, batch_id, pressure_mpa)
        select d.id, t, 1, t, 1, case d.code when 'h-1' then 0.25 else 0.30 end
        from device d, generate_series($1::timestamptz - interval '7 h', $1::timestamptz, interval '5 min') t
        """,
        began,
    )
    await connection.execute(
        """
        insert into early_expected (device_id, quantity, at, expected, spread)
        select id, 'pressure', $1, 0.31, 0.002 from device where code = 'h-1'
        """,
        began,
    )
    chart = (await client.get(f"/api/v1/alarms/{warned}/expectation")).json()
    assert (chart["device"], chart["quantity"], chart["unit"], chart["step_s"]) == ("h-1", "pressure", "MPa", 300)
    assert (chart["at"][0], chart["at"][-1]) == ("2026-05-31T18:00:00.000Z", "2026-06-01T00:00:00.000Z")
    assert set(chart["seen"]) == {0.25}
    band = [(at, low, middle, high) for at, low, middle, high in zip(
        chart["at"], chart["low"], chart["expected"], chart["high"], strict=True) if middle is not None]  # fmt: skip
    assert band == [("2026-05-31T23:55:00.000Z", 0.304, 0.31, 0.316)]
    assert [(peer["device"], set(peer["seen"])) for peer in chart["peers"]] == [("h-2", {0.3}), ("h-3", {0.3})]
    key = await client.post("/api/v1/api-keys", json={"name": "x", "role": "viewer", "areas": [AREA]})
    apart = await visit(key.json()["key"]).get(f"/api/v1/alarms/{warned}/expectation")
    assert [peer["device"] for peer in apart.json()["peers"]] == ["h-2"]


async def test_times_are_rfc_3339_in_utc(client: Client, open_alarm: Raise) -> None:
    await open_alarm("p-1", fire=True)
    listed = (await client.get("/api/v1/alarms")).json()["items"][0]
    for name in TIMES:
        if listed[name] is not None:
            assert datetime.fromisoformat(listed[name]).utcoffset() == timedelta(0)


async def test_lists_filter_by_words_and_page_newest_first(client: Client, open_alarm: Raise) -> None:
    now = datetime.now(UTC)
    ids = [await open_alarm(f"p-{n}", opened_at=now + timedelta(seconds=n)) for n in range(3)]
    closed = await open_alarm("p-9", fire=True, state="closed", verification="false")

    async def found(**params: Any) -> list[int]:
        answer = await client.get("/api/v1/alarms", params=params)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert await found(state="open") == ids[::-1]
    assert await found(state="unacknowledged,acknowledged") == ids[::-1]
    assert await found(category="fire") == [closed]
    assert await found(severity="critical,major") == [closed]
    assert (await client.get("/api/v1/alarms", params={"state": "loud"})).status_code == 422
    first = (await client.get("/api/v1/alarms", params={"limit": 2, "state": "open"})).json()
    second = await client.get("/api/v1/alarms", params={"limit": 2, "state": "open", "cursor": first["next"]})
    assert [item["id"] for item in first["items"] + second.json()["items"]] == ids[::-1]


async def test_acknowledging_answers_the_alarm_with_its_new_version(client: Client, open_alarm: Raise) -> None:
    alarm_id = await open_alarm("p-1")
    answer = await client.post(f"/api/v1/alarms/{alarm_id}/acknowledge")
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "acknowledged"
    assert answer.json()["acknowledged_by"] == "key:supervisor"
    assert answer.headers["etag"] == '"2"'


async def test_judging_false_needs_the_version_that_was_read(client: Client, open_alarm: Raise) -> None:
    alarm_id = await open_alarm("p-1", fire=True)
    path = f"/api/v1/alarms/{alarm_id}/verify"
    for outcome in ("false", "test"):
        assert (await client.post(path, json={"outcome": outcome})).status_code == 428
        stale = await client.post(path, json={"outcome": outcome}, headers={"If-Match": '"99"'})
        assert stale.status_code == 412
        assert stale.headers["etag"] == '"1"'
        for odd in ("1", 'W/"1"', '"x"', ""):
            assert (await client.post(path, json={"outcome": outcome}, headers={"If-Match": odd})).status_code == 412
    answer = await client.post(path, json={"outcome": "false", "note": "蒸汽"}, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["verification"], answer.json()["state"]) == ("false", "closed")


async def test_judging_real_needs_no_version_and_confirms(client: Client, open_alarm: Raise) -> None:
    alarm_id = await open_alarm("p-1", fire=True)
    answer = await client.post(f"/api/v1/alarms/{alarm_id}/verify", json={"outcome": "real"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["verification"], answer.json()["confidence"]) == ("real", "confirmed")
    notices = (await client.get("/api/v1/notices", params={"alarm": alarm_id})).json()["items"]
    assert [notice["type"] for notice in notices] == ["fire.confirmed"]


async def test_a_judgement_sent_twice_with_one_key_is_made_once(
    client: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    alarm_id = await open_alarm("p-1", fire=True)
    for _ in range(2):
        answer = await client.post(
            f"/api/v1/alarms/{alarm_id}/verify", json={"outcome": "real"}, headers={"Idempotency-Key": "once"}
        )
        assert answer.status_code == 200
    assert await connection.fetchval("select count(*) from audit where action = 'alarm.verify'") == 1


async def test_an_unverified_fire_cannot_be_cleared(client: Client, open_alarm: Raise) -> None:
    alarm_id = await open_alarm("p-1", fire=True)
    answer = await client.post(f"/api/v1/alarms/{alarm_id}/clear")
    assert answer.status_code == 409
    assert answer.json()["detail_zh"]


async def test_shelving_needs_an_end_a_reason_and_the_version(client: Client, open_alarm: Raise) -> None:
    alarm_id = await open_alarm("p-1")
    path = f"/api/v1/alarms/{alarm_id}/shelve"
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert (await client.post(path, json={"until": until, "reason": "检修"})).status_code == 428
    match = {"If-Match": '"1"'}
    assert (await client.post(path, json={"until": until}, headers=match)).status_code == 422
    for never in ("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"):
        refused = await client.post(path, json={"until": never, "reason": "x"}, headers=match)
        assert refused.status_code == 422, refused.text
        assert refused.json()["errors"][0]["field"] == "until"
    answer = await client.post(path, json={"until": until, "reason": "检修"}, headers=match)
    assert answer.status_code == 200, answer.text
    assert answer.json()["shelved_until"]
    back = await client.post(f"/api/v1/alarms/{alarm_id}/unshelve")
    assert back.json()["shelved_until"] is None


async def test_a_note_is_a_line_of_the_time_line(client: Client, open_alarm: Raise) -> None:
    alarm_id = await open_alarm("p-1")
    assert (await client.post(f"/api/v1/alarms/{alarm_id}/notes", json={"text": "已通知维保"})).status_code == 200
    assert (await client.post(f"/api/v1/alarms/{alarm_id}/notes", json={"text": " "})).status_code == 422
    timeline = (await client.get(f"/api/v1/alarms/{alarm_id}")).json()["timeline"]
    assert timeline[-1]["detail"]["note"] == "已通知维保"
    # the word that a verdict has for it is understood too
    assert (await client.post(f"/api/v1/alarms/{alarm_id}/notes", json={"note": "已到场"})).status_code == 200


async def test_the_history_is_searched_by_words_and_by_who_acted(
    client: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    other, taken = await open_alarm("p-1"), await open_alarm("Q_9")
    touched = """insert into alarm_transition (alarm_id, number, at, actor, act, outcome, to_state, previous, hash)
                 values ($1, 100, now(), 'user:supervisor', $2, $3, 'unacknowledged', '', '')"""
    await connection.execute(touched, other, "verify", "uncovered")  # as once written of a verdict on another fire
    assert (await client.post(f"/api/v1/alarms/{taken}/acknowledge")).status_code == 200

    async def found(**params: str) -> list[int]:
        answer = await client.get("/api/v1/alarms", params=params)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert await found(q="p-") == await found(q=" p- ") == [other]
    assert await found(q="q_") == [taken]
    assert await found(q="_") == [taken]  # a text, no pattern
    assert await found(q="%") == []
    assert await found(by="supervisor") == [taken]
    assert await found(by="nobody") == []
    for name in ("q", "by"):
        assert (await client.get("/api/v1/alarms", params={name: "a\0b"})).status_code == 422


async def test_a_verdict_is_corrected_with_a_reason_and_the_first_one_stays_readable(
    client: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    fire = await open_alarm("p-1", fire=True)
    path = f"/api/v1/alarms/{fire}"
    match = {"If-Match": "*"}
    wanted = {"outcome": "test", "reason": "维保补报：当时在做联动测试"}
    early = await client.post(f"{path}/correct", json=wanted, headers=match)
    assert early.status_code == 409, early.text
    judged = await client.post(f"{path}/verify", json={"outcome": "false", "note": "水蒸气"}, headers=match)
    assert judged.json()["state"] == "closed"
    assert (await client.post(f"{path}/correct", json=wanted)).status_code == 428
    assert (await client.post(f"{path}/correct", json=wanted | {"reason": " "}, headers=match)).status_code == 422
    version = {"If-Match": f'"{judged.json()["version"]}"'}
    corrected = await client.post(f"{path}/correct", json=wanted, headers=version)
    assert corrected.status_code == 200, corrected.text
    assert (corrected.json()["verification"], corrected.json()["state"]) == ("test", "closed")
    lines = [
        (line["act"], line["outcome"], line["detail"]["verification"], line["detail"]["note"])
        for line in (await client.get(path)).json()["timeline"]
        if line["actor"] == "key:supervisor"
    ]
    assert lines == [
        ("verify", "verified", "false", "水蒸气"),
        ("correct", "corrected", "test", "维保补报：当时在做联动测试"),
    ]
    assert (await client.post(f"{path}/correct", json=wanted, headers=version)).status_code == 412
    detail = await connection.fetchval("select detail from audit where action = 'alarm.correct'")
    assert detail["verdict"] == "test"


async def test_the_chart_of_a_heating_joint_shows_the_hottest_conductor_also_of_phases_that_come_apart(
    client: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    warned, began = await open_alarm("e-1", code="joint_heating"), datetime(2026, 6, 1, tzinfo=UTC)
    await connection.execute("update device set kind = 'electrical'")
    await connection.execute(
        """
        insert into early_warning (
            cell, area, subject, code, component, severity, began_at, ended_at, alarm_id, device,
            members, unit, sure)
        values ('electrical:e-1', '140931100', 'device:1', 'joint_heating', '', 'major', $2, $2, $1, 'e-1',
            array['e-1'], '°C', 'high')
        """,
        warned,
        began,
    )
    await connection.execute(
        """
        insert into reading_electrical (device_id, ts, seq, received_at, batch_id, temp_a_c, temp_b_c, temp_n_c)
        select d.id, t + p.place * interval '20 s', p.place, t, 1, p.a, p.b, p.n
        from device d,
            generate_series($1::timestamptz - interval '2 h', $1::timestamptz - interval '5 min', interval '5 min') t,
            (values (1, 40.0, null, null), (2, null, 72.0, null), (3, null, null, 85.0)) as p (place, a, b, n)
        """,
        began,
    )
    chart = (await client.get(f"/api/v1/alarms/{warned}/expectation")).json()
    assert (chart["quantity"], set(chart["seen"]) - {None}) == ("temperature", {85.0})


async def test_the_evidence_of_an_alarm_that_stands_for_long_is_the_newest(
    client: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    opened = datetime.now(UTC) - timedelta(days=40)
    alarm = await open_alarm("p-1", opened_at=opened)
    await connection.execute(
        """insert into event (device_id, ts, received_at, batch_id, event_id, type, component, description, digest)
           select d.id, at, at, 1, 'e' || n, 'operation', '', 'number ' || n, int4send(n)
           from device d, generate_series(1, 620) n,
               lateral (select $1::timestamptz + n * interval '90 minutes' as at) t""",
        opened,
    )
    evidence = (await client.get(f"/api/v1/alarms/{alarm}")).json()["evidence"]
    numbers = [int(one["text"].rsplit(" ", 1)[1]) for one in evidence]
    assert numbers == list(range(121, 621))
