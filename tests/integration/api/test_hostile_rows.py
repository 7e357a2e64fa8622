"""Rows that no release of ours would write: shown as far as they can be read, and everything beside them too."""

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from services.api.live import feed
from services.api.live.cursors import Told, read_alarms_told
from services.api.live.feed import Changes
from services.api.live.hub import Hub
from services.api.request.database import Reads
from services.api.request.roles import Role, Who
from services.api.request.scope import Scope
from services.api.request.state import State
from services.api.system.housekeeping import clear
from services.core.aside import Asides
from services.core.clock import SystemClock
from tests.integration.api.conftest import AREA, Client, Raise

Register = Callable[..., Awaitable[dict[str, Any]]]
EVERYBODY = Who("key:x", "x", Role.VIEWER, Scope(("*",)))
HOSTILE = (
    "null", "true", "0", "-1e400", "1" + "0" * 400, "18446744073709551616", '"text"', '"\U0010fffe\x7f"', "[]", "[[]]",
    "{}", '{"": {"": []}}', "[" * 900 + "]" * 900, "[" * 3000 + "]" * 3000, '{"a":' * 400 + "1" + "}" * 400,
    '{"pressure_mpa": "0.3", "level_pct": [], "flow_lps": {}, "cap_open": null, "tilt_deg": 1e308}',
    '{"pressure_mpa": [], "level_pct": [1e300], "flow_lps": "x", "cap_open": null, "tilt_deg": [null, 1]}',
    '{"pressure_mpa": 99999999999999999999999999, "temperature_c": true}',
)  # fmt: skip
TEXTS = (
    "",
    "x" * 20_000,
    "</script>\x01\x7f\u202e",
    "(reported " + "9" * 5000 + " min late)",
    "\ufeff\n\r\t",
    "👩‍🚒" * 500,
)


@pytest.fixture
async def spoiled(register: Register, connection: asyncpg.Connection) -> int:
    """Two devices that are fine and 60 whose documents are anything; the number of all."""
    await register("good-1")
    await register("good-2", kind="water")
    chance = random.Random(26875)
    for number in range(60):
        code, kind = f"bad-{number:02}", chance.choice(("hydrant", "water", "panel"))
        await register(code, kind=kind)
        await connection.execute(
            "update device set limits = $2::text::jsonb, attributes = $3::text::jsonb, name = $4, address = $5"
            " where code = $1",
            code,
            *chance.choices(HOSTILE, k=2),
            *chance.choices(TEXTS, k=2),
        )
        await connection.execute(
            """insert into device_state (device_id, state, state_at, ts, last_seen)
               select id, $2::text::jsonb, $3::text::jsonb, $4, now() from device where code = $1""",
            code,
            *chance.choices(HOSTILE, k=2),
            chance.choice((None, datetime.now(UTC))),
        )
    return 62


async def test_every_page_shows_the_good_and_the_bad(
    client: Client, spoiled: int, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    alarms = [await open_alarm(f"p-{n}", fire=True) for n in range(len(TEXTS))]
    for alarm, text in zip(alarms, TEXTS, strict=True):
        await connection.execute(
            """update alarm set reason = $2, reason_en = $2, zone = $2, value = 'NaN', limit_value = '-infinity',
                                shelved_until = 'infinity', escalates_at = '-infinity' where id = $1""",
            alarm,
            text,
        )
        await connection.execute("update incident set title = $1, title_en = $1", text)
        await connection.execute(
            """insert into alarm_transition
                   (alarm_id, number, at, actor, act, outcome, to_state, detail, previous, hash)
               values ($1, 1, now(), $2, 'raise', 'x', 'x', $3::text::jsonb, '', '')""",
            alarm,
            text,
            HOSTILE[alarm % len(HOSTILE)],
        )
    site = (await client.post("/api/v1/sites", json={"name": "院", "area": AREA})).json()["id"]
    await connection.execute("update site set contacts = '\"x\"', name = $1, access_note = $1", TEXTS[2])
    await connection.execute("update alarm set site_id = $1 where id = $2", site, alarms[1])

    codes = {item["code"] for item in (await client.get("/api/v1/devices?limit=1000")).json()["items"]}
    assert len(codes) == spoiled + len(TEXTS)
    near = await client.get("/api/v1/water-sources/nearest?lon=111.09&lat=39.02&limit=100")
    assert {"good-1", "good-2"} <= {item["code"] for item in near.json()["items"]}
    shown = {item["id"] for item in (await client.get("/api/v1/alarms?limit=1000")).json()["items"]}
    assert shown == set(alarms)
    paths = [f"/api/v1/devices/{code}" for code in sorted(codes)] + [f"/api/v1/alarms/{alarm}" for alarm in alarms]
    others = (
        "handover",
        "incidents",
        "incidents/1",
        "sites",
        f"sites/{site}",
        "system",
        "slo",
        "map",
        "areas",
        "notices",
    )
    for path in (*paths, *(f"/api/v1/{name}" for name in others), "/geo/devices.geojson"):
        answer = await client.get(path)
        assert answer.status_code == 200, (path, answer.text[:300])


async def test_the_stream_tells_of_the_good_and_the_bad(
    state: State, spoiled: int, open_alarm: Raise, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    untold: list[int] = []

    async def read(reads: Reads, ids: Sequence[int]) -> list[Told]:
        if set(untold) & set(ids):
            raise ValueError("no reader can make anything of this row")
        return await read_alarms_told(reads, ids)

    monkeypatch.setattr(feed, "read_alarms_told", read)
    hub = Hub()
    client = hub.join(EVERYBODY, None)
    changes = Changes(state.database, hub, SystemClock())
    feeds = (changes.devices, changes.alarms, changes.notices)
    for one in feeds:
        await one.turn()
    client.take()
    alarms = [await open_alarm(f"p-{n}", fire=n == 3) for n in range(8)]
    untold.append(alarms[5])
    await connection.execute("update alarm set shelved_until = '20000-01-01' where id = $1", alarms[6])  # no datetime
    await connection.execute("update device set updated_at = now()")
    for one in feeds:
        while await one.turn():
            pass
    told = client.take()
    assert b"event: resync" in told
    assert await connection.fetchval("select array_agg(name) from set_aside") == [f"alarm:{alarms[5]}"]
    await connection.execute("update alarm set zone = 'x' where id <> $1", alarms[5])
    await connection.execute("update device set version = version + 1")
    for one in (changes.alarms, changes.devices):
        while await one.turn():
            pass
    told = client.take()
    assert told.count(b"event: alarm") == 7
    assert told.count(b'"code":"bad-') == 60
    assert told.index(b'"category":"fire"') < told.index(b'"category":"device"')


async def test_a_duty_of_the_house_that_fails_holds_up_no_other(
    state: State, client: Client, connection: asyncpg.Connection
) -> None:
    await connection.execute("alter table device_quality_sum rename to device_quality_gone")
    await connection.execute(
        """insert into idempotency_key (actor, key, request, status, created_at)
           values ('x', 'x', '', 200, now() - interval '2 days')"""
    )
    asides = Asides("api", state.clock)
    await clear(state.database, state.clock, asides)
    await clear(state.database, state.clock, asides)
    assert await connection.fetchval("select count(*) from idempotency_key") == 0
    shown = (await client.get("/api/v1/set-aside")).json()["items"]
    assert [one["name"] for one in shown] == ["housekeeping:fold_quality"]
    await connection.execute("alter table device_quality_gone rename to device_quality_sum")
    await clear(state.database, state.clock, asides)
    assert (await client.get("/api/v1/set-aside")).json()["items"] == []
