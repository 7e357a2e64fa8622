"""Our own programs as children: what each is told by its environment and how it says that it is ready.

Called by `stack.up`.
"""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from stack import children
from stack.addresses import Addresses
from stack.backup.order import BackupOrder
from stack.state import StateDir
from stack.supervise import Child

# Our own programs are asked without the environment's proxy, which knows nothing of this machine's loopback.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_DEMO_SHARES = {"hydrants": 0.45, "electrical": 0.30, "water": 0.15, "panels": 0.10}
_DEMO_FRAMED_PANELS = 4  # of the panels: these dial in to the gateway over TCP


# With `up` and `demo` the gateways and hooks that the county's administrator names are on this machine or its networks.
# Link-local addresses are left out: in a cloud the machine's own credentials are there.
OWN_NETWORKS = "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"


@dataclass(frozen=True)
class Program:
    """One program: its name, arguments and environment (over ours)."""

    name: str
    env: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    command: str = ""  # of `firetower`, when it is not the name
    ready_url: str | None = None  # answers 200 when ready; without it the program touches FIRETOWER_READY_FILE

    def child(self, state: StateDir, addresses: Addresses) -> Child:
        """The program as a supervised child."""
        ready_file = state.path / "run" / f"{self.name}.ready"
        ready_file.parent.mkdir(exist_ok=True)
        firetower = str(Path(sys.executable).with_name("firetower"))
        env = dict(os.environ) | {
            "FIRETOWER_DATABASE_URL": addresses.database,
            "FIRETOWER_MQTT_URL": addresses.mqtt,
            "FIRETOWER_DISPATCH_URL": addresses.dispatch,
            "FIRETOWER_STATE_DIR": str(state.path),
            "FIRETOWER_READY_FILE": str(ready_file),
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",  # whatever the locale: names and reasons here are Chinese
        }
        env.setdefault("FIRETOWER_LOG_FORMAT", "json")
        env.setdefault("FIRETOWER_COUNTY_NETWORKS", OWN_NETWORKS)
        env.setdefault("FIRETOWER_DISPATCH_SECRET", state.standard_webhooks_secret("dispatch"))
        env |= self.env

        def spawn() -> subprocess.Popen[bytes]:
            with suppress(OSError):
                ready_file.unlink(missing_ok=True)
            command = [firetower, self.command or self.name, *self.arguments]
            return children.spawn(command, log=state.log(self.name), env=env)

        def is_ready() -> bool:
            return hindrance() is None

        def hindrance() -> str | None:
            if self.ready_url:
                return why_not_ok(self.ready_url)
            return None if ready_file.exists() else "it has not said that it is ready"

        def last_words() -> str:
            return children.tail(children.read_log(state.log(self.name)))

        return Child(self.name, spawn, is_ready, hindrance=hindrance, last_words=last_words)


def plan(
    addresses: Addresses, state: StateDir, given: frozenset[str], *, demo: bool, relayed: bool
) -> Iterator[Program]:
    """The programs to start, in order; ports that the environment does not give are chosen and noted in `addresses`.

    0 gives none. `relayed`: there is a county. A demo has a desk of its own unless a dispatch address is given.
    """
    if demo and not addresses.dispatch:
        port = state.port("desk")
        addresses.dispatch = f"http://127.0.0.1:{port}"
        yield Program("desk", {"FIRETOWER_DESK_PORT": str(port)})
    env = {"FIRETOWER_METRICS_PORT": str(state.port("ingest_metrics"))}
    if addresses.mqtt_max_connections:
        env["FIRETOWER_MQTT_MAX_CONNECTIONS"] = str(addresses.mqtt_max_connections)
    if addresses.reserve is not None:
        env["FIRETOWER_RESERVE_FILE"] = str(addresses.reserve)
    yield Program("ingest", env)
    folders = os.pathsep.join(map(str, (*state.data_folders(), *addresses.storage_dirs)))
    env = {"FIRETOWER_METRICS_PORT": str(state.port("alerts_metrics")), "FIRETOWER_STORAGE_DIRS": folders}
    yield Program("alerts", env)
    yield Program("push", {"FIRETOWER_METRICS_PORT": str(state.port("push_metrics"))})
    if "FIRETOWER_API_PORT" not in given or not addresses.api_port:
        addresses.api_port = state.port("api")
    env = {"FIRETOWER_API_PORT": str(addresses.api_port), "FIRETOWER_MQTT_URL": addresses.mqtt_provisioner}
    if addresses.mqtt_devices and "FIRETOWER_DEVICE_MQTT_URL" not in given:
        env["FIRETOWER_DEVICE_MQTT_URL"] = addresses.mqtt_devices
    yield Program("api", env, ready_url=f"{addresses.api}/readyz")
    if "FIRETOWER_GATEWAY_PORT" not in given or not addresses.gateway_port:
        addresses.gateway_port = state.port("gateway")
    env = {"FIRETOWER_METRICS_PORT": str(state.port("gateway_metrics"))}
    yield Program("gateway", env | {"FIRETOWER_GATEWAY_PORT": str(addresses.gateway_port)})
    if relayed:
        yield Program("relay", {"FIRETOWER_METRICS_PORT": str(state.port("relay_metrics"))})


def demo_counts(devices: int) -> dict[str, int]:
    """How many devices of each kind a demo of `devices` has: `devices` in all, and one of each kind if they suffice."""
    wanted = {name: devices * share for name, share in _DEMO_SHARES.items()}
    least = 1 if devices >= len(wanted) else 0
    counts = {name: max(least, int(number)) for name, number in wanted.items()}
    while sum(counts.values()) < devices:
        counts[max(wanted, key=lambda name: wanted[name] - counts[name])] += 1
    return counts


def plan_simulators(
    addresses: Addresses, state: StateDir, devices: int, speed: float, scenario: str
) -> Iterator[Program]:
    """A simulated county of `devices`, once the API can register them: MQTT ones, and panels on the TCP wire."""
    if not addresses.mqtt_fleet:
        return
    counts = demo_counts(devices)
    framed = max(0, min(_DEMO_FRAMED_PANELS, counts["panels"] - 1))
    env = {
        "FIRETOWER_MQTT_URL": addresses.mqtt_fleet,
        "FIRETOWER_API_URL": addresses.api if addresses.admin.api_key else "",
        "FIRETOWER_API_KEY": addresses.admin.api_key,
        "FIRETOWER_GATEWAY_PORT": str(addresses.gateway_port),
    }
    yield Program(
        "simulate", env, _fleet(counts | {"panels": counts["panels"] - framed}, speed, "--scenario", scenario)
    )
    if framed:
        env = env | {"FIRETOWER_TRUTH_FILE": str(state.path / "truth-framed-panels.jsonl")}
        only_panels = dict.fromkeys(counts, 0) | {"panels": framed}
        arguments = _fleet(only_panels, speed, "--wire", "gb26875", "--seed", "2")
        yield Program("framed-panels", env, arguments, command="simulate")


def plan_backup(addresses: Addresses, order: BackupOrder) -> Program:
    """What keeps the copies of this system."""
    env = {"FIRETOWER_BACKUP_DATABASE_URL": addresses.database_copier} if addresses.database_copier else {}
    secret = ("--passphrase-file", str(order.passphrase_file)) if order.passphrase_file else ()
    return Program("backup", env, (str(order.folder), "--follow", *secret))


def _fleet(counts: Mapping[str, int], speed: float, *more: str) -> tuple[str, ...]:
    numbers = [part for name, count in counts.items() for part in (f"--{name}", str(count))]
    return (*numbers, "--speed", str(speed), *more)


def why_not_ok(url: str) -> str | None:
    """None when a GET answers 200 within a second, else what hinders."""
    try:
        with _DIRECT.open(url, timeout=1) as answer:
            return None if answer.status == 200 else f"{url} answers {answer.status}"
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(300).decode(errors="replace")
        return f"{url} answers {error.code}: {said}"
    except (OSError, ValueError, HTTPException) as error:
        return f"{url} does not answer: {getattr(error, 'reason', None) or error or type(error).__name__}"


def scraped(url: str) -> list[Sample]:
    """What a program says now to Prometheus at this address; nothing when it does not answer."""
    with suppress(OSError, ValueError, HTTPException):
        with _DIRECT.open(url, timeout=1) as answer:
            text: str = answer.read().decode()
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return []
