"""`firetower up` and `firetower demo`: the whole system in the foreground, from nothing to ready, until a signal.

Called by the command line. Promises (contract, section 1): `endpoints.json` appears only when both ingest lanes are
subscribed and the API is ready, and follows every restart; the end takes less than 5 s and leaves no process.
"""

import asyncio
import importlib
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.core.limits import raise_file_limit
from services.core.listening import listen_on
from services.core.log import configure_log, logger
from services.core.settings import (
    AlertsSettings,
    ApiSettings,
    BackupSettings,
    GatewaySettings,
    IngestSettings,
    PushSettings,
    RelaySettings,
    Settings,
    UpSettings,
)
from simulators.scenario import find_scenario, read_scenario
from stack import children
from stack.addresses import Addresses, EndpointsFile
from stack.backup.forget import forget_copies
from stack.backup.order import BackupOrder, note_at_work, standing_order
from stack.binaries import BinariesMissingError
from stack.first_admin import NOBODY, find_or_make_admin, keep_admin, shown_login
from stack.lost_accounts import tell_lost_accounts
from stack.places import OUTSIDE, orphans
from stack.postgres import OWNER
from stack.programs import Program, demo_counts, plan, plan_backup, plan_simulators
from stack.readiness import wait_until_serving
from stack.reserve import Reserve
from stack.room import is_full, when_there_is_room
from stack.screen import Screen, Vitals
from stack.servers import NAMES, Servers
from stack.state import StartFailed, StateDir
from stack.supervise import Child, end_all, for_ever

log = logger(__name__)


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    state_dir: Path | None = None
    fleet: bool = True
    demo: bool = False
    devices: int = 200
    speed: float = 1.0
    scenario: str = "demo"
    programs: bool = True  # false: the servers alone


class System:
    """Everything that one `up` runs."""

    def __init__(self, options: Options, screen: Screen) -> None:
        # Every program's settings are read here first, so that a bad value ends us before anything is started.
        IngestSettings.read()
        PushSettings.read()
        relay = RelaySettings.read()
        self._relayed = bool(relay.relay_mqtt_url)
        if self._relayed:
            relay.require_whole()
        if options.demo:
            read_scenario(find_scenario(Path(options.scenario)))
        self._backup = BackupSettings.read()
        broker_port = UpSettings.read().broker_port
        self._kept_as: BackupOrder | None = None
        alerts, api, gateway = AlertsSettings.read(), ApiSettings.read(), GatewaySettings.read()
        self._options = options
        self._screen = screen
        self._given = frozenset(key for key in os.environ if key.startswith("FIRETOWER_"))
        self.addresses = Addresses.of(alerts, api, gateway)
        self.state = StateDir.open(options.state_dir or api.state_dir)
        if not self.state.has_run:  # else its network may come later than we do, as after a power cut
            for host, name in ((api.api_host, "API"), (gateway.gateway_host, "GATEWAY"), (api.metrics_host, "METRICS")):
                listen_on(host, 0, f"FIRETOWER_{name}_HOST").close()
        self._endpoints = EndpointsFile(self.state.path / "endpoints.json")
        self._children: dict[str, Child] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._servers = Servers(self.state, self.addresses, screen, self._given, options.fleet, self._watch_reserve)
        self._servers.broker_port = broker_port
        self._is_ready = False

    async def run(self) -> None:
        """Come up, stay up until a signal, go down."""
        stop = asyncio.Event()
        for number in children.stop_signals():
            asyncio.get_running_loop().add_signal_handler(number, self._asked_to_stop, stop)
        self._endpoints.forget()
        note_at_work(self.state, None)
        work = asyncio.create_task(self._work(), name="system")
        ended = asyncio.create_task(stop.wait(), name="signal")
        try:
            await asyncio.wait({work, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, ended, *self._tasks):
                task.cancel()
            await asyncio.gather(work, ended, *self._tasks, return_exceptions=True)
            self._screen.step("stopping")
            self._endpoints.forget()
            await self.stop_all()
        if not work.cancelled():
            work.result()

    def _asked_to_stop(self, stop: asyncio.Event) -> None:
        if stop.is_set():  # asked twice: at once
            for child in self._children.values():
                if child.exit_code() is None and child.process is not None:
                    child.process.kill()
        stop.set()

    async def _work(self) -> None:
        await self._when_there_is_room(self._start_servers)
        self._watch("log sizes", self._bound_logs, every_s=60)
        if self._options.programs:
            await self._start_programs()
        self._is_ready = True
        await self._note_endpoints()
        login = self.addresses.admin if "api" in self._children else NOBODY
        shown = await shown_login(self.addresses.database, login)
        self._screen.announce(self.addresses.api, shown, self._endpoints.path)
        self._watch("addresses", self._note_stale_endpoints, every_s=1)
        if self._options.programs:
            vitals = Vitals(self.addresses.database, self.addresses.metrics(self.state.known_port("ingest_metrics")))
            self._watch("status line", lambda: self._show(vitals), every_s=self._screen.every_s)
        await asyncio.gather(*self._tasks)

    def _watch(self, what: str, once: Callable[[], Awaitable[None]], *, every_s: float) -> None:
        self._tasks.append(asyncio.create_task(for_ever(what, once, every_s=every_s), name=what))

    async def _when_there_is_room(self, step: Callable[[], Awaitable[None]]) -> None:
        await when_there_is_room(step, lambda: is_full(self.state.data_folders()), self._screen.step)

    def _watch_reserve(self, reserve: Reserve) -> None:
        self._watch("reserve", lambda: asyncio.to_thread(reserve.look), every_s=1)

    async def _start_servers(self) -> None:
        servers = await self._servers.prepare()
        try:
            for child in servers:
                self._children[child.name] = child
                await child.start()
            await self._servers.wait_until_ready(servers)
        except BaseException:
            await self.stop_all()
            raise
        for child in servers:
            self._keep(child)
        if self._servers.mosquitto is not None:
            accounts = self._servers.mosquitto.accounts
            self._watch("broker accounts", lambda: asyncio.to_thread(accounts.keep_copy), every_s=5)

    async def _start_programs(self) -> None:
        self._screen.step("database: bringing the schema up to date")
        await self._when_there_is_room(self._migrate)
        await self._when_there_is_room(self.ensure_admin)
        if self._servers.mosquitto is not None:
            tell = partial(tell_lost_accounts, self.addresses.database, self._servers.mosquitto.accounts)
            await self._when_there_is_room(tell)
        if standing_order(self.state, self._backup) is None:
            forget = partial(forget_copies, self.addresses.database, self.addresses.database_copier)
            await self._when_there_is_room(forget)
        demo = self._options.demo
        past = asyncio.create_task(self._store_past(), name="past") if demo and self.addresses.mqtt_fleet else None
        self._tasks += [past] if past is not None else []
        programs = plan(self.addresses, self.state, self._given, demo=demo, relayed=self._relayed)
        self._watch("backup", self.keep_copies, every_s=1)  # not after them: the API may wait for its network
        await self._start_wave(list(programs))
        if past is not None:
            await past
        if demo:  # after the API, which registers the devices
            options = self._options
            wanted = options.devices, options.speed, options.scenario
            await self._start_wave(list(plan_simulators(self.addresses, self.state, *wanted)))

    async def _store_past(self) -> None:
        """Give a new county two weeks that detectors have learned from."""
        history = await asyncio.to_thread(importlib.import_module, "simulators.history")
        counts = demo_counts(self._options.devices)
        self._screen.step("the past of the simulated county")
        seed = partial(history.seed, self.addresses.database, counts["hydrants"], counts["electrical"])
        await asyncio.to_thread(seed, Path(self._options.scenario))

    async def _migrate(self) -> None:
        # Imported here and in a thread: it takes over a second, which the servers' start need not wait for.
        migrate = await asyncio.to_thread(importlib.import_module, "services.core.migrate")
        try:
            try:
                await migrate.upgrade(self.addresses.database, say=self._screen.step)
            except migrate.ExtensionBehind:
                if self._servers.postgres is None:
                    raise
                await asyncio.to_thread(self._servers.postgres.run_sql, OWNER, migrate.UPDATE_EXTENSION)
                await migrate.upgrade(self.addresses.database, say=self._screen.step)
        except migrate.FAILURES as error:
            where = self.addresses.database.rpartition("@")[2]
            raise StartFailed(
                f"the database at {where} cannot be brought up to date: {migrate.said_of(error)}"
            ) from error

    async def ensure_admin(self) -> None:
        """Find or make the first login, and keep it in the state folder."""
        if self.addresses.admin == NOBODY:  # else made, and there was no room to keep it
            own = "FIRETOWER_DATABASE_URL" not in self._given
            self.addresses.admin = await find_or_make_admin(self.addresses.database, self.state, own_database=own)
        keep_admin(self.state, self.addresses.admin)

    async def _start_wave(self, programs: list[Program]) -> None:
        started = [program.child(self.state, self.addresses) for program in programs]
        if started:
            self._screen.step(f"starting {', '.join(child.name for child in started)}")
        for child in started:
            try:
                await child.start()
            except OSError as error:  # it is tried again with the rest of its falls
                self._screen.step(f"{child.name} does not start: {error}")
            self._keep(child)
        await wait_until_serving(started, self._screen)

    async def keep_copies(self) -> None:
        """Keep copies where the environment says so, or since `firetower backup` asked for it in this state folder."""
        order = standing_order(self.state, self._backup)
        if order is None:
            return
        if self._kept_as is None or not order.keeps_as(self._kept_as):
            await self._end("backup")
            self._kept_as = order
            await self._start_wave([plan_backup(self.addresses, order)])
            await self._note_endpoints()
        note_at_work(self.state, order)

    async def _end(self, name: str) -> None:
        """End a child that is to be started otherwise."""
        for task in [task for task in self._tasks if task.get_name() == f"keep {name}"]:
            task.cancel()
            self._tasks.remove(task)
        if name in self._children:
            await self._children[name].stop(2.2)
            del self._children[name]

    def _keep(self, child: Child) -> None:
        self._children[child.name] = child
        self._tasks.append(asyncio.create_task(child.keep(self._note_endpoints), name=f"keep {child.name}"))

    def pids(self) -> dict[str, int]:
        """Every child that runs."""
        return {name: child.process.pid for name, child in self._children.items() if child.process is not None}

    async def _note_endpoints(self) -> None:
        if self._is_ready:
            self._endpoints.note(self.addresses.endpoints(self.pids(), programs=self._options.programs))

    async def _note_stale_endpoints(self) -> None:
        if self._endpoints.is_stale:
            await self._note_endpoints()

    async def _show(self, vitals: Vitals) -> None:
        self._screen.status(await vitals.line())

    async def _bound_logs(self) -> None:
        for name, pid in self.pids().items():
            await asyncio.to_thread(self.state.find_lost_log, name, pid)
        await asyncio.to_thread(self.state.bound_logs)

    async def stop_all(self) -> None:
        """End every child, the servers last."""
        servers = [self._children.pop(name) for name in NAMES if name in self._children]
        copying = self._children.pop("backup", None)
        await end_all([*self._children.values()], copying, servers)


def main(options: Options) -> int:
    """Run until a signal; 0 after a clean end.

    Raises:
        StartFailed: it did not come up; everything that was started has ended again.
    """
    screen = Screen()
    raise_file_limit()  # of ours, and of every child that is started from here
    settings = Settings.read()
    configure_log("up", settings.log_level, settings.log_format)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # what it does is one line of ours
    left = sum(1 for _ in orphans())
    if left:
        screen.step(f"{left} data folder(s) in {OUTSIDE} belong to no state folder: `firetower stack prune` shows them")
    try:
        system = System(options, screen)
        with system.state.held():
            asyncio.run(system.run())
    except (BinariesMissingError, children.ChildError, OSError) as error:
        raise StartFailed(str(error)) from None
    screen.step("stopped")
    return 0
