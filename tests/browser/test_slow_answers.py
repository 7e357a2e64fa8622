"""An answer that was slow on its way is older than what the page has heard; one that broke off is no answer."""

import pytest
from playwright.sync_api import expect

from tests.browser.county import AREA, NEAR
from tests.browser.held import Held

WATCH_LINK = """() => {
  const link = document.querySelector(".link-state");
  window.linkStates = [link.className];
  new MutationObserver(() => window.linkStates.push(link.className)).observe(link, { attributeFilter: ["class"] });
}"""


def test_a_slow_answer_does_not_hide_the_newer_value_of_the_stream(visit, system):
    system.reading(NEAR, "hydrant", pressure_mpa=0.417)
    page = visit("/#/map")
    expect(page.locator(".link-state.live")).to_be_visible()
    held = Held(page, f"**/api/v1/devices/{NEAR}")
    page.evaluate(f"location.hash = '#/map/{NEAR}'")
    held.wait()
    lead = page.get_by_role("complementary").locator(".lead")
    system.reading(NEAR, "hydrant", pressure_mpa=0.333)
    expect(lead).to_contain_text("0.333")
    held.let_go()
    expect(page.get_by_role("complementary").locator("h3")).to_be_visible()  # drawn from the answer that was held
    expect(lead).to_contain_text("0.333")


def test_a_list_that_arrives_after_the_connection_was_lost_does_not_call_it_live(visit):
    page = visit("/#/devices")
    expect(page.locator(".link-state.live")).to_be_visible()
    page.evaluate(WATCH_LINK)
    held = Held(page, "**/api/v1/notices?limit=200")
    page.evaluate("dispatchEvent(new Event('offline'))")  # what a browser tells when the cable is pulled
    expect(page.locator(".link-state.lost")).to_be_visible()
    held.wait()  # the page has connected again and fetches what it missed
    ready = Held(page, "**/readyz")  # without whose answer it connects no more
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.locator(".link-state.lost")).to_be_visible()
    told = page.evaluate("window.linkStates.length")
    with page.expect_response("**/api/v1/notices?limit=200") as answered:
        held.let_go()
    answered.value.finished()
    page.evaluate("new Promise((taken) => setTimeout(taken, 200))")
    ready.wait()  # the next attempt
    assert page.evaluate("window.linkStates.length") == told, page.evaluate("window.linkStates")
    ready.let_go()
    expect(page.locator(".link-state.live")).to_be_visible()


def test_a_list_of_before_a_break_takes_no_fire_of_the_break_away(visit, system):
    panel = system.panel("SLOW-03")
    page = visit("/#/devices")  # not the desk, which asks for the one alarm that it shows by itself
    expect(page.locator(".link-state.live")).to_be_visible()
    page.route("**/nothing", lambda route: route.abort())  # without any route the browser lets go what is held
    old = Held(page, "**/api/v1/alarms?**")
    page.evaluate("dispatchEvent(new Event('offline'))")
    old.wait()  # asked for by the connection that is lost now
    ready = Held(page, "**/readyz")
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.locator(".link-state.lost")).to_be_visible()
    system.fire(panel)
    alarm = system.fire_of(panel)["id"]  # no stream of the page told of it
    ready.wait()
    ready.let_go()
    expect(page.locator(".link-state.live")).to_be_visible()
    line = page.locator(f".fire-line[data-fire='{alarm}']")
    expect(line).to_be_visible()
    with page.expect_response("**/api/v1/alarms?**") as answered:
        old.let_go()
    answered.value.finished()
    page.evaluate("new Promise((taken) => setTimeout(taken, 300))")
    assert line.is_visible()


def test_a_fire_whose_notices_are_on_their_way_is_not_called_one_that_119_was_not_told_of(visit, system):
    system.fire(system.panel("SLOW-02"))
    alarm = system.fire_of("SLOW-02")["id"]
    page = visit("/#/desk")
    expect(page.locator(f".queue-side [data-alarm='{alarm}']")).to_be_visible()
    held = Held(page, f"**/api/v1/alarms/{alarm}")
    page.evaluate("location.hash = '#/system'")
    expect(page.locator(".page-system")).to_be_visible()
    page.evaluate(f"location.hash = '#/desk/{alarm}'")
    card = page.locator(".card", has_text="119 通知")
    expect(card).to_contain_text("…")
    expect(card).not_to_contain_text("尚未")
    held.wait()
    held.let_go()
    expect(card).not_to_contain_text("…")


@pytest.mark.parametrize("address", [f"devices/{NEAR}", f"map/{NEAR}", f"admin/devices/{NEAR}"])
def test_an_answer_that_breaks_off_on_its_way_is_told_as_one_that_did_not_come(visit, address):
    page = visit("/#/system")
    expect(page.locator(".page-system")).to_be_visible()
    cut = {"status": 200, "content_type": "application/json", "body": f'{{"code": "{NEAR}", "na'}
    page.route(f"**/api/v1/devices/{NEAR}", lambda route: route.fulfill(**cut))
    page.evaluate(f"location.hash = '#/{address}'")
    expect(page.locator("main .failure")).to_contain_text("服务器无法连接")


def test_a_file_that_breaks_off_on_its_way_is_told_and_not_kept(visit):
    page = visit("/#/devices")
    page.evaluate("""() => {
      Response.prototype.text = () => Promise.reject(new TypeError("network error"));
      HTMLAnchorElement.prototype.click = () => { window.kept = true; };
    }""")
    page.get_by_role("button", name="CSV").first.click()
    expect(page.locator("main .failure")).to_contain_text("服务器无法连接")
    assert not page.evaluate("window.kept")


def test_a_list_in_several_parts_is_one_table_whatever_columns_each_part_has(visit):
    """Others: parts joined by position put values under the names of other columns (medusajs/medusa 16209)."""
    page = visit("/#/devices")
    first = {"headers": {"Link": '<?cursor=2&format=csv>; rel="next"'}, "body": "code,rated\r\nE-1,63\r\n"}
    second = {"body": 'code,bore,name,rated\r\nH-1,100,"北街, ""甲"" 1",\r\n'}
    parts = [{"status": 200, "content_type": "text/csv", **part} for part in (first, second)]
    page.route("**/api/v1/devices?*format=csv*", lambda route: route.fulfill(**parts.pop(0)))
    page.evaluate("() => { URL.createObjectURL = (blob) => { window.kept = blob.text(); return 'data:,'; }; }")
    page.get_by_role("button", name="CSV").first.click()
    page.wait_for_function("() => !!window.kept")
    assert page.evaluate("window.kept").lstrip("\ufeff").splitlines() == [
        "code,rated,bore,name",
        "E-1,63,,",
        'H-1,,100,"北街, ""甲"" 1"',
    ]


DEAF = "addEventListener('hashchange', (event) => window.deaf && event.stopImmediatePropagation())"
# The desk is drawn, and before it has chosen what is most urgent somebody presses the map. The browser says so
# later, as it may on a busy machine.
DESK_THEN_MAP = """async () => {
  const drawn = new Promise((there) => {
    new MutationObserver((_, watch) => {
      if (!document.querySelector(".desk [data-alarm]")) return;
      watch.disconnect();
      window.deaf = true;
      location.hash = "#/map";
      there();
    }).observe(document.body, { childList: true, subtree: true });
  });
  location.hash = "#/desk";
  await drawn;
  for (let frame = 0; frame < 10; frame += 1) await new Promise(requestAnimationFrame);
  await new Promise((later) => setTimeout(later, 200));
  window.deaf = false;
  dispatchEvent(new HashChangeEvent("hashchange"));
}"""


def test_a_desk_that_chooses_an_alarm_does_not_bring_back_whoever_pressed_the_map(visit, system):
    panel = system.panel("SLOW-01")
    system.fire(panel)
    alarm = system.fire_of("SLOW-01")
    page = visit("/#/desk", before=DEAF)
    expect(page.locator(f"[data-alarm='{alarm['id']}']")).to_be_visible()
    page.evaluate("location.hash = '#/system'")
    expect(page.locator(".page-system")).to_be_visible()
    page.evaluate(DESK_THEN_MAP)
    expect(page.locator(".page-map")).to_be_visible()
    assert page.url.endswith("#/map")


def test_a_site_that_is_saved_late_does_not_bring_back_whoever_went_on(visit):
    page = visit("/#/admin/new-site")
    page.get_by_label("单位名称").fill("慢答复单位")
    page.get_by_label("所属区域").select_option(AREA)
    held = Held(page, "**/api/v1/sites")
    page.get_by_role("button", name="建立").click()
    held.wait()
    page.evaluate("location.hash = '#/admin/areas'")
    expect(page.locator(".tabs [aria-current]")).to_have_text("区域")
    held.let_go()
    expect(page.locator(".done")).to_contain_text("慢答复单位")
    assert page.url.endswith("#/admin/areas")
