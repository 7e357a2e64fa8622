import pytest

from services.api.people.throttle import (
    HOT_AFTER,
    LONGEST_SLOWED_S,
    TRIES,
    TRIES_AT_HOT_ADDRESS,
    TRIES_OF_NAME,
    WINDOW_S,
    Throttle,
)
from services.api.request.place import place_of

PROXY = "10.0.0.1"


def fail(throttle: Throttle, times: int, name: str = "", place: str = PROXY) -> None:
    for n in range(times):
        throttle.failed(0.0, place, name or f"guess-{n}")


def test_people_who_get_in_never_lock_the_address_they_share() -> None:
    throttle = Throttle()
    for n in range(2 * HOT_AFTER):
        assert throttle.wait_s(float(n), PROXY, f"person-{n}") == 0
        throttle.failed(float(n), PROXY, f"person-{n}")
        throttle.passed(PROXY, f"person-{n}")
        throttle.learn(PROXY, f"person-{n}")
    fail(throttle, TRIES_AT_HOT_ADDRESS, "new")
    assert throttle.wait_s(2.0 * HOT_AFTER, PROXY, "new") == 0


def test_guesses_at_a_shared_address_lock_out_nobody_else() -> None:
    throttle = Throttle()
    throttle.learn(PROXY, "known")
    fail(throttle, 10 * HOT_AFTER)
    assert throttle.wait_s(1.0, PROXY, "wang") == 0
    assert throttle.wait_s(1.0, PROXY, "guess-1") == 0
    fail(throttle, TRIES_AT_HOT_ADDRESS, "wang")
    assert throttle.wait_s(1.0, PROXY, "wang") == WINDOW_S - 1
    assert throttle.wait_s(1.0, "10.0.0.2", "wang") == 0
    fail(throttle, TRIES - 1, "known")
    assert throttle.wait_s(1.0, PROXY, "known") == 0


def test_guesses_of_a_name_from_everywhere_are_stopped_but_not_where_it_signs_in() -> None:
    throttle = Throttle()
    throttle.learn(PROXY, "wang")
    for n in range(TRIES_OF_NAME):
        throttle.failed(0.0, f"192.0.2.{n}", "wang")
    assert throttle.wait_s(1.0, "198.51.100.1", "wang") == WINDOW_S - 1
    assert throttle.wait_s(1.0, PROXY, "wang") == 0
    assert throttle.wait_s(1.0, "198.51.100.1", "li") == 0


def test_guesses_of_a_name_where_it_signs_in_slow_it_and_never_lock_it() -> None:
    throttle, now, tries = Throttle(), 0.0, 0
    throttle.learn(PROXY, "wang")
    waits = []
    while now < 2 * WINDOW_S:
        throttle.failed(now, PROXY, "wang")
        tries += 1
        waits.append(throttle.wait_s(now, PROXY, "wang"))
        now += waits[-1]
    assert waits[: TRIES + 5] == [0.0] * (TRIES - 1) + [1.0, 2.0, 4.0, 8.0, LONGEST_SLOWED_S, LONGEST_SLOWED_S]
    assert max(waits) == LONGEST_SLOWED_S
    assert tries < TRIES + 2 * WINDOW_S / LONGEST_SLOWED_S + 5
    throttle.passed(PROXY, "wang")
    assert throttle.wait_s(now, PROXY, "wang") == 0


def test_a_name_waits_alone_where_it_signs_in_and_with_the_strangers_elsewhere() -> None:
    throttle = Throttle()
    throttle.learn(PROXY, "wang")
    assert throttle.lane_of(PROXY, "li") == throttle.lane_of(PROXY, "zhao") == PROXY
    assert throttle.lane_of(PROXY, "wang") != PROXY
    assert throttle.lane_of("192.0.2.1", "wang") == "192.0.2.1"


def test_tries_are_counted_per_name_and_forgotten_in_time() -> None:
    throttle = Throttle()
    for _ in range(TRIES):
        assert throttle.wait_s(0, PROXY, "admin") == 0
        throttle.failed(0, PROXY, "admin")
    assert throttle.wait_s(WINDOW_S, PROXY, "admin") == 0


def test_wrong_passwords_of_one_name_are_forgotten_once_it_gets_in() -> None:
    throttle = Throttle()
    fail(throttle, TRIES, "wang")
    assert throttle.wait_s(1.0, PROXY, "wang") == WINDOW_S - 1
    assert throttle.wait_s(1.0, PROXY, "li") == 0
    throttle.passed(PROXY, "wang")
    assert throttle.wait_s(1.0, PROXY, "wang") == 0


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_an_address_counts_with_its_network(address: str, place: str) -> None:
    assert place_of(address) == place
