"""Whether the backup copies of this system are recent enough. Called by `services.alerts.health`.

Promises: a backup program that is dead, cannot write or cannot read is detected in the same way, by what is missing. A
system that keeps no copies gets no alarm.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.alerts.room import Shortage
from services.core.alarms.policies import Policies
from services.core.words import Reason, Severity


def judge_copies(row: Mapping[str, Any] | None, now: datetime, policies: Policies) -> Shortage | None:
    """Say what is overdue, by the row of `backup_status`: the log first, then the base copy."""
    if row is None:
        return None
    log_limit_s = policies.number("health", "backup_log_s")
    copy_limit_h = policies.number("health", "backup_copy_h")
    log_age = now - (row["logged_at"] or row["since"])
    copy_age = now - (row["copied_at"] or row["since"])
    why_zh, why_en = (f"：{row['error']}", f": {row['error']}") if row["error"] else ("", "")
    if log_age > timedelta(seconds=log_limit_s):
        minutes = log_age.total_seconds() / 60
        reason = Reason(
            f"备份滞后 {minutes:.0f} 分钟，此后的数据只存于本机（{row['folder']}）{why_zh}",
            f"the backup is {minutes:.0f} min behind: what came since is on this machine alone"
            f" ({row['folder']}){why_en}",
        )
        return Shortage("backup_overdue", "", Severity.MAJOR, reason, round(log_age.total_seconds()), log_limit_s)
    if copy_age > timedelta(hours=copy_limit_h):
        hours = copy_age.total_seconds() / 3600
        reason = Reason(
            f"已 {hours:.0f} 小时没有新的完整备份（{row['folder']}）{why_zh}",
            f"no base copy was finished for {hours:.0f} h ({row['folder']}){why_en}",
        )
        return Shortage("backup_overdue", "", Severity.MAJOR, reason, round(hours, 1), copy_limit_h)
    return None
