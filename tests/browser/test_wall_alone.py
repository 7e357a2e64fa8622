"""A wall nobody sits at: its browser is started again and the screen comes back by itself, until it may no more."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ARGUMENTS, CHROMIUM, KEPT, WALL
from tests.browser.county import System
from tests.support.scratch import scratch_dir

PASSWORD = "seen from five metres"


@pytest.fixture
def profile() -> Iterator[Path]:
    folder = scratch_dir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def started(browser: Browser, profile: Path, system: System, path: str = "/wall") -> Iterator[Page]:
    """The wall's browser, from its start to its end."""
    context = browser.browser_type.launch_persistent_context(
        profile, executable_path=str(CHROMIUM), args=ARGUMENTS, viewport=WALL
    )
    try:
        page = context.pages[0]
        page.goto(system.api + path)
        yield page
    finally:
        context.close()


def test_a_wall_comes_back_live_after_a_restart_of_its_browser(browser, profile, system):
    made = {"username": "wall-1", "password": PASSWORD, "role": "wall", "name": "值班室大屏"}
    system.call("POST", "/api/v1/users", made)
    with started(browser, profile, system) as page:
        page.get_by_label("用户名").fill("wall-1")
        page.get_by_label("密码").fill(PASSWORD)
        page.get_by_role("button", name="登录").click()
        expect(page.locator(".link-state.live")).to_be_visible()
    with started(browser, profile, system) as page:
        expect(page.locator(".link-state.live")).to_be_visible()
        expect(page.locator(".wall-map canvas")).to_be_visible()
        system.fire(system.panel("WALL-1"))
        expect(page.locator(f".wall-alarms [data-alarm='{system.fire_of('WALL-1')['id']}']")).to_be_visible()
        page.screenshot(path=KEPT / "wall-alone.png")
        for path in ("devices", "sites", "contacts", "handover", "audit", f"alarms/{system.fire_of('WALL-1')['id']}"):
            assert page.request.get(f"{system.api}/api/v1/{path}").status == 403, path
        assert page.request.post(f"{system.api}/api/v1/policies/drill", data={}).status in {403, 404, 405}
    with started(browser, profile, system, "/#/desk") as page:  # the desk is not for it
        page.wait_for_url("**/wall")
        expect(page.locator(".link-state.live")).to_be_visible()
        system.call("DELETE", "/api/v1/users/wall-1")
        expect(page.get_by_label("用户名")).to_be_visible()
