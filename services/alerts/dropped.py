"""Messages that brokers dropped because a queue was full. Called by `health`.

Promises that the count goes on while the alarm stands, whichever broker drops and however many lanes hear of it, and
that whoever has taken the alarm is asked again when it happens anew.
"""

from datetime import timedelta
from typing import Final

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
    brokers = await page.conn.fetch(SQL["counters"])
    risen = {row["broker"]: _risen(row["counter"], row["told"]) for row in brokers}
    changed = [
        (row["broker"], row["counter"], page.now if risen[row["broker"]] else row["rose_at"])
        for row in brokers
        if row["counter"] != row["told"]
    ]
    if changed:
        await page.conn.execute(SQL["keep"], *zip(*changed, strict=True))
    dropped = sum(risen.values())
    if not dropped:
        return None
    told = await page.conn.fetchval(SQL["standing"], CODE)
    messages = dropped + int(told or 0)
    since = max((row["rose_at"] for row in brokers if row["rose_at"] is not None), default=None)
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


def _risen(counter: int, told: int | None) -> int:
    """By how much a broker's counter rose. What it counted before it was first heard is nobody's news."""
    if told is None:
        return 0
    return counter - told if counter >= told else counter  # the broker began anew, and counts from 0
