"""One run: the system behind wires, crowds that publish, things broken at random, and the reconciliation.

The servers and ingest are real processes; every pair talks through an in-process proxy that can cut, refuse and stall.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import asyncpg

from services.core import db
from services.core.clock import SystemClock
from tests.faults.chaos.books import row_of, stored_events, stored_readings
from tests.faults.chaos.breaking import Act, Breaking
from tests.faults.chaos.crowd import AckWatch, Crowd, EventRows
from tests.support.servers import Broker, PostgresServer, Program
from tests.support.waiting import eventually
from tests.support.wire import Wire

DOWN_S = 1.0  # how long a killed server is away; ingest comes back at once, as the supervisor would bring it


class ChaosRun:
    """Everything of one run."""

    def __init__(  # noqa: PLR0917  one per part that can break
        self,
        database: str,
        postgres: PostgresServer,
        broker: Broker,
        program: Callable[..., Program],
        wires: dict[str, Wire],
        seed: int,
    ) -> None:
        self._dsn, self._postgres, self._broker, self._program = database, postgres, broker, program
        self._dice = random.Random(seed)
        self._clock = SystemClock()
        self.started_s = self._clock.monotonic()
        self._breaking = Breaking(wires, self._dice, self._clock, self.started_s)
        self._load_from_s = 0.0
        self._rows = EventRows(database)
        self._acks = AckWatch(self._rows.fetch)
        self._ingest: Program | None = None
        self.ended_by_itself = 0
        device_url = broker.fleet_url.replace(f":{broker.port}", f":{wires['devices-broker'].port}")
        self.ours = Crowd(
            "OURS", device_url, self.started_s,
            devices=100, rate=900, events_per_s=20, on_event_acked=self._acks.take,
        )  # fmt: skip
        self.foreign = Crowd("ALIEN", device_url, self.started_s, devices=20, rate=200, resend=False)

    # --- the system ---

    def _start_ingest(self) -> Program:
        wires = self._breaking.wires
        return self._program(
            "ingest",
            DATABASE_URL=self._dsn.replace(f":{self._postgres.port}", f":{wires['ingest-database'].port}"),
            MQTT_URL=self._broker.url.replace(f":{self._broker.services_port}", f":{wires['ingest-broker'].port}"),
        )

    async def _supervise(self) -> None:
        """Bring ingest back when it ended by itself, as the supervisor would; the report counts it and shows why."""
        while True:
            await self._clock.sleep(0.5)
            if self._ingest is not None and self._ingest.process.poll() is not None:
                self.ended_by_itself += 1
                print("ingest ended by itself:", self._ingest.log_text()[-1500:])  # noqa: T201
                self._ingest.restart()

    # --- breaking ---

    async def kill_ingest(self) -> None:
        """SIGKILL and, like the supervisor, start again at once."""
        assert self._ingest is not None
        self._ingest.kill()
        self._ingest.restart()

    async def kill_broker(self) -> None:
        """SIGKILL, a moment of nothing, start again with its sessions."""
        self._broker.kill()
        await self._clock.sleep(self._dice.uniform(0.1, DOWN_S))
        mosquitto = self._broker.mosquitto
        mosquitto.spawn()
        await eventually(mosquitto.is_ready, what="the broker again")

    async def kill_database(self, away_s: float | None = None) -> None:
        """SIGKILL for the whole server, a moment of nothing, start again."""
        self._postgres.kill()
        await self._clock.sleep(self._dice.uniform(0.1, DOWN_S) if away_s is None else away_s)
        server = self._postgres.postgres
        server.clear_wreck()
        server.spawn()
        await eventually(lambda: asyncio.to_thread(server.is_ready), what="the database again", timeout_s=60)

    def acts(self) -> dict[str, Act]:
        """Everything that can be broken, by name."""
        return {
            "kill ingest": self.kill_ingest,
            "kill broker": self.kill_broker,
            "kill database": self.kill_database,
            **self._breaking.acts(),
        }

    # --- the run ---

    async def run(self, plan: Sequence[str], *, pause_s: tuple[float, float], settle_s: float = 60) -> dict[str, Any]:
        """Break what `plan` names, in order, under load; then let everything settle and reconcile."""
        acts = self.acts()
        stop = asyncio.Event()
        self._ingest = self._start_ingest()
        await eventually(self._ingest.ready_file.exists, what="ingest")
        crowds = (self.ours, self.foreign)
        async with asyncio.TaskGroup() as tasks:
            links = [tasks.create_task(crowd.link.run(), name=crowd.prefix) for crowd in crowds]
            watch = tasks.create_task(self._acks.run(), name="ack watch")
            supervisor = tasks.create_task(self._supervise(), name="supervisor")
            publishing = [tasks.create_task(crowd.publish(stop), name=crowd.prefix) for crowd in crowds]
            for crowd in crowds:
                await crowd.link.ready()
            self._load_from_s = self._breaking.now_s()
            await self._clock.sleep(pause_s[0])
            for what in plan:
                await self._breaking.do(what, acts[what])
                await self._clock.sleep(self._dice.uniform(*pause_s))
            published_s = self._breaking.now_s()
            stop.set()
            await asyncio.wait(publishing)
            try:
                await eventually(lambda: all(crowd.settled for crowd in crowds), what="every ack", timeout_s=settle_s)
            except AssertionError:
                print("ingest:", self._ingest.log_text()[-4000:])  # noqa: T201
                raise
            rows = await self._reconcile(settle_s)
            watch.cancel()
            supervisor.cancel()
            for crowd in crowds:
                await crowd.link.stop()
            await asyncio.wait(links)
        return self._report(rows, published_s - self._load_from_s)

    async def _reconcile(self, patience_s: float) -> list[dict[str, Any]]:
        """Wait until what is stored no longer changes, then compare."""
        database = await db.connect(self._dsn, program="chaos", statement_timeout_s=120)
        try:
            await eventually(lambda: self._acks.idle, what="every ack looked up", timeout_s=patience_s)
            await eventually(
                lambda: self._is_complete(database), what="what was acknowledged", timeout_s=patience_s, every_s=1.0
            )
        except AssertionError:
            pass  # reported below, with numbers
        rows = []
        for crowd in (self.ours, self.foreign):
            row = row_of(
                crowd.prefix, crowd.books, await stored_readings(database, crowd.prefix), self._breaking.breaks
            )
            events = await stored_events(database, crowd.prefix)
            row["events_missing"] = sorted(crowd.books.events_sent - events.keys())
            row["events_stored_twice"] = sorted(name for name, times in events.items() if times > 1)
            rows.append(row)
        await database.close()
        await self._rows.close()
        return rows

    async def _is_complete(self, database: asyncpg.Connection) -> bool:
        stored = await stored_readings(database, self.ours.prefix)
        idle = await database.fetchval("select coalesce(max(slots_used), 0) = 0 from ingest_lane")
        return bool(idle) and not self.ours.books.acked.keys() - stored.keys()

    def _report(self, rows: list[dict[str, Any]], published_s: float) -> dict[str, Any]:
        counts = self.ours.link.counts
        return {
            "seconds_under_load": round(published_s, 1),
            "messages_per_s": round(sum(row["readings_sent"] + row["events_sent"] for row in rows) / published_s),
            "breaks": [asdict(one) for one in self._breaking.breaks],
            "ingest_ended_by_itself": self.ended_by_itself,
            "kills": sum(one.what.startswith("kill") for one in self._breaking.breaks),
            "crowds": rows,
            "events_acked_before_stored": self._acks.too_early,
            "event_acks_looked_up": self._acks.checked,
            "readings_sent_again": counts.readings_resent,
            "events_sent_again": counts.events_resent,
        }
