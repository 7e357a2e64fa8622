import random

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.account import Head, Tally, advance, follow_next


def walk(rows, head=None):
    head, tally = head or Head(), Tally()
    for ts, seq in rows:
        head = follow_next(head, ts, seq) or advance(head, ts, seq, tally)
    return Head(*head[:4]), tally


def gaps_of_a_right_clock(rows):
    """Gaps and restarts by the newest time alone: a higher number under an older time is not looked at."""
    head, tally = Head(), Tally()
    for ts, seq in rows:
        if head.ts_us is None or ts >= head.ts_us or seq < head.seq:
            head = advance(head, ts, seq, tally)
    return tally


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


def test_a_number_that_is_lost_after_a_clock_was_set_back_is_one_gap():
    rows = [(minute * 60, minute) for minute in range(10)]
    rows += [(minute * 60 - 28_800, minute) for minute in range(10, 600) if minute != 12]
    assert walk(rows)[1] == Tally(gaps=1)
    assert walk([*rows[:12], (12 * 60 - 28_800, 12), *rows[12:]])[1] == Tally(), "it came late"


def test_numbers_lost_as_the_clock_is_set_back_are_gaps_where_the_count_is_older_than_that():
    assert walk([(100, 1), (200, 2), (150, 5), (160, 6), (210, 7)]) == (Head(210, 7, 2, 1), Tally(gaps=2))
    assert walk([(100, 1), (200, 2), (150, 5), (140, 4), (130, 3), (160, 6)])[1] == Tally()


def test_events_without_a_time_that_overtake_each_other_leave_no_gap_behind():
    rows = [(1000, 0), *((0, seq) for seq in (1, 3, 2, 4, 5, 6, 7, 8, 9, 10)), (2000, 11)]
    assert walk(rows) == (Head(2000, 11, 0, 0), Tally())


def test_a_higher_number_from_before_a_restart_is_no_gap_and_no_second_restart():
    assert walk([(10, 500), (200, 0), (20, 501), (30, 503), (210, 1)]) == (Head(210, 1, 0, 0), Tally(restarts=1))
    assert walk([(200, 0), (20, 501), (30, 503), (210, 1)]) == (Head(210, 1, 0, 0), Tally())
    taken_over = Head(200, 3, since_us=200)
    assert walk([(20, 501), (30, 503), (210, 4)], taken_over) == (Head(210, 4), Tally())


@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_a_right_clock_is_counted_by_its_newest_time_whatever_restarts_is_lost_or_comes_late(counts, order):
    rows, ts = [], 0
    for place, length in enumerate(counts):  # each count begins anew, far below the one before
        for number in range(length):
            ts += 1
            rows.append((ts, 10_000 - 1000 * place + number))
    rows = [row for row in rows if order.random() < 0.85]
    rows.sort(key=lambda row: row[0] + order.random() * order.choice((0, 3, 30)))
    assert walk(rows)[1] == gaps_of_a_right_clock(rows)


@given(st.integers(20, 60), st.integers(1, 20), st.sets(st.integers(2, 60)))
def test_whatever_is_lost_after_a_clock_was_set_back_is_counted_once(length, back, lost):
    """But for a number that is lost right there, while the count is not older than the time that comes now."""
    lost -= {back - 1, back}
    rows = [(n * 60 - (28_800 if n >= back else 0), n) for n in range(length) if n not in lost]
    assert walk(rows)[1] == Tally(gaps=rows[-1][1] + 1 - len(rows))


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
