"""What a link reads, with times: damages in a row, frames that do not end, frames that only seemed to begin."""

from services.gateway.frames import SEND, Frame, encode, sum8
from services.gateway.limits import Limits
from services.gateway.stream import Stream

LIMITS = Limits()
FRAME = Frame(1, SEND, b"source", b"centre", b"\x16")
SOUND = encode(FRAME)
SPOILED = SOUND[:-3] + bytes((SOUND[-3] ^ 1,)) + SOUND[-2:]


def stream() -> Stream:
    return Stream(lambda _: sum8, LIMITS, 0.0)


def test_damages_are_counted_in_the_order_they_came_until_a_sound_frame():
    made = stream()
    assert len(made.feed(SPOILED * 3, 0.0)) == 3
    assert made.damages == 3
    assert made.feed(SOUND + SPOILED * 2, 1.0)[0] == FRAME
    assert made.damages == 2
    made.feed(SPOILED + SOUND, 2.0)
    assert made.damages == 0


def test_a_frame_that_does_not_end_is_dropped_when_its_time_is_over_and_no_sooner():
    made = stream()
    made.hear(100.0)
    assert made.feed(b"@@" + bytes(22) + b"\xff\x03" + SOUND[:20], 100.0) == []
    for second in range(1, 11):
        made.hear(100.0 + second)
        assert made.overdue(100.0 + second) == []
    made.hear(110.1)
    assert made.feed(SOUND[20:], 110.1) == []
    assert made.overdue(110.2) == [FRAME]
    assert made.overdue(200.0) == []


def test_when_the_line_falls_silent_a_whole_frame_behind_a_false_start_is_found():
    made = stream()
    made.hear(5.0)
    assert made.feed(b"@@" + bytes(22) + b"\xff\x03" + SOUND, 5.0) == []
    assert made.overdue(5.0 + LIMITS.rescue_after_s) == []
    assert made.overdue(5.1 + LIMITS.rescue_after_s) == [FRAME]
