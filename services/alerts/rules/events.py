"""What an event means: contract 8's second table as data.

Called by the feed for every event row, events of fires first.
Promises an answer for every type, unknown ones included, and never fails on an event's optional parts.
"""

from __future__ import annotations

from services.alerts.rules.model import DeviceProfile, Effect, Event


def weigh_event(event: Event, device: DeviceProfile, late_after_s: float = 600.0) -> Effect:
    """Say what `event` of `device` raises, clears, proves or resets (contract 8)."""
    raise NotImplementedError


def is_fire(event_type: str) -> bool:
    """Whether events of this type go before all others."""
    return event_type in {"fire", "manual_alarm"}
