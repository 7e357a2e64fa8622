"""The map and its list: live values of a device, filters that count what they show while it changes."""

from playwright.sync_api import expect

from tests.browser.county import NEAR
from tests.support.servers import until

TOOLS, LIST = ".map-tools .shown", ".map-list [role=status]"  # where the count stands


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

    def counts_them(where, *, alarmed):
        """Whether the page counts what the API lists now: panels of other tests fall silent meanwhile, and ring too."""
        listed = system.call("GET", "/api/v1/devices?limit=1000")["items"]
        placed = [one for one in listed if one["location"]]
        ringing = [one["code"] for one in placed if one["kind"] == "panel" and one["alarm"]]
        says = f"显示 {len(ringing)} / {len(placed)} 台"
        return (panel in ringing) is alarmed and page.locator(where).inner_text() == says

    until(lambda: counts_them(TOOLS, alarmed=False), what="the count of a quiet county")
    system.fire(panel)
    until(lambda: counts_them(TOOLS, alarmed=True), what="one more")
    system.settle()
    until(lambda: counts_them(TOOLS, alarmed=False), what="one less")
    system.fire(panel)
    page.get_by_role("button", name="列表").click()
    until(lambda: counts_them(LIST, alarmed=True), what="one more in the list")
    expect(page.get_by_role("link", name=f"报警主机 {panel}")).to_be_visible()
    rows = page.locator(".device-table tbody tr")
    until(
        lambda: page.locator(LIST).inner_text().startswith(f"显示 {rows.count()} /"), what="as many rows as are counted"
    )
