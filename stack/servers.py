"""The embedded servers of one `up`: PostgreSQL and mosquitto, each unless the environment names another.

Called by `stack.up`. Promises: what is prepared is noted in `addresses`; it may be prepared again after a failed start.
"""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from stack import children
from stack.addresses import Addresses
from stack.mosquitto import Mosquitto
from stack.postgres import Postgres
from stack.reserve import Reserve
from stack.screen import Screen
from stack.state import StartFailed, StateDir
from stack.supervise import Child

NAMES = ("postgres", "mosquitto")
_READY_TIMEOUT_S = 90
_TELL_EVERY_S = 30
_AT_WORK_S = 0.05  # of the processor between two looks: more than one that waits for nothing but calls takes


@dataclass
class Servers:
    """The servers of one state folder. `given`: the FIRETOWER_* names that the environment sets."""

    state: StateDir
    addresses: Addresses
    screen: Screen
    given: frozenset[str]
    fleet: bool  # whether the broker has an account that may be every device
    watch_reserve: Callable[[Reserve], None]  # called once
    broker_port: int | None = None  # of the devices; None: one is chosen and kept
    postgres: Postgres | None = None  # the embedded database, once it is prepared
    mosquitto: Mosquitto | None = None  # the embedded broker, likewise
    _worked_s: float = 0.0  # of the processor, as the broker was looked at last

    async def prepare(self) -> list[Child]:
        """Make what the servers need and return them, not started yet.

        Raises:
            BinariesMissingError, ChildError, OSError, StartFailed: one of them cannot be started here.
        """
        servers = []
        if "FIRETOWER_DATABASE_URL" not in self.given:
            servers.append(await self._prepare_postgres())
        if "FIRETOWER_MQTT_URL" not in self.given:
            servers.append(await self._prepare_mosquitto())
        return servers

    async def _prepare_postgres(self) -> Child:
        if self.postgres is None:
            self.postgres = await asyncio.to_thread(Postgres, self.state)
        server = self.postgres
        found = server.binaries
        self.screen.step(f"PostgreSQL {found.version}, TimescaleDB {found.timescaledb}: port {server.port}")
        reserve = Reserve(server.folder)
        await asyncio.to_thread(reserve.look)  # a server that starts on a full disk needs what it keeps back
        if self.addresses.reserve is None:
            self.addresses.reserve = reserve.path
            self.watch_reserve(reserve)
        await asyncio.to_thread(server.prepare)
        self.addresses.database, self.addresses.database_copier = server.dsn, server.copier_dsn
        return Child(
            "postgres",
            server.spawn,
            server.is_ready,
            before=server.clear_wreck,
            last_words=self._last_words_of("postgres"),
            polite=signal.SIGINT,
            hard=signal.SIGQUIT,
        )

    async def _prepare_mosquitto(self) -> Child:
        if self.mosquitto is None:
            self.mosquitto = await asyncio.to_thread(
                lambda: Mosquitto(self.state, fleet=self.fleet, port=self.broker_port)
            )
        broker = self.mosquitto
        self.screen.step(f"mosquitto {broker.binaries.version}: port {broker.port}")
        await asyncio.to_thread(broker.prepare)
        if broker.accounts.found:
            self.screen.step(broker.accounts.found)
        self.addresses.use_broker(broker, fleet=self.fleet)
        return Child(
            "mosquitto",
            broker.spawn,
            broker.is_ready,
            before=broker.put_damaged_aside,
            last_words=self._last_words_of("mosquitto"),
        )

    def _last_words_of(self, name: str) -> Callable[[], str]:
        return lambda: children.tail(children.read_log(self.state.log(name)))

    def _why_late(self, child: Child) -> str | None:
        """What a server is still doing that has to come to its end; None when nothing speaks for waiting on."""
        if child.name == "postgres":
            reads = self.postgres is not None and self.postgres.answers()
            return "reads its log after an unclean end" if reads else None
        # It says nothing, and listens only when it has read all that waits in its queues, which may be gigabytes.
        before, self._worked_s = self._worked_s, _worked_s(child)
        return "reads what waits in its queues" if self._worked_s - before >= _AT_WORK_S else None

    async def wait_until_ready(self, servers: Sequence[Child]) -> None:
        """Wait until all of them answer, and make the programs' role and database.

        A database that reads its log, and a broker that reads its queues, have all the time they need.

        Raises:
            StartFailed: one ended or took too long; the text holds its last words.
            ChildError: the role or the database cannot be made.
        """
        clock, look_every_s = asyncio.get_running_loop().time, 0.03
        deadline = clock() + _READY_TIMEOUT_S
        left = list(servers)
        while left:
            for child in list(left):
                code = child.exit_code()
                late = clock() > deadline
                if code is None and late and (doing := await asyncio.to_thread(self._why_late, child)):
                    # ended now, it would begin again with the next start, and never come to an end
                    self.screen.step(f"{child.name} {doing}, wait: {child.last_words()}")
                    deadline, look_every_s = clock() + _TELL_EVERY_S, 0.5
                    late = False
                if code is not None or late:
                    why = f"ended with {code}" if code is not None else f"was not ready within {_READY_TIMEOUT_S} s"
                    raise StartFailed(f"{child.name} {why}: {child.last_words()}")
                if await asyncio.to_thread(child.is_ready):
                    left.remove(child)
                    self.screen.step(f"{child.name} is ready")
            await asyncio.sleep(look_every_s)
        if self.postgres is not None:
            await asyncio.to_thread(self.postgres.provision)


def _worked_s(child: Child) -> float:
    with suppress(psutil.Error):
        if child.process is not None:
            times = psutil.Process(child.process.pid).cpu_times()
            return times.user + times.system
    return 0.0
