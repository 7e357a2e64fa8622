"""The embedded servers of one `up`: PostgreSQL and mosquitto, each unless the environment names another.

Called by `stack.up`. Promises: what is prepared is noted in `addresses`; it may be prepared again after a failed start.
"""

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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


@dataclass
class Servers:
    """The servers of one state folder. `given`: the FIRETOWER_* names that the environment sets."""

    state: StateDir
    addresses: Addresses
    screen: Screen
    given: frozenset[str]
    fleet: bool  # whether the broker has an account that may be every device
    watch_reserve: Callable[[Reserve], None]  # called once
    postgres: Postgres | None = None  # the embedded database, once it is prepared
    mosquitto: Mosquitto | None = None  # the embedded broker, likewise

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
            self.mosquitto = await asyncio.to_thread(lambda: Mosquitto(self.state, fleet=self.fleet))
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

    def _recovers(self, child: Child) -> bool:
        return child.name == "postgres" and self.postgres is not None and self.postgres.answers()

    async def wait_until_ready(self, servers: Sequence[Child]) -> None:
        """Wait until all of them answer, and make the programs' role and database.

        A database that reads its log has all the time it needs.

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
                if code is None and late and await asyncio.to_thread(self._recovers, child):
                    # ended now, it would begin again with the next start, and never come to an end
                    self.screen.step(f"postgres reads its log after an unclean end, wait: {child.last_words()}")
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
