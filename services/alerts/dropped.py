"""Messages that brokers dropped because a queue was full. Called by `health`.

Promises that the count goes on while the alarm stands, whichever broker drops and however many lanes hear of it, and
that whoever has taken the alarm is asked again when it happens anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

import asyncpg

from services.core.alarms.ledger.page import Page
from services.core.alarms.life.happenings import Finding
from services.core.statements import load_queries
from services.core.words import Category, Reason, Severity

SQL = load_queries(__file__)
CODE: Final = "queue_dropped"
ANEW_AFTER: Final = timedelta(minutes=10)
"""What is dropped so long after the last time is another overload."""
ALIVE: Final = timedelta(seconds=10)
"""A lane that reported so much earlier than another one of its broker is not the one to count by."""


async def find_dropped(page: Page, lanes: Sequence[asyncpg.Record]) -> Finding | None:
    """Return what was dropped since the last look, with what the standing alarm says already; None: nothing."""
    dropped = _count(lanes)
    since = max((lane["dropped_at"] for lane in lanes if lane["dropped_at"]), default=None)
    news = [(lane["writer"], lane["broker_dropped"]) for lane in lanes if lane["broker_dropped"] != lane["told"]]
    if news:
        await page.conn.execute(SQL["seen"], *zip(*news, strict=True), page.now)
    if not dropped:
        return None
    told = await page.conn.fetchval(SQL["told"], CODE)
    messages = dropped + int(told or 0)
    anew = told is None or since is None or page.now - since > ANEW_AFTER
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
    """Add up what brokers dropped since the last look, each by one lane: all of a broker read the same counter."""
    by_broker: dict[str, list[Any]] = defaultdict(list)
    for lane in lanes:
        by_broker[lane["broker"]].append(lane)
    return sum(map(_risen, by_broker.values()))


def _risen(lanes: Sequence[Any]) -> int:
    """By how much the counter of one broker rose: always by the same lane of those that report."""
    newest = max(lane["updated_at"] for lane in lanes)
    teller = min((lane for lane in lanes if newest - lane["updated_at"] < ALIVE), key=lambda lane: lane["writer"])
    told = teller["told"]
    return 0 if told is None else max(0, teller["broker_dropped"] - told)
