"""Chromium in front of the real system.

`system`  the running county of this folder (`county.System`), furnished: one site, water, a panel `UTD-0001`.
`site`    the id of its site.
`visit`   a function that opens a page signed in: `visit("/#/desk", viewport=…, geolocation=…)`. Every page it made is
          checked at the end: nothing asked from another origin, no script error, no break of the security policy;
          a screenshot of each is kept in `reports/browser/`.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from tests.browser.county import System, furnish, running

ARGUMENTS = [
    "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
    "--disable-gpu-rasterization", "--disable-gpu-compositing",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip
CHROMIUM = Path("/usr/bin/chromium-headless-shell")  # no windows of its own: a third of the processor
PIXELS = 0.5  # of the screen for each of the page: without a graphics card a map takes a second for a quarter as many
PATIENCE_MS = 60_000  # a busy machine; what must be fast is measured where it matters
expect.set_options(timeout=PATIENCE_MS)
KEPT = Path(__file__).parents[2] / "reports" / "browser"
DESKTOP, PHONE, WALL = (
    {"width": 1440, "height": 900},
    {"width": 390, "height": 844},
    {"width": 1920, "height": 1080},
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    system = getattr(item, "funcargs", {}).get("system")
    if report.failed and system is not None:
        report.sections.append(("the ends of the programs' logs", system.last_words()))
    return report


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    assert CHROMIUM.exists(), f"{CHROMIUM} is missing: scripts/setup --tests installs it"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def _county() -> Iterator[tuple[System, int]]:
    with running() as system:
        yield system, furnish(system)


@pytest.fixture
def system(_county: tuple[System, int]) -> Iterator[System]:
    yield _county[0]
    _county[0].settle()


@pytest.fixture
def site(_county: tuple[System, int]) -> int:
    return _county[1]


class Watched:
    """A browser context whose every request and error is written down."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.context = context
        self.origin = origin
        self.foreign: list[str] = []
        self.errors: list[str] = []
        context.on("request", self._request)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("console", lambda line: self._console(line.type, line.text))

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"data", "blob"} or f"{parts.scheme}://{parts.netloc}" == self.origin:
            return
        self.foreign.append(request.url)

    def _console(self, kind: str, text: str) -> None:
        if "Content Security Policy" in text or (kind == "error" and "Failed to load resource" not in text):
            self.errors.append(text)


@pytest.fixture
def visit(browser: Browser, system: System, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    watched: list[Watched] = []
    KEPT.mkdir(parents=True, exist_ok=True)

    def open_page(
        path: str = "/",
        *,
        at: System = system,
        signed_in: bool = True,
        viewport: dict[str, int] = DESKTOP,
        before: str = "",
        **more: Any,
    ) -> Page:
        phone = viewport["width"] < 500
        more = {
            "reduced_motion": "reduce",  # pulsing costs more than all that is tested
            "device_scale_factor": PIXELS,
            "service_workers": "block",
        } | more
        context = browser.new_context(viewport=viewport, has_touch=phone, is_mobile=phone, **more)
        context.set_default_timeout(PATIENCE_MS)
        if before:
            context.add_init_script(before)
        watched.append(Watched(context, at.api))
        if signed_in:
            context.add_cookies([at.signed_in()])
        page = context.new_page()
        page.goto(at.api + path)
        return page

    yield open_page
    name = re.sub(r"\W+", "-", request.node.name)
    try:
        for i, one in enumerate(watched):
            for j, page in enumerate(one.context.pages):
                page.screenshot(path=KEPT / f"{name}-{i}{j}.png")
            assert not one.foreign, f"asked from another origin: {one.foreign}"
            assert not one.errors, "\n".join(one.errors)
    finally:
        for one in watched:
            one.context.close()
