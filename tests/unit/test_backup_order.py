"""What `firetower backup DIR` asks of a system that runs: it is done, or refused with what to do instead."""

import asyncio
import json
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from services.core.errors import FiretowerError
from services.core.settings import BackupSettings
from stack import children, up
from stack.backup import command
from stack.backup.command import Asked, backup
from stack.backup.copies import CopyFolder
from stack.backup.keeper import Keeper
from stack.backup.order import (
    BackupOrder,
    ask_for_backup,
    note_at_work,
    order_at_work,
    read_order,
    standing_order,
    why_not_taken,
)
from stack.backup.sealed import Seal
from stack.screen import Screen
from stack.state import StateDir
from stack.supervise import Child
from tests.support.processes import runs
from tests.support.waiting import eventually
from tests.unit.test_backup_clocks import Clock
from tests.unit.test_backup_folder import START, add_copy, add_log
from tests.unit.test_backup_follow import StillServer


@pytest.fixture
def state(tmp_path):
    return StateDir.open(tmp_path / "state")


def secret_in(tmp_path, words="correct horse"):
    path = tmp_path / words.replace(" ", "_")
    path.write_text(words)
    return path


def settings(folder=None, secret=None):
    return BackupSettings.model_construct(backup_dir=folder, backup_passphrase_file=secret)


def test_what_was_asked_for_lasts_and_the_environment_comes_first(state, tmp_path):
    assert standing_order(state, settings()) is None
    order = BackupOrder(tmp_path / "copies", tmp_path / "secret", START)
    ask_for_backup(state, order)
    assert read_order(state) == standing_order(state, settings()) == order
    assert standing_order(state, settings(tmp_path / "other")) == BackupOrder(tmp_path / "other")
    other = tmp_path / "other secret"
    assert standing_order(state, settings(order.folder)) == order
    assert standing_order(state, settings(order.folder, other)) == replace(order, passphrase_file=other)
    ask_for_backup(state, replace(order, passphrase_file=None))
    assert standing_order(state, settings(None, other)) == replace(order, passphrase_file=other)


def keeper_of(state, tmp_path, now, secret=None):
    given = BackupSettings(backup_passphrase_file=secret)
    return Keeper(given, tmp_path / "copies", StillServer(), state, Clock(now))


def whole_copy(keeper, day, segment, order):
    """One whole copy, begun while an order stood."""
    copy = replace(add_copy(keeper.folder, day, segment), answers=order.name)
    add_log(keeper.folder, (segment, segment + 1))
    base = keeper.folder.base(copy)
    packed = Seal().write(base, b"x")
    copy = replace(copy, size_bytes=packed.size_bytes)
    copy.write(base.parent)


def test_an_order_that_was_given_while_the_clock_was_ahead_is_answered_once(state, tmp_path):
    keeper = keeper_of(state, tmp_path, START + timedelta(hours=1))
    order = BackupOrder(tmp_path / "copies", None, START + timedelta(days=4000))
    ask_for_backup(state, order)
    whole_copy(keeper, 0, 1, BackupOrder(tmp_path / "copies"))
    assert keeper.why_due(keeper.folder.copies()) == "asked for"
    whole_copy(keeper, 0.01, 2, order)
    assert (
        keeper.why_due(keeper.folder.copies()) is None
    )  # and not a copy without end, each of which lets go an older one
    ask_for_backup(state, replace(order, asked_at=START - timedelta(days=1)))  # by a clock that is behind
    assert keeper.why_due(keeper.folder.copies()) == "asked for"


def test_an_order_of_another_folder_or_passphrase_is_not_answered_by_who_keeps_without_it(state, tmp_path):
    keeper = keeper_of(state, tmp_path, START + timedelta(hours=1))
    whole_copy(keeper, 0, 1, BackupOrder(tmp_path / "copies"))
    asked = BackupOrder(tmp_path / "copies", None, START + timedelta(minutes=30))
    for order in (replace(asked, folder=tmp_path / "b"), replace(asked, passphrase_file=secret_in(tmp_path))):
        ask_for_backup(state, order)
        assert keeper.why_due(keeper.folder.copies()) is None
    ask_for_backup(state, asked)
    assert keeper.why_due(keeper.folder.copies()) == "asked for"


@contextmanager
def system_at_work(state, folder, answer):
    """A system that runs; `answer` is what its `up` does with an order once it sees one."""
    (state.path / "endpoints.json").write_text(json.dumps({"processes": {"alerts": 1}}))
    ended = threading.Event()

    def answering():
        before = read_order(state)
        while not ended.wait(0.01):
            order = read_order(state)
            if order is not None and order != before:
                answer(order, CopyFolder.make(folder, state.identity))
                return

    up_ = threading.Thread(target=answering)
    with state.held():
        up_.start()
        try:
            yield
        finally:
            ended.set()
            up_.join()


def answered(order, copies):
    copy = replace(add_copy(copies, 0, 1), answers=order.name)
    copy.write(copies.copies_path / copy.name)


def test_an_order_without_a_passphrase_leaves_that_of_the_standing_one(state, tmp_path):
    folder, secret = tmp_path / "copies", secret_in(tmp_path)
    ask_for_backup(state, BackupOrder(folder, secret, START))
    with system_at_work(state, folder, answered):
        assert backup(Asked(folder, state.path)) == 0
    assert read_order(state).passphrase_file == secret
    assert read_order(state).asked_at > START


def test_a_copy_elsewhere_than_the_system_keeps_them_is_made_by_hand(state, tmp_path, monkeypatch):
    made = []

    async def copy_once(_settings, folder, _state):
        made.append(folder)

    monkeypatch.setattr(command, "_copy_once", copy_once)
    note_at_work(state, BackupOrder(tmp_path / "kept"))  # by the environment of `up`, which no other shell has
    with system_at_work(state, tmp_path / "kept", answered):
        assert backup(Asked(tmp_path / "by hand", state.path)) == 0
    assert made == [tmp_path / "by hand"]
    assert read_order(state) is None


@pytest.mark.parametrize("stood", [False, True])
def test_what_the_environment_of_the_system_says_otherwise_is_told_and_not_waited_for(state, tmp_path, stood):
    folder = tmp_path / "copies"
    if stood:
        ask_for_backup(state, BackupOrder(folder, None, START))
    before = read_order(state)

    def otherwise(order, _copies):
        note_at_work(state, replace(order, passphrase_file=tmp_path / "of the environment"))

    with (
        system_at_work(state, folder, otherwise),
        pytest.raises(FiretowerError, match="of the environment, as its environment says"),
    ):
        backup(Asked(folder, state.path, secret_in(tmp_path)))
    assert read_order(state) == before
    assert why_not_taken(BackupOrder(tmp_path / "other"), BackupOrder(folder)) is not None


async def test_the_keeper_begins_anew_when_the_order_is_another_one(state, tmp_path, monkeypatch):
    monkeypatch.setattr(up, "plan_backup", lambda _, order: Sleeper(order))
    system = up.System(up.Options(state.path), Screen())
    order = BackupOrder(tmp_path / "copies", None, datetime.now(UTC))
    ask_for_backup(state, order)
    await system.keep_copies()
    first = system.pids()["backup"]
    assert order_at_work(state) == order
    again = replace(order, asked_at=order.asked_at + timedelta(seconds=1))
    ask_for_backup(state, again)
    await system.keep_copies()
    assert (system.pids()["backup"], order_at_work(state)) == (first, again)
    sealed = replace(again, passphrase_file=secret_in(tmp_path))
    ask_for_backup(state, sealed)
    await system.keep_copies()
    assert psutil.Process(system.pids()["backup"]).cmdline()[-1] == str(sealed.passphrase_file)
    assert order_at_work(state) == sealed
    await eventually(lambda: not runs(first), what="the one before has ended")
    [keeping] = [task for task in asyncio.all_tasks() if task.get_name() == "keep backup"]
    keeping.cancel()
    await system.stop_all()


async def test_at_the_end_the_copies_get_what_the_programs_stored_last_while_the_servers_still_answer(
    state, monkeypatch
):
    system, ended = up.System(up.Options(state.path), Screen()), []

    class Ending:
        def __init__(self, name):
            self.name = name

        async def stop(self, patience_s):
            assert 0 < patience_s <= 3.0
            ended.append(self.name)

    running = {name: Ending(name) for name in ("postgres", "ingest", "backup", "api")}
    monkeypatch.setattr(system, "_children", running)
    await system.stop_all()
    assert (sorted(ended[:2]), ended[2:]) == (["api", "ingest"], ["backup", "postgres"])


class Sleeper:
    """Stands for the program that keeps copies."""

    def __init__(self, order):
        self.words = [sys.executable, "-c", "import time; time.sleep(600)", str(order.passphrase_file)]

    def child(self, state, _addresses):
        return Child("backup", lambda: children.spawn(self.words, log=state.log("backup")), lambda: True)


@pytest.mark.parametrize("follow", [False, True])
def test_a_copy_without_the_system_keeps_the_passphrase_of_its_folder(state, tmp_path, monkeypatch, follow):
    folder, secret = tmp_path / "copies", secret_in(tmp_path)
    ask_for_backup(state, BackupOrder(folder, secret, START))
    used = []

    async def copy(settings, into, _state):
        used.append((into, settings.backup_passphrase_file))
        return 0

    monkeypatch.setattr(command, "_copy_once", copy)
    monkeypatch.setattr(command, "_follow", copy)
    monkeypatch.delenv("FIRETOWER_BACKUP_PASSPHRASE_FILE", raising=False)
    for into in (folder, tmp_path / "elsewhere"):
        assert backup(Asked(into, state.path, follow=follow)) == 0
    assert used == [(folder, secret), (tmp_path / "elsewhere", None)]
