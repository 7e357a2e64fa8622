"""The order of one subscriber's deliveries, whatever happens to each of them."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.push.subjects import Delivery, Event, Subjects

NOW = datetime(2026, 11, 28, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def delivery(number: int, subject: str) -> Delivery:
    return Delivery(Event(number, uuid4(), NOW, b"{}"), subject, 0, NOW, LATER)


@given(st.lists(st.sampled_from("abc"), max_size=20), st.lists(st.booleans(), max_size=20), st.randoms())
def test_of_a_subject_nothing_overtakes_what_is_under_way_or_waits(
    subjects: list[str], refusals: list[bool], chance: Random
) -> None:
    waiting = Subjects()
    for number, subject in enumerate(subjects):
        waiting.add(delivery(number, subject))
    finished: dict[str, list[int]] = {}
    under_way: list[Delivery] = []
    now = NOW
    while len(waiting):
        taken = waiting.take(now)
        if taken is not None:
            assert taken.subject not in {one.subject for one in under_way}
            under_way.append(taken)
        if under_way and (taken is None or chance.random() < 0.5):
            one = under_way.pop(chance.randrange(len(under_way)))
            if refusals and refusals.pop():
                waiting.put_back(one, now + timedelta(seconds=1))
            else:
                waiting.finish(one)
                finished.setdefault(one.subject, []).append(one.number)
        elif taken is None:
            due = waiting.next_due()
            assert due is not None
            now = max(now, due)
    assert sum(map(len, finished.values())) == len(subjects)
    assert all(numbers == sorted(numbers) for numbers in finished.values())


def test_what_waits_for_its_next_try_is_due_at_once_when_the_receiver_is_back() -> None:
    waiting = Subjects()
    for number, subject in enumerate("ab"):
        waiting.add(delivery(number, subject))
    for _ in range(2):
        taken = waiting.take(NOW)
        assert taken is not None
        waiting.put_back(taken, LATER)
    assert waiting.take(NOW) is None
    waiting.release(NOW)
    assert [one.number for one in (waiting.take(NOW), waiting.take(NOW)) if one] == [0, 1]
    assert waiting.next_due() is None
