"""The whole of `firetower up` with its servers behind wires, and how each of its programs is killed or held still.

`stack up` supervises broker and database, `up` all programs of ours, as on two machines of one county; so every pair
talks through a wire. The stand-in desk is the test's own. Whoever is killed is started again by its supervisor; the two
supervisors and the desk by the test, as systemd would.
"""

import asyncio
import json
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from stack.accounts import FLEET, PROVISIONER
from stack.children import free_port
from tests.integration.alerts.conftest import SECRET
from tests.support.processes import hold, let_go, runs
from tests.support.servers import Program
from tests.support.waiting import eventually
from tests.support.wire import Wire

SUPERVISED = {
    "stack": ("postgres", "mosquitto"),
    "up": ("ingest", "alerts", "push", "api", "gateway"),
}
READY_S = 180


class Supervisor:
    """One `firetower up` or `stack up` in its state folder."""

    def __init__(self, program: Callable[..., Program], folder: Path, *command: str, **env: object) -> None:
        self.folder = folder
        self.starts_in_vain = 0  # it says in one line why it cannot start, and is started again
        self._file = folder / "endpoints.json"
        settings = {"LOG_FORMAT": "json", "LOG_LEVEL": "info", **env}
        self.program = program(*command, "--state-dir", str(folder), **settings)

    def endpoints(self) -> dict[str, Any]:
        """Where everything is; empty while it starts."""
        with suppress(FileNotFoundError):
            found: dict[str, Any] = json.loads(self._file.read_text())
            return found
        return {}

    async def ready(self) -> dict[str, Any]:
        """Wait until it has said so; one that cannot start yet is started again."""

        def look() -> dict[str, Any]:
            if self.program.process.poll() is not None:
                self.starts_in_vain += 1
                self.program.restart()
            return self.endpoints()

        return await eventually(look, what=f"ready: {self.program.log_text()[-3000:]}", timeout_s=READY_S, every_s=0.5)

    async def kill(self) -> None:
        """SIGKILL; its children end with it, and it starts again."""
        children = [process.pid for process in psutil.Process(self.program.process.pid).children(recursive=True)]
        self.program.kill()
        self._file.unlink(missing_ok=True)
        await eventually(lambda: not any(map(runs, children)), what="its children ended with it")
        self.program.restart()
        await self.ready()

    def ends(self) -> Iterator[dict[str, Any]]:
        """What it wrote of children that ended or could not be started."""
        for line in self.program.log_text().splitlines():
            if line.startswith("{") and '"child_' in line:
                yield json.loads(line)


class Whole:
    """Everything that runs. `kills` and `stalls` count what was done to whom."""

    def __init__(self, program: Callable[..., Program], folder: Path, dice: random.Random) -> None:
        self.kills: Counter[str] = Counter()
        self.stalls: Counter[str] = Counter()
        self.wires: dict[str, Wire] = {}
        self._program, self._folder, self._dice = program, folder, dice
        self._killed: dict[str, int] = {}
        self._supervisors: dict[str, Supervisor] = {}
        self._desk_port, self._gateway_port, self._api_port = free_port(), free_port(), free_port()
        self.desk_url = f"http://127.0.0.1:{self._desk_port}"
        self.api_url = f"http://127.0.0.1:{self._api_port}"

    async def start(self, wire: Callable[[int], Awaitable[Wire]]) -> None:
        """Bring everything up; `wire` makes a wire to a port."""
        self.desk = self._program("desk", DESK_PORT=self._desk_port, DISPATCH_SECRET=SECRET)
        self._supervisors["stack"] = Supervisor(self._program, self._folder / "servers", "stack", "up", "--foreground")
        await self._supervisors["stack"].ready()
        for pair, port in (*self._server_ports().items(), ("panels-gateway", self._gateway_port)):
            self.wires[pair] = await wire(port)
        database, host = self.database, "127.0.0.1"
        self._supervisors["up"] = Supervisor(
            self._program, self._folder / "programs", "up",
            DATABASE_URL=database.replace(
                f":{self.wires['programs-database'].target_port}/", f":{self.wires['programs-database'].port}/"
            ),
            MQTT_URL=self._mqtt_url(PROVISIONER, "programs-broker"),
            DISPATCH_URL=self.desk_url, DISPATCH_SECRET=SECRET, SUBSCRIPTION_NETWORKS="127.0.0.0/8",
            API_HOST=host, API_PORT=self._api_port, GATEWAY_HOST=host, GATEWAY_PORT=self._gateway_port,
        )  # fmt: skip
        self.api_key = (await self._supervisors["up"].ready())["admin"]["api_key"]

    @property
    def database(self) -> str:
        """The database itself, past the wire."""
        found: str = self._supervisors["stack"].endpoints()["database"]
        return found

    @property
    def devices_url(self) -> str:
        """The broker for devices, through the wire."""
        return self._mqtt_url(FLEET, "devices-broker")

    @property
    def programs_folder(self) -> Path:
        """The state folder of our programs: the key of the audit chain is there."""
        return self._supervisors["up"].folder

    def _server_ports(self) -> dict[str, int]:
        ports = json.loads((self._supervisors["stack"].folder / "ports.json").read_text())
        return {
            "devices-broker": ports["mosquitto"],
            "programs-broker": ports["mosquitto_services"],
            "programs-database": ports["postgres"],
        }

    def _mqtt_url(self, account: str, pair: str) -> str:
        secrets = json.loads((self._supervisors["stack"].folder / "secrets.json").read_text())
        return f"mqtt://{account}:{quote(secrets[f'mqtt_{account}'])}@127.0.0.1:{self.wires[pair].port}"

    # --- what is done to it ---

    @property
    def victims(self) -> tuple[str, ...]:
        """Everything that can be killed."""
        return (*(name for names in SUPERVISED.values() for name in names), "desk", *SUPERVISED)

    async def kill(self, name: str) -> None:
        """SIGKILL for one of the victims."""
        self.kills[name] += 1
        if name == "desk":
            self.desk.kill()
            await asyncio.sleep(self._dice.random())
            self.desk.restart()
        elif name in SUPERVISED:
            await self._supervisors[name].kill()
            if name == "stack":  # a port that was still held is changed for another
                for pair, port in self._server_ports().items():
                    self.wires[pair].target_port = port
        else:
            pid = await self._pid(name)
            self._killed[name] = pid
            os.kill(pid, signal.SIGKILL)

    async def stall(self, name: str) -> None:
        """SIGSTOP for a program and all of its processes, and SIGCONT a while later."""
        self.stalls[name] += 1
        process = psutil.Process(self.desk.process.pid if name == "desk" else await self._pid(name))
        held = hold(process)
        await asyncio.sleep(self._dice.uniform(0.5, 4))
        let_go(held)

    async def _pid(self, name: str) -> int:
        """The process of a program, once it runs again after the last kill."""

        def look() -> int | None:
            supervisor = next(one for one, names in SUPERVISED.items() if name in names)
            pid = self._supervisors[supervisor].endpoints().get("processes", {}).get(name)
            return pid if pid is not None and pid != self._killed.get(name) and runs(pid) else None

        return await eventually(look, what=f"{name} runs again", timeout_s=READY_S, every_s=0.1)

    async def all_run(self) -> None:
        """Wait until nothing is missing."""
        for name in (name for names in SUPERVISED.values() for name in names):
            await self._pid(name)

    def ended_by_themselves(self) -> list[str]:
        """Who ended though nobody killed it, or more often than it was killed."""
        found, deaths = [], Counter[str]()
        for one in (end for supervisor in self._supervisors.values() for end in supervisor.ends()):
            deaths[one["child"]] += 1
            if one["event"] != "child_ended" or one["exit_code"] != -signal.SIGKILL:
                found.append(
                    f"{one['child']}: {one.get('exit_code')} {one.get('last_words') or one.get('error')}"[:500]
                )
        more = [name for name, count in deaths.items() if count > self.kills[name]]
        return [*found, *(f"{name} ended {deaths[name]} times, killed {self.kills[name]}" for name in more)]

    @property
    def starts_in_vain(self) -> int:
        """How often a supervisor said that it cannot start now."""
        return sum(one.starts_in_vain for one in self._supervisors.values())

    def stop(self) -> None:
        """End everything politely: both supervisors have to end with 0."""
        for name in reversed(self._supervisors):
            supervisor = self._supervisors[name]
            code = supervisor.program.stop()
            assert code == 0, f"{name} ended with {code}: {supervisor.program.log_text()[-2000:]}"
