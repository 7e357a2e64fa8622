import pytest

from services.gateway.limits import Allowance, Bucket, Limits, Strangers, limits_within

LIMITS = Limits(
    bytes_own=(1, 10), bytes_sound=(10, 100), bytes_shared=(10, 20), bytes_registered=(100, 100),
    frames_own=(1, 2), frames_shared=(1, 3), frames_registered=(10, 10),
    fires_own=(1, 1), fires_shared=(1, 1), fires_registered=(5, 5), denies=(1, 2),
)  # fmt: skip


def test_a_bucket_gives_what_came_back_with_time_and_says_when_a_debt_is_paid():
    bucket = Bucket(10, 20, now=0)
    assert bucket.take(20, 0)
    assert not bucket.take(1, 0.05)
    assert bucket.take(1, 0.1)
    assert bucket.spend(10, 0.1) == pytest.approx(1.0)
    assert bucket.spend(0, 5) == 0
    assert bucket.take(20, 100)
    assert not bucket.take(1, 100)


def test_strangers_use_their_own_first_and_then_what_they_share():
    shared = Strangers(LIMITS, 0)
    first, second = Allowance(LIMITS, shared, 0), Allowance(LIMITS, shared, 0)
    assert first.spend_bytes(10, 0) == 0
    assert first.spend_bytes(20, 0) == 0
    assert first.spend_bytes(10, 0) == pytest.approx(1.0)
    assert second.spend_bytes(10, 0) == 0  # its own is untouched by a flood of others
    assert [first.take_frame(0, urgent=False) for _ in range(6)] == [True] * 5 + [False]
    assert [second.take_frame(0, urgent=False) for _ in range(3)] == [True, True, False]
    assert [first.take_frame(0, urgent=True) for _ in range(3)] == [True, True, False]
    assert second.take_frame(0, urgent=True)


def test_a_registered_panel_depends_on_no_stranger():
    shared = Strangers(LIMITS, 0)
    flood, panel = Allowance(LIMITS, shared, 0), Allowance(LIMITS, shared, 0)
    panel.registered = True
    flood.spend_bytes(10_000, 0)
    while flood.take_frame(0, urgent=False) or flood.take_frame(0, urgent=True):
        pass
    assert panel.spend_bytes(100, 0) == 0
    assert all(panel.take_frame(0, urgent=False) for _ in range(10))
    assert not panel.take_frame(0, urgent=False)
    assert all(panel.take_frame(0, urgent=True) for _ in range(5))


def test_denials_are_few():
    allowance = Allowance(LIMITS, Strangers(LIMITS, 0), 0)
    assert [allowance.take_denial(0) for _ in range(3)] == [True, True, False]


def test_a_link_that_says_sound_frames_has_more_of_its_own_while_it_does():
    shared = Strangers(LIMITS, 0)
    flood, panel = Allowance(LIMITS, shared, 0), Allowance(LIMITS, shared, 0)
    while flood.spend_bytes(10, 0) == 0:
        pass
    panel.sound = True
    assert [panel.spend_bytes(50, 0), panel.spend_bytes(50, 0)] == [0, 0]
    panel.sound = False
    assert panel.spend_bytes(10, 0) == 0
    assert panel.spend_bytes(10, 0) > 0


def test_a_debt_is_not_remembered_for_ever():
    shared = Strangers(LIMITS, 0)
    flood = Allowance(LIMITS, shared, 0)
    assert flood.spend_bytes(1_000_000, 0) == LIMITS.longest_pause_s
    assert flood.spend_bytes(11, LIMITS.longest_pause_s) == pytest.approx(1.1)


@pytest.mark.parametrize(("files", "links", "unknown"), [(1_048_576, 6000, 2000), (1024, 924, 308), (50, 1, 1)])
def test_links_fit_into_the_files_that_the_system_allows(files, links, unknown):
    limits = limits_within(files)
    assert (limits.links, limits.unknown_links) == (links, unknown)
    assert limits.unnamed_links + limits.unknown_links <= max(2, limits.links)  # the rest is for registered panels
