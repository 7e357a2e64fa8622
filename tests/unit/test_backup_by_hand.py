"""What a copy by hand leaves when it is killed is found and removed, whoever has its number by now."""

import os

from stack.backup.belongings import Belongings
from stack.backup.copies import CopyFolder
from stack.backup.follow import ONCE, Follower, forget_ended
from stack.backup.sealed import Seal
from stack.state import StateDir


class Slots:
    def __init__(self):
        self.dropped = []

    async def drop_slot(self, slot):
        self.dropped.append(slot)


async def test_what_a_killed_copy_left_is_removed_and_one_at_work_is_left_alone(tmp_path):
    state = StateDir.open(tmp_path / "state")
    left = (
        state.path / "backup" / f"{ONCE}{os.getpid()}"
    )  # as earlier releases called it; the number is that of another
    left.mkdir(parents=True)
    (left / "000000010000000000000001.partial").touch()
    server, folder = Slots(), CopyFolder.make(tmp_path / "copies", "a1")
    at_work = Follower(server, folder, Seal(), Belongings(state, {}), f"{ONCE}1f")
    await forget_ended(server, state)
    assert server.dropped == [left.name]
    assert not left.exists()
    await at_work.forget()
    assert server.dropped == [left.name, f"{ONCE}1f"]
    assert list((state.path / "backup").iterdir()) == []
