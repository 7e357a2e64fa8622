"""A standby that takes over is followed by every program; nothing that was acknowledged is lost or doubled."""

import json
import shutil
import time
from pathlib import Path

import asyncpg
import httpx2
import pytest

from services.core import migrate
from stack import children
from stack.children import free_port
from stack.postgres import Postgres, tool_env
from stack.state import StateDir
from tests.support.servers import run_in_thread
from tests.support.waiting import PATIENCE_S, eventually


def make_standby(primary: Postgres, origin: Path, folder: Path) -> Postgres:
    """A second server that streams from the first, with the same accounts."""
    state = StateDir.open(folder)
    shutil.copy(origin / "secrets.json", folder)
    standby = Postgres(state, durable=False)
    connect = f"{primary.dsn.replace('firetower:', 'firetower_admin:', 1)}"
    connect = connect.replace(state.secret("postgres_owner"), state.secret("postgres_admin"))
    command = [primary.binaries.program("pg_basebackup"), "-d", connect, "-D", str(standby.data), "-R", "-c", "fast"]
    children.run_tool(command, drop_root=True, env=tool_env())
    standby.prepare()
    standby.clear_wreck()
    children.wait_ready(standby.spawn(), standby.is_ready, name="standby", log=standby.log)
    return standby


@pytest.fixture
def pair(scratch):
    primary = Postgres(StateDir.open(scratch / "one"), durable=False)
    primary.start()
    run_in_thread(migrate.upgrade(primary.dsn))
    standby = make_standby(primary, scratch / "one", scratch / "two")
    primary.run_sql("postgres", "alter system set synchronous_standby_names = '*'")
    primary.run_sql("postgres", "select pg_reload_conf()")
    yield primary, standby
    for server in pair_of(primary, standby):
        server.kill()


def pair_of(*servers):
    return [server for server in servers if server.process is not None]


async def ask(dsn, sql):
    try:
        connection = await asyncpg.connect(dsn, timeout=5)
    except (OSError, asyncpg.PostgresError):
        return None
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_programs_follow_a_standby_that_takes_over(pair, broker, program):
    primary, standby = pair
    account = primary.dsn.partition("@")[0]
    dsn = f"{account}@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/firetower?target_session_attrs=read-write"
    port, api = free_port(), free_port()
    desk = program("desk", DESK_PORT=port)
    env = {"DATABASE_URL": dsn, "MQTT_URL": broker.url, "DISPATCH_URL": f"http://127.0.0.1:{port}"}
    started = [program("ingest", **env), program("alerts", **env), program("api", API_PORT=api, **env)]
    for one in (desk, *started):
        one.wait_ready(120)

    def send(number):
        fire = {
            "event_id": f"e{number}",
            "ts": int(time.time() * 1000),
            "type": "manual_alarm",
            "component": f"m{number}",
        }
        reading = {"ts": int(time.time() * 1000), "seq": number, "pressure_mpa": 0.3}
        assert broker.publish("fire/v1/140931100/panel/P-1/up/event", json.dumps(fire)) == 0
        assert broker.publish("fire/v1/140931100/hydrant/H-1/up/telemetry", json.dumps(reading)) == 0

    told = "select count(*) = {0} from notice where fire and state = 'delivered'"
    stored = "select count(*) = {0} from event"
    send(1)
    await eventually(lambda: ask(primary.dsn, told.format(1)), what="the first fire is told", timeout_s=90, every_s=0.2)
    primary.kill()
    send(2)  # nobody can store it: the broker holds it
    standby.run_sql("postgres", "select pg_promote()")
    send(3)
    for sql in (stored.format(3), told.format(3), "select count(*) = 3 from alarm where code = 'fire'"):
        await eventually(lambda sql=sql: ask(standby.dsn, sql), what=sql, timeout_s=90, every_s=0.2)
    async with httpx2.AsyncClient(timeout=PATIENCE_S) as client:
        received = (await client.get(f"http://127.0.0.1:{port}/received")).json()["items"]
        assert len({one["notice_id"] for one in received}) == sum(one["first"] for one in received)

        async def ready():
            return (await client.get(f"http://127.0.0.1:{api}/readyz")).is_success

        await eventually(ready, what="the API is ready again", timeout_s=60, every_s=0.2)
    assert all(one.process.poll() is None for one in (started[0], started[2]))  # a kept session, not a restart
