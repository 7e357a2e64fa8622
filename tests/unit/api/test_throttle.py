from services.api.throttle import TRIES_PER_ADDRESS, TRIES_PER_NAME, WINDOW_S, Throttle

PROXY = "10.0.0.1"


def test_people_who_get_in_never_lock_the_address_they_share() -> None:
    throttle = Throttle()
    for n in range(2 * TRIES_PER_ADDRESS):
        assert throttle.wait_s(float(n), PROXY, f"person-{n}") == 0
        throttle.failed(float(n), PROXY, f"person-{n}")
        throttle.passed(PROXY, f"person-{n}")


def test_one_who_gets_in_forgives_nothing_to_others_at_the_address() -> None:
    throttle = Throttle()
    for n in range(TRIES_PER_ADDRESS):
        throttle.failed(0.0, PROXY, f"guess-{n}")
        if n < TRIES_PER_ADDRESS - 1:
            throttle.failed(0.0, PROXY, "wang")
            throttle.passed(PROXY, "wang")
    assert throttle.wait_s(1.0, PROXY, "wang") == WINDOW_S - 1
    assert throttle.wait_s(1.0, "10.0.0.2", "wang") == 0
    assert throttle.wait_s(WINDOW_S, PROXY, "wang") == 0


def test_wrong_passwords_of_one_name_are_forgotten_once_it_gets_in() -> None:
    throttle = Throttle()
    for _ in range(TRIES_PER_NAME):
        throttle.failed(0.0, PROXY, "wang")
    assert throttle.wait_s(1.0, PROXY, "wang") == WINDOW_S - 1
    assert throttle.wait_s(1.0, PROXY, "li") == 0
    throttle.passed(PROXY, "wang")
    assert throttle.wait_s(1.0, PROXY, "wang") == 0
