"""A disk without a byte left: nothing ends, fires go on while they can, and what was acknowledged is there later."""

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress

import asyncpg
import psutil
import pytest

from stack.binaries import find_mosquitto
from tests.support.servers import until

SIZE_MB = 512
CLIENT = find_mosquitto().clients / "mosquitto_pub"


@pytest.fixture
def small_disk(scratch):
    """A file system that only this test can fill."""
    disk = scratch / "disk"
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=755", "tmpfs", disk], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"filling a disk takes one of its own, which only root may mount: {done.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk):
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 65_536)
    assert shutil.disk_usage(disk).free == 0


class Reports:
    """What one device and one panel sent, as far as the broker acknowledged it."""

    def __init__(self, mqtt):
        self._mqtt = mqtt
        self.readings, self.fires = [], []

    def send(self, count):
        for _ in range(count):
            seq = len(self.readings) + 1
            reading = {"ts": int(time.time() * 1000), "seq": seq, "pressure_mpa": 0.3}
            self._publish("hydrant/FULL-1/up/telemetry", reading)
            self.readings.append(seq)
            component = f"full-{len(self.fires)}"
            fire = {
                "event_id": component,
                "ts": int(time.time() * 1000),
                "type": "manual_alarm",
                "component": component,
            }
            self._publish("panel/FULL-2/up/event", fire)
            self.fires.append(component)

    def _publish(self, topic, payload):
        fleet = self._mqtt["fleet"]
        command = [CLIENT, "-p", str(self._mqtt["port"]), "-V", "5", "-q", "1", "-t", f"fire/v1/140931100/{topic}"]
        command += ["-u", fleet["username"], "-P", fleet["password"], "-m", json.dumps(payload)]
        subprocess.run(command, check=True, timeout=20)


async def ask(dsn, sql):
    """Ask the database, which is away at times; None then."""
    with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection = await asyncpg.connect(dsn, timeout=5)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()
    return None


FIRES = "select count(*) from event where component like 'full-%'"
TOLD = """select count(distinct alarm.component) from notice join alarm on alarm.id = notice.alarm_id
where notice.fire and notice.state = 'delivered' and alarm.component like 'full-%'"""
READINGS = "select count(*) from reading_hydrant join device on device.id = device_id where code = 'FULL-1'"


@pytest.mark.chaos
@pytest.mark.timeout(300)
async def test_at_zero_bytes_nothing_ends_and_what_was_acknowledged_is_there_when_there_is_room(small_disk, program):
    system = program("demo", "--devices", "10", "--state-dir", str(small_disk / "state"))
    endpoints_file = small_disk / "state/endpoints.json"
    until(endpoints_file.exists, what="ready", timeout_s=90)
    endpoints = json.loads(endpoints_file.read_text())
    reports = Reports(endpoints["mqtt"])
    reports.send(3)

    fill(small_disk)
    reports.send(10)
    os.kill(endpoints["processes"]["postgres"], signal.SIGKILL)  # it cannot come back before there is room
    until(lambda: not psutil.pid_exists(endpoints["processes"]["postgres"]), what="the database is gone", timeout_s=15)
    reports.send(10)
    assert system.process.poll() is None

    (small_disk / "filler").unlink()
    for sql, wanted in ((FIRES, reports.fires), (READINGS, reports.readings), (TOLD, reports.fires)):
        deadline = time.monotonic() + 60
        while await ask(endpoints["database"], sql) != len(wanted):
            assert time.monotonic() < deadline, (sql, await ask(endpoints["database"], sql), len(wanted))
    again = json.loads(endpoints_file.read_text())["processes"]
    assert again["postgres"] != endpoints["processes"]["postgres"]
    assert again["mosquitto"] == endpoints["processes"]["mosquitto"]
    assert system.stop() == 0


@pytest.mark.chaos
@pytest.mark.timeout(240)
async def test_started_on_a_full_disk_it_waits_for_room_and_comes_up_by_itself(small_disk, program):
    state = small_disk / "state"
    first = program("up", "--state-dir", str(state))
    until((state / "endpoints.json").exists, what="ready", timeout_s=90)
    assert first.stop() == 0
    fill(small_disk)
    second = program("up", "--state-dir", str(state))
    until(lambda: "waiting for room on the disk" in second.log_text(), what="it says what it waits for", timeout_s=60)
    assert second.process.poll() is None
    (small_disk / "filler").unlink()
    until((state / "endpoints.json").exists, what="ready without a person", timeout_s=90)
    assert second.stop() == 0
