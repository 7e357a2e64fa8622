"""What the figures of a device may be: checked by the API when they are written, clamped by who reads the registry.

Pure. A row that an older release or a hand left out of bounds costs its device a rule, never a program.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from services.core.bounds import Bounds
from services.core.levels import SPELLINGS, level_limit

EXPECTED_INTERVAL_S: Final = Bounds(1, 604_800, whole=True)
RATED_CURRENT_A: Final = Bounds(0.001, 100_000)

_LEVEL_PCT: Final = Bounds(0, 150)  # contract 3, as the readings
_LEVEL_M: Final = Bounds(-10, 100)
_FULL_M: Final = Bounds(0.05, 100)  # the level of a full tank: what its metres are a share of
_ANY: Final = Bounds(-1e9, 1e9)
_OF: Final = {("level_pct", "low"): _LEVEL_PCT, ("level_pct", "high"): _LEVEL_PCT, ("level_m", "full"): _FULL_M}
_OF_NAME: Final = {name: _OF.get(meant, _LEVEL_M) for meant, names in SPELLINGS.items() for name in names}
_ALIKE: Final = 0.85  # `level_pct_lo` is 0.96 alike to `level_pct_low`; `level_pct_min`, another word, 0.77


def bounds_of_limit(name: str) -> Bounds:
    """Return what a limit may be: levels as their readings; a name that no rule reads is kept for its owner."""
    if name in _OF_NAME:
        return _OF_NAME[name]
    if name.startswith("level_m"):
        return _LEVEL_M
    return _LEVEL_PCT if name.startswith("level") or name.endswith("_pct") else _ANY


def limit_faults(limits: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return the limits that cannot be used, each with the reason: misspelt, out of bounds, or low above high."""
    faults = [(name, fault) for name in limits if (fault := _misspelt(name))]
    faults += [(name, fault) for name, value in limits.items() if (fault := bounds_of_limit(name).fault(value))]
    for field in ("level_pct", "level_m"):
        low, high = level_limit(limits, field, "low"), level_limit(limits, field, "high")
        if low is not None and high is not None and low >= high:
            faults.append((f"{field}_low", f"must be less than {field}_high"))
    return faults


def looks_like_a_limit(name: str) -> bool:
    """Whether somebody who writes `name` elsewhere, as a column of a ledger, probably means a limit."""
    return (name in _OF_NAME and name.startswith("level")) or _misspelt(name) is not None


def _misspelt(name: str) -> str | None:
    """Return which name was probably meant: a limit that is off by a letter would be stored, and never looked at."""
    if name in _OF_NAME:
        return None
    meant = get_close_matches(name, [known for known in _OF_NAME if known.startswith("level")], n=1, cutoff=_ALIKE)
    ours = ", ".join(names[0] for names in SPELLINGS.values())
    return f"no rule reads it; is {meant[0]} meant? Limits are {ours}" if meant else None


def usable_limits(limits: object) -> dict[str, Any]:
    """Return the limits that rules may look at: numbers inside their bounds, and objects of such numbers."""
    if not isinstance(limits, Mapping):
        return {}
    found: dict[str, Any] = {}
    for name, value in limits.items():
        if isinstance(value, Mapping):
            found[name] = {
                side: number for side, given in value.items() if (number := _usable(name, given)) is not None
            }
        elif (number := _usable(name, value)) is not None:
            found[name] = number
    return found


def _usable(name: str, value: object) -> float | None:
    """Return a limit inside its bounds. A full height out of bounds is none: per cent of another would be invented."""
    bounds = bounds_of_limit(name)
    return None if bounds is _FULL_M and bounds.fault(value) else bounds.clamp(value)
