"""Fixtures for every test. Nothing is skipped: a machine without the servers fails with the cure (`make setup`).

`database`        DSN (str) of a fresh, migrated database of this test (a clone); dropped afterwards.
`empty_database`  a fresh database without our schema.
`postgres`        the server behind them: `.kill()`, `.start()`, `.is_running()`, `.port`, `.sql(text, database)`;
                  a killed one is started again after the test.
`broker`          a mosquitto of this test alone: `.host .port .pid`; accounts `.fleet .services .provisioner`, each
                  with `.username .password`; addresses `.url` (services), `.fleet_url`, `.provisioner_url`;
                  `.add_device(code)`, `.publish(topic, payload, account=…)`, `.kill()`, `.start()`, `.stop()`.
`private_broker`  a function that makes more of them: `private_broker(BrokerLimits(queue_bytes=…))`.
`wire`            an async function: `await wire(port)` is a `Wire` (`tests.support.wire`) between you and that port:
                  `.port`, `.cut() .refuse() .stall() .slow() .drop_after() .restore()`.
`program`         a function that starts `firetower NAME`: `program("ingest", DATABASE_URL=…, MQTT_URL=…)` puts
                  FIRETOWER_ before the names; `.wait_ready() .kill() .stop() .restart() .log_text() .process`.
`scratch`         a folder that unprivileged servers can reach too.

Autouse: an exception that only reached a loop's handler fails the test. FIRETOWER_* is removed from the environment.
"""

import gc
import logging
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from stack.children import share_ports
from stack.mosquitto import BrokerLimits
from tests.support.scratch import remove_leftovers, scratch_dir
from tests.support.servers import Broker, PostgresServer, Program
from tests.support.wire import Wire

# Tests that kill servers under load or fill both cores: one of each sort at a time, beside lighter ones.
# The pages are three sorts, each with a system and a browser of its own: one after the other they outlast all the rest.
_PAGES = ("tests/browser/", "tests/browser/test_j", "tests/browser/test_p")  # where each third of their time begins
_FAULTS = ("tests/faults/", "tests/acceptance/contract/")
# Workers take what waits longest first: begun last it would keep one of them busy while the others have nothing to do.
_BEGIN_WITH = (
    "pages",
    "faults",
    "tests/integration/backup/",
    "tests/acceptance/",
    "tests/integration/test_up.py",
    "tests/integration/relay/",
    "tests/integration/alerts/",
    "tests/integration/gateway/",
    "tests/integration/ingest/",
    "tests/integration/api/",
    "tests/integration/",
)
_KEPT = {"FIRETOWER_CACHE", "FIRETOWER_STACK_PREFIX"}  # where the servers' binaries are

for _name in [name for name in os.environ if name.startswith("FIRETOWER_") and name not in _KEPT]:
    del os.environ[_name]


_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
share_ports(_worker, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))

# How long one example takes says how busy the machine is.
settings.register_profile("firetower", deadline=None)
settings.load_profile("firetower")

# The default renders every local of a traceback, which takes seconds: longer than a transaction may stand idle.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


class Sides(LoadScopeScheduling):
    """Gives a worker a whole file, or all of a sort that must not run side by side; what takes long first."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = nodeid.partition("::")[0]
        if file.startswith(_FAULTS):
            return "faults, one at a time"
        if file.startswith(_PAGES[0]):
            return f"pages from {max(begin for begin in _PAGES if begin <= file)}, one at a time"
        return file

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=_turn), last=False)  # of equals the one with most tests
        super()._assign_work_unit(node)


def _turn(scope: str) -> int:
    return next((turn for turn, begin in enumerate(_BEGIN_WITH) if scope.startswith(begin)), len(_BEGIN_WITH))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sides:
    return Sides(config, log)


def pytest_sessionstart() -> None:
    """Whoever runs tests again is rid of what a killed run left."""
    remove_leftovers()


def pytest_collection_finish() -> None:
    """What was imported stays: each test ends with five whole collections, which need not look at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def _postgres_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture
def postgres(_postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    yield _postgres_server
    if not _postgres_server.is_running():
        _postgres_server.start()


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    dsn = postgres.create_database()
    yield dsn
    if postgres.is_running():
        postgres.drop_database(dsn)


@pytest.fixture
def empty_database(postgres: PostgresServer) -> Iterator[str]:
    dsn = postgres.create_database(migrated=False)
    yield dsn
    if postgres.is_running():
        postgres.drop_database(dsn)


@pytest.fixture
def private_broker() -> Iterator[Callable[..., Broker]]:
    made: list[Broker] = []

    def make(limits: BrokerLimits | None = None) -> Broker:
        made.append(Broker(limits))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def broker(private_broker: Callable[..., Broker]) -> Broker:
    return private_broker()


@pytest.fixture
def program() -> Iterator[Callable[..., Program]]:
    made: list[Program] = []

    def start(name: str, *arguments: str, **env: object) -> Program:
        made.append(Program(name, {f"FIRETOWER_{key}": str(value) for key, value in env.items()}, arguments))
        return made[-1]

    yield start
    for one in reversed(made):
        one.close()


@pytest.fixture
async def wire() -> AsyncIterator[Callable[[int], Awaitable[Wire]]]:
    async with AsyncExitStack() as stack:

        async def connect(port: int) -> Wire:
            return await stack.enter_async_context(Wire(port))

        yield connect


@pytest.fixture
def scratch() -> Iterator[Path]:
    folder = scratch_dir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


# asyncpg leaves this behind when an attempt to connect is given up while it asks for TLS; the attempt itself failed.
_GIVEN_UP = "unexpected connection_lost() call"
# asyncpg's pool takes a connection back in a task of its own: when whoever gave it back was cancelled and the pool is
# ended meanwhile, nobody asks what became of it.
_TAKEN_BACK = "coro=<PoolConnectionHolder.release()"
# Playwright leaves the task of a request that it was still asking about when the page was closed.
_CLOSED = "coro=<Page._on_route()"


class _Trap(logging.Handler):
    """Collects what asyncio could only log: exceptions of callbacks and of tasks nobody waited for."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.caught: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if not any(known in text for known in (_GIVEN_UP, _TAKEN_BACK, _CLOSED)):
            self.caught.append(text)


@pytest.fixture(autouse=True)
def _loop_exception_trap() -> Iterator[None]:
    trap = _Trap()
    logging.getLogger("asyncio").addHandler(trap)
    yield
    logging.getLogger("asyncio").removeHandler(trap)
    assert not trap.caught, "\n".join(trap.caught)
