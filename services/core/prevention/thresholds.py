"""From when on the system proposes a hazard or wants an inspection: numbers with unit and source. Data.

Read by alerts and the API. The codes of alarms that a lasting fault may have, and the pressure below which a hydrant
counts as dry, stand here too.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.core.bounds import Bounds
from services.core.rules.rule import Parameter

_CONTRACT: Final = "contract 12"
THRESHOLDS: Final[Mapping[str, Parameter]] = MappingProxyType(
    {
        "panel_fault_h": Parameter(24, "h", _CONTRACT, Bounds(1, 720)),
        "offline_d": Parameter(7, "d", _CONTRACT, Bounds(1, 90)),
        "dry_h": Parameter(24, "h", _CONTRACT, Bounds(1, 720)),
        "dry_mpa": Parameter(0.05, "MPa", "contract 8: hydrant_pressure_low at once", Bounds(0, 4)),
        "false_alarms": Parameter(3, "alarms of one component", _CONTRACT, Bounds(1, 100, whole=True)),
        "false_alarms_d": Parameter(30, "d", _CONTRACT, Bounds(1, 365)),
        "inspection_d": Parameter(30, "d", f"{_CONTRACT}: of a water source without its own", Bounds(1, 3650)),
    }
)
PANEL_FAULTS: Final = ("fault", "power_fault", "link_fault")
NO_WATER: Final = ("hydrant_pressure_low", "water_level_low")


def threshold(name: str) -> float:
    """Return the number in force."""
    return THRESHOLDS[name].default
