"""Every rule by its code: what raises it, what clears it, its parameters with unit and source.

Read by the walkers, the API (`/rules`), backtest and the generator of docs/rules.md. Defaults are contract 8's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.core.rules.catalog_device import DEVICE_RULES
from services.core.rules.catalog_early import EARLY_RULES
from services.core.rules.catalog_electrical import ELECTRICAL_RULES
from services.core.rules.catalog_water import WATER_RULES
from services.core.rules.rule import Rule

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {rule.code: rule for rule in (*WATER_RULES, *ELECTRICAL_RULES, *DEVICE_RULES, *EARLY_RULES)}
)
"""Every rule over readings, silence, clocks and areas, and early warnings; events have their own table in `events`."""
