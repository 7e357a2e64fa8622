"""Placing a device: the map goes to its area; a press, a drag, the phone's position or numbers say where it is."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE
from tests.browser.county import HERE
from tests.support.map_view import view_of
from tests.support.servers import until

FRAME = ".place-map .map-frame[data-drawn]"
VILLAGE = "140931204"  # 土崖塔乡, where nothing stands yet
PLACE = (111.13, 38.84)
# A receiver under a roof, until `seeSky()`.
NO_SKY = """{
  const given = Geolocation.prototype.getCurrentPosition;
  Geolocation.prototype.getCurrentPosition = (_, refuse) => refuse({ code: 3 });
  globalThis.seeSky = () => { Geolocation.prototype.getCurrentPosition = given; };
}"""


def _placed(page: Page) -> tuple[float, float]:
    return float(page.get_by_label("经度").input_value()), float(page.get_by_label("纬度").input_value())


def _says(page: Page) -> list[float]:
    text = page.locator(".pin-placed").get_attribute("data-place")
    assert text
    return [float(part) for part in text.split(",")]


def _waits_for_the_map_at(page: Page, lon: float, lat: float) -> None:
    def there() -> bool:
        page.wait_for_timeout(50)
        view = view_of(page.locator(FRAME))
        return view is not None and abs(view.lon - lon) < 0.02 and abs(view.lat - lat) < 0.02

    until(there, what=f"the map at {lon}, {lat}")


def test_the_map_goes_to_the_chosen_area_and_the_placed_point_can_be_dragged(visit):
    page = visit("/#/admin/new-device")
    page.wait_for_selector(FRAME)
    page.get_by_label("所属区域").select_option(VILLAGE)
    _waits_for_the_map_at(page, *PLACE)
    frame = page.locator(FRAME)
    frame.scroll_into_view_if_needed()
    frame.click(position={"x": 60, "y": 60})
    pin = page.locator(".pin-placed")
    expect(pin).to_be_visible()
    _waits_for_the_map_at(page, *_placed(page))
    page.wait_for_timeout(700)  # the map has come to rest
    before = _placed(page)
    assert _says(page) == [round(value, 5) for value in before]
    box = pin.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=5)
    page.mouse.move(x + 80, y - 40, steps=5)
    page.mouse.up()
    expect(page.get_by_label("经度")).not_to_have_value(f"{before[0]:.6f}")
    after = _placed(page)
    assert after[0] > before[0]
    assert after[1] > before[1]
    assert _says(page) == [round(value, 5) for value in after]


def test_numbers_place_it_too_and_no_other_area_moves_what_is_placed(visit):
    page = visit("/#/admin/new-site")
    page.wait_for_selector(FRAME)
    page.get_by_label("经度").fill("111.094321")
    page.get_by_label("纬度").fill("39.018765")
    _waits_for_the_map_at(page, 111.094321, 39.018765)
    assert _says(page) == [111.09432, 39.01877]
    page.get_by_label("所属区域").select_option(VILLAGE)
    page.wait_for_timeout(800)
    _waits_for_the_map_at(page, 111.094321, 39.018765)


def test_a_phone_beside_it_says_where_it_stands(visit):
    page = visit("/#/admin/new-device", viewport=PHONE, geolocation=HERE, permissions=["geolocation"], before=NO_SKY)
    page.get_by_role("button", name="用本机位置").click()
    expect(page.locator(".place-tools .failure")).to_contain_text("到开阔处再试")
    expect(page.locator(".place-tools .failure")).not_to_contain_text("权限")
    page.evaluate("seeSky()")
    page.wait_for_selector(FRAME)  # a machine that is drawing it may take longer than a phone waits for its position
    page.get_by_role("button", name="用本机位置").click()
    expect(page.get_by_label("经度")).to_have_value(f"{HERE['longitude']:.6f}")
    expect(page.get_by_label("纬度")).to_have_value(f"{HERE['latitude']:.6f}")
    expect(page.locator(".place-tools")).to_contain_text("误差约")


def test_without_permission_the_phone_says_what_else_can_be_done(visit):
    page = visit("/#/admin/new-device", viewport=PHONE)
    page.get_by_role("button", name="用本机位置").click()
    expect(page.locator(".place-tools .failure")).to_contain_text("没有定位权限")
    expect(page.get_by_label("经度")).to_have_value("")


def test_a_hydrant_is_offered_no_tank_and_a_source_no_hydrant(visit):
    page = visit("/#/admin/new-device")
    form = page.get_by_label("形式")
    expect(form.locator("option")).to_have_text(["未说明", "地上栓", "地下栓", "消防水鹤"])
    page.get_by_label("类型").select_option("water")
    expect(form.locator("option")).to_have_text(["未说明", "消防水池", "水箱", "天然水源"])


def test_a_pair_of_numbers_is_taken_as_it_was_copied(visit):
    """Others: "allow pasting latitude/longitude in comma notation" (marchyman/GeoTag 29). In China the larger is the
    longitude, whichever a map application writes first."""
    page = visit("/#/admin/new-device")
    for text in ("39.018765, 111.094321", "111.094321,39.018765", "（39.018765，111.094321）"):
        page.get_by_label("经度").fill(text)
        expect(page.get_by_label("经度")).to_have_value("111.094321")
        expect(page.get_by_label("纬度")).to_have_value("39.018765")
        page.get_by_label("纬度").fill("")


def test_one_finger_on_the_map_of_a_form_scrolls_the_page(visit):
    """Others: "the pan and zoom make it difficult to scroll the page" (mozilla/mozillafestival.org 296)."""
    page = visit("/#/admin/new-device")
    page.wait_for_selector(FRAME)
    frame = page.locator(FRAME)
    frame.scroll_into_view_if_needed()
    before = view_of(frame)
    content = page.locator("#content")
    content.evaluate("(each) => each.scrollTo(0, 0)")
    box = frame.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 60)
    page.mouse.wheel(0, 300)
    page.wait_for_timeout(500)
    assert content.evaluate("(each) => each.scrollTop") > 0
    assert view_of(frame) == before
    expect(page.get_by_text("按住 Ctrl")).to_be_attached()
