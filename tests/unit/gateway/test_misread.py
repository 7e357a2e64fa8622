"""A damaged frame that comes again and again is meant; noise is not."""

from services.gateway.downlink import TRIES
from services.gateway.frames import SEND, Damage, Flaw, Frame
from services.gateway.misread import WITHIN_S, Misread

REMEMBERED = 20


def damage(serial=1, adu=b"\x02\x01"):
    return Damage(Flaw.CHECKSUM, Frame(serial, SEND, bytes(6), bytes(6), adu))


def is_meant(seen, what, at):
    return seen.count(what, at).is_meant


def test_a_frame_is_meant_at_its_third_repeat_and_then_again_after_as_many():
    seen = Misread(REMEMBERED)
    says = [is_meant(seen, damage(), at * WITHIN_S) for at in range(2 * TRIES)]
    assert says == ([False] * (TRIES - 1) + [True]) * 2


def test_what_it_holds_is_taken_once_for_as_long_as_copies_come():
    seen = Misread(REMEMBERED)
    seen.count(damage(), 0.0).taken = True
    assert all(seen.count(damage(), at * WITHIN_S).taken for at in range(1, 100))
    assert not seen.count(damage(), 100 * WITHIN_S + 1).taken, "that much later it is another"


def test_what_differs_or_comes_long_after_is_noise():
    seen = Misread(REMEMBERED)
    assert not any(is_meant(seen, damage(serial), 0.0) for serial in range(1000))
    assert not any(is_meant(seen, damage(1, bytes((2, number))), 0.0) for number in range(256))
    assert not any(is_meant(seen, damage(), at * (WITHIN_S + 1)) for at in range(1, 100))


def test_it_is_recognised_between_as_much_noise_as_is_remembered():
    seen, meant = Misread(REMEMBERED), []
    for turn in range(TRIES):
        meant.append(is_meant(seen, damage(9999), 0.0))
        assert not any(is_meant(seen, damage(turn * 100 + number), 0.0) for number in range(REMEMBERED - 1))
    assert meant == [False] * (TRIES - 1) + [True]


def test_a_building_that_says_its_states_in_turn_is_recognised():
    seen, states = Misread(100), range(100)
    for _ in range(TRIES - 1):
        assert not any(is_meant(seen, damage(serial), 0.0) for serial in states)
    assert all(is_meant(seen, damage(serial), 0.0) for serial in states)
