"""The pause before the next attempt."""

from hypothesis import given
from hypothesis import strategies as st

from services.core.backoff import pause_s


@given(attempt=st.integers(0, 10**6), first_s=st.floats(0.01, 5), factor=st.floats(1, 100))
def test_a_pause_grows_twofold_up_to_its_cap_and_is_at_least_half_of_that(attempt, first_s, factor):
    cap_s = first_s * factor
    whole = min(cap_s, first_s * 2 ** min(attempt, 30))
    assert whole / 2 <= pause_s(attempt, first_s=first_s, cap_s=cap_s) <= whole


def test_two_that_lost_the_same_server_come_back_at_different_times():
    assert len({pause_s(8, first_s=0.2, cap_s=5.0) for _ in range(100)}) > 90
