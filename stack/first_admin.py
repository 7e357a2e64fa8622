"""The first person and the first machine key of an embedded system, so that somebody can get in.

Called by `stack.up` after the migrations. Promises: made once; the same login on every later start.
"""

import importlib
import importlib.util
import json
from contextlib import suppress
from dataclasses import asdict, dataclass

from services.core.db import AWAY, pass_on_cancel
from stack.state import StateDir


@dataclass(frozen=True)
class Admin:
    """A login and an API key."""

    username: str
    password: str
    api_key: str


NOBODY = Admin("", "", "")
CHANGED = "(changed since the first start; where it is lost: firetower admin --new-password)"


def _has_people() -> bool:
    with suppress(ModuleNotFoundError):
        return importlib.util.find_spec("services.api.people.first_admin") is not None
    return False


async def find_or_make_admin(dsn: str, state: StateDir, *, own_database: bool) -> Admin:
    """The administrator of this state folder, perhaps a new one that has yet to be kept.

    Nobody when the checkout has no API, or when a database that is not ours already has users. In our own
    database a login that was made but never kept (we were killed in between) is made anew.
    """
    if not _has_people():
        return NOBODY
    first_admin = importlib.import_module("services.api.people.first_admin")
    kept = state.kept_secret("admin")
    made = await first_admin.make_first_admin(dsn)
    if made is None and kept:
        return Admin(**json.loads(kept))
    if made is None and own_database:
        made = await first_admin.rotate_admin(dsn)
    if made is None:
        return NOBODY
    return Admin(made.username, made.password, made.api_key)


async def shown_login(dsn: str, admin: Admin) -> tuple[str, str]:
    """Return what is shown of a login at a start: the password only as long as it lets somebody in."""
    if admin == NOBODY:
        return "", ""
    first_admin = importlib.import_module("services.api.people.first_admin")
    try:
        fits = await first_admin.still_fits(dsn, admin.username, admin.password)
    except AWAY:  # the status line says so
        pass_on_cancel()
        fits = True
    return admin.username, admin.password if fits else CHANGED


def keep_admin(state: StateDir, admin: Admin) -> None:
    """Keep a login for every later start. It may be called again with the same one until there is room for it.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(asdict(admin))
    if admin != NOBODY and state.kept_secret("admin") != text:
        state.replace_secret("admin", text)
