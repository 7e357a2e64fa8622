"""A row that cannot go up as it is holds up no other: too large, it goes up smaller or is set aside; damaged, bare."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import orjson

from services.core import lease
from services.core.clock import SystemClock
from services.relay.aside import Aside
from services.relay.carrier import Sending
from services.relay.database import LEASE, Database
from services.relay.lanes import Lane
from services.relay.packing import Message, Row
from services.relay.reduced import MARK
from tests.integration.relay.conftest import County, Side
from tests.integration.relay.test_rows_go_up import BOTH, CARRIED
from tests.support.broker_fleet import AREA, Rows, event, reading, rows_of, topic
from tests.support.servers import Program
from tests.support.waiting import eventually

OPEN = "select count(*) from set_aside where program = 'relay' and fire and done_at is null"


def in_gb_18030(element: dict[str, object]) -> bytes:
    """Two bytes a character on the wire, three as JSON of ours."""
    return orjson.dumps(element | {"note": "火" * 100_000}).decode().encode("gb18030")


async def test_rows_larger_than_the_broker_takes_go_up_without_their_further_fields(
    township: Side, county: County, relay: Callable[..., Program]
) -> None:
    await township.fleet.send(topic("panel-1", "up/event", "panel"), in_gb_18030(event("e-1", component="1-23")))
    await township.fleet.send(topic("hydrant-1"), in_gb_18030(reading(1, pressure_mpa=0.31)))
    await township.fleet.send(topic("panel-1", "up/event", "panel"), event("e-2", "fault"))
    await township.fleet.send(topic("hydrant-1"), reading(2))
    await township.rows.until(BOTH, equals=[2, 2])
    running = relay()
    await county.rows.until(BOTH, equals=[2, 2])
    await eventually(lambda: township.rows.one(CARRIED), what="cursors at the end")
    digest = "select encode(digest, 'hex') from event where event_id = 'e-1'"
    assert await county.rows.one(digest) == await township.rows.one(digest)
    extra = "select extra from reading_hydrant where seq = 1"
    assert list(await county.rows.one(extra)) == [MARK]
    assert "too_large" in running.log_text()


async def test_damaged_rows_go_up_by_their_plain_columns(
    township: Side, county: County, relay: Callable[..., Program]
) -> None:
    for n in (1, 2):
        await township.fleet.send(topic("panel-1", "up/event", "panel"), event(f"e-{n}", vendor="x"))
        await township.fleet.send(topic("hydrant-1"), reading(n, vendor="x", pressure_mpa=0.31))
    await township.rows.until(BOTH, equals=[2, 2])
    for damage in (
        "update event set extra = '[1]', sent = '5' where event_id = 'e-1'",
        "update reading_hydrant set extra = '\"x\"' where seq = 1",
    ):
        await township.rows.connection.execute(damage)
    running = relay()
    await county.rows.until(BOTH, equals=[2, 2])
    await eventually(lambda: township.rows.one(CARRIED), what="cursors at the end")
    assert await county.rows.one("select type from event where event_id = 'e-1'") == "fire"
    assert running.log_text().count("row_damaged") == 2


@asynccontextmanager
async def aside_of(database: str) -> AsyncIterator[tuple[Aside, Rows]]:
    async with rows_of(database) as rows:
        opened = await Database.open(database, uuid4())
        await lease.take(rows.connection, LEASE, opened.owner)
        aside = Aside(opened, SystemClock())
        running = asyncio.create_task(aside.run())
        yield aside, rows
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await opened.reads.close()
        await opened.writes.close()


async def test_what_has_no_form_that_fits_is_shown_before_it_counts_and_goes_when_a_person_asks(database: str) -> None:
    row = Row(1, topic("panel-1", "up/event", "panel"), ("panel-1", "e-1"), b'{"event_id":"e-1"}', 7)
    carried: list[Hashable] = []
    again: list[tuple[Lane, Row]] = []
    async with aside_of(database) as (aside, rows):
        aside.carried, aside.again = carried.append, lambda lane, one: again.append((lane, one))
        aside.take(Sending(Lane.FIRES, Message(row.topic, row.element, [row]), {row.key}), 10)
        await eventually(lambda: carried == [row.key], what="it counts as carried")
        shown = await rows.all("select name, area, error from set_aside")
        assert [tuple(one)[:2] for one in shown] == [("panel-1 e-1", AREA)]
        assert "max_packet_size" in shown[0]["error"]
        await rows.connection.execute("update set_aside set retry_requested_at = now()")
        await eventually(lambda: again == [(Lane.FIRES, row._replace(batch_id=0))], what="it is sent again")
        assert await rows.one(OPEN) == 1
        aside.note_carried(row.key)
        await rows.until(OPEN, equals=0)
