import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
import pytest

from stack.children import free_port
from tests.integration.alerts.early_town import hydrants, live  # noqa: F401 - fixtures
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import PATIENCE_S

SECRET = "whsec_" + "Zmlyc3QtdGVzdC1zZWNyZXQtb2YtdGhlLWRlc2s="


class DeskControl:
    """The stand-in desk as a child process, asked and told over HTTP."""

    def __init__(self, program: Program, port: int, client: httpx2.AsyncClient) -> None:
        self.program = program
        self.url = f"http://127.0.0.1:{port}"
        self._client = client

    async def received(self, **wanted: Any) -> list[dict[str, Any]]:
        answer = await self._client.get(f"{self.url}/received", params=wanted)
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def behave(self, **behaviour: Any) -> None:
        answer = await self._client.put(f"{self.url}/behaviour", json=behaviour)
        assert answer.status_code == 200, answer.text

    async def behaviour(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self._client.get(f"{self.url}/behaviour")).json()
        return found


@pytest.fixture
async def county(database: str) -> AsyncIterator[County]:
    county = await County.open(database)
    yield county
    await county.close()


@pytest.fixture
async def desk(program: Callable[..., Program]) -> AsyncIterator[DeskControl]:
    port = free_port()
    started = program("desk", DESK_PORT=port, DISPATCH_SECRET=SECRET)
    started.wait_ready()
    async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
        yield DeskControl(started, port, client)


@pytest.fixture
def alerts(program: Callable[..., Program], database: str, desk: DeskControl) -> Iterator[Callable[..., Program]]:
    """Start `firetower alerts` against this test's database and desk; environment on top. Its log is shown at the end
    of a failed test.
    """
    made: list[Program] = []

    def start(**env: Any) -> Program:
        settings = {
            "DATABASE_URL": database,
            "DISPATCH_URL": desk.url,
            "DISPATCH_SECRET": SECRET,
            "COUNTY_NETWORKS": "127.0.0.0/8",
            **env,
        }
        started = program("alerts", **settings)
        made.append(started)
        started.wait_ready()
        return started

    yield start
    for one in made:
        sys.stdout.write(one.log_text())
