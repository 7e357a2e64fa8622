import asyncio
import contextlib
import sqlite3

import pytest

from services.gateway.journal import Journal

FULL = 2  # https://www.sqlite.org/pragma.html#pragma_synchronous


@pytest.fixture
async def journal(tmp_path):
    made = Journal(tmp_path / "gateway" / "journal.sqlite3")
    running = asyncio.create_task(made.run(), name="journal")
    yield made
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_the_journal_syncs_every_commit_so_that_a_power_cut_loses_nothing(journal):
    (synchronous,) = journal._file.execute("pragma synchronous").fetchone()  # a connection's own: not in the file
    assert synchronous >= FULL
    (mode,) = journal._file.execute("pragma journal_mode").fetchone()
    assert mode == "wal"


async def test_what_was_said_to_be_written_is_in_the_file_for_another_reader(journal, tmp_path):
    written = asyncio.Event()
    journal.write([("set_counter", ("utd-1/telemetry", 7))], written.set)
    await asyncio.wait_for(written.wait(), 10)
    with contextlib.closing(sqlite3.connect(tmp_path / "gateway" / "journal.sqlite3")) as reader:
        assert reader.execute("select * from counter").fetchall() == [("utd-1/telemetry", 7)]
