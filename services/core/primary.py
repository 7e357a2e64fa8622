"""Which of a database's hosts takes writes now. Called by services.core.db, for every connection that is opened.

An address may name several hosts (`postgresql://user@one:5432,two:5432/firetower?target_session_attrs=read-write`).
Promises: they are asked one after the other, the one that was right last time first, and none of them, silent or
unreachable, holds up the next for longer than HOST_TIMEOUT_S.
"""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

HOST_TIMEOUT_S = 2.0  # with three hosts, two of them dead, the third is connected to within 10 s of a failure
_ATTRIBUTES = "target_session_attrs"
# What says "not this one": it is away, starting, a standby, or it shuts down (57P01, 57P03).
_NOT_THIS_ONE = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InternalClientError,  # TargetServerAttributeNotMatched is one
)
_right: dict[str, str] = {}  # of each address with several hosts: the one that was the primary


def hosts_of(dsn: str) -> list[str]:
    """One address per host of `dsn`, in its order."""
    parts = urlsplit(dsn)
    account, at, hosts = parts.netloc.rpartition("@")
    return [urlunsplit(parts._replace(netloc=f"{account}{at}{host}")) for host in hosts.split(",")]


async def connect_to_primary(dsn: str, **options: Any) -> asyncpg.Connection:
    """Open a connection to the host that takes writes; an address with one host is taken as it is.

    Raises:
        OSError, asyncpg.PostgresError, asyncpg.InternalClientError: none of them does now; what the last one said.
    """
    addresses = hosts_of(dsn)
    if len(addresses) == 1:
        only: asyncpg.Connection = await asyncpg.connect(dsn, **options)
        return only
    last: BaseException = OSError(f"no host in {dsn}")
    for address in sorted(addresses, key=lambda one: one != _right.get(dsn)):
        bare, wanted = _split_wish(address)
        # A session that may only read is no less one of the primary's.
        reads = options.get("server_settings", {}).get("default_transaction_read_only") == "on"
        attribute = "primary" if wanted == "read-write" and reads else wanted
        given = options | {"timeout": HOST_TIMEOUT_S, _ATTRIBUTES: attribute}
        try:
            connection: asyncpg.Connection = await asyncpg.connect(bare, **given)
        except _NOT_THIS_ONE as error:
            last = error
        else:
            _right[dsn] = address
            return connection
    raise last


def _split_wish(address: str) -> tuple[str, str]:
    """The address without its wish for a kind of server, and that wish: read-write unless another was named."""
    parts = urlsplit(address)
    query = parse_qsl(parts.query, keep_blank_values=True)
    wanted = dict(query).get(_ATTRIBUTES, "read-write")
    return urlunsplit(parts._replace(query=urlencode([pair for pair in query if pair[0] != _ATTRIBUTES]))), wanted
