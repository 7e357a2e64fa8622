"""The system under measurement: one that runs already, or our own in a scratch folder.

Called by the benches. Promises: what is started here has ended when the context ends, and its folder is gone.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bench.publisher import Endpoint
from services.core.errors import FiretowerError
from stack import children
from stack.accounts import SERVICES

READY_TIMEOUT_S = 120.0


class BenchFailed(FiretowerError):
    """The measurement could not be made."""


@dataclass(frozen=True, slots=True)
class System:
    """Where everything is."""

    fleet: Endpoint
    database: str
    api: str
    api_key: str
    processes: Mapping[str, int]
    state_dir: Path

    @classmethod
    def read(cls, state_dir: Path) -> "System":
        """Read `endpoints.json` of a running system.

        Raises:
            BenchFailed: nothing runs there, or it has no fleet account.
        """
        path = state_dir / "endpoints.json"
        try:
            found = json.loads(path.read_text())
        except OSError:
            raise BenchFailed(f"{path}: nothing runs there; start `firetower up` or leave out --state-dir") from None
        mqtt = found["mqtt"]
        if not mqtt["fleet"]["username"]:
            raise BenchFailed(f"{path}: started with --no-fleet; the bench needs the fleet account")
        return cls(
            fleet=Endpoint(mqtt["host"], mqtt["port"], **mqtt["fleet"]),
            database=found["database"],
            api=found["api"] or "",  # the servers alone have none
            api_key=(found["admin"] or {}).get("api_key", ""),
            processes=found["processes"],
            state_dir=state_dir,
        )


def scratch_folder() -> Path:
    """A new folder that an unprivileged server can reach too."""
    folder = Path(tempfile.mkdtemp(prefix="firetower-bench-"))
    folder.chmod(0o755)
    return folder


def firetower(*arguments: str) -> list[str]:
    """The command line of one of our programs."""
    return [str(Path(sys.executable).with_name("firetower")), *arguments]


@asynccontextmanager
async def own_system(command: str = "stack", env: Mapping[str, str] | None = None) -> AsyncIterator[System]:
    """Run the whole `firetower up`, broker and database with ingest (`"stack"`), or these two alone (`"servers"`)."""
    folder = scratch_folder()
    environment = {**own_environment(), **(env or {})}
    started: list[subprocess.Popen[bytes]] = []
    try:
        arguments = ("stack", "up", "--foreground") if command in {"stack", "servers"} else (command,)
        started.append(_start(folder, "system", firetower(*arguments, "--state-dir", str(folder)), environment))
        await _until_exists(folder / "endpoints.json", started[0], folder / "system.log")
        system = System.read(folder)
        if command == "stack":
            system = await _add_ingest(system, folder, environment, started)
        yield system
    finally:
        for process in reversed(started):
            await asyncio.to_thread(_end, process)
        _remove(folder)


def own_environment() -> dict[str, str]:
    """This process's environment without settings of Firetower, but with where the servers are found."""
    kept = {"FIRETOWER_CACHE", "FIRETOWER_STACK_PREFIX"}
    return {key: value for key, value in os.environ.items() if not key.startswith("FIRETOWER_") or key in kept}


def services_account(system: System) -> Endpoint:
    """The broker with the account that may read every topic."""
    secret = json.loads((system.state_dir / "secrets.json").read_text())[f"mqtt_{SERVICES}"]
    return Endpoint(system.fleet.host, system.fleet.port, SERVICES, secret)


def program_settings(system: System) -> dict[str, str]:
    """The settings of a program beside the servers of our own system."""
    broker = services_account(system)
    account = f"{quote(broker.username)}:{quote(broker.password)}"
    return {
        "FIRETOWER_DATABASE_URL": system.database,
        "FIRETOWER_MQTT_URL": f"mqtt://{account}@{broker.host}:{broker.port}",
        "FIRETOWER_STATE_DIR": str(system.state_dir),
    }


async def _add_ingest(
    system: System, folder: Path, environment: Mapping[str, str], started: list[subprocess.Popen[bytes]]
) -> System:
    ready = folder / "ingest.ready"
    own = {**environment, **program_settings(system), "FIRETOWER_READY_FILE": str(ready)}
    await asyncio.to_thread(subprocess.run, firetower("migrate"), env=own, check=True, capture_output=True)
    started.append(_start(folder, "ingest", firetower("ingest"), own))
    await _until_exists(ready, started[-1], folder / "ingest.log")
    return System(
        system.fleet, system.database, system.api, system.api_key,
        {**system.processes, "ingest": started[-1].pid}, system.state_dir,
    )  # fmt: skip


def _start(folder: Path, name: str, command: list[str], env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    # SIGTERM: a bench that is killed still ends the system it started
    return children.spawn(command, log=folder / f"{name}.log", env=env, on_parent_death=signal.SIGTERM)


async def _until_exists(path: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    def wait() -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not path.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace").strip().splitlines()[-5:]
                raise BenchFailed(f"the system did not start ({process.poll()}): {' | '.join(last)}")
            time.sleep(0.05)

    await asyncio.to_thread(wait)


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _remove(folder: Path) -> None:
    servers = folder / "servers"  # data lies elsewhere when other users cannot pass the folder
    if servers.is_symlink():
        shutil.rmtree(servers.resolve(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
