"""Stored readings through the detectors, cell by cell, in the order of their time. A duty of main.

Works beside the bench and never in its way: findings wait in `alarms` for the bench, reading pauses every few
milliseconds, and it has its own connection. A new cell reads the last month first and raises only warnings that still
hold. Promises to go on after a kill from the saved memory; a finding reported twice raises one alarm.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.alerts.detectors.finding import EarlyWarning
from services.alerts.early.alarms import KIND, EarlyAlarms, Said
from services.alerts.early.cells import HISTORY, KINDS, Cell, Member, Row, fingerprint, key_of, plan
from services.alerts.early.courses import Courses
from services.alerts.early.late import LateReadings, is_own
from services.alerts.early.rows import find_first, read_members, read_step
from services.core.aside import Asides, Unit
from services.core.clock import Clock
from services.core.log import logger
from services.core.rules.catalog_early import EARLY, Numbers
from services.core.rules.overrides import READ_OVERRIDES, book_of
from services.core.rules.parameters import ParameterBook
from services.core.rules.profile import DeviceProfile
from services.core.statements import load_queries
from services.core.words import Reason, Severity

SQL = load_queries(__file__)
TURN_S = 2.0
LOOK_S = 5.0  # how often to ask whether the registry changed
LOOK_AGAIN_S = 60.0  # and how often to read it even if not: a change is dated by the beginning of its transaction
SETTLED_S = 10.0  # a changed cell starts once its devices have not changed for this long
GRACE = timedelta(seconds=60)  # NB-IoT delivers 99 % within 30 s (design study)
STEP_LEAST = timedelta(seconds=20)  # a cell that is up to date reads at least this much at once
STANDS_AHEAD = timedelta(hours=1)  # a cell so far ahead starts anew: our clock was set back; a nearer one waits
STEPS_A_TURN = 4
SAVE_S = 3600.0  # a memory is 4 kB (hydrant) to 8 kB (circuit) a device; an hour is read again in seconds
AGAIN_S, AGAIN_LATER_S = 60.0, 600.0
PAUSE_AFTER_S, PAUSE_S = 0.005, 0.001  # the first is how long a fire may wait for the walk
PLAN_FOR_THE_TIMES = "set plan_cache_mode = force_custom_plan"  # otherwise every chunk is read after five runs
OTHERS = Reason("设备组已变更，重新判断", "the devices that are compared have changed: judged anew")
NOT_AGAIN = Reason("重新判断，已不成立", "judged anew: it no longer holds")
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
        self._homes: dict[int, str] = {}  # the cell of each device, though it may not have begun with it yet
        self._planned: dict[str, tuple[str, float]] = {}  # fingerprint, and since when (monotonic) it is the same
        self._saved_at: dict[str, float] = {}
        self._resting: dict[str, float] = {}  # cells that failed, until when
        self._late = LateReadings(clock, self._asides)
        self._courses = Courses()
        self._looked_at = float("-inf")
        self._registry_mark: asyncpg.Record | None = None
        self._look_again_at = float("-inf")
        self._walked_since = 0.0

    async def take_turn(self) -> float:
        """Advance every cell; return the pause until the next turn."""
        async with self._pool.acquire() as conn:
            await conn.execute(PLAN_FOR_THE_TIMES)
            if self._clock.monotonic() - self._looked_at >= LOOK_S:
                await self._look_who_is_there(conn)
                await self._walk_again(conn)
                self._looked_at = self._clock.monotonic()
            busy = await self._late.hear(conn, self._cells)
            for cell in list(self._cells.values()):
                try:
                    busy = await self._advance(conn, cell) or busy
                except Exception as error:
                    if not is_own(error):
                        raise
                    await self._set_aside(conn, cell.name, cell.area, error)
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
        found = await read_members(conn, KINDS, self._breathe)
        cells = await asyncio.to_thread(plan, found)
        self._homes = {member.id: name for name, members in cells.items() for member in members}
        for name in self._cells.keys() - cells.keys():
            del self._cells[name]
        settled = True
        for name, members in cells.items():
            await self._breathe()
            settled = await self._meet(conn, name, members) and settled
        self._planned = {name: self._planned[name] for name in cells}
        if settled and not self._alarms.waiting:
            await conn.execute(SQL["forget_cells"], list(cells))
            await self._find_homes(conn, cells)

    async def _meet(self, conn: Connection, name: str, members: Sequence[Member]) -> bool:
        """Update a running cell, or start it; False when that must wait."""
        monotonic, mark = self._clock.monotonic(), fingerprint(members)
        before = self._planned.get(name)
        if before is None or before[0] != mark:
            self._planned[name] = before = mark, monotonic
        cell = self._cells.get(name)
        if cell is not None and fingerprint(cell.members) == mark:
            cell.meet(members)
            await self._go_on_with(cell, self._numbers(members))
            return True
        if monotonic - before[1] < SETTLED_S or self._resting.get(name, 0.0) > monotonic:
            self._look_again_at = monotonic  # soon
            return False
        return await self._take_up(conn, name, members, cell)

    async def _take_up(self, conn: Connection, name: str, members: Sequence[Member], before: Cell | None) -> bool:
        try:
            self._cells[name] = await self._begin(conn, name, members, before)
        except Exception as error:
            if not is_own(error):
                raise
            await self._set_aside(conn, name, members[0].profile.area, error)
        return name in self._cells

    async def _find_homes(self, conn: Connection, cells: Iterable[str]) -> None:
        """Hand open warnings of a removed cell to the cell that watches the device now, or end them."""
        for row in await conn.fetch(SQL["standing_elsewhere"], list(cells)):
            home = self._homes.get(row["device_id"])
            if home is None:
                self._end(row, self._clock.now(), OTHERS)
            else:
                await self._move(conn, row, home)

    async def _move(self, conn: Connection, row: asyncpg.Record, home: str) -> None:
        """Hand an open warning to the cell that watches its device now, which decides whether it still holds."""
        await conn.execute(SQL["move"], row["id"], home)
        if home in self._cells:
            self._cells[home].reconciled = False

    def _numbers(self, members: Sequence[Member]) -> Numbers:
        """Return the numbers of a cell: for all, for its kind or for the area of its first device."""
        profile = DeviceProfile("", members[0].profile.kind, members[0].profile.area)
        book = self._book.for_device(profile, self._clock.now())
        return {code: book[code] for code in EARLY}

    async def _go_on_with(self, cell: Cell, numbers: Numbers) -> None:
        try:
            await asyncio.to_thread(cell.retell, numbers)  # a third of a second for 250 circuits
        except ValueError:
            log.exception("early_memory_lost", cell=cell.name)
            del self._cells[cell.name]

    async def _begin(self, conn: Connection, name: str, members: Sequence[Member], before: Cell | None) -> Cell:
        """Start a cell: from its saved memory, else from the last month's readings."""
        now, numbers = self._clock.now(), self._numbers(members)
        saved = await conn.fetchrow(SQL["saved_cell"], name)
        if saved is not None and saved["walked_until"] > now + STANDS_AHEAD:  # by a clock that was ahead
            saved = None
        if saved is not None and saved["devices"] == fingerprint(members):
            cell = Cell(name, members, numbers, saved["walked_until"], saved["walked_until"])
            try:
                await asyncio.to_thread(cell.recall, saved["told"], saved["memory"])
            except ValueError:
                log.exception("early_memory_unreadable", cell=name)
            else:
                if name not in self._resting:  # a cell that failed saves at once when it goes on: it is well again
                    self._saved_at[name] = self._clock.monotonic()
                log.info("early_cell_goes_on", cell=name, devices=len(members), since=saved["walked_until"].isoformat())
                return cell
        live_from = saved["walked_until"] if saved is not None else now - GRACE
        if before is not None:
            live_from = min(max(before.walked_until, before.live_from), now)
        first = await find_first(conn, members, now - HISTORY)
        walked_until = live_from if first is None else min(first - timedelta(microseconds=1), live_from)
        log.info("early_cell_begins", cell=name, devices=len(members), since=walked_until.isoformat())
        self._saved_at.pop(name, None)
        return Cell(name, members, numbers, walked_until, live_from)

    # --- walking ---

    async def _advance(self, conn: Connection, cell: Cell) -> bool:
        """Take some steps of a cell; True when there is more to read at once."""
        arrived, cell.arrived = cell.arrived, []
        await self._walk(cell, arrived)
        for _ in range(STEPS_A_TURN):
            until = self._clock.now() - GRACE
            if until - cell.walked_until < (STEP_LEAST if cell.caught_up else timedelta(0)):
                return False
            rows, step_until = await read_step(conn, cell, until if cell.caught_up else min(until, cell.live_from))
            self._late.note(cell, rows)
            await self._walk(cell, rows)
            cell.walked_until = step_until
            if cell.caught_up:
                await self._tell_what_stands(conn, cell, has_read_all=step_until == until)
                await self._courses.keep(conn, cell, self._clock.now())
            await self._save(conn, cell)
            if step_until == until:
                return False
        return True

    async def _walk(self, cell: Cell, rows: Sequence[Row]) -> None:
        for row in rows:
            if warnings := cell.take(row):
                self._say(cell, warnings)
            if self._clock.monotonic() - self._walked_since > PAUSE_AFTER_S:
                await self._breathe()

    async def _breathe(self) -> None:
        """Let fires and rules go on after every few milliseconds."""
        if self._clock.monotonic() - self._walked_since > PAUSE_AFTER_S:
            await asyncio.sleep(PAUSE_S)
            self._walked_since = self._clock.monotonic()

    def _say(self, cell: Cell, warnings: Iterable[EarlyWarning]) -> None:
        for warning in warnings:
            if warning.active and not self._is_on(cell, warning):
                cell.told.pop(key_of(warning), None)
                continue
            self._alarms.waiting.append(Said(cell.name, self._id_of(cell, warning.device), warning))

    def _is_on(self, cell: Cell, warning: EarlyWarning) -> bool:
        profile = next((m.profile for m in cell.members if m.profile.code == warning.device), None)
        if profile is None:
            return cell.numbers[warning.code]["enabled"] != 0
        return self._book.for_device(profile, self._clock.now())[warning.code]["enabled"] != 0

    async def _tell_what_stands(self, conn: Connection, cell: Cell, *, has_read_all: bool) -> None:
        """Raise warnings from before the live time; end those that no longer hold or are switched off.

        What was told before a restart is compared once the cell has read all there is: it may find it again by then.
        """
        now = self._clock.now()
        if has_read_all and not cell.reconciled:
            stands = {_told_as(one.code, one.group, one.device, one.area): key for key, one in cell.standing.items()}
            for row in await conn.fetch(SQL["standing_of"], cell.name):
                key = stands.get(_told_as(row["code"], row["component"], row["device"], row["area"]))
                home = self._homes.get(row["device_id"])
                if home is not None and home != cell.name:
                    await self._move(conn, row, home)
                elif key is not None:
                    cell.told[key] = Severity(row["severity"])
                elif home is None or row["device_id"] in {member.id for member in cell.members}:
                    self._end(row, now, NOT_AGAIN)  # another device may just be coming: it begins anew with that
            cell.reconciled = True
        self._say(cell, cell.untold())
        for key in [key for key in cell.told if not self._is_on(cell, cell.standing[key])]:
            del cell.told[key]
            over = Reason("该预警已停用", "this warning was switched off")
            self._say(cell, [cell.standing[key]._replace(active=False, at=now, reason=over)])
            cell.standing[key] = cell.standing[key]._replace(at=now)  # switched on again it is another warning

    def _end(self, row: asyncpg.Record, now: datetime, why: Reason) -> None:
        """End a warning that nobody watches any more, or that does not hold when judged anew."""
        code, device = row["code"], row["device"]
        severity = EARLY[code].severity
        warning = EarlyWarning(code, now, severity, row["area"], why, False, device, group=row["component"])
        self._alarms.waiting.append(Said(row["cell"], row["device_id"], warning))

    @staticmethod
    def _id_of(cell: Cell, code: str | None) -> int | None:
        return next((m.id for m in cell.members if m.profile.code == code), None)

    # --- late, saved, failed ---

    async def _walk_again(self, conn: Connection) -> None:
        """Let a cell with many late readings read the month again, which corrects what it learned.

        So does one that has walked until a time far ahead: our own clock was set back, and it would wait until then.
        """
        latest = self._clock.now() + STANDS_AHEAD
        ahead = [name for name, cell in self._cells.items() if max(cell.walked_until, cell.live_from) > latest]
        for name in {*self._late.look(self._cells), *ahead}:
            known = self._cells.pop(name)
            await conn.execute(SQL["forget_cell"], name)
            await self._take_up(conn, name, known.members, known)

    async def _save(self, conn: Connection, cell: Cell) -> None:
        """Save a cell now and then, once all its findings have become alarms."""
        monotonic = self._clock.monotonic()
        due = monotonic - self._saved_at.get(cell.name, float("-inf")) >= SAVE_S
        if not due or not cell.caught_up or self._alarms.has_of(cell.name):
            return
        devices, told, learned = await asyncio.to_thread(cell.to_row)  # a tenth of a second and more
        await conn.execute(SQL["save_cell"], cell.name, devices, cell.walked_until, told, learned, self._clock.now())
        self._saved_at[cell.name] = monotonic
        if self._resting.pop(cell.name, None) is not None:
            await self._asides.refresh(conn)
            await self._asides.over(conn, KIND, cell.name)

    async def _set_aside(self, conn: Connection, name: str, area: str, error: Exception) -> None:
        """Leave a failed cell alone for a while. It restarts from its saved memory, the second time from the month."""
        await self._asides.add(conn, Unit(KIND, name, area), error)  # nothing is forgotten while the database is away
        self._cells.pop(name, None)
        self._saved_at.pop(name, None)
        failed_before = name in self._resting
        self._resting[name] = self._clock.monotonic() + (AGAIN_LATER_S if failed_before else AGAIN_S)
        if failed_before:
            await conn.execute(SQL["forget_cell"], name)


def _told_as(code: str, group: str, device: str | None, area: str) -> tuple[str, str, str]:
    """Return the key that a warning shares with the row of a raised one: a device may be moved to another area."""
    return (code, "", device) if device is not None else (code, group, area)
