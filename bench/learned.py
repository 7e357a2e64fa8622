"""Early warning that has learned its county, for a measurement that lasts minutes: fifteen days are taught before it.

Called by `bench.alarm`. What a cell learned is made by such a cell, from the newest reading of each of its devices with
a little noise, and stored where alerts saves it; then alerts is killed and goes on from there. Promises to fail when a
cell does not.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from itertools import repeat
from multiprocessing import get_context
from typing import Any, Final

import asyncpg
import numpy as np

from bench.system import BenchFailed, System
from services.alerts.early.cells import KINDS, Cell, Member, plan
from services.alerts.early.rows import read_members
from services.core.db import set_codecs
from services.core.rules.catalog_early import EARLY
from services.core.rules.parameters import DEFAULTS
from services.core.statements import load_queries

SQL = load_queries(__file__)
SLOT_S: Final = 300
DAYS: Final = {"hydrant": 15, "electrical": 8, "water": 1}  # a hydrant learns for 14, a circuit for 7
_NOISE: Final = 0.005  # of a value, one sigma
_PATIENCE_S: Final = 120.0
Saved = tuple[str, str, datetime, list[dict[str, Any]], bytes]


async def teach(system: System, devices: int) -> tuple[System, int]:
    """Return the system with its new alerts, and how many cells go on with what they were taught.

    Raises:
        BenchFailed: alerts does not meet all devices, does not come again, or one of the cells begins anew.
    """
    log = system.state_dir / "logs" / "alerts.log"
    database = await asyncpg.connect(system.database)
    try:
        await set_codecs(database)
        await _until(lambda: _met(database, devices), "early warning has not met every device")
        cells = plan(await read_members(database, KINDS))
        newest = {row["code"]: dict(row) for kind in KINDS for row in await database.fetch(SQL[f"newest_{kind}"])}
        saved = await asyncio.to_thread(_learn_all, cells, newest, datetime.now(UTC))
        before = log.stat().st_size
        await database.executemany(SQL["save_cell"], saved)
        os.kill(system.processes["alerts"], signal.SIGKILL)
        what = "a cell did not go on with what it was taught"
        await _until(lambda: _go_on(log.read_bytes()[before:], len(cells)), what)
    finally:
        await database.close()
    return System.read(system.state_dir), len(cells)


def learn(name: str, members: Sequence[Member], newest: Mapping[str, Mapping[str, Any]], until: datetime) -> Saved:
    """Return what a cell saves whose devices read about the same for as long as it takes to learn them."""
    cell = Cell(name, members, {code: DEFAULTS[code] for code in EARLY}, until, until)
    slots = DAYS[cell.kind] * 86_400 // SLOT_S
    first_s = until.timestamp() - slots * SLOT_S
    dice = np.random.default_rng(1)
    known = [(m.profile.code, newest[m.profile.code]) for m in members if m.profile.code in newest]
    for slot in range(slots):
        for code, reading in known:
            noise = 1.0 + _NOISE * dice.standard_normal(len(reading))
            fields = {
                field: value * factor if isinstance(value, float) else value
                for (field, value), factor in zip(reading.items(), noise.tolist(), strict=True)
            }
            cell.fleet.take(code, first_s + slot * SLOT_S, fields)
    devices, told, memory = cell.to_row()
    return name, devices, until, told, memory


def _learn_all(
    cells: Mapping[str, Sequence[Member]], newest: Mapping[str, Mapping[str, Any]], until: datetime
) -> list[Saved]:
    parts = [{m.profile.code: newest[m.profile.code] for m in c if m.profile.code in newest} for c in cells.values()]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
        return list(workers.map(learn, cells.keys(), cells.values(), parts, repeat(until)))


async def _met(database: asyncpg.Connection, devices: int) -> bool:
    return bool(await database.fetchval(SQL["met"]) >= devices)


async def _go_on(said: bytes, cells: int) -> bool:
    if b"early_cell_begins" in said:
        raise BenchFailed("a cell begins anew: what it was taught does not fit")
    return said.count(b"early_cell_goes_on") >= cells


async def _until(reached: Callable[[], Awaitable[bool]], what: str) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while not await reached():  # noqa: ASYNC110  neither a log nor a database tells
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise BenchFailed(what) from None
