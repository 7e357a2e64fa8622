"""The rules' catalogue as other programs know it: which numbers are in force, what is wrong with one. Pure.

Read by the routes of rules, by the limits of charts and by whoever judges a water source.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from services.core.bounds import Bounds

# Written by scripts/generate-api from the alerts program's own catalogue: services never import each other.
CATALOG: dict[str, dict[str, Any]] = {
    rule["code"]: rule for rule in orjson.loads(Path(__file__).with_suffix(".json").read_bytes())
}


def _bounds(parameter: Mapping[str, Any]) -> Bounds:
    return Bounds(parameter["least"], parameter["most"], parameter["whole"])


def faults_of(code: str, numbers: object) -> list[tuple[str, str]]:
    """Return the numbers of an override that the rule has not or cannot use, each with the reason."""
    rule = CATALOG.get(code)
    if rule is None or not isinstance(numbers, Mapping):
        return [("", "no numbers of a known rule")]
    faults = []
    for name, value in numbers.items():
        known = rule["parameters"].get(name)
        if known is None:
            faults.append((name, f"unknown; {code} has {', '.join(rule['parameters'])}"))
        elif fault := _bounds(known).fault(value):
            faults.append((name, f"{fault} ({known['unit']})"))
    return faults


def usable(rule: Mapping[str, Any], numbers: object) -> dict[str, float]:
    """Return what the alerts program makes of stored numbers: inside their bounds, without what is no number."""
    if not isinstance(numbers, Mapping):
        return {}
    return {
        name: number
        for name, value in numbers.items()
        if name in rule["parameters"] and (number := _bounds(rule["parameters"][name]).clamp(value)) is not None
    }


_WIDTH = {"all": 0, "kind": 1, "area": 2, "device": 3}


def numbers_in_force(
    rule: Mapping[str, Any], device: Mapping[str, Any], overrides: Iterable[Mapping[str, Any]]
) -> dict[str, float]:
    """Return the numbers of a rule for a device; `overrides` are those in force, oldest first.

    The narrowest scope wins, within a scope the newest.
    """
    code = rule["code"]
    numbers = {name: parameter["default"] for name, parameter in rule["parameters"].items()}
    fitting = [one for one in overrides if one["code"] == code and one["scope"] in _WIDTH and _applies(one, device)]
    for override in sorted(fitting, key=lambda one: (_WIDTH[one["scope"]], len(one["target"]), one["effective_from"])):
        numbers |= usable(rule, override["parameters"])
    return numbers


def _applies(override: Mapping[str, Any], device: Mapping[str, Any]) -> bool:
    scope, target = override["scope"], str(override["target"])
    if scope == "area":
        return str(device["area"]).startswith(target)
    return bool(scope == "all" or target == device["kind" if scope == "kind" else "code"])
