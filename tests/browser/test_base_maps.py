"""The ground under the devices: a PMTiles file, Tianditu through us, shapes of our own, and a browser without WebGL."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import expect

from stack.children import free_port
from tests.browser.conftest import PHONE, WALL
from tests.browser.county import AREA, NEAR, POOL
from tests.browser.grounds import pmtiles_of, png, tile_server

SEA, NAMES = (90, 140, 200), (200, 30, 30)
KEY = "key-of-the-county"
COLOUR = """async (shot) => {
  const image = new Image();
  image.src = `data:image/png;base64,${shot}`;
  await image.decode();
  const { width, height } = image;
  const pen = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  pen.drawImage(image, 0, 0);
  return [0.3, 0.7].map((across) => [...pen.getImageData(width * across, height * 0.93, 1, 1).data].slice(0, 3));
}"""
NO_WEBGL = """{
  const given = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
    return kind.startsWith("webgl") ? null : given.call(this, kind, ...more);
  };
}"""


@dataclass
class Api:
    """A further API on the same county, with settings of its own."""

    api: str
    signed_in: Callable[[], dict[str, Any]]


@pytest.fixture
def api_with(system, program):
    """A function that runs one more API beside the system's, with settings of its own. Ask for it before `visit`."""

    def run(**settings):
        port = free_port()
        program("api", DATABASE_URL=system.endpoints()["database"], API_PORT=port, **settings).wait_ready()
        return Api(f"http://127.0.0.1:{port}", system.signed_in)

    return run


@pytest.fixture
def tiles():
    with tile_server({"vec": png(*SEA), "cva": png(*NAMES, alpha=0)}, KEY) as server:
        yield server


def colours(page):
    """What the drawn map shows low on the left and low on the right, between devices."""
    page.wait_for_selector(".map-frame[data-drawn]", timeout=60_000)
    shot = base64.b64encode(page.locator(".map-frame canvas").screenshot()).decode()
    blank = page.context.new_page()
    try:
        return [tuple(colour) for colour in blank.evaluate(COLOUR, shot)]
    finally:
        blank.close()


def test_a_pmtiles_file_and_layers_of_our_own_are_drawn(api_with, visit, system, tmp_path):
    plain = colours(visit("/?theme=light#/map"))
    file = tmp_path / "county.pmtiles"
    file.write_bytes(pmtiles_of("earth", "water"))
    west = [[100.0, 30.0], [111.0955, 30.0], [111.0955, 45.0], [100.0, 45.0], [100.0, 30.0]]
    shapes = {
        "district": {"type": "Polygon", "coordinates": [west]},
        "pipes": {"type": "LineString", "coordinates": west},
    }
    for name, geometry in shapes.items():
        feature = {"type": "Feature", "properties": {}, "geometry": geometry}
        (tmp_path / f"{name}.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    page = visit("/?theme=light#/map", at=api_with(BASEMAP=file, LAYERS_DIR=tmp_path))
    left, right = colours(page)
    assert right != plain[1]  # water of the file
    assert left != right  # the district covers the west only
    fetched = page.evaluate("performance.getEntriesByType('resource').map((each) => new URL(each.name).pathname)")
    assert "/geo/basemap.pmtiles" in fetched


def test_tianditu_comes_through_us_and_its_key_stays_here(api_with, tiles, visit):
    page = visit("/?theme=light#/map", at=api_with(BASEMAP=f"tianditu:{KEY}", TIANDITU_URL=tiles.url))
    assert colours(page) == [SEA, SEA]
    expect(page.get_by_text("天地图")).to_be_visible()
    asked = page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
    assert not [url for url in asked if KEY in url]
    assert set(tiles.asked) == {"vec", "cva"}


def test_a_tile_server_that_is_away_leaves_the_devices_on_a_plain_ground(api_with, visit):
    away = f"http://127.0.0.1:{free_port()}/{{layer}}/{{z}}/{{x}}/{{y}}?{{key}}"
    page = visit(f"/#/map/{NEAR}", at=api_with(BASEMAP=f"tianditu:{KEY}", TIANDITU_URL=away))
    page.wait_for_selector(".map-frame[data-drawn]", timeout=60_000)
    expect(page.get_by_role("complementary")).to_contain_text("府前街1号消火栓")
    expect(page.get_by_text("底图暂时取不到")).to_be_visible()


def test_without_webgl_every_map_becomes_something_to_read(visit, system, site):
    page = visit("/#/map", before=NO_WEBGL)
    expect(page.locator(".map-list .hint", has_text="WebGL")).to_be_visible()
    expect(page.get_by_role("link", name="医院消防水池")).to_be_visible()
    page.get_by_label("类型").select_option("hydrant")
    expect(page.get_by_role("link", name="医院消防水池")).to_have_count(0)
    page.get_by_role("link", name="府前街1号消火栓").click()
    expect(page.get_by_role("complementary")).to_contain_text("府前街1号消火栓")

    phone = visit("/#/water", viewport=PHONE, before=NO_WEBGL)
    expect(phone.locator(".water-map")).to_contain_text("WebGL")
    phone.get_by_label("选择乡镇").select_option(AREA)
    expect(phone.locator(f".source[data-code='{POOL}']")).to_be_visible()

    panel = system.panel("N-001", site=site)
    system.fire(panel)
    alarm = system.fire_of(panel)["id"]
    wall = visit("/wall", viewport=WALL, before=NO_WEBGL)
    expect(wall.locator(f".wall-alarm[data-alarm='{alarm}']")).to_be_visible()
    expect(wall.locator(".wall-map")).to_contain_text("WebGL")
