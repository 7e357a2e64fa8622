"""The bench's own arithmetic."""

import pytest

from bench.alarm import Trials, judge, percentile


@pytest.mark.parametrize(
    ("count", "part", "value"),
    [(1, 0.5, 1), (2, 0.5, 1), (3, 0.5, 2), (100, 0.99, 99), (200, 0.99, 198), (10, 1.0, 10)],
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(count: int, part: float, value: int) -> None:
    assert percentile(list(range(1, count + 1)), part) == value


def test_trials_that_never_reached_the_desk_are_counted_not_hidden() -> None:
    trials = Trials("fire.confirmed", "call point", started_s={"a": 10.0, "b": 11.0})
    judged = judge(trials, {("fire.confirmed", "a"): 10.25, ("alarm.raised", "b"): 11.1}, {})
    assert (judged["trials"], judged["reached"], judged["p50_ms"], judged["worst_ms"]) == (2, 1, 250, 250)


def test_no_answer_at_all_has_no_figures() -> None:
    assert judge(Trials("x", "y", started_s={"a": 1.0}), {}, {})["p99_ms"] is None


def test_the_stages_of_a_trial_make_up_its_whole_way() -> None:
    trials = Trials("fire.confirmed", "call point", started_s={"a": 10.0, "b": 20.0})
    moments = {"a": [10.01, 10.04, 10.05, 10.06], "b": [20.1, 20.2, 20.3, 20.4], "unheard": [1.0, 2.0, 3.0, 4.0]}
    judged = judge(trials, {("fire.confirmed", "a"): 10.07, ("fire.confirmed", "b"): 20.7}, moments)
    assert [stage["worst_ms"] for stage in judged["stages"].values()] == [100, 100, 100, 100, 300]
    assert [stage["p50_ms"] for stage in judged["stages"].values()] == [10, 30, 10, 10, 10]
    assert judged["slowest"][0] == {"device": "b", "started_s": 20.0, "stages_ms": [100, 100, 100, 100, 300]}
