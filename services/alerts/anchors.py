"""Signed anchors over the heads of all chains, and the lawful deletion of old alarms. A duty of main.

Promises that `firetower audit verify` detects a transition that was removed or changed after the anchor's minute.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from services.core.clock import Clock
from services.core.errors import FiretowerError
from services.core.log import logger
from services.core.statements import load_queries
from services.core.steady import is_steady

SQL = load_queries(__file__)
EVERY_S = 60.0
OVERLAP = timedelta(minutes=2)  # an alarm's time is the start of its transaction
KEY_FILE, LAST_FILE = "audit.key", "audit.last"
log = logger(__name__)

Head = Sequence[Any]  # alarm, number of transitions, hash of the newest in hex


def audit_key(state_dir: Path, given: str, *, make: bool) -> bytes:
    """Return the key that signs anchors: the given one, else the one in the state folder; `make` creates it there once.

    Raises:
        FiretowerError: there is none and it must not be created, or it is empty.
    """
    if given:
        return given.encode()
    path = state_dir / KEY_FILE
    if missing := missing_key(state_dir):
        if not make:
            raise FiretowerError(missing)
        _replace(path, secrets.token_hex(32).encode())
    key = path.read_text().strip().encode()
    if not key:
        raise FiretowerError(f"{path} is empty: put the key back, or remove it to begin with a new one")
    return key


def missing_key(state_dir: Path) -> str:
    """Return that the state folder has no key, and the cure; empty: it has one."""
    path = state_dir / KEY_FILE
    if path.exists():
        return ""
    return f"{path} is missing: give FIRETOWER_AUDIT_SECRET or the state folder of alerts"


def _replace(path: Path, content: bytes) -> None:
    """Write a private file whole or not at all, even if the process is killed or the power cut.

    Raises:
        FiretowerError: the disk is full, or the folder is not ours.
    """
    fresh = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut leaves it empty on some file systems
        fresh.replace(path)
    except OSError as error:
        raise FiretowerError(f"cannot write {path}: {error}") from error


def digest_heads(detail: dict[str, Any]) -> bytes:
    """Return the hash over everything an anchor states."""
    return hashlib.sha256(orjson.dumps(detail, option=orjson.OPT_SORT_KEYS)).digest()


def sign(key: bytes, previous: bytes, at: datetime, heads: bytes) -> bytes:
    """Return the signature of an anchor: HMAC-SHA256 over the one before, its time and its heads."""
    stamp = at.astimezone(UTC).isoformat(timespec="microseconds").encode()
    return hmac.new(key, previous + stamp + heads, hashlib.sha256).digest()


class Anchors:
    """Writes an anchor every minute in which a chain grew, and keeps the newest beside the database too."""

    def __init__(
        self, pool: asyncpg.Pool, clock: Clock, key: Callable[[], bytes], state_dir: Path, retention_days: int
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._key = key  # read at each anchor, so that judging does not wait for a key
        self._last_file = state_dir / LAST_FILE
        self._retention = timedelta(days=retention_days)

    async def take_turn(self) -> float:
        """Write an anchor and retire what is old. A key that cannot be made is reported now, not at the next fire."""
        self._key()
        await self.write()
        await self.retire()
        return EVERY_S

    async def write(self) -> None:
        """Write an anchor over the chains that grew since the last one.

        What was changed by a clock that is ahead of now is in each until then: none is written for its sake alone.
        """
        async with self._pool.acquire() as conn, conn.transaction():
            last = await conn.fetchrow(SQL["last_anchor"])
            # the newest that does not lie ahead: what was done since then may have been by a clock that is right again
            since = await conn.fetchval(SQL["anchored_at"], self._clock.now())
            since = datetime(2000, 1, 1, tzinfo=UTC) if since is None else since - OVERLAP
            rows = await conn.fetch(SQL["changed_heads"], since)
            detail = {"heads": [list(row.values()) for row in rows]}
            if not rows or (last is not None and digest_heads(detail) == last["heads"]):
                return
            kept = await self._add(conn, last, detail)
        self._keep(kept)

    async def retire(self) -> int:
        """Delete closed alarms past their time and leave a signed statement of what they were."""
        now = self._clock.now()
        async with self._pool.acquire() as conn, conn.transaction():
            if not await is_steady(conn, now):
                return 0
            rows = await conn.fetch(SQL["old_alarms"], now - self._retention)
            if not rows:
                return 0
            ids = [row["id"] for row in rows]
            await conn.execute(SQL["retire"], ids)
            await conn.execute(SQL["retire_notices"], ids)
            await conn.execute(SQL["retire_alarms"], ids)
            await conn.execute(SQL["retire_incidents"], now - self._retention)
            last = await conn.fetchrow(SQL["last_anchor"])
            kept = await self._add(conn, last, {"heads": [], "retired": [list(row.values()) for row in rows]})
        self._keep(kept)
        log.info("alarms_retired", alarms=len(ids))
        return len(ids)

    async def _add(
        self, conn: PoolConnectionProxy, last: asyncpg.Record | None, detail: dict[str, Any]
    ) -> dict[str, Any]:
        at, previous = self._clock.now(), b"" if last is None else last["signature"]
        heads = digest_heads(detail)
        signature = sign(self._key(), previous, at, heads)
        number = await conn.fetchval(SQL["add_anchor"], at, len(detail["heads"]), heads, detail, previous, signature)
        return {"id": number, "signature": signature.hex()}

    def _keep(self, anchor: dict[str, Any]) -> None:
        """Write the newest anchor beside the database after its commit: a rolled-back one would look like a cut."""
        _replace(self._last_file, orjson.dumps(anchor))
