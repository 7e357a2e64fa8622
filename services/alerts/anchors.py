"""Signed anchors over the heads of all chains, and lawful retirement of old alarms. Started by main.

Promises that a transition which was removed or changed after the anchor's minute shows in `firetower audit verify`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from services.core.clock import Clock
from services.core.db import load_queries
from services.core.errors import FiretowerError
from services.core.log import logger

SQL = load_queries(Path(__file__).with_name("audit.sql"))
EVERY_S = 60.0
OVERLAP = timedelta(minutes=2)  # an alarm's time is its transaction's beginning
KEY_FILE, LAST_FILE = "audit.key", "audit.last"
log = logger(__name__)

Head = Sequence[Any]  # alarm, number of transitions, hash of the newest in hex


def audit_key(state_dir: Path, given: str, *, make: bool) -> bytes:
    """Return the key that signs anchors: the given one, else the state folder's, made there once if `make`.

    Raises:
        FiretowerError: there is none and it must not be made.
    """
    if given:
        return given.encode()
    path = state_dir / KEY_FILE
    if not path.exists():
        if not make:
            raise FiretowerError(f"{path} is missing: give FIRETOWER_AUDIT_SECRET or the state folder of alerts")
        state_dir.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text().strip().encode()


def digest_heads(detail: dict[str, Any]) -> bytes:
    """Return the hash over everything an anchor states."""
    return hashlib.sha256(orjson.dumps(detail, option=orjson.OPT_SORT_KEYS)).digest()


def sign(key: bytes, previous: bytes, at: datetime, heads: bytes) -> bytes:
    """Return the signature of an anchor: HMAC-SHA256 over the one before, its time and its heads."""
    stamp = at.astimezone(UTC).isoformat(timespec="microseconds").encode()
    return hmac.new(key, previous + stamp + heads, hashlib.sha256).digest()


class Anchors:
    """Writes an anchor every minute in which a chain grew, and keeps the newest beside the database too."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, key: bytes, state_dir: Path, retention_days: int) -> None:
        self._pool = pool
        self._clock = clock
        self._key = key
        self._last_file = state_dir / LAST_FILE
        self._retention = timedelta(days=retention_days)

    async def run(self) -> None:
        """Write anchors without end."""
        while True:
            await self.write()
            await self.retire()
            await self._clock.sleep(EVERY_S)

    async def write(self) -> None:
        """Write an anchor over the chains that grew since the last one."""
        async with self._pool.acquire() as conn, conn.transaction():
            last = await conn.fetchrow(SQL["last_anchor"])
            since = datetime(2000, 1, 1, tzinfo=UTC) if last is None else last["at"] - OVERLAP
            rows = await conn.fetch(SQL["changed_heads"], since)
            if rows:
                await self._add(conn, last, {"heads": [list(row.values()) for row in rows]})

    async def retire(self) -> int:
        """Delete closed alarms past their time, leaving a signed statement of what they were."""
        now = self._clock.now()
        async with self._pool.acquire() as conn, conn.transaction():
            rows = await conn.fetch(SQL["old_alarms"], now - self._retention)
            if not rows:
                return 0
            ids = [row["id"] for row in rows]
            await conn.execute(SQL["retire"], ids)
            await conn.execute(SQL["retire_notices"], ids)
            await conn.execute(SQL["retire_alarms"], ids)
            await conn.execute(SQL["retire_incidents"], now - self._retention)
            last = await conn.fetchrow(SQL["last_anchor"])
            await self._add(conn, last, {"heads": [], "retired": [list(row.values()) for row in rows]})
        log.info("alarms_retired", count=len(ids))
        return len(ids)

    async def _add(self, conn: PoolConnectionProxy, last: asyncpg.Record | None, detail: dict[str, Any]) -> None:
        at, previous = self._clock.now(), b"" if last is None else last["signature"]
        heads = digest_heads(detail)
        signature = sign(self._key, previous, at, heads)
        number = await conn.fetchval(SQL["add_anchor"], at, len(detail["heads"]), heads, detail, previous, signature)
        self._last_file.parent.mkdir(parents=True, exist_ok=True)
        self._last_file.write_bytes(orjson.dumps({"id": number, "signature": signature.hex()}))
