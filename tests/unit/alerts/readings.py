"""Readings on a table top: devices, moments, and what their rules said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from services.alerts.rules.walk import DeviceRules
from services.core.alarms.life.happenings import Finding
from services.core.rules.parameters import DEFAULTS, Parameters
from services.core.rules.profile import DeviceProfile

LOW = ["+hydrant_pressure_low major"]
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "pressure_mpa": st.sampled_from([0.04, 0.09, 0.105, 0.13, 0.145, 0.2, 0.35, 0.97, 1.1]),
        "flow_lps": st.sampled_from([0.0, 0.5, 3.0]),
        "cap_open": st.booleans(),
        "water_present": st.booleans(),
        "tilt_deg": st.sampled_from([1.0, 20.0]),
        "water_temp_c": st.sampled_from([1.0, 3.0, 9.0]),
        "battery_pct": st.sampled_from([10.0, 22.0, 60.0]),
    },
)
START = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)


def device(kind: str = "hydrant", **about: Any) -> DeviceProfile:
    return DeviceProfile(code=f"{kind}-1", kind=kind, area="140931100", **about)


class Walk:
    """One device; readings come `step_s` apart and arrive a second after their time unless told otherwise."""

    def __init__(self, profile: DeviceProfile, parameters: Parameters = DEFAULTS, step_s: float = 60) -> None:
        self.rules = DeviceRules(profile, parameters)
        self.step_s = step_s
        self.number = 0

    def reading(self, *, at_s: float | None = None, delay_s: float = 1.0, **fields: Any) -> dict[str, Any]:
        self.number += 1
        ts = START + timedelta(seconds=self.number * self.step_s if at_s is None else at_s)
        return {"ts": ts, "seq": self.number, "received_at": ts + timedelta(seconds=delay_s), **fields}

    def feed(self, *, at_s: float | None = None, delay_s: float = 1.0, **fields: Any) -> list[Finding]:
        return self.rules.walk([self.reading(at_s=at_s, delay_s=delay_s, **fields)])

    def say(self, **fields: Any) -> list[str]:
        """Feed one reading; name what began (+, with severity) and what ended (-)."""
        return [say(finding) for finding in self.feed(**fields)]


def say(finding: Finding) -> str:
    assert finding.reason.zh
    assert finding.reason.en
    return f"+{finding.code} {finding.severity.value}" if finding.active else f"-{finding.code}"
