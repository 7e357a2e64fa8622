"""A ledger is written beside fires: nothing that a fire needs is held, and a kill in the middle loses no row."""

import asyncio
from typing import Any

import asyncpg
import pytest

from services.api.registry import import_faults, import_steps
from services.api.request.state import State
from services.api.system.housekeeping import clear
from services.core import db
from services.core.aside import Asides
from services.ingest.devices import QUERIES as INGEST
from tests.integration.api.conftest import AREA, Client, Raise
from tests.support.waiting import eventually

PATH = "/api/v1/devices/import"
PARAMS = {"datum": "wgs84"}
HEADERS = {"Content-Type": "text/csv"}
ROWS = 3 * import_steps.ROWS_AT_ONCE


def ledger(name: str, rows: int = ROWS, first: int = 1) -> bytes:
    lines = [f"h-{n},hydrant,{AREA},{name},{111 + n / 1e4},39.0" for n in range(first, first + rows)]
    return "\n".join(["code,kind,area,name,lon,lat", *lines]).encode()


async def send(client: Client, content: bytes, **params: Any) -> Any:
    return await client.post(PATH, params=PARAMS | params, content=content, headers=HEADERS)


@pytest.fixture
async def halted(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """An import that stands between a step's writes and its commit, until the event is set."""
    go_on, write = asyncio.Event(), import_steps.write_step

    async def write_and_stand(*given: Any) -> None:
        await write(*given)
        await go_on.wait()

    monkeypatch.setattr(import_steps, "write_step", write_and_stand)
    return go_on


async def test_fires_of_devices_in_the_ledger_wait_for_no_step(
    client: Client, database: str, halted: asyncio.Event, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        "insert into device (code, kind, area) select 'h-' || n, 'hydrant', $1 from generate_series(1, $2::int) n",
        AREA,
        ROWS,
    )
    importing = asyncio.create_task(send(client, ledger("新名")))
    fire = await db.connect(database, program="fire")
    await fire.execute("set lock_timeout = '1s'")

    async def is_written() -> bool:
        return bool(
            await fire.fetchval(
                """select count(*) from pg_stat_activity
                   where state = 'idle in transaction' and query like '%gateway_address is distinct%'"""
            )
        )

    await eventually(is_written, what="the first step before its commit")
    # what ingest and alerts write of a device: its newest state, its counts, its alarm
    known = [f"h-{n}" for n in range(1, import_steps.ROWS_AT_ONCE)]
    assert len(await fire.fetch(INGEST["read"], known)) == len(known)
    await fire.execute("insert into device_quality (device_id, hour) select id, now() from device")
    await fire.execute(
        """insert into alarm (subject, code, component, category, severity, state, device_id, area, reason, reason_en,
               opened_at, updated_at)
           select 'device:' || id, 'tamper', '', 'device', 'minor', 'unacknowledged', id, area, '', '', now(), now()
           from device"""
    )
    await fire.close()
    halted.set()
    assert (await importing).json()["updated"] == ROWS
    assert await connection.fetchval("select count(*) from device where name = '新名' and version = 2") == ROWS


async def test_a_kill_in_the_middle_is_finished_at_the_next_start(
    client: Client, state: State, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0

    async def die_in_the_second(*given: Any) -> None:
        nonlocal steps
        steps += 1
        if steps == 2:
            raise OSError("killed")
        await write(*given)

    write = import_steps.write_step
    with monkeypatch.context() as broken:
        broken.setattr(import_steps, "write_step", die_in_the_second)
        headers = HEADERS | {"Idempotency-Key": "ledger-1"}
        died = await client.post(PATH, params=PARAMS, content=ledger("甲"), headers=headers)
    assert died.status_code == 503
    assert await connection.fetchval("select count(*) from device") == import_steps.ROWS_AT_ONCE
    other = await send(client, ledger("乙", rows=1))
    assert (other.status_code, other.json()["type"]) == (409, "urn:firetower:problem:import_running")
    put = await client.put(f"/api/v1/devices/h-{ROWS}", json={"kind": "water", "area": AREA})
    assert put.status_code == 409
    finishing = asyncio.create_task(import_steps.keep_finishing(state.database, state.clock))

    async def is_done() -> bool:
        return not await connection.fetchval("select exists (select from device_import where done_at is null)")

    await eventually(is_done, what="the rest of the ledger")
    finishing.cancel()
    assert await connection.fetchval("select count(*) from device where name = '甲' and version = 1") == ROWS
    again = await client.post(PATH, params=PARAMS, content=ledger("甲"), headers=headers)
    assert (again.status_code, again.json()["created"]) == (200, ROWS)
    assert await connection.fetchval("select count(*) from audit where action = 'device.import'") == 1


async def test_a_row_made_impossible_by_hand_is_told_and_set_aside_and_the_rest_is_written(
    client: Client, state: State, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = import_steps.stage

    async def stage_and_interfere(write: Any, rows: Any) -> int:
        number = await staged(write, rows)
        await connection.execute(
            "insert into device (code, kind, area, gateway_address) values ('other', 'panel', $1, '921000000000')", AREA
        )
        return number

    monkeypatch.setattr("services.api.registry.imports.stage", stage_and_interfere)
    lines = ["code,kind,area,gateway_address", f"p-1,panel,{AREA},921000000000", f"p-2,panel,{AREA},931000000000"]
    content, headers = "\n".join(lines).encode(), HEADERS | {"Idempotency-Key": "ledger-1"}
    for _ in range(2):  # the answer to a repeat says the same
        answer = await client.post(PATH, params=PARAMS, content=content, headers=headers)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["created"], told["updated"], told["failed"]) == (1, 0, 1)
        ((line, message),) = [(error["line"], error["message"]) for error in told["errors"]]
        assert line == 2
        assert "p-1" in message
        assert [change["code"] for change in told["changes"]] == ["p-2"]
    codes = await connection.fetch("select code from device order by code")
    assert [row["code"] for row in codes] == ["other", "p-2"]
    (fault,) = await connection.fetchval("select faults from device_import")
    assert (fault["line"], fault["code"]) == (2, "p-1")
    (unit,) = (await client.get("/api/v1/set-aside")).json()["items"]
    assert (unit["program"], unit["kind"], unit["name"]) == ("api", "import", f"import:{told['import_id']}")
    assert unit["detail"]["rows"][0]["code"] == "p-1"
    assert "p-1" in unit["error"]

    for failures, mend in ((2, None), (2, "delete from device where code = 'other'")):
        if mend is not None:
            await connection.execute(mend)
        assert (await client.post(f"/api/v1/set-aside/{unit['id']}/retry")).status_code == 202
        for asked in await state.database.rows(import_faults.SQL["asked"]):
            await import_steps.retry(state.database, state.clock, asked["import_id"])
        row = await connection.fetchrow("select * from set_aside where id = $1", unit["id"])
        assert (row["failures"], row["retry_requested_at"] is None or mend is not None) == (failures, True)
        assert row["result"] == (None if mend is None else "done")
    assert await connection.fetchval("select gateway_address from device where code = 'p-1'") == "921000000000"
    answer = await client.post(PATH, params=PARAMS, content=content, headers=headers)
    assert (answer.json()["created"], answer.json()["failed"]) == (2, 0)


async def test_what_became_of_a_device_since_the_ledger_was_compared_is_not_written_over(
    client: Client, state: State, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code in ("moved", "mended", "same"):
        await connection.execute(
            "insert into device (code, kind, area, registered, area_fixed) values ($1, 'hydrant', $2, true, true)",
            code,
            AREA,
        )
    await connection.execute("insert into area (code, name) values ('999000', '别镇')")
    staged = import_steps.stage

    async def others_write_and_stage(write: Any, rows: Any) -> int:
        for code, body in (("theirs", {"kind": "water", "area": "999000"}), ("mended", {"name": "他们的名字"})):
            assert (await client.put(f"/api/v1/devices/{code}", json=body)).status_code in {200, 201}
        await connection.execute("update device set area = '999000' where code = 'moved'")
        for code, area in (("heard", AREA), ("strange", "999000")):  # by ingest: they spoke
            await connection.execute("insert into device (code, kind, area) values ($1, 'water', $2)", code, area)
        return await staged(write, rows)

    monkeypatch.setattr("services.api.registry.imports.stage", others_write_and_stage)
    codes = ("moved", "mended", "same", "theirs", "heard", "strange", "new")
    content = "\n".join(["code,kind,area,name", *(f"{code},hydrant,{AREA},我们的名字" for code in codes)]).encode()
    told = (await send(client, content)).json()
    assert (told["created"], told["updated"], told["failed"]) == (2, 1, 4)
    assert [error["line"] for error in told["errors"]] == [2, 3, 5, 7]
    assert all("changed meanwhile" in error["message"] for error in told["errors"])
    await import_steps.retry(state.database, state.clock, told["import_id"])
    found = await connection.fetch("select code, kind, area, name from device order by id")
    assert {(row["code"], row["kind"], row["area"], row["name"]) for row in found} == {
        ("moved", "hydrant", "999000", ""),
        ("mended", "hydrant", AREA, "他们的名字"),
        ("same", "hydrant", AREA, "我们的名字"),
        ("theirs", "water", "999000", ""),
        ("heard", "hydrant", AREA, "我们的名字"),
        ("strange", "water", "999000", ""),
        ("new", "hydrant", AREA, "我们的名字"),
    }


async def test_imports_are_kept_for_thirty_days_and_longer_while_a_row_is_set_aside(
    state: State, connection: asyncpg.Connection
) -> None:
    for import_id, age_d in ((1, 29), (2, 31), (3, 31)):
        await connection.execute(
            """insert into device_import (id, actor, created_at, rows, applied, done_at) overriding system value
               values ($1, 'user:x', now(), 1, 1, now() - make_interval(days => $2))""",
            import_id,
            age_d,
        )
        await connection.execute(
            """insert into device_import_row (import_id, number, line, code, body, changes)
               values ($1, 1, 2, 'p-1', '{}', '{}')""",
            import_id,
        )
    await connection.execute(
        """insert into set_aside (program, kind, name, error, first_at, last_at)
           values ('api', 'import', 'import:3', 'x', now(), now())"""
    )
    await clear(state.database, state.clock, Asides("api", state.clock))
    kept = await connection.fetch("select import_id from device_import_row order by 1")
    assert [row["import_id"] for row in kept] == [1, 3]
