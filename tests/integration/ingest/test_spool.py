"""The spool's table: fenced, in order, never under two numbers, taken over by whoever comes next."""

import uuid

import pytest

from services.core.contracts import RECEIVED
from services.core.errors import Fenced
from services.core.mqtt import Delivery
from services.ingest import lease
from services.ingest.lines import Block
from services.ingest.spool import Spool
from services.ingest.turns import Kept

TOPIC = "fire/v1/140931100/panel/P1/up/event"


def block(number, *payloads, sender="P1"):
    return Block(
        number, sender, [(Delivery(TOPIC, one, 1, False, False, 1, 1), 17 + n) for n, one in enumerate(payloads)]
    )


async def opened(connection, writer="all/event", *, taken=True, kind=Spool):
    owner = str(uuid.uuid4())
    if taken:
        await connection.execute("update lease set expires_at = clock_timestamp() - interval '1 hour'")
        await lease.take(connection, f"ingest:{writer}", owner)
    return kind(writer=writer, lease=f"ingest:{writer}", owner=owner)


async def test_what_is_put_comes_back_as_it_was_and_the_next_owner_finds_it_in_order(rows):
    first = await opened(rows.connection)
    assert await first.begin(rows.connection) == []
    numbers = [first.next_number() for _ in range(3)]
    await first.put(rows.connection, [block(numbers[0], b"a", b"\x00\xff"), block(numbers[1], b"", sender="P2")])
    await first.put(rows.connection, [block(numbers[2], b"c")])
    assert first.bytes == 4
    second = await opened(rows.connection)
    assert await second.begin(rows.connection) == [(1, "P1"), (2, "P2"), (3, "P1")]
    assert (second.bytes, second.next_number()) == (4, 4)
    assert await second.fetch(rows.connection, [1, 2, 99]) == {
        1: [Kept(TOPIC, b"a", False, 17, block=1), Kept(TOPIC, b"\x00\xff", False, 18, block=1)],
        2: [Kept(TOPIC, b"", False, 17, block=2)],
    }
    second.forget([1])
    assert second.bytes == 1


async def test_when_a_township_received_what_its_relay_brought_is_kept_too(rows):
    """Without it an event that waited for months got the county's receive time for its own."""
    of_relay = ((RECEIVED, "16"),)
    sent = [Delivery(TOPIC, b"a", 1, False, False, 1, 1, marks) for marks in ((), of_relay, (("other", "x"),))]
    spool = await opened(rows.connection)
    await spool.put(rows.connection, [Block(spool.next_number(), "P1", [(one, 17) for one in sent])])
    await spool.put(rows.connection, [block(spool.next_number(), b"b")])
    found = await spool.fetch(rows.connection, [1, 2])
    assert [kept.marks for kept in found[1]] == [(), of_relay, ()]
    assert [kept.marks for kept in found[2]] == [()]


async def test_a_block_of_a_program_from_before_is_read(rows):
    spool = await opened(rows.connection)
    await rows.connection.execute(
        "insert into spool (writer, number, sender, topics, payloads, retained, received_us, bytes)"
        " values ('all/event', 1, 'P1', array[$1::text], array['a'::bytea], array[false], array[17::bigint], 1)",
        TOPIC,
    )
    assert await spool.begin(rows.connection) == [(1, "P1")]
    assert await spool.fetch(rows.connection, [1]) == {1: [Kept(TOPIC, b"a", False, 17, block=1)]}


async def test_nothing_is_written_without_the_lease(rows):
    first = await opened(rows.connection)
    await opened(rows.connection)  # another owner
    with pytest.raises(Fenced):
        await first.put(rows.connection, [block(first.next_number(), b"a")])
    assert await rows.one("select count(*) from spool") == 0


class Forgetful(Spool):
    """Loses the answer to what it wrote while `loses` is set."""

    loses = True

    def _note(self, sizes):
        if self.loses:
            raise TimeoutError
        super()._note(sizes)


async def test_a_block_whose_answer_was_lost_is_struck_before_its_messages_are_written_again(rows):
    spool = await opened(rows.connection, kind=Forgetful)
    with pytest.raises(TimeoutError):
        await spool.put(rows.connection, [block(spool.next_number(), b"a")])
    spool.loses = False
    await spool.put(rows.connection, [block(spool.next_number(), b"a", b"b")])
    assert [row["number"] for row in await rows.all("select number from spool")] == [2]


async def test_blocks_of_a_partition_that_is_no_more_go_to_a_lane_that_is(rows):
    gone = await opened(rows.connection, "140931100/event")
    await gone.put(rows.connection, [block(gone.next_number(), b"a"), block(gone.next_number(), b"b")])
    alive = await opened(rows.connection, "140931101/event")
    await alive.put(rows.connection, [block(alive.next_number(), b"c")])
    ours = await opened(rows.connection, taken=False)
    await lease.take(rows.connection, ours.lease, ours.owner)
    await ours.put(rows.connection, [block(ours.next_number(), b"own")])
    assert await ours.adopt(rows.connection) == [(2, "P1"), (3, "P1")]
    assert await ours.adopt(rows.connection) == []
    found = await ours.fetch(rows.connection, [1, 2, 3])
    assert [kept.payload for number in (1, 2, 3) for kept in found[number]] == [b"own", b"a", b"b"]
    assert await rows.one("select count(*) from spool where writer = '140931101/event'") == 1
