"""Events that ingest had to refuse: a fire could hide in each, so somebody must look.

Called by `events` and `readings` with the batches they read. One latched alarm of our own for each device.
"""

from collections.abc import Sequence

import asyncpg

from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import SYSTEM, Key
from services.core.alarms.life.happenings import Finding
from services.core.aside import Unit
from services.core.contracts import MISPLACED
from services.core.feed import Batch
from services.core.statements import load_queries
from services.core.text import clean_text
from services.core.topics import device_in
from services.core.words import Category, Reason, Severity

SQL = load_queries(__file__)
CODE = "event_unreadable"
LONGEST_TOPIC = 200  # of 64 KiB that MQTT allows


async def find_refused(conn: asyncpg.Connection, batches: Sequence[Batch], *, misplaced: bool = False) -> list[Finding]:
    """Return what was refused in these batches, once for each device; `misplaced`: events on other channels."""
    ids = [batch.id for batch in batches if batch.rejects]
    if not ids:
        return []
    marked = MISPLACED if misplaced else None
    rows = await conn.fetch(SQL["refused"], ids, marked)
    found: dict[str, Finding] = {}
    for row in rows:
        finding = _finding(row["topic"], row["reason"], misplaced=misplaced)
        found.setdefault(finding.component, finding)
    return list(found.values())


async def judge_refused(page: Page, findings: Sequence[Finding]) -> None:
    """Raise what was refused."""
    await page.load([_key(finding) for finding in findings])
    for finding in findings:
        page.take(_key(finding), finding, "event", SYSTEM)


def name_refused(finding: Finding) -> Unit:
    """Return it as a unit of work."""
    return Unit("refused_event", finding.component, fire=True)


def _finding(topic: str, reason: str, *, misplaced: bool) -> Finding:
    return Finding(
        code=CODE,
        category=Category.SYSTEM,
        severity=Severity.MAJOR,
        reason=_say(topic, reason, misplaced=misplaced),
        component=device_in(topic),
        cause=CODE,
        latched=True,
    )


def _say(sent_to: str, reason: str, *, misplaced: bool) -> Reason:
    topic = clean_text(sent_to, LONGEST_TOPIC)
    if misplaced:
        return Reason(
            f"事件发到了 {topic}，不会作为报警处理；请人工查看，并让设备改发到 up/event",
            f"an event came on {topic}, where it is no alarm; look at it, and have the device publish to up/event",
        )
    return Reason(
        f"{topic} 的事件无法读取（{reason}），请人工查看", f"an event on {topic} cannot be read ({reason}); look at it"
    )


def _key(finding: Finding) -> Key:
    return Key(SYSTEM.subject, finding.code, finding.component)
