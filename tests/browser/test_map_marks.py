"""The map says where things are: a chosen area, what is out of service, what is under test, whose grid it is."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE
from tests.browser.county import AREA, FAR, NEAR, SITE
from tests.support.map_view import View, pixel_of, view_of
from tests.support.servers import until

FRAME = ".map-frame[data-drawn]"
VILLAGE = "140931201"  # 韩家川乡
IN_VILLAGE = {"lon": 111.018, "lat": 38.908}
GRID = {
    "name": "东关镇第一网格", "area": AREA,
    "people": [{"name": "张三", "role": "网格员", "phone": "13900000000"}],
    "polygon": {
        "type": "Polygon",
        "coordinates": [[[111.06, 39.03], [111.09, 39.03], [111.09, 39.05], [111.06, 39.05], [111.06, 39.03]]],
    },
}  # fmt: skip
CROWD = """async () => {
  const maplibre = await import("/static/vendor/maplibre-gl.mjs");
  const { deviceLayers } = await import("/static/js/map/layers.js");
  const { COARSE_ZOOM, mapStyle, namesOf, palette } = await import("/static/js/map/style.js");
  const frame = Object.assign(document.createElement("div"), { id: "crowd" });
  document.body.prepend(frame);
  frame.style.cssText = "width: 600px; height: 600px; position: relative";
  const location = { lon: 111.09, lat: 39.02 };
  const areas = [{ code: "140931100", name: "东关镇", parent: "140931", location }];
  for (let n = 0; n < 12; n += 1)
    areas.push({ code: `1409311002${n}`.padEnd(12, "0"), name: `第${n}村民委员会`, parent: "140931100", location });
  const colours = palette();
  const style = mapStyle({ bounds: [[111, 39], [111.2, 39.1]], layers: [] }, colours);
  style.sources.areas = { type: "geojson", data: namesOf(areas), maxzoom: COARSE_ZOOM };
  style.sources.devices = { type: "geojson", data: { type: "FeatureCollection", features: [] }, cluster: true };
  style.layers.push(...deviceLayers(colours, 1));
  const map = new maplibre.Map({ container: frame, style, center: [111.09, 39.02], zoom: 13, fadeDuration: 0,
    localIdeographFontFamily: "sans-serif" });
  await new Promise((resolve) => map.once("idle", resolve));
  const shown = map.queryRenderedFeatures({ layers: ["areas"] }).map(({ properties }) => properties.name);
  map.remove();
  frame.remove();
  return shown;
}"""

# Which devices the small map of the water page is given, at its opening and later.
WATER_MAP = """async () => {
  const { GeoJSONSource } = await import("/static/vendor/maplibre-gl.mjs");
  const { html, render } = await import("/static/js/ui.js");
  const { WaterMap } = await import("/static/js/water/map.js");
  const given = new Set();
  const note = (source, features) => {
    if (source.id === "devices") for (const { properties } of features) given.add(properties.code);
  };
  for (const name of ["onAdd", "setData", "updateData"]) {
    const own = GeoJSONSource.prototype[name];
    GeoJSONSource.prototype[name] = function (...sent) {
      const [data] = name === "onAdd" ? [this.serialize().data] : sent;
      note(this, data.features ?? data.add);
      return own.apply(this, sent);
    };
  }
  const frame = document.createElement("div");
  document.body.prepend(frame);
  render(html`<${WaterMap} place=${null} sources=${[]} chosen=${null} />`, frame);
  while (!frame.querySelector("[data-drawn]")) await new Promise((resolve) => setTimeout(resolve, 50));
  return [...given];
}"""


def _look(page: Page, wanted, what: str) -> View:
    frame = page.locator(FRAME)

    def there() -> bool:
        page.wait_for_timeout(50)
        view = view_of(frame)
        return view is not None and wanted(view)

    until(there, what=what)
    view = view_of(frame)
    assert view is not None
    return view


def _is_at(lon: float, lat: float):
    return lambda view: abs(view.lon - lon) < 0.02 and abs(view.lat - lat) < 0.02


def test_the_small_map_of_the_water_page_holds_sources_of_water_alone(visit, system):
    system.call("PUT", "/api/v1/devices/ZJ-0900", {"kind": "panel", "area": VILLAGE, "location": IN_VILLAGE})
    given = visit("/#/desk").evaluate(WATER_MAP)
    assert "ZJ-0900" not in given
    assert {NEAR, FAR} <= set(given)


def test_the_map_opens_on_the_county_and_turns_to_the_area_that_is_chosen(visit, system):
    body = {"kind": "hydrant", "area": VILLAGE, "name": "韩家川村口消火栓", "location": IN_VILLAGE}
    system.call("PUT", "/api/v1/devices/XHS-0800", body)
    page = visit("/#/map")
    page.wait_for_selector(FRAME)
    county = _look(page, lambda view: view.zoom > 1, "the map's view")
    assert county.zoom < 12  # all townships of the county are in sight, however few devices stand in one of them
    page.get_by_label("区域").select_option(VILLAGE)
    near = _look(page, _is_at(**IN_VILLAGE), "the village in sight")
    assert 13 < near.zoom <= 16.01, "about a street, never closer by itself"
    page.get_by_label("区域").select_option("140931203")  # nothing stands there: the place of the area itself
    _look(page, _is_at(110.97, 38.755), "an area without devices in sight")
    page.get_by_label("区域").select_option("")
    _look(page, lambda view: view.zoom < 12, "the county again")
    page.get_by_label("区域").select_option(VILLAGE)
    _look(page, _is_at(**IN_VILLAGE), "the village in sight")
    page.get_by_role("button", name="全县").click()
    whole = _look(page, lambda view: view.zoom < 12, "the whole county")
    assert abs(whole.lon - county.lon) < 0.01


def test_names_that_have_no_room_are_left_out_and_a_township_comes_before_its_villages(visit):
    page = visit("/#/desk")
    shown = page.evaluate(CROWD)
    assert "东关镇" in shown
    assert 1 <= len(shown) <= 4, shown  # a place has four sides


def test_what_is_out_of_service_or_under_test_is_marked_by_shape_with_its_end(visit, system, site):
    ends = datetime.now(UTC) + timedelta(hours=3)
    rests = {"until": ends.isoformat(), "reason": "更换阀体"}
    system.call("POST", f"/api/v1/devices/{FAR}/out-of-service", rests)
    tests = {"until": ends.isoformat(), "reason": "季度测试"}
    system.call("POST", f"/api/v1/sites/{site}/test-window", tests)
    try:
        page = visit("/#/map")
        page.wait_for_selector(FRAME)
        legend = page.locator(".legend")
        expect(legend).to_contain_text("停用检修")
        expect(legend).to_contain_text(SITE["name"])
        page.get_by_label("区域").select_option(AREA)
        _look(page, lambda view: view.zoom > 12, "the town in sight")
        at = pixel_of(page.locator(FRAME), **SITE["location"])
        page.locator(FRAME).click(position={"x": at["x"] + 3, "y": at["y"] - 12})  # the flag on its pole
        popup = page.locator(".map-popup")
        expect(popup).to_contain_text(SITE["name"])
        expect(popup).to_contain_text("测试窗口，至")
        expect(popup).to_contain_text("季度测试")
        page.goto(f"{system.api}/#/map/{FAR}")
        panel = page.get_by_role("complementary")
        expect(panel.locator(".service-line")).to_contain_text("更换阀体")
        expect(panel.locator(".service-line")).to_contain_text("至")
        marks = page.evaluate(MARKS)
        assert FAR in marks
        page.goto(f"{system.api}/#/map/UTD-0001")  # stands in the site
        expect(panel.locator(".service-line")).to_contain_text("季度测试")
    finally:
        system.call("POST", f"/api/v1/devices/{FAR}/out-of-service", {"until": None, "reason": ""})
        system.call("POST", f"/api/v1/sites/{site}/test-window", {"until": None, "reason": ""})


MARKS = """async () => {
  const { Overlays } = await import("/static/js/map/overlays.js");
  const { features } = await (await fetch("/geo/devices.geojson?brief=true")).json();
  const overlays = new Overlays();
  overlays.showDevices(null, features);
  return overlays.sources().resting.data.features.map(({ properties }) => properties.code);
}"""


def test_grids_are_a_layer_with_the_people_on_duty_and_what_they_have_to_do(visit, system):
    system.call("PUT", "/api/v1/grids/dg-01", GRID)
    page = visit("/#/map")
    page.wait_for_selector(FRAME)
    page.get_by_label("区域").select_option(AREA)
    _look(page, lambda view: view.zoom > 12, "the town in sight")
    button = page.get_by_role("button", name="网格")
    expect(button).to_have_attribute("aria-pressed", "false")
    with page.expect_response("**/ogc/collections/grids/items*"):
        button.click()
    page.wait_for_timeout(600)  # drawn with the next frame; before that a press is one on bare ground
    at = pixel_of(page.locator(FRAME), 111.075, 39.04)
    page.locator(FRAME).click(position=at)
    popup = page.locator(".map-popup")
    expect(popup).to_contain_text("东关镇第一网格")
    expect(popup.get_by_role("link", name="13900000000")).to_have_attribute("href", "tel:13900000000")
    expect(popup).to_contain_text("巡查到期")
    page.keyboard.press("Escape")


def test_a_phone_has_the_legend_and_a_device_above_the_map(visit, system):
    page = visit("/#/map", viewport=PHONE)
    page.wait_for_selector(FRAME)
    page.locator(".legend summary").click()
    expect(page.locator(".legend")).to_contain_text("停用检修")
    page.goto(f"{system.api}/#/map/{NEAR}")
    expect(page.get_by_role("complementary")).to_be_visible()
    expect(page.locator(".legend")).to_be_hidden()


def test_devices_at_one_place_can_each_be_chosen(visit, system):
    """Others: "sensors in the same location, I can not see them" (thingsboard/thingsboard 11442)."""
    place = {"lon": 111.2, "lat": 38.93}
    for n in range(3):
        body = {"kind": "electrical", "area": "140931102", "name": f"{n + 1}号配电箱", "location": place}
        system.call("PUT", f"/api/v1/devices/DQ-070{n}", body)
    page = visit("/#/map")
    page.wait_for_selector(FRAME)
    page.get_by_label("区域").select_option("140931102")
    _look(page, lambda view: view.zoom > 13, "the town in sight")
    page.wait_for_timeout(600)
    page.locator(FRAME).click(position=pixel_of(page.locator(FRAME), **place))
    popup = page.locator(".map-popup")
    expect(popup).to_contain_text("这里有 3 台设备")
    popup.get_by_role("link", name="2号配电箱").click()
    expect(page.get_by_role("complementary")).to_contain_text("2号配电箱")


def test_the_way_back_from_a_device_leads_to_the_same_view_and_filter(visit, system):
    """Others: "zoom resets when returning to map page" (Couchers-org/couchers 3112)."""
    page = visit("/#/map")
    page.wait_for_selector(FRAME)
    page.get_by_label("区域").select_option(AREA)
    view = _look(page, lambda view: view.zoom > 12, "the town in sight")
    page.wait_for_timeout(700)
    view = view_of(page.locator(FRAME))
    page.locator(".rail a[href='#/devices']").click()
    expect(page.locator(".device-table")).to_be_visible()
    page.go_back()
    page.wait_for_selector(FRAME)
    back = view_of(page.locator(FRAME))
    assert back == view
    expect(page.get_by_label("区域")).to_have_value(AREA)


def test_a_device_that_is_moved_moves_on_the_open_map(visit, system):
    """Others: "location marker doesn't move until you refresh" (RocketMap/RocketMap 339)."""
    body = {"kind": "hydrant", "area": AREA, "name": "迁移中的消火栓", "location": {"lon": 111.08, "lat": 39.0}}
    system.call("PUT", "/api/v1/devices/XHS-0801", body)
    page = visit("/#/map")
    page.wait_for_selector(FRAME)
    expect(page.locator(".link-state.live")).to_be_visible()
    place = {"lon": 111.11, "lat": 39.01}
    system.call("PUT", "/api/v1/devices/XHS-0801", {"location": place})
    system.reading("XHS-0801", "hydrant", pressure_mpa=0.3)
    page.wait_for_timeout(2000)
    page.goto(f"{system.api}/#/map/XHS-0801")
    _look(page, lambda view: abs(view.lat - 39.01) < 0.002 and view.zoom > 15, "where it stands now")
    look = page.get_by_role("button", name="移到图中")  # traccar/traccar 1819: selected already, and out of sight
    page.get_by_role("button", name="全县").click()
    _look(page, lambda view: view.zoom < 12, "the county")
    look.click()
    _look(page, lambda view: abs(view.lat - 39.01) < 0.002 and view.zoom > 15, "where it stands")


def test_a_popup_on_a_phone_stays_after_the_tap_and_lies_within_the_screen(visit, system):
    """Others: "tooltip closes instantly (on mobile) when tapped" (wielebenwir/commonsbooking 1162), "popup screen too
    big" (traccar/traccar-web 1146)."""
    people = [{"name": f"网格员{n}", "role": "网格员", "phone": f"1390000{n:04d}"} for n in range(30)]
    system.call("PUT", "/api/v1/grids/dg-01", GRID | {"people": people})
    page = visit("/#/map", viewport=PHONE)
    page.wait_for_selector(FRAME)
    page.get_by_label("区域").select_option(AREA)
    _look(page, lambda view: view.zoom > 11.5, "the town in sight")
    with page.expect_response("**/ogc/collections/grids/items*"):
        page.get_by_role("button", name="网格").click()
    page.wait_for_timeout(1000)
    at = pixel_of(page.locator(FRAME), 111.075, 39.04)
    page.locator(FRAME).tap(position=at)
    popup = page.locator(".maplibregl-popup-content")
    expect(popup).to_contain_text("网格员29")
    page.wait_for_timeout(500)
    box, frame = popup.bounding_box(), page.locator(FRAME).bounding_box()
    assert box is not None
    assert frame is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    assert box["y"] >= frame["y"]
    assert box["y"] + box["height"] <= frame["y"] + frame["height"]


def test_the_mark_of_a_fire_goes_with_its_device(visit, system):
    panel = system.panel("BJ-0802", lon=111.09, lat=39.01)
    system.fire(panel)
    fire = system.fire_of(panel)["id"]
    page = visit("/#/map")
    page.wait_for_selector(FRAME)
    pin = page.locator(f".pin[data-alarm='{fire}']")
    expect(pin).to_be_visible()
    before = pin.bounding_box()
    system.call("PUT", f"/api/v1/devices/{panel}", {"location": {"lon": 111.13, "lat": 39.03}})

    def has_moved():
        now = pin.bounding_box()
        return now and before and now["x"] > before["x"] + 20 and now["y"] < before["y"] - 10

    until(has_moved, what="the mark stands further north and east")
