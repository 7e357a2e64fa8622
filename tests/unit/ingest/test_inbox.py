"""What a lane has received: batches that grow while the writer is busy, fires ahead of other events, exact slots."""

import asyncio
import dataclasses
import time
from contextlib import asynccontextmanager
from datetime import timedelta

import orjson
import pytest
from prometheus_client import REGISTRY

from services.core.clock import SystemClock
from services.core.moment import to_us
from services.core.mqtt import Delivery
from services.core.topics import Channel
from services.ingest import inbox as inbox_module
from services.ingest.decode import decode
from services.ingest.inbox import Inbox
from services.ingest.lane_limits import LaneLimits
from services.ingest.unheld import SENDER_BYTES
from tests.support.hand_clock import START, HandClock
from tests.support.waiting import PATIENCE_S

PROBE = "firetower/ingest/all/event/probe"
TOPIC = "fire/v1/140931100/panel/P1/up/event"
LIMITS = LaneLimits(
    Channel.EVENT, 20, 5, 50, linger_s=0.01, read_pause_s=0.0, ahead_elements=1000, turn_elements=100,
    ahead_in_lines=4000,
)  # fmt: skip
PATIENT = dataclasses.replace(LIMITS, batch_messages=2, linger_s=30.0)


def event(name, kind="fault", *, generation=1, qos=1):
    payload = orjson.dumps({"event_id": name, "ts": 1_764_000_000_000, "type": kind})
    return Delivery(TOPIC, payload, qos, False, False, 1, generation)


def received(batch):
    return [message.received_us for message in batch.messages]


def ids(batch):
    return [one.event_id for message in batch.messages for one in message.events]


@asynccontextmanager
async def opened(limits=LIMITS, clock=None):
    inbox = Inbox("event", limits, PROBE, clock or SystemClock())
    inbox.begin(1)
    decoding = asyncio.create_task(inbox.decode_forever())
    yield inbox
    decoding.cancel()


async def test_a_batch_grows_while_nobody_takes_it_and_stops_at_its_limit():
    async with opened() as inbox:
        for number in range(7):
            inbox.put([event(f"e{number}")])
            await asyncio.sleep(0)
        assert ids(await inbox.take()) == ["e0", "e1", "e2", "e3", "e4"]
        assert ids(await inbox.take()) == ["e5", "e6"]


async def test_a_batch_that_is_not_full_waits_for_more_and_goes_when_it_is():
    async with opened(PATIENT) as inbox:
        taking = asyncio.create_task(inbox.take())
        inbox.put([event("e0")])
        await asyncio.sleep(0.02)
        assert not taking.done()
        inbox.put([event("e1")])
        assert ids(await taking) == ["e0", "e1"]


async def test_lists_count_by_their_elements():
    many = Delivery(TOPIC, orjson.dumps([{"event_id": f"e{n}", "type": "fault", "ts": 1} for n in range(60)]), 1,
                    False, False, 1, 1)  # fmt: skip
    async with opened() as inbox:
        inbox.put([many])
        inbox.put([event("late")])
        assert len(ids(await inbox.take())) == 60


@pytest.mark.parametrize("kind", ["fire", "manual_alarm", "reset", " FIRE "])
async def test_a_fire_overtakes_the_events_that_wait_and_no_other_fire(kind):
    async with opened() as inbox:
        for number in range(12):
            inbox.put([event(f"e{number}")])
        inbox.put([event("first", kind)])
        inbox.put([event("second", "fire")])
        taken = [ids(await inbox.take()) for _ in range(3)]
        assert taken[0][:2] == ["first", "second"]
        assert [name for batch in taken for name in batch] == [
            "first",
            "second",
            *(f"e{number}" for number in range(12)),
        ]


async def test_messages_of_one_read_have_receive_times_of_their_own_in_their_order():
    clock = HandClock()
    async with opened(clock=clock) as inbox:
        inbox.put([event("e0"), event("e1"), event("e2")])
        inbox.put([event("e3")])  # the clock shows the same microsecond still
        await clock.sleep(1)
        inbox.put([event("e4")])
        await inbox.decoded.wait()
        start_us = to_us(START)
        assert received(await inbox.take()) == [*range(start_us, start_us + 4), start_us + 1_000_000]


async def test_a_clock_that_was_set_back_gives_its_own_receive_times():
    clock = HandClock()
    async with opened(clock=clock) as inbox:
        inbox.put([event("e0")])
        await clock.sleep(-3600)
        inbox.put([event("e1")])
        await inbox.decoded.wait()
        assert received(await inbox.take()) == [to_us(START), to_us(START - timedelta(hours=1))]


async def test_urgent_is_what_names_the_type_and_not_what_holds_the_word():
    async with opened() as inbox:
        for number in range(6):
            inbox.put([event(f"fire-manual_alarm-{number}")])
        inbox.put([event("first", "fire")])
        await inbox.decoded.wait()
        assert ids(await inbox.take())[0] == "first"


async def test_what_an_earlier_connection_brought_is_left_to_the_broker():
    async with opened() as inbox:
        for number in range(8):
            inbox.put([event(f"e{number}")])
        batch = await inbox.take()
        inbox.begin(2)
        assert inbox.slots_used == 0
        inbox.put([event("again", generation=2)])
        inbox.settle(batch.deliveries)
        assert inbox.slots_used == 1


async def test_what_a_connection_brings_before_it_is_ready_counts_once():
    async with opened() as inbox:
        inbox.put([event("early", generation=2)])
        await inbox.decoded.wait()
        inbox.begin(2)
        assert inbox.slots_used == 1
        inbox.settle((await inbox.take()).deliveries)
        assert inbox.slots_used == 0


async def test_slots_are_free_after_the_acknowledgement():
    async with opened() as inbox:
        for number in range(3):
            inbox.put([event(f"e{number}")])
        inbox.put([event("unheld", qos=0)])
        batch = await inbox.take()
        assert inbox.slots_used == 3
        inbox.settle(batch.deliveries)
        assert inbox.slots_used == 0


async def test_the_oldest_message_is_the_one_nobody_took():
    async with opened() as inbox:
        assert inbox.oldest_us is None
        inbox.put([event("e0")])
        before = inbox.oldest_us
        inbox.put([event("e1", "fire")])
        assert inbox.oldest_us == before
        await inbox.take()
        assert inbox.oldest_us is None


def dropped():
    return REGISTRY.get_sample_value("firetower_ingest_qos0_dropped_total", {"lane": "event"})


async def test_a_sender_at_qos_0_is_dropped_and_counted_beyond_its_room_and_its_neighbour_is_not():
    before = dropped()
    flood = Delivery(TOPIC, b"x" * 256 * 1024, 0, False, False, 0, 1)
    async with opened() as inbox:
        for _ in range(5000):
            inbox.put([flood])
        kept = 5000 - (dropped() - before)
        assert 1 <= kept * len(flood.payload) <= SENDER_BYTES
        inbox.put([dataclasses.replace(event("fire", "fire", qos=0), topic=TOPIC.replace("P1", "P2"))])
        assert dropped() - before == 5000 - kept
        assert "fire" in ids(await inbox.take())


async def test_what_was_taken_leaves_its_room_at_qos_0():
    async with opened() as inbox:
        for number in range(30):
            inbox.put([event(f"e{number}", qos=0)])
        assert inbox.unheld.total_bytes > 0
        taken = 0
        while taken < 30:
            taken += len((await inbox.take()).messages)
        assert inbox.unheld.total_bytes == 0


async def test_what_came_at_qos_0_outlives_its_connection_because_the_broker_does_not_send_it_again():
    long_list = [{"event_id": f"l{number}", "ts": 1, "type": "fault"} for number in range(250)]
    async with opened() as inbox:
        for number in range(40):  # in the common queue, and beyond the share in a line
            inbox.put([event(f"q{number}", "fire", qos=0), event(f"b{number}", "fire")])
        inbox.put([Delivery(TOPIC.replace("P1", "P2"), orjson.dumps(long_list), 0, False, False, 0, 1)])
        first = ids(await inbox.take())
        inbox.put([event("unread", "fire", qos=0)])
        inbox.begin(2)
        inbox.put([event("again", "fire", generation=2)])
        taken: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            while "again" not in taken or "l249" not in taken:
                taken += ids(await inbox.take())
        ours = [f"q{number}" for number in range(40)]
        assert [name for name in first + taken if name[0] == "q"] == ours
        assert {name for name in first + taken if name[0] == "l"} == {one["event_id"] for one in long_list}
        assert [name for name in taken if name[0] in "bua"] == ["unread", "again"]
        assert inbox.unheld.total_bytes == 0


async def test_a_probe_moves_the_watermark_and_makes_no_row():
    async with opened() as inbox:
        for text in (b"17", b"12", b"x"):
            inbox.put([Delivery(PROBE, text, 1, False, False, 1, 1)])
        batch = await inbox.take()
        assert (batch.watermark_us, batch.messages, len(batch.deliveries)) == (17, [], 3)


async def test_the_age_of_a_message_counts_once_our_own_probe_came_back_at_once():
    def probe(age_s, generation=1):
        sent_us = time.time_ns() // 1000 - age_s * 1_000_000
        return Delivery(PROBE, str(sent_us).encode(), 1, False, False, 1, generation)

    async with opened() as inbox:
        for delivery in (event("first"), probe(0), event("prompt"), probe(60), event("behind us")):
            inbox.put([delivery])
        messages = (await inbox.take()).messages
        assert [message.prompt for message in messages] == [False, True, False]
        inbox.put([probe(0)])
        inbox.put([event("prompt again")])
        assert [message.prompt for message in (await inbox.take()).messages] == [True]
        inbox.begin(2)
        inbox.put([event("after a break", generation=2)])
        assert [message.prompt for message in (await inbox.take()).messages] == [False]


async def test_rejects_to_decode_again_come_behind_what_has_arrived():
    async with opened() as inbox:
        inbox.put([event("e0")])
        inbox.put_again([decode(TOPIC, event("again").payload, 1)])
        assert ids(await inbox.take()) == ["e0", "again"]


async def test_a_closed_inbox_gives_out_what_is_decoded_and_then_nothing():
    async with opened(PATIENT) as inbox:
        inbox.put([event("e0")])
        await inbox.decoded.wait()
        inbox.close()
        assert ids(await inbox.take()) == ["e0"]
        assert await inbox.take() is None


async def test_of_a_closed_inbox_the_rest_is_what_came_at_qos_0_because_the_broker_has_given_it_away():
    long_list = [{"event_id": f"l{number}", "ts": 1, "type": "fault"} for number in range(250)]
    inbox = Inbox("event", LIMITS, PROBE, SystemClock())
    inbox.begin(1)
    decoding = asyncio.create_task(inbox.decode_forever())
    inbox.put([Delivery(TOPIC.replace("P1", "P2"), orjson.dumps(long_list), 0, False, False, 0, 1)])
    for number in range(40):  # in the common queue, and beyond the share in a line
        inbox.put([event(f"q{number}", qos=0), event(f"b{number}")])
    taken = ids(await inbox.take())
    inbox.put([event("unread", qos=0), event("b40")])
    inbox.close()
    await asyncio.wait_for(decoding, PATIENCE_S)
    while (batch := await inbox.take()) is not None:
        taken += ids(batch)
    inbox.put([event("too late", qos=0), event("b41")])
    rest = list(inbox.rest())
    taken += [name for batch in rest for name in ids(batch)]
    ours = [*(f"q{number}" for number in range(40)), "unread", "too late"]
    assert [name for name in taken if name[0] in "qut"] == ours
    assert {name for name in taken if name[0] == "l"} == {one["event_id"] for one in long_list}
    assert not any(one.qos for batch in rest for one in batch.deliveries)
    assert max(len(batch.messages) for batch in rest) == LIMITS.batch_messages
    assert inbox.unheld.total_bytes == 0


class SetBackClock(SystemClock):
    """Set back by an hour once it was read."""

    def __init__(self):
        self.times = 0

    def now(self):
        self.times += 1
        return super().now() - timedelta(hours=min(self.times - 1, 1))


async def test_a_clock_that_was_set_back_makes_no_batch_wait_for_that_time(monkeypatch):
    asked = []

    async def note(event, seconds):
        asked.append(seconds)
        return event.is_set()

    monkeypatch.setattr(inbox_module, "wait_at_most", note)
    async with opened(LIMITS, SetBackClock()) as inbox:
        inbox.put([event("e0")])
        assert ids(await inbox.take()) == ["e0"]
    assert asked
    assert max(asked) <= LIMITS.linger_s
