"""Keeps the risk of every site: looks at all of them every few seconds and writes down what changed. A duty of main.

Promises that a score is not older than a minute while it runs, that subscribers hear of every change of score or grade
once, in the transaction that stored it, however many of these programs run; that a site which cannot be judged or
written holds up no other; and a line of every day.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple, cast

import asyncpg

from services.core import db
from services.core.alarms.policies import parse_policies
from services.core.alarms.risk_weights import RiskCode
from services.core.aside import BLOCKED_AFTER, RETRY_AFTER, Asides, Unit, by_halves, is_blocked, own_fault
from services.core.city.cloudevent import Event, EventType
from services.core.city.outbox import write_events
from services.core.clock import COUNTY, Clock
from services.core.prevention.risk import Assessment, Fact, Scale, assess
from services.core.prevention.risk_document import risk_document
from services.core.prevention.thresholds import threshold
from services.core.rules.catalog_early import EARLY
from services.core.statements import load_queries
from services.core.steady import is_steady
from services.core.water import OUT_CODES

SQL = load_queries(__file__)
EVERY_S: Final = 20.0
AT_ONCE: Final = 200
"""Sites of one transaction, and between two looks at other work of the program."""
KIND: Final = "risk"
DAYS: Final = "days"  # the lines of a new day, set aside like a site


class Look(NamedTuple):
    """What one look at all sites goes by."""

    facts: Mapping[int, Sequence[asyncpg.Record]]
    version: int
    scale: Scale
    now: datetime


class Changed(NamedTuple):
    """A site whose stored risk is not what was found."""

    stored: asyncpg.Record
    found: Assessment

    @property
    def site_id(self) -> int:
        """Return the site's number."""
        return int(self.stored["site_id"])

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
            look = await _look(conn, now)
            stored = await conn.fetch(SQL["stored"])
            for first in range(0, len(stored), AT_ONCE):
                some = [row for row in stored[first : first + AT_ONCE] if not self._asides.waits(KIND, _name(row))]
                await by_halves(some, self._judge_all(conn, look), self._spoiled(conn), _is_of_the_site)
                await self._clock.sleep(0)  # fires may be waiting
            await conn.execute(SQL["looked"], now)
        return EVERY_S

    async def _begin_day(self, conn: asyncpg.Connection, day: date) -> None:
        """Write the lines of a day that has begun; the scores of sites do not wait for them."""
        if self._asides.waits(KIND, DAYS):
            return
        try:
            async with conn.transaction():
                await conn.execute(SQL["wait_a_moment"])
                await conn.execute(SQL["begin_day"], day)
                if day != self._day and await is_steady(conn, self._clock.now()):
                    await conn.execute(SQL["forget_days"], day - self._kept)
        except Exception as error:
            if not _is_of_the_site(error):
                raise
            await self._set_aside(conn, Unit(KIND, DAYS), error)
            return
        await self._asides.over(conn, KIND, DAYS)
        self._day = day

    def _judge_all(self, conn: asyncpg.Connection, look: Look) -> Callable[..., Any]:
        async def judge(some: Sequence[asyncpg.Record]) -> None:
            changed = [one for row in some if (one := _changed(row, look)) is not None]
            if changed:
                async with conn.transaction():
                    await _write(conn, changed, look)
            for row in some:
                await self._asides.over(conn, KIND, _name(row))

        return judge

    def _spoiled(self, conn: asyncpg.Connection) -> Callable[..., Any]:
        async def set_aside(row: asyncpg.Record, error: Exception) -> None:
            await self._set_aside(conn, Unit(KIND, _name(row), row["area"]), error)

        return set_aside

    async def _set_aside(self, conn: asyncpg.Connection, unit: Unit, error: Exception) -> None:
        db.pass_on_cancel()
        await self._asides.add(conn, unit, error, BLOCKED_AFTER if is_blocked(error) else RETRY_AFTER)


def _is_of_the_site(error: Exception) -> bool:
    """Whether a failure belongs to the site at hand, or to who holds its row.

    A statement that took too long does not: it waited for the turn, or is too slow for all.
    """
    return own_fault(error) or (is_blocked(error) and not isinstance(error, asyncpg.QueryCanceledError))


def _name(row: asyncpg.Record) -> str:
    return f"site:{row['site_id']}"


async def _look(conn: asyncpg.Connection, now: datetime) -> Look:
    """Return what is known of all sites. A field of the policy `risk` that cannot be used has its default."""
    row = await conn.fetchrow(SQL["policy"])
    stored = {} if row is None else {"risk": row["body"]}
    scale = Scale.of(parse_policies(stored).bodies["risk"])
    since = [now - timedelta(days=days) for days in (scale.false_alarms_d, scale.fire_recent_d, scale.guard_d)]
    codes = (sorted(EARLY), list(OUT_CODES))
    facts: dict[int, list[asyncpg.Record]] = {}
    numbers = (float(scale.water_radius_m), *codes, threshold("inspection_d"))
    for fact in await conn.fetch(SQL["facts"], now, *since, *numbers):
        facts.setdefault(fact["site_id"], []).append(fact)
    return Look(facts, 0 if row is None else row["version"], scale, now)


def _changed(row: asyncpg.Record, look: Look) -> Changed | None:
    known = [_fact(fact, row["reasons"], look.now) for fact in look.facts.get(row["site_id"], ())]
    changed = Changed(row, assess(known, look.scale, look.now))
    fresh = (changed.found.score, changed.found.grade, look.version, changed.reasons)
    return None if _as_stored(row) == fresh else changed


def _as_stored(row: asyncpg.Record) -> tuple[Any, ...]:
    return row["score"], row["grade"], row["policy_version"], row["reasons"]


def _fact(row: asyncpg.Record, reasons: object, now: datetime) -> Fact:
    """Return a fact that says since when: as its rows do, else since the first look that found one of its kind."""
    code = RiskCode(row["code"])
    since = row["since"] or _stored_since(reasons, code) or now
    return Fact(code, row["count"], since, tuple(row["names"] or ()))


def _stored_since(reasons: object, code: RiskCode) -> datetime | None:
    """Return since when stored reasons have one of a code; None: they have none, or cannot be read."""
    for one in reasons if isinstance(reasons, list) else ():
        if isinstance(one, dict) and one.get("code") == code and isinstance(one.get("since"), str):
            with suppress(ValueError):
                since = datetime.fromisoformat(one["since"])
                return since if since.tzinfo is not None else None
    return None


async def _write(conn: asyncpg.Connection, judged: Sequence[Changed], look: Look) -> None:
    """Store scores with their day, and tell subscribers of those that changed. Called inside a transaction.

    Programs take turns. What is stored otherwise by now than when it was judged, another one has just written: left
    to the next look.
    """
    await conn.execute(SQL["take_turn"])
    await conn.execute(SQL["wait_a_moment"])
    found = await conn.fetch(SQL["before"], [one.site_id for one in judged])
    before = {row["site_id"]: row for row in found}
    some = [
        one
        for one in judged
        if (now := before.get(one.site_id)) is not None and _as_stored(now) == _as_stored(one.stored)
    ]
    rows = [
        {"site_id": one.site_id, "score": one.found.score, "grade": one.found.grade, "reasons": one.reasons}
        for one in some
    ]
    await conn.execute(SQL["write"], rows, look.version, look.now)
    await conn.execute(SQL["write_day"], rows, look.version, look.now.astimezone(COUNTY).date())
    await write_events(conn, [told for one in some if (told := _event(before[one.site_id], one, look))])


def _event(before: asyncpg.Record, one: Changed, look: Look) -> Event | None:
    """Return what subscribers are told; None: neither score nor grade changed. A first score is a change from 0."""
    was = (before["score"] or 0, before["grade"] or "blue")
    if was == (one.found.score, one.found.grade):
        return None
    row = dict(before) | {
        "score": one.found.score, "grade": one.found.grade, "reasons": one.reasons, "policy_version": look.version,
        "since": before["since"] if before["grade"] == one.found.grade else look.now, "updated_at": look.now,
    }  # fmt: skip
    told = {"risk": risk_document(row), "before": {"score": was[0], "grade": was[1]}}
    return Event(EventType.RISK_CHANGED, f"site:{one.site_id}", before["area"], look.now, told)
