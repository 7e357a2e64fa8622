"""Whether a name and a password belong together, at the pace that the throttle allows. Used by signing in and signing.

Promises that a try counts before it is judged, so that tries at the same moment do not slip through.
"""

from services.api.people.throttle import Throttle
from services.api.request import secrets
from services.api.request.database import Row
from services.api.request.place import place_of
from services.api.request.problems import Problem
from services.api.request.state import State
from services.core.log import logger
from services.core.statements import load_queries

SQL = load_queries(__file__)
log = logger(__name__)


async def person_of(here: State, name: str, password: str, address: str) -> Row | None:
    """Return the row of the person whose name and password these are, None: they are nobody's.

    `name` is folded as names are stored; `address` is where the caller sits.

    Raises:
        Problem: 429, too many tries.
    """
    place = place_of(address)
    async with here.rooms.tries.one_of(here.of(Throttle).lane_of(place, name)):
        wait_s = here.of(Throttle).wait_s(here.clock.monotonic(), place, name)
        if wait_s > 0:
            seconds = str(int(wait_s) + 1)
            raise Problem(429, "too_many_tries", f"try again in {seconds} s", headers={"Retry-After": seconds})
        async with here.database.writing() as connection:
            # nobody has a NUL in the name; taken out, one name could be guessed at under any number of spellings
            row = None if "\x00" in name else await connection.fetchrow(SQL["find_person"], name)
        here.of(Throttle).failed(here.clock.monotonic(), place, name)
        if not await secrets.password_fits(password, None if row is None else row["password_hash"]) or row is None:
            log.warning("login_failed", address=address)
            return None
        here.of(Throttle).passed(place, name)
        here.of(Throttle).learn(place, name)
        return dict(row)
