"""Panels that a person has registered, commands to them and what became of those."""

import asyncio

import orjson

from tests.integration.gateway.dialling import address_of
from tests.support.waiting import PATIENCE_S


async def register(db, number, code, *, area="140931100", profile=None):
    return await db.fetchval(
        """insert into device (code, kind, area, gateway_address, gateway_profile, registered)
           values ($1, 'panel', $2, $3, $4, true) returning id""",
        code,
        area,
        address_of(number).hex(),
        profile,
    )


async def order(db, device, command, **arguments):
    return await db.fetchval(
        """insert into command (device_id, command, arguments, created_by)
           values ($1, $2, $3::text::jsonb, 'test') returning id""",
        device,
        command,
        orjson.dumps(arguments).decode(),
    )


async def ended(db, command, *, timeout_s=PATIENCE_S):
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        row = await db.fetchrow("select state, reply, error, sent_at, replied_at from command where id = $1", command)
        if row["state"] not in {"queued", "sent"}:
            return row
        assert asyncio.get_running_loop().time() < deadline, dict(row)
        await asyncio.sleep(0.05)


def spoiled(data):
    """Return a frame with a wrong checksum."""
    return data[:-3] + bytes((data[-3] ^ 1,)) + data[-2:]
