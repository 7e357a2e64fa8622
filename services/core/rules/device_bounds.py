"""What the figures of a device may be: checked by the API when they are written, clamped by who reads the registry.

Pure. A row that an older release or a hand left out of bounds costs its device a rule, never a program.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.core.bounds import Bounds, plain_number

EXPECTED_INTERVAL_S: Final = Bounds(1, 604_800, whole=True)
RATED_CURRENT_A: Final = Bounds(0.001, 100_000)

_LEVEL_PCT: Final = Bounds(0, 150)  # contract 3, as the readings
_LEVEL_M: Final = Bounds(-10, 100)
_FULL_M: Final = Bounds(0.05, 100)  # the level of a full tank: what its metres are a share of
_ANY: Final = Bounds(-1e9, 1e9)


def bounds_of_limit(name: str) -> Bounds:
    """Return what a limit may be: levels as their readings; a name that no rule reads is kept for its owner."""
    if name == "level_m_full":
        return _FULL_M
    if name.startswith("level_m"):
        return _LEVEL_M
    return _LEVEL_PCT if name.startswith("level") or name.endswith("_pct") else _ANY


def limit_faults(limits: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return the limits that cannot be used, each with the reason."""
    faults = [(name, fault) for name, value in limits.items() if (fault := bounds_of_limit(name).fault(value))]
    for field in ("level_pct", "level_m"):
        low, high = plain_number(limits.get(f"{field}_low")), plain_number(limits.get(f"{field}_high"))
        if low is not None and high is not None and low >= high:
            faults.append((f"{field}_low", f"must be less than {field}_high"))
    return faults


def own_limit(limits: object, name: str) -> float | None:
    """Return a limit that the device has for itself, inside its bounds; None: it has none that can be used."""
    return bounds_of_limit(name).clamp(limits.get(name)) if isinstance(limits, Mapping) else None


def usable_limits(limits: object) -> dict[str, Any]:
    """Return the limits that rules may look at: numbers inside their bounds, and objects of such numbers."""
    if not isinstance(limits, Mapping):
        return {}
    found: dict[str, Any] = {}
    for name, value in limits.items():
        if isinstance(value, Mapping):
            found[name] = {
                side: number
                for side, given in value.items()
                if (number := bounds_of_limit(name).clamp(given)) is not None
            }
        elif (number := bounds_of_limit(name).clamp(value)) is not None:
            found[name] = number
    return found
