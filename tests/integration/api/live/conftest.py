from collections.abc import Callable, Iterator

import httpx2
import pytest

from services.api.people.first_admin import FirstAdmin
from stack.children import free_port
from tests.integration.api.live.listening import Listener
from tests.support.servers import Program


@pytest.fixture
def listen(program: Callable[..., Program], database: str, admin: FirstAdmin) -> Iterator[Callable[..., Listener]]:
    port, made = free_port(), []
    api = program("api", DATABASE_URL=database, API_PORT=port)
    api.wait_ready()

    def start(key: str = admin.api_key, last: str | None = None, cookie: httpx2.Client | None = None) -> Listener:
        made.append(Listener(f"http://127.0.0.1:{port}", key, last, cookie))
        return made[-1]

    start.program = api  # type: ignore[attr-defined]
    start.url = f"http://127.0.0.1:{port}"  # type: ignore[attr-defined]
    yield start
    for one in made:
        one.close()
