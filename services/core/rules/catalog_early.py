"""Every early warning by its code with its numbers, their units and sources: data, as the rules' own catalogue.

The detectors read it. "Tuned" numbers were chosen on the tuning packs of docs/detection.md, never on held-out ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.core.bounds import Bounds
from services.core.rules.rule import MONTH_H, Parameter, Rule, define
from services.core.words import Category, Severity

TUNED: Final = "tuned, docs/detection.md"
STUDY: Final = "design study, docs/detection.md"
SIGMAS: Final = Bounds(1, 100)
SHARE: Final = Bounds(0.001, 1)
DAYS: Final = Bounds(1, 400)
BEYOND: Final = Bounds(0, 100)
COUNT: Final = Bounds(1, 1000, whole=True)

EARLY_RULES: Final = (
    define(
        "water_burst",
        ("hydrant",),
        Category.WATER,
        Severity.MAJOR,
        "疑似爆管或大量用水",
        "the smoothed pressure of a hydrant and its neighbours falls independently of all others, beside how restless "
        "the network is at this hour, by more than a limit between `least_sigmas` and `most_sigmas` that is learned "
        "from quiet days; or that of a quarter of an hour is below what the hour before foretells, by more than one "
        "between `onset_least_sigmas` and `onset_most_sigmas`; no hydrant rises as much, and `members` devices or more "
        "are below by `member_sigmas`",
        "its deepest members are down by less than a third of that limit for `calm_min`; or after `longest_h`, when it "
        "counts as the new normal",
        least_sigmas=Parameter(5.0, "own standard deviations", TUNED, SIGMAS),
        most_sigmas=Parameter(7.0, "own standard deviations", TUNED, SIGMAS),
        onset_least_sigmas=Parameter(6.2, "own standard deviations", TUNED, SIGMAS),
        onset_most_sigmas=Parameter(12.0, "own standard deviations", TUNED, SIGMAS),
        onset_neighbours=Parameter(12, "devices, itself included", TUNED, COUNT),
        false_share=Parameter(0.08, "share of quiet days that may have a false incident", TUNED, SHARE),
        member_sigmas=Parameter(2.0, "own standard deviations", TUNED, SIGMAS),
        members=Parameter(3, "devices", STUDY, COUNT),
        neighbours=Parameter(8, "devices, itself included", TUNED, COUNT),
        ewma=Parameter(0.4, "share of the newest slot", STUDY, SHARE),
        factors=Parameter(5, "common factors", TUNED, COUNT),
        learn_days=Parameter(14, "d", STUDY, DAYS),
        memory_days=Parameter(14, "d", TUNED, DAYS),
        calm_min=Parameter(90, "min", TUNED, Bounds(1, 1440)),
        longest_h=Parameter(72, "h", "our own: by then it is repaired or the new normal", MONTH_H),
    ),
    define(
        "water_draw",
        ("hydrant",),
        Category.WATER,
        Severity.MINOR,
        "疑似未登记用水",
        "one hydrant falls at one blow by more than `sigmas` for `slots`, half of that by itself, and by more than "
        "`beyond_quiet`; it still follows its mains; few others deviate",
        "it is down by less than half of `sigmas` for an hour",
        sigmas=Parameter(6.5, "own standard deviations", TUNED, SIGMAS),
        slots=Parameter(2, "slots in a row", TUNED, COUNT),
        beyond_quiet=Parameter(1.2, "times its farthest quiet day", TUNED, BEYOND),
    ),
    define(
        "hydrant_decoupled",
        ("hydrant",),
        Category.WATER,
        Severity.MINOR,
        "消火栓与管网失去联系",
        "over `window_h` its pressure moves by less than `follows` of the movement of its mains, and deviates by more "
        "than `sigmas`; or it deviates by more than `away_sigmas` for `away_h`, half of that by itself, and got there "
        "slowly; each by more than `beyond_quiet`",
        "it follows its mains again, and deviates by less than half of `away_sigmas`, for an hour and a half",
        follows=Parameter(0.35, "share of the expected movement", TUNED, SHARE),
        sigmas=Parameter(6.0, "own standard deviations", TUNED, SIGMAS),
        window_h=Parameter(3, "h", TUNED, MONTH_H),
        away_sigmas=Parameter(8.0, "own standard deviations", TUNED, SIGMAS),
        away_h=Parameter(1, "h", TUNED, MONTH_H),
        beyond_quiet=Parameter(1.2, "times its farthest quiet day", TUNED, BEYOND),
    ),
    define(
        "water_leak",
        ("hydrant",),
        Category.WATER,
        Severity.MINOR,
        "疑似漏水",
        "the cumulative sum of nightly (02:00 to 04:00) medians of the pressure loss that is independent of all "
        "others, smoothed over neighbours, exceeds `sigmas`",
        "the sum is back at 0",
        sigmas=Parameter(9.0, "nightly standard deviations, summed", TUNED, SIGMAS),
        slack=Parameter(1.0, "nightly standard deviations", STUDY, SIGMAS),
        nights=Parameter(14, "nights before the first verdict", STUDY, DAYS),
    ),
    define(
        "freeze_forecast",
        ("hydrant", "water"),
        Category.WATER,
        Severity.MINOR,
        "12 小时内可能冻结",
        "judged by how fast it cools and by the air around it, the water reaches `freezes_c` within `ahead_h`",
        "it no longer does so within twice that time; or what it goes on sending tells no temperature for 25 h",
        freezes_c=Parameter(0.0, "°C", "physics", Bounds(-5, 10)),
        ahead_h=Parameter(12, "h", "contract 11", MONTH_H),
        from_c=Parameter(8.0, "°C", "warmer water does not freeze within half a day", Bounds(0, 30)),
        least_k_per_h=Parameter(0.08, "K/h", "slower cooling comes from the season, not the night", Bounds(0.001, 10)),
    ),
    define(
        "insulation_ageing",
        ("electrical",),
        Category.ELECTRICAL,
        Severity.MINOR,
        "绝缘老化",
        "residual current exceeds what the load explains: its smoothed excess is beyond `sigmas` and `least_ma`, or "
        "more than `outlier_share` of a day's slots are beyond `outlier_sigmas`; major when it will reach `legal_ma` "
        "within `ahead_h`",
        "the smoothed excess stays below half of the limit for 6 h",
        sigmas=Parameter(6.0, "own standard deviations", TUNED, SIGMAS),
        least_ma=Parameter(15, "mA", "our own: less does not justify a work order", Bounds(0, 1000)),
        outlier_sigmas=Parameter(8, "own standard deviations", TUNED, SIGMAS),
        outlier_share=Parameter(0.03, "share of a day's slots", TUNED, SHARE),
        legal_ma=Parameter(300, "mA", "GB 50116-2013 9.2.3", Bounds(0, 30_000)),
        ahead_h=Parameter(24, "h", "contract 11", MONTH_H),
        learn_days=Parameter(7, "d", STUDY, DAYS),
    ),
    define(
        "joint_heating",
        ("electrical",),
        Category.ELECTRICAL,
        Severity.MINOR,
        "接头发热",
        "over a day a circuit warms more with its load than it used to: at its highest load the growth is beyond "
        "`sigmas` and `least_k`; major when it will reach `legal_c` within `ahead_h`",
        "the growth stays below half of the limit for 6 h",
        sigmas=Parameter(6.0, "own standard deviations", TUNED, SIGMAS),
        least_k=Parameter(4.0, "K", "our own: few sound circuits grow so much, docs/detection.md", Bounds(0, 100)),
        legal_c=Parameter(70, "°C", "contract 8", Bounds(0, 400)),
        ahead_h=Parameter(24, "h", "contract 11", MONTH_H),
        learn_days=Parameter(7, "d", STUDY, DAYS),
    ),
    define(
        "sensor_fault",
        ("hydrant", "electrical", "water"),
        Category.DEVICE,
        Severity.INFO,
        "传感器异常",
        "the same value for `stuck_h`, or `spikes` one-sample spikes within a day; of circuits and basins only where "
        "the sensor's noise always showed for `learn_days`, and where no water and no cable jumps to and fro so far",
        "another value; a day without spikes",
        stuck_h=Parameter(6, "h", f"{STUDY}: identical at 0.001 MPa", MONTH_H),
        spikes=Parameter(3, "spikes a day", STUDY, COUNT),
        spike_sigmas=Parameter(8, "robust deviations of its own steps (hydrants)", STUDY, SIGMAS),
        learn_days=Parameter(14, "d (circuits and basins)", "our own, docs/detection.md", DAYS),
    ),
)

EARLY: Final[Mapping[str, Rule]] = MappingProxyType({rule.code: rule for rule in EARLY_RULES})
Numbers = Mapping[str, Mapping[str, float]]
"""Values by code and name."""
NUMBERS: Final[Numbers] = MappingProxyType(
    {code: {name: item.default for name, item in rule.parameters.items()} for code, rule in EARLY.items()}
)
