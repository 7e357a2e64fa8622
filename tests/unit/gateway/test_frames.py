from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.frames import (
    CONFIRM,
    END,
    MAX_ADU_BYTES,
    MAX_FRAME_BYTES,
    SEND,
    START,
    Damage,
    Decoder,
    Flaw,
    Frame,
    answer,
    encode,
    read_time,
    sum8,
    write_time,
    xor8,
)

# built after clause 6: hydrant system 11, zone 3 point 12, 285.0 kPa
WORKED = bytes.fromhex(
    "40400201010208060504031992100000000001000000000012000203010b010003000c0005220b0706050403197323" + "23"
)
SIX = st.binary(min_size=6, max_size=6)
BYTE = st.integers(0, 255)
MARKED = st.lists(st.sampled_from([b"@@", b"##", b"@", b"#", b"\0", b"A"]), max_size=40).map(b"".join)
FRAMES = st.builds(
    Frame,
    serial=st.integers(0, 65_535),
    command=BYTE,
    source=SIX,
    destination=SIX,
    adu=st.binary(max_size=MAX_ADU_BYTES) | MARKED,
    time=SIX,
    version_main=BYTE,
    version_user=BYTE,
)
EARTH = Frame(7, SEND, b"\x01\0\0\0\0\0", bytes(6), b"\x15\x01\x03" + bytes(6))


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[low:high] for low, high in pairwise(edges)]


def test_the_worked_example_reads_and_its_confirm_is_byte_exact():
    (frame,) = Decoder().feed(WORKED)
    assert isinstance(frame, Frame)
    assert (frame.serial, frame.version_main, frame.version_user) == (258, 1, 2)
    assert int.from_bytes(frame.source, "little") == 4242
    assert read_time(frame.time) == datetime.fromisoformat("2025-03-04T05:06:08")
    assert encode(frame) == WORKED
    expected = "40400201010208060504031901000000000092100000000000" + "0003df2323"
    assert encode(answer(frame, CONFIRM)).hex() == expected


@given(st.lists(FRAMES, min_size=1, max_size=4), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_split_of_any_frames_gives_the_same_frames_and_the_same_bytes(frames, cuts):
    data = b"".join(encode(frame) for frame in frames)
    decoder = Decoder()
    out = [found for piece in cut(data, cuts) for found in decoder.feed(piece)]
    assert out == frames
    assert b"".join(encode(frame) for frame in out) == data
    assert (decoder.pending, decoder.noise_bytes) == (0, 0)


@given(st.lists(st.binary(max_size=300) | MARKED, max_size=20))
def test_no_bytes_raise_and_no_stream_is_held_beyond_one_frame(pieces):
    decoder = Decoder()
    for piece in pieces:
        for found in decoder.feed(piece):
            if isinstance(found, Frame):
                assert len(found.adu) <= MAX_ADU_BYTES
        assert decoder.pending < MAX_FRAME_BYTES
    decoder.rescue()
    while decoder.pending:
        decoder.give_up()


@given(st.binary(max_size=80).filter(lambda noise: START not in noise and noise[-1:] != b"@"), FRAMES)
def test_noise_without_a_mark_costs_nothing(noise, frame):
    decoder = Decoder()
    assert decoder.feed(noise + encode(frame)) == [frame]
    assert decoder.noise_bytes == len(noise)


@given(st.integers(1, 3), FRAMES.filter(lambda frame: frame.adu[:1] != b"@"))
def test_stray_marks_before_a_frame_are_got_over(stray, frame):
    decoder = Decoder()
    data = b"@" * stray + encode(frame)
    found = [*decoder.feed(data), *decoder.rescue()]
    while decoder.pending:
        found += decoder.give_up()
    assert frame in found


def test_a_false_start_holds_a_fire_back_only_until_the_line_is_silent():
    decoder = Decoder()
    false_start = START + bytes(22) + (900).to_bytes(2, "little") + b"\x02"
    assert decoder.feed(false_start + encode(EARTH)) == []
    assert decoder.rescue() == [EARTH]
    assert decoder.pending == 0
    assert decoder.rescue() == []
    assert decoder.give_up() == []


def test_an_unfinished_frame_is_dropped_when_its_time_is_over_and_what_follows_is_kept():
    decoder = Decoder()
    assert decoder.feed(encode(EARTH)[:-5]) == []
    assert decoder.rescue() == []
    assert decoder.give_up() == []
    assert decoder.pending == 0
    assert decoder.feed(encode(EARTH)) == [EARTH]


def test_a_cut_frame_is_damage_and_the_next_one_is_read():
    data = encode(EARTH)
    found = Decoder().feed(data[:20] + data + data)
    assert [item.flaw for item in found if isinstance(item, Damage)] == [Flaw.END]
    assert found[-1] == EARTH
    assert found.count(EARTH) == 2


def test_each_check_error_names_its_flaw_and_echoes_the_header():
    data = bytearray(encode(EARTH))
    wrong_sum = data.copy()
    wrong_sum[-3] ^= 1
    wrong_end = data.copy()
    wrong_end[-1] = 0
    too_long = data.copy()
    too_long[24:26] = (1025).to_bytes(2, "little")
    for broken, flaw in ((wrong_sum, Flaw.CHECKSUM), (wrong_end, Flaw.END), (too_long, Flaw.LENGTH)):
        first, *others = Decoder().feed(bytes(broken) + bytes(data))
        assert isinstance(first, Damage)
        assert (first.flaw, first.header.serial, first.header.source) == (flaw, 7, EARTH.source)
        assert others == [EARTH]


def test_a_frame_inside_a_span_with_a_wrong_checksum_is_not_swallowed():
    inner = encode(EARTH)
    outer = bytearray(encode(Frame(1, SEND, bytes(6), bytes(6), b"xx" + inner + b"yy")))
    outer[-3] ^= 0xFF
    found = Decoder().feed(bytes(outer))
    assert [type(item) for item in found] == [Damage, Frame]
    assert found[1] == EARTH


@pytest.mark.parametrize("first_read", [70, 62, 10_000])
def test_a_frame_that_began_inside_a_damaged_span_and_goes_on_behind_it_is_waited_for(first_read):
    frame = Frame(5, SEND, b"\1\0\0\0\0\0", bytes(6), b"\x06\x01" + b"##" * 20)
    false_start = START + bytes(22) + (30).to_bytes(2, "little") + b"\x02"  # its end falls on `##` of the frame
    stream = false_start + encode(frame)
    decoder = Decoder()
    found = decoder.feed(stream[:first_read]) + decoder.feed(stream[first_read:])
    assert [item.flaw for item in found if isinstance(item, Damage)] == [Flaw.CHECKSUM]
    assert found[-1] == frame


@pytest.mark.parametrize("here", range(4, 40))
def test_a_frame_of_which_only_a_part_of_the_header_is_here_yet_is_waited_for_behind_a_damaged_span(here):
    frame = Frame(0x2323, SEND, b"\1\0\0\0\0\0", bytes(6), b"\x06\x01" + b"##" * 20)  # its serial reads as an end
    false_start = START + bytes(22) + (27).to_bytes(2, "little") + b"\x02" + bytes(26)
    stream = false_start + encode(frame)
    decoder = Decoder()
    found = decoder.feed(stream[: len(false_start) + here]) + decoder.feed(stream[len(false_start) + here :])
    assert [item.flaw for item in found if isinstance(item, Damage)] == [Flaw.CHECKSUM]
    assert found[-1] == frame


def test_a_mark_inside_a_damaged_span_that_begins_no_frame_is_passed_over():
    frame = Frame(5, SEND, b"\1\0\0\0\0\0", bytes(6), b"@@" + b"\xff" * 60)
    broken = bytearray(encode(frame))
    broken[-3] ^= 1
    found = Decoder().feed(bytes(broken) + encode(EARTH))
    assert [type(item) for item in found] == [Damage, Frame]
    near_the_end = bytearray(encode(Frame(5, SEND, bytes(6), bytes(6), b"\xff" * 60 + b"@@")))
    near_the_end[-3] ^= 1
    decoder = Decoder()
    found = decoder.feed(bytes(near_the_end)) + decoder.feed(encode(EARTH))
    assert [type(item) for item in found] == [Damage, Frame]


def test_an_endless_run_of_marks_reports_once_a_header_and_stays_small():
    decoder = Decoder()
    found = [item for _ in range(100) for item in decoder.feed(b"@" * 1000)]
    assert decoder.pending < MAX_FRAME_BYTES
    assert len(found) <= 100_000 / 27


@given(
    st.lists(st.sampled_from([b"@@" + b"\xff" * 30, b"@" * 50, b"@", b"\xff" * 9, b"@@"]), max_size=80),
    st.integers(1, 60),
)
def test_a_frame_behind_any_amount_of_impossible_headers_is_found(rubbish, step):
    stream = b"@" * 200 + b"".join(rubbish) + b"\xff" * 30 + encode(EARTH)
    decoder = Decoder()
    found = [item for at in range(0, len(stream), step) for item in decoder.feed(stream[at : at + step])]
    assert found[-1] == EARTH
    assert all(item.flaw is Flaw.LENGTH for item in found[:-1])


def test_checksum_variants_are_chosen_by_the_source_address():
    other = Frame(3, SEND, b"\x09\0\0\0\0\0", bytes(6), b"")
    decoder = Decoder(lambda source: xor8 if source[0] == 9 else sum8)
    assert decoder.feed(encode(other, xor8) + encode(EARTH)) == [other, EARTH]


@given(SIX)
def test_time_labels_are_plain_binary_and_bad_ones_are_no_time(label):
    moment = read_time(label)
    if moment is not None:
        assert write_time(moment.replace(tzinfo=UTC), 0) == label
    else:
        second, minute, hour, day, month, year = label
        assert second > 59 or minute > 59 or hour > 23 or not 1 <= day <= 28 or not 1 <= month <= 12 or year > 99


def test_clocks_show_the_zone_of_their_profile():
    label = write_time(datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC), 480)
    assert read_time(label) == datetime.fromisoformat("2026-01-01T08:00:01")


@pytest.mark.parametrize("frame", [Frame(0, 2, b"", bytes(6)), Frame(0, 2, bytes(6), bytes(6), bytes(1025))])
def test_what_cannot_be_framed_is_refused(frame):
    with pytest.raises(ValueError, match="1024"):
        encode(frame)


def test_end_marks_and_start_marks_inside_the_data_do_not_cut():
    frame = Frame(0x4040, SEND, b"@@##@@", b"######", b"@@" + END * 7 + START)
    assert Decoder().feed(encode(frame) * 2) == [frame, frame]
