"""A system that was stopped comes back as it was when it stopped: its last commits are shipped before the end."""

import asyncio
import shutil
from datetime import timedelta

import pytest

from services.core.errors import FiretowerError
from stack.backup.command import restore_copy
from stack.backup.copies import CopyFolder
from stack.backup.restore import Source, restore
from stack.backup.sealed import Seal
from stack.state import StateDir
from tests.integration.backup.test_copies import Origin, areas_of
from tests.support.scratch import scratch_dir
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def origin():
    folder = scratch_dir()
    found = Origin(folder)
    yield found
    found.server.kill()
    shutil.rmtree(folder, ignore_errors=True)


async def keep_until_a_stop(origin, keeper):
    """Keep copies whose next round is an hour away; when an area was made, shortly before the stop."""
    stopping, folder = asyncio.Event(), keeper.folder
    running = asyncio.create_task(keeper.run(stopping))
    await eventually(folder.copies, what="a base copy", timeout_s=180, every_s=0.2)
    made = await origin.add_area("990021")
    stopping.set()
    await running
    return made


@pytest.mark.timeout(400)
def test_a_clean_stop_ships_what_was_committed_before_it(origin, scratch):
    keeper = origin.keeper(scratch / "copies", every_s=3600)
    made = asyncio.run(keep_until_a_stop(origin, keeper))
    folder, state = CopyFolder.find(scratch / "copies"), StateDir.open(scratch / "then")
    end = folder.until()
    assert end.at > made
    with state.held():
        server = restore(Source(folder, Seal(None), folder.choose(made), made, end), state, lambda _: None).postgres
        server.start()
        try:
            assert "990021" in asyncio.run(areas_of(server))
        finally:
            server.stop()
    with pytest.raises(FiretowerError, match="leave out --at to have all there is"):
        restore_copy(scratch / "copies", scratch / "after", (end.at + timedelta(seconds=1)).isoformat(), None)
