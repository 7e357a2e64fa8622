"""Every early warning by its code with its numbers, their units and sources: data, as the rules' own catalogue.

Read by the detectors. "Tuned" numbers were chosen on the tune seeds of docs/detection.md, never on held-out ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.core.bounds import Bounds
from services.core.rules.rule import MONTH_H, Parameter, Rule, define
from services.core.words import Category, Severity

TUNED: Final = "tuned, docs/detection.md"
NOTE: Final = "reference note of the project, section 9"
SIGMAS: Final = Bounds(1, 100)
SHARE: Final = Bounds(0.001, 1)
DAYS: Final = Bounds(1, 400)
COUNT: Final = Bounds(1, 1000, whole=True)

EARLY_RULES: Final = (
    define(
        "water_burst",
        ("hydrant",),
        Category.WATER,
        Severity.MAJOR,
        "疑似爆管或大量用水",
        "smoothed fall of a hydrant and its neighbours, as far as it is independent of all others, exceeds a limit "
        "that is learned from quiet days between `least_sigmas` and `most_sigmas`, and nobody rises as much; "
        "`members` devices or more beyond `member_sigmas`",
        "its deepest members above a third of it for `calm_min`, or `longest_h`: then it is the new normal",
        least_sigmas=Parameter(4.5, "own standard deviations", TUNED, SIGMAS),
        most_sigmas=Parameter(6.0, "own standard deviations", TUNED, SIGMAS),
        false_share=Parameter(0.08, "of quiet days may have a false incident", TUNED, SHARE),
        member_sigmas=Parameter(2.0, "own standard deviations", TUNED, SIGMAS),
        members=Parameter(3, "devices", NOTE, COUNT),
        neighbours=Parameter(8, "devices, itself among them", TUNED, COUNT),
        ewma=Parameter(0.4, "share of the newest slot", NOTE, SHARE),
        factors=Parameter(5, "common courses", TUNED, COUNT),
        learn_days=Parameter(14, "d", NOTE, DAYS),
        memory_days=Parameter(14, "d", TUNED, DAYS),
        calm_min=Parameter(90, "min", TUNED, Bounds(1, 1440)),
        longest_h=Parameter(72, "h", "our own: repaired by then, or a new normal", MONTH_H),
    ),
    define(
        "water_draw",
        ("hydrant",),
        Category.WATER,
        Severity.MINOR,
        "疑似未登记用水",
        "one hydrant falls by more than `sigmas` for `slots`, half of it by itself, and still follows its mains; few "
        "others deviate",
        "below half of it for an hour",
        sigmas=Parameter(6.5, "own standard deviations", TUNED, SIGMAS),
        slots=Parameter(2, "slots in a row", TUNED, COUNT),
    ),
    define(
        "hydrant_decoupled",
        ("hydrant",),
        Category.WATER,
        Severity.MINOR,
        "消火栓与管网失去联系",
        "over `window_h` its pressure follows less than `follows` of what its mains do, and deviates by more than "
        "`sigmas`",
        "follows again for an hour",
        follows=Parameter(0.35, "share of the expected movement", TUNED, SHARE),
        sigmas=Parameter(3.0, "own standard deviations", TUNED, SIGMAS),
        window_h=Parameter(3, "h", TUNED, MONTH_H),
    ),
    define(
        "water_leak",
        ("hydrant",),
        Category.WATER,
        Severity.MINOR,
        "疑似漏水",
        "nightly (02:00 to 04:00) median of what neighbours do not explain: its cumulative sum beyond `sigmas`",
        "the sum is back at nothing",
        sigmas=Parameter(9.0, "nightly standard deviations, summed", TUNED, SIGMAS),
        slack=Parameter(1.0, "nightly standard deviations", NOTE, SIGMAS),
        nights=Parameter(14, "nights before the first verdict", NOTE, DAYS),
    ),
    define(
        "freeze_forecast",
        ("hydrant", "water"),
        Category.WATER,
        Severity.MINOR,
        "12 小时内可能冻结",
        "by its own cooling and the air around, water reaches `freezes_c` within `ahead_h`",
        "no longer within twice that time",
        freezes_c=Parameter(0.0, "°C", "physics", Bounds(-5, 10)),
        ahead_h=Parameter(12, "h", "contract 11", MONTH_H),
        from_c=Parameter(8.0, "°C", "warmer water does not freeze within half a day", Bounds(0, 30)),
        least_k_per_h=Parameter(0.08, "K/h", "slower cooling is the season, not the night", Bounds(0.001, 10)),
    ),
    define(
        "insulation_ageing",
        ("electrical",),
        Category.ELECTRICAL,
        Severity.MINOR,
        "绝缘老化",
        "residual current above what load explains: smoothed excess beyond `sigmas` and `least_ma`, or more than "
        "`outlier_share` of a day's slots beyond `outlier_sigmas`; major when `legal_ma` is less than `ahead_h` away",
        "smoothed excess below half of it for 6 h",
        sigmas=Parameter(6.0, "own standard deviations", TUNED, SIGMAS),
        least_ma=Parameter(15, "mA", "our own: less is no work order", Bounds(0, 1000)),
        outlier_sigmas=Parameter(8, "own standard deviations", TUNED, SIGMAS),
        outlier_share=Parameter(0.03, "of a day's slots", TUNED, SHARE),
        legal_ma=Parameter(300, "mA", "GB 50116-2013 9.2.3", Bounds(0, 30_000)),
        ahead_h=Parameter(24, "h", "contract 11", MONTH_H),
        learn_days=Parameter(7, "d", NOTE, DAYS),
    ),
    define(
        "joint_heating",
        ("electrical",),
        Category.ELECTRICAL,
        Severity.MINOR,
        "接头发热",
        "over a day a circuit warms more with its load than it did: that growth, at its highest load, beyond `sigmas` "
        "and `least_k`; major when `legal_c` is less than `ahead_h` away",
        "the growth below half of it for 6 h",
        sigmas=Parameter(6.0, "own standard deviations", TUNED, SIGMAS),
        least_k=Parameter(4.0, "K", "our own: few sound circuits come so far, docs/detection.md", Bounds(0, 100)),
        legal_c=Parameter(70, "°C", "contract 8", Bounds(0, 400)),
        ahead_h=Parameter(24, "h", "contract 11", MONTH_H),
        learn_days=Parameter(7, "d", NOTE, DAYS),
    ),
    define(
        "sensor_fault",
        ("hydrant",),
        Category.DEVICE,
        Severity.INFO,
        "传感器异常",
        "the same value for `stuck_h`, or `spikes` one-sample spikes within a day",
        "another value; a day without",
        stuck_h=Parameter(6, "h", f"{NOTE}: identical at 0.001 MPa", MONTH_H),
        spikes=Parameter(3, "spikes a day", NOTE, COUNT),
        spike_sigmas=Parameter(8, "robust deviations of its own steps", NOTE, SIGMAS),
    ),
)

EARLY: Final[Mapping[str, Rule]] = MappingProxyType({rule.code: rule for rule in EARLY_RULES})
Numbers = Mapping[str, Mapping[str, float]]
"""Values by code and name."""
NUMBERS: Final[Numbers] = MappingProxyType(
    {code: {name: item.default for name, item in rule.parameters.items()} for code, rule in EARLY.items()}
)
