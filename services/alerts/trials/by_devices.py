"""A rule over the past: each device's stored messages through the rules of the running system, once for each side.

Used by `work`. Promises the live code (`DeviceRules`), and memory for one message at a time: rows come from a cursor.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import cast

import asyncpg

from services.alerts.backtest import DEVICES_AT_ONCE, WARM_UP
from services.alerts.backtest import SQL as HISTORY_SQL
from services.alerts.registry import Registry
from services.alerts.rules.model import Reading
from services.alerts.stored_walk import Said, StoredWalk, find_bad_clocks, until_now
from services.alerts.trials.sides import Side, Trial
from services.core.rules.catalog import RULES
from services.core.topics import Kind

_AT_ONCE = 2000  # rows of a cursor
_TOLD_EVERY = 20_000  # rows
Note = Callable[[int, float], Awaitable[None]]
_message = itemgetter("device_id", "received_at")


async def walk_devices(conn: asyncpg.Connection, trial: Trial, sides: Sequence[Side], note: Note) -> None:
    """Walk every device of the trial that the rule looks at."""
    registry = Registry()
    kinds = RULES[trial.code].kinds or tuple(Kind)
    ids: list[tuple[str, int]] = []
    for kind in kinds:
        ids += [(kind, row["id"]) for row in await conn.fetch(HISTORY_SQL["devices"], kind)]
    await registry.load(conn, [number for _, number in ids])
    chosen = [
        (kind, number)
        for kind, number in ids
        if trial.devices is None or registry[number].profile.code in trial.devices
    ]
    done = 0
    for kind in kinds:
        mine = [number for of_kind, number in chosen if of_kind == kind]
        for start in range(0, len(mine), DEVICES_AT_ONCE):
            chunk = mine[start : start + DEVICES_AT_ONCE]
            seen: set[int] = set()

            async def note_chunk(rows: int, seen: set[int] = seen, done: int = done) -> None:
                await note(rows, (done + len(seen)) / len(chosen))

            await _walk_chunk(conn, kind, chunk, registry, trial, sides, seen, note_chunk)
            done += len(chunk)


async def _walk_chunk(  # noqa: PLR0917 - a chunk, and what every chunk is walked with
    conn: asyncpg.Connection,
    kind: str,
    chunk: Sequence[int],
    registry: Registry,
    trial: Trial,
    sides: Sequence[Side],
    seen: set[int],
    note: Callable[[int], Awaitable[None]],
) -> None:
    clocks = await find_bad_clocks(conn, trial.code, chunk, trial.since - WARM_UP, trial.until)
    end = await until_now(conn, trial.until)

    def begin(number: int) -> list[tuple[StoredWalk, Side]]:
        seen.add(number)
        profile, bad = registry[number].profile, clocks.get(number, ())
        return [(StoredWalk(profile, side.book, trial.code, side.changes, bad), side) for side in sides]

    def finish(walks: Sequence[tuple[StoredWalk, Side]]) -> None:
        for walk, side in walks:
            _note(side, walk.end(end), trial.since)

    walks: list[tuple[StoredWalk, Side]] = []
    rows, device = 0, None
    async for message in _messages(conn, kind, chunk, trial):
        rows += len(message)
        number, received_at = _message(message[0])
        if number != device:
            finish(walks)
            device, walks = number, begin(number)
        for walk, side in walks:
            _note(side, walk.take(received_at, message), trial.since)
        if rows >= _TOLD_EVERY:
            await note(rows)
            rows = 0
    finish(walks)
    for number in sorted(clocks.keys() - seen):  # only events, or nothing but refused readings
        finish(begin(number))
    await note(rows)


def _note(side: Side, said: Said, since: datetime) -> None:
    for at, finding in said:
        # what began before the period is no finding of it, and its end neither
        if finding.code == side.code and at >= since:
            side.findings.take_rule(at, finding)
    side.check()


async def _messages(
    conn: asyncpg.Connection, kind: str, chunk: Sequence[int], trial: Trial
) -> AsyncIterator[list[Reading]]:
    """Yield the readings of one message after the other, device by device."""
    together: list[Reading] = []
    async with conn.transaction(readonly=True):
        rows = conn.cursor(
            HISTORY_SQL[f"history_{kind}"], list(chunk), trial.since - WARM_UP, trial.until, prefetch=_AT_ONCE
        )
        async for row in rows:
            if together and _message(together[0]) != _message(row):
                yield together
                together = []
            together.append(cast("Reading", row))  # a record answers like the mapping that rules read
    if together:
        yield together
