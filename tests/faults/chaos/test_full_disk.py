"""A disk that is full or nearly so: nothing ends, fires go on, and what was acknowledged is there later."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from stack.reserve import AGAIN_ABOVE_BYTES, FREED_BELOW_BYTES, Reserve
from tests.faults.chaos.disks import FIRES, READINGS, TOLD, Disk, Reports, ask, mounted
from tests.faults.reports import keep_report
from tests.support.servers import Program, until

FULL_FOR_S = 300.0  # of each disk: as long as it takes a person to make room
REPORT_EVERY_S = 10.0
ONE_MB, SMALL_MB = 768, 16
DATABASE_MB = 640
PROGRAMS = ("ingest", "alerts", "api", "gateway", "push", "mosquitto")


@pytest.fixture
def one_disk(scratch: Path) -> Iterator[Disk]:
    """A file system for everything."""
    with mounted(scratch / "disk", ONE_MB) as disk:
        yield disk


@pytest.fixture
def three_disks(scratch: Path) -> Iterator[dict[str, Disk]]:
    """One each for the database, the broker and the gateway's journal."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(mounted(scratch / "state" / name, size_mb))
            for name, size_mb in (("postgres", DATABASE_MB), ("mosquitto", SMALL_MB), ("gateway", SMALL_MB))
        }


class System:
    """A demo in a state folder."""

    def __init__(self, program: Callable[..., Program], state: Path) -> None:
        self.running = program("demo", "--devices", "10", "--state-dir", str(state))
        self._file = state / "endpoints.json"
        until(self._file.exists, what="ready", timeout_s=120)
        self.began = self.endpoints
        self.reserve = Reserve(state / "postgres")
        self.reports = Reports(self.began["mqtt"])
        self.databases = {self.began["processes"]["postgres"]}  # every process of it that was seen

    @property
    def endpoints(self) -> dict[str, Any]:
        """Where everything is now."""
        found: dict[str, Any] = json.loads(self._file.read_text())
        return found

    async def has(self, sql: str, wanted: int, *, what: str, timeout_s: float = 90) -> None:
        """Wait until the database answers so."""
        deadline = time.monotonic() + timeout_s
        while (found := await ask(self.began["database"], sql)) != wanted:
            assert time.monotonic() < deadline, f"{what}: {found}, wanted {wanted}"

    async def has_all(self) -> None:
        """Wait until all that was sent is stored, and each fire told."""
        await self.has(FIRES, len(self.reports.fires), what="fires stored")
        await self.has(READINGS, len(self.reports.readings), what="readings stored")
        await self.has(TOLD, len(self.reports.fires), what="fires told")

    async def stay_full(self, full_for_s: float) -> None:
        """Let that time pass, with a reading and a fire every 10 s; nothing may end."""
        ends = time.monotonic() + full_for_s
        while time.monotonic() < ends:
            self.reports.send(1)
            await asyncio.sleep(REPORT_EVERY_S)
            self.nothing_ended()

    async def lost(self) -> int:
        """Return how many readings, fires and tellings of fires are not there."""
        sent = ((READINGS, self.reports.readings), (FIRES, self.reports.fires), (TOLD, self.reports.fires))
        return sum([len(of) - await ask(self.began["database"], sql) for sql, of in sent])

    def nothing_ended(self) -> None:
        """Hold every program but the database to the process that it began with."""
        now = self.endpoints["processes"]
        self.databases.add(now["postgres"])
        assert {name: now[name] for name in PROGRAMS} == {name: self.began["processes"][name] for name in PROGRAMS}
        assert self.running.process.poll() is None


@pytest.mark.chaos
@pytest.mark.timeout(420)
async def test_at_zero_bytes_nothing_ends_and_what_was_acknowledged_is_there_when_there_is_room(one_disk, program):
    system = System(program, one_disk.folder / "state")
    system.reports.send(3)
    await system.has_all()
    one_disk.fill_for_good(lambda: system.reserve.is_spent)
    system.reports.send(10)
    database = system.began["processes"]["postgres"]
    os.kill(database, signal.SIGKILL)  # it cannot come back before there is room
    until(lambda: not psutil.pid_exists(database), what="the database is gone")
    system.reports.send(10)
    one_disk.make_room()
    await system.has_all()
    system.nothing_ended()
    assert system.running.stop() == 0


@pytest.mark.chaos
@pytest.mark.timeout(420)
async def test_what_is_kept_in_reserve_stores_and_tells_fires_while_readings_wait_for_room(one_disk, program):
    system = System(program, one_disk.folder / "state")
    system.reports.send(1)
    await system.has_all()
    until(lambda: system.reserve.path.stat().st_size > 0, what="a reserve")
    one_disk.fill(but=FREED_BELOW_BYTES // 4)
    until(lambda: system.reserve.is_spent, what="the reserve is freed")
    system.reports.send(20)
    await system.has(TOLD, len(system.reports.fires), what="fires told on a full disk")
    assert await ask(system.began["database"], READINGS) == 1
    assert one_disk.free < AGAIN_ABOVE_BYTES
    one_disk.make_room()
    await system.has_all()
    until(lambda: not system.reserve.is_spent, what="the reserve is whole again")
    system.nothing_ended()
    assert system.endpoints["processes"]["postgres"] == system.began["processes"]["postgres"]
    assert system.running.stop() == 0


@pytest.mark.chaos
@pytest.mark.timeout(2400)
async def test_disks_of_database_broker_and_journal_are_full_for_minutes_each_alone_and_all_together(
    three_disks, program
):
    state = three_disks["postgres"].folder.parent
    system = System(program, state)
    system.reports.send(1)
    await system.has_all()
    for names in (("mosquitto",), ("gateway",), ("postgres",), tuple(three_disks)):
        for name in names:
            if name == "postgres":
                three_disks[name].fill_for_good(lambda: system.reserve.is_spent)
            else:
                three_disks[name].fill()
        system.reports.send(5)
        if "postgres" not in names:
            await system.has_all()  # the database has room: nothing waits
        await system.stay_full(FULL_FOR_S)
        for name in names:
            three_disks[name].make_room()
        await system.has_all()
        until(lambda: not system.reserve.is_spent, what="the reserve is whole again", timeout_s=60)
    system.nothing_ended()
    report = {
        "readings": len(system.reports.readings),
        "fires": len(system.reports.fires),
        "lost": await system.lost(),
        "full_for_s": FULL_FOR_S,
        "databases": len(system.databases),
    }
    keep_report("full-disk", report)
    assert report["lost"] == 0
    assert system.running.stop() == 0


@pytest.mark.chaos
async def test_started_on_a_full_disk_it_waits_for_room_and_comes_up_by_itself(one_disk, program):
    state = one_disk.folder / "state"
    first = program("up", "--state-dir", str(state))
    until((state / "endpoints.json").exists, what="ready", timeout_s=90)
    assert first.stop() == 0
    reserve = Reserve(state / "postgres")
    one_disk.fill()
    second = program("up", "--state-dir", str(state))
    one_disk.fill_for_good(lambda: reserve.is_spent)
    until(lambda: "waiting for room on the disk" in second.log_text(), what="it says what it waits for", timeout_s=90)
    assert second.process.poll() is None
    one_disk.make_room()
    until((state / "endpoints.json").exists, what="ready without a person", timeout_s=90)
    assert second.stop() == 0
