"""Real PostgreSQL with TimescaleDB as a private child process.

Called by the supervisor, `firetower stack` and the tests. Promises: loopback and a socket in the state folder only,
passwords always (SCRAM), a commit is on disk when it returns (unless a test says otherwise), a stable port; only
processes that this very folder started are ended, and data that another folder uses is never touched.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from stack import children
from stack.binaries import PostgresBinaries, find_postgres
from stack.holding import Hold
from stack.memory import usable_bytes
from stack.postgres_conf import server_settings
from stack.state import StartFailed, StateDir, write_private, write_when_changed

SUPERUSER = "firetower_admin"
OWNER = "firetower"
COPIER = "firetower_backup"  # may read the whole cluster as a standby does, and nothing by SQL
CLEAR_WITHIN_S = 3.0
MAKE_ROLES = """
do $$ begin
    if not exists (select from pg_roles where rolname = '{owner}') then
        create role {owner} login createdb;
        grant pg_monitor, pg_signal_backend to {owner};
    end if;
    if not exists (select from pg_roles where rolname = '{copier}') then
        create role {copier} login replication;
        grant pg_monitor to {copier};
    end if;
end $$;"""
_ACCEPTS, _REJECTS = 0, 1  # of pg_isready; anything else: no answer
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]{1,90}")


class Postgres:
    """One cluster in one state folder. `running`: asked by whom it does not belong to. `durable=False` is for tests."""

    def __init__(
        self,
        state: StateDir,
        *,
        running: bool = False,
        durable: bool = True,
        binaries: PostgresBinaries | None = None,
    ) -> None:
        self._state = state
        self._durable = durable
        self._dir = state.server_dir("postgres")
        self.data = self._dir / "data"
        self.binaries = binaries or find_postgres(self._made_by())
        self._hold = Hold(self._dir / "lock")
        # In the command line of the server and the titles of all that it starts; no other server has it.
        self._cluster = f"firetower_{state.identity}"
        self.log = state.log("postgres")
        self.port = state.known_port("postgres") if running else state.port("postgres")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """Where its data lie, and what stands beside them."""
        return self._dir

    @property
    def dsn(self) -> str:
        """The database of the programs, as its owner."""
        return self.dsn_of("firetower")

    @property
    def copier_dsn(self) -> str:
        """The same database for PostgreSQL's own backup tools."""
        password = self._state.secret("postgres_copier")
        return f"postgresql://{COPIER}:{password}@127.0.0.1:{self.port}/{OWNER}"

    def dsn_of(self, database: str) -> str:
        """Another database of this cluster, as the same owner."""
        return f"postgresql://{OWNER}:{self._state.secret('postgres_owner')}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the cluster if it is not there and write its settings. Blocks for a second or two the first time.

        Raises:
            ChildError: initdb failed.
            StartFailed: another system uses these data.
        """
        self._take()
        if not self._made_by():
            self._make_cluster()
        self._refuse_other_major()
        if self.data.stat().st_uid == 0:  # as with any copy that kept no owners; a walk through all files otherwise
            children.take_back(self.data)
        self.data.chmod(0o700)  # PostgreSQL takes nothing that others may read
        settings = server_settings(usable_bytes(), durable=self._durable) | {
            "listen_addresses": "'127.0.0.1'",
            "port": str(self.port),
            "unix_socket_directories": f"'{self._socket_dir()}'",
        }
        text = "# written at every start by stack/postgres.py\n" + "".join(f"{k} = {v}\n" for k, v in settings.items())
        conf = self.data / "postgresql.conf"
        write_when_changed(conf, text)
        if user := children.unprivileged():
            os.chown(conf, user.pw_uid, user.pw_gid)

    def _make_cluster(self) -> None:
        """Make it beside its place: one whose making was cut off (a power cut) looks whole, and never starts."""
        made, password = self._dir / "data.new", self._dir / "password"
        shutil.rmtree(made, ignore_errors=True)
        write_private(password, self._state.secret("postgres_admin"))
        if user := children.unprivileged():
            os.chown(password, user.pw_uid, user.pw_gid)
        command = [self.binaries.program("initdb"), "-D", str(made), "-U", SUPERUSER, "--pwfile", str(password)]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"]
        children.run_tool([*command] if self._durable else [*command, "--no-sync"], drop_root=True, env=tool_env())
        password.unlink()
        made.rename(self.data)

    def _made_by(self) -> str:
        """The major version of PostgreSQL that made the cluster; empty when there is none."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return (self.data / "PG_VERSION").read_text(encoding="ascii", errors="replace").strip()
        return ""

    def _refuse_other_major(self) -> None:
        made_by = self._made_by()
        if made_by != self.binaries.major:
            raise StartFailed(
                f"the data in {self.data} are of PostgreSQL {made_by}, and what was found is {self.binaries.version} in"
                f" {self.binaries.bin_dir}: name an installation of PostgreSQL {made_by} in FIRETOWER_STACK_PREFIX,"
                " or take the data over as docs/operations.md, section 7, says; nothing was touched"
            )

    def _socket_dir(self) -> str:
        # A socket's path holds 107 bytes, and the setting is a list with its own quoting: other folders have no socket.
        return str(self._dir) if _PLAIN_PATH.fullmatch(str(self._dir)) else ""

    def _take(self) -> None:
        holder = self._hold.take()
        if holder is not None:
            raise StartFailed(f"the database in {self._dir} is in use by {holder}: nothing of it was touched")

    def spawn(self, settings: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start the server (main thread only) after `clear_wreck`; it is ready when `is_ready`.

        `settings` hold for this run alone.
        """
        options = {"cluster_name": self._cluster} | dict(settings or {})
        self.process = children.spawn(
            [
                self.binaries.program("postgres"),
                *("-D", str(self.data)),
                *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
            ],
            log=self.log,
            env=tool_env(),
            drop_root=True,
            on_parent_death=signal.SIGQUIT,  # ends every backend at once; the write-ahead log repairs the rest
        )
        return self.process

    def clear_wreck(self) -> None:
        """After a kill of the server: end what it left behind, and remove its lock, which may name a reused pid.

        Raises:
            StartFailed: these data are served by a PostgreSQL that we did not start.
        """
        serving = list(self._serving())
        for process in filter(self._is_ours, serving):
            with suppress(psutil.Error):
                process.kill()
        deadline = time.monotonic() + CLEAR_WITHIN_S
        while any(map(_runs, serving)) and time.monotonic() < deadline:
            time.sleep(0.01)
        strangers = sorted(process.pid for process in serving if _runs(process) and not self._is_ours(process))
        if strangers:
            raise StartFailed(
                f"the data in {self.data} are served by a PostgreSQL that is not ours: stop process {strangers[0]}"
            )
        with suppress(FileNotFoundError):
            (self.data / "postmaster.pid").unlink()

    def _serving(self) -> Iterator[psutil.Process]:
        data = self.data.resolve()
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.name() == "postgres" and Path(process.cwd()) == data:
                    yield process

    def _is_ours(self, process: psutil.Process) -> bool:
        with suppress(psutil.Error):
            return any(self._cluster in part for part in process.cmdline())
        return False

    def is_ready(self) -> bool:
        """Whether it accepts connections."""
        return children.answers(self.port) and self._asked() == _ACCEPTS

    def _asked(self, patience_s: int = 3) -> int:
        command = [self.binaries.program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        command += ["-t", str(patience_s)]
        return subprocess.run(command, check=False, capture_output=True).returncode  # noqa: S603 - PostgreSQL's own

    def answers(self) -> bool:
        """Whether it says anything: one that reads its log after a power cut says that it takes nobody yet."""
        return self._asked(patience_s=20) in (_ACCEPTS, _REJECTS)

    def provision(self) -> None:
        """Make the owner role and its database, where they are not there yet."""
        owner, copier = self._state.secret("postgres_owner"), self._state.secret("postgres_copier")
        self.run_sql(
            "postgres",
            MAKE_ROLES.format(owner=OWNER, copier=COPIER)
            + f"alter role {OWNER} password '{owner}'; alter role {COPIER} password '{copier}'",
        )
        if not self.run_sql("postgres", "select oid from pg_database where datname = 'firetower'").strip():
            # not from template1: a background worker that is connected to it would make this fail
            self.run_sql("postgres", f"create database {OWNER} owner {OWNER} template template0")

    def run_sql(self, database: str, sql: str) -> str:
        """Run statements as the superuser and return what they print.

        Raises:
            ChildError: a statement failed.
        """
        command = [self.binaries.program("psql"), "-XqtA", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"]
        command += ["-p", str(self.port), "-U", SUPERUSER, "-d", database, "-c", sql]
        env = tool_env() | {
            "PGPASSWORD": self._state.secret("postgres_admin"),
            "PGOPTIONS": "-c client_min_messages=error",
        }
        return children.run_tool(command, env=env)

    def run_alone(self, database: str, statements: Sequence[str]) -> None:
        """Run statements in a server that nobody can connect to and that needs no password.

        Raises:
            ChildError: one of them failed.
        """
        told = "".join(" ".join(one.split()) + "\n" for one in statements)  # to it, a line is a statement
        command = [self.binaries.program("postgres"), "--single", "-D", str(self.data), database]
        said = children.run_tool(command, drop_root=True, env=tool_env(), told=told)
        if "ERROR:" in said or "FATAL:" in said:
            raise children.ChildError(f"postgres --single: {children.tail(said)}")

    def start(self) -> None:
        """Prepare, start, wait and provision: for callers that can block.

        Raises:
            ChildError: it did not start; the message says why.
        """
        self.prepare()
        self.clear_wreck()
        children.wait_ready(self.spawn(), self.is_ready, name="PostgreSQL", log=self.log)
        self.provision()

    def stop(self, patience_s: float = 2.5) -> None:
        """Fast shutdown; what does not end in time is ended at once, which loses nothing committed."""
        self.stop_process(patience_s)
        self._hold.release()

    def stop_process(self, patience_s: float) -> None:
        """The same; the data stay ours."""
        if self.process is not None:
            children.stop(self.process, polite=signal.SIGINT, hard=signal.SIGQUIT, patience_s=patience_s)

    def kill(self) -> None:
        """SIGKILL for the server and everything it started, as a crash would."""
        if self.process is None:
            return
        with suppress(psutil.NoSuchProcess):
            tree = psutil.Process(self.process.pid)
            for victim in (tree, *tree.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    victim.kill()
        self.process.wait()
        self._hold.release()


def _runs(process: psutil.Process) -> bool:
    """Whether it still holds anything: an orphan that ended is a zombie until process 1 collects it."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def tool_env() -> dict[str, str]:
    """An environment without anyone's PG* variables."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/"}
