from math import cos, hypot, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.registry.datum import Datum, convert, from_bd09, from_gcj02, to_bd09, to_gcj02

PLACES_IN_CHINA = st.tuples(st.floats(74, 134), st.floats(19, 53))
DEGREE_M = 111_320.0


def metres_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    east = (one[0] - other[0]) * DEGREE_M * cos(radians(one[1]))
    return hypot(east, (one[1] - other[1]) * DEGREE_M)


def test_the_shift_at_baode_is_574_metres() -> None:
    shifted = to_gcj02(111.08, 39.02)
    assert metres_between((111.08, 39.02), shifted) == pytest.approx(574, abs=2)


@given(PLACES_IN_CHINA)
def test_gcj02_is_undone_to_a_millimetre(place: tuple[float, float]) -> None:
    assert metres_between(from_gcj02(*to_gcj02(*place)), place) < 0.001


@given(PLACES_IN_CHINA)
def test_bd09_is_undone_to_ten_centimetres(place: tuple[float, float]) -> None:
    assert metres_between(from_bd09(*to_bd09(*to_gcj02(*place))), place) < 0.1


def test_outside_china_gcj02_shifts_nothing() -> None:
    assert to_gcj02(2.35, 48.85) == (2.35, 48.85)


@pytest.mark.parametrize("datum", [Datum.WGS84, Datum.CGCS2000])
def test_wgs84_and_cgcs2000_stay_as_they_are(datum: Datum) -> None:
    assert convert(111.0911, 39.0202, datum) == (111.0911, 39.0202)


@pytest.mark.parametrize(
    ("datum", "forward"), [(Datum.GCJ02, to_gcj02), (Datum.BD09, lambda *p: to_bd09(*to_gcj02(*p)))]
)
def test_converting_gives_the_place_back(datum: Datum, forward: object) -> None:
    given_place = forward(111.08, 39.02)  # type: ignore[operator]
    assert metres_between(convert(*given_place, datum), (111.08, 39.02)) < 0.1


@pytest.mark.parametrize("name", ["GCJ-02", "gcj02", "BD-09", "WGS 84", "WGS84"])
def test_a_datum_is_known_by_its_usual_spellings(name: str) -> None:
    assert Datum(name) in set(Datum)


def test_an_unknown_datum_is_refused() -> None:
    with pytest.raises(ValueError, match="beijing54"):
        Datum("beijing54")
