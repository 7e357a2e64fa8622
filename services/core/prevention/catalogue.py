"""What can be a hazard: codes with their words, usual grade and source. Data; read by the API and the proposals.

The grades are ours: who judges a major hazard does it by GB 35181-2017 on the spot, and changes the grade.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from services.core.prevention.hazard import Grade

LAW_16: Final = "消防法 第十六条: facilities are kept in working order"
LAW_19: Final = "消防法 第十九条: no dwelling beside dangerous goods"
LAW_27: Final = "消防法 第二十七条: wiring and its maintenance"
LAW_28: Final = "消防法 第二十八条: facilities, hydrants, exits and lanes stay free and in use"
GB35181: Final = "GB 35181-2017: one of the elements of a major fire hazard"
GB25201: Final = "GB 25201-2010: control rooms are manned day and night"
OWN: Final = "contract 12: proposed by the system from data"


class HazardCode(StrEnum):
    """A kind of hazard."""

    PANEL_FAULT = "panel_fault"
    DEVICE_OFFLINE = "device_offline"
    WATER_DRY = "water_dry"
    FALSE_ALARMS = "false_alarms"
    INSULATION_AGEING = "insulation_ageing"
    HYDRANT_BLOCKED = "hydrant_blocked"
    HYDRANT_DAMAGED = "hydrant_damaged"
    FACILITY_DISABLED = "facility_disabled"
    ESCAPE_BLOCKED = "escape_blocked"
    FIRE_LANE_BLOCKED = "fire_lane_blocked"
    WIRING_UNSAFE = "wiring_unsafe"
    DANGEROUS_STORAGE = "dangerous_storage"
    EXTINGUISHER_MISSING = "extinguisher_missing"
    ALARM_SYSTEM_FAULTY = "alarm_system_faulty"
    FIRE_WATER_FAULTY = "fire_water_faulty"
    SMOKE_CONTROL_FAULTY = "smoke_control_faulty"
    FIRE_POWER_FAULTY = "fire_power_faulty"
    COMPARTMENT_BROKEN = "compartment_broken"
    DUTY_ABSENT = "duty_absent"
    OTHER = "other"


class Kind(NamedTuple):
    """One row of the catalogue. `proposed`: the system finds it in its data; people may report it too."""

    code: HazardCode
    zh: str
    en: str
    grade: Grade
    source: str
    proposed: bool = False


_G, _M = Grade.GENERAL, Grade.MAJOR
KINDS: Final[Mapping[HazardCode, Kind]] = MappingProxyType(
    {
        kind.code: kind
        for kind in (
            Kind(HazardCode.PANEL_FAULT, "消防控制设备长时间故障", "alarm panel with a lasting fault", _G, OWN, True),
            Kind(HazardCode.DEVICE_OFFLINE, "监测设备长期离线", "device silent for days", _G, OWN, True),
            Kind(HazardCode.WATER_DRY, "消防水源长时间无水", "water source without water", _M, OWN, True),
            Kind(HazardCode.FALSE_ALARMS, "同一部位反复误报", "repeated false alarms of one component", _G, OWN, True),
            Kind(HazardCode.INSULATION_AGEING, "电气线路绝缘老化", "ageing insulation of a circuit", _G, OWN, True),
            Kind(HazardCode.HYDRANT_BLOCKED, "消火栓被埋压、圈占、遮挡", "hydrant buried or obstructed", _G, LAW_28),
            Kind(HazardCode.HYDRANT_DAMAGED, "消火栓损坏", "hydrant damaged", _G, LAW_28),
            Kind(
                HazardCode.FACILITY_DISABLED,
                "擅自停用、拆除消防设施",
                "fire facility switched off or removed",
                _M,
                LAW_28,
            ),
            Kind(
                HazardCode.ESCAPE_BLOCKED,
                "占用、堵塞、封闭疏散通道或安全出口",
                "escape route or exit blocked",
                _M,
                LAW_28,
            ),
            Kind(HazardCode.FIRE_LANE_BLOCKED, "占用、堵塞消防车通道", "lane of fire engines blocked", _G, LAW_28),
            Kind(
                HazardCode.WIRING_UNSAFE, "电气线路敷设或用电不规范", "unsafe wiring or use of electricity", _G, LAW_27
            ),
            Kind(
                HazardCode.DANGEROUS_STORAGE, "违规存放易燃易爆危险品", "dangerous goods stored unlawfully", _M, LAW_19
            ),
            Kind(HazardCode.EXTINGUISHER_MISSING, "灭火器缺失或失效", "extinguisher missing or expired", _G, LAW_16),
            Kind(
                HazardCode.ALARM_SYSTEM_FAULTY,
                "火灾自动报警系统不能正常运行",
                "fire alarm system out of order",
                _M,
                GB35181,
            ),
            Kind(
                HazardCode.FIRE_WATER_FAULTY, "消防给水系统不能正常运行", "fire water system out of order", _M, GB35181
            ),
            Kind(
                HazardCode.SMOKE_CONTROL_FAULTY, "防烟排烟设施不能正常运行", "smoke control out of order", _M, GB35181
            ),
            Kind(
                HazardCode.FIRE_POWER_FAULTY,
                "消防用电不符合要求",
                "power supply of fire facilities insufficient",
                _M,
                GB35181,
            ),
            Kind(HazardCode.COMPARTMENT_BROKEN, "防火分隔被破坏", "fire compartment broken", _M, GB35181),
            Kind(HazardCode.DUTY_ABSENT, "消防控制室无人值班", "control room not manned", _G, GB25201),
            Kind(HazardCode.OTHER, "其他隐患", "another hazard", _G, LAW_16),
        )
    }
)
