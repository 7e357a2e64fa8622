"""Messages that brokers dropped because a queue was full. Called by `health`.

Promises that the count goes on while the alarm stands, whichever broker drops, and that whoever has taken the alarm is
asked again when it happens anew.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import asyncpg

from services.core.alarms.ledger.page import Page
from services.core.alarms.life.happenings import Finding
from services.core.statements import load_queries
from services.core.words import Category, Reason, Severity

SQL = load_queries(__file__)
CODE: Final = "queue_dropped"
DROPPED: Final = "broker_dropped"  # the cursor row that keeps the brokers' counters as last seen
ANEW_AFTER: Final = timedelta(minutes=10)
"""What is dropped so long after the last time is another overload."""


async def find_dropped(page: Page, lanes: Iterable[asyncpg.Record]) -> Finding | None:
    """Return what was dropped since the last look, with what the standing alarm says already; None: nothing."""
    dropped = _count(lanes)
    (row,) = await page.conn.fetch(SQL["dropped_before"], DROPPED, CODE)
    known = row["known"] or 0
    if row["known"] is None or dropped != known:
        await page.conn.execute(SQL["keep_dropped"], DROPPED, dropped, page.now)
    if dropped <= known:
        return None
    messages = dropped - known + int(row["told"] or 0)
    anew = row["told"] is None or row["since"] is None or page.now - row["since"] > ANEW_AFTER
    reason = Reason(
        f"消息队列已满，消息服务器丢弃 {messages} 条消息", f"a queue was full: the broker dropped {messages} messages"
    )
    return Finding(
        CODE,
        Category.SYSTEM,
        Severity.CRITICAL,
        reason,
        value=float(messages),
        cause=CODE,
        latched=True,
        counted=True,
        news_at=page.now if anew else None,
    )


def _count(lanes: Iterable[Any]) -> int:
    """Add up what the brokers dropped; both lanes of one broker read the same counter."""
    by_broker: dict[str, int] = {}
    for lane in lanes:
        partition = lane["writer"].rpartition("/")[0]
        by_broker[partition] = max(by_broker.get(partition, 0), lane["broker_dropped"])
    return sum(by_broker.values())
