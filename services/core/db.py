"""Connections to TimescaleDB: the only place that opens them. asyncpg with JSON codecs and bounded waits."""

import asyncio
import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import asyncpg
import orjson

from services.core.primary import connect_to_primary
from services.core.text import clean_json

CONNECT_TIMEOUT_S = 10.0  # for a server, or a network, that accepts the connection and then stays silent
# How a lost connection shows. The driver's own errors are among them: when the server has ended an idle connection
# (57P01), the next statement fails with one of these until the driver notices that the socket is closed.
LOST = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)
AWAY = (asyncpg.PostgresError, *LOST)
# SQLSTATE classes that are about the server or its other users, never about the values sent: connection, transaction
# state (a standby, an idle transaction ended), concurrency, resources (a full disk too), objects in use, operator, I/O.
_AWAY_CLASSES = frozenset({"08", "25", "40", "53", "55", "57", "58"})
_NO_ROOM = "could not write init file"  # a full disk, which PostgreSQL reports as an internal error in this one place
_LONG_NUMBER = 20  # digits; beyond 64 bits
VANISHED_AFTER_MS = 5000  # a server whose machine is gone: the next primary is there within about as long
_KEEPALIVE_S = {socket.TCP_KEEPIDLE: 2, socket.TCP_KEEPINTVL: 1, socket.TCP_KEEPCNT: 3}
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # of PostgreSQL's times
# What lies beyond, infinity too, is read as one of these; far enough from Python's own ends to be counted on with.
_FIRST_US, _LAST_US = (
    round((datetime(year, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()) * 1_000_000 for year in (1000, 9000)
)
KEEPALIVE = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3"}


READING = {
    "default_transaction_read_only": "on",
    "jit": "off",
    # after five runs the server may take a plan that knows no times: it looks into every chunk of a table
    "plan_cache_mode": "force_custom_plan",
}
"""The session of who only reads."""


def is_away(error: BaseException) -> bool:
    """Whether an error means that the database is away or busy, so that the same work may succeed later.

    Anything else (a value that PostgreSQL refuses, a fault of our own) fails again however often it is tried: it
    belongs to the unit of work at hand, which is set aside so that the next one goes on.
    """
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in _AWAY_CLASSES or _NO_ROOM in str(error)
    # the driver calls a parameter that it cannot encode an InterfaceError as well
    return isinstance(error, LOST) and not isinstance(error, ValueError)


def only_away(error: BaseException) -> bool:
    """Whether all that ended a program, of tasks that ran together too, was a database that is away."""
    if isinstance(error, BaseExceptionGroup):
        return all(only_away(inner) for inner in error.exceptions)
    return is_away(error)


def _encode(value: object) -> str:
    """Return JSON that jsonb takes, whatever came from outside."""
    try:
        text = orjson.dumps(value)
    except TypeError:  # a lone surrogate, an integer of more than 64 bits
        return orjson.dumps(clean_json(value)).decode()
    return (orjson.dumps(clean_json(value)) if b"\\u0000" in text else text).decode()


def _decode(text: str) -> object:
    """Read a stored document. PostgreSQL keeps numbers beyond a double, which must not stop the whole query."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            return json.loads(
                text, parse_int=lambda digits: int(digits) if len(digits) < _LONG_NUMBER else float(digits)
            )
        except RecursionError:
            return f"nested too deep to read: {text[:60]}…"


def _encode_time(value: object) -> tuple[int]:
    """Return a time as the wire has it: microseconds since 2000."""
    if not isinstance(value, datetime):
        raise TypeError(f"expected a datetime, got {type(value).__name__}")
    since = value.astimezone(UTC) - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds,)


def _decode_time(sent: tuple[int]) -> datetime:
    """Read a time. PostgreSQL keeps more years than Python, and infinity: such a row must not fail its whole query."""
    micros = sent[0]
    if not _FIRST_US <= micros <= _LAST_US:
        micros = _FIRST_US if micros < _FIRST_US else _LAST_US
    return _EPOCH + timedelta(0, 0, micros)


def pass_on_cancel() -> None:
    """Raise the cancellation of this task that a clean-up on a lost connection replaced by an error of its own.

    asyncpg's `Transaction.__aexit__` and `Pool.release` do. First line of every `except AWAY` that goes on: a task that
    takes its own end for a database that is away waits for ever, and with it the program that wants to end.

    Raises:
        CancelledError: somebody cancelled this task.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def set_codecs(connection: asyncpg.Connection) -> None:
    """Let json and jsonb carry Python values and any time be read, and notice a peer that vanished within seconds."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=_encode, decoder=_decode, schema="pg_catalog")
    await connection.set_type_codec(
        "timestamptz", encoder=_encode_time, decoder=_decode_time, schema="pg_catalog", format="tuple"
    )
    transport = getattr(connection, "_transport", None)
    peer = transport.get_extra_info("socket") if transport else None
    if peer is not None and peer.family in (socket.AF_INET, socket.AF_INET6):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_AFTER_MS)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # for one that waits for an answer
        for option, seconds in _KEEPALIVE_S.items():
            peer.setsockopt(socket.IPPROTO_TCP, option, seconds)


async def connect(
    dsn: str, *, program: str, statement_timeout_s: float = 30, writer: bool = False
) -> asyncpg.Connection:
    """Open one connection.

    A writer's forgotten transaction is ended by the server after 2 s, so that a stopped process frees its locks.
    """
    settings = {"application_name": f"firetower.{program}", "timezone": "UTC", **KEEPALIVE}
    if writer:
        settings |= {"idle_in_transaction_session_timeout": "2000", "tcp_user_timeout": "2000"}
    connection = await connect_to_primary(
        dsn,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=statement_timeout_s,
        server_settings={**settings, "statement_timeout": str(int(statement_timeout_s * 1000))},
    )
    await set_codecs(connection)
    return connection


async def _leave(_connection: asyncpg.Connection) -> None:
    """Leave a returned connection as it is."""


async def create_pool(
    dsn: str,
    *,
    program: str,
    size: int = 4,
    min_size: int = 1,
    statement_timeout_s: float = 30,
    writer: bool = False,
    reader: bool = False,
) -> asyncpg.Pool:
    """Open a pool of up to `size` connections with the same habits as `connect`.

    With `min_size` 0 nothing is opened yet, so that a program can start while the database is away. A `reader` cannot
    write, and is not reset when it is returned (a round trip): nothing that reads changes its session.
    """
    settings = {"application_name": f"firetower.{program}", "timezone": "UTC", **KEEPALIVE}
    if writer:
        settings |= {"idle_in_transaction_session_timeout": "2000", "tcp_user_timeout": "2000"}
    if reader:
        settings |= READING
    return await asyncpg.create_pool(
        dsn,
        connect=cast("Any", connect_to_primary),  # the stubs want a function of every option
        timeout=CONNECT_TIMEOUT_S,
        min_size=min_size,
        max_size=size,
        command_timeout=statement_timeout_s,
        server_settings={**settings, "statement_timeout": str(int(statement_timeout_s * 1000))},
        init=set_codecs,
        reset=_leave if reader else None,
    )
