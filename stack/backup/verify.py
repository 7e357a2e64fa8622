"""`firetower backup verify`: really restores a copy into a scratch place, starts it, and looks at what is there.

Called by the command line. Changes nothing of the copy or of a running system; the scratch place is removed.
"""

import asyncio
import importlib
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from services.core import db
from services.core.statements import load_queries
from services.core.text import describe_error
from stack.backup.belongings import SETTINGS
from stack.backup.copies import Copy, CopyFolder, NoCopy, Until
from stack.backup.restore import Say, Source, restore
from stack.backup.sealed import UNFINISHED, digest_of
from stack.postgres import Postgres
from stack.state import StateDir

SQL = load_queries(__file__)
_AUDIT_SECRET = "FIRETOWER_AUDIT_SECRET"  # noqa: S105 - its name


@dataclass
class Findings:
    """What was counted, and what is wrong."""

    counts: dict[str, int] = field(default_factory=dict)
    chains: int = 0
    faults: list[str] = field(default_factory=list)


def verify(source: Source, scratch: Path | None, say: Say) -> Findings:
    """Restore and look.

    Raises:
        FiretowerError, ChildError, OSError: it does not restore; the text says why.
    """
    if damaged := _damaged(source, source.copy, say):
        return Findings(faults=damaged)
    try:
        source.log()
    except NoCopy as gap:
        return Findings(faults=[str(gap)])
    place = Path(tempfile.mkdtemp(prefix="firetower-verify-", dir=scratch))
    place.chmod(0o755)  # the server's user has to pass
    state = StateDir.open(place / "state")
    server: Postgres | None = None
    try:
        with state.held():
            server = restore(source, state, say).postgres
            server.start()
            say("counting, and recomputing the chains of the evidence")
            findings = asyncio.run(_look(server, state, source))
    finally:
        if server is not None:
            server.stop(patience_s=10)
        for data in state.data_folders():
            shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)
    for copy in source.folder.copies():  # what an earlier moment is restored from; read, not restored
        if copy.name != source.copy.name:
            findings.faults += _damaged(source, copy, say)
    findings.faults += _no_longer_whole(source.folder)
    return findings


def _no_longer_whole(folder: CopyFolder) -> list[str]:
    """Return which copies were finished once and count no more, because their file is missing or shorter now."""
    finished = [path for path in sorted(folder.copies_path.iterdir()) if path.suffix != UNFINISHED]
    lost = [path for path in finished if (path / "copy.json").is_file() and Copy.read(path) is None]
    return [f"{path} is no longer whole: its file is missing or shorter than it was written" for path in lost]


def _damaged(source: Source, copy: Copy, say: Say) -> list[str]:
    """Return what is wrong with the file of a base copy, as a list of at most one."""
    path = source.folder.base(copy)
    say(f"reading {path}")
    try:
        same = digest_of(path).sha256 == copy.sha256
    except OSError as error:
        kept = copy.name in {one.name for one in source.folder.copies()}  # else retention removed it meanwhile
        return [f"{path} cannot be read: {describe_error(error)}"] if kept else []
    return [] if same else [f"{path} is not what was written: its SHA-256 differs"]


async def _look(server: Postgres, state: StateDir, source: Source) -> Findings:
    findings = Findings()
    until = source.until if source.at is None else None
    connection = await db.connect(server.dsn, program="verify", statement_timeout_s=3600)
    try:
        for row in await connection.fetch(SQL["tables"]):
            findings.counts[row["name"]] = await connection.fetchval(f'select count(*) from "{row["name"]}"')  # noqa: S608
        await _compare_batches(connection, until, findings)
        await _verify_chains(connection, state, findings)
    finally:
        await connection.close()
    return findings


async def _compare_batches(connection: asyncpg.Connection, until: Until | None, findings: Findings) -> None:
    """Every batch of the last days says how many rows it made; and none of those that were there is missing."""
    for row in await connection.fetch(SQL["batches"]):
        if row["stored"] != row["told"]:
            findings.faults.append(f"{row['kind']}: {row['told']} rows were committed, {row['stored']} are there")
    newest = {row["writer"]: row["number"] for row in await connection.fetch(SQL["newest"])}
    for writer, number in (until.writers if until is not None else {}).items():
        if newest.get(writer, 0) < number:
            findings.faults.append(
                f"{writer}: batch {number} was acknowledged, the copy ends at {newest.get(writer, 0)}"
            )


async def _verify_chains(connection: asyncpg.Connection, state: StateDir, findings: Findings) -> None:
    audit = importlib.import_module("services.alerts.audit")
    anchors = importlib.import_module("services.alerts.anchors")
    last = state.path / anchors.LAST_FILE
    key_file = state.path / anchors.KEY_FILE
    secret = _kept_setting(state, _AUDIT_SECRET)
    if not secret and not key_file.exists():
        if await connection.fetchval(SQL["anchors"]):
            findings.faults.append("the key of the evidence is missing: neither audit.key nor FIRETOWER_AUDIT_SECRET")
        return
    kept: dict[str, Any] | None = orjson.loads(last.read_bytes()) if last.exists() else None
    report = await audit.verify(connection, anchors.audit_key(state.path, secret, make=False), kept)
    findings.chains = report.chains
    findings.faults += report.faults


def _kept_setting(state: StateDir, name: str) -> str:
    for line in (state.path / SETTINGS).read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        if line.startswith(f"export {name}='"):
            return line.partition("='")[2].removesuffix("'").replace("'\\''", "'")
    return ""
