"""Our own health as alarms of category `system`, for the duty desk. Called by the bench.

Promises that a failing dispatch, a stalled ingest, a lost session or a dropped message is never only a log line.
"""

from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import asyncpg

from services.alerts.border import Border
from services.alerts.certificates import EXPIRING, NO_CERTIFICATES, Certificates
from services.alerts.copies import judge_copies
from services.alerts.disk_use import DiskUse
from services.alerts.dropped import find_dropped
from services.alerts.lanes_gone import forget_gone
from services.alerts.links import say_not_carried, say_set_aside, say_silent
from services.alerts.room import Crowd, Disks, Shortage
from services.alerts.storage import StorageJobs
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import SYSTEM, Key
from services.core.alarms.life.happenings import Finding, Situation
from services.core.aside import Unit
from services.core.clock import CLOCK_SET_BACK
from services.core.statements import load_queries
from services.core.words import Category, Reason, Severity

SQL = load_queries(__file__)
JOB_FAILED = "storage_job_failed"
KIND = "health"  # of what is set aside
SILENT = Situation(grouped=True)  # a notice about failing dispatch cannot go through dispatch: contacts are called


class Part(NamedTuple):
    """One thing that is checked, and the codes of its alarms."""

    name: str
    look: Callable[[Page], Awaitable[list[Finding] | None]]  # None: not known yet
    codes: set[str]
    unknown: AbstractSet[str] = frozenset()  # components whose alarms stay as they are


class Health:
    """Checks everything that can go wrong with us; the limits are the policy `health`."""

    def __init__(
        self,
        *folders: Path,
        has_desk: bool,
        has_county: bool = False,
        since: datetime,
        storage_jobs: StorageJobs | None = None,
        disk_use: DiskUse | None = None,
        certificates: Certificates = NO_CERTIFICATES,
    ) -> None:
        self._disks = Disks(folders) if disk_use is None else Disks(folders, disk_use.full_in_days)
        self._storage_jobs = storage_jobs
        self._certificates = certificates
        self._crowd = Crowd()
        self._has_desk = has_desk
        self._has_county = has_county
        self._since = since

    @property
    def parts(self) -> list[Part]:
        """The checks, each with the alarms that it raises and ends."""
        return [
            Part("dispatch", self._dispatch, {"dispatch_failed"}),
            Part("storage", self._storage, {"storage_low"}, self._disks.unseen),
            *self._storage_job_parts(),
            Part("certificates", self._ending, {EXPIRING}, self._certificates.unseen),
            Part("connections", self._connections, {"connections_full"}),
            Part("clocks", self._drift, {"clock_drift"}),
            Part("lanes", self._lanes, {"queue_dropped", "session_lost", "ingest_stalled"}),
            Part("copies", self._copies, {"backup_overdue"}),
            Part("townships", self._townships, {"township_silent"}),
            Part("set_aside", self._set_aside, {"set_aside"}),
        ]

    async def watch(self, border: Border) -> None:
        """Raise what is wrong now and end what is over; a check that fails leaves its alarms as they are."""
        parts = [part for part in self.parts if not border.asides.waits(KIND, part.name)]
        await border.settle(parts, self.judge, lambda part: Unit(KIND, part.name))

    async def judge(self, page: Page, parts: Sequence[Part]) -> None:
        """Look at these parts."""
        for part in parts:
            findings = await part.look(page)
            if findings is not None:
                await self._judge_part(page, findings, part)

    async def _judge_part(self, page: Page, findings: Sequence[Finding], part: Part) -> None:
        found = {(finding.code, finding.component): finding for finding in findings}
        rows = await page.conn.fetch(SQL["open_system"], sorted(part.codes))
        opened = {(row["code"], row["component"]): row for row in rows}
        begun = [
            finding
            for key, finding in found.items()
            if key not in opened
            or not opened[key]["active"]
            or finding.severity.rank > Severity(opened[key]["severity"]).rank
            or (finding.counted and finding.reason.zh != opened[key]["reason"])
            or (finding.news_at is not None and finding.news_at.isoformat() != opened[key]["news_at"])
        ]
        ended = [
            _finding(code, Severity.INFO, Reason("已恢复", "over"), component=component, active=False)
            for (code, component), row in opened.items()
            if row["active"] and not row["latched"] and (code, component) not in found and component not in part.unknown
        ]
        await page.load([_key(finding) for finding in (*begun, *ended)])
        for finding in (*begun, *ended):
            situation = SILENT if finding.code == "dispatch_failed" else Situation()
            page.take(_key(finding), finding, "health", SYSTEM, situation)

    async def _dispatch(self, page: Page) -> list[Finding]:
        return await (self._county(page) if self._has_county else self._desk(page))

    async def _county(self, page: Page) -> list[Finding]:
        """Find confirmed fires that the county, which tells 119, does not have yet."""
        after = timedelta(seconds=page.policies.number("notices", "carried_after_s"))
        (row,) = await page.conn.fetch(SQL["not_carried"], page.now - after, page.now + CLOCK_SET_BACK)
        waiting = row["waiting"]
        if not waiting:
            return []
        reason = say_not_carried(waiting)
        news = row["newest"]
        return [
            _finding("dispatch_failed", Severity.CRITICAL, reason, value=float(waiting), counted=True, news_at=news)
        ]

    async def _desk(self, page: Page) -> list[Finding]:
        after = timedelta(seconds=page.policies.number("notices", "overdue_after_s"))
        row = await page.conn.fetchrow(SQL["dispatch"], page.now - after, page.now + CLOCK_SET_BACK)
        if row is None:
            return []
        overdue = row["overdue"] if self._has_desk else row["overdue_fires"]
        if not overdue and not row["dead"]:
            return []
        silent = (
            Reason("无应答", "no answer")
            if self._has_desk
            else Reason("未配置 119 接口地址", "no address of 119 is set")
        )
        why = Reason(row["error"], row["error"]) if row["error"] else silent
        reason = Reason(
            f"119 未接收 {overdue} 条通知，拒绝 {row['dead']} 条：{why.zh}",
            f"the desk has not accepted {overdue} notices and refused {row['dead']}: {why.en}",
        )
        value, news = float(overdue + row["dead"]), row["newest_fire"]
        return [_finding("dispatch_failed", Severity.CRITICAL, reason, value=value, counted=True, news_at=news)]

    async def _storage(self, page: Page) -> list[Finding]:
        return [_of_room(shortage) for shortage in self._disks.look(page.policies)]

    def _storage_job_parts(self) -> list[Part]:
        """Return the check of TimescaleDB's jobs, once they have been read."""
        failed = None if self._storage_jobs is None else self._storage_jobs.failed
        if failed is None:
            return []
        findings = [_finding(JOB_FAILED, Severity.MINOR, one.reason, component=one.component) for one in failed]

        async def look(_page: Page) -> list[Finding]:
            return findings

        return [Part("storage_jobs", look, {JOB_FAILED})]

    async def _ending(self, page: Page) -> list[Finding]:
        return [_of_room(one) for one in self._certificates.expiring(page.now)]

    async def _connections(self, page: Page) -> list[Finding]:
        row = await page.conn.fetchrow(SQL["connections"])
        now, limit = (row["connections"], row["connections_limit"]) if row is not None else (0, 0)
        shortage = self._crowd.judge(now, limit, page.policies)
        return [] if shortage is None else [_of_room(shortage)]

    async def _copies(self, page: Page) -> list[Finding]:
        rows = await page.conn.fetch(SQL["copies"])
        shortage = judge_copies(dict(rows[0]) if rows else None, page.now, page.policies)
        return [] if shortage is None else [_of_room(shortage)]

    async def _townships(self, page: Page) -> list[Finding] | None:
        """Find links to townships that are silent; those that were never heard are not there yet."""
        starting_s, limit_s = (page.policies.number("health", name) for name in ("starting_s", "township_silent_s"))
        if (page.now - self._since).total_seconds() < starting_s:  # the county itself may have been away
            return None
        silent = await page.conn.fetch(SQL["townships"], page.now - timedelta(seconds=limit_s))
        return [
            _finding("township_silent", Severity.MAJOR, say_silent(dict(row)), component=row["name"]) for row in silent
        ]

    async def _drift(self, page: Page) -> list[Finding]:
        """Compare our clock with the database's, and with the alarms that are on record already."""
        found: list[Finding] = []
        limit_s = page.policies.number("health", "drift_s")
        (row,) = await page.conn.fetch(SQL["clocks"])
        drift_s = abs((row["now"] - page.now).total_seconds())
        if drift_s > limit_s:
            reason = Reason(
                f"本机与数据库时钟相差 {drift_s:.1f} 秒", f"our clock and the database's differ by {drift_s:.1f} s"
            )
            found.append(_finding("clock_drift", Severity.MINOR, reason, value=round(drift_s, 1), limit=limit_s))
        newest = row["newest_alarm"]
        if newest is not None and newest > page.now + CLOCK_SET_BACK:
            ahead_min = (newest - page.now).total_seconds() / 60
            reason = Reason(
                f"本机时钟比最近的警情记录早 {ahead_min:.0f} 分钟：现在偏慢，或此前偏快，请核对服务器时间",
                f"our clock is {ahead_min:.0f} min before an alarm that is on record: it is slow, or was fast before;"
                " check the server's time",
            )
            limit_min = CLOCK_SET_BACK.total_seconds() / 60
            found.append(
                _finding(
                    "clock_drift", Severity.MAJOR, reason, component="records", value=round(ahead_min), limit=limit_min
                )
            )
        return found

    async def _lanes(self, page: Page) -> list[Finding]:
        found: list[Finding] = []
        lanes = await forget_gone(page, await page.conn.fetch(SQL["lanes"]))
        dropped = await find_dropped(page)
        if dropped is not None:
            found.append(dropped)
        shown_for = timedelta(seconds=page.policies.number("health", "session_lost_for_s"))
        for row in lanes:
            if row["session_lost_at"] is not None and page.now - row["session_lost_at"] < shown_for:
                reason = Reason(
                    f"{row['writer']} 的会话丢失，期间的消息可能未送达",
                    f"the broker lost the session of {row['writer']}: messages of that time may be missing",
                )
                found.append(_finding("session_lost", Severity.MAJOR, reason, component=row["writer"]))
            stalled = self._stalled(row, page)
            if stalled is not None:
                found.append(stalled)
        return found

    async def _set_aside(self, page: Page) -> list[Finding]:
        """Find what programs set aside and nobody has dealt with, by program and kind."""
        return [
            _finding(
                "set_aside",
                Severity.CRITICAL if row["fire"] else Severity.MAJOR,
                say_set_aside(row),
                component=f"{row['program']}:{row['kind']}",
                value=float(row["units"]),
                counted=True,
                news_at=row["newest_fire"],
            )
            for row in await page.conn.fetch(SQL["set_aside"])
        ]

    def _stalled(self, lane: asyncpg.Record, page: Page) -> Finding | None:
        """Find a lane that has not received its own probes, or has acknowledged nothing, for too long."""
        starting_s, limit_s = (page.policies.number("health", name) for name in ("starting_s", "stalled_s"))
        if (page.now - self._since).total_seconds() < starting_s:  # ingest may still be starting when we begin
            return None
        heard = lane["watermark"] or lane["updated_at"]
        age_s = max((page.now - heard).total_seconds(), lane["oldest_unacked_s"])
        if age_s <= limit_s:
            return None
        reason = Reason(
            f"{lane['writer']} 已 {age_s:.0f} 秒没有入库", f"{lane['writer']} has stored nothing for {age_s:.0f} s"
        )
        return _finding(
            "ingest_stalled", Severity.CRITICAL, reason, component=lane["writer"], value=round(age_s), limit=limit_s
        )


def _of_room(shortage: Shortage) -> Finding:
    return _finding(
        shortage.code,
        shortage.severity,
        shortage.reason,
        component=shortage.component,
        value=shortage.value,
        limit=shortage.limit,
    )


def _key(finding: Finding) -> Key:
    return Key(SYSTEM.subject, finding.code, finding.component)


def _finding(
    code: str,
    severity: Severity,
    reason: Reason,
    *,
    component: str = "",
    active: bool = True,
    value: float | None = None,
    limit: float | None = None,
    counted: bool = False,
    news_at: datetime | None = None,
) -> Finding:
    return Finding(
        code=code,
        category=Category.SYSTEM,
        severity=severity,
        reason=reason,
        active=active,
        component=component,
        value=value,
        limit=limit,
        cause=code,
        counted=counted,
        news_at=news_at,
    )
