"""Messages that brokers dropped because a queue was full. Called by `health`.

Promises that the count goes on while the alarm stands, whichever broker drops and however many lanes hear of it, and
that whoever has taken the alarm is asked again when it happens anew.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import asyncpg

from services.core.alarms.ledger.page import Page
from services.core.alarms.life.happenings import Finding
from services.core.statements import load_queries
from services.core.words import Category, Reason, Severity

SQL = load_queries(__file__)
CODE: Final = "queue_dropped"
ANEW_AFTER: Final = timedelta(minutes=10)
"""What is dropped so long after the last time is another overload."""


async def find_dropped(page: Page) -> Finding | None:
    """Return what was dropped since the last look, with what the standing alarm says already; None: nothing."""
    brokers: dict[str, list[asyncpg.Record]] = defaultdict(list)
    for lane in await page.conn.fetch(SQL["lanes"]):
        brokers[lane["broker"]].append(lane)
    totals = {broker: _total(lanes) for broker, lanes in brokers.items()}
    new = [
        (lane["writer"], broker, totals[broker] - lane["dropped"])
        for broker, lanes in brokers.items()
        for lane in lanes
        if lane["ahead"] is None
    ]
    if new:
        await page.conn.execute(SQL["set_ahead"], *zip(*new, strict=True))
    told = {broker: lanes[0]["told"] for broker, lanes in brokers.items()}
    risen = {broker: total - (told[broker] or 0) for broker, total in totals.items()}
    changed = [
        (broker, total, page.now if risen[broker] else None)
        for broker, total in totals.items()
        if risen[broker] or told[broker] is None
    ]
    if changed:
        await page.conn.execute(SQL["keep"], *zip(*changed, strict=True))
    dropped = sum(risen.values())
    if not dropped:
        return None
    known = await page.conn.fetchval(SQL["standing"], CODE)
    messages = dropped + int(known or 0)
    since = max((lanes[0]["rose_at"] for lanes in brokers.values() if lanes[0]["rose_at"] is not None), default=None)
    anew = known is None or since is None or page.now - since > ANEW_AFTER
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


def _total(lanes: Sequence[asyncpg.Record]) -> int:
    """Return how much a broker dropped since it was first seen: what the lane says that has heard most of it.

    Each lane counts by itself, over restarts of the broker and its own: one that is behind or stopped hides nothing.
    """
    heard: list[int] = [lane["dropped"] + lane["ahead"] for lane in lanes if lane["ahead"] is not None]
    return max([*heard, lanes[0]["told"] or 0])
