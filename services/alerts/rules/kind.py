"""What the walkers of all kinds share: their latches, their parameters, and the making of a finding.

Subclassed by hydrant, electrical, water and panel. Promises a state that survives JSON.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from services.alerts.rules.latch import Latch
from services.alerts.rules.model import Reading
from services.core.alarms.life.happenings import Finding
from services.core.rules.catalog import RULES
from services.core.rules.parameters import Parameters
from services.core.rules.profile import DeviceProfile
from services.core.words import Reason, Severity

OFF: Final = Reason("已不再按此规则判断", "no longer judged by this rule")


class KindRules(ABC):
    """The reading rules of one kind for one device; `codes` are its latches, `fields` what it reads."""

    codes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    def __init__(self, device: DeviceProfile, parameters: Parameters) -> None:
        self.device = device
        self.parameters = parameters
        self.latches = {code: Latch() for code in self.codes}

    @abstractmethod
    def feed(self, reading: Reading, ts: datetime, found: list[Finding], *, live: bool) -> None:
        """Take one reading in order; only a live one may turn a condition."""

    def feed_each(self, reading: Reading, ts: datetime, found: list[Finding]) -> None:  # noqa: B027 - nothing for most
        """Take what a reading that is not late proves by itself, whatever a newer one says."""

    def feed_past(self, reading: Reading, ts: datetime) -> None:  # noqa: B027 - nothing to do for most kinds
        """Take a reading too old to count among those in a row; most rules have no use for it."""

    def tick(self, now: datetime, found: list[Finding]) -> None:  # noqa: B027 - nothing to do for most kinds
        """End what time alone ends; most rules have nothing of the kind."""

    def watches(self, name: str) -> bool:
        """Whether readings still turn the latch `name`."""
        return self.is_on(name)

    @classmethod
    def code_of(cls, name: str) -> str:
        """Return the code of the alarm that the latch `name` raises."""
        return name

    def agree(self, standing: Mapping[str, str], except_for: Collection[str]) -> None:
        """Take over which conditions stand, by latch, each with the severity of its alarm; some stay as they are."""
        for name, latch in self.latches.items():
            if name in except_for:
                continue
            latch.active = name in standing
            latch.critical = standing.get(name) == Severity.CRITICAL

    def stands(self, name: str) -> bool:
        """Whether the latch `name` of this kind says that its condition holds."""
        latch = self.latches.get(name)
        return latch is not None and latch.active

    def end_what_is_off(self, at: datetime, found: list[Finding]) -> None:
        """End what stands of rules that no longer watch the device, because no reading would end it.

        What they counted is forgotten too: once they are on again it is long ago.
        """
        for name, latch in self.latches.items():
            if self.watches(name):
                continue
            if latch.active:
                found.append(self.finding(self.code_of(name), at, OFF, None, None, active=False, cause=name))
            self.forget_counts(name)

    def forget_counts(self, name: str) -> None:
        """Let the latch `name` begin anew, with nothing counted for it."""
        self.latches[name].forget()

    def restart_counts(self, since: datetime) -> None:  # noqa: ARG002 - for kinds that keep times
        """Forget what was counted, not what stands: the readings from `since` on come again in a better order."""
        for latch in self.latches.values():
            latch.hits = latch.calm = 0

    def forget(self, code: str) -> None:
        """Let the condition of `code` be over until readings show it again."""
        if code in self.latches:
            self.latches[code].forget()

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON value."""
        return {code: latch.to_json() for code, latch in self.latches.items()}

    def load(self, saved: dict[str, Any]) -> None:
        """Take over a state that `to_json` saved; a rule it does not know starts fresh."""
        for code, latch in self.latches.items():
            if code in saved:
                latch.load(saved[code])

    def is_on(self, code: str) -> bool:
        """Whether the rule is switched on for this device."""
        return self.parameters[code]["enabled"] != 0

    def count(self, code: str, name: str = "readings") -> int:
        """How many readings in a row the rule asks for; "in 2" is 1 for a sparse device (contract 8)."""
        asked = int(self.parameters[code][name])
        return min(asked, self.device.readings_in_two) if asked == 2 else asked

    def finding(
        self,
        code: str,
        ts: datetime,
        reason: Reason,
        value: float | None,
        limit: float | None,
        *,
        active: bool = True,
        severity: Severity | None = None,
        cause: str | None = None,
    ) -> Finding:
        """Say that a condition of this device began, grew worse or ended."""
        rule = RULES[code]
        return Finding(
            code=code,
            category=rule.category,
            severity=severity or rule.severity,
            reason=reason,
            active=active,
            device=self.device.code,
            area=self.device.area,
            value=value,
            limit=limit,
            cause=code if cause is None else cause,
            ts=ts,
            latched=code == "arc_fault",
        )
