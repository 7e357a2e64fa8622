"""Who leaves first: fires before the rest, registered panels before strangers, few of whom are on their way at once."""

import asyncio

import orjson
import pytest

from services.core.mqtt import Delivery, OutgoingFull
from services.gateway.publish import DOUBT_S, RESEND_FIRST_S, Publisher
from services.gateway.records import Message, Record
from tests.support.hand_clock import HandClock

TOPIC = "fire/v1/140931/panel/p/up/event"


class Line:
    """Stands for the session: keeps what is handed over and answers when told."""

    connected = True
    outgoing = 0

    def __init__(self):
        self.sent = []
        self.full = False
        self._futures = []

    def submit(self, topic, payload, *, retain=False):
        if self.full:
            raise OutgoingFull("full")
        self.sent.append(payload.decode())
        self._futures.append(asyncio.get_running_loop().create_future())
        return self._futures[-1]

    async def answer(self):
        """The broker has all of it."""
        for future in self._futures:
            if not future.done():
                future.set_result(None)
        await asyncio.sleep(0)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def publisher(line, clock):
    return Publisher(line, clock, on_stored=lambda _: None, on_settled=lambda _: None, strangers_published=2)


def record(number, *, urgent=True, stranger=False):
    name = f"{'s' if stranger else 'r'}{number}"
    messages = [Message(TOPIC, name.encode(), (name,))]
    return Record(number, bytes(6), bytes(16), urgent=urgent, stranger=stranger, messages=messages)


def stored(publisher, *names):
    body = orjson.dumps({"event_ids": names})
    publisher.acknowledged(Delivery(TOPIC.replace("up/event", "down/ack"), body, 1, False, False, 1, 0))


async def test_few_strangers_are_on_their_way_and_registered_panels_overtake_the_rest(publisher, line):
    for number in range(5):
        publisher.add(record(number, stranger=True))
    assert line.sent == ["s0", "s1"]
    publisher.add(record(10))
    publisher.add(record(11, urgent=False))
    assert line.sent == ["s0", "s1", "r10", "r11"]
    assert publisher.open_of_strangers == 5
    await line.answer()
    stored(publisher, "s0")
    publisher.pump()
    assert line.sent[4:] == ["s2"]
    assert publisher.open_of_strangers == 4


async def test_what_is_sent_again_never_waits_behind_those_that_wait_for_it(publisher, line, clock):
    for number in range(5):
        publisher.add(record(number, stranger=True))
    await line.answer()  # and then the broker loses them
    await clock.sleep(RESEND_FIRST_S + 1)
    publisher.tick()
    assert sorted(line.sent[2:]) == ["s0", "s1"]
    await line.answer()
    stored(publisher, "s0", "s1")
    publisher.pump()
    assert line.sent[4:] == ["s2", "s3"]


async def test_a_session_that_takes_no_more_is_asked_again(publisher, line):
    line.full = True
    publisher.add(record(1))
    assert line.sent == []
    line.full = False
    publisher.tick()
    assert line.sent == ["r1"]


async def test_a_record_may_be_forgotten_once_all_of_its_readings_are_beyond_doubt(line, clock):
    settled = []
    publisher = Publisher(line, clock, on_stored=lambda _: None, on_settled=settled.append)
    for number in range(2):
        publisher.add(Record(number, bytes(6), bytes(16), messages=[Message(TOPIC, b"{}"), Message(TOPIC, b"{}")]))
    await line.answer()
    publisher.connection_lost()
    publisher.tick()
    await clock.sleep(DOUBT_S + 1)
    publisher.tick()
    assert settled == [], "the broker may have lost them with the connection"
    await line.answer()
    await clock.sleep(DOUBT_S + 1)
    publisher.tick()
    assert [one.id for one in settled] == [0, 1], "each once"


@pytest.mark.parametrize("same", [True, False])
async def test_what_is_ordinary_beside_a_fire_leaves_with_it_but_behind_what_its_panel_said_before(
    publisher, line, same
):
    line.full = True
    publisher.add(record(1, urgent=False))
    messages = [Message(TOPIC, b"fire", ("fire",)), Message(TOPIC, b"fault over", ("over",), beside=True)]
    publisher.add(Record(2, bytes(6) if same else b"panel2", bytes(16), urgent=True, messages=messages))
    publisher.add(record(3))
    line.full = False
    publisher.pump()
    assert line.sent == (["fire", "r3", "r1", "fault over"] if same else ["fire", "fault over", "r3", "r1"])
