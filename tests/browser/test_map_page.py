"""The map and its list: live values of a device, filters that count what they show while it changes."""

from playwright.sync_api import expect

from tests.browser.county import NEAR


def test_a_device_on_the_map_shows_live_values(visit, system):
    page = visit(f"/#/map/{NEAR}")
    panel = page.get_by_role("complementary")
    expect(panel).to_contain_text("府前街1号消火栓")
    system.reading(NEAR, "hydrant", pressure_mpa=0.333)
    expect(panel.locator(".lead")).to_contain_text("0.333")
    page.get_by_role("button", name="列表").click()
    expect(page.get_by_role("link", name="医院消防水池")).to_be_visible()


def test_a_filter_counts_what_it_shows_while_devices_come_and_go(visit, system):
    panel = system.panel("MAP-001")
    page = visit("/#/map")
    page.wait_for_selector(".map-frame[data-drawn]", timeout=60_000)
    page.get_by_label("类型").select_option("panel")
    page.get_by_label("状态").select_option("alarm")
    shown = page.locator(".map-tools .shown")
    alarmed = sum(1 for one in system.call("GET", "/api/v1/devices?kind=panel&limit=1000")["items"] if one["alarm"])
    total = system.call("GET", "/api/v1/devices?limit=1000")
    placed = sum(1 for one in total["items"] if one["location"])
    expect(shown).to_have_text(f"显示 {alarmed} / {placed} 台")
    system.fire(panel)
    expect(shown).to_have_text(f"显示 {alarmed + 1} / {placed} 台")
    system.settle()
    expect(shown).to_have_text(f"显示 {alarmed} / {placed} 台")
    system.fire(panel)
    page.get_by_role("button", name="列表").click()
    expect(page.locator(".map-list [role=status]")).to_have_text(f"显示 {alarmed + 1} / {placed} 台")
    expect(page.locator(".device-table tbody tr")).to_have_count(alarmed + 1)
