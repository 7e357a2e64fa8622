"""A step of the start that a full disk keeps from succeeding is done again until there is room."""

import errno

import asyncpg
import pytest

from stack import room
from stack.room import when_there_is_room

FULL = OSError(errno.ENOSPC, "No space left on device")
COMING_BACK = asyncpg.CannotConnectNowError("the database system is in recovery mode")
LOST = asyncpg.InterfaceError("connection is closed")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(room, "EVERY_S", 0)


class Step:
    """Fails with these errors, one after the other, then succeeds; the disk is as full as it was at each."""

    def __init__(self, *failures):
        self.left = list(failures)
        self.is_full = False
        self.said = []

    async def __call__(self):
        if self.left:
            error, self.is_full = self.left.pop(0)
            raise error

    async def run(self):
        await when_there_is_room(self, lambda: self.is_full, self.said.append)


async def test_it_is_done_again_while_the_disk_is_full_whatever_failed():
    step = Step((FULL, True), (COMING_BACK, True), (LOST, True))
    await step.run()
    assert step.left == []
    assert step.said[0] == "waiting for room on the disk: [Errno 28] No space left on device"
    assert len(step.said) == 3


async def test_a_database_that_is_still_coming_back_when_there_is_room_again_is_waited_for():
    step = Step((FULL, True), (COMING_BACK, False))
    await step.run()
    assert step.left == []


@pytest.mark.parametrize("before", [[], [(FULL, True), (COMING_BACK, False)]], ids=["at first", "after a full disk"])
async def test_what_fails_with_room_on_the_disk_ends_the_start(before):
    step = Step(*before, (PermissionError("not ours"), False))
    with pytest.raises(PermissionError):
        await step.run()
