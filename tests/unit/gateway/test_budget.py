"""What strangers may make: so many devices, so many fires, and the honest one among them is not crowded out."""

import pytest

from services.gateway.budget import Budget
from services.gateway.limits import Limits

SLOW = 1e-9
SMALL = Limits(
    new_strangers=(SLOW, 3), new_strangers_of_peer=(SLOW, 2), first_fires=(SLOW, 4), first_fires_of_peer=(SLOW, 3),
    first_fires_of_link=(SLOW, 2), fires_of_stranger=(SLOW, 2), fires_of_strangers=(SLOW, 3),
)  # fmt: skip


def test_so_many_become_devices_and_known_ones_stay_known():
    budget = Budget(SMALL, 0)
    assert [budget.let_in(address, "p", 0) for address in (b"a", b"b", b"c", b"a", b"b")] == [
        True, True, False, True, True,
    ]  # fmt: skip
    assert budget.let_in(b"c", "q", 0)  # another peer's share
    assert not budget.let_in(b"d", "r", 0)  # all of it


def test_first_fires_are_bounded_by_link_by_peer_and_in_all():
    budget = Budget(SMALL, 0)
    assert [budget.take_fires(bytes((n,)), "p", 1, 1, 0) for n in range(3)] == [True, True, False]
    assert budget.take_fires(b"x", "p", 2, 1, 0)
    assert not budget.take_fires(b"y", "p", 3, 1, 0)
    assert budget.take_fires(b"y", "q", 3, 1, 0)
    assert not budget.take_fires(b"z", "r", 4, 1, 0)
    assert not budget.has_fired(b"z")


def test_what_was_refused_for_one_reason_costs_nothing_of_the_others():
    budget = Budget(SMALL, 0)
    for n in range(100):
        budget.take_fires(n.to_bytes(6, "little"), "p", 1, 1, 0)  # one link, endlessly new addresses
    assert budget.take_fires(b"honest", "q", 2, 1, 0)


def test_repeats_never_use_up_what_a_first_fire_needs():
    budget = Budget(SMALL, 0)
    assert budget.take_fires(b"a", "p", 1, 1, 0)
    assert [budget.take_fires(b"a", "p", 1, 1, 0) for _ in range(6)].count(True) == 4  # one of its own, three shared
    assert budget.take_fires(b"b", "q", 2, 1, 0)


def test_a_full_first_frame_is_taken_whole_and_counts():
    budget = Budget(SMALL, 0)
    assert budget.take_fires(b"a", "p", 1, 22, 0)
    assert budget.take_fires(b"a", "p", 1, 3, 0)  # the shared ones
    assert not budget.take_fires(b"a", "p", 1, 1, 0)


@pytest.mark.parametrize("at", [0.0, 7200.0])
def test_the_real_budget_holds_two_hundred_panels_at_once_and_no_flood(at):
    budget = Budget(Limits(), 0)
    assert all(budget.take_fires(n.to_bytes(6, "little"), "10.0.0.1", n, 1, at) for n in range(200))
    forged = sum(
        budget.take_fires((1000 + n).to_bytes(6, "little"), "10.0.0.2", n % 12, 1, at + n / 100) for n in range(6000)
    )
    assert forged < 100  # of a minute's 6 000 from 12 links
