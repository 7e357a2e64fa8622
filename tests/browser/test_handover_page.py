"""The change of shift in the browser: signed by one officer, accepted on the same screen by the next, on A4."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.browser.county import AREA
from tests.browser.held import Held

NEXT = {"username": "zhao", "password": "a fine long pass phrase", "role": "duty_officer", "areas": [AREA, "140931"]}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_shift_is_signed_accepted_by_the_next_officer_and_printed(visit, system, site, language):
    name = f"zhao-{language}"
    system.call("POST", "/api/v1/users", NEXT | {"username": name, "areas": ["*"]})
    panel = system.panel("H-001", site=site)
    system.fire(panel)
    alarm = system.fire_of(panel)
    page = visit(f"/?lang={language}#/desk/handover")
    expect(page.locator(f".sheet-table a[href='#/desk/{alarm['id']}']").first).to_be_visible()
    page.locator("form.sign textarea").fill("东街在修管，消防车走西门")
    page.locator("form.sign [name=shift]").fill("甲班")
    other = system.panel(f"H-{language}")  # what comes meanwhile is on the sheet, and takes no word back
    system.fire(other)
    expect(page.locator(f".sheet-table a[href='#/desk/{system.fire_of(other)['id']}']").first).to_be_visible()
    began = page.evaluate("async () => (await import('/static/js/zone.js')).inputTime(Date.now() - 10_800_000)")
    page.locator("form.sign [type=datetime-local]").fill(began)
    expect(page.locator(".handover > header time")).to_contain_text(began.replace("T", " "))
    expect(page.locator("form.sign textarea")).to_have_value("东街在修管，消防车走西门")
    expect(page.locator("form.sign [name=shift]")).to_have_value("甲班")
    page.locator("form.sign button").click()
    accept = page.locator("form.accept")
    accept.locator("[name=username]").fill("admin")
    accept.locator("[name=password]").fill(system.admin["password"])
    accept.locator("button").click()
    expect(accept.locator(".failure")).to_be_visible()  # nobody takes over from themselves
    accept.locator("[name=username]").fill(name)
    accept.locator("[name=password]").fill(NEXT["password"])
    accept.locator("button").click()
    expect(accept).to_have_count(0)
    expect(page.locator(".signatures")).to_contain_text(name)
    expect(page.locator(".signatures")).to_contain_text("东街在修管")
    page.emulate_media(media="print")
    shown = page.evaluate(
        "[...document.querySelectorAll('button, .rail, .bar')].filter((each) => each.offsetParent).length"
    )
    assert shown == 0, "a button on paper"
    assert page.evaluate("document.documentElement.scrollHeight") > 500, "the sheet is not cut to a screen"
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 360, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.goto(f"{system.api}/?lang={language}#/desk/handover")
    expect(page.locator(".signed-list li").first).to_contain_text(name)


def test_times_are_the_countys_whatever_zone_the_phone_is_in(visit, system):
    page = visit("/#/desk", viewport=PHONE, timezone_id="America/New_York")
    clock = page.locator(".clock")
    expect(clock).to_contain_text("北京时间")
    page.wait_for_function(
        """() => document.querySelector(".clock").textContent.match(/\\d\\d:\\d\\d/)[0]
                 === new Date().toLocaleTimeString("en-GB", {timeZone: "Asia/Shanghai"}).slice(0, 5)"""
    )


def test_an_answer_about_another_shift_that_was_slow_does_not_become_what_is_signed(visit, system):
    page = visit("/?lang=zh#/help")
    with page.expect_response("**/api/v1/handover?**"):  # of what is shown first, asked for by its beginning
        page.goto(f"{system.api}/?lang=zh#/desk/handover")
    begin = page.locator("form.sign [type=datetime-local]")
    expect(begin).to_be_visible()
    hours_ago = "async (n) => (await import('/static/js/zone.js')).inputTime(Date.now() - n * 3_600_000)"
    first, second = page.evaluate(hours_ago, 3), page.evaluate(hours_ago, 5)
    held = Held(page, "**/api/v1/handover?**")
    begin.fill(first)
    held.wait()
    begin.fill(second)
    expect(page.locator(".handover > header time")).to_contain_text(second.replace("T", " "))
    with page.expect_response("**/api/v1/handover?**") as answered:
        held.let_go()
    answered.value.finished()
    page.evaluate("new Promise((taken) => setTimeout(taken, 300))")
    assert begin.input_value() == second
