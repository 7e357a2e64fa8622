"""Who may come in: strangers up to a number, those that were here before again."""

from services.core.clock import SystemClock
from services.gateway.door import Door
from services.gateway.limits import Limits
from services.gateway.profiles import load_profiles


def door(**limits):
    return Door(None, SystemClock(), Limits(**limits), load_profiles())


def test_new_strangers_are_let_in_slowly_and_known_ones_always():
    made = door(new_strangers=(0.0001, 2))
    assert [made.has_room(address) for address in (b"a", b"b", b"c", b"a", b"b")] == [True, True, False, True, True]


def test_the_strangers_that_came_last_are_the_ones_known():
    made = door(new_strangers=(0.0001, 3), strangers_met=2)
    assert all(made.has_room(address) for address in (b"a", b"b", b"a", b"c"))
    assert [made.has_room(address) for address in (b"a", b"c", b"b")] == [True, True, False]


def test_without_room_for_links_nobody_new_comes_in():
    assert not door(unknown_links=0).has_room(b"a")
