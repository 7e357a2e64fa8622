"""An administrator subscribes a platform, tests it, pauses it, and reads how it goes, in both languages."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.support.servers import until


class Hook(BaseHTTPRequestHandler):
    taken: list[bytes] = []  # noqa: RUF012

    def do_POST(self) -> None:
        self.taken.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.taken.clear()
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook?token=abc"
        server.shutdown()
        thread.join()


def test_a_platform_is_subscribed_tested_paused_and_removed(visit: Any, hook: str) -> None:
    page = visit("/#/system")
    page.get_by_role("link", name="推送订阅").click()
    page.get_by_role("button", name="新建订阅").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("名称").fill("智慧城市平台")
    dialog.get_by_label("接收地址").fill("http://169.254.169.254/")
    dialog.get_by_role("button", name="建立并显示密钥").click()
    expect(dialog.get_by_role("alert")).to_contain_text("url")
    dialog.get_by_label("接收地址").fill(hook)
    dialog.get_by_label("火警确认").check()
    dialog.get_by_role("button", name="建立并显示密钥").click()
    expect(page.locator(".push-secret")).to_contain_text("whsec_")
    expect(dialog).to_have_count(0)
    page.keyboard.press("Escape")  # a stray key takes away nothing that is shown once
    expect(page.locator(".push-secret")).to_be_visible()
    page.get_by_role("button", name="我已记下").click()
    row = page.locator(".push-table tbody tr").first
    expect(row).to_contain_text("智慧城市平台")
    expect(row).to_contain_text("token=***")
    expect(row).to_contain_text("火警确认")
    row.get_by_role("button", name="测试").click()
    until(lambda: Hook.taken, what="the test arrives")
    assert b"subscription.test" in Hook.taken[0]
    expect(row).to_contain_text("HTTP 204")
    row.get_by_role("button", name="明细").click()
    expect(page.locator(".push-table")).to_contain_text("已送达")
    row.get_by_role("button", name="暂停").click()
    expect(row).to_contain_text("已暂停")
    page.locator("#language").click()
    expect(row).to_contain_text("Paused")
    row.get_by_role("button", name="Resume").click()
    expect(row).to_contain_text("Active")
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="OK").click()
    expect(page.locator(".push-table")).to_have_count(0)


def test_the_page_fits_a_phone(visit: Any, system: Any, hook: str) -> None:
    body = {"name": "应急管理局预警平台", "url": hook, "types": ["*"], "format": "cap"}
    made = system.call("POST", "/api/v1/subscriptions", body)
    page = visit("/#/subscriptions", viewport=PHONE)
    expect(page.locator(".push-table")).to_contain_text("应急管理局预警平台")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing to scroll sideways"
    system.call("DELETE", f"/api/v1/subscriptions/{made['id']}")
