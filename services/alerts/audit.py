"""`firetower audit verify`: recompute every chain and every anchor, and say what was changed, removed or cut off.

Started by the command line against a live or restored database. Changes nothing.
"""

import asyncio
import hmac
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson

from services.alerts.anchors import LAST_FILE, audit_key, digest_heads, missing_key, sign
from services.core import db
from services.core.alarms.ledger.chain import Transition, is_sealed
from services.core.errors import FiretowerError
from services.core.settings import AlertsSettings
from services.core.statements import load_queries

SQL = load_queries(__file__)
MOST_FAULTS = 1000


@dataclass(slots=True)
class Report:
    """What was checked, and what is wrong."""

    chains: int = 0
    transitions: int = 0
    anchors: int = 0
    retired: int = 0
    faults: list[str] = field(default_factory=list)

    def fault(self, text: str) -> None:
        """Keep a fault; after a thousand, further ones say nothing new."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(text)


@dataclass(slots=True)
class Stated:
    """What the signed anchors state: heads by alarm and number, and alarms lawfully retired."""

    heads: dict[int, dict[int, str]] = field(default_factory=dict)
    retired: dict[int, str] = field(default_factory=dict)


async def verify(conn: asyncpg.Connection, key: bytes | None, kept: Mapping[str, Any] | None = None) -> Report:
    """Check everything in one snapshot; without a key all but the signatures of the anchors.

    `kept` is the newest anchor as it was written beside the database.
    """
    report = Report()
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        stated = await _verify_anchors(conn, key, report, kept)
        heads = {row["id"]: (row["transitions"], row["head"]) for row in await conn.fetch(SQL["heads"])}
        report.retired = len(stated.retired)
        async for alarm_id, hashes in _chains(conn, report):
            _compare(alarm_id, hashes, heads.pop(alarm_id, None), stated, report)
        for alarm_id, (count, _) in heads.items():
            if count:
                report.fault(f"alarm {alarm_id}: all {count} transitions are missing")
        for alarm_id in stated.heads:
            if alarm_id not in stated.retired:
                report.fault(f"alarm {alarm_id}: an anchor names it, but it is gone and was never retired")
    return report


async def _verify_anchors(
    conn: asyncpg.Connection, key: bytes | None, report: Report, kept: Mapping[str, Any] | None
) -> Stated:
    stated, previous, newest = Stated(), b"", 0
    signatures: dict[int, str] = {}
    for row in await conn.fetch(SQL["anchors"]):
        report.anchors += 1
        name = f"anchor {row['id']}"
        if row["previous"] != previous:
            report.fault(f"{name}: does not follow the one before; an anchor was removed or changed")
        if row["heads"] != digest_heads(row["detail"]):
            report.fault(f"{name}: its list was changed")
        signed = row["signature"] if key is None else sign(key, row["previous"], row["at"], row["heads"])
        if not hmac.compare_digest(row["signature"], signed):
            report.fault(f"{name}: its signature is wrong")
        else:
            for alarm_id, number, head in row["detail"]["heads"]:
                stated.heads.setdefault(alarm_id, {})[number] = head
            for alarm_id, _, head in row["detail"].get("retired", []):
                stated.retired[alarm_id] = head
        previous, newest = row["signature"], row["id"]
        signatures[newest] = row["signature"].hex()
    if kept is not None and signatures.get(kept["id"]) != kept["signature"]:
        report.fault(f"anchor {kept['id']}: kept in {LAST_FILE}, but missing from the database")
    return stated


async def _chains(conn: asyncpg.Connection, report: Report) -> AsyncIterator[tuple[int, list[str]]]:
    """Yield each alarm with the recomputed hashes of its chain; report what does not match."""
    alarm_id: int | None = None
    hashes: list[str] = []
    previous = b""
    async for row in conn.cursor(SQL["transitions"], prefetch=1000):
        if row["alarm_id"] != alarm_id:
            if alarm_id is not None:
                yield alarm_id, hashes
            alarm_id, hashes, previous = row["alarm_id"], [], b""
        report.transitions += 1
        name = f"alarm {alarm_id} transition {row['number']}"
        if row["number"] != len(hashes) + 1:
            report.fault(f"{name}: number {len(hashes) + 1} is missing before it")
        elif row["previous"] != previous:
            report.fault(f"{name}: does not follow the one before")
        if not is_sealed(row["previous"], _transition(row), row["hash"]):
            report.fault(f"{name}: was changed")
        previous = row["hash"]
        hashes.append(row["hash"].hex())
    if alarm_id is not None:
        yield alarm_id, hashes


def _transition(row: asyncpg.Record) -> Transition:
    return Transition(*(row[name] for name in Transition._fields))


def _compare(alarm_id: int, hashes: list[str], head: tuple[int, str] | None, stated: Stated, report: Report) -> None:
    """Compare a chain with its alarm's row and with what the anchors say about it."""
    report.chains += 1
    if head is None or head != (len(hashes), hashes[-1]):
        report.fault(f"alarm {alarm_id}: its row does not agree with its newest transition")
    for number, anchored in stated.heads.pop(alarm_id, {}).items():
        if number > len(hashes):
            report.fault(f"alarm {alarm_id}: cut off after transition {len(hashes)}; an anchor knows {number}")
        elif hashes[number - 1] != anchored:
            report.fault(f"alarm {alarm_id} transition {number}: differs from what an anchor states")


async def _run(settings: AlertsSettings, key: bytes | None, kept: Mapping[str, Any] | None) -> Report:
    conn = await db.connect(settings.database_url, program="audit", statement_timeout_s=600)
    try:
        return await verify(conn, key, kept)
    finally:
        await conn.close()


def main(settings: AlertsSettings | None = None) -> int:
    """Print the report; the exit code is 1 when something is wrong.

    Raises:
        FiretowerError: all but the signatures fits, and these were not checked, for there is no key.
    """
    settings = settings or AlertsSettings.read()
    secret, missing = settings.audit_secret.get_secret_value(), missing_key(settings.state_dir)
    key = None if missing and not secret else audit_key(settings.state_dir, secret, make=False)
    last_file = settings.state_dir / LAST_FILE
    kept = orjson.loads(last_file.read_bytes()) if last_file.exists() else None
    report = asyncio.run(_run(settings, key, kept))
    for text in report.faults:
        sys.stdout.write(f"FAULT {text}\n")
    facts: dict[str, Any] = {
        "chains": report.chains,
        "transitions": report.transitions,
        "anchors": report.anchors,
        "retired": report.retired,
        "faults": len(report.faults),
    }
    sys.stdout.write("  ".join(f"{name} {value}" for name, value in facts.items()) + "\n")
    if key is None and not report.faults:
        raise FiretowerError(f"the signatures of the anchors were not checked: {missing}")
    return 1 if report.faults else 0
