"""Keeps what a running release has written, so that every later one can be tried with it.

    python -m tests.integration.upgrade.keep STATE_DIR RELEASED.tar.xz

Run it against a demo of the release to be kept, which that release's own code has started (a few devices, until there
is an alarm). Through that release's API it adds an officer, who signs in and acknowledges an alarm, and a device with
an account. Then it reads the rows of every table, the sequences, and the files of the state folder. The demo goes on.
"""

import asyncio
import io
import json
import sqlite3
import sys
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import httpx2

from stack.postgres import SUPERUSER

OFFICER = {"username": "li.wei", "password": "Pump-Ladder-Hose-77"}
DEVICE = "OLD-HYD-1"
_FILES = ("secrets.json", "ports.json", "audit.key", "audit.last", "client-ids/*", "mosquitto/accounts.json")
_JOURNALS = ("gateway/journal.sqlite3", "mosquitto/sessions.sqlite3")  # in use: copied as SQLite copies itself
_READINGS_AT_MOST = 500  # of a kind: the newest


def act(endpoints: dict[str, Any]) -> dict[str, Any]:
    """Let an officer and a device of that release exist; return what the test signs in with."""
    admin = {"Authorization": f"Bearer {endpoints['admin']['api_key']}"}
    with httpx2.Client(base_url=endpoints["api"], timeout=60) as api:
        made = api.post("/api/v1/users", json={**OFFICER, "name": "李伟", "role": "duty_officer"}, headers=admin)
        assert made.status_code in (201, 409), made.text
        where = {"kind": "hydrant", "area": "140931100", "name": "旧消火栓"}
        placed = api.put(f"/api/v1/devices/{DEVICE}", json=where, headers=admin)
        assert placed.status_code in (200, 201), placed.text
        assert api.post(f"/api/v1/devices/{DEVICE}/credentials", headers=admin).status_code in (200, 201)
        assert api.post("/api/v1/session", json=OFFICER).status_code == 200
        cookie = dict(api.cookies)
        alarm = api.get("/api/v1/alarms?limit=1").json()["items"][0]
        assert api.post(f"/api/v1/alarms/{alarm['id']}/acknowledge", headers={"Origin": endpoints["api"]}).is_success
    return {"cookie": cookie, **OFFICER}


async def rows(state: Path, endpoints: dict[str, Any]) -> dict[str, bytes]:
    """Return the rows of every table, and where the sequences stand."""
    password = json.loads((state / "secrets.json").read_text())["postgres_admin"]
    connection = await asyncpg.connect(endpoints["database"], user=SUPERUSER, password=password)
    files = {}
    tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public' order by 1")
    for table in (row["tablename"] for row in tables):
        if table == "alembic_version":
            continue
        columns = await connection.fetch(
            "select attname from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped"
            " and attgenerated = '' order by attnum",
            table,
        )
        names = ", ".join(row["attname"] for row in columns)
        newest = f" order by ts desc limit {_READINGS_AT_MOST}" if table.startswith("reading_") else ""
        query = f"select {names} from {table}{newest}"  # noqa: S608 - names of its own catalogue
        content = io.BytesIO()
        await connection.copy_from_query(query, output=content)
        if content.tell():
            files[f"tables/{table}.copy"] = names.replace(", ", ",").encode() + b"\n" + content.getvalue()
    sequences = await connection.fetch(
        "select sequencename, last_value from pg_sequences where schemaname = 'public' and last_value is not null"
    )
    files["sequences.json"] = json.dumps({row["sequencename"]: row["last_value"] for row in sequences}).encode()
    version = await connection.fetchval("select version_num from alembic_version")
    await connection.close()
    sys.stdout.write(f"schema {version}\n")
    return files


def journal(path: Path) -> bytes:
    """Return a database of SQLite as it stands."""
    with (
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(":memory:")) as copy,
    ):
        source.backup(copy)
        return copy.serialize()


def main(state: Path, target: Path) -> None:
    """Write the archive."""
    endpoints = json.loads((state / "endpoints.json").read_text())
    known = act(endpoints)
    files = asyncio.run(rows(state, endpoints))
    for pattern in _FILES:
        files |= {f"state/{path.relative_to(state)}": path.read_bytes() for path in state.glob(pattern)}
    files |= {f"state/{name}": journal(state / name) for name in _JOURNALS}
    files["known.json"] = json.dumps(known).encode()
    with tarfile.open(target, "w:xz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
