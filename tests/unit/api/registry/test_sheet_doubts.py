"""Places that are probably wrong: named by line, and only where the place is new."""

import pytest

from services.api.registry.datum import Datum
from services.api.registry.sheet.doubts import Doubts, distance_km
from services.api.registry.sheet.rows import read_csv

CENTRES = {"140931": (111.09, 39.02), "140931100": (111.094, 39.018), "110101": (116.4, 39.9)}


def warned(*places, kinds=None, standing=(), moved=True):
    """Return line and kind of what is doubtful about rows at these places."""
    lines = ["code,kind,area,lon,lat"]
    for number, (lon, lat) in enumerate(places):
        kind = "hydrant" if kinds is None else kinds[number]
        lines.append(f"h-{number},{kind},140931100,{lon},{lat}")
    doubts = Doubts(CENTRES)
    for code, kind, point in standing:
        doubts.note_standing(code, kind, point)
    found = []
    for row in read_csv("\n".join(lines).encode(), Datum.WGS84):
        point = row.body.location.wgs84()
        found += doubts.look(row, row.body.kind, row.body.area, point, moved=moved)
    assert all(one.message and one.message_zh and one.field == "location" for one in found)
    return [(one.line, one.kind) for one in found]


def test_places_in_the_county_are_not_doubted():
    assert warned((111.09, 39.02), (111.3, 38.9), (110.9, 39.1)) == []


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ((0, 0), "zero"), ((111.09, 0), "zero"), ((0, 39.02), "zero"),
        ((39.02, 111.09), "swapped"),
        ((116.4, 39.9), "outside"), ((-111.09, 39.02), "outside"), ((111.09, 83), "outside"), ((112, 39), "outside"),
    ],
)  # fmt: skip
def test_a_doubtful_place_is_named(place, kind):
    assert warned(place) == [(2, kind)]


def test_exchanged_numbers_that_are_both_possible_are_kept_and_named():
    doubts = Doubts({"650000": (80.0, 44.0)})
    (row,) = read_csv(b"code,kind,area,lon,lat\nh-1,hydrant,650000,44,80\n", Datum.WGS84)
    (found,) = doubts.look(row, "hydrant", "650000", row.body.location.wgs84(), moved=True)
    assert (found.kind, row.body.location.lon) == ("swapped", 44)


def test_a_spot_taken_twice_is_named_with_the_other_and_only_for_the_same_kind():
    spot = (111.09, 39.02)
    assert warned(spot, spot, (111.1, 39.0), spot) == [(3, "doubled"), (5, "doubled")]
    assert warned(spot, spot, kinds=["hydrant", "panel"]) == []
    assert warned(spot, standing=[("old", "hydrant", spot)]) == [(2, "doubled")]
    assert warned(spot, standing=[("h-0", "hydrant", spot)]) == []


def test_what_stands_so_already_is_not_doubted_again():
    assert warned((0, 0), (116.4, 39.9), (116.4, 39.9), moved=False) == []


def test_a_county_without_known_places_has_no_outside():
    (row,) = read_csv(b"code,kind,area,lon,lat\nh-1,hydrant,990000,80,40\n", Datum.WGS84)
    assert Doubts(CENTRES).look(row, "hydrant", "990000", (80, 40), moved=True) == []


def test_distances_are_those_of_the_earth():
    assert distance_km((111.09, 39.02), (111.09, 40.02)) == pytest.approx(111.2, abs=0.1)
    assert distance_km((0, 0), (180, 0)) == pytest.approx(20_015, abs=1)
