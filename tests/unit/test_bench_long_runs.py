"""The verdict of long runs: what rises is told from what swings, and a report says it to people."""

import random

import pytest

from bench.pages import chart, page
from bench.trend import trend

HOURS = [minute / 60 for minute in range(120)]


def series(per_hour: float, noise: float, first: float = 0.0) -> list[tuple[float, float]]:
    dice = random.Random(7)
    return [(at, 100 + per_hour * at + dice.uniform(-noise, noise) + (first if at < 0.5 else 0)) for at in HOURS]


@pytest.mark.parametrize(
    ("points", "flat"),
    [
        (series(0, 3), True),
        (series(10, 1), False),
        (series(1, 5), True),
        (series(0, 1, first=-80), True),  # caches fill at the begin
        ([*series(0, 1)[:-1], (2.0, 500.0)], True),  # one peak
        (series(-20, 1), True),
        (series(2, 0), True),  # below what is called a growth
    ],
)
def test_what_rises_is_told_from_what_swings(points, flat):
    found = trend(points, least=4.0)
    assert found is not None
    assert found.is_flat is flat


def test_of_few_points_nothing_is_said_and_many_are_thinned():
    assert trend(series(10, 1)[:7], least=1) is None
    many = [(second / 3600, second / 360) for second in range(7200)]
    assert trend(many, least=1).per_hour == pytest.approx(10, rel=0.01)


def test_a_report_shows_what_was_not_as_promised_and_escapes_what_it_shows():
    text = page("Soak <1>", "two hours", [("a & b", "12 MB", False), ("c", "3", True), ("d", "4", None)], ["<svg/>"])
    assert "Soak &lt;1&gt;" in text
    assert "a &amp; b" in text
    assert text.count("not as promised") == 1
    drawn = chart("Memory", "MB", {"ingest": [(0.0, 1.0), (1.0, 3.0)], "empty": []})
    assert drawn.count("<polyline") == 1
    assert chart("Nothing", "", {"empty": []}) == ""
