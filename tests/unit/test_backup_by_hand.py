"""What a copy by hand leaves when it is killed is found and removed, whoever has its number by now."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.core.errors import FiretowerError
from stack.accounts import FLEET, SERVICES
from stack.accounts_file import AccountsFile
from stack.backup.afterwards import next_steps
from stack.backup.belongings import Belongings
from stack.backup.command import Asked, backup, restore_copy
from stack.backup.copies import CopyFolder, NoCopy
from stack.backup.follow import ONCE, Follower, forget_ended
from stack.backup.sealed import Seal
from stack.children import unprivileged
from stack.state import StateDir

ROOT = Path(__file__).parents[2]


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


def test_after_a_restore_people_are_told_that_no_copies_are_kept_and_how_the_system_ran(tmp_path):
    state = StateDir.open(tmp_path / "state")
    said = "\n".join(next_steps(state, tmp_path / "copies", tmp_path / "secret"))
    assert f"`firetower up --no-fleet --state-dir {state.path}`" in said
    keep = f"firetower backup {tmp_path}/copies --state-dir {state.path} --passphrase-file {tmp_path}/secret"
    assert "keeps no copies yet" in said
    assert keep in said
    state.secret(f"mqtt_{FLEET}")  # it ran with that account once, as a trial
    accounts = AccountsFile(state.server_dir("mosquitto"))
    accounts.write({SERVICES: "secret"})
    assert "`firetower up --no-fleet" in "\n".join(next_steps(state, tmp_path, None))
    accounts.write({SERVICES: "secret", FLEET: "secret"})  # a demo, or a system for tests
    assert f"`firetower up --state-dir {state.path}`" in "\n".join(next_steps(state, tmp_path, None))


def test_a_state_folder_inside_the_folder_of_copies_is_refused_before_it_is_made(tmp_path):
    copies, another_name = tmp_path / "copies", tmp_path / "another name"
    copies.mkdir()
    another_name.symlink_to(copies)
    for inside in (copies, copies / "then", another_name / "then"):
        with pytest.raises(FiretowerError, match=r"lies within .*: name one elsewhere"):
            restore_copy(copies, inside, None, None)
    assert list(copies.iterdir()) == []
    with pytest.raises(NoCopy):  # beside it nothing is wrong with the place
        restore_copy(copies, tmp_path / "copies then", None, None)


HELD = """
import os, sys, time
from pathlib import Path
from stack.holding import Hold
hold = Hold(Path(sys.argv[1]) / "supervisor.pid")
assert hold.take() is None
os.setuid(int(sys.argv[2]))
print("held", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(unprivileged() is None, reason="only root can be another user than a system's")
def test_root_is_told_to_ask_as_the_user_whose_system_runs(tmp_path):
    """It wrote an order that `up` could not read, and waited for ever."""
    state, who = StateDir.open(tmp_path / "state"), unprivileged()
    (state.path / "endpoints.json").write_text(json.dumps({"processes": {"alerts": 1}}))
    command = [sys.executable, "-c", HELD, str(state.path), str(who.pw_uid)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as up:
        try:
            assert up.stdout.readline() == "held\n"
            with pytest.raises(FiretowerError, match=rf"runs as {who.pw_name}, .* \(sudo -u {who.pw_name} "):
                backup(Asked(tmp_path / "copies", state.path))
        finally:
            up.kill()
    assert not (state.path / "backup.json").exists()
    assert not (tmp_path / "copies").exists()
