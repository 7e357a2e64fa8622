"""An answer that was slow on its way is older than what the page has heard meanwhile."""

from playwright.sync_api import expect

from tests.browser.county import NEAR
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
