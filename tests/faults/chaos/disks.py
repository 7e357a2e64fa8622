"""Disks of a system that only a test can fill, and what was sent meanwhile: used by the tests of full disks."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

from stack.binaries import find_mosquitto
from tests.support.servers import until

CLIENT = find_mosquitto().clients / "mosquitto_pub"
FIRES = "select count(*) from event where component like 'full-%'"
TOLD = """select count(distinct alarm.component) from notice join alarm on alarm.id = notice.alarm_id
where notice.fire and notice.state = 'delivered' and alarm.component like 'full-%'"""
READINGS = "select count(*) from reading_hydrant join device on device.id = device_id where code = 'FULL-1'"


class Disk:
    """A file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    @property
    def free(self) -> int:
        """Bytes that may still be written."""
        return shutil.disk_usage(self.folder).free

    def fill(self, *, but: int = 0) -> None:
        """Take all of it in one step, but so many bytes."""
        with self._filler.open("ab") as file:
            while (left := self.free - but) > 0:
                size = self._filler.stat().st_size
                with suppress(OSError):  # somebody else was quicker
                    os.posix_fallocate(file.fileno(), size, left)
                if but and self._filler.stat().st_size > size:
                    return

    def fill_for_good(self, is_spent: Any) -> None:
        """Take all of it, and what a reserve gives back."""
        until(lambda: self.fill() or (is_spent() and self.free == 0), what="not a byte left")

    def make_room(self) -> None:
        """Give everything back."""
        self._filler.unlink()


@contextmanager
def mounted(folder: Path, size_mb: int) -> Iterator[Disk]:
    """A tmpfs at a folder; where none can be mounted the test fails: only root may."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=755", "tmpfs", folder], capture_output=True, check=False
    )
    why = f"filling a disk takes one of its own, which only root may mount: {done.stderr.decode().strip()}"
    assert done.returncode == 0, why
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


class Reports:
    """What one device and one panel sent, as far as the broker acknowledged it."""

    def __init__(self, mqtt: dict[str, Any]) -> None:
        self._mqtt = mqtt
        self.readings: list[int] = []
        self.fires: list[str] = []

    def send(self, count: int) -> None:
        """Send so many readings and fires."""
        for _ in range(count):
            seq = len(self.readings) + 1
            self._publish("hydrant/FULL-1/up/telemetry", {"ts": _now_ms(), "seq": seq, "pressure_mpa": 0.3})
            self.readings.append(seq)
            name = f"full-{len(self.fires)}"
            fire = {"event_id": name, "ts": _now_ms(), "type": "manual_alarm", "component": name}
            self._publish("panel/FULL-2/up/event", fire)
            self.fires.append(name)

    def _publish(self, topic: str, payload: dict[str, Any]) -> None:
        fleet = self._mqtt["fleet"]
        command = [CLIENT, "-p", str(self._mqtt["port"]), "-V", "5", "-q", "1", "-t", f"fire/v1/140931100/{topic}"]
        command += ["-u", fleet["username"], "-P", fleet["password"], "-m", json.dumps(payload)]
        subprocess.run(command, check=True, timeout=30)


def _now_ms() -> int:
    return int(time.time() * 1000)


async def ask(dsn: str, sql: str) -> Any:
    """Ask the database, which is away at times; None then."""
    with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection = await asyncpg.connect(dsn, timeout=5)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()
    return None
