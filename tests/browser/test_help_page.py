"""The help: one press away on every page, in both languages, without a network; its links lead where they say."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.browser.test_water_offline import CONTROLLED

TITLES = {"zh": "帮助", "en": "Help"}


@pytest.mark.parametrize("language", TITLES)
def test_it_is_one_press_away_and_every_link_leads_to_its_page(visit, system, language):
    page = visit("/#/system")
    if language == "en":
        page.locator("#language").click()
    page.locator(".bar").get_by_role("link", name=TITLES[language]).click()
    article = page.locator(".manual")
    expect(article).to_be_visible()
    expect(page.locator(".bar h1")).to_have_text(TITLES[language])
    text = article.inner_text()
    assert "[[" not in text
    assert not re.findall(r"\b(?:help|admin|desk|nav)\.\w+", text), "a key that has no word"
    expect(article.locator("kbd", has_text="Shift").first).to_be_visible()
    links = {each.get_attribute("href"): each.inner_text() for each in article.locator("a").all()}
    assert len(links) > 12
    for address, name in links.items():
        if not address.startswith("#/"):
            assert page.request.get(system.api + address).ok, address
            continue
        page.goto(system.api + "/" + address)
        first, *rest = address.removeprefix("#/").split("/")
        if rest and rest[0] != "start":
            expect(page.locator(".tabs [aria-current]")).to_have_text(name)
        else:
            expect(page.locator(f".page-{first}")).to_be_visible()


def test_a_phone_finds_it_in_the_menu_and_reads_it_without_a_network(visit, system):
    page = visit("/#/desk", viewport=PHONE, service_workers="allow")
    page.locator("#user").click()
    page.get_by_role("button", name="帮助").click()
    expect(page.locator(".manual")).to_contain_text("第一次使用")
    page.get_by_role("button", name="颜色和形状").click()
    expect(page.locator("#help-shapes")).to_be_in_viewport()
    page.evaluate(CONTROLLED)
    page.context.set_offline(True)
    page.reload()
    expect(page.locator(".manual")).to_contain_text("火警来了怎么办")
    page.context.set_offline(False)
