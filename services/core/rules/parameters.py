"""Which number a rule uses for a device at a time: defaults, overridden per kind, area or device.

Used by alerts and backtest, by charts and the routes of rules, and by the judgement of water sources. Pure; the
narrowest scope wins, within a scope the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from services.core.rules.catalog import RULES
from services.core.rules.profile import DeviceProfile

Parameters = Mapping[str, Mapping[str, float]]
"""Parameter values by rule code and name."""

DEFAULTS: Final[Parameters] = MappingProxyType(
    {
        code: MappingProxyType({name: parameter.default for name, parameter in rule.parameters.items()})
        for code, rule in RULES.items()
    }
)

_WIDTH: Final = {"all": 0, "kind": 1, "area": 2, "device": 3}


@dataclass(frozen=True, slots=True)
class Override:
    """One row of `rule_parameter`. `target`: a kind, the beginning of an area code, or a device's code."""

    code: str
    scope: str
    target: str
    parameters: Mapping[str, float]
    effective_from: datetime


def faults_of(code: str, numbers: object) -> list[tuple[str, str]]:
    """Return what is wrong with the numbers of an override: (field, reason with the cure) each; [] if nothing."""
    rule = RULES.get(code)
    if rule is None:
        return [("code", f"no rule {code!r}; one of {', '.join(sorted(RULES))}")]
    if not isinstance(numbers, Mapping):
        return [("parameters", "must be numbers by name")]
    faults = []
    for name, value in numbers.items():
        if name not in rule.parameters:
            faults.append((f"parameters.{name}", f"unknown; {code} has {', '.join(rule.parameters)}"))
        elif fault := rule.parameters[name].bounds.fault(value):
            faults.append((f"parameters.{name}", f"{fault} ({rule.parameters[name].unit})"))
    return faults


def _usable(item: Override) -> Override | None:
    """Return what can be used of a stored override: numbers inside their bounds; None: nothing of it."""
    rule = RULES.get(item.code)
    if rule is None or item.scope not in _WIDTH or not isinstance(item.parameters, Mapping):
        return None
    numbers = {
        name: number
        for name, value in item.parameters.items()
        if name in rule.parameters and (number := rule.parameters[name].bounds.clamp(value)) is not None
    }
    return replace(item, parameters=numbers) if numbers else None


class ParameterBook:
    """All overrides, ready to answer for any device and time.

    What is stored out of bounds, by an older release or by hand, counts as the nearest number that can be used.
    """

    def __init__(self, overrides: Iterable[Override] = ()) -> None:
        usable = [found for item in overrides if (found := _usable(item)) is not None]
        # widest first, oldest first: what comes later overrides what came before
        self._overrides = sorted(usable, key=lambda item: (_WIDTH[item.scope], len(item.target), item.effective_from))

    def for_device(self, device: DeviceProfile, at: datetime) -> Parameters:
        """Return all parameters in force for `device` at `at`; the shared defaults when nothing overrides them."""
        found: dict[str, dict[str, float]] = {}
        for item in self._overrides:
            if item.effective_from <= at and _applies(item, device):
                found.setdefault(item.code, dict(DEFAULTS[item.code])).update(item.parameters)
        return {**DEFAULTS, **found} if found else DEFAULTS

    def switches_off(self, code: str) -> bool:
        """Say whether any override switches the rule off, somewhere and at some time."""
        return any(item.code == code and item.parameters.get("enabled") == 0 for item in self._overrides)

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
