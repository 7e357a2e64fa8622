"""Prepared MQTT packets are what a client library would send, and acknowledgements are counted however they arrive."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.load import prepare, run_prefix
from bench.packets import FIRST_SEQ, PreparedPublish, connect_packet, read_acks
from services.core.topics import parse_topic


def split_publish(packet: bytes) -> tuple[str, int, bytes]:
    assert packet[0] == 0x32
    length, shift, at = 0, 0, 1
    while True:
        digit = packet[at]
        length |= (digit & 0x7F) << shift
        shift += 7
        at += 1
        if not digit & 0x80:
            break
    assert len(packet) == at + length
    topic_end = at + 2 + int.from_bytes(packet[at : at + 2], "big")
    packet_id = int.from_bytes(packet[topic_end : topic_end + 2], "big")
    assert packet[topic_end + 2] == 0  # no properties
    return packet[at + 2 : topic_end].decode(), packet_id, packet[topic_end + 3 :]


def test_every_stamp_is_a_valid_reading_with_the_next_number() -> None:
    message = prepare(1, run_prefix())[0]
    for number in range(3):
        topic, packet_id, payload = split_publish(bytes(message.stamp(65_535 - number, b"1780000000%03d" % number)))
        body = orjson.loads(payload)
        assert parse_topic(topic) is not None
        assert packet_id == 65_535 - number
        assert body["ts"] == 1_780_000_000_000 + number
        assert body["seq"] == FIRST_SEQ + number


@given(fields=st.dictionaries(st.text("abcdefgh", min_size=1, max_size=8), st.integers(0, 9), max_size=60))
def test_any_length_of_payload_keeps_its_frame(fields: dict[str, int]) -> None:
    message = PreparedPublish("fire/v1/140931100/hydrant/H/up/telemetry", fields)
    _, _, payload = split_publish(bytes(message.stamp(7, b"1780000000000")))
    assert orjson.loads(payload) == {"ts": 1_780_000_000_000, "seq": FIRST_SEQ, **fields}


@given(st.lists(st.sampled_from(["short", "good", "dropped", "other", "long"]), max_size=40), st.integers(1, 7))
def test_acknowledgements_are_counted_whatever_the_chunks(kinds: list[str], chunk: int) -> None:
    forms = {
        "short": b"\x40\x02\x00\x01",
        "good": b"\x40\x04\x00\x01\x00\x00",
        "dropped": b"\x40\x03\x00\x01\x10",
        "other": b"\xd0\x00",
        "long": b"\x30\x80\x01" + b"x" * 128,
    }
    stream = b"".join(forms[kind] for kind in kinds)
    buffer, total = bytearray(), [0, 0, 0]
    for start in range(0, len(stream), chunk):
        buffer += stream[start : start + chunk]
        total = [a + b for a, b in zip(total, read_acks(buffer), strict=True)]
    good = kinds.count("short") + kinds.count("good")
    assert total == [good, kinds.count("dropped"), kinds.count("other") + kinds.count("long")]
    assert not buffer


@pytest.mark.parametrize("client_id", ["a", "b" * 200])
def test_connect_says_its_own_length(client_id: str) -> None:
    packet = connect_packet(client_id, "user", "secret")
    assert packet[0] == 0x10
    assert len(packet) in {2 + packet[1], 3 + (packet[1] & 0x7F) + 128 * packet[2]}
