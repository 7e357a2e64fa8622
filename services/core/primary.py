"""Which of a database's hosts takes writes now. Called by services.core.db, for every connection that is opened.

An address may name several hosts (`postgresql://user@one:5432,two:5432/firetower?target_session_attrs=read-write`).
Promises: they are asked one after the other, the one that was right last time first, and none of them, silent or
unreachable, holds up the next for longer than HOST_TIMEOUT_S.
"""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import structlog

from services.core.database_words import ATTRIBUTES, read_words
from services.core.log import logger

log = logger(__name__)

HOST_TIMEOUT_S = 2.0  # with three hosts, two of them dead, the third is connected to within 10 s of a failure
# What says "not this one": it is away, starting, a standby, or it shuts down (57P01, 57P03).
_NOT_THIS_ONE = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InternalClientError,  # TargetServerAttributeNotMatched is one
)
_right: dict[str, str] = {}  # of each address with several hosts: the one that was the primary
_told: set[str] = set()  # addresses of which it was said what we do without


def hosts_of(dsn: str) -> list[str]:
    """One address per host of `dsn`, in its order."""
    parts = urlsplit(dsn)
    account, at, hosts = parts.netloc.rpartition("@")
    return [urlunsplit(parts._replace(netloc=f"{account}{at}{host}")) for host in hosts.split(",")]


async def connect_to_primary(dsn: str, **options: Any) -> asyncpg.Connection:
    """Open a connection to the host that takes writes; of one host, whatever it is unless the address wants a kind.

    Raises:
        OSError, asyncpg.PostgresError, asyncpg.InternalClientError: none of them does now; what the last one said.
    """
    words = read_words(dsn)
    if words.without and dsn not in _told and structlog.is_configured():  # not into what a command prints
        _told.add(dsn)
        log.warning("database_words_left_out", names=words.without)
    addresses = hosts_of(words.address)
    several = len(addresses) > 1
    wanted = words.attribute or ("read-write" if several else None)
    # A session that may only read is no less one of the primary's.
    reads = options.get("server_settings", {}).get("default_transaction_read_only") == "on"
    given = options | ({ATTRIBUTES: "primary" if wanted == "read-write" and reads else wanted} if wanted else {})
    limits_s = [limit for limit in (words.timeout_s, HOST_TIMEOUT_S if several else options.get("timeout")) if limit]
    given |= {"timeout": min(limits_s)} if limits_s else {}
    last: BaseException = OSError(f"no host in {dsn.rpartition('@')[2]}")
    for address in sorted(addresses, key=lambda one: one != _right.get(dsn)):
        try:
            connection: asyncpg.Connection = await asyncpg.connect(address, **given)
        except _NOT_THIS_ONE as error:
            last = error
        else:
            if several:
                _right[dsn] = address
            return connection
    raise last
