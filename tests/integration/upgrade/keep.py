"""Keeps what a running release has written, so that every later one can be tried with it.

    python -m tests.integration.upgrade.keep STATE_DIR RELEASED.tar.xz

Run it with this code against a demo of the release to be kept, started by that release's own code (a few devices, a few
minutes). It adds an officer who signs in and acknowledges an alarm, and an account of a device, through that release's
API; then it stops nothing and reads: the rows of every table, the sequences, and the files of the state folder that are
no database.
"""

import asyncio
import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

import asyncpg
import httpx2

from stack.postgres import SUPERUSER

OFFICER = {"username": "li.wei", "password": "Pump-Ladder-Hose-77"}
DEVICE = "OLD-HYD-1"
_FILES = ("secrets.json", "ports.json", "audit.key", "audit.last", "client-ids/*", "mosquitto/accounts.json")
_JOURNALS = ("gateway/journal.sqlite3*", "mosquitto/sessions.sqlite3*")
_ROWS_AT_MOST = 3000  # of a table: the newest, which is enough to lose some
_NEWEST_FIRST = {"reading_hydrant": "ts", "reading_electrical": "ts", "reading_water": "ts", "reading_panel": "ts"}


def act(endpoints: dict[str, Any]) -> dict[str, Any]:
    """Let an officer and a device of that release exist; return what the test signs in with."""
    admin = {"Authorization": f"Bearer {endpoints['admin']['api_key']}"}
    with httpx2.Client(base_url=endpoints["api"], timeout=60) as api:
        made = api.post("/api/v1/users", json={**OFFICER, "name": "李伟", "role": "officer"}, headers=admin)
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
        order = f" order by {_NEWEST_FIRST[table]} desc" if table in _NEWEST_FIRST else ""
        query = f"select {names} from {table}{order} limit {_ROWS_AT_MOST}"  # noqa: S608 - names of its own catalogue
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


def main(state: Path, target: Path) -> None:
    """Write the archive."""
    endpoints = json.loads((state / "endpoints.json").read_text())
    known = act(endpoints)
    files = asyncio.run(rows(state, endpoints))
    for pattern in (*_FILES, *_JOURNALS):
        files |= {f"state/{path.relative_to(state)}": path.read_bytes() for path in state.glob(pattern)}
    files["known.json"] = json.dumps(known).encode()
    with tarfile.open(target, "w:xz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
