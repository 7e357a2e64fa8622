"""A phone scans a device's QR code, signs in, answers the checklist with a photo; without a network nothing is lost."""

import struct
import zlib
from datetime import datetime
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.county import NEAR, WEAK
from tests.support.servers import until


def picture() -> bytes:
    """Return a PNG larger than what is sent."""
    width, height = 2000, 30

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + b"\x33\x66\x99" * width for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")


def inspections(system: Any, code: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = system.call("GET", f"/api/v1/inspections?device={code}")["items"]
    return found


def answer_all(page: Page, bad: str) -> None:
    items = page.locator(".inspect-item")
    expect(items).to_have_count(6)
    for item in items.all():
        name = item.get_attribute("data-item")
        item.locator(".choice-no" if name == bad else ".choice-yes").click()


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_scanned_code_leads_through_the_sign_in_to_the_checklist_and_a_photo_is_stored(
    visit: Any, system: Any
) -> None:
    page = visit(f"/#/inspect/{NEAR}", viewport=PHONE, signed_in=False)
    page.get_by_label("用户名").fill(system.admin["username"])
    page.get_by_label("密码").fill(system.admin["password"])
    page.get_by_role("button", name="登录").click()
    expect(page.locator(".inspect-head")).to_contain_text(NEAR)
    expect(page.locator(".inspect-head")).to_contain_text("从未巡查")
    assert fits(page)
    page.get_by_role("button", name="还有 6 项未填").click()
    assert inspections(system, NEAR) == []
    answer_all(page, bad="reachable")
    page.get_by_placeholder("说明情况").fill("被车辆遮挡")
    page.get_by_label("照片").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": picture()})
    expect(page.locator(".inspect-photo img")).to_be_visible()
    assert fits(page)
    page.get_by_role("button", name="提交巡查").click()
    expect(page.locator(".inspect-done")).to_contain_text("1 项不合格")
    (stored,) = inspections(system, NEAR)
    assert [one["note"] for one in stored["answers"] if one["ok"] is False] == ["被车辆遮挡"]
    size = page.evaluate(
        "async (path) => { const picture = await createImageBitmap(await (await fetch(path)).blob());"
        " return [picture.width, picture.height]; }",
        stored["photo"],
    )
    assert size == [1600, 24], "made smaller before it was sent"
    hazard = system.call("GET", f"/api/v1/hazards/{stored['hazards'][0]}")
    assert (hazard["code"], hazard["source"]) == ("hydrant_blocked", "inspection")
    expect(page.locator(".inspect-head")).to_contain_text("上次巡查")


def test_what_could_not_be_sent_is_kept_and_stored_once_when_it_can_be(visit: Any, system: Any) -> None:
    page = visit(f"/#/inspect/{WEAK}", viewport=PHONE)
    answer_all(page, bad="")
    page.get_by_label("备注").fill("正常")
    page.get_by_label("照片").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": picture()})
    expect(page.locator(".inspect-photo img")).to_be_visible()
    lost = []

    def lose_the_answer(route: Route) -> None:
        if not lost:
            lost.append(route.fetch())  # it arrives, and the phone never hears of it
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/inspections", lose_the_answer)
    page.get_by_role("button", name="提交巡查").click()
    expect(page.locator("main").get_by_role("alert")).to_contain_text("已保存在手机上")
    page.reload()
    expect(page.get_by_label("备注")).to_have_value("正常")
    expect(page.locator(".inspect-photo img")).to_be_visible()
    page.get_by_role("button", name="提交巡查").click()
    expect(page.locator(".inspect-done")).to_contain_text("全部合格")
    (stored,) = inspections(system, WEAK)
    assert stored["photo"]
    page.get_by_role("link", name="下一处").click()
    expect(page.locator(".inspect-due")).not_to_contain_text(WEAK)
    assert fits(page)


def test_an_inspection_that_is_stored_stays_said_when_the_look_behind_it_fails(visit: Any, system: Any) -> None:
    page = visit(f"/#/inspect/{WEAK}", viewport=PHONE)
    answer_all(page, bad="")
    before = len(inspections(system, WEAK))
    page.route("**/api/v1/checklists", lambda route: route.abort())  # the signal is gone again
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/checklists")):
        page.get_by_role("button", name="提交巡查").click()
    expect(page.locator(".inspect-done")).to_contain_text("全部合格")
    page.wait_for_timeout(300)
    assert page.locator(".inspect-done").is_visible()
    assert page.locator(".failure").count() == 0
    assert len(inspections(system, WEAK)) == before + 1


AGED = """() => {
    const [key] = Object.keys(localStorage).filter((key) => key.startsWith("firetower-inspect."));
    const kept = JSON.parse(localStorage.getItem(key));
    localStorage.setItem(key, JSON.stringify({ ...kept, kept_at: kept.kept_at - 13 * 3600 * 1000 }));
}"""


def test_answers_that_nobody_sent_are_those_of_another_visit_the_next_day(visit: Any) -> None:
    page = visit(f"/#/inspect/{WEAK}", viewport=PHONE)
    page.locator(".inspect-item .choice-yes").first.click()
    page.reload()
    expect(page.get_by_role("button", name="还有 5 项未填")).to_be_visible()
    page.evaluate(AGED)
    page.reload()
    expect(page.get_by_role("button", name="还有 6 项未填")).to_be_visible()


def test_a_list_that_does_not_hold_all_that_is_due_does_not_count_as_if_it_did(visit: Any, system: Any) -> None:
    (due, *_) = system.call("GET", "/api/v1/inspections/due?limit=1")["items"]
    page = visit("/#/inspect", viewport=PHONE)
    expect(page.locator(".inspect-due")).to_be_visible()
    part = {"items": [due], "next": "x"}
    page.route("**/api/v1/inspections/due*", lambda route: route.fulfill(json=part))
    page.reload()
    expect(page.locator("h2 .count")).to_have_text("1+")


AHEAD = """const ahead = 2 * 3600e3, Right = Date;
window.Date = class extends Right {
  constructor(...parts) { parts.length ? super(...parts) : super(Right.now() + ahead); }
  static now() { return Right.now() + ahead; }
};"""
SLOW_PICTURES = """const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src"), waiting = [];
Object.defineProperty(HTMLImageElement.prototype, "src", {
  get: source.get,
  set(value) {
    const load = () => source.set.call(this, value);
    String(value).startsWith("blob:") ? waiting.push(load) : load();
  },
});
window.loadPictures = () => waiting.splice(0).forEach((load) => load());"""


def test_a_phone_whose_clock_is_wrong_sends_the_right_time(visit: Any, system: Any) -> None:
    page = visit(f"/#/inspect/{NEAR}", viewport=PHONE)
    page.add_init_script(AHEAD)
    page.reload()
    answer_all(page, bad="")
    page.get_by_role("button", name="提交巡查").click()
    expect(page.locator(".inspect-done")).to_contain_text("全部合格")
    stored = inspections(system, NEAR)[0]
    at, received = (datetime.fromisoformat(stored[name]) for name in ("inspected_at", "received_at"))
    assert abs((received - at).total_seconds()) < 60


def test_a_time_that_the_server_refuses_is_not_sent_for_ever(visit: Any, system: Any) -> None:
    page = visit(f"/#/inspect/{NEAR}", viewport=PHONE)
    answer_all(page, bad="")
    page.evaluate(
        """() => {
          for (const key of Object.keys(localStorage).filter((name) => name.startsWith("firetower-inspect.")))
            localStorage[key] = JSON.stringify({
              ...JSON.parse(localStorage[key]), inspected_at: "2026-01-01T00:00:00.000Z",
            });
        }"""
    )
    page.reload()
    before = len(inspections(system, NEAR))
    page.get_by_role("button", name="提交巡查").click()
    expect(page.locator("main").get_by_role("alert")).to_contain_text("30")
    page.get_by_role("button", name="提交巡查").click()
    expect(page.locator(".inspect-done")).to_contain_text("全部合格")
    assert len(inspections(system, NEAR)) == before + 1


def test_a_photo_that_finds_no_room_on_the_phone_is_asked_for_again(visit: Any) -> None:
    page = visit(f"/#/inspect/{NEAR}", viewport=PHONE)
    page.evaluate(
        """() => {
          const set = Storage.prototype.setItem;
          Storage.prototype.setItem = function (key, value) {
            if (value.includes("data:image")) throw new DOMException("full", "QuotaExceededError");
            return set.call(this, key, value);
          };
        }"""
    )
    page.get_by_label("备注").fill("正常")
    page.get_by_label("照片").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": picture()})
    expect(page.locator(".inspect-photo img")).to_be_visible()
    expect(page.get_by_text("重新拍照")).to_have_count(0)
    page.reload()
    expect(page.get_by_label("备注")).to_have_value("正常")
    expect(page.get_by_text("重新拍照")).to_be_visible()


def test_what_is_sent_while_the_photo_is_being_made_waits_for_it(visit: Any, system: Any) -> None:
    page = visit(f"/#/inspect/{NEAR}", viewport=PHONE)
    page.add_init_script(SLOW_PICTURES)
    page.reload()
    answer_all(page, bad="")
    photo = {"name": "plate.png", "mimeType": "image/png", "buffer": picture()}
    page.get_by_label("照片").set_input_files(photo)
    expect(page.get_by_role("button", name="正在处理照片")).to_be_disabled()
    page.evaluate("loadPictures()")
    page.get_by_role("button", name="提交巡查").click()
    expect(page.locator(".inspect-done")).to_contain_text("全部合格")
    assert inspections(system, NEAR)[0]["photo"]


def test_what_is_on_its_way_is_not_changed(visit: Any) -> None:
    page = visit(f"/#/inspect/{WEAK}", viewport=PHONE)
    answer_all(page, bad="")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/v1/inspections", hold)
    page.get_by_role("button", name="提交巡查").click()
    expect(page.locator(".inspect-form")).to_have_attribute("inert", "")

    def is_under_way() -> bool:
        page.wait_for_timeout(50)
        return bool(held)

    until(is_under_way, what="the inspection")
    held[0].abort()
    expect(page.locator("main").get_by_role("alert")).to_contain_text("已保存在手机上")
    expect(page.locator(".inspect-form")).not_to_have_attribute("inert", "")
    page.get_by_label("备注").fill("补记")


def test_the_page_of_a_device_leads_there_and_shows_the_code_for_its_plate(visit: Any, system: Any) -> None:
    page = visit(f"/#/devices/{NEAR}", viewport=DESKTOP)
    page.locator("#language").click()
    code = page.get_by_role("link", name="QR code")
    answer = page.request.get(system.api + (code.get_attribute("href") or ""))
    assert answer.headers["content-type"].startswith("image/svg+xml")
    page.get_by_role("link", name="Inspect", exact=True).click()
    expect(page.locator(".inspect-item").first).to_contain_text("free, and a fire engine can reach it")
    expect(page.get_by_role("button", name="still to answer")).to_be_visible()
