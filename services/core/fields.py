"""The fields of each kind as a table derived from the contracts: place in the row, type, physical limits. Pure.

A table walk is several times cheaper than building a model per reading, and it judges every field by itself.
"""

from collections.abc import Mapping
from math import inf
from types import MappingProxyType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Le, Lt

from services.core.contracts import READING_FIELDS, READING_MODELS
from services.core.text import show_value
from services.core.topics import Kind

UNIT_HINTS = MappingProxyType(
    {
        "pressure_mpa": "send MPa, not kPa or bar",
        "flow_lps": "send litres per second",
        "residual_current_ma": "send mA",
        "power_kw": "send kW",
        "level_m": "send metres",
        "level_pct": "send percent",
        "battery_pct": "send percent, 0 to 100",
        "battery_v": "send volts",
    }
)


class FieldRule(NamedTuple):
    """Where a field goes and what it may hold."""

    column: int
    base: type  # bool, int or float
    low: float
    high: float


def complaint(name: str, rule: FieldRule, value: object) -> str:
    """Return what is wrong with `value` and how to mend it."""
    shown = show_value(value)
    if rule.base is bool:
        return f"{name} is {shown}: send true or false"
    hint = UNIT_HINTS.get(name, "")
    limits = f"{rule.low:g} to {rule.high:g}" if rule.high < 2**62 else f"at least {rule.low:g}"
    number = "a whole number" if rule.base is int else "a number"
    cure = f"send {number}, {limits}" + (f"; {hint}" if hint else "")
    return f"{name} is {shown}: {cure}"


def _limits(annotation: Any) -> tuple[type, float, float]:
    """Return type and limits of `Annotated[float, Field(ge=…)] | None` and its like."""
    if get_origin(annotation) in (Union, UnionType):
        return _limits(next(arg for arg in get_args(annotation) if arg is not type(None)))
    low: Any = -inf
    high: Any = inf
    base, *notes = get_args(annotation) or (annotation,)
    for note in notes:
        for limit in getattr(note, "metadata", [note]):
            if isinstance(limit, Ge):
                low = limit.ge
            elif isinstance(limit, Le):
                high = limit.le
            elif isinstance(limit, Lt):
                high = int(str(limit.lt)) - 1  # only whole numbers have an open limit
    if base is float and high == inf:
        high = 1.7e308  # Infinity is no number a device can measure
    return base, low, high


def _table(kind: Kind) -> Mapping[str, FieldRule]:
    model = READING_MODELS[kind]
    rules = {}
    for index, name in enumerate(READING_FIELDS[kind]):
        info = model.model_fields[name]
        base, low, high = _limits(info.annotation)
        rules[name] = FieldRule(index, base, low, high)
    return rules


FIELD_RULES: Mapping[Kind, Mapping[str, FieldRule]] = {kind: _table(kind) for kind in Kind}  # asked for every field
