"""One run: the system behind wires, crowds that publish, things broken at random, and the reconciliation.

The servers and ingest are real processes; every pair talks through an in-process proxy that can cut, refuse and stall.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import asyncpg

from services.core import db
from services.core.clock import SystemClock
from tests.faults.chaos.books import Break, row_of, stored_events, stored_readings
from tests.faults.chaos.crowd import AckWatch, Crowd
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
        self.breaks: list[Break] = []
        self._dsn, self._postgres, self._broker, self._program = database, postgres, broker, program
        self._wires = wires
        self._dice = random.Random(seed)
        self._clock = SystemClock()
        self.started_s = self._clock.monotonic()
        self._load_from_s = 0.0
        self._acks = AckWatch(self._fetch_events)
        self._direct: asyncpg.Connection | None = None
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
        wires = self._wires
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

    async def _fetch_events(self, names: list[str]) -> set[str]:
        """Ask the database directly, until it answers."""
        while True:
            try:
                if self._direct is None:
                    self._direct = await db.connect(self._dsn, program="chaos")
                rows = await self._direct.fetch("select event_id from event where event_id = any($1)", names)
                return {row["event_id"] for row in rows}
            except db.AWAY:
                self._direct = None
                await asyncio.sleep(0.1)

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
        await eventually(mosquitto.is_ready, what="the broker again", timeout_s=20)

    async def kill_database(self, away_s: float | None = None) -> None:
        """SIGKILL for the whole server, a moment of nothing, start again."""
        self._postgres.kill()
        await self._clock.sleep(self._dice.uniform(0.1, DOWN_S) if away_s is None else away_s)
        server = self._postgres.postgres
        server.clear_wreck()
        server.spawn()
        await eventually(lambda: asyncio.to_thread(server.is_ready), what="the database again", timeout_s=60)

    async def cut(self, name: str) -> None:
        """Reset every connection of one pair."""
        await self._wires[name].cut()

    async def refuse(self, name: str, seconds: float) -> None:
        """Let one pair not connect for a while."""
        await self._wires[name].refuse()
        await self._clock.sleep(seconds)
        self._wires[name].restore()

    async def stall(self, name: str, seconds: float) -> None:
        """Keep one pair connected and forward nothing for a while."""
        self._wires[name].stall()
        await self._clock.sleep(seconds)
        self._wires[name].restore()

    async def breaking(self, what: str, act: Callable[[], Awaitable[None]]) -> None:
        """Break something and note it."""
        at_s = self._clock.monotonic() - self.started_s
        await act()
        self.breaks.append(Break(round(at_s, 2), what, round(self._clock.monotonic() - self.started_s - at_s, 2)))

    def acts(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Everything that can be broken, by name."""
        acts: dict[str, Callable[[], Awaitable[None]]] = {
            "kill ingest": self.kill_ingest,
            "kill broker": self.kill_broker,
            "kill database": self.kill_database,
        }
        for name in self._wires:
            acts[f"cut {name}"] = lambda name=name: self.cut(name)  # type: ignore[misc]
            acts[f"refuse {name}"] = lambda name=name: self.refuse(name, self._dice.uniform(0.5, 2))  # type: ignore[misc]
            acts[f"stall {name}"] = lambda name=name: self.stall(name, self._dice.uniform(0.5, 3))  # type: ignore[misc]
        return acts

    # --- the run ---

    async def run(self, plan: Sequence[str], *, pause_s: tuple[float, float], settle_s: float = 60) -> dict[str, Any]:
        """Break what `plan` names, in order, under load; then let everything settle and reconcile."""
        acts = self.acts()
        stop = asyncio.Event()
        self._ingest = self._start_ingest()
        await eventually(self._ingest.ready_file.exists, what="ingest", timeout_s=30)
        crowds = (self.ours, self.foreign)
        async with asyncio.TaskGroup() as tasks:
            links = [tasks.create_task(crowd.link.run(), name=crowd.prefix) for crowd in crowds]
            watch = tasks.create_task(self._acks.run(), name="ack watch")
            supervisor = tasks.create_task(self._supervise(), name="supervisor")
            publishing = [tasks.create_task(crowd.publish(stop), name=crowd.prefix) for crowd in crowds]
            for crowd in crowds:
                await crowd.link.ready()
            self._load_from_s = self._clock.monotonic() - self.started_s
            await self._clock.sleep(pause_s[0])
            for what in plan:
                await self.breaking(what, acts[what])
                await self._clock.sleep(self._dice.uniform(*pause_s))
            published_s = self._clock.monotonic() - self.started_s
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
            row = row_of(crowd.prefix, crowd.books, await stored_readings(database, crowd.prefix), self.breaks)
            events = await stored_events(database, crowd.prefix)
            row["events_missing"] = sorted(crowd.books.events_sent - events.keys())
            row["events_stored_twice"] = sorted(name for name, times in events.items() if times > 1)
            rows.append(row)
        await database.close()
        if self._direct is not None:
            with suppress(OSError, asyncpg.InterfaceError):
                await self._direct.close()
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
            "breaks": [asdict(one) for one in self.breaks],
            "ingest_ended_by_itself": self.ended_by_itself,
            "kills": sum(one.what.startswith("kill") for one in self.breaks),
            "crowds": rows,
            "events_acked_before_stored": self._acks.too_early,
            "event_acks_looked_up": self._acks.checked,
            "readings_sent_again": counts.readings_resent,
            "events_sent_again": counts.events_resent,
        }
