from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.frames import SEND, Frame
from services.gateway.journal import Record
from services.gateway.repeats import END, FIRE, PER_SOURCE, WINDOW_MS, Repeats, digest_of

SOURCE = bytes((1, 0, 0, 0, 0, 0))
FRAME = Frame(5, SEND, SOURCE, bytes(6), b"\x15\x01\x02" + bytes(6))


def record(digest=b"d", role=FIRE, settled_ms=None, source=SOURCE):
    return Record(1, source, digest, role, settled_ms=settled_ms)


def test_the_same_bytes_are_a_repetition_until_two_minutes_after_they_were_stored():
    repeats = Repeats()
    made = record()
    repeats.add(made)
    assert repeats.find(SOURCE, b"d", 10**9) is made
    made.settled_ms = 1000
    assert repeats.find(SOURCE, b"d", 1000 + WINDOW_MS) is made
    assert repeats.find(SOURCE, b"d", 1001 + WINDOW_MS) is None
    assert repeats.find(bytes(6), b"d", 1000) is None


def test_a_clock_that_was_set_back_makes_a_new_fire_no_repetition_for_an_hour():
    repeats = Repeats()
    repeats.add(record(settled_ms=3_600_000))
    assert repeats.find(SOURCE, b"d", 3_590_000) is not None, "ten seconds back: it may be one"
    assert repeats.find(SOURCE, b"d", 0) is None
    repeats.expire(0)
    assert repeats.records() == []


@pytest.mark.parametrize("change", [{"serial": 6}, {"adu": b"\x15\x01\x03" + bytes(6)}, {"time": bytes((1,) * 6)}])
def test_another_serial_content_or_time_is_another_message(change):
    assert digest_of(replace(FRAME, **change)) != digest_of(FRAME)


@given(st.lists(st.sampled_from(["fire", "end", "other"]), max_size=12))
def test_between_two_equal_fires_an_end_makes_the_second_one_new(says):
    repeats = Repeats()
    ended = True
    for number, word in enumerate(says):
        role = {"fire": FIRE, "end": END, "other": ""}[word]
        digest = word.encode() if word != "other" else str(number).encode()
        found = repeats.find(SOURCE, digest, 0)
        if word == "fire":
            assert (found is None) is ended
            ended = False
        elif word == "end":
            assert (found is None) or ended
            ended = True
        if found is None:
            repeats.add(record(digest, role))


def test_a_panel_that_began_anew_has_no_retransmissions_left_but_what_is_not_stored():
    for serial, first in ((0, True), (5, False)):
        repeats = Repeats()
        stored, waiting = record(b"a", settled_ms=1), record(b"b")
        repeats.add(stored)
        repeats.add(waiting)
        repeats.saw_serial(replace(FRAME, serial=200), first_of_link=False)
        repeats.saw_serial(replace(FRAME, serial=serial), first_of_link=first)
        assert repeats.find(SOURCE, b"a", 2) is None
        assert repeats.find(SOURCE, b"b", 2) is waiting


def test_frames_that_arrive_a_little_out_of_order_are_no_restart():
    repeats = Repeats()
    repeats.saw_serial(replace(FRAME, serial=70), first_of_link=False)
    repeats.add(record(b"a", settled_ms=1))
    repeats.saw_serial(replace(FRAME, serial=70), first_of_link=False)
    repeats.saw_serial(replace(FRAME, serial=10), first_of_link=True)
    assert repeats.find(SOURCE, b"a", 2) is not None


def test_what_is_old_is_let_go_and_one_source_cannot_fill_the_memory():
    repeats = Repeats()
    repeats.add(record(b"old", settled_ms=1))
    repeats.add(record(b"waiting"))
    repeats.expire(2 + WINDOW_MS)
    assert repeats.find(SOURCE, b"old", 1) is None
    assert repeats.find(SOURCE, b"waiting", 1) is not None
    for number in range(PER_SOURCE + 1):
        repeats.add(record(str(number).encode(), ""))
    assert repeats.find(SOURCE, b"waiting", 1) is None
    other = bytes(6)
    repeats.add(record(b"x", settled_ms=1, source=other))
    repeats.expire(2 + WINDOW_MS)
    assert repeats.find(other, b"x", 1) is None


def test_a_frame_that_ends_one_fire_and_begins_another_may_come_again_with_both():
    repeats = Repeats()
    repeats.add(record(b"fire"))
    repeats.add(record(b"end", END))
    assert repeats.find(SOURCE, b"fire", 0) is None
    repeats.add(record(b"both", f"{FIRE} {END}"))
    assert repeats.find(SOURCE, b"end", 0) is None
    assert repeats.find(SOURCE, b"both", 0) is not None
    repeats.add(record(b"fire"))
    assert repeats.find(SOURCE, b"both", 0) is None
