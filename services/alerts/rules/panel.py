"""A panel's own condition from its telemetry: power and link (field practice; contract 8 has the events).

Called by `walk.DeviceRules`, once per reading. Shares its alarms with the events of the same meaning.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from services.alerts.rules.kind import KindRules
from services.alerts.rules.latch import NOTHING, RAISE
from services.alerts.rules.model import Reading
from services.core.alarms.life.happenings import Finding
from services.core.words import Reason

_FIELDS: Final = (
    ("mains_ok", "power_fault", Reason("主电", "mains")),
    ("battery_ok", "power_fault", Reason("备电", "battery")),
    ("link_ok", "link_fault", Reason("通信线路", "link")),
)


class PanelRules(KindRules):
    """Mains, battery and link, each a cause of its own within the alarm it raises."""

    codes = ("mains_ok", "battery_ok", "link_ok")
    fields = codes

    def feed(self, reading: Reading, ts: datetime, found: list[Finding], *, live: bool) -> None:
        """Take one reading in order; only a live one may turn a condition."""
        for field, code, name in _FIELDS:
            fine = reading.get(field)
            if fine is None or not self.is_on(code):
                continue
            turned = self.latches[field].feed(self.count(code), 1, hit=not fine, calm=fine, live=live)
            if turned == NOTHING:
                continue
            if turned == RAISE:
                reason = Reason(f"{name.zh}故障", f"{name.en} failed")
            else:
                reason = Reason(f"{name.zh}恢复", f"{name.en} restored")
            found.append(self.finding(code, ts, reason, None, None, active=turned == RAISE, cause=field))

    def watches(self, name: str) -> bool:
        """Whether readings still turn the latch `name`."""
        return self.is_on(self.code_of(name))

    @classmethod
    def code_of(cls, name: str) -> str:
        """Return the code of the alarm that the latch `name` raises."""
        return next(code for field, code, _ in _FIELDS if field == name)

    def forget(self, code: str) -> None:
        """Let the condition of `code` be over until readings show it again."""
        for field, raised, _ in _FIELDS:
            if raised == code:
                super().forget(field)
