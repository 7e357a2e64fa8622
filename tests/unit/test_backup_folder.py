"""What a backup folder keeps, what it lets go, and what it says of itself."""

import os
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stack.backup import restore as restoring
from stack.backup.command import moment
from stack.backup.copies import STAMP, Copy, CopyFolder, NoCopy, Until
from stack.backup.place import InUse, alone, refuse_vanished, remember
from stack.backup.restore import Source
from stack.backup.sealed import Seal, Unreadable, digest_of
from stack.backup.segments import cluster_of, position, segment_from
from stack.backup.take import BaseCopy, CopyFailed
from stack.backup.verify import verify
from stack.binaries import PostgresBinaries
from stack.state import StartFailed, StateDir

START = datetime(2026, 11, 1, tzinfo=UTC)
SEGMENT_BYTES = 2**24


def lsn(segment):
    return f"{segment // 256:X}/{segment % 256 * SEGMENT_BYTES + 80:X}"


def add_copy(folder, day, segment):
    at = START + timedelta(days=day)
    copy = Copy(
        name=at.strftime(STAMP),
        started_at=at,
        ended_at=at + timedelta(minutes=5),
        start_lsn=lsn(segment),
        end_lsn=lsn(segment + 1),
        timeline=1,
        segment_bytes=SEGMENT_BYTES,
        postgres="15.20",
        timescaledb="2.19.3",
        database="firetower",
        revision="0017",
        file="base.tar.gz",
        size_bytes=1,
        sha256="",
    )
    place = folder.copies_path / copy.name
    place.mkdir()
    copy.write(place)
    (place / copy.file).write_bytes(b"x")
    return copy


def add_log(folder, numbers, *, partial=False):
    for number in numbers:
        end = ".partial.gz" if partial else ".gz"
        (folder.log_path / f"00000001{number // 256:08X}{number % 256:08X}{end}").touch()


@pytest.fixture
def folder(tmp_path):
    return CopyFolder.make(tmp_path, "a1")


def test_the_newest_copies_stay_with_the_log_and_belongings_they_need(folder):
    copies = [add_copy(folder, day, 250 + 10 * day) for day in range(4)]
    add_log(folder, range(250, 300))
    for hour in range(24 * 4):
        for minute in (0, 20, 40):
            at = START + timedelta(hours=hour, minutes=minute)
            (folder.belongings_path / f"{at.strftime(STAMP)}.tar.gz").touch()
    now = START + timedelta(days=4)
    assert folder.prune(2, now) == [copy.name for copy in copies[:2]]
    assert folder.copies() == copies[2:]
    assert [segment.number for segment in folder.segments(SEGMENT_BYTES)] == list(range(270, 300))
    assert len(folder.log_after(copies[2])) == 30
    times = [at for at, _, _ in folder.belongings()]
    assert times[0] <= copies[2].ended_at < times[1]
    assert sum(at > now - timedelta(hours=2) for at in times) == 5
    hours = [at.replace(minute=0) for at in times[1:] if at < now - timedelta(hours=2)]
    assert len(hours) == len(set(hours))
    assert folder.prune(2, now) == []


def test_the_only_copy_stays_however_old(folder):
    copy = add_copy(folder, 0, 1)
    assert folder.prune(1, START + timedelta(days=4000)) == []
    assert folder.copies() == [copy]


def test_a_hole_in_the_log_is_named_and_the_partial_segment_counts(folder):
    copy = add_copy(folder, 0, 255)
    add_log(folder, [255, 256])
    add_log(folder, [256, 257], partial=True)
    assert [(one.number, one.partial) for one in folder.log_after(copy)] == [(255, False), (256, False), (257, True)]
    next(folder.log_path.glob("*00000100000000.gz")).unlink()
    next(folder.log_path.glob("*00000100000000.partial.gz")).unlink()
    with pytest.raises(NoCopy, match="gap of 1 segments, the first is 0x100"):
        folder.log_after(copy)


@pytest.mark.parametrize("name", ["0000000100000000000000FF", "x.gz", "00000002.history.gz", "a.gz.part"])
def test_what_is_no_segment_is_none(name, tmp_path):
    assert segment_from(tmp_path / name, SEGMENT_BYTES) is None


def test_a_moment_takes_the_newest_copy_before_it(folder):
    copies = [add_copy(folder, day, day) for day in range(3)]
    assert folder.choose(None) == copies[2]
    assert folder.choose(copies[1].ended_at) == copies[1]
    with pytest.raises(NoCopy, match="the oldest copy is of"):
        folder.choose(START)


def test_an_unfinished_copy_is_none(folder):
    (folder.copies_path / "20261101T000000Z.part").mkdir()
    (folder.copies_path / "20261102T000000Z").mkdir()
    assert folder.copies() == []
    with pytest.raises(NoCopy, match="no finished copy yet"):
        folder.choose(None)


def test_a_copy_whose_file_is_gone_or_cut_counts_as_none_and_costs_no_good_one_its_place(folder):
    copies = [add_copy(folder, day, day) for day in range(4)]
    folder.base(copies[2]).unlink()
    folder.base(copies[3]).write_bytes(b"")
    assert folder.choose(None) == copies[1]
    assert folder.prune(2, START + timedelta(days=9)) == []
    assert folder.copies() == copies[:2]


def test_a_copy_that_cannot_be_read_now_is_not_taken_for_gone(folder):
    copies = [add_copy(folder, day, day) for day in range(3)]
    add_log(folder, range(4))
    description = folder.copies_path / copies[0].name / "copy.json"
    description.rename(folder.path / "away")
    description.mkdir()  # any error but that it is not there
    with pytest.raises(OSError, match=r"copy\.json"):
        folder.prune(1, START + timedelta(days=9))
    assert len(folder.segments(SEGMENT_BYTES)) == 4


def test_the_newest_copy_is_the_last_one_in_the_log_whatever_the_clock_said(folder):
    first, second = add_copy(folder, 4000, 1), add_copy(folder, 1, 9)
    assert folder.choose(None) == second
    assert folder.prune(1, START + timedelta(days=2)) == [first.name]


def test_a_copy_of_a_newer_release_that_says_more_is_read(folder):
    copy = add_copy(folder, 0, 1)
    path = folder.copies_path / copy.name / "copy.json"
    path.write_text(path.read_text().replace("{", '{"later": 1,', 1))
    assert folder.copies() == [copy]


def test_a_log_with_a_hole_in_the_copy_itself_brings_it_up_to_no_moment(folder):
    copy = add_copy(folder, 0, 254)
    add_log(folder, [255, 256])
    with pytest.raises(NoCopy, match="which the copy needs"):
        folder.log_up_to_gap(copy)
    add_log(folder, [254, 259])
    log = folder.log_up_to_gap(copy)
    assert [one.number for one in log.segments] == [254, 255, 256]
    assert "gap of 2 segments, the first is 0x101" in log.gap


@pytest.mark.parametrize("at", [None, START + timedelta(hours=1)])
def test_a_log_whose_newest_part_is_gone_is_not_taken_for_whole(folder, at):
    copy = add_copy(folder, 0, 254)
    add_log(folder, [254, 255, 256])
    add_log(folder, [257], partial=True)

    def source(end):
        return Source(folder, Seal(), copy, at, Until(START + timedelta(hours=2), end, {}))

    assert [one.number for one in source(lsn(257)).log().segments] == [254, 255, 256, 257]
    assert source(f"{258 // 256:X}/{2 * SEGMENT_BYTES:X}").log().gap == ""  # the very end of the last one
    next(folder.log_path.glob("*.partial.gz")).unlink()
    if at is None:
        with pytest.raises(NoCopy, match="gap of 1 segments, the first is 0x101"):
            source(lsn(257)).log()
        with tempfile.TemporaryDirectory() as scratch:
            findings = verify(replace_base(source(lsn(257))), Path(scratch), print)
        assert "gap of 1 segments" in findings.faults[0]
    else:
        assert "gap of 1 segments" in source(lsn(257)).log().gap


def replace_base(source):
    """The same with a base copy whose digest fits."""
    digest = digest_of(source.folder.base(source.copy)).sha256
    return replace(source, copy=replace(source.copy, sha256=digest))


def test_what_a_lost_primary_wrote_beyond_its_successor_is_no_part_of_the_log_of_a_later_copy(folder):
    add_log(folder, range(5, 10))
    for number in (7, 8):
        (folder.log_path / f"0000000200000000{number:08X}.gz").touch()
    copy = replace(add_copy(folder, 0, 7), timeline=2)
    assert [(one.timeline, one.number) for one in folder.log_after(copy)] == [(2, 7), (2, 8)]


def test_a_copy_that_has_vanished_or_whose_name_is_taken_is_not_waited_for(folder):
    copy = add_copy(folder, 0, 1)
    base = BaseCopy(None, folder, Seal())
    with pytest.raises(CopyFailed, match="is gone"):
        base.finish(copy)
    shutil.copytree(folder.copies_path / copy.name, folder.copies_path / f"{copy.name}.part")
    with pytest.raises(CopyFailed, match="is there already"):
        base.finish(copy)


def test_a_folder_is_refused_while_the_disk_that_it_was_on_is_not_there(tmp_path):
    state = StateDir.open(tmp_path / "state")
    (state.path / "backup").mkdir()
    root = tmp_path / "disk"
    refuse_vanished(state, root)
    kept = CopyFolder.make(root, state.identity)
    remember(state, kept)
    refuse_vanished(state, root)
    kept.path.rename(tmp_path / "unmounted")
    with pytest.raises(NoCopy, match="mount its disk"):
        refuse_vanished(state, root)
    refuse_vanished(state, tmp_path / "another")
    CopyFolder.make(root, state.identity)
    refuse_vanished(state, root)


def test_one_program_at_a_time_keeps_copies_in_a_folder(tmp_path):
    state = StateDir.open(tmp_path / "state")
    (state.path / "backup").mkdir()
    one, other = (CopyFolder.make(tmp_path / name, state.identity) for name in ("one", "other"))
    with alone(state, one), alone(state, other), pytest.raises(InUse, match="already"), alone(state, one):
        pass
    with alone(state, one):
        pass


def test_of_several_systems_the_one_written_last_is_found(tmp_path):
    first, second = (CopyFolder.make(tmp_path, name) for name in ("a1", "b2"))
    for one in (first, second):
        add_copy(one, 0, 1)
    until = Until(START, "0/1", {"all/event": 3}, START + timedelta(seconds=1))
    second.write_until(until)
    assert CopyFolder.find(tmp_path).path == second.path
    assert CopyFolder.find(first.path).path == first.path
    assert second.until() == until


def test_places_in_the_log_compare_as_numbers():
    assert position("1/0") > position("0/FFFFFFFF") > position("0/9")


def test_a_segment_says_of_which_database_it_is():
    header = bytes.fromhex("10d1 0600 01000000") + bytes(16) + (7_000_000_000).to_bytes(8, "little")
    assert cluster_of(header) == 7_000_000_000
    assert cluster_of(bytes(2**10)) is None
    assert cluster_of(header[:31]) is None


def test_the_log_of_another_database_has_no_place_among_the_copies_of_the_first(folder):
    assert folder.belongs_to(7)
    assert CopyFolder.make(folder.path.parent, "a1").belongs_to(7)
    assert not folder.belongs_to(8)


def test_a_passphrase_fits_what_it_sealed_alone(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("correct horse\n")
    other.write_text("incorrect horse\n")
    Seal(one).write(tmp_path / "a.gz.gpg", os.urandom(3 * 2**20))
    Seal().write(tmp_path / "b.gz", b"x")
    assert Seal(one).fits(tmp_path / "a.gz.gpg")
    assert not Seal(other).fits(tmp_path / "a.gz.gpg")
    assert not Seal().fits(tmp_path / "a.gz.gpg")
    assert Seal().fits(tmp_path / "b.gz")
    assert not Seal(one).fits(tmp_path / "b.gz")


def test_a_file_comes_back_as_it_was_and_a_damaged_one_is_named(tmp_path):
    seal, path = Seal(), tmp_path / "file.gz"
    packed = seal.write(path, b"x" * 100_000)
    assert digest_of(path) == packed
    with seal.open(path) as content:
        assert content.read() == b"x" * 100_000
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Unreadable, match=str(path)), seal.open(path) as content:
        content.read()
    assert [one.name for one in tmp_path.iterdir()] == ["file.gz"]


def test_a_moment_without_an_offset_says_how_it_was_read(capsys):
    assert moment("2026-11-28T08:30:00+08:00") == datetime(2026, 11, 28, 0, 30, tzinfo=UTC)
    assert "".join(capsys.readouterr()) == ""
    read = moment("2026-11-28T08:30:00")
    assert read == datetime(2026, 11, 28, 8, 30).astimezone()
    assert read.astimezone().isoformat() in "".join(capsys.readouterr())


def test_a_copy_of_a_newer_timescaledb_is_refused_before_anything_is_unpacked(folder, tmp_path, monkeypatch):
    add_copy(folder, 0, 10)
    state = StateDir.open(tmp_path / "restored")
    ours = PostgresBinaries(tmp_path, "15.20", "2.18.10")
    monkeypatch.setattr(restoring, "find_postgres", lambda _major: ours)
    with pytest.raises(StartFailed, match=r"TimescaleDB 2\.19\.3, here is 2\.18\.10: .*FIRETOWER_STACK_PREFIX"):
        restoring.restore(Source(folder, Seal(None), folder.choose(None), None, None), state, print)
    assert not (state.path / "postgres").exists()
