"""Whose X-Forwarded-For is believed: nobody's, unless a proxy is named."""

from collections.abc import Callable

import asyncpg
import httpx2
import pytest

from services.api.people.first_admin import FirstAdmin
from stack.children import free_port
from tests.support.servers import Program
from tests.support.waiting import PATIENCE_S


@pytest.mark.parametrize(
    ("trusted", "sent", "address"),
    [
        ({}, "203.0.113.9", "127.0.0.1"),
        ({"TRUSTED_PROXIES": "10.0.0.0/8"}, "203.0.113.9", "127.0.0.1"),
        ({"TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8"}, "198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
    ],
    ids=["nobody named", "another one named", "named"],
)
async def test_the_audit_keeps_the_true_address(
    *,
    program: Callable[..., Program],
    database: str,
    admin: FirstAdmin,
    connection: asyncpg.Connection,
    trusted: dict[str, str],
    sent: str,
    address: str,
) -> None:
    port = free_port()
    program("api", DATABASE_URL=database, API_PORT=port, **trusted).wait_ready()
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S, trust_env=False) as client:
        body = {"username": admin.username, "password": admin.password}
        answer = await client.post("/api/v1/session", json=body, headers={"X-Forwarded-For": sent})
        assert answer.status_code == 200, answer.text
    detail = await connection.fetchval("select detail from audit where action = 'session.start'")
    assert detail == {"address": address}
