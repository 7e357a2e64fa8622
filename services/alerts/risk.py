"""Keeps the risk of every site: looks at all of them every few seconds and writes down what changed. A duty of main.

Promises that a score is not older than a minute while it runs, that subscribers hear of every change of score or grade
in the transaction that stored it, that a site which fails by itself holds up no other, and a line of every day.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple, cast

import asyncpg

from services.core import db
from services.core.alarms.policies import parse_policies
from services.core.alarms.risk_weights import RiskCode
from services.core.aside import Asides, Unit, by_halves
from services.core.city.cloudevent import Event, EventType
from services.core.city.outbox import write_events
from services.core.clock import COUNTY, Clock
from services.core.prevention.risk import Assessment, Fact, Scale, assess
from services.core.prevention.risk_document import risk_document
from services.core.rules.catalog_early import EARLY
from services.core.statements import load_queries
from services.core.water import OUT_CODES

SQL = load_queries(__file__)
EVERY_S: Final = 20.0
AT_ONCE: Final = 200
"""Sites of one transaction, and between two looks at other work of the program."""
KIND: Final = "risk"


class Changed(NamedTuple):
    """A site whose stored risk is not what was found."""

    site_id: int
    area: str
    found: Assessment

    @property
    def reasons(self) -> list[dict[str, Any]]:
        """Return the reasons as they are stored."""
        return [one.document() for one in self.found.reasons]


class Risks:
    """Looks at all sites, over and over."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, retention_days: int) -> None:
        self._pool = pool
        self._clock = clock
        self._kept = timedelta(days=retention_days)
        self._asides = Asides("alerts", clock)
        self._day: date | None = None

    async def take_turn(self) -> float:
        """Look at every site once."""
        async with self._pool.acquire() as lent:
            conn = cast("asyncpg.Connection", lent)
            await self._asides.refresh(conn)
            now = self._clock.now()
            await self._begin_day(conn, now.astimezone(COUNTY).date())
            version, scale = await _read_scale(conn)
            windows = (scale.false_alarms_d, scale.fire_recent_d, scale.guard_d)
            since = [now - timedelta(days=days) for days in windows]
            codes = (sorted(EARLY), list(OUT_CODES))
            facts = _by_site(await conn.fetch(SQL["facts"], now, *since, float(scale.water_radius_m), *codes))
            stored = await conn.fetch(SQL["stored"])
            for first in range(0, len(stored), AT_ONCE):
                some = stored[first : first + AT_ONCE]
                changed = [one for row in some if (one := _changed(row, facts, version, scale, now)) is not None]
                waiting = [one for one in changed if not self._asides.waits(KIND, _name(one))]
                await by_halves(waiting, self._write_all(conn, version, now), self._spoiled(conn))
                await self._clock.sleep(0)  # fires may be waiting
            await conn.execute(SQL["looked"], now)
        return EVERY_S

    async def _begin_day(self, conn: asyncpg.Connection, day: date) -> None:
        await conn.execute(SQL["begin_day"], day)
        if day != self._day:
            await conn.execute(SQL["forget_days"], day - self._kept)
            self._day = day

    def _write_all(self, conn: asyncpg.Connection, version: int, now: datetime) -> Callable[..., Any]:
        async def write(some: Sequence[Changed]) -> None:
            async with conn.transaction():
                await _write(conn, some, version, now)
            for one in some:
                await self._asides.over(conn, KIND, _name(one))

        return write

    def _spoiled(self, conn: asyncpg.Connection) -> Callable[..., Any]:
        async def set_aside(one: Changed, error: Exception) -> None:
            db.pass_on_cancel()
            await self._asides.add(conn, Unit(KIND, _name(one), one.area), error)

        return set_aside


def _name(one: Changed) -> str:
    return f"site:{one.site_id}"


async def _read_scale(conn: asyncpg.Connection) -> tuple[int, Scale]:
    """Return the policy `risk` with its version; a field that cannot be used has its default."""
    row = await conn.fetchrow(SQL["policy"])
    stored = {} if row is None else {"risk": row["body"]}
    return (0 if row is None else row["version"]), Scale.of(parse_policies(stored).bodies["risk"])


def _by_site(rows: Sequence[asyncpg.Record]) -> dict[int, list[Fact]]:
    found: dict[int, list[Fact]] = {}
    for row in rows:
        fact = Fact(RiskCode(row["code"]), row["count"], row["since"], tuple(row["names"] or ()))
        found.setdefault(row["site_id"], []).append(fact)
    return found


def _changed(
    row: asyncpg.Record, facts: Mapping[int, list[Fact]], version: int, scale: Scale, now: datetime
) -> Changed | None:
    known = [_with_since(fact, row["reasons"] or (), now) for fact in facts.get(row["site_id"], ())]
    found = Changed(row["site_id"], row["area"], assess(known, scale, now))
    stored = (row["score"], row["grade"], row["policy_version"], row["reasons"])
    fresh = (found.found.score, found.found.grade, version, found.reasons)
    return None if stored == fresh else found


def _with_since(fact: Fact, stored: Sequence[Mapping[str, Any]], now: datetime) -> Fact:
    """Return a fact that says since when: as its rows do, else since the first look that found one of its kind."""
    if fact.since is not None:
        return fact
    before = next((one["since"] for one in stored if one["code"] == fact.code), None)
    return fact._replace(since=now if before is None else datetime.fromisoformat(before))


async def _write(conn: asyncpg.Connection, some: Sequence[Changed], version: int, now: datetime) -> None:
    """Store scores with their day, and tell subscribers of those that changed. Called inside a transaction."""
    before = {row["site_id"]: row for row in await conn.fetch(SQL["before"], [one.site_id for one in some])}
    rows = [
        {"site_id": one.site_id, "score": one.found.score, "grade": one.found.grade, "reasons": one.reasons}
        for one in some
    ]
    await conn.execute(SQL["write"], rows, version, now)
    await conn.execute(SQL["write_day"], rows, version, now.astimezone(COUNTY).date())
    await write_events(conn, [told for one in some if (told := _event(before[one.site_id], one, version, now))])


def _event(before: asyncpg.Record, one: Changed, version: int, now: datetime) -> Event | None:
    """Return what subscribers are told; None: neither score nor grade changed. A first score is a change from 0."""
    was = (before["score"] or 0, before["grade"] or "blue")
    if was == (one.found.score, one.found.grade):
        return None
    since = before["since"] if before["grade"] == one.found.grade else now
    row = dict(before) | {
        "score": one.found.score, "grade": one.found.grade, "reasons": one.reasons, "policy_version": version,
        "since": since, "updated_at": now,
    }  # fmt: skip
    told = {"risk": risk_document(row), "before": {"score": was[0], "grade": was[1]}}
    return Event(EventType.RISK_CHANGED, f"site:{one.site_id}", before["area"], now, told)
