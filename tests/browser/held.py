"""An answer that is slow on its way to a page: fetched from the server, and kept until the test lets it go."""

from playwright.sync_api import Page, Route

from tests.support.servers import until


class Held:
    """The next answer to one path, fetched from the server and kept from the page until `let_go`."""

    def __init__(self, page: Page, path: str) -> None:
        self._page = page
        self._answers: list[tuple[Route, object]] = []
        page.route(path, self._hold, times=1)

    def _hold(self, route: Route) -> None:
        self._answers.append((route, route.fetch()))

    def _is_here(self) -> bool:
        self._page.wait_for_timeout(20)  # lets the library run its handlers
        return bool(self._answers)

    def wait(self) -> None:
        until(self._is_here, what="the answer that is held")

    def let_go(self) -> None:
        [(route, answer)] = self._answers
        route.fulfill(response=answer)
