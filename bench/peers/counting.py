"""What a contestant stored, and when it has stored all that it will.

Called by the bench of peers. Promises: while rows come in only a counter is read, never the rows.
"""

import asyncio
from dataclasses import dataclass

import asyncpg

from bench.peers.contestant import Contestant
from bench.system import System, services_account
from services.core.statements import load_queries

SQL = load_queries(__file__)
ON_ARRIVAL = "QoS 1 up to its own memory: acknowledges on arrival, so a kill loses what it holds"
_STILL_S = 4.0  # no new row for this long: worth counting
QUIET_S = 12.0  # and for this long: the rest is lost


@dataclass(frozen=True, slots=True)
class Kept:
    """What is in the table of one run."""

    rows: int
    distinct: int
    last_commit_s: float  # wall clock

    def lost(self, acknowledged: int) -> int:
        """Messages that the publisher may forget and nobody has."""
        return max(0, acknowledged - self.distinct)

    @property
    def doubled(self) -> int:
        """Rows beyond the first of each message."""
        return self.rows - self.distinct


def peer_settings(system: System) -> dict[str, str]:
    """How a peer finds broker and database."""
    broker = services_account(system)
    return {
        "PEER_DATABASE_URL": system.database,
        "PEER_MQTT_HOST": broker.host,
        "PEER_MQTT_PORT": str(broker.port),
        "PEER_MQTT_USERNAME": broker.username,
        "PEER_MQTT_PASSWORD": broker.password,
    }


async def kept(database: asyncpg.Connection, contestant: Contestant, prefix: str) -> Kept:
    """Count the rows of a run."""
    row = await database.fetchrow(contestant.kept, prefix)
    return Kept(*row.values()) if row is not None else Kept(0, 0, 0.0)


async def drained(database: asyncpg.Connection, contestant: Contestant, prefix: str, expected: int) -> Kept:
    """Wait until everything expected is stored, or nothing moves any more, and return what is there."""
    quiet_s, before = 0.0, -1
    while True:
        contestant.pid()
        quiet_s += await _still(database, contestant)
        found = await kept(database, contestant, prefix)
        if found.distinct >= expected or (found.rows == before and quiet_s >= QUIET_S):
            return found
        if found.rows != before:
            before, quiet_s = found.rows, 0.0


async def _still(database: asyncpg.Connection, contestant: Contestant) -> float:
    """Wait until the counter has not moved for a while; return how long that is."""
    loop = asyncio.get_running_loop()
    last, since = await database.fetchval(contestant.moving), loop.time()
    while loop.time() - since < _STILL_S:
        await asyncio.sleep(1)
        now = await database.fetchval(contestant.moving)
        if now != last:
            last, since = now, loop.time()
    return _STILL_S
