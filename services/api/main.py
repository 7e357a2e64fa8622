"""`firetower api`: rows to people and platforms over HTTP.

Started by the command line. Promises to start and answer /healthz without its database, and to end within seconds of
SIGTERM whatever streams are open.
"""

import asyncio
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from services.api.app import build_app
from services.api.live.feed import Changes
from services.api.live.hub import Hub
from services.api.live.rights import watch_rights
from services.api.map.ground import missing_basemap
from services.api.map.tiles import TileServer
from services.api.people.first_admin import make_first_admin
from services.api.people.known_places import recall_places
from services.api.people.throttle import Throttle
from services.api.registry.import_steps import keep_finishing
from services.api.request.address import TrustedProxy
from services.api.request.database import Database
from services.api.request.door import Door, DoorProtocol
from services.api.request.state import State
from services.api.system.housekeeping import keep_house
from services.core import db, program
from services.core.clock import Clock, SystemClock
from services.core.limits import raise_file_limit
from services.core.listening import listen_on
from services.core.log import logger
from services.core.settings import ApiSettings
from services.core.text import describe_error

log = logger(__name__)
_GRACE_S = 3
_RETRY_S = 0.5
_OTHER_FILES = 200  # database, files of the pages, log


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: it waits for open streams, which we must end first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _welcome(dsn: str, clock: Clock) -> None:
    """Make the first administrator when there is nobody, and print the password once."""
    while True:
        try:
            made = await make_first_admin(dsn)
        except db.AWAY as error:
            db.pass_on_cancel()
            log.debug("database_away", error=describe_error(error))
            await clock.sleep(_RETRY_S)
            continue
        if made is not None:
            sys.stdout.write(
                f"first administrator: {made.username}  password: {made.password}\napi key: {made.api_key}\n"
                "Both are shown this once.\n"
            )
            sys.stdout.flush()
        return


async def serve(settings: ApiSettings, clock: Clock, stopping: asyncio.Event) -> None:
    """Run until `stopping` is set."""
    database = await Database.open(settings.database_url)
    live = await Database.open(settings.database_url)  # the stream waits for no request
    app = build_app()
    state = State(settings, database, clock)
    app.state.firetower = state
    hub = state.of(Hub)
    gc.freeze()  # the application stays; searching it for garbage would delay large answers
    door = Door(settings.trusted_proxies, connections=max(100, raise_file_limit() - _OTHER_FILES))
    server = _Server(
        uvicorn.Config(
            _behind_proxies(app, settings),
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_GRACE_S,
            timeout_keep_alive=30,
            server_header=False,
            lifespan="off",
            http=DoorProtocol.behind(door),
            proxy_headers=False,  # `_behind_proxies` has them
        )
    )
    try:
        handle = listen_on(settings.api_host, settings.api_port, "FIRETOWER_API_HOST, FIRETOWER_API_PORT")
        async with asyncio.TaskGroup() as group:
            changes = group.create_task(Changes(live, hub, clock).run(), name="changes")
            rights = group.create_task(watch_rights(live, hub, clock), name="rights")
            house = group.create_task(keep_house(database, clock), name="housekeeping")
            imports = group.create_task(keep_finishing(database, clock), name="imports")
            places = group.create_task(recall_places(database, state.of(Throttle), clock), name="places")
            announce = group.create_task(_announce(server, settings, state, handle.getsockname()[1]), name="announce")
            serving = group.create_task(server.serve(sockets=[handle]), name="serve")
            stop = group.create_task(stopping.wait(), name="stop")
            await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
            hub.close()
            server.should_exit = True
            await serving
            for task in (announce, changes, rights, house, imports, places, stop):
                task.cancel()
    finally:
        await database.close()
        await live.close()
        state.of(TileServer).close()


def _behind_proxies(app: ASGIApp, settings: ApiSettings) -> ASGIApp:
    """Return the app as the proxies of the settings show it: they name client, scheme, host and prefix."""
    if not settings.trusted_proxies:
        return app
    networks = [str(network) for network in settings.trusted_proxies]
    return TrustedProxy(cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), networks)), settings.trusted_proxies)


async def _announce(server: uvicorn.Server, settings: ApiSettings, state: State, port: int) -> None:
    """Touch the ready file once there is somebody to sign in and requests are taken."""
    await _welcome(settings.database_url, state.clock)
    while not server.started:
        await state.clock.sleep(0.05)
    log.info("ready", host=settings.api_host, port=port)
    if settings.ready_file is not None:
        settings.ready_file.touch()
    if lost := await asyncio.to_thread(missing_basemap, settings.basemap):
        log.warning("basemap_missing", path=lost)


def main(settings: ApiSettings | None = None) -> None:
    """Run from the command line; read the environment unless settings are given. Raises as `program.run`."""
    settings = settings or ApiSettings.read()
    program.run("api", settings, partial(serve, settings, SystemClock()))
