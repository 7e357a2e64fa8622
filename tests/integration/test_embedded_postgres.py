"""The embedded PostgreSQL: what is committed survives, nothing outside this machine reaches it."""

import asyncio
import io
import subprocess
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest

from services.core import db
from stack import children, servers
from stack.postgres import Postgres
from stack.postgres_conf import server_settings
from stack.screen import Screen
from stack.state import StartFailed, StateDir
from stack.supervise import Child
from tests.support.processes import hold
from tests.support.waiting import eventually


async def test_committed_rows_survive_a_kill_and_the_port_stays(postgres, database):
    connection = await asyncpg.connect(database)
    await connection.execute("create table kept (n int)")
    await connection.execute("insert into kept select generate_series(1, 1000)")
    port = postgres.port
    postgres.kill()
    with pytest.raises(db.AWAY):
        await connection.execute("select 1")
    await connection.close()
    postgres.start()
    assert postgres.port == port
    connection = await asyncpg.connect(database)
    assert await connection.fetchval("select count(*) from kept") == 1000
    await connection.close()


async def test_every_test_gets_the_migrated_schema_for_itself(database, postgres):
    other = postgres.create_database()
    connection = await asyncpg.connect(database)
    assert await connection.fetchval("select count(*) from timescaledb_information.hypertables") >= 5
    await connection.execute("create table mine (n int)")
    second = await asyncpg.connect(other)
    assert await second.fetchval("select to_regclass('mine')") is None
    await second.close()
    await connection.close()
    postgres.drop_database(other)


async def test_the_programs_role_is_no_superuser_and_needs_its_password(database):
    connection = await asyncpg.connect(database)
    assert await connection.fetchval("select rolsuper from pg_roles where rolname = current_user") is False
    addresses = await connection.fetchval("show listen_addresses")
    assert addresses == "127.0.0.1"
    await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(database, password="wrong")


def test_production_settings_keep_every_commit():
    settings = server_settings(8 * 2**30, durable=True)
    assert settings["synchronous_commit"] == "on"
    assert "fsync" not in settings
    assert "full_page_writes" not in settings


def test_a_second_run_on_the_same_folder_goes_on_with_its_data(scratch):
    state = StateDir.open(scratch / "state")
    first = Postgres(state, durable=False)
    first.start()
    first.run_sql("firetower", "create table kept as select 7 as n")
    first.stop()
    second = Postgres(StateDir.open(scratch / "state"), durable=False)
    second.start()
    try:
        assert second.dsn == first.dsn
        assert second.run_sql("firetower", "select n from kept").strip() == "7"
    finally:
        second.stop()


def test_a_first_start_that_was_cut_off_begins_again(scratch, monkeypatch):
    def cut_off(command, **_):  # as by a power cut: initdb writes its version first
        folder = Path(command[command.index("-D") + 1])
        folder.mkdir(parents=True)
        (folder / "PG_VERSION").write_text("15\n")
        raise children.ChildError("initdb failed (-9)")

    server = Postgres(StateDir.open(scratch / "state"), durable=False)
    with monkeypatch.context() as patched:
        patched.setattr(children, "run_tool", cut_off)
        with pytest.raises(children.ChildError):
            server.prepare()
    server.start()
    server.stop()


def test_data_of_another_major_version_are_refused_with_the_cure(scratch):
    server = Postgres(StateDir.open(scratch / "state"), durable=False)
    server.data.mkdir()
    (server.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(StartFailed, match=r"are of PostgreSQL 12, .* in FIRETOWER_STACK_PREFIX"):
        server.prepare()
    server.stop()


async def test_a_database_that_reads_its_log_has_all_the_time_it_needs(scratch, monkeypatch):
    monkeypatch.setattr(servers, "_READY_TIMEOUT_S", 0.1)
    monkeypatch.setattr(servers, "_TELL_EVERY_S", 0.1)
    state = StateDir.open(scratch / "state")
    server = Postgres(state, durable=False)
    server.start()
    server.stop_process(10)
    (server.data / "standby.signal").touch()  # it reads a log that never ends, and accepts nobody meanwhile
    process = server.spawn({"hot_standby": "off"})
    await eventually(server.answers, what="it says that it accepts nobody")
    screen = io.StringIO()
    child = Child("postgres", lambda: process, server.is_ready, process=process)
    group = servers.Servers(state, None, Screen(screen), frozenset(), fleet=False, watch_reserve=None, postgres=server)
    waiting = asyncio.create_task(group.wait_until_ready([child]))
    try:
        await eventually(lambda: screen.getvalue().count("reads its log") > 1, what="it is waited for")
        promote = [server.binaries.program("pg_ctl"), "promote", "-D", str(server.data)]
        await asyncio.to_thread(children.run_tool, promote, drop_root=True)
        await waiting
    finally:
        waiting.cancel()
        server.stop()


CARELESS = """
import ctypes, sys, time
from pathlib import Path
from stack.postgres import Postgres
from stack.state import StateDir
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # orphans of its children become its own
server = Postgres(StateDir.open(Path(sys.argv[1])), durable=False)
server.start()
print(server.process.pid, flush=True)
time.sleep(600)
"""


def test_orphans_that_nobody_collects_do_not_hold_up_the_restart(scratch, monkeypatch):
    monkeypatch.setattr("stack.postgres.CLEAR_WITHIN_S", 3600)  # who waited for them would wait an hour
    with subprocess.Popen(
        [sys.executable, "-c", CARELESS, str(scratch / "state")], stdout=subprocess.PIPE, text=True
    ) as adopter:
        try:
            # nobody moves, else workers end by themselves before anybody looks
            postmaster, *workers = hold(psutil.Process(int(adopter.stdout.readline())))
            postmaster.kill()
            Postgres(StateDir.open(scratch / "state"), durable=False).clear_wreck()
            assert {worker.status() for worker in workers} == {psutil.STATUS_ZOMBIE}
        finally:
            adopter.kill()
