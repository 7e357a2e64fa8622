"""A small county straight in the database: sites, devices, and batches written as ingest writes them.

For tests of what comes after ingest. Promises the same rows, numbers and hints that ingest makes.
"""

import hashlib
import itertools
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson

from services.core import db

AREA = "140931100"


class County:
    """Talks to one migrated database."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self.conn = conn
        self.owner = uuid.uuid4()
        self._ids: dict[str, int] = {}
        self._events = itertools.count(1)
        self._seq = itertools.count(1)

    @classmethod
    async def open(cls, dsn: str) -> "County":
        return cls(await db.connect(dsn, program="test"))

    def use(self, devices: Mapping[str, int]) -> None:
        """Learn of devices that another connection added."""
        self._ids |= devices

    def id_of(self, code: str) -> int:
        """The database's number of a device."""
        return self._ids[code]

    async def close(self) -> None:
        await self.conn.close()

    async def add_site(self, name: str, area: str = AREA, **fields: Any) -> int:
        columns = {"name": name, "area": area, "lon": 111.09, "lat": 39.02, **fields}
        names = ", ".join(columns)
        marks = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
        site_id: int = await self.conn.fetchval(
            f"insert into site ({names}) values ({marks}) returning id",  # noqa: S608 - names of this file
            *columns.values(),
        )
        return site_id

    async def add_device(self, code: str, kind: str = "panel", area: str = AREA, **fields: Any) -> int:
        columns = {"code": code, "kind": kind, "area": area, "registered": True, **fields}
        names = ", ".join(columns)
        marks = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
        device_id: int = await self.conn.fetchval(
            f"insert into device ({names}) values ({marks}) returning id",  # noqa: S608 - names of this file
            *columns.values(),
        )
        await self.conn.execute("insert into device_state (device_id, last_seen) values ($1, now())", device_id)
        self._ids[code] = device_id
        return device_id

    async def send_events(
        self, events: Iterable[Mapping[str, Any]], writer: str = "all/event", received_at: datetime | None = None
    ) -> None:
        """Commit one batch of events; each names its `device` and `type`, the rest has defaults."""
        at = received_at or datetime.now(UTC)
        rows = [self._event_row(event, at) for event in events]
        async with self.conn.transaction():
            batch_id = await self._batch(writer, "event", at, [row[1] for row in rows], events=len(rows))
            await self.conn.executemany(
                """
                insert into event (device_id, ts, received_at, event_id, type, active, component, zone, system_type,
                    component_type, description, digest, seq, device_ts, batch_id)
                values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
                """,
                [(*row, batch_id) for row in rows],
            )
            await self.conn.execute("select pg_notify('firetower_batch', '')")

    async def send_readings(
        self,
        kind: str,
        readings: Iterable[Mapping[str, Any]],
        writer: str = "all/telemetry",
        received_at: datetime | None = None,
    ) -> None:
        """Commit one batch of readings of one kind; each names its `device`; `ts` and `seq` have defaults."""
        at = received_at or datetime.now(UTC)
        rows = [{"ts": at, "seq": next(self._seq), "received_at": at, **reading} for reading in readings]
        async with self.conn.transaction():
            batch_id = await self._batch(writer, "telemetry", at, [row["ts"] for row in rows], **{kind: len(rows)})
            for row in rows:
                columns = {**row, "device_id": self._ids[row["device"]], "batch_id": batch_id}
                del columns["device"]
                names = ", ".join(columns)
                marks = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
                await self.conn.execute(
                    f"insert into reading_{kind} ({names}) values ({marks})",  # noqa: S608 - names of this file
                    *columns.values(),
                )
            await self.conn.execute(
                """
                update device_state set last_seen = $2, online = true, offline_since = null
                where device_id = any($1::integer[])
                """,
                [self._ids[row["device"]] for row in rows],
                at,
            )
            await self.conn.execute("select pg_notify('firetower_batch', '')")

    async def refuse(self, device: str, reason: str, received_at: datetime | None = None) -> None:
        """Commit a batch of one message of the device that was refused."""
        at = received_at or datetime.now(UTC)
        async with self.conn.transaction():
            batch_id = await self._batch("all/telemetry", "telemetry", at, [], rejects=1)
            await self.conn.execute(
                """
                insert into reject (batch_id, received_at, topic, payload, reason, detail, device_id)
                values ($1, $2, 'topic', '{}', $3, 'test', $4)
                """,
                batch_id,
                at,
                reason,
                self._ids[device],
            )
            await self.conn.execute("select pg_notify('firetower_batch', '')")

    async def set_watermark(self, at: datetime, gap_at: datetime | None = None) -> None:
        """Say that both lanes' probes flow up to `at`."""
        for lane in ("event", "telemetry"):
            await self.conn.execute(
                """
                insert into ingest_lane (
                    writer, lane, owner, connected, watermark, watermark_gap_at, updated_at, broker)
                values ('all/' || $1, $1, $2, true, $3, $4, now(), 'broker')
                on conflict (writer) do update
                set watermark = excluded.watermark, updated_at = excluded.updated_at,
                    watermark_gap_at = coalesce(excluded.watermark_gap_at, ingest_lane.watermark_gap_at)
                """,
                lane,
                self.owner,
                at,
                gap_at,
            )

    async def set_policy(self, name: str, **body: Any) -> None:
        await self.conn.execute(
            "insert into policy (name, body, updated_by) values ($1, $2, 'test')"
            " on conflict (name) do update set body = excluded.body",
            name,
            body,
        )

    async def alarms(self, where: str = "true", *arguments: Any, at_least: int = 0) -> list[asyncpg.Record]:
        """The alarms, oldest first; none while there are fewer than `at_least`."""
        query = f"""
            select a.*, d.code as device from alarm a left join device d on d.id = a.device_id
            where {where} order by a.id
        """  # noqa: S608 - conditions are written in the tests
        found: list[asyncpg.Record] = await self.conn.fetch(query, *arguments)
        return found if len(found) >= at_least else []

    async def notices(self, where: str = "true", *arguments: Any, at_least: int = 0) -> list[dict[str, Any]]:
        """The notices, oldest first, with their bodies read; none while there are fewer than `at_least`."""
        query = f"select * from notice where {where} order by created_at, alarm_id, number"  # noqa: S608
        rows = await self.conn.fetch(query, *arguments)
        found = [{**dict(row), "json": orjson.loads(row["body"])} for row in rows]
        return found if len(found) >= at_least else []

    async def _batch(self, writer: str, lane: str, at: datetime, times: list[datetime], **counts: int) -> int:
        names = "".join(f", {name}" for name in counts)
        marks = "".join(f", ${n}" for n in range(7, 7 + len(counts)))
        batch_id: int = await self.conn.fetchval(
            f"""
            insert into ingest_batch (writer, number, owner, lane, first_received_at, min_ts, max_ts{names})
            select $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6{marks} from ingest_batch where writer = $1
            returning id
            """,  # noqa: S608 - names of this file
            writer,
            self.owner,
            lane,
            at,
            min(times, default=None),
            max(times, default=None),
            *counts.values(),
        )
        return batch_id

    def _event_row(self, event: Mapping[str, Any], received_at: datetime) -> tuple[Any, ...]:
        number = next(self._events)
        event_id = event.get("event_id", f"e{number}")
        ts = event.get("ts", received_at - timedelta(milliseconds=50))
        digest = hashlib.sha256(orjson.dumps([event["device"], event_id, ts, dict(event)], default=str)).digest()
        return (
            self._ids[event["device"]],
            ts,
            event.get("received_at", received_at),
            event_id,
            event["type"],
            event.get("active", True),
            event.get("component", ""),
            event.get("zone", ""),
            event.get("system_type"),
            event.get("component_type"),
            event.get("description", ""),
            digest,
            event.get("seq", number),
            event.get("device_ts"),
        )
