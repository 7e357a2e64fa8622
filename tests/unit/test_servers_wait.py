"""A broker that reads a long queue is waited for as long as it takes; one that does nothing is not."""

import asyncio
import io
import subprocess
import sys

import pytest

from stack import servers
from stack.screen import Screen
from stack.state import StartFailed, StateDir
from stack.supervise import Child
from tests.support.waiting import PATIENCE_S, eventually

READS = "while True: sum(range(1000))"
STANDS_STILL = "import time; time.sleep(600)"


@pytest.fixture
def broker(tmp_path, monkeypatch):
    """Start what stands for a broker; it, what is said of it, and the waiting for it."""
    monkeypatch.setattr(servers, "_READY_TIMEOUT_S", 2.0)
    monkeypatch.setattr(servers, "_TELL_EVERY_S", 1.0)
    monkeypatch.setattr(servers, "_AT_WORK_S", 0.01)  # of a busy machine it may get no more
    started = []

    def start(code):
        process = subprocess.Popen([sys.executable, "-c", code])
        started.append(process)
        child = Child("mosquitto", lambda: process, (tmp_path / "listens").exists, process=process)
        screen = io.StringIO()
        state = StateDir.open(tmp_path / "state")
        group = servers.Servers(state, None, Screen(screen), frozenset(), fleet=False, watch_reserve=None)
        return screen, group.wait_until_ready([child])

    yield start
    for process in started:
        process.kill()
        process.wait()


async def test_a_broker_that_reads_its_queues_has_all_the_time_it_needs(broker, tmp_path):
    screen, ready = broker(READS)
    waiting = asyncio.create_task(ready)
    await eventually(lambda: screen.getvalue().count("mosquitto reads what waits") > 2, what="it is waited for")
    (tmp_path / "listens").touch()
    await waiting
    assert "mosquitto is ready" in screen.getvalue()


async def test_a_broker_that_does_nothing_and_does_not_listen_ends_the_start(broker):
    _, ready = broker(STANDS_STILL)
    with pytest.raises(StartFailed, match="mosquitto was not ready within"):
        await asyncio.wait_for(ready, PATIENCE_S)
