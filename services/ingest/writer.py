"""Gets a batch into the database, whatever it takes: waits for a database that is away, isolates what it refuses.

A lane hands over one batch after the other. When `commit` returns, every message of it is stored or kept as a reject.
"""

from collections.abc import Sequence

import asyncpg

from services.core import db
from services.core.aside import write_aside
from services.core.backoff import pause_s
from services.core.clock import Clock
from services.core.errors import Fenced
from services.core.log import logger
from services.core.text import describe_error
from services.ingest import lease
from services.ingest.decode import Message
from services.ingest.isolate import refused, split, unit_of
from services.ingest.store import NOTHING, AlreadyCommitted, Rest, Store, Written

log = logger(__name__)

STATEMENT_TIMEOUT_S = 10.0
# every statement of a lane walks a batch by key, and new tables have no statistics from which the planner could know
WALK_BY_KEY = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off"
BACKOFF_FIRST_S = 0.1
BACKOFF_CAP_S = 2.0
TIMEOUTS_BEFORE_HALVES = 2  # time-outs of one batch in a row before it is halved: a smaller one may finish in time


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

    async def commit(self, messages: Sequence[Message], rest: Rest = NOTHING) -> list[Written]:
        """Store `messages`; with none it proves ownership and does the `rest`.

        Raises:
            Fenced: another process owns the lane.
        """
        attempt = timeouts = 0
        while True:
            try:
                return await self._try(messages, rest)
            except Fenced:
                raise
            except Exception as error:  # noqa: BLE001  whatever it is, it is this batch's: the lane goes on
                db.pass_on_cancel()
                if not is_worth_waiting(error, closed=self._connection is None or self._connection.is_closed()):
                    return await self._isolate(messages, rest, error)
                self.drop()
                self._unsure = self._unsure or bool(messages)
                if attempt == 0:
                    log.warning("database_away", writer=self.store.writer, error=describe_error(error))
                await self._clock.sleep(pause_s(attempt, first_s=BACKOFF_FIRST_S, cap_s=BACKOFF_CAP_S))
                attempt += 1
                timeouts += isinstance(error, TimeoutError | asyncpg.QueryCanceledError)
                halves = split(messages) if timeouts >= TIMEOUTS_BEFORE_HALVES else None
                if halves is not None and not await self._is_settled():
                    return await self._commit_both(halves, rest)

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

    async def _try(self, messages: Sequence[Message], rest: Rest) -> list[Written]:
        connection = await self.connection()
        if self._unsure and messages and await self.store.was_committed(connection):
            return self._settle()
        try:
            written = await self.store.write(connection, messages, rest)
        except AlreadyCommitted:
            return self._settle()
        self._unsure = self._unsure and not messages
        return [] if written is None else [written]

    def _settle(self) -> list[Written]:
        """Go on behind a batch whose COMMIT was heard and whose answer was lost."""
        self._unsure = False
        written = self.store.skip()
        log.info("batch_already_committed", writer=self.store.writer, number=self.store.number)
        return written

    async def _is_settled(self) -> bool:
        """Tell whether the batch went in after all, before it is cut: its number must not be given to another."""
        if not self._unsure:
            return False
        try:
            return await self.store.was_committed(await self.connection())
        except db.AWAY:
            db.pass_on_cancel()
            return True  # not known: the whole batch is tried again first, and that asks as well

    async def _isolate(self, messages: Sequence[Message], rest: Rest, error: Exception) -> list[Written]:
        """Halve a batch that cannot be stored until the bad element stands alone, and keep that as a reject.

        Where not even the reject can be written the message is set aside. Its neighbours are stored in any case.
        """
        if self.store.forget_waiting():  # what an earlier batch left over may be what fails
            return await self.commit(messages, rest)
        if not messages:
            if rest.is_empty:
                raise error  # it holds no data: the schema or the program is at fault
            log.error("batch_rest_refused", writer=self.store.writer, error=describe_error(error))
            return await self.commit([])
        halves = split(messages)
        if halves is not None:
            return await self._commit_both(halves, rest)
        lone = messages[0]
        log.error("element_refused", writer=self.store.writer, topic=lone.raw_topic, error=describe_error(error))
        if not lone.is_refused:
            return await self.commit([refused(lone, error, with_device=True)], rest)
        if lone.topic is not None:
            return await self.commit([refused(lone, error, with_device=False)], rest)
        await write_aside(await self.connection(), "ingest", unit_of(lone), error, self._clock.now())
        return await self.commit([], rest)

    async def _commit_both(self, halves: tuple[list[Message], list[Message]], rest: Rest) -> list[Written]:
        return [*await self.commit(halves[0]), *await self.commit(halves[1], rest)]

    def drop(self) -> None:
        """Forget a connection that failed; the next use opens another."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def is_worth_waiting(error: BaseException, *, closed: bool) -> bool:
    """Tell whether the same batch may succeed later; a complaint about our own call on an open connection may not."""
    if isinstance(error, asyncpg.InterfaceError) and not closed:
        return False
    return db.is_away(error)


def setting_at_fault(error: BaseException) -> str | None:
    """Return one line with the cure when the database is set up so that waiting cannot help."""
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError | asyncpg.InvalidCatalogNameError):
        return f"FIRETOWER_DATABASE_URL: {error}; correct user, password and database name"
    if isinstance(error, asyncpg.UndefinedTableError):
        return f"FIRETOWER_DATABASE_URL: {error}; bring the schema there with `firetower migrate`"
    return None
