import random

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.account import Head, Tally, advance


def walk(rows, head=None):
    head, tally = head or Head(), Tally()
    for ts, seq in rows:
        head = advance(head, ts, seq, tally)
    return head, tally


def test_numbers_in_order_leave_nothing_to_count():
    assert walk([(10, 1), (20, 2), (30, 3)]) == (Head(30, 3, 0, 1), Tally())


def test_skipped_numbers_are_gaps():
    assert walk([(10, 1), (20, 5)]) == (Head(20, 5, 3, 1), Tally(gaps=3))


def test_a_late_number_fills_its_gap():
    assert walk([(10, 1), (30, 3), (20, 2)]) == (Head(30, 3, 0, 1), Tally())


def test_what_is_older_than_the_count_fills_no_gap_of_it():
    assert walk([(10, 100), (30, 103), (5, 99), (6, 98)]) == (Head(30, 103, 2, 100), Tally(gaps=2))


def test_a_count_that_began_before_this_process_takes_every_late_number():
    assert walk([(5, 99)], Head(30, 103, 2)) == (Head(30, 103, 1), Tally(gaps=-1))


def test_an_older_row_without_a_gap_changes_nothing():
    assert walk([(30, 3), (10, 1), (20, 2)]) == (Head(30, 3, 0, 3), Tally())


def test_the_next_number_under_an_older_time_skips_nothing():
    assert walk([(30, 3), (10, 4), (20, 5), (40, 6)]) == (Head(40, 6, 0, 3), Tally())
    assert walk([(30, 2**32 - 1), (10, 0)]) == (Head(30, 0, 0, 2**32 - 1), Tally())


def test_a_lower_number_with_a_newer_time_is_a_restart():
    assert walk([(10, 500), (20, 0), (30, 1)]) == (Head(30, 1, 0, 0), Tally(restarts=1))


def test_a_restart_from_beyond_half_the_range_is_no_gap():
    assert walk([(10, 3_000_000_000), (20, 0)]) == (Head(20, 0, 0, 0), Tally(restarts=1))


def test_the_same_number_at_a_newer_time_is_a_restart():
    assert walk([(10, 7), (20, 7)]) == (Head(20, 7, 0, 7), Tally(restarts=1))


def test_the_wrap_is_no_gap_and_a_gap_across_it_is_counted():
    assert walk([(10, 2**32 - 1), (20, 0)]) == (Head(20, 0, 0, 2**32 - 1), Tally())
    assert walk([(10, 2**32 - 2), (20, 1)]) == (Head(20, 1, 2, 2**32 - 2), Tally(gaps=2))


def test_rows_of_one_moment_count_by_their_number():
    assert walk([(10, 1), (10, 2), (10, 4)]) == (Head(10, 4, 1, 1), Tally(gaps=1))


def test_an_empty_tally_needs_no_row():
    assert Tally().is_empty()
    assert not any(Tally(**{name: 1}).is_empty() for name in Tally.__slots__ if name != "flood")  # has its own table


@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.randoms(use_true_random=False))
def test_whatever_the_order_of_arrival_a_complete_series_has_no_gaps(start, length, order: random.Random):
    rows = [(i, (start + i) % 2**32) for i in range(length)]
    rest = rows[1:]
    order.shuffle(rest)
    head, tally = walk([rows[0], *rest])
    assert (head.seq, head.missing, tally.gaps, tally.restarts) == (rows[-1][1], 0, 0, 0)
