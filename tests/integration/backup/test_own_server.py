"""A server of one's own, with names and files of its own, is copied and becomes an embedded system."""

import asyncio
import subprocess

import asyncpg
import pytest

from services.core import migrate
from stack import children
from stack.backup.command import Asked, backup
from stack.backup.copies import CopyFolder
from stack.backup.restore import Source, restore
from stack.backup.sealed import Seal
from stack.backup.verify import verify
from stack.binaries import find_postgres
from stack.state import StateDir
from tests.support.servers import run_in_thread, until

ADDED = "insert into area (code, name) values ('990021', 'made by a test') returning code"
FILES = """
    select c.relname || ' ' || pg_relation_filenode(c.oid) from pg_class c
    where c.relname in ('device_code_key', 'alarm_pkey')
"""
SORTED_HERE = """
    select datcollversion is not distinct from pg_database_collation_actual_version(oid) from pg_database
    where datname = current_database()
"""
OWNERS = """
    select distinct pg_get_userbyid(relowner) from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'S')
"""


@pytest.fixture
def own(scratch):
    """A server as a distribution sets it up: configuration outside its data, and a county's own names."""
    binaries, port = find_postgres(), children.free_port()
    data, etc = StateDir.open(scratch / "server").server_dir("postgres") / "data", scratch / "etc"
    command = [binaries.program("initdb"), "-D", str(data), "-U", "postgres", "--no-sync", "--auth=trust"]
    children.run_tool([*command, "--encoding=UTF8", "--locale=C.UTF-8"], drop_root=True, env={"PATH": "/usr/bin:/bin"})
    etc.mkdir(mode=0o755)
    for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"):
        (data / name).rename(etc / name)
    options = {"data_directory": data, "hba_file": etc / "pg_hba.conf", "ident_file": etc / "pg_ident.conf"}
    options |= {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    options |= {"shared_preload_libraries": "timescaledb", "max_locks_per_transaction": 256, "max_connections": 300}
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    log = scratch / "server.log"
    process = children.spawn([binaries.program("postgres"), "-D", str(etc), *arguments], log=log, drop_root=True)
    try:
        ready = [binaries.program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        until(lambda: subprocess.run(ready, check=False).returncode == 0, what=log.read_text(errors="replace"))
        psql = [binaries.program("psql"), "-Xq", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
        statements = ["create role fire_owner login", "create role fire_copier login replication"]
        sorted_by = "template template0 locale_provider icu icu_locale 'zh-Hans'"
        statements += ["grant pg_monitor to fire_copier, fire_owner"]
        statements += [f"create database county owner fire_owner {sorted_by}"]
        children.run_tool([*psql, "postgres", *(part for sql in statements for part in ("-c", sql))], env={})
        children.run_tool([*psql, "county", "-c", "create extension timescaledb"], env={})
        yield {
            user: f"postgresql://{role}@127.0.0.1:{port}/county"
            for user, role in {"owner": "fire_owner", "copier": "fire_copier", "admin": "postgres"}.items()
        }
    finally:
        children.stop(process)


async def asked(dsn, sql):
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(sql)
    await connection.close()
    return {row[0] for row in rows}


@pytest.mark.timeout(400)
def test_a_server_of_ones_own_becomes_an_embedded_system(own, scratch, monkeypatch):
    run_in_thread(migrate.upgrade(own["owner"]))
    run_in_thread(asked(own["owner"], ADDED))
    monkeypatch.setenv("FIRETOWER_DATABASE_URL", own["owner"])
    monkeypatch.setenv("FIRETOWER_BACKUP_DATABASE_URL", own["copier"])
    # as by another version of the library that sorts text
    run_in_thread(
        asked(own["admin"], "update pg_database set datcollversion = '1' where datname = 'county' returning 1")
    )
    before = run_in_thread(asked(own["owner"], FILES))
    assert backup(Asked(scratch / "copies", scratch / "state")) == 0

    folder = CopyFolder.find(scratch / "copies")
    source = Source(folder, Seal(None), folder.choose(None), None, folder.until())
    assert verify(source, scratch, [].append).faults == []
    state = StateDir.open(scratch / "embedded")
    with state.held():
        server = restore(source, state, [].append).postgres
        server.start()
        try:
            run_in_thread(migrate.upgrade(server.dsn))  # as `up` does, by the role of the programs
            assert asyncio.run(asked(server.dsn, "select code from area where name = 'made by a test'")) == {"990021"}
            assert asyncio.run(asked(server.dsn, OWNERS)) == {"firetower"}
            after = asyncio.run(asked(server.dsn, FILES))
            assert [one.split()[0] for one in before - after] == ["device_code_key"], "indexes over text alone"
            assert asyncio.run(asked(server.dsn, SORTED_HERE)) == {True}
            asyncio.run(asked(server.dsn, "insert into area (code, name) values ('990022', 'x') returning code"))
        finally:
            server.stop()
