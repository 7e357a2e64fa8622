"""A machine is lost under load: all but the last minute comes back from its copies, and 119 hears nothing twice."""

import asyncio
import json
import os
import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest

from services.core import db
from services.core.clock import SystemClock
from stack.backup.sealed import UNFINISHED
from stack.children import free_port
from tests.faults.chaos.books import stored_events, stored_readings
from tests.faults.chaos.crowd import Crowd
from tests.faults.reports import keep_report
from tests.integration.backup.test_whole_system import Running, heard_at, run
from tests.support.servers import until
from tests.support.waiting import eventually

RATE_PER_S = int(os.environ.get("LOST_MACHINE_RATE") or 1000)
LOAD_S = 100.0  # after the base copy
PRESS_EVERY_S = 5.0
PROMISED_S = 60.0  # what is older is in the copies


@dataclass
class Story:
    """What happened when, in seconds since the start, and what was acknowledged."""

    started_s: float = field(default_factory=SystemClock().monotonic)
    base_s: float = 0.0
    lost_s: float = 0.0
    back_s: float = 0.0
    events_acked: dict[str, float] = field(default_factory=dict)
    fires: dict[str, float] = field(default_factory=dict)

    def now_s(self) -> float:
        return SystemClock().monotonic() - self.started_s

    def note_event(self, event_id: str) -> None:
        self.events_acked.setdefault(event_id, self.now_s())

    def promised(self, acked: dict[Any, float]) -> set[Any]:
        """Those that may not be missing."""
        return {key for key, at in acked.items() if not self.lost_s - PROMISED_S < at < self.back_s}

    async def press_for(self, system: Running, seconds: float) -> None:
        """Press a call point now and then; the broker has answered before the next."""
        end_s = self.now_s() + seconds
        while self.now_s() < end_s:
            component = f"p{len(self.fires)}"
            await asyncio.to_thread(system.send_fire, component)
            self.fires[component] = self.now_s()
            await asyncio.sleep(PRESS_EVERY_S)


def crowd_of(system, story):
    mqtt = system.endpoints["mqtt"]
    url = f"mqtt://{mqtt['fleet']['username']}:{quote(mqtt['fleet']['password'])}@127.0.0.1:{mqtt['port']}"
    more = {"devices": 500, "rate": RATE_PER_S, "events_per_s": 5, "on_event_acked": story.note_event}
    return Crowd("BK", url, story.started_s, **more)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
async def test_a_machine_lost_under_load_costs_a_minute_at_most(program, scratch):
    port = free_port()
    desk = f"http://127.0.0.1:{port}"
    await asyncio.to_thread(program("desk", DESK_PORT=port).wait_ready)
    first_state, second_state, copies = (scratch / name for name in ("first", "second", "copies"))
    first = Running(program, first_state, DISPATCH_URL=desk, BACKUP_DIR=copies)
    story = Story()
    crowd, stop = crowd_of(first, story), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        link = tasks.create_task(crowd.link.run())
        publishing = tasks.create_task(crowd.publish(stop))
        while not any(UNFINISHED not in str(file) for file in copies.rglob("base.tar.gz")):
            await story.press_for(first, PRESS_EVERY_S)
        story.base_s = story.now_s()
        await story.press_for(first, LOAD_S)
        first.program.kill()
        story.lost_s = story.now_s()
        processes = first.endpoints["processes"].values()
        await asyncio.to_thread(until, lambda: not any(map(psutil.pid_exists, processes)), what="all of it ended")
        shutil.rmtree(first_state)
        await asyncio.to_thread(run, "restore", copies, "--state-dir", second_state)
        second = await asyncio.to_thread(Running, program, second_state, DISPATCH_URL=desk)
        story.back_s = story.now_s()
        await story.press_for(second, 20.0)
        stop.set()
        await publishing
        await eventually(lambda: crowd.settled, what="every ack", timeout_s=180)
        await crowd.link.stop()
        await link

    promised = story.promised(crowd.books.acked)
    database = await db.connect(second.endpoints["database"], program="test", statement_timeout_s=300)

    async def complete():
        return (await stored_readings(database, crowd.prefix)).keys() >= promised

    await eventually(complete, what="every reading but the last minute's", timeout_s=180, every_s=1.0)
    stored, events = await stored_readings(database, crowd.prefix), await stored_events(database, crowd.prefix)
    await database.close()

    def told():
        ids = defaultdict(set)
        for one in heard_at(desk):
            ids[one["body"]["alarm"]["component"]].add(one["notice_id"])
        return ids

    due = story.promised(story.fires)
    await eventually(lambda: told().keys() >= due, what="every fire but the last minute's", timeout_s=180, every_s=1.0)
    write_report(story, crowd, stored, told(), copies)
    assert max(stored.values()) == 1
    assert set(events.values()) == {1}
    assert events.keys() >= story.promised(story.events_acked)
    assert {name for name, ids in told().items() if len(ids) > 1} <= story.fires.keys() - due
    heard = heard_at(desk)
    assert sum(one["first"] for one in heard) == len({one["notice_id"] for one in heard})
    run("audit", "verify", DATABASE_URL=second.endpoints["database"], STATE_DIR=second_state)


def write_report(story: Story, crowd: Crowd, stored: dict[Any, int], told: dict[str, set[str]], copies: Path) -> None:
    """Keep what was measured."""
    missing = [story.lost_s - at for key, at in crowd.books.acked.items() if key not in stored]
    report = {
        "readings_per_s": round(crowd.books.readings_sent / story.now_s()),
        "acked": len(crowd.books.acked),
        "acked_and_missing": len(missing),
        "oldest_missing_s_before_the_loss": round(max(missing, default=0), 1),
        "fires": len(story.fires),
        "fires_told": len(told),
        "fires_told_by_two_ids": sum(len(ids) > 1 for ids in told.values()),
        "base_copy_s": round(story.base_s),
        "restored_and_serving_s": round(story.back_s - story.lost_s),
        "copies_mib": sum(file.stat().st_size for file in copies.rglob("*") if file.is_file()) // 2**20,
    }
    keep_report("backup", report)
    print(json.dumps(report))  # noqa: T201
