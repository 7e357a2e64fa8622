"""The rules of any device: power, link, silence, clock, as data (contract 8).

Gathered by `catalog`. Pure data.
"""

from __future__ import annotations

from typing import Final

from services.core.bounds import Bounds
from services.core.rules.rule import BATTERY_PCT, CONTRACT, HYSTERESIS, MONTH_H, TWO, Parameter, define
from services.core.words import Category, Severity

OWN: Final = "our own: far above what a device sends that is well"

DEVICE_RULES: Final = (
    define(
        "battery_low",
        ("hydrant", "water"),
        Category.DEVICE,
        Severity.MINOR,
        "电池电量低",
        "below `low_pct`",
        "above `clear_pct`",
        low_pct=Parameter(20, "%", CONTRACT, BATTERY_PCT),
        clear_pct=Parameter(25, "%", HYSTERESIS, BATTERY_PCT),
    ),
    define(
        "power_fault",
        ("panel",),
        Category.DEVICE,
        Severity.MAJOR,
        "电源故障",
        "`mains_ok` or `battery_ok` false, `readings` in a row (and by events)",
        "true",
        readings=TWO,
    ),
    define(
        "link_fault",
        ("panel",),
        Category.DEVICE,
        Severity.MAJOR,
        "线路故障",
        "`link_ok` false, `readings` in a row (and by events)",
        "true",
        readings=TWO,
    ),
    define(
        "device_offline",
        (),
        Category.DEVICE,
        Severity.MINOR,
        "设备离线",
        "silent for `intervals` expected intervals, sleepy devices `sleepy_h`, while ingest could have heard it; "
        "panels: major",
        "any stored or rejected live message",
        intervals=Parameter(3, "intervals", CONTRACT, Bounds(1, 1000)),
        sleepy_h=Parameter(25, "h", f"{CONTRACT}: on-line rule of NB-IoT platforms", Bounds(1, 720)),
    ),
    define(
        "device_unreadable",
        (),
        Category.DEVICE,
        Severity.MINOR,
        "设备数据全部被拒收",
        "`messages` in a row refused, or all (two at least) for `minutes`: it speaks and nothing usable comes; it is "
        "not online, its source not usable; panels: major",
        "the first accepted message",
        messages=Parameter(5, "messages", CONTRACT, Bounds(2, 1000, whole=True)),
        minutes=Parameter(15, "min", CONTRACT, Bounds(1, 43_200)),
    ),
    define(
        "device_flooding",
        (),
        Category.DEVICE,
        Severity.MAJOR,
        "设备发送泛滥",
        "`elements` readings, events or rejects beyond its share, or more than `fires` new fires of its detectors "
        "within `fires_min`, or more than `others` alarms of its other events: further ones are stored and no alarms "
        "of their own until there is room again (manual alarms, and the first of each code, always are; switched off, "
        "every one is)",
        "`quiet_min` without",
        elements=Parameter(1000, "elements", OWN, Bounds(100, 1_000_000, whole=True)),
        fires=Parameter(200, "fires", OWN, Bounds(20, 1000, whole=True)),
        others=Parameter(500, "alarms", OWN, Bounds(20, 10_000, whole=True)),
        fires_min=Parameter(10, "min", OWN, Bounds(1, 60)),
        quiet_min=Parameter(5, "min", OWN, Bounds(1, 1440)),
    ),
    define(
        "clock_wrong",
        (),
        Category.DEVICE,
        Severity.INFO,
        "设备时钟错误",
        "`count` implausible or more than `skew_h` skewed clocks within `within_h`; behind by a constant so that "
        "readings would be late, 3 messages in a row: minor",
        "`within_h` without; behind by a constant: the first reading of the right age",
        count=Parameter(3, "times", CONTRACT, Bounds(1, 100, whole=True)),
        skew_h=Parameter(1, "h", CONTRACT, MONTH_H),
        within_h=Parameter(24, "h", CONTRACT, MONTH_H),
    ),
)
