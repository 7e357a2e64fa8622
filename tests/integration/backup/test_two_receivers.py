"""Two programs that receive the log of one server: each answers for what it has itself."""

import asyncio
import shutil

import psutil
import pytest

from services.core.clock import SystemClock
from stack.backup import follow
from stack.backup.belongings import Belongings
from stack.backup.copies import CopyFolder
from stack.backup.follow import ONCE, Follower
from stack.backup.sealed import Seal
from stack.backup.server import Server
from tests.integration.backup.test_copies import Origin
from tests.support.scratch import scratch_dir
from tests.support.waiting import eventually

BY_HAND = f"{ONCE}7"


@pytest.fixture
def origin():
    folder = scratch_dir()
    found = Origin(folder)
    yield found
    found.server.kill()
    shutil.rmtree(folder, ignore_errors=True)


async def ship_by_one_whose_receiver_died(origin, standing, follower):
    """Where the standing copies go on; what a copy by hand then says of how far its own log goes."""
    stopping = asyncio.Event()
    running = asyncio.create_task(standing.run(stopping))
    await eventually(standing.folder.until, what="the standing copies follow", timeout_s=180, every_s=0.2)

    async def receives():
        await follower.receive()
        return follower.receives

    await eventually(receives, what="the log comes in by hand too", timeout_s=60, every_s=0.1)
    before = await follower.ship(SystemClock())
    [receiver] = [one for one in psutil.Process().children() if BY_HAND in one.cmdline()]
    receiver.kill()
    receiver.wait()
    await origin.add_area("990031")
    after = await follower.ship(SystemClock())
    await follower.forget()
    stopping.set()
    await running
    return before, after


def test_a_copy_is_not_called_whole_because_another_programs_receiver_has_its_log(origin, scratch, monkeypatch):
    monkeypatch.setattr(follow, "RECEIVED_WITHIN_S", 3.0)
    standing = origin.keeper(scratch / "standing")
    server = Server(origin.server.copier_dsn, origin.server.dsn, origin.server.binaries)
    folder = CopyFolder.make(scratch / "by hand", origin.state.identity)
    by_hand = Follower(server, folder, Seal(None), Belongings(origin.state, {}), BY_HAND)
    before, after = asyncio.run(ship_by_one_whose_receiver_died(origin, standing, by_hand))
    assert before is not None
    assert after is None
