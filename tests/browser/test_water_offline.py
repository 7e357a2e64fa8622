"""A phone without a network: the pages open, the last list of water is there, its ages are right, nothing is a lie."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from services.api.registry.datum import to_gcj02
from tests.browser.conftest import PHONE
from tests.browser.county import HERE, NEAR, PLACES

SW = Path(__file__).parents[2] / "services" / "api" / "web" / "js" / "sw.js"
CONTROLLED = """async () => {
  await navigator.serviceWorker.ready;
  while (!navigator.serviceWorker.controller) await new Promise((done) => setTimeout(done, 100));
}"""
TEN_MINUTES_AGO = """() => {
  const key = "firetower-kept.water";
  const { at, value } = JSON.parse(localStorage.getItem(key));
  localStorage.setItem(key, JSON.stringify({ at, value: { ...value, at: value.at - 600_000 } }));
}"""
KEPT_KEYS = "Object.keys(localStorage).filter((key) => key.startsWith('firetower-kept'))"


def test_the_list_of_water_outlives_the_network_and_its_ages_go_on(visit, system):
    system.reading(NEAR, "hydrant", pressure_mpa=0.31, flow_lps=0, water_temp_c=9.5)
    page = visit("/#/water", viewport=PHONE, geolocation=HERE, permissions=["geolocation"], service_workers="allow")
    page.get_by_role("button", name="从我的位置").click()
    near = page.locator(f".source[data-code='{NEAR}']")
    expect(near.locator(".says")).to_have_text("可用")
    page.evaluate(CONTROLLED)
    cached = page.evaluate("async () => (await Promise.all((await caches.keys()).map(async (name) =>"
                           " (await (await caches.open(name)).keys()).map(({ url }) => url)))).flat()")  # fmt: skip
    assert cached
    assert not [url for url in cached if "/api/" in url or "/geo/" in url], "somebody's data is in the cache"

    page.context.set_offline(True)
    page.evaluate(TEN_MINUTES_AGO)
    page.reload()
    expect(near).to_contain_text("0.310")
    expect(near).to_contain_text(re.compile("1[0-9] 分前"))
    expect(near.locator(".says")).to_have_text("已过时")
    expect(page.locator(".water-away")).to_contain_text("离线")
    expect(page.locator(".banner.lost")).to_contain_text("自")
    expect(page.locator(".water-from")).to_contain_text("我的位置")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    near_before = near.locator(".far").inner_text()
    page.context.set_geolocation({"longitude": HERE["longitude"] + 0.01, "latitude": HERE["latitude"]})
    page.get_by_role("button", name="从我的位置").click()
    expect(near.locator(".far")).not_to_have_text(near_before)  # from where the crew stands now

    page.context.set_offline(False)
    expect(near.locator(".says")).to_have_text("可用")
    expect(page.locator(".water-away")).to_have_count(0)

    page.context.set_offline(True)
    page.locator("#user").click()
    page.get_by_role("button", name="退出").click()
    page.get_by_role("dialog").get_by_role("button", name="退出").click()
    expect(page.get_by_role("dialog").locator(".failure")).to_be_visible()
    assert page.evaluate(KEPT_KEYS) == []
    page.reload()
    expect(page.locator(".banner.lost")).to_be_visible()
    expect(page.locator(".source")).to_have_count(0)


def test_a_page_that_was_opened_without_a_network_has_the_townships_when_it_is_back(visit, system):
    page = visit("/#/water", viewport=PHONE, service_workers="allow")
    page.evaluate(CONTROLLED)
    page.context.set_offline(True)
    page.reload()
    expect(page.locator(".banner.lost")).to_be_visible()
    townships = page.get_by_label("选择乡镇").locator("option")
    expect(townships).to_have_count(1)
    page.context.set_offline(False)
    expect(townships.nth(1)).to_be_attached()


def test_arrows_turn_with_the_phone_and_the_way_is_for_the_chosen_application(visit, system):
    page = visit("/#/water", viewport=PHONE, geolocation=HERE, permissions=["geolocation"])
    page.get_by_role("button", name="从我的位置").click()
    near = page.locator(f".source[data-code='{NEAR}']")
    arrow = near.locator(".compass path")
    north_up = float(re.findall(r"rotate\(([\d.]+)", arrow.get_attribute("transform") or "")[0])
    page.evaluate(
        "dispatchEvent(new DeviceOrientationEvent('deviceorientationabsolute', {alpha: 270, absolute: true}))"
    )
    expect(arrow).to_have_attribute("transform", re.compile(rf"rotate\({(north_up - 90) % 360:g}"))
    way = near.locator(".source-go")
    expect(way).to_have_attribute("href", re.compile(r"^geo:39\."))
    page.get_by_label("导航应用").select_option("amap")
    expect(way).to_have_attribute("href", re.compile(r"^amapuri://route/plan/.*dev=0"))
    asked = parse_qs(urlsplit(way.get_attribute("href") or "").query)
    there = to_gcj02(*PLACES[NEAR][3:])  # Amap draws in its own datum, half a kilometre away
    assert (float(asked["dlon"][0]), float(asked["dlat"][0])) == pytest.approx(there, abs=2e-6)
    page.get_by_label("导航应用").select_option("apple")
    expect(way).to_have_attribute("href", f"maps://?daddr={there[1]:.6f},{there[0]:.6f}&dirflg=d")
    near.get_by_role("link", name="在图上查看").click()
    page.get_by_role("link", name="返回水源").click()
    expect(near).to_be_visible()


PAGE = "<!doctype html><link rel=icon href=data:,><script src=/static/a.js></script>"
REGISTER = """async () => {
  const kept = await navigator.serviceWorker.register("/static/sw.js", { scope: "/", updateViaCache: "none" });
  await kept.update();
}"""
ACTIVE_ALONE = """async () => {
  const kept = await navigator.serviceWorker.ready;
  while (kept.installing || kept.waiting || kept.active.state !== "activated" || (await caches.keys()).length !== 1)
    await new Promise((done) => setTimeout(done, 100));
}"""


@pytest.fixture
def releases() -> Iterator[tuple[ThreadingHTTPServer, dict[str, int]]]:
    """A server of two files, whose release a test turns on."""
    state = {"build": 1, "status": 200}

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            build = state["build"]
            if self.path == "/static/sw.js":
                kind, text = "text/javascript", f'const BUILD = "{build}"; const FILES = ["/", "/static/a.js"];\n'
                text += SW.read_text()
            elif self.path.startswith("/static/"):
                kind, text = "text/javascript", f"window.file = {build};"
            else:
                kind, text = "text/html", f"{PAGE}<b>{build}</b>"
            body = text.encode()
            self.send_response(state["status"])
            for name, value in {
                "Content-Type": kind, "Cache-Control": "no-cache", "Service-Worker-Allowed": "/",
                "Firetower-Build": str(build), "Content-Length": str(len(body)),
            }.items():  # fmt: skip
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server, state
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_upgrade_leaves_no_old_page_and_no_page_of_two_releases(browser: Browser, releases):
    server, state = releases
    context = browser.new_context()
    page = context.new_page()
    shown = "[document.querySelector('b').textContent, String(window.file)]"
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    page.evaluate(REGISTER)
    page.evaluate(CONTROLLED)
    state["build"] = 2
    page.reload()
    assert page.evaluate(shown) == ["2", "2"], "the first page after an upgrade is the new one"
    state["status"] = 502  # a proxy stands before a server that is away
    page.reload()
    assert page.evaluate(shown) == ["1", "1"], "what is kept belongs together"
    state["status"] = 200
    page.evaluate(REGISTER)
    page.evaluate(ACTIVE_ALONE)
    state["status"] = 502
    page.reload()
    assert page.evaluate(shown) == ["2", "2"]
    context.close()
