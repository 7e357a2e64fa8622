"""A border is read or refused with its place and the cure; what is read is sound, turned the right way, and exact."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import shape

from services.api.prevention.grids import polygons
from services.api.prevention.grids.polygons import BadPolygon, count_positions, geojson_of, read_polygon, rings_of
from services.api.registry.datum import Datum, to_gcj02
from services.api.request.chinese import in_chinese

Ring = list[list[float]]


def box(west: float, south: float, size: float = 0.02) -> Ring:
    east, north = west + size, south + size
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def polygon(*rings: Ring) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def several(*parts: list[Ring]) -> dict[str, Any]:
    return {"type": "MultiPolygon", "coordinates": list(parts)}


OUTER, INNER = box(111.0, 39.0, 0.1), box(111.04, 39.04)[::-1]
BOW_TIE = [[111.0, 39.0], [111.1, 39.1], [111.1, 39.0], [111.0, 39.1], [111.0, 39.0]]
TOUCHING = [[111.0, 39.0], [111.04, 39.0], [111.02, 39.02], [111.04, 39.04], [111.0, 39.04], [111.02, 39.02], [111.0, 39.0]]  # fmt: skip  # noqa: E501
FLAT = [[111.0, 39.0], [111.1, 39.0], [111.0, 39.0]]
REFUSED: list[tuple[object, str, str]] = [
    (None, "polygon.type", "GeoJSON Polygon"),
    ({"type": "Point", "coordinates": [111, 39]}, "polygon.type", "GeoJSON Polygon"),
    ({"type": ["Polygon"]}, "polygon.type", "GeoJSON Polygon"),
    ({"type": "Polygon"}, "polygon.coordinates", "list of rings"),
    ({"type": "Polygon", "coordinates": []}, "polygon.coordinates", "list of rings"),
    ({"type": "MultiPolygon", "coordinates": []}, "polygon.coordinates", "list of polygons"),
    ({"type": "MultiPolygon", "coordinates": [[]]}, "polygon.coordinates.0", "list of rings"),
    ({"type": "Polygon", "coordinates": [7]}, "polygon.coordinates.0", "list of positions"),
    ({"type": "Polygon", "coordinates": [[]]}, "polygon.coordinates.0", "is not closed"),
    ({"type": "Polygon", "coordinates": [[[111, "39"]]]}, "polygon.coordinates.0.0", "two numbers"),
    ({"type": "Polygon", "coordinates": [[[111, True]]]}, "polygon.coordinates.0.0", "two numbers"),
    ({"type": "Polygon", "coordinates": [[[111, float("nan")]]]}, "polygon.coordinates.0.0", "two numbers"),
    ({"type": "Polygon", "coordinates": [[[111, 10**400]]]}, "polygon.coordinates.0.0", "two numbers"),
    ({"type": "Polygon", "coordinates": [[[111]]]}, "polygon.coordinates.0.0", "two numbers"),
    (polygon(OUTER[:-1]), "polygon.coordinates.0", "repeat its first position at the end"),
    (polygon([[lat, lon] for lon, lat in OUTER]), "polygon.coordinates.0.0", "have changed places"),
    (polygon([[39.0, 80.0], [39.1, 80.0], [39.1, 80.1], [39.0, 80.0]]), "polygon.coordinates.0.0", "changed places"),
    (polygon([[p * 1e5 for p in point] for point in OUTER]), "polygon.coordinates.0.0", "export the layer"),
    (polygon(BOW_TIE), "polygon.coordinates.0", "crosses itself near 111.05, 39.05"),
    (polygon(TOUCHING), "polygon.coordinates.0", "touches itself near 111.02, 39.02"),
    (polygon(FLAT), "polygon.coordinates.0", "encloses nothing"),
    (polygon([*FLAT[:-1], [111.05, 39.0], FLAT[0]]), "polygon.coordinates.0", "encloses nothing"),
    (polygon([OUTER[0]] * 5), "polygon.coordinates.0", "encloses nothing"),
    (polygon(OUTER, box(112.0, 39.0)), "polygon.coordinates.1", "inside the border"),
    (polygon(OUTER, INNER, box(111.05, 39.05)), "polygon.coordinates.2", "apart from each other"),
    (several([OUTER], [box(111.05, 39.05)]), "polygon.coordinates", "two parts overlap near"),
    (several([OUTER], [BOW_TIE]), "polygon.coordinates.1.0", "crosses itself"),
    (polygon([OUTER[0]] * (polygons.MOST_VERTICES + 1)), "polygon.coordinates", "at most 10000 positions"),
    (polygon(*[OUTER] * (polygons.MOST_RINGS + 1)), "polygon.coordinates", "at most 200 rings"),
]


@pytest.mark.parametrize(("value", "field", "message"), REFUSED)
def test_what_can_be_no_border_is_refused_by_its_place_and_in_both_languages(
    value: object, field: str, message: str
) -> None:
    with pytest.raises(BadPolygon) as refused:
        read_polygon(value)
    assert refused.value.field == field
    assert message in refused.value.message
    assert in_chinese(refused.value.message)


def test_a_hole_that_lies_within_but_splits_the_ground_is_refused_too() -> None:
    across = [[111.0, 39.05], [111.05, 39.06], [111.1, 39.05], [111.05, 39.04], [111.0, 39.05]]
    with pytest.raises(BadPolygon) as refused:
        read_polygon(polygon(OUTER, across))
    assert refused.value.field == "polygon.coordinates.0"[:-2]


def small(number: int) -> Ring:
    """Return one of 196 holes that lie apart."""
    return box(111.003 + number % 14 * 0.007, 39.003 + number // 14 * 0.007, 0.005)


def comb(*, lying: bool) -> Ring:
    """Return a hole of 400 teeth."""
    points = [[111.01, 39.01]]
    for tooth in range(400):
        points += [
            [111.01 + (tooth + x) / 5000, 39.01 + y] for x, y in ((0, 0.08), (0.5, 0.08), (0.5, 0.01), (1, 0.01))
        ]
    points += [[111.09, 39.01], [111.01, 39.01]]
    return [[lat + 72, lon - 72] for lon, lat in points] if lying else points


@pytest.mark.parametrize(
    ("holes", "wrong"),
    [
        ([*map(small, range(190)), small(7)], "polygon.coordinates.191"),  # the last one lies where another does
        ([*map(small, range(190)), box(111.5, 39.0)], "polygon.coordinates.191"),
        ([comb(lying=False), comb(lying=True)], "polygon.coordinates.2"),
    ],
)
def test_the_wrong_one_of_many_holes_is_named_at_once(holes: list[Ring], wrong: str) -> None:
    begin = time.process_time()
    with pytest.raises(BadPolygon) as refused:
        read_polygon(polygon(OUTER, *holes))
    assert time.process_time() - begin < 1
    assert refused.value.field == wrong


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (polygon(OUTER, INNER), 10),
        (several([OUTER], [OUTER, INNER]), 15),
        (polygon([OUTER[0]] * 20_000), polygons.MOST_VERTICES),
        (polygon(BOW_TIE), 5),
        ({"type": "Point", "coordinates": [111, 39]}, 0),
        ({"type": "MultiPolygon", "coordinates": [7, [7, OUTER]]}, 5),
        ({"coordinates": {}}, 0),
        (None, 0),
    ],
)
def test_positions_are_counted_whether_they_make_a_border_or_not(value: object, count: int) -> None:
    assert count_positions(value) == count


def test_what_runs_the_wrong_way_is_turned_and_that_is_said() -> None:
    read = read_polygon(polygon(OUTER[::-1], INNER[::-1]), name="geometry")
    assert [note.field for note in read.notes] == ["geometry.coordinates.0", "geometry.coordinates.1"]
    assert all("was turned" in note.message and in_chinese(note.message) for note in read.notes)
    again = read_polygon(geojson_of(read.border))
    assert (again.border, again.notes) == (read.border, [])


def test_holes_and_parts_become_rings_by_number() -> None:
    read = read_polygon(several([OUTER, INNER], [box(112.0, 39.0)]))
    assert [(part, number) for part, number, _ in rings_of(read.border)] == [(0, 0), (0, 1), (1, 0)]
    assert geojson_of(read.border)["type"] == "MultiPolygon"
    assert geojson_of(read_polygon(several([OUTER])).border)["type"] == "Polygon"


def test_heights_repeated_positions_and_needless_digits_are_left_out() -> None:
    ring = [[111.00000001, 39.0, 812.0], *[[lon, lat, 0] for lon, lat in OUTER[:-1]], [111.00000001, 39.0, 812.0]]
    assert list(next(rings_of(read_polygon(polygon(ring)).border))[2]) == [tuple(point) for point in OUTER]


def test_another_datum_is_converted() -> None:
    shifted = polygon([list(to_gcj02(lon, lat)) for lon, lat in OUTER])
    border = read_polygon(shifted, Datum.GCJ02).border
    assert border.symmetric_difference(shape(polygon(OUTER))).area < 1e-8
    assert border.bounds == pytest.approx((111.0, 39.0, 111.1, 39.1), abs=1e-6)


positions = st.tuples(st.floats(111.0, 111.2), st.floats(39.0, 39.2)).map(list)


@given(st.lists(st.lists(positions, max_size=8), max_size=4))
def test_what_is_read_is_sound_whatever_was_drawn(rings: list[Ring]) -> None:
    closed = [[*ring, ring[0]] for ring in rings if ring]
    try:
        border = read_polygon(polygon(*closed)).border
    except BadPolygon:
        return
    assert border.is_valid
    assert border.area > 0


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.just("Polygon"),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["type", "coordinates"]), inner),
        max_leaves=20,
    )
)
def test_no_document_makes_it_fail_in_another_way(value: object) -> None:
    with pytest.raises(BadPolygon):
        read_polygon(value)
