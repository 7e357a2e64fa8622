"""The county's system page shows each township's link: never heard, level, behind, silent."""

import json
import urllib.request

from playwright.sync_api import expect

from tests.support.waiting import PATIENCE_S


def _report(system, key: str, **more: object) -> None:
    body = {"version": "1.4.0", "backlog_rows": 0, "backlog_s": 0, **more}
    request = urllib.request.Request(  # noqa: S310 - our own loopback address
        f"{system.api}/api/v1/relay/report",
        method="POST",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=PATIENCE_S).close()  # noqa: S310


def test_each_link_says_whether_it_stands_and_how_far_it_is_behind(visit, system):
    page = visit("/#/system")
    expect(page.locator(".lanes")).to_be_visible()
    expect(page.locator(".townships")).to_have_count(0)  # a county without any
    made = system.call("POST", "/api/v1/townships", {"name": "yimen", "areas": ["140931101"]})
    try:
        page.reload()
        row = page.locator("[data-township=yimen]")
        expect(row).to_contain_text("尚未接入")
        expect(row).to_contain_text("义门镇")
        _report(system, made["api_key"])
        expect(row).to_contain_text("已连接")
        expect(row).to_contain_text("无积压")
        _report(system, made["api_key"], backlog_rows=1200, backlog_s=95)
        expect(row).to_contain_text("1,200 条，最早 1 分前")
        system.execute("update township set last_heard = now() - interval '2 minutes'")
        expect(row).to_contain_text("无声息")
        page.locator("#language").click()
        expect(row).to_contain_text("silent")
    finally:
        system.call("DELETE", "/api/v1/townships/yimen")
