"""What may wait at QoS 0: bounded in bytes, and no sender's flood takes another's room."""

from hypothesis import given
from hypothesis import strategies as st

from services.core.mqtt import Delivery
from services.ingest.unheld import LARGE_TOTAL_BYTES, OVERHEAD_BYTES, SENDER_BYTES, TOTAL_BYTES, Unheld

LIST_BYTES = 256 * 1024


def message(size: int) -> Delivery:
    return Delivery("t", b"x" * size, 0, retain=False, dup=False, packet_id=0, generation=1)


def test_floods_of_many_senders_leave_room_for_the_small_messages_of_everybody() -> None:
    unheld = Unheld()
    flood = message(LIST_BYTES - OVERHEAD_BYTES - 1)
    assert [unheld.take("one", flood) for _ in range(5)] == [True] * 4 + [False]
    taken = sum(unheld.take(f"flood-{n}", flood) for n in range(1000))
    assert (taken + 4) * LIST_BYTES == LARGE_TOTAL_BYTES
    alarms = sum(unheld.take(f"panel-{n}", message(300)) for n in range(10_000))
    assert alarms == 10_000


def test_without_payload_a_message_is_not_for_nothing() -> None:
    unheld = Unheld()
    assert sum(unheld.take("one", message(0)) for _ in range(10_000)) <= SENDER_BYTES / OVERHEAD_BYTES


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, LIST_BYTES), st.booleans()), max_size=60))
def test_all_that_is_taken_can_be_given_back_and_no_more_is_held_than_may_be(
    moves: list[tuple[str, int, bool]],
) -> None:
    unheld = Unheld()
    held: list[tuple[str, int]] = []
    for sender, size, takes in moves:
        if takes and unheld.take(sender, message(size)):
            held.append((sender, size))
        elif held and not takes:
            one, its_size = held.pop()
            unheld.give_back(one, message(its_size))
        of_sender = sum(one_size + OVERHEAD_BYTES + 1 for one, one_size in held if one == sender)
        assert of_sender <= SENDER_BYTES
        assert unheld.total_bytes == sum(size + OVERHEAD_BYTES + 1 for _, size in held) <= TOTAL_BYTES
        assert unheld.take("small", message(10))
        unheld.give_back("small", message(10))
    for one, its_size in held:
        unheld.give_back(one, message(its_size))
    assert unheld.total_bytes == 0
