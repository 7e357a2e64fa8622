"""The border around every unit of work: a unit that fails by itself is set aside, and everything else goes on.

Used by the bench and everything that judges for it. Promises that a group is one transaction while all is well, that
one bad unit costs only itself, and that a lost database is not mistaken for a bad unit.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import asyncpg

from services.core.alarms.ledger.page import Page
from services.core.aside import BLOCKED_AFTER, RETRY_AFTER, Asides, Unit, by_halves, is_blocked, own_fault
from services.core.log import logger
from services.core.text import describe_error

STAGE = "stage"  # of what is set aside
OF_FIRES = ("fires", "clocks")  # stages without which a fire is not told
log = logger(__name__)
Item = TypeVar("Item")
Work = Callable[[Page], Awaitable[None]]
Transact = Callable[[Work], Awaitable[Page]]
Between = Callable[[], Awaitable[None]]


async def nothing_more(_page: Page) -> None:
    """Finish a group after which nothing is left to write."""


def _keep_no_part(_item: object) -> None:
    """Drop everything about an item that failed: it waits for its next try."""


class Border:
    """Runs units of work in transactions of the bench."""

    def __init__(self, conn: asyncpg.Connection, asides: Asides, transact: Transact, between: Between) -> None:
        self.conn = conn
        self.asides = asides
        self.transact = transact
        self.between = between  # keeps the lease and looks for fires while a group is split

    async def settle(
        self,
        items: Sequence[Item],
        judge: Callable[[Page, Sequence[Item]], Awaitable[None]],
        unit: Callable[[Item], Unit],
        finish: Work = nothing_more,
        bare: Callable[[Item], Item | None] = _keep_no_part,
    ) -> list[Page]:
        """Judge all items and finish in one transaction; if that fails, judge them in halves and finish at the end.

        `finish` is what must not happen before every item was judged or set aside (a cursor). `bare` leaves of an item
        that failed alone what cannot wait for a person; that is judged in its place, and the item is set aside as well.
        """
        pages: list[Page] = []

        async def whole(page: Page) -> None:
            await judge(page, items)
            await finish(page)

        try:
            pages.append(await self.transact(whole))
        except Exception as error:
            if not _is_theirs(error) or not items:
                raise
            log.warning("group_split", items=len(items), error=describe_error(error))
        else:
            await self._strike_off(items, unit)
            return pages

        async def part(some: Sequence[Item]) -> None:
            await self.between()

            async def judge_some(page: Page) -> None:
                await judge(page, some)

            pages.append(await self.transact(judge_some))
            await self._strike_off(some, unit)

        async def spoiled(item: Item, error: Exception) -> None:
            again = BLOCKED_AFTER if is_blocked(error) else RETRY_AFTER
            await self.asides.add(self.conn, unit(item), error, again)
            if not is_blocked(error) and (left := bare(item)) is not None:
                pages.extend(await self._judge_bare(judge, left, unit(item)))

        await by_halves(items, part, spoiled, _is_theirs)
        await self.between()
        pages.append(await self.transact(finish))
        return pages

    async def _judge_bare(
        self, judge: Callable[[Page, Sequence[Item]], Awaitable[None]], item: Item, unit: Unit
    ) -> list[Page]:
        async def judge_one(page: Page) -> None:
            await judge(page, [item])

        try:
            return [await self.transact(judge_one)]
        except Exception as error:
            if not _is_theirs(error):
                raise
            log.warning("not_even_bare", unit=unit.name, error=describe_error(error))
            return []

    async def stage(self, name: str, work: Callable[[], Awaitable[object]], again: timedelta = RETRY_AFTER) -> bool:
        """Run one stage of the bench's round; return whether it says that there was something to do.

        What fails in it and belongs to no single unit (reading the rows itself) is set aside as the stage, which is
        tried again a while later; the other stages go on.
        """
        if self.asides.waits(STAGE, name):
            return False
        try:
            busy = bool(await work())
        except Exception as error:
            if not _is_theirs(error):
                raise
            again = min(again, BLOCKED_AFTER) if is_blocked(error) else again
            await self.asides.add(self.conn, Unit(STAGE, name, fire=name in OF_FIRES), error, again)
            return False
        await self.asides.over(self.conn, STAGE, name)
        return busy

    async def alone(self, unit: Unit, work: Callable[[], Awaitable[None]]) -> None:
        """Run work that has its own transactions; should it fail, only this unit waits for its next try."""
        try:
            await work()
        except Exception as error:
            if not _is_theirs(error):
                raise
            await self.asides.add(self.conn, unit, error)

    async def _strike_off(self, items: Sequence[Item], unit: Callable[[Item], Unit]) -> None:
        if self.asides.any_open:
            for item in items:
                done = unit(item)
                await self.asides.over(self.conn, done.kind, done.name)


def _is_theirs(error: Exception) -> bool:
    return own_fault(error) or is_blocked(error)
