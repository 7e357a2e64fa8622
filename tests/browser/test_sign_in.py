"""Who may see what: the form, a wrong password, the end of a session, and the first screen of an empty system."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import axe
from tests.browser.conftest import KEPT, PHONE
from tests.browser.county import running


def test_a_person_signs_in_and_out(visit, system):
    page = visit("/", signed_in=False)
    page.get_by_label("用户名").fill(system.admin["username"])
    page.get_by_label("密码").fill("not the password")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("用户名或密码不正确")

    page.get_by_label("密码").fill(system.admin["password"])
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("navigation", name="望火楼")).to_be_visible()
    expect(page.locator(".link-state.live")).to_be_visible()

    page.get_by_role("button", name="用户菜单").click()
    page.get_by_role("button", name="退出", exact=True).click()
    dialog = page.get_by_role("dialog", name="退出登录？")
    dialog.get_by_role("button", name="取消").click()
    expect(page.locator(".link-state.live")).to_be_visible()
    page.get_by_role("button", name="用户菜单").click()
    page.get_by_role("button", name="退出", exact=True).click()
    dialog.get_by_role("button", name="退出", exact=True).click()
    expect(page.get_by_label("用户名")).to_be_visible()
    assert page.request.get(f"{system.api}/api/v1/alarms").status == 401


def test_the_menu_behind_the_name_changes_language_and_password_and_ends_other_sign_ins(visit, system):
    person = {"username": "zhang", "password": "quiet water 8", "role": "duty_officer", "areas": ["*"]}
    system.call("POST", "/api/v1/users", person)
    login = {name: person[name] for name in ("username", "password")}
    phone = visit("/?lang=zh", signed_in=False, viewport=PHONE, before=axe.SOURCE)
    expect(phone.get_by_label("用户名")).to_be_visible()
    assert not axe.grave_findings(phone)
    elsewhere = phone.context.browser.new_context(base_url=system.api).request
    for browser in (phone.request, elsewhere):
        assert browser.post(f"{system.api}/api/v1/session", data=login).ok
    phone.reload()
    expect(phone.locator(".link-state.live")).to_be_visible()

    def choose(name):
        phone.locator("#user").click()
        phone.get_by_role("button", name=name, exact=True).click()

    phone.locator("#user").click()
    expect(phone.locator(".menu")).to_contain_text("值班员")
    phone.screenshot(path=KEPT / "user-menu-phone.png")
    phone.keyboard.press("Escape")
    choose("English")
    expect(phone.locator("#user")).to_have_attribute("aria-label", "Menu of the user: zhang")

    choose("Sessions elsewhere")
    dialog = phone.get_by_role("dialog")
    expect(dialog.locator("li")).to_have_count(1)
    dialog.get_by_role("button", name="End them all").click()
    expect(dialog).to_contain_text("There is no other sign-in.")
    dialog.get_by_role("button", name="Close").click()
    assert elsewhere.get("/api/v1/session").status == 401

    choose("Change password")
    dialog.get_by_label("Present password").fill("not this one")
    dialog.get_by_label("New password").fill("quiet water 9")
    dialog.locator("button[type=submit]").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Present password").fill(person["password"])
    dialog.locator("button[type=submit]").click()
    expect(dialog).to_have_count(0)
    assert not elsewhere.post("/api/v1/session", data=login).ok
    assert elsewhere.post("/api/v1/session", data=login | {"password": "quiet water 9"}).ok


def test_the_pages_speak_the_language_of_who_signs_in_until_that_person_chooses_another(visit, system):
    for username, language in (("li.e", "en"), ("li.z", "zh")):
        person = {"username": username, "password": "quiet water 8", "role": "viewer", "areas": ["*"]}
        system.call("POST", "/api/v1/users", person | {"language": language})
    page = visit("/", signed_in=False)

    def sign_in(username):
        page.locator("[name=username]").fill(username)
        page.locator("[name=password]").fill("quiet water 8")
        page.locator("button.primary").click()
        expect(page.locator(".link-state.live")).to_be_visible()

    def sign_out():
        page.locator("#user").click()
        page.locator(".menu-item").last.click()
        page.locator("dialog button[type=submit]").click()
        expect(page.locator("[name=username]")).to_be_visible()

    english, chinese = page.locator("html[lang='en']"), page.locator("html[lang='zh-CN']")
    expect(chinese).to_have_count(1)
    sign_in("li.e")
    expect(english).to_have_count(1)
    expect(page.get_by_role("link", name="Devices")).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name="Devices")).to_be_visible()
    page.locator("#language").click()
    expect(page.get_by_role("link", name="设备")).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name="设备")).to_be_visible()
    sign_out()
    sign_in("li.z")
    page.locator("#language").click()
    expect(english).to_have_count(1)
    sign_out()
    sign_in("li.e")  # what the other one chose is the other one's
    expect(english).to_have_count(1)


@pytest.fixture
def empty():
    """A system nobody has furnished, and nobody told where 119 is."""
    with running(dispatching=False) as system:
        yield system


def test_an_empty_system_says_what_to_do_next_and_cries_when_119_is_not_set(empty, visit):
    page = visit("/", at=empty)
    expect(page.get_by_role("heading", name="系统已就绪")).to_be_visible()
    expect(page.locator(".first-steps li")).to_have_count(3)
    page.screenshot(path=KEPT / "first-screen.png")
    empty.reading("XHS-0001", "hydrant", pressure_mpa=0.3)
    page.get_by_role("link", name="设备", exact=True).click()
    expect(page.get_by_role("link", name=re.compile("XHS-0001"))).to_be_visible()
    expect(page.locator(".banner.loud")).to_have_count(0)

    empty.fire(empty.panel("UTD-0001"))
    alarm = empty.fire_of("UTD-0001")
    empty.call("POST", f"/api/v1/alarms/{alarm['id']}/verify", {"outcome": "real", "note": "电话核实"})
    expect(page.locator(".banner.loud")).to_contain_text("没有送往 119")


def test_a_note_that_was_being_typed_when_the_session_ended_is_there_again(visit, system):
    person = {"username": "note-taker", "password": "quiet water 8", "role": "duty_officer", "areas": ["*"]}
    system.call("POST", "/api/v1/users", person)
    login = {name: person[name] for name in ("username", "password")}
    system.fire(system.panel("SI-001"))
    alarm = system.fire_of("SI-001")
    page = visit("/?lang=zh", signed_in=False)

    def sign_in():
        page.get_by_label("用户名").fill(login["username"])
        page.get_by_label("密码").fill(login["password"])
        page.get_by_role("button", name="登录").click()
        expect(page.locator(".link-state.live")).to_be_visible()

    sign_in()
    page.goto(f"{system.api}/?lang=zh#/desk/{alarm['id']}")
    page.locator("[data-act=note]").click()
    page.get_by_role("dialog").locator("textarea").fill("三楼有浓烟，已通知门卫")
    page.context.clear_cookies()
    page.get_by_role("dialog").locator("button[type=submit]").click()
    sign_in()
    page.locator("[data-act=note]").click()
    note = page.get_by_role("dialog").locator("textarea")
    expect(note).to_have_value("三楼有浓烟，已通知门卫")
    page.get_by_role("dialog").get_by_role("button", name="取消").click()  # given up
    page.locator("[data-act=note]").click()
    expect(note).to_have_value("")
    note.fill("门卫已到场")
    page.get_by_role("dialog").locator("button[type=submit]").click()
    expect(page.get_by_text("门卫已到场").first).to_be_visible()
    page.locator("[data-act=note]").click()
    expect(note).to_have_value("")
