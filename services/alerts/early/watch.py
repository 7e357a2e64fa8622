"""Stored readings through the detectors, cell by cell, in the order of their time. A duty of main.

Beside the bench and never in its way: what is said waits in `alarms` for the bench, walking pauses every few
milliseconds, and it has its own connection. A cell that is new walks the last month first and says of it only what
still stands. Promises to go on after a kill where it had saved; what is said twice is told once.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.alerts.detectors.finding import EarlyWarning, Place
from services.alerts.early.alarms import KIND, EarlyAlarms, Said
from services.alerts.early.cells import KINDS, Cell, Member, fingerprint, key_of, plan
from services.core.aside import Asides, Unit, own_fault
from services.core.clock import Clock
from services.core.log import logger
from services.core.rules.catalog_early import EARLY, Numbers
from services.core.rules.overrides import READ_OVERRIDES, book_of
from services.core.rules.parameters import ParameterBook
from services.core.rules.profile import DeviceProfile
from services.core.statements import load_queries
from services.core.words import Reason

SQL = load_queries(__file__)
TURN_S = 2.0
LOOK_S = 5.0  # how often it is asked whether the registry changed
LOOK_AGAIN_S = 60.0  # and how often who is there, even if not: a change is dated by its beginning
SETTLED_S = 10.0  # a changed cell is taken up once its devices have not changed for so long
GRACE = timedelta(seconds=60)  # NB-IoT delivers 99 % within 30 s (reference note, section 5)
STEP_LEAST = timedelta(seconds=20)  # a cell reads so much at once, at least, when it is up to date
STEPS_A_TURN = 4
HISTORY = timedelta(days=30)
SAVE_S = 3600.0  # a memory is 4 kB (hydrant) to 8 kB (circuit) a device; an hour is walked again in seconds
AGAIN_S = 60.0
PAUSE_AFTER_S, PAUSE_S = 0.01, 0.005
LATE_ROWS = 12  # of a cell: so many late readings make it walk the month again
LATE_SETTLED_S = 20.0
LATE_LONGEST_S = 600.0
AGAIN_AFTER_S = 1800.0  # the least between two walks through the month
OTHERS = Reason("设备组已变更，重新判断", "the devices that are compared have changed: judged anew")
log = logger(__name__)
Connection = asyncpg.Connection | PoolConnectionProxy


class EarlyWatch:
    """Every cell of the county."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, alarms: EarlyAlarms) -> None:
        self._pool = pool
        self._clock = clock
        self._alarms = alarms
        self._asides = Asides("alerts", clock)
        self._book = ParameterBook()
        self._cells: dict[str, Cell] = {}
        self._planned: dict[str, tuple[str, float]] = {}  # fingerprint, and since when (monotonic) it is the same
        self._saved_at: dict[str, float] = {}
        self._resting: dict[str, float] = {}  # cells that failed, until when
        self._late: dict[str, tuple[int, float, float]] = {}  # rows, since when, newest of them
        self._walked_again_at: dict[str, float] = {}
        self._looked_at = float("-inf")
        self._registry_mark: asyncpg.Record | None = None
        self._look_again_at = float("-inf")
        self._late_batch: int | None = None
        self._walked_since = 0.0

    async def take_turn(self) -> float:
        """Let every cell go on; return the pause until the next turn."""
        async with self._pool.acquire() as conn:
            if self._clock.monotonic() - self._looked_at >= LOOK_S:
                await self._look_who_is_there(conn)
                await self._look_for_late(conn)
                self._looked_at = self._clock.monotonic()
            busy = False
            for cell in list(self._cells.values()):
                try:
                    busy = await self._advance(conn, cell) or busy
                except Exception as error:
                    if not own_fault(error):
                        raise
                    await self._set_aside(conn, cell, error)
        return 0.0 if busy else TURN_S

    # --- who is there ---

    async def _look_who_is_there(self, conn: Connection) -> None:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        self._book = book_of(await conn.fetch(READ_OVERRIDES))
        (newest,) = await conn.fetch(SQL["registry_mark"], list(KINDS))
        if newest == self._registry_mark and monotonic < self._look_again_at:
            return
        self._registry_mark, self._look_again_at = newest, monotonic + LOOK_AGAIN_S
        await conn.execute(SQL["note_places"], list(KINDS), now)
        found: list[Member] = []
        for row in await conn.fetch(SQL["members"], list(KINDS)):
            found.append(_read_member(row))
            await self._breathe()
        cells = plan(found)
        for name in self._cells.keys() - cells.keys():
            del self._cells[name]
        settled = True
        for name, members in cells.items():
            await self._breathe()
            mark = fingerprint(members)
            before = self._planned.get(name)
            if before is None or before[0] != mark:
                self._planned[name] = before = mark, monotonic
            cell = self._cells.get(name)
            if cell is not None and fingerprint(cell.members) == mark:
                cell.meet(members)
                self._go_on_with(cell, self._numbers(members))
            elif monotonic - before[1] >= SETTLED_S and self._resting.get(name, 0.0) <= monotonic:
                self._cells[name] = await self._begin(conn, name, members, cell)
            else:
                settled, self._look_again_at = False, monotonic  # soon
        self._planned = {name: self._planned[name] for name in cells}
        if settled and not self._alarms.waiting:
            await conn.execute(SQL["forget_cells"], list(cells))
            for row in await conn.fetch(SQL["standing_elsewhere"], list(cells)):
                self._end(row, now)

    def _numbers(self, members: Sequence[Member]) -> Numbers:
        """Return the numbers of a cell: those of all, of its kind or of the area of its first device."""
        profile = DeviceProfile("", members[0].profile.kind, members[0].profile.area)
        book = self._book.for_device(profile, self._clock.now())
        return {code: book[code] for code in EARLY}

    def _go_on_with(self, cell: Cell, numbers: Numbers) -> None:
        try:
            cell.retell(numbers)
        except ValueError:
            log.exception("early_memory_lost", cell=cell.name)
            del self._cells[cell.name]

    async def _begin(self, conn: Connection, name: str, members: Sequence[Member], before: Cell | None) -> Cell:
        """Take up a cell: from what it saved, else from the last month's readings."""
        now, numbers = self._clock.now(), self._numbers(members)
        saved = await conn.fetchrow(SQL["saved_cell"], name)
        if saved is not None and saved["devices"] == fingerprint(members):
            cell = Cell(name, members, numbers, saved["walked_until"], saved["walked_until"])
            try:
                await asyncio.to_thread(cell.recall, saved["told"], saved["memory"])
            except ValueError:
                log.exception("early_memory_unreadable", cell=name)
            else:
                cell.reconciled = True
                if name not in self._resting:  # one that failed saves at once when it goes on: it is well again
                    self._saved_at[name] = self._clock.monotonic()
                log.info("early_cell_goes_on", cell=name, devices=len(members), since=saved["walked_until"].isoformat())
                return cell
        live_from = saved["walked_until"] if saved is not None else now - GRACE
        if before is not None:
            live_from = max(before.walked_until, before.live_from)
        first = await conn.fetchval(SQL[f"first_{members[0].profile.kind}"], [m.id for m in members], now - HISTORY)
        walked_until = live_from if first is None else min(first - timedelta(microseconds=1), live_from)
        log.info("early_cell_begins", cell=name, devices=len(members), since=walked_until.isoformat())
        self._saved_at.pop(name, None)
        return Cell(name, members, numbers, walked_until, live_from)

    # --- walking ---

    async def _advance(self, conn: Connection, cell: Cell) -> bool:
        """Walk some steps of a cell; True when there is more to walk at once."""
        for _ in range(STEPS_A_TURN):
            until = self._clock.now() - GRACE
            if until - cell.walked_until < (STEP_LEAST if cell.caught_up else timedelta(0)):
                return False
            step_until = min(until, cell.walked_until + cell.step())
            if not cell.caught_up:
                step_until = min(step_until, cell.live_from)
            ids, codes = [m.id for m in cell.members], [m.profile.code for m in cell.members]
            since = [m.since for m in cell.members]
            rows = await conn.fetch(SQL[f"rows_{cell.kind}"], ids, codes, since, cell.walked_until, step_until)
            await self._walk(cell, rows)
            cell.walked_until = step_until
            if cell.caught_up:
                await self._tell_what_stands(conn, cell)
            await self._save(conn, cell)
            if step_until == until:
                return False
        return True

    async def _walk(self, cell: Cell, rows: Sequence[asyncpg.Record]) -> None:
        for row in rows:
            self._say(cell, cell.take(row))
            await self._breathe()

    async def _breathe(self) -> None:
        """Let fires and rules go on after every few milliseconds."""
        if self._clock.monotonic() - self._walked_since > PAUSE_AFTER_S:
            await asyncio.sleep(PAUSE_S)
            self._walked_since = self._clock.monotonic()

    def _say(self, cell: Cell, warnings: Iterable[EarlyWarning]) -> None:
        for warning in warnings:
            if warning.active and not self._is_on(cell, warning):
                cell.told.discard(key_of(warning))
                continue
            self._alarms.waiting.append(Said(cell.name, self._id_of(cell, warning.device), warning))

    def _is_on(self, cell: Cell, warning: EarlyWarning) -> bool:
        profile = next((m.profile for m in cell.members if m.profile.code == warning.device), None)
        if profile is None:
            return cell.numbers[warning.code]["enabled"] != 0
        return self._book.for_device(profile, self._clock.now())[warning.code]["enabled"] != 0

    async def _tell_what_stands(self, conn: Connection, cell: Cell) -> None:
        """Tell what stood before, and end what was told and stands no more or is switched off."""
        now = self._clock.now()
        if not cell.reconciled:
            stands = {(one.device, one.code) for one in cell.standing.values()}
            for row in await conn.fetch(SQL["standing_of"], cell.name):
                if (row["device"], row["code"]) not in stands:
                    self._end(row, now)
            cell.reconciled = True
        self._say(cell, cell.untold())
        for key in [key for key in cell.told if not self._is_on(cell, cell.standing[key])]:
            cell.told.discard(key)
            over = Reason("该预警已停用", "this warning was switched off")
            self._say(cell, [cell.standing[key]._replace(active=False, at=now, reason=over)])

    def _end(self, row: asyncpg.Record, now: datetime) -> None:
        """End a warning that nobody watches any more."""
        warning = EarlyWarning(
            row["code"],
            now,
            EARLY[row["code"]].severity,
            row["area"],
            OTHERS,
            False,
            row["device"],
            group=row["component"],
        )
        self._alarms.waiting.append(Said(row["cell"], row["device_id"], warning))

    @staticmethod
    def _id_of(cell: Cell, code: str | None) -> int | None:
        return next((m.id for m in cell.members if m.profile.code == code), None)

    # --- late, saved, failed ---

    async def _look_for_late(self, conn: Connection) -> None:
        """Cells of which many readings came too late walk the month again: it corrects what they know."""
        if self._late_batch is None:
            self._late_batch = await conn.fetchval(SQL["newest_batch"])
        batches = await conn.fetch(SQL["late_batches"], self._late_batch)
        monotonic = self._clock.monotonic()
        if batches:
            self._late_batch = batches[-1]["id"]
            now = self._clock.now()
            found = await conn.fetch(SQL["late_rows"], [row["id"] for row in batches], now - HISTORY, now)
            late = {row["device_id"]: row["rows"] for row in found}
            for cell in self._cells.values():
                rows = sum(late.get(member.id, 0) for member in cell.members)
                if rows:
                    count, since, _ = self._late.get(cell.name, (0, monotonic, monotonic))
                    self._late[cell.name] = count + rows, since, monotonic
        for name, (count, since, newest) in list(self._late.items()):
            settled = monotonic - newest >= LATE_SETTLED_S or monotonic - since >= LATE_LONGEST_S
            if not settled or monotonic - self._walked_again_at.get(name, float("-inf")) < AGAIN_AFTER_S:
                continue
            known = self._cells.get(name)
            if known is not None and count >= LATE_ROWS:
                log.info("early_cell_walks_again", cell=name, late=count)
                self._walked_again_at[name] = monotonic
                await conn.execute(SQL["forget_cell"], name)
                self._cells[name] = await self._begin(conn, name, known.members, known)
            del self._late[name]

    async def _save(self, conn: Connection, cell: Cell) -> None:
        """Save a cell now and then, once all it said has become alarms."""
        monotonic = self._clock.monotonic()
        due = monotonic - self._saved_at.get(cell.name, float("-inf")) >= SAVE_S
        if not due or not cell.caught_up or self._alarms.waiting:
            return
        devices, told, learned = await asyncio.to_thread(cell.to_row)  # a tenth of a second and more
        await conn.execute(SQL["save_cell"], cell.name, devices, cell.walked_until, told, learned, self._clock.now())
        self._saved_at[cell.name] = monotonic
        if self._resting.pop(cell.name, None) is not None:
            await self._asides.refresh(conn)
            await self._asides.over(conn, KIND, cell.name)

    async def _set_aside(self, conn: Connection, cell: Cell, error: Exception) -> None:
        """Leave a cell alone for a while; it begins again from what it saved."""
        del self._cells[cell.name]
        self._saved_at.pop(cell.name, None)
        self._resting[cell.name] = self._clock.monotonic() + AGAIN_S
        await self._asides.add(conn, Unit(KIND, cell.name, cell.area), error)


def _read_member(row: asyncpg.Record) -> Member:
    place = None if row["lon"] is None else Place(row["lon"], row["lat"])
    return Member(row["id"], DeviceProfile.of(row), place, row["since"].astimezone(UTC), row["out_of_service_until"])
