"""The file of the journal: SQLite, synced at every commit. A damaged file is put aside, what could be read goes on.

Used by journal.py alone, always from one thread. Promises: what `commit` marked as done survives kills and power cuts.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path
from typing import Any

import orjson

from services.core.log import logger
from services.core.statements import load_queries
from services.core.text import describe_error
from services.gateway.meaning import Known
from services.gateway.records import Heard, Message, Record, Remembered, Statement, statements_of_all

log = logger(__name__)
QUERIES = load_queries(__file__)


class Fault(Enum):
    """Whose fault it is that something was not written."""

    DISK = auto()  # full, read-only or away: the same write succeeds later
    DAMAGED = auto()  # the file is no longer a database
    OWN = auto()  # of the value that was to be written


_DISK = {
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL,
}  # fmt: skip
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


def fault_of(error: Exception) -> Fault:
    """Tell a disk that is full from a damaged file and from a value that no file would take."""
    if isinstance(error, OSError):
        return Fault.DISK
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return Fault.OWN
    primary = code & 0xFF  # the rest of an extended code says where
    if primary in _DISK:
        return Fault.DISK
    return Fault.DAMAGED if primary in _DAMAGED or str(error).startswith("no such ") else Fault.OWN


@dataclass(slots=True)
class Write:
    """Statements that belong together. `then` is called when they are on disk, or for fires when the disk fails."""

    statements: Sequence[Statement]
    then: Callable[[], None] | None = None
    landed: Callable[[], None] | None = None  # called when they are on disk
    first: bool = False
    done: bool = False  # on disk
    told: bool = False  # `then` was called


class JournalFile:
    """Opened by `open`; may fail and be opened again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.connection: sqlite3.Connection | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can be written."""
        return self.connection is not None

    def open(self) -> Remembered:
        """Open the file, or make it, and read all of it.

        Raises:
            sqlite3.Error, OSError: the disk does not let us; nothing is open then.
        """
        try:
            self._connect()
            found, whole = self._read()
        except sqlite3.Error as error:
            self.close()
            if fault_of(error) is not Fault.DAMAGED:
                raise
            found, whole = Remembered(), False
        except OSError:
            self.close()
            raise
        if not whole:
            self.begin_anew(statements_of_all(found))
        return found

    def begin_anew(self, statements: Sequence[Statement]) -> None:
        """Put a damaged file aside, for a person to look at, and write `statements` into a new one.

        Raises:
            sqlite3.Error, OSError: the disk does not let us.
        """
        self.close()
        aside = self._path.with_name(f"{self._path.stem}-damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.sqlite3")
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                self._path.with_name(self._path.name + end).rename(aside.with_name(aside.name + end))
        log.error("journal_damaged", put_aside=str(aside), taken_over=len(statements))
        self._connect()
        self.commit([Write(statements)])

    def _connect(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        self.connection.execute("pragma journal_mode = wal")
        self.connection.execute("pragma synchronous = full")
        self.connection.executescript(QUERIES["schema"])

    def close(self) -> None:
        """Close it, whatever state it is in."""
        if self.connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self.connection.close()
            self.connection = None

    # --- reading ---

    def _rows(self, name: str, damages: list[str]) -> Iterator[tuple[Any, ...]]:
        assert self.connection is not None  # noqa: S101 - opened before
        try:
            yield from self.connection.execute(QUERIES[name])
        except sqlite3.Error as error:
            if fault_of(error) is Fault.DISK:
                raise
            damages.append(describe_error(error))

    def _read(self) -> tuple[Remembered, bool]:
        """Return what can be read, and whether that is all."""
        damages: list[str] = []
        found = Remembered()
        by_id: dict[int, Record] = {}

        def take_record(row: tuple[Any, ...]) -> None:
            number, source, digest, role, urgent, received_ms, settled_ms = row
            record = Record(number, bytes.fromhex(source), digest, role, bool(urgent), received_ms, settled_ms)
            record.stored, record.on_disk = settled_ms is not None, True
            by_id[number] = record
            found.records.append(record)

        def take_message(row: tuple[Any, ...]) -> None:
            number, topic, payload, ids = row
            by_id[number].messages.append(Message(topic, payload, tuple(orjson.loads(ids))))

        def take_state(row: tuple[Any, ...]) -> None:
            source, key, bits, arrival = row
            found.states.setdefault(bytes.fromhex(source), {})[key] = Known(int(bits), int(arrival))

        def take_panel(row: tuple[Any, ...]) -> None:
            address, code, area, profile, registered = row
            found.panels.append((bytes.fromhex(address).hex(), code, area, profile, bool(registered)))

        takers: dict[str, Callable[[tuple[Any, ...]], None]] = {
            "records": take_record,
            "messages": take_message,
            "states": take_state,
            "counters": lambda row: found.counters.update({row[0]: int(row[1])}),
            "panels": take_panel,
            "heard": lambda row: found.heard.append(Heard(*row)),
        }
        for name, take in takers.items():
            for row in self._rows(name, damages):
                try:
                    take(row)
                except (ValueError, TypeError, KeyError) as error:  # a broken row costs only that row
                    log.error("journal_row_unreadable", table=name, row=repr(row)[:200], error=describe_error(error))  # noqa: TRY400
        if damages:
            log.error("journal_partly_unreadable", error="; ".join(damages))
        return found, not damages

    # --- writing ---

    def commit(self, batch: Sequence[Write]) -> list[tuple[Write, Exception]]:
        """Write all of it in one commit; return what could not be, for a reason of its own.

        Raises:
            sqlite3.Error, OSError: the disk or the file; what is not `done` is not written.
        """
        try:
            self._commit(batch)
        except Exception as error:
            self._roll_back()
            if fault_of(error) is not Fault.OWN:
                raise
            if len(batch) == 1:
                return [(batch[0], error)]
            middle = len(batch) // 2
            return self.commit(batch[:middle]) + self.commit(batch[middle:])
        for write in batch:
            write.done = True
        return []

    def _commit(self, batch: Sequence[Write]) -> None:
        if self.connection is None:
            raise OSError(f"{self._path} is not open")
        self.connection.execute("begin immediate")
        for write in batch:
            for name, values in write.statements:
                self.connection.execute(QUERIES[name], values)
        self.connection.execute("commit")

    def _roll_back(self) -> None:
        if self.connection is not None and self.connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self.connection.execute("rollback")
