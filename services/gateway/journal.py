"""The gateway's memory on disk: SQLite, synced before anything is published. Used by intake.py and publish.py.

Promises: what `write` returned for survives a kill and a power cut; many writers share one commit; the event loop never
waits for the disk.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from services.core.db import load_queries
from services.gateway.meaning import Known

QUERIES = load_queries(Path(__file__).with_name("journal.sql"))
Statement = tuple[str, Sequence[Any]]
PanelRow = tuple[str, str, str, str, bool]  # address, code, area, profile, registered by a person


@dataclass(slots=True)
class Message:
    """One MQTT publish. `event_ids` empty: telemetry, stored when the broker has it."""

    topic: str
    payload: bytes
    event_ids: tuple[str, ...] = ()


@dataclass(slots=True)
class Record:
    """What one frame gave to publish. It is settled when all of it is known to be stored."""

    id: int
    source: bytes
    digest: bytes
    role: str = ""
    urgent: bool = False
    received_ms: int = 0
    settled_ms: int | None = None
    messages: list[Message] = field(default_factory=list)
    open: set[str] = field(default_factory=set)  # event ids not acknowledged, and "#n" of telemetry not at the broker
    stored: bool = False


@dataclass(slots=True)
class Remembered:
    """What the file held at the start."""

    records: list[Record] = field(default_factory=list)
    states: dict[bytes, dict[str, Known]] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    panels: list[PanelRow] = field(default_factory=list)


def statements_of(record: Record, states: dict[str, Known | None], counters: dict[str, int]) -> list[Statement]:
    """Return what must be on disk before a record is published."""
    source = record.source.hex()
    out: list[Statement] = [
        ("add_record", (record.id, source, record.digest, record.role, record.urgent, record.received_ms))
    ]
    for position, message in enumerate(record.messages):
        ids = orjson.dumps(message.event_ids).decode()
        out.append(("add_message", (record.id, position, message.topic, message.payload, ids)))
    for key, known in states.items():
        if known is None:
            out.append(("drop_state", (source, key)))
        else:
            out.append(("set_state", (source, key, known.bits, known.arrival)))
    out += [("set_counter", item) for item in counters.items()]
    return out


@dataclass(slots=True)
class _Write:
    statements: list[Statement]
    then: Callable[[], None] | None
    first: bool


class Journal:
    """One file, one thread that writes it, one commit for all that waits."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._waiting: list[_Write] = []
        self._wake = asyncio.Event()
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.execute("pragma journal_mode = wal")
        self._file.execute("pragma synchronous = full")
        self._file.executescript(QUERIES["schema"])

    def load(self) -> Remembered:
        """Read all of it; called once, before `run`."""
        found = Remembered()
        by_id: dict[int, Record] = {}
        for number, source, digest, role, urgent, received_ms, settled_ms in self._file.execute(QUERIES["records"]):
            record = Record(number, bytes.fromhex(source), digest, role, bool(urgent), received_ms, settled_ms)
            record.stored = settled_ms is not None
            by_id[number] = record
            found.records.append(record)
        for number, topic, payload, ids in self._file.execute(QUERIES["messages"]):
            by_id[number].messages.append(Message(topic, payload, tuple(orjson.loads(ids))))
        for source, key, bits, arrival in self._file.execute(QUERIES["states"]):
            found.states.setdefault(bytes.fromhex(source), {})[key] = Known(bits, arrival)
        found.counters = dict(self._file.execute(QUERIES["counters"]))
        found.panels = [(*names, bool(registered)) for *names, registered in self._file.execute(QUERIES["panels"])]
        return found

    def write(
        self, statements: list[Statement], then: Callable[[], None] | None = None, *, first: bool = False
    ) -> None:
        """Queue statements, in order; `then` is called once they are on disk, `first` ones before the others."""
        self._waiting.append(_Write(statements, then, first))
        self._wake.set()

    def settle(self, record: Record, now_ms: int) -> None:
        """Note that all of a record is stored. Not waited for: after a crash it is published again, byte for byte."""
        record.settled_ms = now_ms
        self.write([("settle", (now_ms, record.id)), ("drop_messages", (record.id,))])

    async def run(self) -> None:
        """Commit what waits, all of it at once, until cancelled; then the rest."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                batch, self._waiting = self._waiting, []
                await loop.run_in_executor(self._thread, self._commit, batch)
                for write in sorted(batch, key=lambda write: not write.first):
                    if write.then is not None:
                        write.then()
        finally:
            self._thread.shutdown(wait=True)
            self._commit(self._waiting)
            self._file.close()

    def _commit(self, batch: Iterable[_Write]) -> None:
        self._file.execute("begin immediate")
        for write in batch:
            for name, values in write.statements:
                self._file.execute(QUERIES[name], values)
        self._file.execute("commit")
