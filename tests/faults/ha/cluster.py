"""Three etcd and two Patroni on loopback, with the files of deploy/ha as they are; each can be lost like a machine."""

import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path

import psutil

from stack import children
from stack.binaries import find_postgres
from stack.children import free_port
from tests.support.servers import until

DEPLOY = Path(__file__).parents[3] / "deploy"
PASSWORD = "of-a-test"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback goes through no proxy


def program(name: str) -> str:
    """Find a program that `make setup` does not bring; without it the test fails and names the cure."""
    found = shutil.which(name)
    assert found is not None, f"{name} is not in PATH: see deploy/ha/README.md for etcd and Patroni 4"
    return found


class Node:
    """One machine of the database."""

    def __init__(self, name: str, folder: Path, etcd: str) -> None:
        self.name, self.port, self.rest_port = name, free_port(), free_port()
        self._folder, self.data = folder, folder / name / "data"
        self.data.parent.mkdir()
        binaries = find_postgres()
        self.log = folder / f"patroni-{name}.log"
        self._env = {
            "PATH": f"{binaries.bin_dir}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(folder / name),
            "PATRONI_NAME": name, "PATRONI_ETCD3_HOSTS": etcd,
            "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{self.rest_port}",
            "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{self.rest_port}",
            "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{self.port}",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{self.port}",
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.data), "PATRONI_POSTGRESQL_BIN_DIR": str(binaries.bin_dir),
            "PATRONI_POSTGRESQL_PGPASS": str(folder / name / "pgpass"),
            "PATRONI_SUPERUSER_PASSWORD": PASSWORD, "PATRONI_REPLICATION_PASSWORD": PASSWORD,
            "PATRONI_REWIND_PASSWORD": PASSWORD, "FIRETOWER_DATABASE_PASSWORD": PASSWORD,
        }  # fmt: skip
        if user := children.unprivileged():
            os.chown(self.data.parent, user.pw_uid, user.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start Patroni; it starts the server."""
        command = [program("patroni"), str(self._folder / "ha/patroni.yml")]
        self._process = children.spawn(command, log=self.log, env=self._env, drop_root=True)

    def kill(self) -> None:
        """End all of it at once, as a machine that loses its power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.name() == "postgres" and Path(process.cwd()) == self.data:
                    process.send_signal(signal.SIGKILL)

    def is_(self, role: str) -> bool:
        """Whether Patroni says so: `primary`, `sync`."""
        try:
            with _DIRECT.open(f"http://127.0.0.1:{self.rest_port}/{role}", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, HTTPException):
            return False


class Cluster:
    """Both nodes."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        self.dsn = f"postgresql://firetower:{PASSWORD}@{hosts}/firetower?target_session_attrs=read-write"

    def primary(self) -> Node | None:
        """Return the node that leads now."""
        return next((node for node in self.nodes if node.is_("primary")), None)

    def is_whole(self) -> bool:
        """Whether one leads and the other has every commit."""
        return self.primary() is not None and any(node.is_("sync") for node in self.nodes)

    def wait_whole(self) -> None:
        """Wait until it is."""
        logs = [children.tail(children.read_log(node.log)) for node in self.nodes]
        until(self.is_whole, what=f"a primary and a synchronous standby: {logs}", timeout_s=400)


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """Start all of it, and end all of it."""
    for name in ("ha", "timescale"):
        shutil.copytree(DEPLOY / name, folder / name)
    file = folder / "ha/patroni.yml"
    text = file.read_text().replace("/etc/patroni/", f"{folder}/")
    # the watchdog would reset this very machine, and two servers of the production size do not fit beside the rest
    for there, here in (("mode: automatic", 'mode: "off"'), ("shared_buffers: 1GB", "shared_buffers: 128MB")):
        assert there in text
        text = text.replace(there, here)
    file.write_text(text)
    names = ("one", "two", "three")
    peers, clients = ({name: free_port() for name in names} for _ in range(2))
    whole = ",".join(f"{name}=http://127.0.0.1:{peers[name]}" for name in names)
    started = []
    nodes: list[Node] = []
    try:
        for name in names:
            env = {
                "ETCD_NAME": name, "ETCD_DATA_DIR": str(folder / f"etcd-{name}"), "ETCD_INITIAL_CLUSTER": whole,
                "ETCD_LISTEN_PEER_URLS": f"http://127.0.0.1:{peers[name]}",
                "ETCD_INITIAL_ADVERTISE_PEER_URLS": f"http://127.0.0.1:{peers[name]}",
                "ETCD_LISTEN_CLIENT_URLS": f"http://127.0.0.1:{clients[name]}",
                "ETCD_ADVERTISE_CLIENT_URLS": f"http://127.0.0.1:{clients[name]}",
                "ETCD_INITIAL_CLUSTER_STATE": "new", "ETCD_INITIAL_CLUSTER_TOKEN": "firetower", "PATH": "/usr/bin:/bin",
            }  # fmt: skip
            started.append(children.spawn([program("etcd")], log=folder / f"etcd-{name}.log", env=env))
        etcd = ",".join(f"127.0.0.1:{clients[name]}" for name in names)
        nodes += [Node(name, folder, etcd) for name in names[:2]]
        cluster = Cluster(nodes)
        nodes[0].start()
        until(lambda: nodes[0].is_("primary"), what="the first primary", timeout_s=400)
        nodes[1].start()
        cluster.wait_whole()
        yield cluster
    finally:
        for node in nodes:
            node.kill()
        for process in started:
            process.kill()
            process.wait()
