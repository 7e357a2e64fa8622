"""Who may see what: the form, a wrong password, the end of a session, and the first screen of an empty system."""

import re

from playwright.sync_api import expect

from tests.browser.county import running


def test_a_person_signs_in_and_out(visit, system):
    page = visit("/", signed_in=False)
    page.get_by_label("用户名").fill(system.admin["username"])
    page.get_by_label("密码").fill("not the password")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("用户名或密码不正确")

    page.get_by_label("密码").fill(system.admin["password"])
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("navigation")).to_be_visible()
    expect(page.locator(".link-state.live")).to_be_visible()

    page.get_by_role("button", name="退出").click()
    expect(page.get_by_label("用户名")).to_be_visible()
    assert page.request.get(f"{system.api}/api/v1/alarms").status == 401


def test_an_empty_system_says_what_to_do_next(visit):
    with running() as empty:
        page = visit("/", at=empty)
        expect(page.get_by_role("heading", name="系统已就绪")).to_be_visible()
        expect(page.locator(".first-steps li")).to_have_count(3)
        empty.reading("XHS-0001", "hydrant", pressure_mpa=0.3)
        page.get_by_role("link", name="设备", exact=True).click()
        expect(page.get_by_role("link", name=re.compile("XHS-0001"))).to_be_visible()
        page.context.close()
