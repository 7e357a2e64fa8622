"""Which number a rule uses for a device at a time: defaults, overridden per kind, area or device.

Used by the feed, the API's checks and backtest. Pure; the narrowest scope wins, within a scope the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from services.alerts.rules.catalog import RULES
from services.alerts.rules.model import DeviceProfile

Parameters = Mapping[str, Mapping[str, float]]
"""Parameter values by rule code and name."""

DEFAULTS: Final[Parameters] = MappingProxyType(
    {
        code: MappingProxyType({name: parameter.default for name, parameter in rule.parameters.items()})
        for code, rule in RULES.items()
    }
)

_WIDTH: Final = {"all": 0, "kind": 1, "area": 2, "device": 3}
SCOPES: Final = tuple(_WIDTH)


@dataclass(frozen=True, slots=True)
class Override:
    """One row of `rule_parameter`. `target`: a kind, the beginning of an area code, or a device's code."""

    code: str
    scope: str
    target: str
    parameters: Mapping[str, float]
    effective_from: datetime


def check_override(code: str, scope: str, parameters: Mapping[str, object]) -> list[str]:
    """Return what is wrong with an override, one sentence each naming the field and the cure; [] if nothing."""
    rule = RULES.get(code)
    if rule is None:
        return [f"code: no rule {code!r}; one of {', '.join(sorted(RULES))}"]
    faults = [] if scope in _WIDTH else [f"scope: {scope!r} must be one of {', '.join(SCOPES)}"]
    for name, value in parameters.items():
        if name not in rule.parameters:
            faults.append(f"parameters.{name}: unknown; {code} has {', '.join(rule.parameters)}")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("inf"):
            faults.append(f"parameters.{name}: must be a finite number in {rule.parameters[name].unit}")
        elif value < 0 and rule.parameters[name].unit != "°C":
            faults.append(f"parameters.{name}: must not be negative")
        elif rule.parameters[name].unit == "readings" and not 1 <= value <= MOST_READINGS:
            faults.append(f"parameters.{name}: must be 1 to {MOST_READINGS} readings")
    return faults


MOST_READINGS: Final = 10
"""A rule may ask for at most so many readings in a row; its state keeps that many."""


class ParameterBook:
    """All overrides, ready to answer for any device and time."""

    def __init__(self, overrides: Iterable[Override] = ()) -> None:
        # widest first, oldest first: what comes later overrides what came before
        self._overrides = sorted(
            overrides, key=lambda item: (_WIDTH[item.scope], len(item.target), item.effective_from)
        )

    def for_device(self, device: DeviceProfile, at: datetime) -> Parameters:
        """Return all parameters in force for `device` at `at`; the shared defaults when nothing overrides them."""
        found: dict[str, dict[str, float]] = {}
        for item in self._overrides:
            if item.effective_from <= at and _applies(item, device):
                found.setdefault(item.code, dict(DEFAULTS[item.code])).update(item.parameters)
        return {**DEFAULTS, **found} if found else DEFAULTS

    def next_change(self, after: datetime) -> datetime | None:
        """Return when the next override takes effect, so that rules are made anew then."""
        return min((item.effective_from for item in self._overrides if item.effective_from > after), default=None)


def _applies(item: Override, device: DeviceProfile) -> bool:
    match item.scope:
        case "all":
            return True
        case "kind":
            return item.target == device.kind
        case "area":
            return device.area.startswith(item.target)
        case _:
            return item.target == device.code
