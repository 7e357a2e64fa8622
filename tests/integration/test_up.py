"""`firetower up` and `demo`: ready means ready, what dies comes back, and the end leaves nothing behind."""

import asyncio
import json
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import asyncpg
import httpx2
import psutil
import pytest

from stack.backup.sealed import UNFINISHED
from stack.children import free_port
from stack.state import StateDir
from tests.support import contract_page
from tests.support.processes import runs
from tests.support.servers import until
from tests.support.waiting import PATIENCE_S, eventually

SPAN = ("--from=2026-11-01T00:00:00Z", "--to=2026-11-02T00:00:00Z")
KEYS = set(contract_page.example("1. Commands"))


class Running:
    def __init__(self, program, state, command, env):
        self.state = state
        self.endpoints_file = state / "endpoints.json"
        self.program = program(*command, "--state-dir", str(state), **env)
        until(self.is_ready, what="endpoints.json", timeout_s=180)  # a busy machine starts ten programs

    def is_ready(self):
        assert self.program.process.poll() is None, self.program.log_text()
        return self.endpoints_file.exists()

    def endpoints(self):
        return json.loads(self.endpoints_file.read_text())

    def pids(self):
        return self.endpoints()["processes"]


@pytest.fixture
def up(program, scratch, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody there: what stays on this machine must not ask it
    return lambda *command, **env: Running(program, scratch / "state", command, env)


def children_of(system):
    return {child.pid for child in psutil.Process(system.program.process.pid).children(recursive=True)}


def gone(pids):
    return lambda: not any(map(runs, pids))


def test_endpoints_follow_restarts_and_the_end_leaves_nothing(up):
    system = up("up", "--no-fleet")
    endpoints = system.endpoints()
    assert set(endpoints) == KEYS
    assert stat.S_IMODE(system.endpoints_file.stat().st_mode) == 0o600
    assert endpoints["mqtt"]["fleet"] == {"username": "", "password": ""}
    assert {"mosquitto", "postgres", "ingest", "alerts", "push", "api", "gateway"} <= set(system.pids())

    first = system.pids()
    memory = Path(f"/proc/{first['postgres']}/maps").read_text()
    assert "/SYSV" in memory
    assert "shm/PostgreSQL" not in memory  # systemd removes that when an ordinary user logs out
    for name in first:
        before = system.pids()[name]
        os.kill(before, signal.SIGKILL)
        until(lambda name=name, before=before: system.pids()[name] != before, what=f"{name} again")
    everyone = [*first.values(), *system.pids().values()]

    assert system.program.stop() == 0
    assert not system.endpoints_file.exists()
    until(gone(everyone), what="no process left")


def test_a_killed_supervisor_leaves_no_orphans_and_the_next_run_goes_on(up):
    system = up("stack", "up", "--foreground")
    before = system.endpoints()
    system.program.kill()
    until(gone(before["processes"].values()), what="children ended with their parent")
    system.endpoints_file.unlink()  # a killed run cannot; the next one does so first of all
    again = up("stack", "up", "--foreground")
    after = again.endpoints()
    assert after["database"] == before["database"]
    assert after["mqtt"] == before["mqtt"]
    assert after["mqtt"]["fleet"]["username"]
    assert again.program.stop() == 0


def test_a_program_that_cannot_start_stops_no_other_and_comes_when_it_can(up):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = str(taken.getsockname()[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
        try:
            system = up("up", GATEWAY_PORT=port)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert {"ingest", "alerts", "api"} <= set(system.pids())
        said = system.program.log_text()
        assert "gateway ended and is started again" in said
        assert "the others go on without it" in said
        assert port in said.partition("gateway ended")[2]  # its own last words
    ready = system.state / "run/gateway.ready"
    until(ready.exists, what="the gateway listens once its port is free")
    limits = Path(f"/proc/{system.pids()['mosquitto']}/limits").read_text()
    assert re.search(rf"Max open files\s+{hard}\s+{hard}", limits)
    assert system.program.stop() == 0


def test_copies_are_kept_while_the_network_of_the_api_is_away_after_a_power_cut(program, scratch):
    StateDir.open(scratch / "state").secret("audit")  # it has run before
    backup = scratch / "copies"
    backup.mkdir(mode=0o777)
    system = program("up", "--state-dir", str(scratch / "state"), API_HOST="192.0.2.1", BACKUP_DIR=str(backup))
    until(lambda: any(path.suffix != UNFINISHED for path in backup.glob("*/copies/*")), what="a copy", timeout_s=90)
    until(lambda: "api is not ready" in system.log_text(), what="what is away, told")
    assert not (scratch / "state/endpoints.json").exists()
    assert system.stop() == 0


def test_a_map_and_addresses_that_are_away_after_a_power_cut_keep_nothing_else_from_running(up, scratch):
    port = free_port()  # that a proxy knows
    StateDir.open(scratch / "state").secret("audit")  # it has run before
    system = up(
        "up", "--no-fleet", BROKER_PORT=str(port), BASEMAP=str(scratch / "nas/county.pmtiles"),
        GATEWAY_HOST="192.0.2.1", METRICS_HOST="192.0.2.1", DISPATCH_FORMAT="xf3017",
        DISPATCH_CODES=str(scratch / "nas/codes.json"),
    )  # fmt: skip
    assert {"ingest", "alerts", "api"} <= set(system.pids())
    assert system.endpoints()["mqtt"]["port"] == port
    until(lambda: "FIRETOWER_GATEWAY_HOST" in system.program.log_text(), what="the gateway's last words")
    said = system.state / "logs/api.log"
    until(lambda: "basemap_missing" in said.read_text(), what="the map that is not there, told")
    assert system.program.stop() == 0


def test_a_township_comes_up_with_its_relay_although_the_county_is_away(up):
    away = free_port()
    county = {"RELAY_MQTT_URL": f"mqtt://relay.x:y@127.0.0.1:{away}", "RELAY_API_URL": f"http://127.0.0.1:{away}"}
    system = up("up", "--no-fleet", **county, RELAY_API_KEY="ft_x", RELAY_AREAS="140931100")
    assert "relay" in system.pids()


def test_a_copy_beside_the_running_original_is_refused_in_one_line(up, scratch):
    system = up("stack", "up", "--foreground")
    before = system.endpoints()
    subprocess.run(["cp", "-a", system.state, scratch / "copy"], check=True)
    refused = firetower("up", "--state-dir", str(scratch / "copy"))
    assert refused.returncode == 2
    assert "is a copy of" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert all(psutil.pid_exists(pid) for pid in before["processes"].values())
    assert system.endpoints() == before
    assert system.program.stop() == 0


async def simulated_readings(dsn):
    """How many readings of circuits were sent; those of the stored past came with no message."""
    connection = await asyncpg.connect(dsn)
    try:
        days = await connection.fetchval("select extract(day from now() - min(ts)) from reading_hydrant")
        assert days >= 15
        return await connection.fetchval(
            "select count(*) from reading_electrical r join device d on d.id = r.device_id"
            " where d.code like 'ELE-%' and r.batch_id > 0"
        )
    finally:
        await connection.close()


async def test_the_demo_shows_a_reporting_county_and_leaves_nothing_behind(up):
    system = await asyncio.to_thread(up, "demo", "--devices", "40")
    endpoints = system.endpoints()
    assert set(endpoints) == KEYS
    assert endpoints["dispatch"] is not None
    assert {"desk", "simulate", "framed-panels"} <= set(system.pids())

    admin = endpoints["admin"]
    shown = (endpoints["api"], admin["username"], admin["password"])
    until(lambda: all(text in system.program.log_text() for text in shown), what="address and login")

    key = {"Authorization": f"Bearer {admin['api_key']}"}
    async with httpx2.AsyncClient(
        base_url=endpoints["api"], headers=key, timeout=PATIENCE_S, trust_env=False
    ) as client:
        answer = await client.get("/api/v1/devices", params={"limit": "1000"})
        devices = answer.raise_for_status().json()["items"]
    assert len({device["area"] for device in devices if device["location"]}) >= 2

    await eventually(lambda: simulated_readings(endpoints["database"]), what="readings of circuits", every_s=0.5)
    until(lambda: set(system.pids().values()) <= children_of(system), what="endpoints that name running processes")
    everyone = children_of(system)
    system.program.process.send_signal(signal.SIGINT)  # Ctrl-C
    assert await asyncio.to_thread(system.program.process.wait, PATIENCE_S) == 0
    until(gone(everyone), what="no process left")


def firetower(*arguments, **env):
    command = [str(Path(sys.executable).with_name("firetower")), *arguments]
    full = os.environ | {f"FIRETOWER_{key}": value for key, value in env.items()}
    return subprocess.run(command, capture_output=True, text=True, env=full, timeout=PATIENCE_S, check=False)


def test_a_state_folder_has_one_owner_and_can_be_asked_and_stopped(up):
    system = up("stack", "up", "--foreground")
    second = firetower("up", "--state-dir", str(system.state))
    assert second.returncode == 2
    assert f"in use by process {system.program.process.pid}" in second.stderr
    assert "running" in firetower("stack", "status", "--state-dir", str(system.state)).stdout
    assert firetower("stack", "down", "--state-dir", str(system.state)).returncode == 0
    assert system.program.process.wait(PATIENCE_S) == 0
    assert firetower("stack", "status", "--state-dir", str(system.state)).returncode == 3


def test_stack_up_returns_with_both_servers_running_until_stack_down(scratch):
    state = ("--state-dir", str(scratch / "stack"))
    try:
        assert "running" in firetower("stack", "up", *state).stdout
        assert "running" in firetower("stack", "up", *state).stdout
    finally:
        assert firetower("stack", "down", *state).returncode == 0
    assert firetower("stack", "status", *state).returncode == 3


@pytest.mark.parametrize("command", [("migrate",), ("admin",), ("audit", "verify")], ids=" ".join)
def test_a_command_without_its_database_says_so_in_one_line(command, scratch):
    (scratch / "audit.key").write_text("0" * 64)
    url = f"postgresql://x@127.0.0.1:{free_port()}/x"
    ended = firetower(*command, DATABASE_URL=url, STATE_DIR=str(scratch))
    assert ended.returncode == 2
    assert "FIRETOWER_DATABASE_URL cannot be reached" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "command",
    [
        ("migrate",),
        ("admin",),
        ("audit", "verify"),
        ("backtest", "--rule=battery_low", *SPAN),
    ],
    ids=" ".join,
)
def test_a_command_takes_the_database_of_the_system_in_the_state_folder_and_says_so(command, scratch):
    (scratch / "audit.key").write_text("0" * 64)
    port = free_port()
    (scratch / "endpoints.json").write_text(json.dumps({"database": f"postgresql://x@127.0.0.1:{port}/x"}))
    ended = firetower(*command, STATE_DIR=str(scratch))
    said, *more = ended.stderr.strip().splitlines()
    assert said == f"firetower: the database is that of {scratch / 'endpoints.json'}"
    assert f"'127.0.0.1', {port}" in more[0]
    assert (ended.returncode, len(more)) == (2, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_PORT", "eighty"),
        ("INGEST_AREAS", "14093"),
        ("MQTT_URL", "http://x"),
        ("LOG_LEVEL", "loud"),
        ("API_HOST", "no-such-host.invalid"),
        ("API_HOST", "192.0.2.1"),
        ("GATEWAY_HOST", "192.0.2.1"),
    ],
)
def test_a_bad_setting_ends_it_at_once_with_one_clear_line(name, value, scratch):
    ended = firetower("up", "--state-dir", str(scratch / "state"), **{name: value})
    assert ended.returncode == 2
    assert f"FIRETOWER_{name}" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_desk_that_is_told_port_0_takes_a_free_one_and_says_which(program):
    desk = program("desk", "--port", "0")
    desk.wait_ready()
    until(lambda: "desk_listens" in desk.log_text(), what="it says its port")
    port = next(
        line["port"] for line in map(json.loads, desk.log_text().splitlines()) if line["event"] == "desk_listens"
    )
    assert httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE_S, trust_env=False).is_success


def test_a_gateway_without_its_address_ends_before_it_waits_for_anything(scratch):
    url = f"postgresql://x@127.0.0.1:{free_port()}/x"
    ended = firetower("gateway", GATEWAY_HOST="192.0.2.1", DATABASE_URL=url, STATE_DIR=str(scratch))
    assert ended.returncode == 2
    assert "firetower: FIRETOWER_GATEWAY_HOST, FIRETOWER_GATEWAY_PORT: " in ended.stderr
    assert not (scratch / "gateway").exists()
