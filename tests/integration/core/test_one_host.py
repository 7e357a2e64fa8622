"""An address of one host is connected to whatever libpq's usual choices stand in it."""

import pytest

from services.core import db

LIBPQ = "connect_timeout=5&keepalives=1&keepalives_idle=5&gssencmode=prefer&channel_binding=prefer"


@pytest.fixture(
    params=["target_session_attrs=read-write", "target_session_attrs=primary", f"{LIBPQ}&load_balance_hosts=disable"]
)
def dsn(request, database):
    return f"{database}{'&' if '?' in database else '?'}{request.param}"


async def test_who_only_reads_gets_sessions_of_a_single_primary(dsn):
    pool = await db.create_pool(dsn, program="test", reader=True)
    try:
        assert await pool.fetchval("show default_transaction_read_only") == "on"
    finally:
        await pool.close()


async def test_who_writes_gets_sessions_of_a_single_primary(dsn):
    connection = await db.connect(dsn, program="test", writer=True)
    try:
        assert await connection.fetchval("select not pg_is_in_recovery()")
    finally:
        await connection.close()
