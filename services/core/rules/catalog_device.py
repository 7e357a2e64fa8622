"""The rules of any device: power, link, silence, clock, as data (contract 8).

Gathered by `catalog`. Pure data.
"""

from __future__ import annotations

from typing import Final

from services.core.bounds import Bounds
from services.core.rules.rule import BATTERY_PCT, CONTRACT, HYSTERESIS, MONTH_H, TWO, Parameter, define
from services.core.words import Category, Severity

OWN: Final = "our own: far above what a healthy device sends"

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
        "`mains_ok` or `battery_ok` is false, `readings` in a row (events raise it too)",
        "it is true again",
        readings=TWO,
    ),
    define(
        "link_fault",
        ("panel",),
        Category.DEVICE,
        Severity.MAJOR,
        "通信线路故障",
        "`link_ok` is false, `readings` in a row (events raise it too)",
        "it is true again",
        readings=TWO,
    ),
    define(
        "device_offline",
        (),
        Category.DEVICE,
        Severity.MINOR,
        "设备离线",
        "silent for `intervals` expected intervals (sleepy devices: `sleepy_h`) while ingest could have heard it; "
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
        "`messages` in a row are refused, or all (at least two) for `minutes`: the device sends, but nothing usable. "
        "It is then not online, and its water source not usable; panels: major",
        "the first accepted message",
        messages=Parameter(5, "messages", CONTRACT, Bounds(2, 1000, whole=True)),
        minutes=Parameter(15, "min", CONTRACT, Bounds(1, 43_200)),
    ),
    define(
        "device_flooding",
        (),
        Category.DEVICE,
        Severity.MAJOR,
        "设备上报过量",
        "the device sends `elements` readings, events or rejects beyond its share, or, within `fires_min`, more than "
        "`fires` new fires of its detectors or `others` other events that would be alarms. Further ones are stored "
        "but get no alarm of their own until there is room again. Manual alarms and the first of each code always get "
        "one; with the rule switched off, every event does",
        "`quiet_min` without any excess",
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
        "within `within_h`, `count` times that are implausible or wrong by more than `skew_h`. Also when 3 messages in "
        "a row are behind by a constant that would make their readings late: then minor",
        "`within_h` without a wrong time; if behind by a constant: the first reading with the right time",
        count=Parameter(3, "times", CONTRACT, Bounds(1, 100, whole=True)),
        skew_h=Parameter(1, "h", CONTRACT, MONTH_H),
        within_h=Parameter(24, "h", CONTRACT, MONTH_H),
    ),
)
