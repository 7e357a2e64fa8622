"""Where the pages' map looks (`data-view` of its frame: longitude, latitude, zoom), and where a place is on it."""

from math import asinh, pi, radians, tan
from typing import NamedTuple

from playwright.sync_api import Locator

TILE_PX = 512


class View(NamedTuple):
    """The middle of the map and its zoom."""

    lon: float
    lat: float
    zoom: float


def view_of(frame: Locator) -> View | None:
    """Return where the map looks, or None while it opens or moves for the first time."""
    text = frame.get_attribute("data-view")
    return None if text is None else View(*map(float, text.split(",")))


def _mercator(lon: float, lat: float) -> tuple[float, float]:
    """Return a place on the square of the world, 0 to 1 from the north-west corner (EPSG:3857)."""
    return (lon + 180) / 360, (1 - asinh(tan(radians(lat))) / pi) / 2


def pixel_of(frame: Locator, lon: float, lat: float) -> dict[str, float]:
    """Return where a place is in the frame, from its upper left corner."""
    view, box = view_of(frame), frame.bounding_box()
    assert view is not None
    assert box is not None
    world_px = TILE_PX * 2**view.zoom
    (x, y), (middle_x, middle_y) = _mercator(lon, lat), _mercator(view.lon, view.lat)
    return {"x": box["width"] / 2 + (x - middle_x) * world_px, "y": box["height"] / 2 + (y - middle_y) * world_px}
