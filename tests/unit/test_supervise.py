"""Supervision goes on whatever fails: a child that cannot be started, a change that cannot be written, a duty."""

import asyncio
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, suppress

from stack.children import stop_signals
from stack.readiness import wait_until_serving
from stack.supervise import HARD_S, Child, end_all, for_ever
from tests.support.waiting import PATIENCE_S, eventually


def test_a_closed_terminal_ends_us_unless_we_were_started_to_outlive_it():
    before = signal.getsignal(signal.SIGHUP)
    try:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        assert set(stop_signals()) == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        assert set(stop_signals()) == {signal.SIGINT, signal.SIGTERM}
    finally:
        signal.signal(signal.SIGHUP, before)


def sleeper():
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


@asynccontextmanager
async def running(work, *children):
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        for child in children:
            await child.stop(0)


async def test_the_end_takes_less_than_five_seconds_though_nothing_listens():
    now, ended = 0.0, []

    class Deaf(Child):
        """A child that ends only by the signal that nobody can refuse."""

        async def stop(self, patience_s):
            nonlocal now
            ended.append(self.name)
            now += patience_s + (0.0 if self.hard is signal.SIGKILL else HARD_S)

    program, copies = (Deaf(name, sleeper, lambda: True) for name in ("program", "copies"))
    server = Deaf("server", sleeper, lambda: True, polite=signal.SIGINT, hard=signal.SIGQUIT)
    await end_all([program], copies, [server], lambda: now)
    assert ended == ["program", "copies", "server"]
    assert now < 4.8, "the last signal, and the end of this program, take a moment too"


async def test_a_start_that_fails_in_any_way_is_tried_until_it_succeeds():
    faults = [OSError(28, "No space left on device"), RuntimeError("a fault of ours"), UnicodeError("odd")]

    def before():
        if faults:
            raise faults.pop()

    child = Child("one", sleeper, lambda: True, before=before)

    async def changed():
        pass

    async with running(child.keep(changed), child):
        await eventually(lambda: child.process is not None, what="started at last")
        assert child.exit_code() is None
        assert not faults


async def test_a_change_that_cannot_be_written_ends_no_supervision():
    child = Child("one", sleeper, lambda: True)
    calls = []

    async def changed():
        calls.append(child.process.pid)
        raise OSError(28, "No space left on device")

    async with running(child.keep(changed), child) as kept:
        await eventually(lambda: len(calls) == 1, what="started")
        child.process.kill()
        await eventually(lambda: len(calls) == 2, what="started again")
        assert not kept.done()


async def test_a_child_that_never_starts_is_not_tried_without_a_pause():
    tries = []

    def spawn():
        tries.append(asyncio.get_running_loop().time())
        raise OSError(2, "no such program")

    async def changed():
        pass

    child = Child("one", spawn, lambda: False)
    async with running(child.keep(changed), child):
        await eventually(lambda: len(tries) == 4, what="tried four times")
    assert tries[3] - tries[2] > 0.7


async def test_a_duty_that_fails_is_done_again():
    times = []

    async def duty():
        times.append(1)
        raise ZeroDivisionError

    async with running(for_ever("it", duty, every_s=0.01)) as task:
        await eventually(lambda: len(times) > 2, what="done again")
        assert not task.done()


class Lines:
    def __init__(self):
        self.said = []

    def step(self, text):
        self.said.append(text)


async def test_who_is_not_required_holds_up_nobody_and_its_last_words_are_shown():
    good = Child("api", sleeper, lambda: True)
    bad = Child(
        "gateway", sleeper, lambda: False, hindrance=lambda: "no port", last_words=lambda: "port 26875 is taken"
    )
    await good.start()
    bad.falls = 2
    screen = Lines()
    await asyncio.wait_for(wait_until_serving([good, bad], screen), PATIENCE_S)
    await good.stop(0)
    assert "api is ready" in screen.said
    assert (
        "gateway is not ready (no port); it wrote last: port 26875 is taken; the others go on without it" in screen.said
    )
