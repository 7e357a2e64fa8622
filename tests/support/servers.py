"""Real PostgreSQL, mosquitto and our own programs for tests. Used through the fixtures of `tests.conftest`.

Promises: everything started here ends with the test process, however that ends; missing binaries fail loudly.
"""

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from services.api.people.first_admin import FirstAdmin, make_first_admin
from services.core import migrate
from stack import children
from stack.accounts import DEVICE_ROLE, FLEET, PROVISIONER, SERVICES
from stack.mosquitto import Account, BrokerLimits, Mosquitto
from stack.postgres import OWNER, Postgres
from stack.state import StateDir
from tests.support.forked import COMMANDS, Forked
from tests.support.scratch import scratch_dir
from tests.support.waiting import PATIENCE_S

T = TypeVar("T")
_TEMPLATE = "tpl_migrated"
_ADMIN_TEMPLATE = "tpl_admin"


def until(condition: Callable[[], bool], *, what: str, timeout_s: float = PATIENCE_S) -> None:
    """Wait for `condition`, looking every 20 ms; fail naming `what`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.02)


class PostgresServer:
    """A throw-away cluster (fsync off) with a migrated template that is cloned per test."""

    def __init__(self) -> None:
        self.folder = scratch_dir()
        self.postgres = Postgres(StateDir.open(self.folder), durable=False)
        self.postgres.start()
        self._has_template = False
        self._admin: FirstAdmin | None = None

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return self.postgres.port

    @property
    def pid(self) -> int:
        """The postmaster."""
        assert self.postgres.process is not None
        return self.postgres.process.pid

    def kill(self) -> None:
        """SIGKILL for the whole server."""
        self.postgres.kill()

    def start(self) -> None:
        """Start it again on the same port with its data."""
        self.postgres.start()

    def is_running(self) -> bool:
        """Whether the server process lives."""
        return self.postgres.process is not None and self.postgres.process.poll() is None

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as the superuser."""
        return self.postgres.run_sql(database, statement)

    def create_database(self, *, migrated: bool = True) -> str:
        """A new database owned by the programs' role; its DSN."""
        return self._copy_of(self._migrated() if migrated else "template0")  # template0: nobody can be connected to it

    def create_database_with_admin(self) -> str:
        """A new migrated database that has `first_admin`: making one each time costs 0.25 s of hashing."""
        if self._admin is None:
            self.sql(f"create database {_ADMIN_TEMPLATE} owner {OWNER} template {self._migrated()}")
            self._admin = run_in_thread(make_first_admin(self.postgres.dsn_of(_ADMIN_TEMPLATE)))
            self._close_to_guests(_ADMIN_TEMPLATE)
        return self._copy_of(_ADMIN_TEMPLATE)

    @property
    def first_admin(self) -> FirstAdmin:
        """Who can sign in to every database of `create_database_with_admin`."""
        assert self._admin is not None
        return self._admin

    def _migrated(self) -> str:
        if not self._has_template:
            self.sql(f"create database {_TEMPLATE} owner {OWNER} template template0")
            run_in_thread(migrate.upgrade(self.postgres.dsn_of(_TEMPLATE)))
            self._close_to_guests(_TEMPLATE)
            self._has_template = True
        return _TEMPLATE

    def _close_to_guests(self, template: str) -> None:
        """Close it: TimescaleDB's scheduler connects, and a template that is connected to cannot be cloned."""
        self.sql(f"alter database {template} with allow_connections false")
        guests = f"pg_stat_activity where datname = '{template}'"
        self.sql(f"select pg_terminate_backend(pid) from {guests}")  # noqa: S608 - our own name

    def _copy_of(self, template: str) -> str:
        name = f"test_{secrets.token_hex(6)}"
        # a copy of files costs less than 11 MB written once more through the log
        self.sql(f"create database {name} owner {OWNER} template {template} strategy file_copy")
        return self.postgres.dsn_of(name)

    def drop_database(self, dsn: str) -> None:
        """Remove a database and end what is connected to it."""
        self.sql(f"drop database if exists {dsn.rpartition('/')[2]} with (force)")

    def close(self) -> None:
        """End the server and remove its data."""
        self.postgres.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Broker:
    """One broker of one test: its own port, sessions and accounts; can be killed and started again."""

    def __init__(self, limits: BrokerLimits | None = None) -> None:
        self.folder = scratch_dir()
        self.mosquitto = Mosquitto(StateDir.open(self.folder), limits=limits)
        self.host = self.mosquitto.host
        self.port = self.mosquitto.port  # of the devices
        self.services_port = self.mosquitto.services_port
        self.fleet: Account = self.mosquitto.account(FLEET)
        self.services: Account = self.mosquitto.account(SERVICES)
        self.provisioner: Account = self.mosquitto.account(PROVISIONER)
        self.url = self.mosquitto.url(SERVICES)
        self.fleet_url = self.mosquitto.url(FLEET)
        self.provisioner_url = self.mosquitto.url(PROVISIONER)
        self.clients = self.mosquitto.binaries.clients
        self.mosquitto.start()

    @property
    def pid(self) -> int:
        """The broker process."""
        assert self.mosquitto.process is not None
        return self.mosquitto.process.pid

    def kill(self) -> None:
        """SIGKILL."""
        self.mosquitto.kill()

    def start(self) -> None:
        """Start it again on the same port with its sessions."""
        self.mosquitto.start()

    def stop(self) -> None:
        """End it politely."""
        self.mosquitto.stop()

    def log_text(self) -> str:
        """What the broker wrote."""
        return self.mosquitto.log.read_text(errors="replace")

    def add_device(self, device: str) -> Account:
        """An account for one device, made as the API makes it: over the control topic."""
        account = Account(device, secrets.token_urlsafe(12))
        command = {"command": "createClient", "username": device, "password": account.password}
        code = self.publish(
            "$CONTROL/dynamic-security/v1",
            json.dumps({"commands": [command | {"roles": [{"rolename": DEVICE_ROLE}]}]}),
            account=self.provisioner,
        )
        assert code == 0, f"the broker refused to make the account {device}"
        return account

    def publish(
        self, topic: str, payload: str | bytes, *, account: Account | None = None, retain: bool = False, qos: int = 1
    ) -> int:
        """Publish one message through mosquitto's own client and wait for the acknowledgement that its QoS has."""
        sender = account or self.fleet
        command = [
            str(self.clients / "mosquitto_pub"),
            "-h",
            self.host,
            "-p",
            str(self.port),
            "-q",
            str(qos),
            "-V",
            "5",
        ]
        command += ["-u", sender.username, "-P", sender.password, "-t", topic, "-s", *(["-r"] if retain else [])]
        body = payload.encode() if isinstance(payload, str) else payload
        return subprocess.run(command, input=body, check=False, capture_output=True, timeout=PATIENCE_S).returncode

    def close(self) -> None:
        """End the broker and remove its data."""
        self.mosquitto.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Program:
    """One of our programs as a child process, as the supervisor would start it."""

    def __init__(self, name: str, env: Mapping[str, str], arguments: tuple[str, ...] = ()) -> None:
        self.name = name
        self.folder = scratch_dir()
        self.log = self.folder / f"{name}.log"
        self.ready_file = self.folder / "ready"
        clean = {key: value for key, value in os.environ.items() if not key.startswith("FIRETOWER_")}
        self._env = (
            clean | {"FIRETOWER_STATE_DIR": str(self.folder), "FIRETOWER_READY_FILE": str(self.ready_file)} | dict(env)
        )
        self._command = [str(Path(sys.executable).with_name("firetower")), name, *arguments]
        self.process = self._spawn()

    def _spawn(self) -> "subprocess.Popen[bytes] | Forked":
        self.ready_file.unlink(missing_ok=True)
        if self.name in COMMANDS:
            return Forked(self._command, log=self.log, env=self._env)
        return children.spawn(self._command, log=self.log, env=self._env)

    def wait_ready(self, timeout_s: float = 2 * PATIENCE_S) -> None:
        """Wait until the program touched its ready file.

        Raises:
            ChildError: it ended or took too long; the message holds its last lines.
        """
        children.wait_ready(self.process, self.ready_file.exists, name=self.name, log=self.log, timeout_s=timeout_s)

    def restart(self) -> None:
        """Start it again after it ended."""
        assert self.process.poll() is not None, f"{self.name} still runs"
        self.process = self._spawn()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout_s: float = PATIENCE_S) -> int:
        """SIGTERM; the exit code. Fails when it does not end in time."""
        self.process.terminate()
        return self.process.wait(timeout_s)

    def log_text(self) -> str:
        """What it wrote."""
        return self.log.read_text(errors="replace")

    def close(self) -> None:
        """End it and remove its folder."""
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def run_in_thread(work: Coroutine[object, object, T]) -> T:
    """Run a coroutine to its end on a loop of its own, from code that may itself stand inside a loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
