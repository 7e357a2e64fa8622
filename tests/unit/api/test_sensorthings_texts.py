"""The patterns that read what callers write give up after one walk: a quadratic one would not end here."""

import re

import pytest

from services.api.city.sensorthings.geometry import POINT, WHOLE
from services.api.city.sensorthings.options import ITEM

MANY = 1_000_000


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (ITEM, "Datastreams" + " " * MANY + "!"),
        (ITEM, "a/" * MANY + "!"),
        (WHOLE, " " * MANY + "!"),
        (WHOLE, "POINT" + " " * MANY + "!"),
        (WHOLE, "SRID=" + "4" * MANY),
        (POINT, "1" * MANY + "!"),
        (POINT, "1 1" + " " * MANY + "!"),
    ],
)
def test_a_text_that_fits_nowhere_is_given_up(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.fullmatch(text) is None


def test_what_fits_is_read() -> None:
    assert ITEM.fullmatch(" Datastreams/Observations ( $top=1 ) ")
    assert ITEM.fullmatch("Locations ")
    for text in ("POINT(1 2)", " srid=4326; MULTIPOINT ZM (1 2 3 4)", "Polygon ((1 2, 3 4))", "LINESTRING Z(1 2 3)"):
        assert WHOLE.fullmatch(text), text
    for text in ("1 2", " -.5e3  +2.25 ", "1. 2", "1 2 3 4"):
        assert POINT.fullmatch(text), text
