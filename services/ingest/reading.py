"""One reading of a device, fit to be a row. Pure data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Reading:
    """One row to be: `values` in the order of the kind's columns."""

    ts_us: int
    seq: int
    values: Sequence[Any]
    extra: dict[str, Any] | None
