"""A page that nobody reloads: it hears of a newer release, and what is over does not grow in it without end."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import WALL

NEWER = """const ask = window.fetch;
window.fetch = (path, options) => options?.method === "HEAD" && path === "/login"
  ? Promise.resolve(new Response(null, { headers: { "Firetower-Build": "newer" } }))
  : ask(path, options);"""
# Playwright's own questions count as clicks.
UNTOUCHED = "Object.defineProperty(navigator, 'userActivation', { get: () => ({ hasBeenActive: false }) });"
LET_GO = """async () => {
  const { live, putAlarms, putNotices } = await import("/static/js/store.js");
  const at = (n) => new Date(n * 1000).toISOString();
  const many = (first, state) => Array.from({ length: 1000 }, (_, n) => ({
    id: first + n, alarm_id: n, version: 1, state, closed_at: at(n), created_at: at(n),
  }));
  putAlarms(many(0, "acknowledged"));
  putAlarms(many(1000, "closed"));
  putNotices(many(0, "waiting"));
  putNotices(many(1000, "delivered")); // of open alarms
  putNotices(many(2000, "delivered").map((one) => ({ ...one, alarm_id: one.id })));
  const { alarms, notices } = live.get();
  return [alarms.size, alarms.has(0), alarms.has(1999), alarms.has(1000), notices.size, notices.has(2999)];
}"""


TAKEN_OVER = "() => void navigator.serviceWorker.dispatchEvent(new Event('controllerchange'))"


def connect_anew(page: Page) -> None:
    expect(page.locator(".link-state.live")).to_be_visible()
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.locator(".link-state.lost")).to_be_visible()


def test_a_page_says_that_the_server_has_a_newer_release_and_a_wall_takes_it_once(visit):
    desk = visit("/#/desk", before=NEWER)
    connect_anew(desk)
    expect(desk.get_by_role("button", name="重新载入")).to_be_visible()
    wall = visit("/wall", viewport=WALL, before=NEWER + UNTOUCHED)
    with wall.expect_event("load"):
        connect_anew(wall)
    expect(wall.get_by_role("button", name="重新载入")).to_have_count(0)
    connect_anew(wall)  # what was loaded is still of the old one: it says so, and does not turn in a circle
    expect(wall.get_by_role("button", name="重新载入")).to_be_visible()


def test_a_new_service_worker_makes_no_old_page_of_one_that_is_new_already(visit):
    page = visit("/#/desk", service_workers="allow")
    expect(page.locator(".link-state.live")).to_be_visible()
    page.evaluate("() => navigator.serviceWorker.ready")
    for _ in range(2):
        with page.expect_response("**/login"):
            page.evaluate(TAKEN_OVER)
    page.wait_for_timeout(200)
    assert page.get_by_role("button", name="重新载入").count() == 0
    old = visit("/#/desk", service_workers="allow", before=NEWER)
    expect(old.locator(".link-state.live")).to_be_visible()
    old.evaluate(TAKEN_OVER)
    expect(old.get_by_role("button", name="重新载入")).to_be_visible()


def test_what_is_over_is_let_go_of_and_what_is_open_never(visit):
    page = visit("/#/system")
    assert page.evaluate(LET_GO) == [1300, True, True, False, 2300, True]
