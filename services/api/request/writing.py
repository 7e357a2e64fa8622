"""One transaction per write: idempotency, the change and its audit row, all or nothing. Used by every unsafe route.

Promises: the answer to a repeated Idempotency-Key is the first answer, and the change happened once.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, Header, Request
from pydantic import StringConstraints
from starlette.responses import Response

from services.api.request.auth import Allowed
from services.api.request.problems import Problem
from services.api.request.roles import Permission, Who
from services.api.request.state import Here, State
from services.core.log import logger
from services.core.statements import load_queries
from services.core.text import describe_error

SQL = load_queries(__file__)
DEADLOCKS = 2  # after so many of one write it is the caller's turn to try again
log = logger(__name__)

_KEPT_HEADERS = ("etag", "location", "content-type")
IdempotencyKey = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,200}$")] | None,
    Header(alias="Idempotency-Key", description="a repeated key gets the first answer again, for 24 h"),
]


@dataclass(frozen=True, slots=True)
class Write:
    """An open transaction, and who changes what in it."""

    connection: asyncpg.Connection
    who: Who
    now: datetime

    async def record(self, action: str, target: object, /, **detail: Any) -> None:
        """Add the audit row of the change."""
        await self.connection.execute(
            SQL["audit"],
            self.now,
            self.who.actor,
            action,
            str(target),
            detail,
        )


Work = Callable[[Write], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Writer:
    """Lets a route write: `perform` runs its work in one transaction."""

    who: Who
    state: State
    request: Request
    key: str | None

    async def perform(self, work: Work, *, secret: bool = False) -> Response:
        """Run `work` once and return its answer; a `secret` one is not kept for repeats.

        What the database undid to end a deadlock with another program is done again: nobody need press twice.
        """
        for _ in range(DEADLOCKS):
            try:
                return await self._perform(work, secret=secret)
            except asyncpg.DeadlockDetectedError as error:
                log.warning("deadlock", error=describe_error(error))
        return await self._perform(work, secret=secret)

    async def _perform(self, work: Work, *, secret: bool) -> Response:
        request = b"" if self.key is None else await self._digest()
        async with self.state.database.writing() as connection:
            write = Write(connection, self.who, self.state.clock.now())
            if self.key is None:
                return await work(write)
            fresh = await connection.fetchval(
                SQL["use_key"],
                self.who.actor,
                self.key,
                request,
                write.now,
            )
            if not fresh:
                return await self._repeat(connection, request)
            response = await work(write)
            await connection.execute(
                SQL["keep_answer"],
                self.who.actor,
                self.key,
                response.status_code,
                {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers},
                None if secret else bytes(response.body),
            )
            return response

    @asynccontextmanager
    async def taking_back(self) -> AsyncIterator[Write]:
        """Undo what was written before an effect outside the database that failed: its key may be used again."""
        async with self.state.database.writing() as connection:
            await connection.execute(SQL["forget"], self.who.actor, self.key)
            yield Write(connection, self.who, self.state.clock.now())

    async def _digest(self) -> bytes:
        url = self.request.url
        head = f"{self.request.method} {url.path}?{url.query} {self.request.headers.get('if-match', '')}\n"
        return hashlib.sha256(head.encode("utf-8", "replace") + await self.request.body()).digest()

    async def _repeat(self, connection: asyncpg.Connection, request: bytes) -> Response:
        row = await connection.fetchrow(
            SQL["first_answer"],
            self.who.actor,
            self.key,
        )
        if row is None or row["request"] != request:
            raise Problem(422, "idempotency_key_reused", "this Idempotency-Key was used for another request")
        if row["body"] is None:
            raise Problem(409, "secret_shown_once", "done before; the secret was shown once and is not kept")
        return Response(row["body"], row["status"], headers=row["headers"] | {"Idempotency-Replayed": "true"})


def _writer(permission: Permission) -> Any:
    async def writer(
        request: Request, here: Here, who: Annotated[Who, Depends(Allowed(permission))], key: IdempotencyKey = None
    ) -> Writer:
        return Writer(who, here, request, key)

    return Depends(writer)


Actor = Annotated[Writer, _writer(Permission.ACT)]
Operator = Annotated[Writer, _writer(Permission.OPERATE)]
Maintainer = Annotated[Writer, _writer(Permission.MAINTAIN)]
AdministratorWriter = Annotated[Writer, _writer(Permission.ADMINISTER)]
