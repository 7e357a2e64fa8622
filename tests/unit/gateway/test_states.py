"""What is remembered of panels stays within its bounds, and nobody loses what was known."""

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.limits import Limits
from services.gateway.meaning import Known
from services.gateway.states import States

ONE, OTHER = b"one...", b"other."
KEYS = st.dictionaries(st.sampled_from("abcdefgh"), st.none() | st.builds(Known, st.integers(0, 9), st.just(1)))


def states_of(keys: str) -> dict[str, Known | None]:
    return {key: Known(1, 1) for key in keys}


@given(st.lists(st.tuples(st.sampled_from([ONE, OTHER]), KEYS), max_size=20))
def test_with_room_enough_the_newest_state_of_everything_is_known(steps):
    states, wanted = States({}, Limits()), {ONE: {}, OTHER: {}}
    for address, told in steps:
        assert states.take(address, told, registered=False) == told
        wanted[address] |= told
    for address, told in wanted.items():
        assert states.of(address) == {key: state for key, state in told.items() if state is not None}


def test_one_address_cannot_fill_the_memory_and_what_is_known_goes_on():
    states = States({}, Limits(states_per_source=2))
    assert set(states.take(ONE, states_of("abc"), registered=True)) == {"a", "b"}
    changed = {"a": Known(7, 2), "c": Known(7, 2), "b": None, "d": Known(7, 2)}
    assert set(states.take(ONE, changed, registered=True)) == {"a", "b", "d"}
    assert states.of(ONE) == {"a": Known(7, 2), "d": Known(7, 2)}


def test_strangers_find_no_room_beyond_the_bound_of_all_and_panels_of_ours_do():
    states = States({ONE: {"a": Known(1, 1)}}, Limits(states_before_strangers=2))
    assert set(states.take(OTHER, states_of("b"), registered=False)) == {"b"}
    assert states.take(OTHER, states_of("bc"), registered=False) == states_of("b")
    assert states.take(b"third.", states_of("x"), registered=False) == {}
    assert states.of(b"third.") == {}
    assert set(states.take(b"ours..", states_of("x"), registered=True)) == {"x"}
    states.take(OTHER, {"b": None}, registered=False)
    states.take(ONE, {"a": None}, registered=True)
    assert set(states.take(OTHER, states_of("c"), registered=False)) == {"c"}
