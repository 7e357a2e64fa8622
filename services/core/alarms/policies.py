"""The policies by name: defaults as data, overridden by rows of `policy`, read into what the life cycle takes.

Used by the ledger, alerts and the API (which lists and changes them). Promises that a missing field has its default.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import asyncpg

from services.core.alarms.model import Alarm, Policy
from services.core.alarms.words import Severity

DEFAULTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # contract 6; incident_gap_s and flap_hold_s are the life cycle's own
        "fire_clocks": {
            "suspected_s": 180,
            "probable_s": 60,
            "evidence_window_s": 300,
            "incident_gap_s": 1800,
        },
        "drill": {"until": None},
        # contract 7; notify_from: the least severity of which the desk hears
        "notices": {
            "notify_from": "major",
            "offline_hold_s": 30,
            "flap_hold_s": 60,
            "shelve_max_s": 604_800,
            "hold_older_than_s": 3600,
            "overdue_after_s": 60,
        },
        # contract 7: mains; the silence figures are ours: fewer devices are told one by one
        "grouping": {
            "mains_members": 3,
            "mains_window_s": 120,
            "silence_members_gateway": 2,
            "silence_members_area": 4,
            "silence_window_s": 300,
        },
        # our own health: contract 8 (80 %); GB 50440-2007 3.3 (clocks agree within 5 s); the rest is ours
        "health": {
            "storage_low_pct": 80,
            "storage_fine_pct": 78,
            "stalled_s": 30,
            "starting_s": 45,
            "drift_s": 5,
            "session_lost_for_s": 600,
        },
        # Who is called, after how long, through what, until which answer: acknowledged, judged or closed.
        "escalation": {
            "steps": [
                {"code": "dispatch_failed", "after_s": 0, "channels": ["voice", "sms", "webhook"], "until": "closed"},
                {
                    "code": "dispatch_failed",
                    "after_s": 300,
                    "channels": ["voice", "sms", "webhook"],
                    "until": "acknowledged",
                },
                {"code": "fire", "after_s": 120, "channels": ["sms", "webhook"], "until": "acknowledged"},
                {"code": "fire", "after_s": 300, "channels": ["voice"], "until": "judged"},
                {"severity": "critical", "after_s": 300, "channels": ["sms", "webhook"], "until": "acknowledged"},
            ]
        },
        # HTTP interfaces of the operator's SMS and voice gateways; {address} and {text} are filled in.
        "sms_gateway": {"url": "", "headers": {}, "body": {"phone": "{address}", "content": "{text}"}},
        "voice_gateway": {"url": "", "headers": {}, "body": {"called": "{address}", "tts": "{text}"}},
    }
)


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """One line of the escalation policy: which alarms, when, whom."""

    number: int
    after_s: float
    channels: tuple[str, ...]
    until: str
    code: str | None
    severity: Severity | None
    leaves_out: frozenset[str] = frozenset()

    def matches(self, alarm: Alarm) -> bool:
        """Whether the step is about `alarm`; a step by severity leaves out the codes with steps of their own."""
        if self.code is not None:
            return alarm.code == self.code
        if self.severity is None or alarm.code in self.leaves_out:
            return False
        return alarm.severity.rank >= self.severity.rank


@dataclass(frozen=True, slots=True)
class Policies:
    """All policies in force at one moment."""

    alarm: Policy
    escalation: tuple[EscalationStep, ...]
    bodies: Mapping[str, Mapping[str, Any]]

    def number(self, name: str, field: str) -> float:
        """Return one figure of a policy."""
        return float(self.bodies[name][field])


def read_policies(rows: Mapping[str, Mapping[str, Any]]) -> Policies:
    """Lay the stored bodies over the defaults."""
    bodies = {name: {**body, **rows.get(name, {})} for name, body in DEFAULTS.items()}
    clocks, notices, until = bodies["fire_clocks"], bodies["notices"], bodies["drill"]["until"]
    steps = bodies["escalation"]["steps"]
    named = frozenset(step["code"] for step in steps if "code" in step)
    return Policies(
        alarm=Policy(
            suspected_clock_s=float(clocks["suspected_s"]),
            probable_clock_s=float(clocks["probable_s"]),
            evidence_window_s=float(clocks["evidence_window_s"]),
            incident_gap_s=float(clocks["incident_gap_s"]),
            offline_hold_s=float(notices["offline_hold_s"]),
            flap_hold_s=float(notices["flap_hold_s"]),
            shelve_max_s=float(notices["shelve_max_s"]),
            notify_from=Severity(notices["notify_from"]),
            drill_until=None if until is None else datetime.fromisoformat(until),
        ),
        escalation=tuple(
            EscalationStep(
                number=number,
                after_s=float(step["after_s"]),
                channels=tuple(step["channels"]),
                until=step["until"],
                code=step.get("code"),
                severity=Severity(step["severity"]) if "severity" in step else None,
                leaves_out=named,
            )
            for number, step in enumerate(steps, start=1)
        ),
        bodies=MappingProxyType(bodies),
    )


async def load_policies(conn: asyncpg.Connection) -> Policies:
    """Read the policies in force."""
    rows = await conn.fetch("select name, body from policy")
    return read_policies({row["name"]: row["body"] for row in rows})
