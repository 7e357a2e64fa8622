"""`firetower up` and `firetower demo`: the whole system in the foreground, from nothing to ready, until a signal.

Called by the command line. Promises (contract, section 1): `endpoints.json` appears only when both ingest lanes are
subscribed and the API is ready, and follows every restart; the end takes less than 5 s and leaves no process.
"""

import asyncio
import importlib
import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from services.core.settings import AlertsSettings, ApiSettings, GatewaySettings, IngestSettings
from stack import children
from stack.addresses import Addresses
from stack.binaries import BinariesMissingError
from stack.first_admin import ensure_admin
from stack.mosquitto import Mosquitto
from stack.postgres import Postgres
from stack.programs import Program, plan, plan_simulators
from stack.screen import Screen, Vitals
from stack.state import StartFailed, StateDir, write_private
from stack.supervise import Child

_READY_TIMEOUT_S = 90


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    state_dir: Path | None = None
    fleet: bool = True
    demo: bool = False
    devices: int = 200
    speed: float = 1.0
    programs: bool = True  # false: the servers alone


class System:
    """Everything that one `up` runs."""

    def __init__(self, options: Options, screen: Screen) -> None:
        # Every program's settings are read here first, so that a bad value ends us before anything is started.
        IngestSettings.read()
        alerts, api, gateway = AlertsSettings.read(), ApiSettings.read(), GatewaySettings.read()
        self._options = options
        self._screen = screen
        self._given = frozenset(key for key in os.environ if key.startswith("FIRETOWER_"))
        self._addresses = Addresses.of(alerts, api, gateway)
        self.state = StateDir.open(options.state_dir or api.state_dir)
        self._endpoints = self.state.path / "endpoints.json"
        self._children: dict[str, Child] = {}

    async def run(self) -> None:
        """Come up, stay up until a signal, go down."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._asked_to_stop, stop)
        self._endpoints.unlink(missing_ok=True)
        work = asyncio.create_task(self._work(), name="system")
        ended = asyncio.create_task(stop.wait(), name="signal")
        try:
            await asyncio.wait({work, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, ended):
                task.cancel()
            await asyncio.gather(work, ended, return_exceptions=True)
            await self._stop_all()
        if not work.cancelled():
            work.result()

    def _asked_to_stop(self, stop: asyncio.Event) -> None:
        if stop.is_set():  # asked twice: at once
            for child in self._children.values():
                if child.exit_code() is None and child.process is not None:
                    child.process.kill()
        stop.set()

    async def _work(self) -> None:
        await self._start_servers()
        if self._options.programs:
            await self._start_programs()
        await self._write_endpoints()
        self._announce()
        async with asyncio.TaskGroup() as group:
            for child in self._children.values():
                group.create_task(child.keep(self._write_endpoints), name=f"keep {child.name}")
            if self._options.programs:
                group.create_task(self._show_vitals(), name="status line")
            group.create_task(self._bound_logs(), name="log sizes")

    async def _start_servers(self) -> None:
        servers = []
        if "FIRETOWER_DATABASE_URL" not in self._given:
            postgres = await asyncio.to_thread(Postgres, self.state)
            found = postgres.binaries
            self._screen.step(f"PostgreSQL {found.version}, TimescaleDB {found.timescaledb}: port {postgres.port}")
            await asyncio.to_thread(postgres.prepare)
            servers.append(
                Child(
                    "postgres",
                    postgres.spawn,
                    postgres.is_ready,
                    before=postgres.clear_wreck,
                    polite=signal.SIGINT,
                    hard=signal.SIGQUIT,
                )
            )
            self._addresses.database = postgres.dsn
        if "FIRETOWER_MQTT_URL" not in self._given:
            fleet = self._options.fleet
            mosquitto = await asyncio.to_thread(lambda: Mosquitto(self.state, fleet=fleet))
            self._screen.step(f"mosquitto {mosquitto.binaries.version}: port {mosquitto.port}")
            mosquitto.prepare()
            servers.append(Child("mosquitto", mosquitto.spawn, mosquitto.is_ready))
            self._addresses.use_broker(mosquitto, fleet=fleet)
        for child in servers:
            await self._start(child)
        await self._wait_ready(servers)
        if "FIRETOWER_DATABASE_URL" not in self._given:
            await asyncio.to_thread(postgres.provision)

    async def _start_programs(self) -> None:
        self._screen.step("database: bringing the schema up to date")
        # Imported here and in a thread: it takes over a second, which the servers' start need not wait for.
        migrate = await asyncio.to_thread(importlib.import_module, "services.core.migrate")
        try:
            await migrate.upgrade(self._addresses.database)
        except (OSError, asyncpg.PostgresError) as error:
            where = self._addresses.database.rpartition("@")[2]
            raise StartFailed(f"the database at {where} cannot be brought up to date: {error}") from error
        own = "FIRETOWER_DATABASE_URL" not in self._given
        self._addresses.admin = await ensure_admin(self._addresses.database, self.state, own_database=own)
        demo = self._options.demo
        await self._start_wave(list(plan(self._addresses, self.state, self._given, demo=demo)))
        if demo:  # after the API, which registers the devices
            devices, speed = self._options.devices, self._options.speed
            await self._start_wave(list(plan_simulators(self._addresses, self.state, devices, speed)))

    async def _start_wave(self, programs: list[Program]) -> None:
        started = [program.child(self.state, self._addresses) for program in programs]
        if started:
            self._screen.step(f"starting {', '.join(child.name for child in started)}")
        for child in started:
            await self._start(child)
        await self._wait_ready(started)

    async def _start(self, child: Child) -> None:
        self._children[child.name] = child
        await child.start()

    async def _wait_ready(self, waiting: list[Child]) -> None:
        deadline = asyncio.get_running_loop().time() + _READY_TIMEOUT_S
        left = list(waiting)
        while left:
            for child in list(left):
                code = child.exit_code()
                late = asyncio.get_running_loop().time() > deadline
                if code is not None or late:
                    why = f"ended with {code}" if code is not None else f"was not ready within {_READY_TIMEOUT_S} s"
                    last = children.tail(children.read_log(self.state.log(child.name)))
                    raise StartFailed(f"{child.name} {why}: {last}")
                if await asyncio.to_thread(child.is_ready):
                    left.remove(child)
                    self._screen.step(f"{child.name} is ready")
            await asyncio.sleep(0.03)

    def _pids(self) -> dict[str, int]:
        return {name: child.process.pid for name, child in self._children.items() if child.process is not None}

    async def _write_endpoints(self) -> None:
        text = json.dumps(self._addresses.endpoints(self._pids()), indent=1, ensure_ascii=False)
        write_private(self._endpoints, text + "\n")

    def _announce(self) -> None:
        say = self._screen.say
        self._screen.step("ready")
        say()
        if "api" in self._children:
            say(f"  dashboard   {self._addresses.api}/")
            if self._addresses.admin.username:
                say(f"  login       {self._addresses.admin.username} / {self._addresses.admin.password}")
        say(f"  addresses   {self._endpoints}")
        say(f"  logs        {self.state.path / 'logs'}")
        say("  Ctrl-C ends everything; data stays, and the next start goes on with it.")
        say()

    async def _show_vitals(self) -> None:
        vitals = Vitals(self._addresses.database, self.state.known_port("ingest_metrics"))
        try:
            while True:
                await asyncio.sleep(1)
                self._screen.status(await vitals.line())
        finally:
            vitals.close()

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(60)
            await asyncio.to_thread(self.state.bound_logs)

    async def _stop_all(self) -> None:
        self._screen.step("stopping")
        self._endpoints.unlink(missing_ok=True)
        servers = [self._children.pop(name) for name in ("postgres", "mosquitto") if name in self._children]
        # Programs first: they say goodbye to servers that still answer. 2.2 s + 1.5 s stay below the contract's 5 s.
        await asyncio.gather(*(child.stop(2.2) for child in self._children.values()))
        await asyncio.gather(*(child.stop(1.5) for child in servers))


def main(options: Options) -> int:
    """Run until a signal; 0 after a clean end.

    Raises:
        StartFailed: it did not come up; everything that was started has ended again.
    """
    screen = Screen()
    try:
        system = System(options, screen)
        with system.state.held():
            asyncio.run(system.run())
    except (BinariesMissingError, children.ChildError) as error:
        raise StartFailed(str(error)) from None
    screen.step("stopped")
    return 0
