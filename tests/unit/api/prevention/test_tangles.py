"""Borders as people draw them are compared, however long they are; those that meet everywhere are not."""

from math import cos, pi, sin

import pytest
from shapely.geometry import MultiPolygon, Polygon, box

from services.api.prevention.grids.tangles import are_tangled
from tests.unit.api.prevention.test_coverage import comb


def round_border(positions: int, shaken: float = 0.0) -> Polygon:
    """Return a border around (0, 0) as somebody traced it: `shaken` is how much, in degrees."""
    steps = [2 * pi * number / positions for number in range(positions)]
    radii = [0.05 + shaken * sin(number * 12.9898) for number in range(positions)]
    return Polygon([(far * cos(at), far * sin(at)) for far, at in zip(radii, steps, strict=True)])


@pytest.mark.parametrize(
    "other",
    [
        box(0, 0, 0.1, 0.1),
        round_border(9_999),  # the same
        round_border(9_999, shaken=1e-6),
        MultiPolygon([box(0, 0, 0.01, 0.01), round_border(5_000).difference(box(-0.02, -0.02, 0.02, 0.02))]),
    ],
)
def test_borders_that_people_draw_are_not_tangled(other: Polygon | MultiPolygon) -> None:
    assert not are_tangled(round_border(9_999), other)
    assert not are_tangled(other, round_border(9_999))


@pytest.mark.parametrize("teeth", [150, 2_400])
def test_combs_across_each_other_are_tangled_and_beside_each_other_are_not(teeth: int) -> None:
    assert are_tangled(comb(teeth), comb(teeth, lying=True))
    beside = Polygon([(x + 0.0999, y) for x, y in comb(teeth).exterior.coords])
    assert not are_tangled(comb(teeth), beside)
