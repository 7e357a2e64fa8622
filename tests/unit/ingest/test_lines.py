"""Lines that reach into the spool: nothing is lost, doubled or swapped, whatever fails or reconnects on the way."""

import asyncio
import itertools

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.mqtt import Delivery
from services.ingest.decode import decode
from services.ingest.lines import BLOCK_BYTES, BLOCK_MESSAGES, Lines
from services.ingest.turns import Item, Kept, Shares, cut
from tests.unit.ingest.test_inbox import LIMITS, ids, opened

ALL = (0, 0)  # what may stay unread


def topic(sender):
    return f"fire/v1/140931100/panel/{sender}/up/event"


def told(sender, name, kind="fault", *, padding=0, generation=1):
    body = {"event_id": name, "ts": 1_764_000_000_000, "type": kind, "description": "x" * padding}
    return Delivery(topic(sender), orjson.dumps(body), 1, False, False, 1, generation)


class Table:
    """What the spool would hold."""

    def __init__(self, lines):
        self.lines = lines
        self.blocks = {}
        self._numbers = itertools.count(1)

    def put(self, messages=0, size=0):
        blocks = self.lines.overflow(messages, size, lambda: next(self._numbers))
        self.blocks |= {block.number: block for block in blocks}
        return blocks

    def fetch(self, most=16):
        for number, sender in self.lines.wanted(most).items():
            found = self.blocks[number].messages
            kept = [Kept(one.topic, one.payload, one.retain, at_us, block=number) for one, at_us in found]
            self.lines.fetched(sender, number, kept)


def read_one(lines):
    found = lines.next_unread()
    if found is None:
        return False
    sender, message, received_us = found
    delivery = None if isinstance(message, Kept) else message
    block = message.block if delivery is None else None
    item = Item(sender, delivery, decode(message.topic, message.payload, received_us), received_us, block=block)
    lines.was_read(sender, cut(item))
    return True


def opened_lines(ahead=10**6):
    lines = Lines(Shares(), ahead)
    return lines, Table(lines)


def one_id(delivery):
    return orjson.loads(delivery.payload)["event_id"]


def names(items):
    return [event.event_id for item in items for event in item.message.events]


def test_what_was_spooled_keeps_its_place_between_what_was_decoded_and_what_came_later():
    lines, table = opened_lines()
    for number in range(10):
        lines.add("A", told("A", f"a{number}"), number)
    read_one(lines)
    assert [len(block.messages) for block in table.put()] == [9]
    lines.add("A", told("A", "a10"), 10)
    assert not read_one(lines), "the newest stands behind the spool"
    table.fetch()
    while read_one(lines):
        pass
    items = list(lines.turn(1000))
    assert names(items) == [f"a{number}" for number in range(11)]
    assert [item.received_us for item in items] == list(range(11))
    assert [item.block for item in items] == [None] * 9 + [1, None]
    assert "A" not in lines


def test_a_block_is_over_when_all_of_it_is_taken_though_a_fire_overtakes_the_rest():
    lines, table = opened_lines()
    for number in range(9):
        lines.add("A", told("A", f"a{number}"), number)
    lines.add("A", told("A", "fire", "fire"), 9)
    table.put()
    table.fetch()
    while read_one(lines):
        pass
    items = list(lines.turn(1000))
    assert names(items) == ["fire", *(f"a{number}" for number in range(9))]
    assert [item.block for item in items] == [None] * 9 + [1]


def test_a_block_is_over_when_all_parts_of_its_long_list_are_taken():
    lines, table = opened_lines()
    body = [{"event_id": f"a{n}", "ts": 1, "type": "fire" if n == 349 else "fault"} for n in range(350)]
    lines.add("A", Delivery(topic("A"), orjson.dumps(body), 1, False, False, 1, 1), 1)
    table.put()
    table.fetch()
    read_one(lines)
    items = list(lines.turn(1000))
    assert sorted(names(items)) == sorted(f"a{n}" for n in range(350))
    assert [item.block for item in items] == [None, None, None, 1]


def test_the_longest_line_is_spooled_and_a_short_one_is_left():
    lines, table = opened_lines()
    for number in range(1000):
        lines.add("LONG", told("LONG", f"l{number}"), 1)
    lines.add("SHORT", told("SHORT", "s"), 1)
    blocks = table.put(messages=500, size=10**9)
    assert {block.sender for block in blocks} == {"LONG"}
    assert lines.unread_messages == 401
    assert all(len(block.messages) <= BLOCK_MESSAGES for block in blocks)


def test_blocks_end_at_their_bytes_and_one_message_may_be_larger():
    lines, table = opened_lines()
    for number in range(4):
        lines.add("A", told("A", f"a{number}", padding=BLOCK_BYTES // 3), 1)
    lines.add("A", told("A", "large", padding=3 * BLOCK_BYTES), 1)
    assert [len(block.messages) for block in table.put()] == [2, 2, 1]
    assert (lines.unread_messages, lines.unread_bytes) == (0, 0)


def test_a_topic_longer_than_any_of_ours_counts_as_payload_does():
    lines, table = opened_lines()
    where = topic("A").replace("140931100", "1" * BLOCK_BYTES)
    for _ in range(3):
        lines.add("A", Delivery(where, b"", 1, False, False, 1, 1), 1)
    assert lines.unread_bytes > 2.9 * BLOCK_BYTES
    assert [len(block.messages) for block in table.put()] == [1, 1, 1]
    assert lines.unread_bytes == 0


def test_what_could_not_be_spooled_stands_where_it_was_save_what_the_broker_sends_again():
    lines, table = opened_lines()
    for number in range(300):
        lines.add("A", told("A", f"a{number}", generation=1 if number < 5 else 2), 1)
    for block in reversed(table.put()):
        lines.restore(block, 2)
    lines.add("A", told("A", "last", generation=2), 1)
    while read_one(lines):
        pass
    assert names(lines.turn(1000)) == [*(f"a{number}" for number in range(5, 300)), "last"]


def test_a_block_whose_row_is_gone_holds_nobody_up():
    lines, table = opened_lines()
    for number in range(3):
        lines.add("A", told("A", f"a{number}"), 1)
    (block,) = table.put()
    lines.add("A", told("A", "last"), 1)
    lines.fetched("A", block.number, ())
    while read_one(lines):
        pass
    assert names(lines.turn(1000)) == ["last"]
    assert "A" not in lines


async def test_what_is_spooled_outlives_a_connection_and_is_acknowledged_once():
    async with opened() as inbox:
        table = Table(inbox.lines)
        sent = [told("A", f"a{number}", padding=20_000) for number in range(60)]
        for delivery in sent[:50]:
            inbox.put([delivery])
        spooled = [delivery for block in table.put(messages=10, size=10**9) for delivery, _ in block.messages]
        inbox.settle_spooled(spooled)
        assert inbox.slots_used == 50 - len(spooled)
        inbox.begin(2)
        for delivery in sent:
            if delivery not in spooled:
                delivery.generation = 2
                inbox.put([delivery])
        found, finished = [], []
        while len(found) < 60:
            table.fetch()
            inbox.look_at_lines()
            batch = await asyncio.wait_for(inbox.take(), 5)
            found += ids(batch)
            finished += batch.finished
            inbox.settle(batch.deliveries)
        assert sorted(found) == sorted(f"a{number}" for number in range(60))
        assert finished == sorted(table.blocks)
        assert inbox.slots_used == 0
        assert "A" not in inbox.lines


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from("ABC"), st.integers(1, 30)),
        st.tuples(st.just("read"), st.integers(1, 20)),
        st.tuples(st.just("turn"), st.integers(1, 20)),
        st.tuples(st.just("spool"), st.integers(0, 20)),
        st.tuples(st.just("fail"), st.integers(0, 20)),
        st.tuples(st.just("fetch"), st.integers(1, 3)),
    ),
    max_size=60,
)


class Scene:
    """Lines, their table, and what was sent and taken."""

    def __init__(self):
        self.lines, self.table = opened_lines(ahead=LIMITS.turn_elements)
        self.sent, self.found, self.finished = {}, {}, []

    def send(self, sender, count):
        for _ in range(count):
            name = f"{sender}{len(self.sent.setdefault(sender, []))}"
            self.sent[sender].append(name)
            self.lines.add(sender, told(sender, name, "fault" if len(self.sent[sender]) % 5 else "fire"), 1)

    @staticmethod
    def place(name):
        return int(name[1:])

    def read(self, count):
        for _ in range(count):
            read_one(self.lines)

    def turn(self, most):
        for item in self.lines.turn(most):
            found = self.found.setdefault(item.sender, [])
            found.extend(names([item]))
            if item.block is not None:
                self.finished.append(item.block)
                assert {one_id(one) for one, _ in self.table.blocks[item.block].messages} <= set(found)

    def spool(self, down_to):
        self.table.put(messages=down_to)

    def fail(self, down_to):
        for block in reversed(self.table.put(messages=down_to)):
            del self.table.blocks[block.number]
            self.lines.restore(block, 1)

    def fetch(self, most):
        self.table.fetch(most)

    def drain(self):
        while any(sender in self.lines for sender in "ABC"):
            self.fetch(16)
            self.read(100)
            self.turn(1000)


@given(steps=STEPS)
@settings(max_examples=200, deadline=None)
def test_everything_comes_out_once_and_in_order_whatever_is_spooled_when(steps):
    scene = Scene()
    for kind, *what in steps:
        getattr(scene, kind)(*what)
    scene.drain()
    assert {sender: sorted(found, key=scene.place) for sender, found in scene.found.items()} == scene.sent
    for found in scene.found.values():
        for fires in (True, False):  # each in its order: fires overtake the rest
            places = [scene.place(name) for name in found if (scene.place(name) % 5 == 4) is fires]
            assert places == sorted(places)
    assert sorted(scene.finished) == sorted(scene.table.blocks)
    assert (scene.lines.ready, scene.lines.unread_messages, scene.lines.unread_bytes) == (0, 0, 0)
