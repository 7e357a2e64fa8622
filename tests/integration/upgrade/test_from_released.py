"""A state folder of an earlier release comes up under this one with every row, login and session, and asks nothing.

`released_0007.tar.xz` was made by the code of commit 4500641 itself, `released_0032.tar.xz` by that of b6d353d (each a
demo of twelve devices, an officer, a session, an acknowledgement): the rows of every table, and the files of its state
folder. `keep.py` beside this makes one of a running release.
"""

import asyncio
import io
import json
import os
import tarfile
from pathlib import Path

import asyncpg
import httpx2
import pytest

from services.alerts.audit import verify
from services.core import db, migrate
from services.core.clock import SystemClock
from services.core.settings import BackupSettings
from stack.backup.copies import CopyFolder
from stack.backup.keeper import Keeper
from stack.backup.restore import Source, restore
from stack.backup.sealed import Seal
from stack.backup.server import Server
from stack.children import unprivileged
from stack.postgres import SUPERUSER, Postgres
from stack.state import StateDir
from tests.support.servers import until
from tests.support.waiting import PATIENCE_S

SCHEMAS = ("0007", "0032")
# What the new release does at once by itself: leases, health and progress are those of the present.
_OF_THE_MOMENT = {"lease", "ingest_lane", "feed_cursor", "rule_state", "alarm_timer"}


class Released:
    """What that release left behind."""

    def __init__(self, schema):
        self.schema = schema
        with tarfile.open(Path(__file__).with_name(f"released_{schema}.tar.xz")) as tar:
            self.files = {entry.name: tar.extractfile(entry).read() for entry in tar}
        self.known = json.loads(self.files["known.json"])
        self.sequences = json.loads(self.files["sequences.json"])
        self.tables = {Path(name).stem: self.files[name] for name in self.files if name.startswith("tables/")}

    def rows(self, table):
        return self.tables[table].count(b"\n") - 1

    def unpack(self, folder):
        """Its state folder, with a cluster of the tests' own around its rows."""
        for name, content in self.files.items():
            if name.startswith("state/"):
                path = folder / name.removeprefix("state/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                if path.parent.name == "mosquitto" and (user := unprivileged()):
                    os.chown(path, user.pw_uid, user.pw_gid)
        server = Postgres(StateDir.open(folder), durable=False)
        server.start()
        asyncio.run(self._load(server))
        server.stop(patience_s=30)

    async def _load(self, server):
        await migrate.upgrade(server.dsn, self.schema)
        password = json.loads(self.files["state/secrets.json"])["postgres_admin"]
        connection = await asyncpg.connect(server.dsn, user=SUPERUSER, password=password)
        await connection.execute("set session_replication_role = replica")  # rows in any order
        for table, content in self.tables.items():
            columns, _, rows = content.partition(b"\n")
            await connection.execute(f"delete from {table}")  # noqa: S608 - names of this archive
            source = io.BytesIO(rows)
            await connection.copy_to_table(table, source=source, columns=columns.decode().split(","))
        for sequence, value in self.sequences.items():
            await connection.execute(f"select setval('{sequence}', {value})")
        await connection.execute("update web_session set expires_at = now() + interval '1 hour'")
        await connection.close()


def through_a_copy(old, folder):
    """A state folder restored from a copy of the old one, which no newer program has opened."""
    state, copies, said = StateDir.open(old), folder / "copies", []
    server = Postgres(state, durable=False)
    server.start()
    about = Server(server.copier_dsn, server.dsn, server.binaries)
    copy = asyncio.run(Keeper(BackupSettings(), copies, about, state, SystemClock(), slot="by_hand").copy_once())
    server.stop(patience_s=30)
    restored = StateDir.open(folder / "restored")
    with restored.held():
        restore(Source(CopyFolder.find(copies), Seal(None), copy, None, None), restored, said.append)
    return restored.path


async def _counts_and_faults(dsn, tables, key):
    connection = await db.connect(dsn, program="test")
    counts = {name: await connection.fetchval(f"select count(*) from {name}") for name in tables}  # noqa: S608
    report = await verify(connection, key)
    schema = await connection.fetchval("select version_num from alembic_version")
    await connection.close()
    return counts, report.faults, schema


@pytest.mark.timeout(500)
@pytest.mark.parametrize("copied", [False, True], ids=["in its folder", "from a copy"])
@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_row_login_and_session_of_a_released_state_folder_is_there_after_the_upgrade(
    program, scratch, schema, copied
):
    released, state = Released(schema), scratch / "state"
    released.unpack(state)
    if copied:
        state = through_a_copy(state, scratch)
    system = program("up", "--no-fleet", "--state-dir", str(state), RETENTION_DAYS=36_500)
    until(lambda: (state / "endpoints.json").exists() or system.process.poll() is not None, what="ready", timeout_s=240)
    assert system.process.poll() is None, system.log_text()
    assert f"schema {schema}" in system.log_text()
    endpoints = json.loads((state / "endpoints.json").read_text())

    key = released.files["state/audit.key"].strip()
    counts, faults, reached = asyncio.run(_counts_and_faults(endpoints["database"], released.tables, key))
    lost = {
        name: (released.rows(name), counts[name])
        for name in released.tables
        if name not in _OF_THE_MOMENT and counts[name] < released.rows(name)
    }
    assert lost == {}
    assert faults == []
    assert reached > schema

    with httpx2.Client(base_url=endpoints["api"], cookies=released.known["cookie"], timeout=PATIENCE_S) as officer:
        notices = officer.get("/api/v1/notices?limit=1000").json()["items"]
        alarms = officer.get("/api/v1/alarms?limit=1000").json()["items"]
    assert len(alarms) >= released.rows("alarm") - 1  # those of other areas are not the officer's
    delivered = released.tables["notice"].count(b"\tdelivered\t")  # and none of these is sent again
    assert sum(one["state"] == "delivered" for one in notices) == delivered
    with httpx2.Client(base_url=endpoints["api"], timeout=PATIENCE_S) as anybody:
        login = {name: released.known[name] for name in ("username", "password")}
        assert anybody.post("/api/v1/session", json=login).status_code == 200
        kept = json.loads(json.loads(released.files["state/secrets.json"])["admin"])
        assert endpoints["admin"] == kept
        answer = anybody.get("/api/v1/devices", headers={"Authorization": f"Bearer {kept['api_key']}"})
    assert len(answer.json()["items"]) == released.rows("device")
    accounts = json.loads((state / "mosquitto/accounts.json").read_text())["clients"]
    assert "OLD-HYD-1" in {account["username"] for account in accounts}
