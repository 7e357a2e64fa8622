"""On a phone of 390 pixels: every page says which it is, a name has a line, no box is squeezed, lists scroll once."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE
from tests.browser.county import NEAR

PAGES = ["desk", "map", "devices", "water", "system", "admin", "inspect", "subscriptions", "help"]
CUT = "(each) => each.scrollWidth > each.clientWidth"


def _width(found: Locator) -> float:
    box = found.bounding_box()
    assert box is not None
    return box["width"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_says_in_its_head_which_it_is(visit, system, language):
    page = visit("/#/desk", viewport=PHONE)
    expect(page.locator(".rail")).to_be_visible()
    if language == "en":
        page.locator("#user").click()
        page.get_by_role("button", name="English").click()
    for name in PAGES:
        page.goto(f"{system.api}/#/{name}")
        title = page.locator(".bar h1")
        expect(title).to_be_visible()
        assert _width(title) > 25, name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        if language == "zh":
            assert not title.evaluate(CUT), name


def test_a_device_in_the_list_has_a_line_for_its_name(visit, system):
    system.reading(NEAR, "hydrant", pressure_mpa=0.31, flow_lps=0)
    page = visit("/#/devices", viewport=PHONE)
    row = page.locator(".device-table tbody tr", has_text=NEAR)
    expect(row).to_contain_text("0.310")
    assert _width(row.locator("td").first) > 300
    expect(row.locator(".status")).to_be_visible()
    page.get_by_role("button", name="状态").click()  # the order can be chosen here too
    expect(page.locator("[aria-sort]")).to_have_count(1)
    page.goto(f"{system.api}/#/map")
    page.get_by_role("button", name="列表").click()
    assert _width(page.locator(".map-list tbody tr td").first) > 300


def test_the_quantity_of_a_curve_can_be_read(visit, system):
    system.reading(NEAR, "hydrant", pressure_mpa=0.31, flow_lps=0, water_temp_c=9.5)
    page = visit(f"/#/devices/{NEAR}", viewport=PHONE)
    for label in ("参数", "叠加参数"):
        assert _width(page.get_by_label(label, exact=True)) > 150, label


def test_tabs_stand_in_one_line(visit, system):
    page = visit("/#/desk", viewport=PHONE)
    for path in ("desk", "admin"):
        page.goto(f"{system.api}/#/{path}")
        tabs = page.locator(".tabs")
        expect(tabs).to_be_visible()
        box = tabs.bounding_box()
        assert box is not None
        assert box["height"] < 50, path


def test_the_areas_of_a_person_scroll_with_their_dialog_alone(visit):
    page = visit("/#/admin/people", viewport=PHONE)
    page.get_by_role("button", name="新建用户").click()
    areas = page.locator(".admin-areas")
    expect(areas).to_be_visible()
    assert areas.evaluate("(each) => each.scrollHeight <= each.clientHeight")


def test_the_township_that_water_is_asked_from_stays_chosen(visit):
    page = visit("/#/water", viewport=PHONE)
    box = page.get_by_label("选择乡镇")
    box.select_option("140931100")
    expect(page.locator(".water-from")).to_contain_text("东关镇")
    expect(box).to_have_value("140931100")
    page.locator(".water-map .map-frame").click(position={"x": 30, "y": 120})  # another place: no township any more
    expect(page.locator(".water-from")).to_contain_text("图上选点")
    expect(box).to_have_value("")
