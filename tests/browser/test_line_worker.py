"""The worker that holds the stream for all tabs, with streams that the test opens, breaks and lets speak."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

WORKER = Path(__file__).parents[2] / "services" / "api" / "web" / "js" / "line-worker.js"
STREAMS = """
window.made = [];
window.EventSource = class {
  static OPEN = 1;
  constructor() { this.readyState = 0; this.acts = {}; made.push(this); }
  addEventListener(name, act) { this.acts[name] = act; }
  close() { this.readyState = 2; }
  open() { this.readyState = 1; this.onopen(); }
  fail() { this.onerror(); }
  tell(name, data) { this.acts[name]({ data }); }
};
window.tab = (who) => {
  const { port1, port2 } = new MessageChannel();
  const mine = { port: port1, heard: [] };
  port1.onmessage = ({ data }) => mine.heard.push(data.kind === "event" ? data.data : data.kind);
  dispatchEvent(new MessageEvent("connect", { ports: [port2] }));
  port1.postMessage({ act: "join", who, names: ["alarm", "ping"] });
  return mine;
};
window.settled = async () => { for (let n = 0; n < 5; n++) { const { port1, port2 } = new MessageChannel();
  await new Promise((done) => { port2.onmessage = done; port1.postMessage(0); }); } };
"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    made = context.new_page()
    made.clock.install()
    made.add_script_tag(content=STREAMS)
    made.add_script_tag(content=WORKER.read_text())
    yield made
    context.close()


def test_a_stream_is_renewed_before_it_ends_and_no_tab_notices(page):
    page.evaluate("async () => { window.a = tab('li'); await settled(); made[0].open(); await settled(); }")
    page.clock.run_for(8 * 60_000)
    heard = page.evaluate(
        """async () => {
             made[1].open();
             made[0].tell("alarm", "on its way");
             made[1].tell("alarm", "new");
             await settled();
             return [a.heard, made.length];
           }"""
    )
    assert heard == [["here", "open", "on its way", "new"], 2]
    page.clock.run_for(5000)
    states = page.evaluate("made.map((each) => each.readyState)")
    assert states == [2, 1]
    page.clock.run_for(8 * 60_000)
    heard = page.evaluate("async () => { made[2].fail(); made[1].tell('ping', 'x'); await settled(); return a.heard; }")
    assert heard[-1] == "x"  # what cannot be renewed goes on for as long as it may
    heard = page.evaluate("async () => { made[1].fail(); await settled(); return a.heard; }")
    assert heard[-1] == "lost"


def test_a_lost_stream_is_told_once_and_opened_by_the_first_who_comes_back(page):
    heard = page.evaluate(
        """async () => {
             window.a = tab("li"); window.b = tab("li"); await settled();
             made[0].open(); await settled();
             made[0].fail(); made[0].fail(); await settled();
             window.c = tab("li"); window.d = tab("li"); await settled();
             made[1].open(); await settled();
             return [a, b, c, d].map((each) => each.heard).concat([made.length]);
           }"""
    )
    assert heard == [["here", "open", "lost"], ["here", "open", "lost"], ["here", "open"], ["here", "open"], 2]


def test_somebody_else_or_a_silent_stream_means_a_new_one(page):
    page.evaluate("async () => { window.a = tab('li'); await settled(); made[0].open(); await settled(); }")
    heard = page.evaluate("async () => { window.b = tab('wang'); await settled(); return [a.heard, made.length]; }")
    assert heard == [["here", "open", "lost"], 2]
    page.evaluate("made[1].open()")
    page.clock.run_for(41_000)
    page.evaluate("async () => { window.c = tab('wang'); await settled(); }")
    assert page.evaluate("[b.heard.at(-1), made.length]") == ["lost", 3]


def test_with_its_last_tab_the_stream_ends(page):
    page.evaluate("async () => { window.a = tab('li'); window.b = tab('li'); await settled(); made[0].open(); }")
    page.evaluate("async () => { a.port.postMessage({ act: 'leave' }); await settled(); }")
    assert page.evaluate("made[0].readyState") == 1
    page.clock.run_for(8 * 60_000)  # it is being renewed
    page.evaluate("async () => { b.port.postMessage({ act: 'leave' }); await settled(); }")
    assert page.evaluate("made.map((each) => each.readyState)") == [2, 2]
