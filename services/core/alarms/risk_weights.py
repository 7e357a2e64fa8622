"""How much each reason adds to the risk of a site, until the county changes the policy `risk`.

By code: points for each, and the most that all of them add. No national formula was found; the reasons are those that
the published methods have in common, the numbers are ours: one open fire is red by itself, one major hazard yellow.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class RiskCode(StrEnum):
    """What adds to the risk of a site."""

    FIRE_OPEN = "fire_open"
    ALARM_CRITICAL = "alarm_critical"
    ALARM_MAJOR = "alarm_major"
    ALARM_MINOR = "alarm_minor"
    EARLY_WARNING = "early_warning"
    HAZARD_MAJOR = "hazard_major"
    HAZARD_GENERAL = "hazard_general"
    HAZARD_OVERDUE = "hazard_overdue"
    PANEL_SILENT = "panel_silent"
    DEVICE_SILENT = "device_silent"
    OUT_OF_SERVICE = "out_of_service"
    FACILITY_DISABLED = "facility_disabled"
    WATER_UNUSABLE = "water_unusable"
    WATER_NONE = "water_none"
    FALSE_ALARMS = "false_alarms"
    FIRE_RECENT = "fire_recent"
    GUARD_UNANSWERED = "guard_unanswered"
    INSPECTION_OVERDUE = "inspection_overdue"


WEIGHTS: Final[Mapping[RiskCode, tuple[int, int]]] = MappingProxyType(
    {
        RiskCode.FIRE_OPEN: (40, 60),
        RiskCode.ALARM_CRITICAL: (15, 30),
        RiskCode.ALARM_MAJOR: (6, 24),
        RiskCode.ALARM_MINOR: (1, 5),
        RiskCode.EARLY_WARNING: (5, 15),
        RiskCode.HAZARD_MAJOR: (15, 45),
        RiskCode.HAZARD_GENERAL: (4, 20),
        RiskCode.HAZARD_OVERDUE: (6, 24),
        RiskCode.PANEL_SILENT: (15, 30),
        RiskCode.DEVICE_SILENT: (3, 15),
        RiskCode.OUT_OF_SERVICE: (2, 8),
        RiskCode.FACILITY_DISABLED: (2, 10),
        RiskCode.WATER_UNUSABLE: (4, 12),
        RiskCode.WATER_NONE: (10, 10),
        RiskCode.FALSE_ALARMS: (2, 10),
        RiskCode.FIRE_RECENT: (10, 10),
        RiskCode.GUARD_UNANSWERED: (3, 9),
        RiskCode.INSPECTION_OVERDUE: (1, 5),
    }
)
