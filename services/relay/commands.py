"""Commands of the county for the township's devices: each becomes a row of `command`, sent as any other.

Called by main with what comes on `down/command`. Promises that the county's broker keeps a command until it is a row
here, and that it may be carried out for as long as the county said and no longer. A device's reply is an event, goes up
like all events, and closes the county's row by the id that it names; what became of a command without an event is
reported.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.core.clock import Clock
from services.core.contracts import Command
from services.core.log import logger
from services.core.mqtt import Delivery, Session
from services.core.statements import load_queries
from services.core.text import describe_error
from services.core.topics import parse_topic
from services.relay.county import County
from services.relay.database import Database

log = logger(__name__)
SQL = load_queries(__file__)
REPORT_EVERY_S = 1.0
NO_CONTENT = 204
REFUSED = frozenset({400, 413, 422})


class Commands:
    """The way down."""

    def __init__(self, database: Database, session: Session, county: County, clock: Clock) -> None:
        self._database, self._session, self._county, self._clock = database, session, county, clock
        self._reported: set[UUID] = set()
        self._waiting: asyncio.Queue[tuple[Delivery, datetime | None]] = (
            asyncio.Queue()
        )  # bounded by the session's Receive Maximum

    def delivered(self, delivery: Delivery) -> None:
        """Take a command; it is acknowledged once it is stored."""
        left_s = delivery.left_s
        self._waiting.put_nowait((delivery, None if left_s is None else self._clock.now() + timedelta(seconds=left_s)))

    async def run(self) -> None:
        """Store commands without end."""
        while True:
            delivery, answer_by = await self._waiting.get()
            await self._take(delivery, answer_by)
            self._session.ack([delivery])

    async def _take(self, delivery: Delivery, answer_by: datetime | None) -> None:
        topic = parse_topic(delivery.topic)
        try:
            command = Command.model_validate_json(delivery.payload)
            command_id = UUID(command.id)
        except (ValidationError, ValueError) as error:
            log.warning("command_unreadable", topic=delivery.topic, error=describe_error(error))
            return
        if topic is None:
            return
        arguments = dict(command.model_extra or {})
        if command.timeout_min is not None:
            arguments["timeout_min"] = command.timeout_min
        async with self._database.writing() as conn:
            row = await conn.fetchrow(SQL["take"], command_id, topic.device, command.command, arguments, answer_by)
        if row is not None and not row["known"]:
            log.warning("command_for_nobody", device=topic.device, command_id=command.id)
        else:
            log.info("command_taken", device=topic.device, command_id=command.id, command=command.command)

    async def report(self) -> None:
        """Tell the county what became of its commands, without end; it takes each once."""
        while True:
            rows = await self._database.reads.fetch(SQL["answered"], list(self._reported))
            if rows:
                await self.tell([dict(row) for row in rows])
            await self._clock.sleep(REPORT_EVERY_S)

    async def tell(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Report these; one that the county cannot read is left out, and holds up no other."""
        status, _ = await self._county.send("/api/v1/relay/commands", {"replies": list(rows)})
        if status in REFUSED and len(rows) > 1:
            middle = len(rows) // 2
            await self.tell(rows[:middle])
            await self.tell(rows[middle:])
            return
        if status in REFUSED:
            log.error("reply_refused", command_id=str(rows[0]["id"]), status=status)
        if status == NO_CONTENT or status in REFUSED:
            self._reported |= {row["id"] for row in rows}
