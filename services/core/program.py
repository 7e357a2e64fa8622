"""How a program of ours starts and ends: its log and figures, its loop, the two signals, and what is said at the end.

Called by the `main` of each. Promises that SIGTERM and SIGINT let it finish, and that what a person has to mend ends it
with an error of one line, while a fault of our own keeps its traceback.
"""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable

import asyncpg
import uvloop

from services.core.errors import FiretowerError, first_cause
from services.core.log import configure_log
from services.core.metrics import serve_metrics
from services.core.settings import Settings

Work = Callable[[asyncio.Event], Awaitable[None]]
"""What a program does, until the event is set."""

_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedTableError,
)


def run(name: str, settings: Settings, work: Work, *, fast_loop: bool = True) -> None:
    """Run the program `name` until it is told to end, or fails.

    Raises:
        FiretowerError: what a person has to mend, in one line.
        BaseException: the first cause of whatever else ended it.
    """
    configure_log(name, settings.log_level, settings.log_format)
    serve_metrics(settings.metrics_host, settings.metrics_port)
    _collect_rarely()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop if fast_loop else None) as runner:
            runner.run(_until_told(work))
    except BaseExceptionGroup as errors:
        cause = first_cause(errors)
        if isinstance(cause, _REFUSED):
            raise _refusal(cause) from errors
        raise cause from errors
    except _REFUSED as refused:
        raise _refusal(refused) from refused


def _collect_rarely() -> None:
    """Let the collector of reference cycles look at what is new, and hardly ever at everything.

    What these programs keep (states of devices, rows, answers) has hardly a cycle, and while the collector walks
    through all of it nothing else runs: in alerts with 10 000 devices for 130 ms, a fire among what waits.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _refusal(refused: BaseException) -> FiretowerError:
    return FiretowerError(
        f"the database of FIRETOWER_DATABASE_URL refuses: {refused}; is it migrated (firetower migrate)?"
    )


async def _until_told(work: Work) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await work(stopping)
