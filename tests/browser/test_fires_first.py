"""Where there is room for some alarms only, fires are among them: decided by the page's own module."""

import re

from playwright.sync_api import expect

MANY = 420
RAISE = """
insert into alarm (subject, code, component, category, severity, state, area, reason, reason_en, opened_at)
select 'many:' || n, 'tamper', '1-' || n, 'device', 'minor', 'unacknowledged', '140931100', '防拆报警', 'tamper',
       now() - n * interval '7 seconds'
from generate_series(1, $1::int) n
"""
# Scrolls by half a screen at a time to the end and back; the ids of the alarms that were drawn.
DOWN_AND_UP = """async () => {
  const list = document.querySelector(".queue");
  const seen = new Set();
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)));
  const look = () => list.querySelectorAll("[data-alarm]").forEach(({ dataset }) => seen.add(dataset.alarm));
  const end = () => list.scrollTop + list.clientHeight >= list.scrollHeight - 1;
  while (!end()) {
    list.scrollTop += list.clientHeight / 2;
    await frame();
    look();
  }
  while (list.scrollTop > 0) {
    list.scrollTop -= list.clientHeight / 2;
    await frame();
    look();
  }
  return [...seen];
}"""
ORDER = """async () => {
  const { inQueueOrder } = await import("/static/js/alarms.js");
  const alarm = (id, category, severity) => ({
    id, category, severity, state: "unacknowledged", opened_at: new Date(id * 1000).toISOString() });
  const many = Array.from({ length: 6000 }, (_, n) => alarm(n + 10, "electrical", "critical"));
  const all = [...many, alarm(1, "fire", "major"), alarm(99999, "fire", "critical"), alarm(2, "water", "info")];
  return ["oldest", "newest"].map((order) => [...all].sort(inQueueOrder(order)).slice(0, 3).map(({ id }) => id));
}"""


def test_fires_stand_before_thousands_of_other_critical_alarms(visit):
    page = visit("/#/desk")
    expect(page.locator(".link-state.live")).to_be_visible()
    oldest, newest = page.evaluate(ORDER)
    assert (oldest[:2], newest[:2]) == ([99999, 1], [99999, 1])  # the critical one, then the other, then the rest


def test_a_full_map_and_queue_show_the_old_fire(visit, system):
    fire = system.panel("OLD-1")
    system.fire(fire)
    alarm = system.fire_of(fire)["id"]
    system.age_alarm(alarm, 86_400)
    system.execute(
        """insert into alarm (subject, code, component, category, severity, state, area, reason, reason_en, opened_at,
                              device_id)
           select 'device:' || d.id, 'residual_current_high', n::text, 'electrical', 'critical', 'unacknowledged',
                  d.area, '漏电', 'residual current', now(), d.id
           from generate_series(1, 400) n, device d where d.code = 'XHS-0001'"""
    )
    try:
        page = visit("/#/desk")
        expect(page.locator(".queue .row").first.locator(f"[data-alarm='{alarm}']")).to_be_visible()
        page.goto(system.api + "/wall")
        expect(page.locator(".wall-alarms li").first).to_have_attribute("data-alarm", str(alarm))
        expect(page.locator(f".wall-map [data-alarm='{alarm}']")).to_be_visible()
    finally:
        system.execute("delete from alarm where code = 'residual_current_high'")


def test_of_a_long_queue_what_is_in_sight_is_drawn_and_every_alarm_can_be_reached(visit, system):
    system.execute(RAISE, MANY)
    try:
        page = visit("/?lang=zh#/desk")
        expect(page.locator(".filters > button").first).to_contain_text(re.compile("[0-9]{3}"))
        expect(page.locator(".queue .row").first).to_be_visible()
        assert page.locator(".queue .row").count() < MANY / 2
        before = {str(one["id"]) for one in system.alarms(state="open")}
        drawn = set(page.evaluate(DOWN_AND_UP))
        after = {str(one["id"]) for one in system.alarms(state="open")}  # others than these come and go
        assert len(before & after) >= MANY
        assert before & after <= drawn <= before | after
        expect(page.locator(".queue .row").first).to_be_in_viewport()
        page.keyboard.press("ArrowDown")
        for _ in range(250):  # further than what was drawn
            page.keyboard.press("j")
        expect(page.locator(".row.chosen")).to_be_in_viewport()
        assert page.evaluate("document.querySelector('.queue').scrollTop") > 12_000
        page.evaluate("document.querySelector('.queue').scrollTop = 0")
        expect(page.locator(".row.chosen")).to_have_count(0)
        page.evaluate("document.querySelector('.queue').scrollTop = 12000")  # nobody is pulled back to the choice
        page.evaluate("new Promise((drawn) => setTimeout(drawn, 300))")
        assert page.evaluate("document.querySelector('.queue').scrollTop") == 12000
    finally:
        system.execute("delete from alarm where subject like 'many:%'")


def test_the_bar_of_what_nobody_takes_leads_to_the_fire_though_another_alarm_was_there_first(visit, system):
    panel = system.panel("FF-001")
    system.execute(RAISE.replace("'minor'", "'critical'"), 1)  # no fire
    try:
        [other] = system.alarms(state="open", severity="critical", category="device")
        page = visit("/?lang=zh#/system")
        expect(page.locator(".link-state.live")).to_be_visible()
        system.fire(panel)
        fire = system.fire_of(panel)["id"]
        expect(page.locator(".fires")).to_contain_text("FF-001")
        for alarm in (other["id"], fire):
            system.age_alarm(alarm, 120)
        bar = page.locator(".banner.loud", has_text="2 条")
        expect(bar.locator(".goto")).to_have_attribute("href", f"#/desk/{fire}")
    finally:
        system.execute("delete from alarm where subject like 'many:%'")
