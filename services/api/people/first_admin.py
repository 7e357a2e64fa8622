"""The first administrator and the key of the supervisor. Called by the command line, the supervisor and by main.

Promises: no default password; a secret is returned once and only its hash is stored.
"""

import asyncio
import secrets
from typing import NamedTuple

import asyncpg

from services.api.request.secrets import HASHER, KEY_PREFIX, digest, new_token, password_fits
from services.core import db
from services.core.statements import load_queries

SQL = load_queries(__file__)

ADMIN = "admin"
ADMIN_KEY = "supervisor"


class FirstAdmin(NamedTuple):
    """What is printed once and written to endpoints.json."""

    username: str
    password: str
    api_key: str


async def make_first_admin(dsn: str) -> FirstAdmin | None:
    """Make the first administrator and a key, or return None when there are people already."""
    connection = await db.connect(dsn, program="api.people", statement_timeout_s=10)
    try:
        async with connection.transaction():
            await connection.execute(SQL["lock_people"])
            if await connection.fetchval(SQL["has_people"]):
                return None
            return await _write_admin(connection, "people.first")
    finally:
        await connection.close()


async def still_fits(dsn: str, username: str, password: str) -> bool:
    """Whether this is still the person's password."""
    connection = await db.connect(dsn, program="api.people", statement_timeout_s=10)
    try:
        stored = await connection.fetchval(SQL["password_of"], username)
    finally:
        await connection.close()
    return await password_fits(password, stored)


async def rotate_admin(dsn: str) -> FirstAdmin:
    """Give the administrator a new password and the supervisor's key a new value; the old ones end at once."""
    connection = await db.connect(dsn, program="api.people", statement_timeout_s=10)
    try:
        async with connection.transaction():
            return await _write_admin(connection, "people.rotate")
    finally:
        await connection.close()


async def _write_admin(connection: asyncpg.Connection, action: str) -> FirstAdmin:
    made = FirstAdmin(ADMIN, secrets.token_urlsafe(15), KEY_PREFIX + new_token())
    person = await connection.fetchval(
        SQL["set_admin"],
        made.username,
        HASHER.hash(made.password),
    )
    await connection.execute(SQL["end_sessions"], person)
    await connection.execute(
        SQL["set_key"],
        ADMIN_KEY,
        digest(made.api_key),
        made.api_key[:8],
    )
    await connection.execute(SQL["audit"], action, ADMIN)
    return made


def ensure_admin(dsn: str) -> FirstAdmin | None:
    """`make_first_admin` for callers without a loop: (username, password, api_key) on the first start, else None."""
    return asyncio.run(make_first_admin(dsn))


def rotate(dsn: str) -> FirstAdmin:
    """`rotate_admin` for callers without a loop: the way back in when the first password is lost."""
    return asyncio.run(rotate_admin(dsn))
