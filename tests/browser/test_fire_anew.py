"""A fire that begins on the alarm of an older one which nobody has judged: open pages tell it as the new fire it is."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_others_got_wrong import HIDDEN, NOTED
from tests.support.servers import until

LONG_AGO = """
update alarm set life = jsonb_set(life, '{last_at}', to_jsonb(opened_at - interval '1 hour')) where id = $1"""
TOLD = "([tag, count]) => noted.filter((one) => one.tag === tag && !one.closed).length === count"

HEARD = """async ([id, version]) => {
  const { live } = await import("/static/js/store.js");
  return live.get().alarms.get(id)?.version >= version;
}"""
QUEUE = "[...document.querySelectorAll('.queue-side .row [data-alarm]')].map((one) => one.dataset.alarm)"


@pytest.fixture
def burns(system):
    """Let a panel report a fire; its alarm. The one before was an hour ago then."""

    def burn(panel, **more):
        before = system.alarms(device=panel, category="fire", state="open")
        for fire in before:
            system.execute(LONG_AGO, fire["id"])
        system.fire(panel, **more)
        if before:
            until(lambda: system.fire_of(panel)["version"] > before[0]["version"], what="the new fire")
        return system.fire_of(panel)

    return burn


def test_it_is_told_again_said_again_and_ends_the_hush(visit, system, burns):
    panel = system.panel("FA-001")
    page = visit("/?lang=zh#/system", before=HIDDEN + NOTED)
    expect(page.locator(".link-state.live")).to_be_visible()
    tag = f"alarm-{burns(panel)['id']}"
    page.wait_for_function(TOLD, arg=[tag, 1])
    said = page.locator("[aria-live=assertive] p")
    first = said.element_handle()
    page.get_by_role("button", name="静音 2 分钟").click()
    expect(page.get_by_role("button", name="静音 2 分钟")).to_have_count(0)

    assert burns(panel)["state"] == "unacknowledged"
    page.wait_for_function(TOLD, arg=[tag, 2])
    assert page.evaluate("noted.map((one) => one.renotify)") == [False, True]
    expect(page.get_by_role("button", name="静音 2 分钟")).to_be_visible()
    page.wait_for_function("first => !first.isConnected", arg=first)  # said once more, as an element of its own
    expect(said).to_contain_text("新火警")


def test_a_page_that_was_opened_with_the_older_one_there_tells_the_new_one_and_nothing_before(visit, system, burns):
    panel, other = system.panel("FA-002"), system.panel("FA-003")
    tag = f"alarm-{burns(panel)['id']}"
    page = visit("/?lang=zh#/desk", before=HIDDEN + NOTED)
    expect(page.locator(".link-state.live")).to_be_visible()
    expect(page.locator(".fires")).to_contain_text("FA-002")
    system.fire(panel, kind="manual_alarm")  # it is surer, and no other one
    until(lambda: system.fire_of(panel)["confidence"] == "confirmed", what="it is confirmed")
    page.wait_for_function(TOLD, arg=[f"alarm-{burns(other)['id']}", 1])
    assert page.evaluate("noted.length") == 1
    burns(panel)
    page.wait_for_function(TOLD, arg=[tag, 1])


def test_it_is_told_when_a_page_that_was_cut_off_is_connected_again(visit, system, burns):
    panel = system.panel("FA-004")
    tag = f"alarm-{burns(panel)['id']}"
    page = visit("/?lang=zh#/desk", before=HIDDEN + NOTED)
    expect(page.locator(".link-state.live")).to_be_visible()
    page.context.set_offline(True)
    expect(page.locator(".banner.lost")).to_be_visible()
    burns(panel)
    page.context.set_offline(False)
    page.wait_for_function(TOLD, arg=[tag, 1])


def test_its_age_is_that_of_the_new_one_and_it_stands_below_a_fire_that_was_there_before(visit, system, burns):
    panel, other = system.panel("FA-006"), system.panel("FA-007")
    fire = burns(panel)
    older = burns(other)["id"]
    system.age_alarm(fire["id"], 3 * 3600)
    system.age_alarm(older, 3600)
    burns(panel)
    page = visit(f"/?lang=zh#/desk/{fire['id']}")
    row = page.locator(f".row:has([data-alarm='{fire['id']}'])")
    expect(row.locator(".row-age")).to_have_text(re.compile(r"^\d+ (秒|分)$"))
    first = page.get_by_role("article").locator(".facts .fact").first
    expect(first.locator("em")).to_have_text(re.compile(r"^\d+ (秒|分)$"))
    expect(first).to_contain_text("打开")
    ours = {str(older), str(fire["id"])}  # alarms of other tests may stand here too
    assert [one for one in page.evaluate(QUEUE) if one in ours] == [str(older), str(fire["id"])]


@pytest.mark.parametrize("outcome", ["误报", "测试"])
def test_a_verdict_that_was_meant_for_the_older_one_is_not_sent_unseen(visit, system, burns, outcome):
    panel = system.panel("FA-005")
    fire = burns(panel)
    page = visit(f"/?lang=zh#/desk/{fire['id']}")
    page.get_by_role("article").get_by_role("button", name=outcome, exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("说明").fill("已到现场，是蒸汽")
    anew = burns(panel)
    page.wait_for_function(HEARD, arg=[anew["id"], anew["version"]])
    dialog.get_by_role("button", name="确定").click()
    expect(dialog.locator(".failure")).to_contain_text("又起火警")
    assert system.fire_of(panel)["verification"] == "pending"

    dialog.get_by_role("button", name="确定").click()  # who looked again may say so
    expect(dialog).to_have_count(0)
    until(lambda: not system.alarms(device=panel, state="open", category="fire"), what="the verdict")
