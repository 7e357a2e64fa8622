"""Where the time of a trial went: the moments that the rows of its way to the desk carry.

Called by `bench alarm` after the trials. Reads only.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import asyncpg

STAGES = ("received by ingest", "committed", "alarm decided", "first attempt", "accepted by the desk")

# one row per alarm that was told: device, then the seconds (Unix) at which each stage but the first was reached
MOMENTS = """
    select d.code, extract(epoch from f.received_at)::float8 as received,
        extract(epoch from b.committed_at)::float8 as committed, extract(epoch from a.opened_at)::float8 as decided,
        extract(epoch from (select min(t.at) from notice_attempt t where t.notice_id = n.id))::float8 as attempted
    from notice n
    join alarm a on a.id = n.alarm_id
    join device d on d.id = a.device_id
    join lateral (
        select received_at, batch_id from event where n.fire and device_id = d.id
        union all
        (select received_at, batch_id from reading_hydrant where not n.fire and device_id = d.id
            order by seq desc limit 1)) f on true
    join ingest_batch b on b.id = f.batch_id
    where n.type = $1 and d.code = any($2::text[])
"""


async def read_moments(dsn: str, notice: str, codes: Sequence[str]) -> dict[str, list[float]]:
    """Return what the database knows of each device's way to its notice of this type."""
    conn = await asyncpg.connect(dsn)
    try:
        return {row["code"]: list(row.values())[1:] for row in await conn.fetch(MOMENTS, notice, list(codes))}
    finally:
        await conn.close()


def ways(
    started_s: Mapping[str, float], moments: Mapping[str, Sequence[float]], received_s: Mapping[str, float]
) -> dict[str, list[float]]:
    """Return all moments of the trials that came through, from the deed to the desk (Unix seconds)."""
    return {code: [started_s[code], *moments[code], received_s[code]] for code in moments.keys() & received_s.keys()}


def spent_ms(trials: Iterable[Sequence[float]]) -> dict[str, list[float]]:
    """Return the milliseconds that each trial spent on its way to each stage."""
    steps = [[(done - begun) * 1000 for begun, done in pairwise(way)] for way in trials]
    return {stage: [step[number] for step in steps] for number, stage in enumerate(STAGES)}


def slowest(trials: Mapping[str, Sequence[float]], count: int) -> list[dict[str, Any]]:
    """Return the slowest trials, each with the milliseconds of its stages."""
    worst = sorted(trials, key=lambda code: trials[code][-1] - trials[code][0], reverse=True)[:count]
    return [
        {
            "device": code,
            "started_s": trials[code][0],
            "stages_ms": [round(spent) for (spent,) in spent_ms([trials[code]]).values()],
        }
        for code in worst
    ]
