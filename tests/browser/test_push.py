"""A person turns on the notices of fires for a closed page; a message that comes is shown, and a press leads there.

No push service can be reached from here, so the browser's own subscription is a stand-in (`push.invalid`). Messages are
put into the real service worker through the browser's debugging port, as the push service would.
"""

import json
from typing import Any

from playwright.sync_api import Page, Worker, expect

from tests.browser.conftest import PHONE
from tests.support.servers import until

GRANTED = "Object.defineProperty(Notification, 'permission', { value: 'granted' });"  # headless Chromium grants none
SUBSCRIPTION = (
    GRANTED
    + """
const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0)).buffer;
const KEYS = {
  p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
  auth: "BTBZMqHH6r4Tts7J_aSIgg",
};
let made = null;
PushManager.prototype.getSubscription = async () => made;
PushManager.prototype.subscribe = async ({ applicationServerKey: key }) =>
  (made = {
    endpoint: "https://push.invalid/one",
    options: { applicationServerKey: bytes(key) },
    getKey: (name) => bytes(KEYS[name]),
    unsubscribe: async () => ((made = null), true),
  });
"""
)
RECORDED = """() => {
  self.shown = [];
  self.closed = 0;
  self.registration.showNotification = async (title, options) => void self.shown.push({ title, ...options });
  self.registration.getNotifications = async () => [{ close: () => void (self.closed += 1) }];
}"""
PRESSED = """(path) => {
  const event = new Event("notificationclick");
  event.notification = { data: { path }, close() {} };
  event.waitUntil = () => null;
  self.dispatchEvent(event);
}"""
MESSAGE = {
    "tag": "alarm-7", "path": "desk/7", "title": "新火警：保德县人民医院", "body": "3 楼 1-17", "stays": True,
    "at": "2026-11-29T08:00:00.000Z",
}  # fmt: skip


def wait_for_browsers(system: Any, count: int) -> None:
    until(lambda: system.call("GET", "/api/v1/system")["web_push"]["browsers"] == count, what=f"{count} browsers")


def open_dialog(page: Page, name: str) -> Any:
    page.locator("#user").click()
    page.get_by_role("button", name=name).click()
    return page.get_by_role("dialog")


def worker_of(page: Page) -> Worker:
    page.evaluate("navigator.serviceWorker.ready")
    until(lambda: page.context.service_workers or page.wait_for_timeout(50), what="the service worker")
    return page.context.service_workers[0]


def deliver(page: Page, origin: str, message: dict[str, Any]) -> None:
    session = page.context.new_cdp_session(page)
    found: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(one["registrationId"] for one in event["registrations"] if not one["isDeleted"]),
    )
    session.send("ServiceWorker.enable")
    until(lambda: found or page.wait_for_timeout(50), what="the registration")
    session.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": origin, "registrationId": found[-1], "data": json.dumps(message)},
    )


def told(page: Page, worker: Worker, system: Any, tag: str) -> dict[str, Any]:
    """Deliver a message of this tag; the notification that it became."""
    before = worker.evaluate("self.shown.length")
    deliver(page, f"{system.api}/", MESSAGE | {"tag": tag})
    until(lambda: worker.evaluate("self.shown.length") > before or page.wait_for_timeout(50), what="the notification")
    shown: dict[str, Any] = worker.evaluate("self.shown.at(-1)")
    return shown


def test_a_person_turns_it_on_is_told_how_it_goes_and_signing_out_ends_it(visit, system):
    page = visit("/#/desk", service_workers="allow", before=SUBSCRIPTION)
    dialog = open_dialog(page, "火警通知")
    expect(dialog).to_contain_text("页面关闭后，此设备收不到火警提示")
    dialog.get_by_role("button", name="开启").click()
    expect(dialog.locator(".push-on")).to_contain_text("已开启")
    wait_for_browsers(system, 1)
    expect(dialog.get_by_role("status")).to_contain_text("没有送出")  # there is no such push service
    dialog.get_by_role("button", name="关闭提示").click()
    expect(dialog.get_by_role("button", name="开启")).to_be_visible()
    wait_for_browsers(system, 0)

    dialog.get_by_role("button", name="开启").click()
    expect(dialog.locator(".push-on")).to_be_visible()
    dialog.get_by_role("button", name="关闭", exact=True).click()
    expect(dialog).to_have_count(0)
    page.goto(f"{system.api}/#/system")
    expect(page.locator(".web-push")).to_contain_text("1 个浏览器")
    page.locator("#user").click()
    page.get_by_role("button", name="退出").click()
    page.get_by_role("dialog").get_by_role("button", name="退出").click()
    expect(page.get_by_role("button", name="登录")).to_be_visible()
    wait_for_browsers(system, 0)


def test_where_it_is_not_available_the_dialog_says_why_in_both_languages(visit, system):
    system.execute("update web_push_state set is_on = false")
    try:
        page = visit("/?lang=en#/desk", viewport=PHONE, before=GRANTED)
        dialog = open_dialog(page, "Fire notifications")
        expect(dialog.locator(".push-why")).to_contain_text("has no way out")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page = visit("/#/system")
        expect(page.locator(".web-push")).to_contain_text("未开通")
    finally:
        system.execute("update web_push_state set is_on = true")
    page = visit("/#/desk", before=GRANTED + "delete window.PushManager")
    expect(open_dialog(page, "火警通知").locator(".push-why")).to_contain_text("没有推送功能")
    page = visit("/#/desk", before="Object.defineProperty(window, 'isSecureContext', { value: false })")
    expect(open_dialog(page, "火警通知").locator(".push-why")).to_contain_text("需要 HTTPS")
    denied = "Object.defineProperty(Notification, 'permission', { value: 'denied' })"
    page = visit("/#/desk", before=denied)
    expect(open_dialog(page, "火警通知").locator(".push-why")).to_contain_text("禁止")


def test_a_message_is_shown_and_a_press_leads_the_open_page_to_the_alarm(visit, system):
    panel = system.panel("WP-001")
    system.fire(panel)
    alarm = system.fire_of(panel)["id"]
    page = visit("/#/water", service_workers="allow", permissions=["notifications"])
    worker = worker_of(page)
    worker.evaluate(RECORDED)
    expect(page.locator(f".fire-line[data-fire='{alarm}']")).to_be_visible()
    expect(page.locator(".link-state.live")).to_be_visible()
    shown = told(page, worker, system, f"alarm-{alarm}")
    assert (shown["title"], shown["body"], shown["tag"]) == ("新火警：保德县人民医院", "3 楼 1-17", f"alarm-{alarm}")
    silent = lambda: told(page, worker, system, f"alarm-{alarm}")["silent"]  # noqa: E731
    until(silent, what="the page that is seen to say it itself, which a busy machine may let it do too late")
    until(lambda: worker.evaluate("self.closed") or page.wait_for_timeout(50), what="the end of the notification")
    worker.evaluate(PRESSED, f"desk/{alarm}")
    expect(page).to_have_url(f"{system.api}/#/desk/{alarm}")

    page.goto(f"{system.api}/wall")  # no page of the desk is open any more
    assert not told(page, worker, system, f"alarm-{alarm}")["silent"]


def test_a_message_is_heard_where_the_page_in_front_does_not_say_it(visit, system):
    panel = system.panel("WP-002")
    system.fire(panel)
    tag = f"alarm-{system.fire_of(panel)['id']}"
    page = visit("/#/water", service_workers="allow", permissions=["notifications"])
    worker = worker_of(page)
    worker.evaluate(RECORDED)
    expect(page.locator(".fire-line")).to_be_visible()
    expect(page.locator(".link-state.live")).to_be_visible()
    assert not told(page, worker, system, "alarm-999999")["silent"], "it has not heard of this one"
    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.locator(".link-state.lost")).to_be_visible()
    assert not told(page, worker, system, tag)["silent"], "it is not connected"
    page.context.set_offline(False)
    expect(page.locator(".link-state.live")).to_be_visible()
    page.context.clear_cookies()
    page.reload()
    expect(page.get_by_role("button", name="登录")).to_be_visible()
    assert not told(page, worker, system, tag)["silent"], "nobody is signed in"
    assert worker.evaluate("self.closed") == 0


def test_a_press_about_a_fire_that_is_over_by_now_leads_to_its_story(visit, system):
    over, burning, pressed = (system.panel(f"WP-1{n:02d}") for n in range(3))
    for panel in (over, burning, pressed):
        system.fire(panel)
    ids = {panel: system.fire_of(panel)["id"] for panel in (over, burning, pressed)}
    page = visit("/#/desk", service_workers="allow", permissions=["notifications"])
    worker = worker_of(page)
    expect(page.locator(f".row.chosen [data-alarm='{ids[over]}']")).to_be_visible()  # nobody has touched the desk yet
    worker.evaluate(PRESSED, f"desk/{ids[pressed]}")
    expect(page).to_have_url(f"{system.api}/#/desk/{ids[pressed]}")
    expect(page.get_by_role("article")).to_contain_text(pressed)

    judged = {"outcome": "test", "note": "联动测试"}
    version = system.call("GET", f"/api/v1/alarms/{ids[over]}")["version"]
    system.call("POST", f"/api/v1/alarms/{ids[over]}/verify", judged, {"If-Match": f'"{version}"'})
    expect(page.locator(f".row [data-alarm='{ids[over]}']")).to_have_count(0)
    for cold in (False, True):
        if cold:  # a page that knows open alarms only
            page.goto(f"{system.api}/#/water")
            page.reload()
            expect(page.locator(".link-state.live")).to_be_visible()
        worker.evaluate(PRESSED, f"desk/{ids[over]}")
        expect(page).to_have_url(f"{system.api}/#/desk/history/{ids[over]}")
        expect(page.locator(".closed-line")).to_contain_text("关闭 测试")
        expect(page.get_by_role("article")).to_contain_text(over)
        page.get_by_role("button", name="历史").click()
        expect(page.locator(".history-table")).to_be_visible()
