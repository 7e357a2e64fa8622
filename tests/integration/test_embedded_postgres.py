"""The embedded PostgreSQL: what is committed survives, nothing outside this machine reaches it."""

import subprocess
import sys

import asyncpg
import psutil
import pytest

from services.core import db
from stack.postgres import Postgres
from stack.postgres_conf import server_settings
from stack.state import StateDir
from tests.support.processes import hold


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
