"""How facts of a site become a score: whole points that add up, bounded, and never less for more trouble."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.alarms.policies import DEFAULTS, parse_policies
from services.core.alarms.policy_models import MODELS
from services.core.alarms.risk_weights import WEIGHTS, RiskCode
from services.core.prevention.risk import Fact, RiskGrade, Scale, assess

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
SCALE = Scale.of(DEFAULTS["risk"])
RANKS = [RiskGrade.BLUE, RiskGrade.YELLOW, RiskGrade.ORANGE, RiskGrade.RED]

TIMES = st.none() | st.integers(-1000, 30_000).map(lambda hours: NOW - timedelta(hours=hours))
NAMES = st.lists(st.text(max_size=5), max_size=4).map(tuple)
FACTS = st.lists(
    st.builds(Fact, st.sampled_from(RiskCode), st.integers(1, 10_000), TIMES, NAMES), unique_by=lambda one: one.code
)
WEIGHT = st.fixed_dictionaries({"each": st.integers(0, 100), "most": st.integers(0, 100)})
BODIES = st.fixed_dictionaries(
    {str(code): WEIGHT for code in RiskCode}
    | {name: st.integers(1, 101) for name in ("red_from", "orange_from", "yellow_from")}
    | {name: st.integers(1, 365) for name in ("false_alarms_d", "fire_recent_d", "guard_d", "water_radius_m")}
)


@given(facts=FACTS, body=BODIES)
def test_points_add_up_to_the_score_whatever_is_known_and_whatever_the_weights(
    facts: list[Fact], body: dict[str, Any]
) -> None:
    MODELS["risk"].model_validate(body)  # these are weights that a county may set
    found = assess(facts, Scale.of(body), NOW)
    assert sum(one.points for one in found.reasons) == found.score
    assert 0 <= found.score <= 100
    assert found.score == min(100, sum(one.full_points for one in found.reasons))
    for one in found.reasons:
        assert 0 <= one.points <= one.full_points <= body[one.code]["most"]
        assert one.full_points > 0
        assert one.zh
        assert one.en
    assert [one.full_points for one in found.reasons] == sorted((o.full_points for o in found.reasons), reverse=True)


@given(facts=FACTS, body=BODIES, extra=st.integers(1, 100))
def test_more_trouble_never_lowers_score_or_grade(facts: list[Fact], body: dict[str, Any], extra: int) -> None:
    scale = Scale.of(body)
    found = [assess(facts[:number], scale, NOW) for number in range(len(facts) + 1)]
    found.append(assess([one._replace(number=one.number + extra) for one in facts], scale, NOW))
    scores, ranks = [one.score for one in found], [RANKS.index(one.grade) for one in found]
    assert scores == sorted(scores)
    assert ranks == sorted(ranks)


@given(facts=FACTS)
def test_the_order_in_which_facts_come_changes_nothing(facts: list[Fact]) -> None:
    assert assess(facts, SCALE, NOW) == assess(facts[::-1], SCALE, NOW)


def test_what_lies_above_a_hundred_is_taken_from_the_lightest_reasons_and_said() -> None:
    facts = [
        Fact(RiskCode.FIRE_OPEN, 2, NOW), Fact(RiskCode.HAZARD_MAJOR, 2, NOW), Fact(RiskCode.ALARM_MAJOR, 9, NOW),
        Fact(RiskCode.ALARM_MINOR, 9, NOW),
    ]  # fmt: skip
    found = assess(facts, SCALE, NOW)
    assert (found.score, found.grade) == (100, RiskGrade.RED)
    assert [(one.code, one.points, one.full_points) for one in found.reasons] == [
        ("fire_open", 60, 60), ("hazard_major", 30, 30), ("alarm_major", 10, 24), ("alarm_minor", 0, 5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fact", "score", "grade"),
    [
        (Fact(RiskCode.FIRE_OPEN, 1, NOW), 40, "red"),
        (Fact(RiskCode.HAZARD_MAJOR, 1, NOW), 15, "yellow"),
        (Fact(RiskCode.HAZARD_MAJOR, 2, NOW), 30, "orange"),
        (Fact(RiskCode.ALARM_MINOR, 40, NOW), 5, "blue"),
        (Fact(RiskCode.OUT_OF_SERVICE, 1, None), 2, "blue"),
    ],
)
def test_a_site_with_one_sort_of_trouble_has_the_grade_that_the_record_says(fact: Fact, score: int, grade: str) -> None:
    assert assess([fact], SCALE, NOW)[:2] == (score, grade)
    assert assess([], SCALE, NOW) == (0, "blue", ())


def test_a_fire_that_was_weighs_less_from_day_to_day_and_nothing_after_its_window() -> None:
    def points(days: float) -> int:
        return assess([Fact(RiskCode.FIRE_RECENT, 1, NOW - timedelta(days=days))], SCALE, NOW).score

    assert [points(days) for days in (-1, 0, 1, 45, 89, 90, 200)] == [10, 10, 10, 5, 1, 0, 0]
    assert assess([Fact(RiskCode.FIRE_RECENT, 1, None)], SCALE, NOW).score == 10


def test_a_reason_names_what_it_is_about_in_both_languages() -> None:
    hazards, panels = assess(
        [
            Fact(RiskCode.HAZARD_GENERAL, 3, NOW, ("hydrant_blocked", "of_another_release")),
            Fact(RiskCode.PANEL_SILENT, 5, NOW, ("甲", "乙", "丙", "丁")),
        ],
        SCALE,
        NOW,
    ).reasons[::-1]
    assert hazards.zh == "未销案的一般隐患 3 项（消火栓被埋压、圈占、遮挡、of_another_release）"
    assert hazards.en == "open general hazards: 3 (hydrant buried or obstructed, of_another_release)"
    assert panels.zh == "失去联系的报警主机 5 台（甲、乙、丙等）"
    assert panels.en == "silent alarm panels: 5 (甲, 乙, 丙 …)"
    assert panels.document() == {
        "code": "panel_silent", "points": 30, "full_points": 30, "count": 5, "zh": panels.zh, "en": panels.en,
        "since": "2026-11-29T08:00:00.000Z",
    }  # fmt: skip


def test_limits_that_cross_give_the_worse_grade() -> None:
    scale = SCALE._replace(red_from=10, orange_from=20, yellow_from=30)
    assert [scale.grade(score) for score in (9, 10, 25, 30)] == ["blue", "red", "red", "red"]


def test_every_reason_has_a_weight_and_a_stored_one_that_cannot_be_used_has_its_default() -> None:
    assert set(WEIGHTS) == set(RiskCode)
    stored = '{"fire_open": {"each": 50, "most": 70}, "alarm_minor": {"each": 1.5, "most": 5}, "red_from": "x"}'
    policies = parse_policies({"risk": stored})
    scale = Scale.of(policies.bodies["risk"])
    assert (scale.weights[RiskCode.FIRE_OPEN], scale.weights[RiskCode.ALARM_MINOR]) == ((50, 70), (1, 5))
    assert scale.red_from == 40
    assert {fault.field for fault in policies.faults} == {"alarm_minor.each", "red_from"}
