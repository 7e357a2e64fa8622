"""What grids share and leave out is found, with its size and place; strips between two tracings are not."""

import time

import pytest
from shapely.geometry import MultiPolygon, Polygon, box

from services.api.prevention.grids.coverage import Fault, Finding, Grid, find_faults

M = 1 / 111_195.0  # a metre of latitude, in degrees


def comb(teeth: int, *, lying: bool = False) -> Polygon:
    """Return a border whose positions are 4 for each tooth, upright or lying on its side."""
    points = [(0.0, 0.0)]
    for tooth in range(teeth):
        points += [((tooth + x) / teeth / 10, y / 10) for x, y in ((0, 1), (0.5, 1), (0.5, 0.01), (1, 0.01))]
    points.append((0.1, 0.0))
    return Polygon([(y, x) for x, y in points] if lying else points)


def found(*grids: Grid) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.fault, one.grids) for one in find_faults(grids)]


def test_neighbours_that_only_touch_have_no_fault() -> None:
    assert find_faults([]) == []
    assert found(Grid("a", None, box(0, 0, 1, 1)), Grid("b", None, box(1, 0, 2, 1))) == []


def test_an_overlap_has_its_area_and_a_place_within() -> None:
    (one,) = find_faults([Grid("b", None, box(0, 0, 0.01, 0.01)), Grid("a", None, box(0.009, 0, 0.02, 0.01))])
    assert (one.fault, one.grids) == (Fault.OVERLAP, ("a", "b"))
    assert one.area_m2 == pytest.approx(0.001 * 0.01 / M**2, rel=0.001)
    assert 0.009 < one.lon < 0.01
    assert 0 < one.lat < 0.01


def test_area_and_place_are_right_away_from_the_equator() -> None:
    (one,) = find_faults(
        [Grid("a", None, box(111, 39, 111.02, 39.02)), Grid("b", None, box(111.01, 39, 111.03, 39.02))]
    )
    assert one.area_m2 == pytest.approx(0.01 * 0.02 * 0.7770 / M**2, rel=0.002)  # cosine of 39.01 degrees
    assert 111.01 < one.lon < 111.02


@pytest.mark.parametrize(("width_m", "count"), [(4.5, 0), (6, 1)])
def test_strips_as_two_tracings_of_one_border_leave_them_are_none(width_m: float, count: int) -> None:
    upper = box(0, 0.01 - width_m * M, 0.01, 0.02)
    assert len(found(Grid("a", None, box(0, 0, 0.01, 0.01)), Grid("b", None, upper))) == count


def test_grids_of_different_parents_and_a_parent_with_its_child_are_not_compared() -> None:
    whole = box(0, 0, 0.01, 0.01)
    assert found(Grid("p", None, whole), Grid("c", "p", whole)) == []
    apart = Grid("q", None, box(0.02, 0, 0.03, 0.01))
    assert ("overlap", ("c", "d")) not in found(
        Grid("p", None, whole), Grid("c", "p", whole), apart, Grid("d", "q", whole)
    )


def test_what_no_child_has_is_a_gap_and_what_stands_out_is_beyond() -> None:
    parent = Grid("p", None, box(0, 0, 0.02, 0.01))
    faults = found(parent, Grid("c", "p", box(0.01, 0, 0.03, 0.01)))
    assert sorted(faults) == [("beyond", ("c", "p")), ("gap", ("p",))]


def test_ground_that_grids_enclose_and_none_has_is_a_gap_each_place_by_itself() -> None:
    ring = Polygon(
        box(0, 0, 0.1, 0.1).exterior, [box(0.01, 0.01, 0.02, 0.02).exterior, box(0.05, 0.05, 0.07, 0.07).exterior]
    )
    faults = find_faults([Grid("a", None, ring)])
    assert [(one.fault, one.grids) for one in faults] == [("gap", ()), ("gap", ())]
    assert faults[0].area_m2 > faults[1].area_m2
    lake = Grid("b", None, box(0.05, 0.05, 0.07, 0.07))
    assert found(Grid("a", None, ring), lake) == [("gap", ())]


def test_a_grid_of_parts_whose_parent_is_not_among_them_stands_by_itself() -> None:
    parts = MultiPolygon([box(0, 0, 0.01, 0.01), box(0.02, 0, 0.03, 0.01)])
    faults: list[Finding] = find_faults([Grid("a", "hidden", parts), Grid("b", None, box(0.005, 0, 0.025, 0.01))])
    assert [one.fault for one in faults] == [Fault.OVERLAP, Fault.OVERLAP]


def test_borders_that_meet_too_often_are_named_and_the_others_are_compared() -> None:
    grids = [
        Grid("a", None, comb(400)), Grid("b", None, comb(400, lying=True)), Grid("c", None, box(0, 0, 0.01, 0.0005)),
    ]  # fmt: skip
    begin = time.process_time()
    faults = find_faults(grids)
    assert time.process_time() - begin < 5, "of this process: two minutes and a gigabyte, were they compared"
    assert (faults[0].fault, faults[0].grids) == (Fault.UNCHECKED, ("a", "b"))
    assert {(one.fault, one.grids) for one in faults[1:]} == {
        (Fault.OVERLAP, ("a", "c")), (Fault.OVERLAP, ("b", "c")),
    }  # fmt: skip
    assert (faults[0].lon, faults[0].lat) == pytest.approx((0.05, 0.05), abs=0.001)


def test_a_child_as_tangled_with_its_parent_is_named_and_no_gap_is_made_up() -> None:
    assert found(Grid("p", None, comb(400)), Grid("c", "p", comb(400, lying=True))) == [("unchecked", ("c", "p"))]


def test_a_border_that_is_broken_stops_the_comparison_of_no_other() -> None:
    bow_tie = Polygon([(0, 0), (0.1, 0.1), (0.1, 0), (0, 0.1), (0, 0)])
    others = [Grid("b", None, box(0, 0, 0.02, 0.05)), Grid("c", None, box(0.01, 0, 0.03, 0.05))]
    assert found(Grid("a", None, bow_tie), *others) == [
        ("unchecked", ("a", "b")), ("unchecked", ("a", "c")), ("overlap", ("b", "c")),
    ]  # fmt: skip
    assert found(Grid("p", None, bow_tie), Grid("c", "p", box(0, 0, 0.02, 0.05))) == [("unchecked", ("c", "p"))]
    away = Grid("d", None, box(1, 1, 1.1, 1.1))
    assert found(Grid("a", None, bow_tie), away) == [("unchecked", ())]


def test_of_many_places_the_largest_are_told() -> None:
    wide, narrow = comb(70), comb(70, lying=True)
    assert len(found(Grid("a", None, wide), Grid("b", None, narrow))) == 1000
    far = [Grid(name, None, box(1, 1, 1.1, 1.1)) for name in "cd"]
    same = [Grid(name, None, wide) for name in "ef"]
    faults = find_faults([*far, *same, Grid("a", None, wide), Grid("b", None, narrow)])
    assert faults[0].grids == ("c", "d")
    assert len(faults) == 1000


def test_when_the_time_is_over_what_was_found_is_told_and_that_there_may_be_more() -> None:
    grids = [Grid(name, None, box(0, 0, 0.01, 0.01)) for name in "abc"]
    asked: list[None] = []

    def is_over() -> bool:
        asked.append(None)
        return len(asked) > 2

    first, *others = find_faults(grids, is_over)
    assert (first.fault, first.grids, first.lon) == (Fault.UNCHECKED, (), 0.005)
    assert [one.grids for one in others] == [("a", "b"), ("a", "c")]
