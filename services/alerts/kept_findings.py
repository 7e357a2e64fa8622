"""A rule's finding as JSON, for one that is set aside: it is judged again later, after a restart too. Pure.

Used by the readings feed. Promises that `from` undoes `to`, and an error that says so where it cannot.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from services.core.alarms.life.happenings import Finding
from services.core.rules.catalog import RULES
from services.core.rules.profile import DeviceProfile
from services.core.words import Category, Reason, Severity

_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "category": Category,
    "severity": Severity,
    "reason": lambda texts: Reason(*texts),
    "ts": datetime.fromisoformat,
    "news_at": datetime.fromisoformat,
}
_OF_FIRES: Final = frozenset({"confidence", "part", "manual"})  # no rule finds a fire


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """Return the fields that a rule has filled, as JSON values."""
    found: dict[str, Any] = {}
    for name in (field.name for field in fields(Finding)):
        value = getattr(finding, name)
        if value is not None and name not in _OF_FIRES:
            found[name] = value.isoformat() if isinstance(value, datetime) else value
    return found


def finding_from_json(saved: Mapping[str, Any]) -> Finding:
    """Return the finding that `finding_to_json` saved."""
    return Finding(**{name: _READ[name](value) if name in _READ else value for name, value in saved.items()})


def end_of(detail: Mapping[str, Any], device: DeviceProfile) -> Finding:
    """Return the end of a condition that an older release has set aside with its reason only."""
    rule, reason = RULES[detail["code"]], Reason(*detail["reason"])
    return Finding(rule.code, rule.category, rule.severity, reason, False, device.code, device.area, cause=rule.code)
