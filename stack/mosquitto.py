"""Real mosquitto as a private child process, configured so that an acknowledged message survives `kill -9`.

Called by the supervisor, `firetower stack` and the tests. Promises: loopback only, no anonymous access, sessions and
messages committed to SQLite every turn of the broker's loop, queues bounded by bytes, stable ports and accounts; our
own services have a listener of their own, which no crowd of devices can fill.
"""

import os
import resource
import signal
import sqlite3
import subprocess
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from urllib.parse import quote

from services.core.log import logger
from stack import children
from stack.accounts import FLEET, PROVISIONER, SERVICES
from stack.accounts_file import AccountsFile
from stack.binaries import MosquittoBinaries, find_mosquitto
from stack.holding import Hold
from stack.memory import usable_bytes
from stack.state import StartFailed, StateDir, write_when_changed

MAX_PAYLOAD_BYTES = 256 * 1024  # the contract's limit of one message
PACKET_OVERHEAD_BYTES = 4096  # fixed header, topic, MQTT 5 properties
KEPT_FILES = 200  # of the broker's limit of open files: its own, and the connections of our services
MOST_CONNECTIONS = 1_000_000  # where the system sets no limit of files
log = logger(__name__)


@dataclass(frozen=True)
class BrokerLimits:
    """What a broker keeps for subscribers that are away, and how hard it syncs."""

    queue_bytes: int = 2**30  # payload bytes of one session; docs/operations.md says how many minutes that is
    inflight_bytes: int = 32 * 2**20  # beside it, unacknowledged at a subscriber: what bounds the memory of ingest
    memory_bytes: int = 6 * 2**30
    sync: str = "normal"  # survives a kill of the process; "full" also survives a power cut

    @classmethod
    def for_memory(cls, total_bytes: int, sync: str = "normal") -> Self:
        """Limits for a machine of that size: a sixteenth of it as payload, 1 GiB at most, for one session.

        A queued reading of 230 bytes was measured to take 870 bytes of the broker's memory; so the memory limit is six
        times the queue, which leaves room for a full event session beside a full telemetry session.
        """
        queue = min(2**30, total_bytes // 16)
        return cls(queue_bytes=queue, memory_bytes=6 * queue, sync=sync)


def device_connections(most_files: int) -> int:
    """How many devices may be connected at once and leave the files that we need ourselves."""
    if most_files in (resource.RLIM_INFINITY, -1):
        return MOST_CONNECTIONS
    return min(MOST_CONNECTIONS, max(most_files - KEPT_FILES, most_files // 2))


@dataclass(frozen=True)
class Account:
    """One broker account."""

    username: str
    password: str


def broker_settings(limits: BrokerLimits) -> list[str]:
    """The lines of mosquitto.conf that keep promises; the deploy file holds the same (a test compares them)."""
    return [
        "allow_anonymous false",
        "max_inflight_messages 2000",  # of a publisher; a subscriber names its own. 0 warns at every message
        f"max_inflight_bytes {limits.inflight_bytes}",
        "max_queued_messages 0",  # by bytes, below: counting messages drops them early
        f"max_queued_bytes {limits.queue_bytes}",
        "queue_qos0_messages true",  # of a device that cannot do better: ingest may be away for a moment
        f"memory_limit {limits.memory_bytes}",
        f"max_packet_size {MAX_PAYLOAD_BYTES + PACKET_OVERHEAD_BYTES}",
        "set_tcp_nodelay true",
        "sys_interval 2",
        "connection_messages false",
    ]


def plugin_settings(dynamic_security: str, accounts: str, persist_sqlite: str, database: str, sync: str) -> list[str]:
    """The plug-ins: accounts at run time, and sessions and messages in SQLite.

    `flush_period 0` commits at every turn of the loop; any other value loses acknowledged messages on a kill.
    """
    return [
        f"plugin {dynamic_security}",
        f"plugin_opt_config_file {accounts}",
        f"plugin {persist_sqlite}",
        f"plugin_opt_db_file {database}",
        f"plugin_opt_sync {sync}",
        "plugin_opt_flush_period 0",
    ]


class Mosquitto:
    """One broker in one state folder."""

    def __init__(
        self,
        state: StateDir,
        *,
        limits: BrokerLimits | None = None,
        binaries: MosquittoBinaries | None = None,
        fleet: bool = True,
        port: int | None = None,
    ) -> None:
        self.binaries = binaries or find_mosquitto()
        self.limits = limits or BrokerLimits.for_memory(usable_bytes(), sync="normal" if fleet else "full")
        self._state = state
        self._accounts = (SERVICES, PROVISIONER, FLEET) if fleet else (SERVICES, PROVISIONER)
        self._dir = state.server_dir("mosquitto")
        self._hold = Hold(self._dir / "lock")
        self.accounts = AccountsFile(self._dir)
        self.log = state.log("mosquitto")
        self.host = "127.0.0.1"
        # of the devices, and of the account that may be all of them
        self.port = state.port("mosquitto") if port is None else state.fixed_port("BROKER_PORT", port)
        self.services_port = state.port("mosquitto_services")
        self.max_connections = device_connections(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        self.process: subprocess.Popen[bytes] | None = None

    def account(self, username: str) -> Account:
        """One of SERVICES, PROVISIONER and FLEET with its password."""
        return Account(username, self._state.secret(f"mqtt_{username}"))

    def url(self, username: str) -> str:
        """The address with an account in it, as programs take it."""
        account = self.account(username)
        port = self.port if username == FLEET else self.services_port
        return f"mqtt://{quote(account.username)}:{quote(account.password)}@{self.host}:{port}"

    def prepare(self) -> None:
        """Write the configuration and the accounts; accounts of devices are kept.

        Raises:
            StartFailed: another system uses these data.
        """
        holder = self._hold.take()
        if holder is not None:
            raise StartFailed(f"the broker's data in {self._dir} are in use by {holder}: nothing of them was touched")
        children.take_back(self._dir)
        self._write_accounts()
        plugins = plugin_settings(
            str(self.binaries.dynamic_security),
            str(self.accounts.path),
            str(self.binaries.persist_sqlite),
            str(self._dir / "sessions.sqlite3"),
            self.limits.sync,
        )
        lines = ["# written at every start by stack/mosquitto.py", *broker_settings(self.limits), *plugins]
        lines += ["log_dest stdout", "log_timestamp_format %Y-%m-%dT%H:%M:%S"]
        lines += [f"listener {self.services_port} {self.host}"]
        lines += [f"listener {self.port} {self.host}", f"max_connections {self.max_connections}"]
        if FLEET not in self._accounts:  # that one account holds many sessions at once
            lines.append("use_username_as_clientid true")  # no device can take over the session of another or of ours
        conf = self._dir / "mosquitto.conf"
        write_when_changed(conf, "\n".join(lines) + "\n")
        if user := children.unprivileged():
            os.chown(conf, user.pw_uid, user.pw_gid)

    def _write_accounts(self) -> None:
        self.accounts.write({name: self.account(name).password for name in self._accounts})

    def put_damaged_aside(self) -> None:
        """Before a start: put a damaged file of accounts or sessions aside: mosquitto would never start again with it.

        After a kill the broker is back without a look at the sessions, which takes some seconds for a gigabyte; if it
        cannot read them, it ends by itself, and the next start looks.
        """
        if not self.accounts.is_whole():
            self._write_accounts()
        if self.process is not None and (self.process.poll() or 0) < 0:
            return
        path = self._dir / "sessions.sqlite3"
        if not path.exists() or _is_whole(path):
            return
        aside = path.with_name(f"sessions-damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.sqlite3")
        for end in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + end).rename(aside.with_name(aside.name + end))
        log.error("broker_sessions_damaged", put_aside=str(aside))

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the broker (main thread only); it is ready when `is_ready`."""
        self.process = children.spawn(
            [str(self.binaries.broker), "-c", str(self._dir / "mosquitto.conf")],
            log=self.log,
            drop_root=True,
            on_parent_death=signal.SIGTERM,
        )
        return self.process

    def is_ready(self) -> bool:
        """Whether it accepts connections."""
        return children.answers(self.port) and children.answers(self.services_port)

    def start(self) -> None:
        """Prepare, start and wait: for callers that can block.

        Raises:
            ChildError: it did not start; the message says why.
        """
        self.prepare()
        self.put_damaged_aside()
        children.wait_ready(self.spawn(), self.is_ready, name="mosquitto", log=self.log)

    def stop(self, patience_s: float = 3) -> None:
        """End it politely; it writes what is left and closes its sessions' file."""
        if self.process is not None:
            children.stop(self.process, patience_s=patience_s)
        self._hold.release()

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self._hold.release()


def _is_whole(path: Path) -> bool:
    """Whether SQLite can read all of it. A disk that is full, or a file in use, says nothing about that."""
    try:
        with closing(sqlite3.connect(path)) as file:
            return bool(file.execute("pragma quick_check(1)").fetchone() == ("ok",))
    except sqlite3.OperationalError:
        return True
    except sqlite3.DatabaseError:
        return False
