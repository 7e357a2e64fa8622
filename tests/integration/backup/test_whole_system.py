"""A system whose machine is gone comes back from its copies on another one, and nobody hears a thing twice."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx2
import psutil
import pytest

from stack.binaries import find_mosquitto
from stack.children import free_port
from tests.support.servers import until
from tests.support.waiting import PATIENCE_S, eventually

COUNTED = ("reading_hydrant", "event", "alarm", "alarm_transition", "notice", "device", "audit", "person", "api_key")


class Running:
    """A system, seen from outside."""

    def __init__(self, program, state, **env):
        self.program = program("up", "--state-dir", str(state), **env)
        file = state / "endpoints.json"
        until(file.exists, what=f"ready: {self.program.log_text()}", timeout_s=180)
        self.endpoints = json.loads(file.read_text())
        self.seq = int(time.time()) % 10**6

    def publish(self, topic, payload, account=None):
        mqtt = self.endpoints["mqtt"]
        account = account or mqtt["fleet"]
        command = [find_mosquitto().clients / "mosquitto_pub", "-p", str(mqtt["port"]), "-V", "5", "-q", "1"]
        command += ["-t", f"fire/v1/140931100/{topic}", "-m", json.dumps(payload)]
        command += ["-u", account["username"], "-P", account["password"]]
        subprocess.run(command, check=True, timeout=PATIENCE_S)

    def send_reading(self, account=None):
        self.seq += 1
        reading = {"ts": int(time.time() * 1000), "seq": self.seq, "pressure_mpa": 0.3}
        self.publish("hydrant/HYD-1/up/telemetry", reading, account)

    def send_fire(self, component):
        fire = {"event_id": component, "ts": int(time.time() * 1000), "type": "manual_alarm", "component": component}
        self.publish("panel/PANEL-1/up/event", fire)

    async def ask(self, sql, *values):
        connection = await asyncpg.connect(self.endpoints["database"])
        try:
            return [dict(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()

    async def counts(self):
        return {name: (await self.ask(f"select count(*) as n from {name}"))[0]["n"] for name in COUNTED}  # noqa: S608

    async def all_told(self, fires):
        rows = await self.ask("select count(*) as n from notice where fire and state = 'delivered'")
        return rows[0]["n"] == fires

    async def stored(self, readings):
        rows = await self.ask("select count(*) as n from reading_hydrant")
        return rows[0]["n"] == readings

    def call(self, method, path, **more):
        headers = {"Authorization": f"Bearer {self.endpoints['admin']['api_key']}"}
        answer = httpx2.request(method, self.endpoints["api"] + path, headers=headers, timeout=PATIENCE_S, **more)
        assert answer.is_success, answer.text
        return answer.json()

    def signs_in(self):
        admin = {name: self.endpoints["admin"][name] for name in ("username", "password")}
        return httpx2.post(self.endpoints["api"] + "/api/v1/session", json=admin, timeout=PATIENCE_S).is_success


def told_until(copies):
    found = list(copies.glob("firetower-*/until.json"))
    return datetime.fromisoformat(json.loads(found[0].read_text())["at"]) if found else datetime.min.replace(tzinfo=UTC)


def run(*words, **env):
    """Run a command to its end; what it said."""
    command = [Path(sys.executable).with_name("firetower"), *map(str, words)]
    given = os.environ | {f"FIRETOWER_{name}": str(value) for name, value in env.items()}
    done = subprocess.run(command, env=given, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def heard_at(desk):
    return httpx2.get(f"{desk}/received", timeout=PATIENCE_S).json()["items"]


@pytest.mark.timeout(900)
@pytest.mark.chaos  # minutes
async def test_a_wiped_system_comes_back_elsewhere_and_119_hears_nothing_twice(program, scratch):
    port = free_port()
    desk = f"http://127.0.0.1:{port}"
    program("desk", DESK_PORT=port).wait_ready()
    secret = scratch / "passphrase"
    secret.write_text("a long sentence that nobody guesses\n")
    first = Running(program, scratch / "first", DISPATCH_URL=desk)
    first.call("PUT", "/api/v1/devices/HYD-1", json={"kind": "hydrant", "area": "140931100"})
    account = first.call("POST", "/api/v1/devices/HYD-1/credentials")
    device = {"username": account["username"], "password": account["password"]}
    first.send_reading(device)
    first.send_fire("m1")
    await eventually(lambda: first.all_told(1), what="the desk took the fire", timeout_s=90)

    copies = scratch / "copies"
    said = run("backup", copies, "--state-dir", scratch / "first", "--passphrase-file", secret)
    assert "is whole" in said
    for _ in range(3):  # after the base copy: only the log has these
        first.send_reading(device)
    first.send_fire("m2")
    await eventually(lambda: first.all_told(2), what="the desk took the second fire", timeout_s=90)
    await eventually(lambda: first.stored(4), what="all readings are stored", timeout_s=90)
    counts, acknowledged_at = await first.counts(), datetime.now(UTC)
    await eventually(
        lambda: told_until(copies) > acknowledged_at, what="the log is shipped", timeout_s=120, every_s=0.5
    )
    [newest] = await first.ask("select max(id) as alarm from alarm")

    first.program.kill()
    processes = first.endpoints["processes"].values()
    until(lambda: not any(map(psutil.pid_exists, processes)), what="its children ended with it", timeout_s=60)
    shutil.rmtree(scratch / "first")
    second_state = scratch / "elsewhere"
    run("restore", copies, "--state-dir", second_state, "--passphrase-file", secret)
    second = Running(program, second_state, DISPATCH_URL=desk)

    now = await second.counts()
    assert {name: now[name] for name in COUNTED if now[name] < counts[name]} == {}
    assert (now["reading_hydrant"], now["alarm"], now["notice"]) == tuple(
        counts[name] for name in ("reading_hydrant", "alarm", "notice")
    )
    assert second.endpoints["admin"] == first.endpoints["admin"]
    assert second.endpoints["mqtt"] == first.endpoints["mqtt"]  # devices find it where it was
    assert second.signs_in()
    second.send_reading(device)  # its account is known
    second.send_fire("m2")  # as a device that never heard its acknowledgement
    second.send_fire("m3")
    await eventually(lambda: second.all_told(3), what="the desk took the third fire", timeout_s=90)
    await eventually(lambda: second.stored(5), what="the new reading is stored", timeout_s=90)
    heard = Counter(one["notice_id"] for one in heard_at(desk))
    assert set(heard.values()) == {1}
    [alarm] = await second.ask("select id from alarm where component = 'm3'")
    assert alarm["id"] > newest["alarm"] + 1000  # an id given after the copy is never given again

    run("audit", "verify", DATABASE_URL=second.endpoints["database"], STATE_DIR=second_state)
