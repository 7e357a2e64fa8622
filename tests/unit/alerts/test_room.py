"""Room that runs out is told in time, critical when next to nothing is left, and over only below a second limit."""

import os
import shutil
import threading
from types import SimpleNamespace

import pytest

from services.alerts import room
from services.alerts.room import Crowd, Disks
from services.core.alarms.policies import read_policies
from services.core.errors import FiretowerError
from tests.support.servers import until

POLICIES = read_policies({})
GIGABYTE = 10**9


@pytest.fixture
def disk(monkeypatch):
    usage = SimpleNamespace(used=0, free=100 * GIGABYTE)

    def use(pct, size=100 * GIGABYTE):
        usage.used, usage.free = size * pct / 100, size * (100 - pct) / 100

    monkeypatch.setattr(room, "shutil", SimpleNamespace(disk_usage=lambda _: usage))
    return use


@pytest.mark.parametrize(
    ("free_files", "severity"), [(21_000, None), (20_000, "major"), (10_000, "critical"), (0, "critical")]
)
def test_a_disk_that_is_full_of_files_has_no_room_whatever_its_bytes_say(
    free_files, severity, disk, monkeypatch, tmp_path
):
    disk(30)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_files=100_000, f_favail=free_files))
    found = Disks([tmp_path]).look(POLICIES)
    assert [shortage.severity for shortage in found] == ([severity] if severity else [])
    for shortage in found:
        assert f"inode）已用 {100 - free_files // 1000}%，还能建 {free_files} 个文件" in shortage.reason.zh
        assert f"{free_files} more fit in" in shortage.reason.en


def test_a_file_system_that_counts_no_files_is_judged_by_its_bytes(disk, monkeypatch, tmp_path):
    disk(30)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_files=0, f_favail=0))
    assert Disks([tmp_path]).look(POLICIES) == []


@pytest.mark.parametrize(
    ("pcts", "severity"),
    [
        ((79,), None),
        ((80,), "major"),
        ((80, 79), "major"),
        ((80, 77.9, 79), None),
        ((89.9,), "major"),
        ((90,), "critical"),
    ],
)
def test_a_disk_is_judged_by_two_limits(pcts, severity, disk, tmp_path):
    disks = Disks([tmp_path])
    for pct in pcts:
        disk(pct)
        found = disks.look(POLICIES)
    assert [shortage.severity for shortage in found] == ([severity] if severity else [])


def test_a_small_disk_is_critical_by_what_is_left(disk, tmp_path):
    disk(90, size=600 * 10**6)
    [shortage] = Disks([tmp_path]).look(POLICIES)
    assert (shortage.severity, shortage.component) == ("critical", "")
    assert "60 MB" in shortage.reason.zh


def test_one_disk_below_two_folders_is_told_once(disk, tmp_path):
    disk(95)
    assert len(Disks([tmp_path, tmp_path]).look(POLICIES)) == 1


def test_a_disk_that_cannot_be_looked_at_is_no_lost_database(monkeypatch, tmp_path):
    def refuse(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(room, "shutil", SimpleNamespace(disk_usage=refuse, wraps=shutil))
    with pytest.raises(FiretowerError, match="cannot look at the disk"):
        Disks([tmp_path]).look(POLICIES)


def test_a_file_server_that_hangs_holds_up_no_look_at_the_other_disks(disk, monkeypatch, tmp_path):
    disk(95)
    own, nas, answers = tmp_path / "own", tmp_path / "nas", threading.Event()
    own.mkdir()

    def below(folder):
        if folder == nas:
            assert answers.wait(60)
            return room.Below(2, SimpleNamespace(used=1, free=0), SimpleNamespace(f_files=0, f_favail=0))
        return room.Below(1, SimpleNamespace(used=1, free=0), SimpleNamespace(f_files=0, f_favail=0))

    monkeypatch.setattr(room, "below", below)
    monkeypatch.setattr(room, "PATIENCE_S", 0.05)
    disks = Disks([own, nas])
    for _ in range(3):
        assert [one.component for one in disks.look(POLICIES)] == [""]
        assert disks.unseen == {str(nas)}  # its alarm stays as it is
        assert sum(thread.name == f"disk {nas}" for thread in threading.enumerate()) == 1
    answers.set()
    until(lambda: len(disks.look(POLICIES)) == 2, what="the file server answers")
    assert disks.unseen == set()


def test_our_own_disk_is_waited_for_on_a_machine_that_is_busy(disk, monkeypatch, tmp_path):
    disk(95)
    monkeypatch.setattr(room, "PATIENCE_S", 0)  # a thread that gets no time
    assert [one.component for one in Disks([tmp_path]).look(POLICIES)] == [""]


def test_a_further_disk_that_cannot_be_looked_at_leaves_the_first_one_judged(monkeypatch, tmp_path):
    def below(folder):
        if folder != tmp_path:
            raise OSError(116, "Stale file handle")
        return room.Below(1, SimpleNamespace(used=1, free=0), SimpleNamespace(f_files=0, f_favail=0))

    monkeypatch.setattr(room, "below", below)
    disks = Disks([tmp_path, tmp_path / "nas"])
    assert [one.component for one in disks.look(POLICIES)] == [""]
    assert disks.unseen == {str(tmp_path / "nas")}


@pytest.mark.parametrize(
    ("counts", "severity"),
    [((799,), None), ((800,), "major"), ((800, 760), "major"), ((800, 749, 780), None), ((900,), "critical")],
)
def test_connections_are_judged_against_the_limit(counts, severity):
    crowd = Crowd()
    for count in counts:
        found = crowd.judge(count, 1000, POLICIES)
    assert (found.severity if found else None) == severity


def test_without_a_known_limit_nothing_is_judged():
    assert Crowd().judge(100_000, 0, POLICIES) is None
