"""Checks the rights behind every open stream again and again: a request is checked once, but a stream stays open.

One task of main. Promises that a stream ends within 5 s after its key or session has become invalid, or after role or
areas changed. While the database is away no stream is ended, and nothing is sent either.
"""

from services.api.live.hub import Hub
from services.api.request.auth import find_keys, find_sessions
from services.api.request.database import Reads
from services.core import db
from services.core.clock import Clock
from services.core.log import logger
from services.core.text import describe_error

log = logger(__name__)
EVERY_S = 2.0


async def end_stale(reads: Reads, hub: Hub, clock: Clock) -> None:
    """End the streams whose caller may no longer see what the stream tells."""
    clients, now = hub.clients, clock.now()
    sessions = {client.who.session for client in clients if client.who.session is not None}
    keys = {client.who.key for client in clients if client.who.key is not None}
    known = await find_sessions(reads, sorted(sessions), now) if sessions else {}
    known |= await find_keys(reads, sorted(keys), now) if keys else {}
    for client in clients:
        credential = client.who.session or client.who.key
        who = None if credential is None else known.get(credential)
        if who is None or (who.role, who.scope) != (client.who.role, client.who.scope):
            client.close()


async def watch_rights(reads: Reads, hub: Hub, clock: Clock) -> None:
    """Look again and again."""
    while True:
        try:
            await end_stale(reads, hub, clock)
        except db.AWAY as error:
            db.pass_on_cancel()
            log.warning("rights_unread", error=describe_error(error))
        await clock.sleep(EVERY_S)
