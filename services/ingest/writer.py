"""Gets a batch into the database, whatever it takes: waits for a database that is away, isolates what it refuses.

A lane hands over one batch after the other. When `commit` returns, every message of it is stored or kept as a reject.
"""

from collections.abc import Sequence

import asyncpg

from services.core import db
from services.core.backoff import pause_s
from services.core.clock import Clock
from services.core.errors import Fenced
from services.core.log import logger
from services.ingest import lease
from services.ingest.decode import Message
from services.ingest.reject import Reject
from services.ingest.store import AlreadyCommitted, Store, Written

log = logger(__name__)

STATEMENT_TIMEOUT_S = 10.0
# every statement of a lane walks a batch by key; young tables have no statistics that would tell the planner so
WALK_BY_KEY = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off"
BACKOFF_FIRST_S = 0.1
BACKOFF_CAP_S = 2.0
DATA_CLASSES = frozenset({"22", "23", "54"})  # data exception, integrity, program limit: the row is at fault
WAIT_CLASSES = frozenset({"08", "25", "40", "53", "55", "57", "58"})  # the server or the moment is at fault


class Writer:
    """One lane's connection and store."""

    def __init__(self, dsn: str, store: Store, clock: Clock) -> None:
        self.store = store
        self._dsn = dsn
        self._clock = clock
        self._connection: asyncpg.Connection | None = None
        self._unsure = False  # the answer to a COMMIT may have been lost

    async def connection(self) -> asyncpg.Connection:
        """Return the lane's connection, opened anew if it was lost."""
        if self._connection is None or self._connection.is_closed():
            program = f"ingest.{self.store.lane}"
            self._connection = await db.connect(
                self._dsn, program=program, statement_timeout_s=STATEMENT_TIMEOUT_S, writer=True
            )
            await self._connection.execute(WALK_BY_KEY)
        return self._connection

    async def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            await self._connection.close(timeout=1)

    async def commit(self, messages: Sequence[Message], watermark_us: int | None = None) -> list[Written]:
        """Store `messages`; with none it proves ownership and moves the watermark.

        Raises:
            Fenced: another process owns the lane.
        """
        attempt = 0
        while True:
            try:
                return await self._try(messages, watermark_us)
            except db.AWAY as error:
                db.pass_on_cancel()
                if is_data_fault(error):
                    return await self._isolate(messages, watermark_us, error)
                if not is_worth_waiting(error, closed=self._connection is None or self._connection.is_closed()):
                    raise
                self.drop()
                self._unsure = self._unsure or bool(messages)
                if attempt == 0:
                    log.warning("database away", writer=self.store.writer, error=f"{type(error).__name__}: {error}")
                await self._clock.sleep(pause_s(attempt, first_s=BACKOFF_FIRST_S, cap_s=BACKOFF_CAP_S))
                attempt += 1

    async def check_owner(self) -> None:
        """Look whether the lane is still ours; a database that is away tells nothing.

        Raises:
            Fenced: another process took the lane.
        """
        store = self.store
        try:
            held = await lease.is_held(await self.connection(), store.lease, store.owner)
        except db.AWAY as error:
            db.pass_on_cancel()
            if not is_worth_waiting(error, closed=self._connection is None or self._connection.is_closed()):
                raise
            self.drop()
            return
        if not held:
            raise Fenced(f"another process took {store.lease} while this one heard nothing from the broker")

    async def _try(self, messages: Sequence[Message], watermark_us: int | None) -> list[Written]:
        connection = await self.connection()
        if self._unsure and messages and await self.store.was_committed(connection):
            return self._settle()
        try:
            written = await self.store.write(connection, messages, watermark_us)
        except AlreadyCommitted:
            return self._settle()
        self._unsure = self._unsure and not messages
        return [] if written is None else [written]

    def _settle(self) -> list[Written]:
        """Go on behind a batch whose COMMIT was heard and whose answer was lost."""
        self._unsure = False
        self.store.skip()
        log.info("batch was committed before", writer=self.store.writer, number=self.store.number)
        return []

    async def _isolate(
        self, messages: Sequence[Message], watermark_us: int | None, error: BaseException
    ) -> list[Written]:
        """Halve a batch that the database refuses until the bad element stands alone, and keep that as a reject."""
        halves = split(messages)
        if halves is None:
            log.error("element refused", writer=self.store.writer, topic=messages[0].raw_topic, error=str(error)[:300])
            return await self.commit([refused(messages[0], error)], watermark_us)
        return [*await self.commit(halves[0]), *await self.commit(halves[1], watermark_us)]

    def drop(self) -> None:
        """Forget a connection that failed; the next use opens another."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def is_data_fault(error: BaseException) -> bool:
    """Tell whether the rows themselves are refused, so that trying again cannot help."""
    return isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:2] in DATA_CLASSES


def is_worth_waiting(error: BaseException, *, closed: bool) -> bool:
    """Tell whether the same batch may succeed later; a complaint about our own call on an open connection may not."""
    if isinstance(error, asyncpg.InterfaceError):
        return closed
    return isinstance(error, db.LOST) or (
        isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:2] in WAIT_CLASSES
    )


def setting_at_fault(error: BaseException) -> str | None:
    """Return one line with the cure when no waiting helps against how the database is set up."""
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError | asyncpg.InvalidCatalogNameError):
        return f"FIRETOWER_DATABASE_URL: {error}; correct user, password and database name"
    if isinstance(error, asyncpg.UndefinedTableError):
        return f"FIRETOWER_DATABASE_URL: {error}; bring the schema there with `firetower migrate`"
    return None


def split(messages: Sequence[Message]) -> tuple[list[Message], list[Message]] | None:
    """Return two halves, down to single elements; None when one element is left."""
    if len(messages) > 1:
        middle = len(messages) // 2
        return list(messages[:middle]), list(messages[middle:])
    message = messages[0]
    if message.elements < 2:
        return None
    parts: list[tuple[str, object]] = [("readings", item) for item in message.readings]
    parts += [("events", item) for item in message.events]
    parts += [("rejects", item) for item in message.rejects]
    middle = len(parts) // 2
    return [_part(message, parts[:middle])], [_part(message, parts[middle:])]


def _part(message: Message, parts: list[tuple[str, object]]) -> Message:
    part = Message(message.raw_topic, message.topic, message.payload, message.received_us, alive=message.alive)
    part.replay_of = message.replay_of
    for name, item in parts:
        getattr(part, name).append(item)
    return part


def refused(message: Message, error: BaseException) -> Message:
    """Return the message as one reject that names the database's complaint."""
    text = str(error).replace("\0", "")[:300]
    reject = Reject(message.payload, "storage_refused", f"the database refused it: {text}; report this as a fault")
    lone = Message(message.raw_topic, message.topic, message.payload, message.received_us, alive=message.alive)
    lone.replay_of = message.replay_of
    lone.rejects.append(reject)
    return lone
