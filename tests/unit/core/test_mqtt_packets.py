import asyncio
import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.exception import MalformedPacket
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from services.core.errors import BadSetting
from services.core.mqtt_config import (
    Delivery,
    OutgoingFull,
    PublishRefused,
    SessionClosed,
    SessionConfig,
    service_client_id,
)
from services.core.mqtt_limits import Limits
from services.core.mqtt_outgoing import Outgoing
from services.core.mqtt_packets import cut_packet, cut_publishes


def packet(body: bytes, head: int = 0x32) -> bytes:
    length, encoded = len(body), b""
    while True:
        length, low = divmod(length, 128)
        encoded += bytes([low | (0x80 if length else 0)])
        if not length:
            return bytes([head]) + encoded + body


@given(st.lists(st.binary(max_size=300), max_size=6), st.data())
def test_whole_packets_come_out_wherever_the_stream_is_cut(bodies, data):
    stream = b"".join(packet(body) for body in bodies)
    rest, found = b"", []
    while stream or not found:
        size = data.draw(st.integers(1, max(1, len(stream)))) if stream else 0
        rest, stream = rest + stream[:size], stream[size:]
        position = 0
        while (cut := cut_packet(rest, position)) is not None:
            found.append(rest[cut[0] : cut[1]])
            position = cut[1]
        rest = rest[position:]
        if not stream:
            break
    assert (found, rest) == (bodies, b"")


def publish(topic: bytes, payload: bytes, packet_id: int, *, head: int = 0x32, properties: bytes = b"\0") -> bytes:
    where = len(topic).to_bytes(2, "big") + topic + packet_id.to_bytes(2, "big")
    return packet(where + properties + payload, head)


@given(
    st.lists(
        st.tuples(st.binary(max_size=20), st.binary(max_size=300), st.integers(1, 65535), st.booleans(), st.booleans())
    ),
    st.integers(0, 400),
)
def test_a_run_of_publishes_is_cut_at_once_up_to_the_first_that_is_not_whole(sent, missing):
    parts = [
        publish(topic, payload, number, head=0x32 | retain | dup << 3) for topic, payload, number, retain, dup in sent
    ]
    stream = b"".join(parts)
    stream = stream[: max(0, len(stream) - missing)]
    found, position = cut_publishes(stream, 0, 7)
    whole = len(found)
    assert position == sum(map(len, parts[:whole]))
    assert whole == len(parts) or len(stream) < sum(map(len, parts[: whole + 1]))
    assert found == [
        Delivery(topic.decode("utf-8", "replace"), payload, 1, retain, dup, number, 7)
        for topic, payload, number, retain, dup in sent[:whole]
    ]


@pytest.mark.parametrize(
    "other",
    [
        publish(b"t", b"x", 1, head=0x30),
        publish(b"t", b"x", 1, head=0x34),
        publish(b"t", b"x", 1, properties=b"\2\1\1"),
        publish(b"t", bytes(20_000), 1),
        packet(b"\0", 0x40),
        packet(b"\0\1", 0x32),
        packet(b"\xff\xff" + bytes(10), 0x32),
        packet(b"\0\5t\0\1", 0x32),
        b"\x32\xff\xff\xff\xff\x01\0\0",
    ],
)
def test_a_run_ends_before_what_is_no_plain_publish(other):
    plain = publish(b"t", b"x", 5)
    found, position = cut_publishes(plain + other + plain, 0, 1)
    assert [one.packet_id for one in found] == [5]
    assert position == len(plain)


def test_a_length_of_five_bytes_is_malformed():
    with pytest.raises(MalformedPacket):
        cut_packet(b"\x32\xff\xff\xff\xff\x01", 0)


class Wire:
    """Takes what is sent and gives packet ids."""

    def __init__(self):
        self.sent = []
        self.refuse_next = False

    def send(self, topic, payload, retain, properties=None):
        if self.refuse_next:
            self.refuse_next = False
            return type("Info", (), {"rc": MQTTErrorCode.MQTT_ERR_QUEUE_SIZE, "mid": 0})
        self.sent.append(topic)
        return type("Info", (), {"rc": MQTTErrorCode.MQTT_ERR_SUCCESS, "mid": len(self.sent)})


GOOD = ReasonCode(PacketTypes.PUBACK)
REFUSED = ReasonCode(PacketTypes.PUBACK, identifier=0x87)


async def test_publishes_keep_their_order_and_the_brokers_window():
    wire = Wire()
    outgoing = Outgoing(10, wire.send)
    outgoing.limits = Limits(window=2)
    futures = [outgoing.submit(str(i), b"", retain=False) for i in range(4)]
    outgoing.pump()
    assert wire.sent == ["0", "1"]
    assert outgoing.answered(1, GOOD)
    outgoing.pump()
    assert wire.sent == ["0", "1", "2"]
    assert [future.done() for future in futures] == [True, False, False, False]


async def test_a_refused_publish_and_a_closed_session_are_errors_of_the_publisher():
    wire = Wire()
    outgoing = Outgoing(10, wire.send)
    refused, waiting = (outgoing.submit("t", b"", retain=False) for _ in range(2))
    outgoing.pump()
    outgoing.answered(1, REFUSED)
    with pytest.raises(PublishRefused):
        await refused
    outgoing.close()
    with pytest.raises(SessionClosed):
        await waiting
    with pytest.raises(SessionClosed):
        await outgoing.submit("t", b"", retain=False)


async def test_the_queue_is_bounded_and_room_comes_with_an_answer():
    wire = Wire()
    outgoing = Outgoing(2, wire.send)
    for _ in range(2):
        outgoing.submit("t", b"", retain=False)
    with pytest.raises(OutgoingFull):
        outgoing.submit("t", b"", retain=False)
    outgoing.pump()
    waiting = asyncio.create_task(outgoing.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    outgoing.answered(1, GOOD)
    await asyncio.wait_for(waiting, 10)


async def test_a_publisher_that_gave_up_is_skipped_and_a_taken_packet_id_is_passed_over():
    wire = Wire()
    outgoing = Outgoing(5, wire.send)
    outgoing.submit("gone", b"", retain=False).cancel()
    outgoing.submit("kept", b"", retain=False)
    wire.refuse_next = True
    outgoing.pump()
    assert wire.sent == ["kept"]


def test_the_url_says_all_about_the_connection():
    config = SessionConfig.from_url(urlsplit("mqtts://u%2F1:p%40ss@broker"), "id", keepalive_s=3)
    assert (config.host, config.port, config.tls) == ("broker", 8883, True)
    assert (config.username, config.password, config.keepalive_s) == ("u/1", "p@ss", 3)
    assert "p@ss" not in repr(config)


def test_a_services_client_id_is_random_and_stays(tmp_path):
    first = service_client_id(tmp_path, "gateway")
    assert first == service_client_id(tmp_path, "gateway")
    assert first.startswith("firetower.gateway.")
    assert first != service_client_id(tmp_path / "other", "gateway")
    assert (tmp_path / "client-ids" / "gateway").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("left", [b"", b"\0" * 16, b"0123"])
def test_what_a_power_cut_left_of_a_client_id_is_made_anew(tmp_path, left):
    service_client_id(tmp_path, "gateway")
    (tmp_path / "client-ids" / "gateway").write_bytes(left)
    made = service_client_id(tmp_path, "gateway")
    assert re.fullmatch(r"firetower\.gateway\.[0-9a-f]{16}", made)
    assert made == service_client_id(tmp_path, "gateway")


def test_a_client_id_that_somebody_put_back_with_a_line_end_is_the_same(tmp_path):
    before = service_client_id(tmp_path, "gateway")
    path = tmp_path / "client-ids" / "gateway"
    path.write_text(path.read_text() + "\n")
    assert service_client_id(tmp_path, "gateway") == before


def test_a_state_folder_that_cannot_be_made_is_told_as_a_setting_that_is_wrong(tmp_path):
    """The gateway and the relay ended with a traceback of sixty lines."""
    (tmp_path / "away").symlink_to(tmp_path / "nowhere")
    with pytest.raises(BadSetting, match=r"FIRETOWER_STATE_DIR: .*away cannot be used"):
        service_client_id(tmp_path / "away", "gateway")
