"""The journal: synced, and neither a full disk, nor a damaged file, nor one bad write ends it."""

import asyncio
import contextlib
import sqlite3

import pytest

from services.core.clock import SystemClock
from services.gateway.border import Border
from services.gateway.journal import Journal
from services.gateway.journal_file import JournalFile, Write
from services.gateway.meaning import Known
from services.gateway.records import Heard, Message, Record, Remembered, statements_of

FULL = 2  # https://www.sqlite.org/pragma.html#pragma_synchronous
ONE = bytes((1, 0, 0, 0, 0, 0))


class Told:
    """What was called, in order, and a way to wait for it."""

    def __init__(self):
        self.said = []
        self._more = asyncio.Event()

    def __call__(self, word):
        return lambda: self.note(word)

    def note(self, word):
        self.said.append(word)
        self._more.set()

    async def until(self, *words):
        async with asyncio.timeout(10):
            while not set(words) <= set(self.said):
                await self._more.wait()
                self._more.clear()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "gateway" / "journal.sqlite3"


@pytest.fixture
def border():
    return Border(SystemClock())


@contextlib.asynccontextmanager
async def running(journal):
    task = asyncio.create_task(journal.run(), name="journal")
    yield journal
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def journal(path, border):
    made = Journal(path, border)
    made.load()
    async with running(made):
        yield made


def record_of(number, urgent=False):
    made = Record(number, ONE, bytes(16), "fire" if urgent else "", urgent, 1000)
    made.messages = [Message("t", b"{}", (f"e{number}",))]
    return made


def written(path, table="counter"):
    with contextlib.closing(sqlite3.connect(path)) as reader:
        return reader.execute(f"select * from {table}").fetchall()  # noqa: S608 - our own names


async def test_the_journal_syncs_every_commit_so_that_a_power_cut_loses_nothing(journal):
    file = journal.file.connection
    (synchronous,) = file.execute("pragma synchronous").fetchone()  # a connection's own: not in the file
    assert synchronous >= FULL
    (mode,) = file.execute("pragma journal_mode").fetchone()
    assert mode == "wal"


async def test_what_was_said_to_be_written_is_in_the_file_for_another_reader(journal, path):
    told = Told()
    journal.write([("set_counter", ("utd-1/telemetry", 7))], told("written"))
    await told.until("written")
    assert written(path) == [("utd-1/telemetry", 7)]


async def test_one_write_that_no_file_takes_costs_itself_alone(journal, path, border):
    told = Told()
    for number in range(5):
        bad = number == 3
        name = "lone \ud800" if bad else f"c{number}"
        journal.write([("set_counter", (name, number))], told(number), landed=told(f"landed {number}"))
    await told.until(0, 1, 2, 4)
    assert [name for name, _ in written(path)] == ["c0", "c1", "c2", "c4"]
    assert 3 not in told.said
    assert "landed 3" not in told.said
    assert any(kind == "journal" for kind, _ in border.failures)


async def test_a_spoiled_write_of_a_fire_is_published_but_never_on_disk(journal):
    told = Told()
    journal.write([("set_counter", ("x", 2**70))], told("published"), first=True, landed=told("on disk"))
    await told.until("published")
    assert told.said == ["published"]


async def test_on_a_full_disk_fires_are_published_nothing_lands_and_all_goes_on_with_room(journal, path, border):
    told = Told()
    file = journal.file.connection
    (pages,) = file.execute("pragma page_count").fetchone()
    file.execute(f"pragma max_page_count = {pages}")
    blob = bytes(40_000)
    for number in range(3):
        statement = ("add_message", (number, 0, "t", blob, "[]"))
        journal.write([statement], told(f"other {number}"), landed=told(f"landed {number}"))
    journal.write(statements_of(record_of(9, True), {}, {}), told("fire"), first=True, landed=told("landed fire"))
    await told.until("fire")
    journal.write(statements_of(record_of(10, True), {}, {}), told("later fire"), first=True)
    await told.until("later fire")
    assert told.said == ["fire", "later fire"]
    assert journal.is_failing
    assert ("journal", "disk") in border.failures
    file.execute("pragma max_page_count = 1000000")
    await told.until("other 0", "other 1", "other 2", "landed fire")
    assert told.said.count("fire") == told.said.count("later fire") == 1
    assert not journal.is_failing
    assert [row[0] for row in written(path, "record")] == [9, 10]


async def test_a_folder_that_cannot_be_written_is_waited_for(path, border, tmp_path):
    (tmp_path / "gateway").write_text("in the way")
    journal, told = Journal(path, border), Told()
    assert journal.load() == Remembered()
    async with running(journal):
        journal.write([("set_counter", ("a", 1))], told("other"))
        journal.write(statements_of(record_of(1, True), {}, {}), told("fire"), first=True, landed=told("landed"))
        await told.until("fire")
        assert told.said == ["fire"]
        (tmp_path / "gateway").unlink()
        await told.until("other", "landed")
    assert written(path) == [("a", 1)]


async def test_what_a_file_held_that_opens_only_later_is_taken_up(path, border, tmp_path):
    async with running(Journal(path, border)) as before:
        told = Told()
        before.write(statements_of(record_of(5), {}, {"c": 3}), told("written"))
        await told.until("written")
    hidden = (tmp_path / "gateway").rename(tmp_path / "away")
    (tmp_path / "gateway").write_text("in the way")
    journal, taken = Journal(path, border), Told()
    journal.load()
    journal.take_up = lambda found: taken.note("taken up") or held.append(found)
    held = []
    async with running(journal):
        (tmp_path / "gateway").unlink()
        hidden.rename(tmp_path / "gateway")
        await taken.until("taken up")
    assert [record.id for record in held[0].records] == [5]
    assert held[0].counters == {"c": 3}


async def test_a_file_damaged_while_it_is_open_is_put_aside_and_begun_anew_from_memory(journal, path, tmp_path):
    told = Told()
    journal.write(statements_of(record_of(1, True), {}, {}), told("first"), first=True)
    await told.until("first")
    held = Remembered(records=[record_of(1, True)], counters={"c": 7}, heard=[Heard(3, "p", b"f", 1)])
    held.states = {ONE: {"u": Known(1, 2)}}
    journal.remember = lambda: held
    journal.file.connection.execute("drop table counter")
    journal.write([("set_counter", ("c", 8))], told("second"), landed=told("landed"))
    await told.until("second", "landed")
    assert len(list((tmp_path / "gateway").glob("journal-damaged-*.sqlite3"))) == 1
    again = JournalFile(path)
    found = again.open()
    again.close()
    assert [record.id for record in found.records] == [1]
    assert (found.counters, found.states, found.heard) == ({"c": 7}, held.states, held.heard)


def test_a_file_that_is_none_is_put_aside_at_the_start(path):
    path.parent.mkdir()
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    file = JournalFile(path)
    assert file.open() == Remembered()
    file.close()
    assert len(list(path.parent.glob("journal-damaged-*.sqlite3"))) == 1


def test_of_a_file_with_a_broken_page_what_can_be_read_goes_on(path):
    file = JournalFile(path)
    file.open()
    file.commit([Write(statements_of(record_of(number, True), {}, {f"c{number}": 1})) for number in range(50)])
    page_of = dict(file.connection.execute("select name, rootpage from sqlite_master"))
    file.connection.execute("pragma wal_checkpoint(truncate)")
    file.close()
    data = bytearray(path.read_bytes())
    at = (page_of["counter"] - 1) * 4096
    data[at : at + 4096] = b"\xff" * 4096
    path.write_bytes(data)
    again = JournalFile(path)
    found = again.open()
    again.close()
    assert [record.id for record in found.records] == list(range(50))
    assert all(record.messages for record in found.records)


def test_one_row_that_is_none_costs_itself_alone(path):
    file = JournalFile(path)
    file.open()
    row = "insert into record values ({}, '{}', x'00', '', 0, 1, null)"
    file.connection.execute(row.format(1, ONE.hex()))
    file.connection.execute(row.format(2, "not hex"))
    file.connection.execute(row.format(3, ONE.hex()))
    file.connection.execute("insert into message values (1, 0, 't', x'00', '[1')")
    file.connection.execute("insert into message values (99, 0, 't', x'00', '[]')")
    file.connection.execute("insert into message values (3, 0, 't', x'00', '[\"e\"]')")
    file.close()
    found = file.open()
    file.close()
    assert [record.id for record in found.records] == [1, 3]
    assert found.records[1].messages == [Message("t", b"\0", ("e",))]
