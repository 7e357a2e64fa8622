"""Fires that wait: fair among places, in order within one, and no cursor ahead of what waits."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from services.alerts.fire_queue import FEWEST, LIGHT, TURN_S, FireQueue
from services.core.feed import Batch

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Fire(NamedTuple):
    sender: str
    batch_id: int
    number: int = 0


def batch(number: int, writer: str = "w") -> Batch:
    return Batch(number, writer, number, NOW, NOW, NOW, {"events": 1}, 0)


def queue_of(*fires: Fire) -> FireQueue[Fire]:
    queue: FireQueue[Fire] = FireQueue()
    queue.add([batch(number) for number in sorted({fire.batch_id for fire in fires})], fires)
    return queue


def test_a_lone_fire_does_not_wait_for_a_flood_and_the_flood_not_for_ever() -> None:
    queue = queue_of(*(Fire("panel", n) for n in range(1, 200)), Fire("quiet", 200))
    assert queue.next_group(40) == [Fire("quiet", 200)]
    assert queue.finish([Fire("quiet", 200)]) == []
    queue.add([batch(201)], [Fire("other", 201)])
    group = queue.next_group(40)
    assert [fire.sender for fire in group] == ["panel"] * FEWEST
    assert [over.number for over in queue.finish(group)] == list(range(1, FEWEST + 1))
    assert queue.next_group(40) == [Fire("other", 201)]


def test_two_floods_take_turns() -> None:
    queue = queue_of(*(Fire("one", n) for n in range(1, 101)), *(Fire("two", n) for n in range(101, 201)))
    scopes = []
    for _ in range(4):
        group = queue.next_group(FEWEST)
        scopes.append({fire.sender for fire in group})
        queue.finish(group)
    assert scopes == [{"one"}, {"two"}, {"one"}, {"two"}]


def test_a_flood_whose_fires_cost_much_has_shorter_turns_and_the_others_have_theirs_whole() -> None:
    queue = queue_of(*(Fire("flood", n) for n in range(1, 2000)), *(Fire(f"site {n}", n) for n in range(2000, 3000)))

    def turns(seconds: float) -> list[tuple[bool, int]]:
        taken = []
        for _ in range(2):
            group = queue.next_group(40)
            queue.finish(group)
            queue.note_time(seconds)
            taken.append((is_of_the_flood(group[0]), len(group)))
        return taken

    assert turns(0.0) == [(False, 40), (True, FEWEST)], "nobody knows yet what they cost"
    assert turns(0.0) == [(False, 40), (True, 2 * FEWEST)]
    assert [number for _, number in turns(0.0) + turns(0.0) + turns(0.0)] == [40, 20, 40, 40, 40, 40]
    assert turns(TURN_S * 2) == [(False, 40), (True, 40)]
    assert turns(TURN_S / 2) == [(False, 40), (True, 20)], "as long as it may be: neither shorter nor longer"
    assert [number for _, number in turns(TURN_S * 9) + turns(TURN_S * 9) + turns(1.0)] == [40, 20, 40, 10, 40, FEWEST]


def is_of_the_flood(fire: Fire) -> bool:
    return fire.sender == "flood"


def test_fires_that_are_only_counted_go_in_great_groups_and_others_do_not() -> None:
    queue = queue_of(*(Fire("flood", n) for n in range(1, 401)), *(Fire("panel", n) for n in range(401, 501)))
    counted = queue.next_group(40, is_of_the_flood, 250)
    assert [fire.sender for fire in counted] == ["flood"] * (250 + FEWEST)
    queue.finish(counted)
    assert [fire.sender for fire in queue.next_group(40, is_of_the_flood, 250)] == ["panel"] * FEWEST


def test_among_thousands_that_are_only_counted_no_more_are_judged_at_once_than_ever() -> None:
    queue = queue_of(*(Fire("flood", n, n % 2) for n in range(1, 1001)))
    group = queue.next_group(40, lambda fire: fire.number == 0, 4000)
    assert sum(fire.number for fire in group) == FEWEST
    assert len(group) == 2 * FEWEST, "each keeps its place in the order of its sender"


def test_batches_without_a_fire_are_over_at_once() -> None:
    queue: FireQueue[Fire] = FireQueue()
    queue.add([batch(1), batch(2)], [])
    assert queue.next_group(40) == []
    assert [over.number for over in queue.finish([])] == [1, 2]
    assert queue.finish([]) == []


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 12), st.sampled_from(["w1", "w2"])), max_size=150),
    st.integers(1, 50),
)
def test_everything_is_judged_once_in_the_order_of_its_scope_behind_the_cursor(
    read: list[tuple[str, int, str]], most: int
) -> None:
    by_batch = sorted(read, key=lambda one: (one[2], one[1]))
    ids = {key: n for n, key in enumerate(sorted({(writer, number) for _, number, writer in read}), start=1)}
    fires = [Fire(scope, ids[writer, number], n) for n, (scope, number, writer) in enumerate(by_batch)]
    queue: FireQueue[Fire] = FireQueue()
    queue.add([Batch(ids[key], key[0], key[1], NOW, NOW, NOW, {}, 0) for key in sorted(ids)], fires)
    judged: list[Fire] = []
    cursors: dict[str, int] = defaultdict(int)
    while len(queue):
        group = queue.next_group(most)
        assert 0 < len(group) <= most
        judged += group
        for over in queue.finish(group):
            assert over.number > cursors[over.writer]
            cursors[over.writer] = over.number
            assert all(fire in judged for fire in fires if fire.batch_id == over.id)
    assert sorted(judged, key=lambda fire: fire.number) == fires
    for scope in "abc":
        mine = [fire.number for fire in judged if fire.sender == scope]
        assert mine == sorted(mine)
    assert cursors == {writer: max(number for one, number in ids if one == writer) for writer in {w for w, _ in ids}}


def test_light_means_up_to_twenty() -> None:
    queue = queue_of(*(Fire("heavy", n) for n in range(1, LIGHT + 2)), *(Fire("light", n) for n in range(30, 50)))
    assert {fire.sender for fire in queue.next_group(100)} == {"light"}


def test_a_group_that_could_not_be_judged_is_next_again_and_passed_by_no_cursor() -> None:
    queue = queue_of(Fire("a", 1), Fire("b", 1), Fire("a", 2), Fire("b", 3))
    group = queue.next_group(3)
    over = queue.finish(group)
    assert [batch.number for batch in over]
    queue.put_back(group, over)
    assert len(queue) == 4
    again = queue.next_group(10)
    assert {fire.sender: [one.batch_id for one in again if one.sender == fire.sender] for fire in again} == {
        "a": [1, 2],
        "b": [1, 3],
    }
    assert [batch.number for batch in queue.finish(again)] == [1, 2, 3]
