"""Recalls at the start who signed in lately from where, so that a restart helps no guesser. One task of main."""

from datetime import timedelta

from services.api.people.throttle import Throttle
from services.api.request.database import Reads
from services.api.request.place import place_of
from services.core import db
from services.core.clock import Clock
from services.core.log import logger
from services.core.statements import load_queries
from services.core.text import describe_error

log = logger(__name__)
LATELY = timedelta(days=90)
_AGAIN_S = 5.0
_QUERIES = load_queries(__file__)


async def recall_places(reads: Reads, throttle: Throttle, clock: Clock) -> None:
    """Teach the throttle what the audit knows; ends once the database could be asked."""
    while True:
        try:
            rows = await reads.rows(_QUERIES["places"], since=clock.now() - LATELY)
        except db.AWAY as error:
            db.pass_on_cancel()
            log.warning("places_unread", error=describe_error(error))
            await clock.sleep(_AGAIN_S)
            continue
        for row in reversed(rows):  # newest last, because the last is forgotten last
            throttle.learn(place_of(row["address"]), row["name"])
        return
