"""The services of docker-compose.yml in containers: they start, are closed, come back, and end when they are told.

`make containers` builds the images and names them here. The programs' image is the Dockerfile's, on a base of Debian's
own packages; the broker's is our own build of mosquitto, laid out as its publisher's image is. The database is an
embedded server.
"""

import asyncio
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx2
import pytest

from stack.accounts import FLEET
from stack.binaries import find_mosquitto
from stack.children import free_port, run_tool
from stack.production import write_installation
from tests.containers.engine import ROOT, Container
from tests.support.scratch import scratch_dir
from tests.support.servers import PostgresServer, until

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]

PROGRAMS = ("desk", "ingest", "alerts", "push", "api", "gateway")
SECRETS = {"server.crt": "mqtt_certificate", "server.key": "mqtt_key", "accounts.json": "mqtt_accounts"}
FIRE = {"event_id": "pressed", "type": "manual_alarm", "component": "1"}


class County:
    """A whole installation: what `scripts/production` made of it, and a container for each service."""

    def __init__(self, folder: Path, dsn: str) -> None:
        write_installation(folder, "127.0.0.1", demo=True)
        self.folder, self.dsn = folder, dsn
        self.ports = {name: free_port() for name in ("tls", "mqtt", "desk", "api", "gateway")}
        lines = [line.split("=", 1) for line in (folder / ".env").read_text().splitlines()]
        addresses = {
            "@broker:1883": f"@127.0.0.1:{self.ports['mqtt']}",
            "//desk:8119": f"//127.0.0.1:{self.ports['desk']}",
        }
        self.variables = {name: _replaced(value, addresses) for name, value in lines} | {"FIRETOWER_DATABASE_URL": dsn}
        self._volumes = f"firetower-{secrets.token_hex(4)}"
        self.made: list[Container] = []
        self.all = {name: self._container(name) for name in (*PROGRAMS, "simulate")} | {"broker": self._broker()}

    def migrate(self) -> Container:
        """The one that goes before the others."""
        return self._container("migrate")

    def _container(self, name: str) -> Container:
        ports = {f"FIRETOWER_{name.upper()}_PORT": str(self.ports[name])} if name in self.ports else {}
        hosts = {f"FIRETOWER_{name.upper()}_HOST": "127.0.0.1"} if name in self.ports else {}
        metrics = {"FIRETOWER_METRICS_HOST": "127.0.0.1", "FIRETOWER_METRICS_PORT": str(free_port())}
        # a test cannot look into a network of its own, and calls its desk on this machine
        env = {**ports, **hosts, **metrics, "FIRETOWER_COUNTY_NETWORKS": "127.0.0.0/8"}
        image = os.environ["CONTAINERS_IMAGE"]
        made = Container(name, image=image, variables=self.variables, volumes=self._volumes, env=env)
        made.check = _replaced(made.check, {"8000": str(self.ports["api"])})
        self.made.append(made)
        return made

    def _broker(self) -> Container:
        conf = self.folder / "mosquitto.conf"
        text = (ROOT / "deploy/mosquitto/mosquitto.conf").read_text()
        for name, port in (("tls", "8883"), ("mqtt", "1883")):
            text = text.replace(f"listener {port}", f"listener {self.ports[name]} 127.0.0.1")
        conf.write_text(text)
        files = {conf: "/mosquitto/config/mosquitto.conf"}
        for secret, place in SECRETS.items():
            files[self.folder / "deploy/secrets" / secret] = f"/run/secrets/{place}"
        image = os.environ["CONTAINERS_BROKER_IMAGE"]
        made = Container("broker", image=image, variables={}, volumes=self._volumes, mounts=files)
        made.check = _replaced(made.check, {"1883": str(self.ports["mqtt"])})
        self.made.append(made)
        return made

    def publish(self, topic: str, body: Mapping[str, object]) -> None:
        """Publish as a device does, over TLS."""
        password = re.search(r":([^:@]+)@", self.variables["FIRETOWER_DEMO_MQTT_URL"].partition("://")[2])
        assert password is not None
        command = [str(find_mosquitto().clients / "mosquitto_pub"), "-h", "127.0.0.1", "-p", str(self.ports["tls"])]
        command += ["--cafile", str(self.folder / "deploy/secrets/ca.crt"), "-u", FLEET, "-P", password[1], "-V", "5"]
        run_tool([*command, "-i", f"test-{secrets.token_hex(4)}", "-q", "1", "-t", topic, "-m", json.dumps(body)])

    def press(self, panel: str) -> None:
        """Press a call point and wait until the desk has its fire."""
        self.publish(f"fire/v1/140931100/panel/{panel}/up/event", FIRE | {"ts": int(time.time() * 1000)})
        until(lambda: panel in self.told(), what=f"the desk has the fire of {panel}", timeout_s=120)

    def told(self) -> str:
        """What the desk has."""
        try:
            return httpx2.get(f"http://127.0.0.1:{self.ports['desk']}/received", trust_env=False).text
        except httpx2.TransportError:
            return ""

    @contextmanager
    def holding_migrations(self) -> Iterator[None]:
        """Keep every migration waiting meanwhile."""
        with asyncio.Runner() as runner:
            database = runner.run(asyncpg.connect(self.dsn))
            try:
                runner.run(database.execute("select pg_advisory_lock(1179210309)"))
                yield
            finally:
                runner.run(database.close())

    def remove(self) -> None:
        """Remove every container, then the volumes."""
        for one in self.made:
            one.remove()
        for one in self.made:
            one.remove_volumes()


def _replaced(text: str, words: Mapping[str, str]) -> str:
    for old, new in words.items():
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def county(_postgres_server: PostgresServer) -> Iterator[County]:
    folder = scratch_dir()
    made = County(folder, _postgres_server.create_database(migrated=False))
    try:
        made.all["broker"].run()
        migrate = made.migrate()
        migrate.run()
        assert migrate.end_of() == 0, migrate.log_text()
        for name in PROGRAMS:
            made.all[name].run()
        for name in ("broker", *PROGRAMS):
            one = made.all[name]
            until(one.is_healthy, what=f"{name} is healthy", timeout_s=120)
        yield made
    finally:
        made.remove()
        shutil.rmtree(folder)


def test_a_migration_that_waits_ends_when_it_is_told(postgres: PostgresServer, county: County) -> None:
    name = county.dsn.rpartition("/")[2]
    with county.holding_migrations():
        migrate = county.migrate()
        migrate.remove()
        migrate.run()
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        until(lambda: postgres.sql(waiting, name).strip() == "1", what="it waits")
        assert migrate.stop() != 137, "killed: it did not listen to SIGTERM"


def test_a_fire_goes_from_tls_to_the_desk(county: County) -> None:
    county.press("CONTAINED")


@pytest.mark.parametrize("name", ["broker", *PROGRAMS])
def test_a_container_is_closed(county: County, name: str) -> None:
    one = county.all[name]
    status = dict(line.split(":\t", 1) for line in one.execute("cat", "/proc/1/status").stdout.splitlines())
    assert set(status["Uid"].split()) == {"1883" if name == "broker" else "10001"}
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    for folder in ("/", "/etc", "/usr/lib", "/app", "/venv", "/run", "/home"):
        assert one.execute("touch", f"{folder}/written").returncode != 0, folder
    for place in one.volumes.values():
        assert one.execute("touch", f"{place}/written").returncode == 0, place
        assert one.execute("rm", f"{place}/written").returncode == 0, place
    assert one.changed() == []


@pytest.mark.parametrize("name", ["broker", *PROGRAMS])
def test_what_is_killed_comes_back_by_itself_and_goes_on(county: County, name: str) -> None:
    one = county.all[name]
    before = one.pid
    one.kill()
    until(lambda: one.pid not in {0, before}, what=f"{name} runs again", timeout_s=60)
    until(one.is_healthy, what=f"{name} is healthy again", timeout_s=120)
    county.press(f"AFTER-{name.upper()}")


@pytest.mark.parametrize("name", ["simulate", *PROGRAMS, "broker"])
def test_sigterm_ends_it_in_time(county: County, name: str) -> None:
    one = county.all[name]
    if name == "simulate":
        one.run()
        until(one.is_healthy, what="the simulated county runs", timeout_s=120)
    assert one.stop() in {0, 143}, one.log_text()[-2000:]  # 137: killed after its time of grace
    assert "Traceback" not in one.log_text()
