"""A database that does not answer is named on the open page, and forgotten when it answers again."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from playwright.sync_api import expect

from tests.browser.county import System, running
from tests.support.processes import hold, let_go


@pytest.fixture
def small() -> Iterator[System]:
    """A system of its own: nobody else's database is held."""
    with running() as system:
        yield system


@contextmanager
def held(system: System) -> Iterator[None]:
    """Hold every process of the database, as a stuck disk would."""
    stopped = hold(psutil.Process(system.endpoints()["processes"]["postgres"]))
    try:
        yield
    finally:
        let_go(stopped)


def test_a_deaf_database_is_named_on_the_page_and_heals(small, visit):
    panel = small.panel("DB-001")
    page = visit("/#/desk", at=small)
    expect(page.locator(".link-state.live")).to_be_visible()
    with held(small):
        expect(page.locator(".banner.lost")).to_contain_text("数据库无响应")
        page.locator("#language").click()
        expect(page.locator(".banner.lost")).to_contain_text("The database does not answer")
        page.reload(wait_until="commit")
        expect(page.locator(".banner.lost")).to_contain_text("The database does not answer")
        small.fire(panel)  # the broker takes it all the same
    expect(page.locator(".link-state.live")).to_be_visible()
    expect(page.locator(".banner.lost")).to_have_count(0)
    expect(page.locator(f"[data-alarm='{small.fire_of(panel)['id']}']")).to_be_visible()
