"""The first administrator and the key of the supervisor. Called by the command line, the supervisor and by main.

Promises: no default password; a secret is returned once and only its hash is stored.
"""

import asyncio
import secrets
from typing import NamedTuple

import asyncpg

from services.api.request.secrets import HASHER, KEY_PREFIX, digest, new_token
from services.core import db

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
            await connection.execute("lock table person in share row exclusive mode")
            if await connection.fetchval("select exists (select from person)"):
                return None
            return await _write_admin(connection, "people.first")
    finally:
        await connection.close()


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
        """insert into person (username, name, password_hash, role, areas)
           values ($1, '管理员', $2, 'administrator', '{*}')
           on conflict (username) do update set password_hash = excluded.password_hash, role = 'administrator',
               areas = '{*}', enabled = true, version = person.version + 1, updated_at = now()
           returning id""",
        made.username,
        HASHER.hash(made.password),
    )
    await connection.execute("delete from web_session where person_id = $1", person)
    await connection.execute(
        """insert into api_key (name, key_hash, hint, role, areas, created_by)
           values ($1, $2, $3, 'administrator', '{*}', 'setup')
           on conflict (name) do update set key_hash = excluded.key_hash, hint = excluded.hint, revoked_at = null,
               role = 'administrator', areas = '{*}', expires_at = null""",
        ADMIN_KEY,
        digest(made.api_key),
        made.api_key[:8],
    )
    await connection.execute("insert into audit (actor, action, target) values ('setup', $1, $2)", action, ADMIN)
    return made


def ensure_admin(dsn: str) -> FirstAdmin | None:
    """`make_first_admin` for callers without a loop: (username, password, api_key) on the first start, else None."""
    return asyncio.run(make_first_admin(dsn))


def rotate(dsn: str) -> FirstAdmin:
    """`rotate_admin` for callers without a loop: the way back in when the first password is lost."""
    return asyncio.run(rotate_admin(dsn))
