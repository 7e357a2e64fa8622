"""Many tabs of one browser: one stream at the server, every tab live."""

import re
from collections.abc import Sequence

from playwright.sync_api import Page, expect
from prometheus_client.parser import text_string_to_metric_families

from tests.browser.county import System
from tests.support.servers import until

TABS = 7


def streams(system: System) -> int:
    (family,) = [one for one in text_string_to_metric_families(system.metrics()) if one.name == "firetower_api_streams"]
    return int(family.samples[0].value)


def nobody_listens(system: System) -> int:
    """Wait until the server has noticed that the pages of the test before are gone; how many streams there are."""
    until(lambda: streams(system) == 0, what="the end of every stream")
    return 0


def all_live(pages: Sequence[Page]) -> None:
    for page in pages:
        expect(page.locator(".link-state.live")).to_be_visible()


def test_seven_tabs_share_one_stream_and_each_sees_the_fire(visit, system):
    before = nobody_listens(system)
    first = visit("/#/desk")
    pages = [first]
    for path in ("/#/map", "/#/devices", "/#/water", "/#/system", "/wall", "/#/desk"):
        pages.append(first.context.new_page())
        pages[-1].goto(system.api + path)
    assert len(pages) == TABS
    all_live(pages)
    until(lambda: streams(system) == before + 1, what="one stream for all of them")

    system.fire(system.panel("TAB-1"))
    for page in pages:
        page.bring_to_front()
        expect(page).to_have_title(re.compile("火"))
    first.close()  # the one that opened it
    rest = pages[1:]
    system.fire(system.panel("TAB-2"))
    for page in (rest[4], rest[5]):
        expect(
            page.locator(f":is(.wall-alarm, .row-open)[data-alarm='{system.fire_of('TAB-2')['id']}']")
        ).to_be_visible()
    all_live(rest)
    until(lambda: streams(system) == before + 1, what="one stream for the rest")
    for page in rest:
        page.close()
    until(lambda: streams(system) == before, what="the end of the stream with its last tab")


def test_hush_and_sound_are_of_the_browser_and_not_of_a_tab(visit, system):
    one = visit("/?lang=zh#/desk")
    other = one.context.new_page()
    other.goto(system.api + "/?lang=zh#/map")
    all_live([one, other])
    for page in (one, other):
        page.locator(".bar").click(position={"x": 2, "y": 2})  # a browser lets a page sound that was touched
        expect(page.locator(".tool.hush")).to_have_attribute("aria-pressed", "false")
    one.locator(".tool.hush").click()
    expect(other.locator(".tool.hush")).to_have_attribute("aria-pressed", "true")
    system.fire(system.panel("TAB-4"))
    for page in (one, other):
        expect(page.locator(".tool.hush")).to_have_attribute("aria-pressed", "false")
    one.get_by_role("button", name="声音已开").click()
    expect(other.locator(".tool.hush")).to_have_count(0)


def test_tabs_follow_who_signs_out_and_in(visit, system):
    system.call("POST", "/api/v1/users", {"username": "li", "password": "long and quiet 7", "role": "viewer"})
    one = visit("/#/desk")
    other = one.context.new_page()
    other.goto(system.api + "/#/system")
    all_live([one, other])
    one.locator(".bar .who").click()
    one.get_by_role("button", name="退出", exact=True).click()
    one.get_by_role("dialog", name="退出登录？").get_by_role("button", name="退出", exact=True).click()
    for page in (one, other):
        expect(page.get_by_label("用户名")).to_be_visible()
    one.get_by_label("用户名").fill("li")
    one.get_by_label("密码").fill("long and quiet 7")
    one.get_by_role("button", name="登录").click()
    expect(one.locator(".bar .who")).to_have_text("li")
    other.reload()
    all_live([one, other])
    one.context.add_cookies(
        [system.signed_in()]
    )  # somebody else signs in in this browser, and the first one's session is taken away
    system.call("DELETE", "/api/v1/users/li")
    for page in (one, other):
        expect(page.locator(".bar .who")).to_have_text("管理员")
    all_live([one, other])


def test_a_browser_without_shared_workers_has_a_stream_for_each_tab(visit, system):
    before = nobody_listens(system)
    page = visit("/#/desk", before="delete globalThis.SharedWorker")
    second = page.context.new_page()
    second.goto(system.api + "/#/desk")
    all_live([page, second])
    until(lambda: streams(system) == before + 2, what="a stream for each")
    panel = system.panel("TAB-3")
    system.fire(panel)
    for each in (page, second):
        expect(each.locator(f".row-open[data-alarm='{system.fire_of(panel)['id']}']")).to_be_visible()


def test_a_tab_whose_worker_does_not_answer_opens_a_stream_of_its_own(visit, system):
    deaf = "globalThis.SharedWorker = class { constructor() { this.port = { postMessage() {} }; } }"
    page = visit("/#/desk", before=deaf)
    expect(page.locator(".link-state.live")).to_be_visible()
