"""Alarms that speak for many: they end when the last of their children has ended. Called by the bench every second.

Promises one line with its children below it; never delays or swallows a fire.
"""

from collections.abc import Mapping, Sequence

import asyncpg

from services.alerts.border import Border
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key, Place
from services.core.alarms.life.happenings import Finding
from services.core.aside import Unit
from services.core.rules.catalog import RULES
from services.core.rules.catalog_early import EARLY
from services.core.statements import load_queries
from services.core.words import Reason

SQL = load_queries(__file__)
Parameters = Mapping[str, Mapping[str, float]]


async def name_of_area(conn: asyncpg.Connection, area: str) -> str:
    """Return what people call an area: its name, or its code where it has none."""
    name: str | None = await conn.fetchval(SQL["area_name"], area)
    return name or area


async def end_parents(border: Border) -> list[str]:
    """End the alarms of areas whose children are all over; return those areas."""
    rows = [row for row in await border.conn.fetch(SQL["parents"], list(EARLY)) if row["standing"] == 0]
    if rows:
        await border.settle(rows, _end, lambda row: Unit("parent", f"{row['subject']} {row['code']}", row["area"]))
    return [row["area"] for row in rows]


async def _end(page: Page, rows: Sequence[asyncpg.Record]) -> None:
    keys = [Key(row["subject"], row["code"], row["component_key"]) for row in rows]
    await page.load(keys)
    for key, row in zip(keys, rows, strict=True):
        rule = RULES[row["code"]]
        finding = Finding(
            code=row["code"],
            category=rule.category,
            severity=rule.severity,
            reason=Reason("全部成员已恢复", "every member is back"),
            active=False,
            area=row["area"],
            component=row["component"],
            cause=row["code"],
        )
        page.take(key, finding, "clock", Place(key.subject, area=row["area"]))
