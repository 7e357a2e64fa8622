"""The rules' catalogue as the API knows it, and what is wrong with numbers that somebody sets. Pure.

Read by the routes of rules and by the limits of charts.
"""

from collections.abc import Mapping
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
