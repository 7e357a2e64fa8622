"""Turns: a sender's flood has a line of its own, and everybody else goes by it; nothing is lost, doubled or swapped."""

import asyncio

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core import topics
from services.core.mqtt import Delivery
from services.ingest import turns
from services.ingest.decode import decode
from services.ingest.lines import FLOOD_EVENTS
from services.ingest.turns import SHARE_MESSAGES, Item, cut, sender_of
from tests.support.broker_fleet import now_ms, reading, wait_for
from tests.unit.ingest.test_inbox import LIMITS, ids, opened


def topic(sender):
    return f"fire/v1/140931100/panel/{sender}/up/event"


def told(sender, name, kind="fault", *, padding=0):
    body = {"event_id": name, "ts": 1_764_000_000_000, "type": kind, "x": "x" * padding}
    return Delivery(topic(sender), orjson.dumps(body), 1, False, False, 1, 1)


def many(sender, count, kind="fault", *, fire_at=None):
    body = [
        {"event_id": f"{sender}{n}", "ts": 1_764_000_000_000, "type": "fire" if n == fire_at else kind}
        for n in range(count)
    ]
    return Delivery(topic(sender), orjson.dumps(body), 1, False, False, 1, 1)


async def take_all(inbox, deliveries):
    taken = []
    while sum(len(batch.deliveries) for batch in taken) < deliveries:
        taken.append(await asyncio.wait_for(inbox.take(), 5))
    return taken


async def test_a_fire_waits_for_one_turn_of_a_flood_whatever_the_flood_is_made_of():
    for kind in ("fire", "fault", "reset"):
        async with opened() as inbox:
            for number in range(3000):
                inbox.put([told("FLOOD", f"f{number}", kind)])
            inbox.put([told("QUIET", "quiet", "fire")])
            taken = [ids(await inbox.take()) for _ in range(SHARE_MESSAGES // LIMITS.batch_messages + 2)]
            position = next(number for number, names in enumerate(taken) if "quiet" in names)
            assert position <= SHARE_MESSAGES // LIMITS.batch_messages
            assert all(len(names) <= LIMITS.batch_messages + LIMITS.turn_elements for names in taken)


async def test_a_long_list_is_cut_into_turns_and_answered_after_the_last():
    async with opened() as inbox:
        inbox.put([many("FLOOD", 350)])
        inbox.put([told("QUIET", "quiet")])
        taken = await take_all(inbox, 2)
        assert "quiet" in ids(taken[0]) + ids(taken[1])
        assert [name for batch in taken for name in ids(batch) if name != "quiet"] == [f"FLOOD{n}" for n in range(350)]
        assert all(batch.elements <= LIMITS.batch_elements + LIMITS.turn_elements for batch in taken)
        answered = [message.ack_ids for batch in taken for message in batch.messages if len(message.ack_ids) > 1]
        assert [len(names) for names in answered] == [350]


async def test_a_list_larger_than_a_share_is_decoded_beside_and_its_fires_come_first():
    async with opened() as inbox:
        inbox.put([many("FLOOD", 2000, fire_at=1999)])
        (first, *others) = await take_all(inbox, 1)
        assert ids(first)[0] == "FLOOD1999"
        assert sum(len(ids(batch)) for batch in (first, *others)) == 2000


async def test_the_fire_of_a_flooding_device_overtakes_its_own_chatter():
    async with opened() as inbox:
        for number in range(1000):
            inbox.put([told("FLOOD", f"f{number}")])
        inbox.put([told("FLOOD", "its-own", "manual_alarm")])
        await wait_for(lambda: not inbox.lines.unread, what="all of it decoded")
        taken = [ids(await inbox.take()) for _ in range(5)]
        assert any("its-own" in names for names in taken)


async def test_what_leaves_a_long_line_is_marked_as_a_flood_and_a_burst_is_not():
    for count, flooding in ((SHARE_MESSAGES + 50, False), (SHARE_MESSAGES + FLOOD_EVENTS, True)):
        async with opened() as inbox:
            for number in range(count):
                inbox.put([told("P1", f"e{number}")])
            marks = [message.flooding for batch in await take_all(inbox, count) for message in batch.messages]
            assert any(marks) is flooding
            assert inbox.lines.ready == 0
            assert "P1" not in inbox.lines


async def test_a_month_of_readings_after_a_cut_is_no_flood():
    since = now_ms() - 43_200_000
    async with opened() as inbox:
        for start in range(0, 43_200, 600):
            body = [reading(n, since + 1000 * n, flow_lps=1.0) for n in range(start, start + 600)]
            where = topic("H1").replace("panel", "hydrant").replace("event", "telemetry")
            inbox.put([Delivery(where, orjson.dumps(body), 1, False, False, 1, 1)])
        marks = [message.flooding for batch in await take_all(inbox, 72) for message in batch.messages]
        assert (len(marks), any(marks)) == (72, False)


def test_a_sender_is_the_device_of_its_topic():
    assert sender_of("fire/v1/140931100/panel/P1/up/event") == "P1"
    assert sender_of("nonsense") == "nonsense"


def test_topics_longer_than_any_of_ours_are_not_remembered():
    remembered = [cache.cache_info().currsize for cache in (topics.find_parts, turns.find_sender)]
    for number in range(3):
        long = f"fire/v1/140931100/panel/P1/up/{number}{'x' * 60_000}"
        assert (sender_of(long), topics.parse_topic(long)) == ("P1", None)
    assert [cache.cache_info().currsize for cache in (topics.find_parts, turns.find_sender)] == remembered
    longest = max((f"fire/v1/{'1' * 12}/{kind}/{'x' * 64}/{channel}" for kind in topics.Kind
                   for channel in topics.Channel), key=len)  # fmt: skip
    assert topics.parse_topic(longest) is not None


def test_a_short_list_is_left_whole():
    item = Item("P1", None, decode(topic("P1"), many("P1", 100).payload, 1), 1)
    assert list(cut(item)) == [item]


SENT = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from(["fire", "fault"]), st.integers(1, 130), st.integers(0, 3)),
    min_size=1,
    max_size=40,
)


@given(sent=SENT)
@settings(max_examples=40, deadline=None)
def test_everything_comes_out_once_and_each_sender_keeps_its_order(sent):
    async def scene():
        async with opened() as inbox:
            wanted = {}
            for number, (sender, kind, count, pause) in enumerate(sent):
                body = [{"event_id": f"{number}-{n}", "ts": 1, "type": kind} for n in range(count)]
                inbox.put([Delivery(topic(sender), orjson.dumps(body), 1, False, False, number + 1, 1)])
                wanted.setdefault((sender, kind), []).extend(f"{number}-{n}" for n in range(count))
                for _ in range(pause):
                    await asyncio.sleep(0)
            batches = await take_all(inbox, len(sent))
            found = {}
            for batch in batches:
                for message in batch.messages:
                    for one in message.events:
                        found.setdefault((message.topic.device, one.type), []).append(one.event_id)
            acked = [delivery.packet_id for batch in batches for delivery in batch.deliveries]
            for batch in batches:
                inbox.settle(batch.deliveries)
            return wanted, found, acked, inbox.slots_used

    wanted, found, acked, slots = asyncio.run(scene())
    assert found == wanted
    assert (sorted(acked), slots) == (list(range(1, len(sent) + 1)), 0)
