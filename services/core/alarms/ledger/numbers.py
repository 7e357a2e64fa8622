"""Numbers for the alarms and incidents that a page may open: asked for before it judges, which reads nothing.

Called by `page`. Promises that there is one for each key that was asked about and for each incident that was foreseen.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

import asyncpg

from services.core.alarms.ledger.rows import Key
from services.core.statements import load_queries

SQL = load_queries(__file__)
SPARE_ALARMS, SPARE_INCIDENTS = 16, 4


@dataclass(slots=True)
class Numbers:
    """What is reserved; `issued` are the incidents that were begun."""

    conn: asyncpg.Connection
    issued: set[int] = field(default_factory=set)
    _may_open: set[Key] = field(default_factory=set)
    _alarms: list[int] = field(default_factory=list)
    _incidents: list[int] = field(default_factory=list)

    async def for_keys(self, keys: Collection[Key]) -> None:
        """Have one for each of these, whether its alarm stands or not: one that ends here may begin anew."""
        self._may_open.update(keys)
        await self._reserve_alarms(len(self._may_open))

    async def for_fires(self, incidents: int) -> None:
        """Have those for one step of a scope's fires, of so many incidents, beside what was reserved for keys.

        A report opens one alarm at most; each incident may be parted twice, and the report or a verdict begins one.
        """
        await self._reserve_alarms(len(self._may_open) + 1)
        if (least := 2 * incidents + 2) > len(self._incidents):
            rows = await self.conn.fetch(SQL["reserve_incidents"], least + SPARE_INCIDENTS)
            self._incidents.extend(row[0] for row in rows)

    def of_alarm(self, key: Key) -> int:
        """Return the number of an alarm that opens now; they rise, the first that opens has the least."""
        self._may_open.discard(key)
        return self._alarms.pop(0)

    def of_incident(self) -> str:
        """Return the number of an incident that begins now."""
        number = self._incidents.pop()
        self.issued.add(number)
        return str(number)

    async def one_incident(self) -> int:
        """Ask for the number of an incident, and return it."""
        number: int = await self.conn.fetchval(SQL["reserve_incidents"], 1)
        return number

    async def _reserve_alarms(self, least: int) -> None:
        if least > len(self._alarms):
            rows = await self.conn.fetch(SQL["reserve_alarms"], least - len(self._alarms) + SPARE_ALARMS)
            self._alarms.extend(row[0] for row in rows)
