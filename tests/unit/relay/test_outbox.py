"""The urgent goes first, a message that the broker would not take never goes, and thousands of these are no trouble."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from services.core.contracts import MAX_PAYLOAD_BYTES, RECEIVED
from services.core.feed import Batch
from services.core.moment import to_us
from services.core.mqtt import OutgoingFull, Session
from services.relay.carrier import Sending
from services.relay.county import County
from services.relay.database import Database
from services.relay.lanes import Lane
from services.relay.outbox import OVERHEAD_BYTES, Outbox
from services.relay.packing import Message, Row
from services.relay.uplink import Uplink
from tests.support.hand_clock import START, HandClock


@dataclass
class Line:
    """A session by hand."""

    connected: bool = True
    largest_packet: int | None = None
    full: bool = False
    sent: list[bytes] = field(default_factory=list)
    marks: list[Any] = field(default_factory=list)
    open: list["asyncio.Future[None]"] = field(default_factory=list)

    def submit(self, _topic: str, payload: bytes, *, marks: Any = ()) -> "asyncio.Future[None]":
        if self.full:
            raise OutgoingFull("full")
        self.marks.append(marks)
        self.sent.append(payload)
        self.open.append(asyncio.get_running_loop().create_future())
        return self.open[-1]


def sending(name: str, lane: Lane, size: int = 10) -> Sending:
    row = Row(1, f"{name}/up/event", (name, name), name.encode() * size)
    return Sending(lane, Message(row.topic, row.element, [row]), {row.key})


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def outbox(line: Line) -> Outbox:
    return Outbox(cast("Session", line), HandClock())


async def test_the_urgent_goes_first_and_nothing_without_a_connection_or_room(line: Line, outbox: Outbox) -> None:
    line.connected = False
    for name, lane in (("r", Lane.READINGS), ("e", Lane.EVENTS), ("f", Lane.FIRES)):
        outbox.post(sending(name, lane, 1))
    assert line.sent == []
    line.connected, line.full = True, True
    outbox.pump()
    assert line.sent == []
    line.full = False
    outbox.pump()
    assert line.sent == [b"f", b"e", b"r"]


@pytest.mark.parametrize(("packet", "most"), [(None, MAX_PAYLOAD_BYTES), (20_000, 20_000 - OVERHEAD_BYTES)])
async def test_what_the_broker_would_not_take_never_goes(
    line: Line, outbox: Outbox, packet: int | None, most: int
) -> None:
    refused: list[int] = []
    outbox.too_large = lambda one: refused.append(len(one.message.payload))
    line.largest_packet = packet
    for size in (most + 1, most):
        outbox.post(sending("f", Lane.FIRES, size))
    assert ([len(one) for one in line.sent], refused) == ([most], [most + 1])


async def test_thousands_that_are_too_large_come_back_smaller(line: Line, outbox: Outbox) -> None:
    line.largest_packet = OVERHEAD_BYTES + 5

    def smaller(one: Sending) -> None:
        one.message = one.message._replace(payload=b"small")
        outbox.post(one)

    outbox.too_large = smaller
    line.connected = False
    for _ in range(3000):
        outbox.post(sending("f", Lane.FIRES))
    line.connected = True
    outbox.pump()
    assert line.sent == [b"small"] * 3000


async def test_where_the_broker_takes_no_row_all_wait_for_one_that_does(line: Line, outbox: Outbox) -> None:
    nothing = cast("Any", None)
    uplink = Uplink(cast("Database", nothing), (), outbox, cast("County", nothing), HandClock())
    batch = Batch(1, "all/event", 1, START, START, START, {"events": 2}, 0)
    rows = [
        Row(1, "fire/v1/140931100/panel/p/up/event", ("p", name), b'{"event_id":"%s"}' % name) for name in (b"a", b"b")
    ]
    line.largest_packet = OVERHEAD_BYTES + 10
    uplink.carrier.add(Lane.FIRES, [batch], rows)
    uplink.reconnected()
    assert (line.sent, uplink.carrier.finished(Lane.FIRES)) == ([], [])
    line.largest_packet = None
    uplink.reconnected()
    assert line.sent == [b'[{"event_id":"a"},{"event_id":"b"}]']


async def test_a_row_goes_up_smaller_where_that_is_what_the_broker_takes(line: Line, outbox: Outbox) -> None:
    nothing = cast("Any", None)
    uplink = Uplink(cast("Database", nothing), (), outbox, cast("County", nothing), HandClock())
    batch = Batch(1, "all/event", 1, START, START, START, {"events": 1}, 0)
    element = b'{"event_id":"a","type":"fire","note":"%s"}' % (b"x" * 3000)
    line.largest_packet = OVERHEAD_BYTES + 2000
    row = Row(1, "fire/v1/140931100/panel/p/up/event", ("p", "a"), element)
    uplink.carrier.add(Lane.FIRES, [batch], [row])
    assert line.sent == [b'{"event_id":"a","type":"fire","reduced_from_bytes":%d}' % len(element)]
    uplink.carrier.carried(("p", "a"))
    assert uplink.carrier.finished(Lane.FIRES) == [batch]


@pytest.mark.parametrize("days", [20, 26])
@pytest.mark.parametrize("lane", [Lane.READINGS, Lane.EVENTS])
@pytest.mark.parametrize("count", [1, 2])
async def test_rows_that_grow_old_while_the_line_is_away_say_when_they_were_received(
    line: Line, outbox: Outbox, days: int, lane: Lane, count: int
) -> None:
    clock, nothing = HandClock(), cast("Any", None)
    uplink = Uplink(cast("Database", nothing), (), outbox, cast("County", nothing), clock)
    at_us = to_us(clock.now())
    rows = [Row(1, "fire/v1/140931100/panel/p/up", n, b"%d" % n, None, at_us + n, at_us + 10 + n) for n in range(count)]
    line.connected = False
    uplink.carrier.add(lane, [Batch(1, "all/x", 1, START, START, START, {"events": count}, 0)], rows)
    await clock.sleep(days * 86_400)
    line.connected = True
    uplink.reconnected()
    if days < 26:
        assert (len(line.sent), line.marks) == (1, [()])
    else:
        assert line.sent == [row.element for row in rows], "each alone: the moment is of the message"
        assert line.marks == [((RECEIVED, str(at_us + 10 + n)),) for n in range(count)]
    for row in rows:
        uplink.carrier.carried(row.key)
    assert [one.number for one in uplink.carrier.finished(lane)] == [1]


async def test_a_row_that_was_sent_before_it_grew_old_says_so_when_it_goes_again(line: Line, outbox: Outbox) -> None:
    clock, nothing = HandClock(), cast("Any", None)
    uplink = Uplink(cast("Database", nothing), (), outbox, cast("County", nothing), clock)
    row = Row(1, "fire/v1/140931100/panel/p/up/event", "a", b"a", None, to_us(clock.now()), 7)
    uplink.carrier.add(Lane.EVENTS, [Batch(1, "all/event", 1, START, START, START, {"events": 1}, 0)], [row])
    line.open[0].set_result(None)
    await clock.sleep(26 * 86_400)
    uplink.reconnected()
    assert (line.sent, line.marks) == ([b"a", b"a"], [(), ((RECEIVED, "7"),)])
