"""paho's client with system calls taken out: chunked reads, joined writes, one write for many acks.

Only services.core.mqtt uses it. It leans on private names of paho-mqtt 2.2 (pinned); `PlainClient` keeps the library's
own read path as the fallback, and the same tests run on both.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from paho.mqtt.client import Client, MQTTMessage, time_func
from paho.mqtt.enums import CallbackAPIVersion, MessageType, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MalformedPacket
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from services.core.mqtt_config import Delivery, SessionConfig
from services.core.mqtt_packets import cut_packet, cut_publishes

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

CHUNK_BYTES = 256 * 1024  # one read takes at most this; one write joins at most this
CONNECT_TIMEOUT_S = 5.0
PLAIN_READS = 16  # packets taken per wake-up on the library's own path

_PUBLISH = int(MessageType.PUBLISH)
_DISCONNECT = int(MessageType.DISCONNECT)
_PUBACK_HEAD = b"\x40\x02"

Deliver = Callable[[list[Delivery]], None]
Guard = Callable[[Callable[[], object]], None]
SocketCallback = Callable[[Client, Any, Any], None]


class PlainClient(Client):
    """The library's client, on a socket somebody else opened, calling `deliver` with the messages as they come."""

    def __init__(self, client_id: str, deliver: Deliver) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._deliver = deliver
        self.generation = 0  # of the connection, for the deliveries
        self.read_pause_s = 0.0
        self._opened: SocketLike | None = None
        self._max_inflight_messages = 0  # no limit here: the session keeps the broker's Receive Maximum

    def open_socket(self) -> "SocketLike":
        """Connect (and shake hands) now; blocks, so it belongs in an executor."""
        return super()._create_socket()

    def start(self, opened: "SocketLike", guard: Guard) -> None:
        """Speak MQTT on a socket from `open_socket`, driven by the running loop; `guard` runs each step."""
        loop = asyncio.get_running_loop()
        self.on_socket_open, self.on_socket_close = self._reading(loop, guard)

        def watch_write(_client: Client, _data: Any, sock: Any) -> None:
            loop.add_writer(sock, guard, self.loop_write)

        def unwatch_write(_client: Client, _data: Any, sock: Any) -> None:
            loop.remove_writer(sock)

        self.on_socket_register_write, self.on_socket_unregister_write = watch_write, unwatch_write
        set_option = getattr(opened, "setsockopt", None)
        if set_option is not None:
            set_option(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._opened = opened
        self.reconnect()

    def _reading(self, loop: asyncio.AbstractEventLoop, guard: Guard) -> tuple[SocketCallback, SocketCallback]:
        """Return what starts and what ends reading a socket as bytes come, with a pause after each read."""

        def read() -> None:
            sock = self._sock
            self.read_ready()
            if self.pending_bytes():
                loop.call_soon(guard, read)
            elif self.read_pause_s and sock is not None and self._sock is sock:
                loop.remove_reader(sock)
                loop.call_later(self.read_pause_s, resume, sock)

        def watch(_client: Client, _data: Any, sock: Any) -> None:
            loop.add_reader(sock, guard, read)

        def resume(sock: Any) -> None:
            if self._sock is sock:
                watch(self, None, sock)

        def unwatch(_client: Client, _data: Any, sock: Any) -> None:
            loop.remove_reader(sock)

        return watch, unwatch

    def _create_socket(self) -> "SocketLike":
        if self._opened is None:
            raise ConnectionError("no socket was opened")
        opened, self._opened = self._opened, None
        return opened

    def hang_up(self) -> None:
        """Drop the connection without a goodbye."""
        self._sock_close()

    def read_ready(self) -> MQTTErrorCode:
        """Take what the socket holds, bounded, so that other work gets its turn."""
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        for _ in range(PLAIN_READS):
            code = self.loop_read()
            if code or self._sock is None:
                return code
        return code

    def unanswered(self) -> list[MQTTMessage]:
        """Return what the library is about to send again, oldest first."""
        return list(self._out_messages.values())

    def forget(self, packet_id: int) -> None:
        """Let a publish not be sent again."""
        del self._out_messages[packet_id]

    def pending_bytes(self) -> int:
        """Bytes a TLS layer has decrypted already; no readiness event will announce them."""
        pending = getattr(self._sock, "pending", None)
        return int(pending()) if pending is not None else 0

    def ack_many(self, packet_ids: Iterable[int]) -> None:
        """Send one PUBACK per packet id, in order, as one run of bytes."""
        packed = b"".join(_PUBACK_HEAD + packet_id.to_bytes(2, "big") for packet_id in packet_ids)
        if packed and self._sock is not None:
            self._packet_queue(MessageType.PUBACK, packed, 0, 1)

    def _update_inflight(self) -> MQTTErrorCode:
        """Do nothing: the session hands over only what the window allows, so nothing waits in the library's queue.

        The library searches all unanswered publishes at each PUBACK, which is quadratic.
        """
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _packet_handle(self) -> MQTTErrorCode:
        """Handle a whole packet; the connection ends with one that is malformed, as with every other protocol error."""
        try:
            return super()._packet_handle()
        except (MalformedPacket, struct.error, IndexError):
            return MQTTErrorCode.MQTT_ERR_PROTOCOL

    def _handle_on_message(self, message: MQTTMessage) -> None:
        topic = message._topic.decode("utf-8", "replace")  # noqa: SLF001  the public property raises on bad UTF-8
        payload, packet_id = bytes(message.payload), message.mid
        marks = getattr(message.properties, "UserProperty", ())
        left_s = getattr(message.properties, "MessageExpiryInterval", None)  # less what it waited (MQTT 5, 3.3.2.3.3)
        head = (message.qos, message.retain, message.dup, packet_id, self.generation)
        self._deliver([Delivery(topic, payload, *head, marks, left_s)])

    def _packet_write(self) -> MQTTErrorCode:
        self._join_waiting()
        return super()._packet_write()

    def _join_waiting(self) -> None:
        """Merge the run of packets at the head of the queue into one: one system call instead of hundreds.

        Packets the library must see leave one by one (QoS 0 publishes, DISCONNECT) end the run.
        """
        queue = self._out_packet
        if len(queue) < 2 or not _joinable(queue[0]):
            return
        run = bytearray()
        while queue and len(run) < CHUNK_BYTES and _joinable(queue[0]):
            packet = queue.popleft()
            run += packet["packet"][packet["pos"] :]
        queue.appendleft(
            {
                "command": int(MessageType.PUBACK),
                "mid": 0,
                "qos": 1,
                "pos": 0,
                "to_process": len(run),
                "packet": run,
                "info": None,
            }
        )


def _joinable(packet: Any) -> bool:
    command = packet["command"] & 0xF0
    return bool(command != _DISCONNECT and (command != _PUBLISH or packet["qos"] > 0))


class ChunkedClient(PlainClient):
    """Reads the socket in chunks and cuts whole packets; what is no plain publish goes to the library's handler."""

    _rest = b""

    def read_ready(self) -> MQTTErrorCode:
        """Take one chunk and handle every whole packet in it."""
        return self.loop_read()

    def start(self, opened: "SocketLike", guard: Guard) -> None:
        """Forget the cut-off packet of the connection before, then start."""
        self._rest = b""
        super().start(opened, guard)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:  # noqa: ARG002  the library ignores it too
        """Read once and handle every whole packet, stopping where a handler closed the connection."""
        sock = self._sock
        if sock is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        try:
            data = self._sock_recv(CHUNK_BYTES)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        if not data:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        self._last_bytes_received = time_func()
        buffer = self._rest + data if self._rest else data
        position = 0
        while self._sock is sock:
            publishes, position = cut_publishes(buffer, position, self.generation)
            if publishes:
                self._deliver(publishes)
                continue
            try:
                cut = cut_packet(buffer, position)
            except MalformedPacket:
                return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_PROTOCOL)
            if cut is None:
                self._rest = buffer[position:]
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            start, end = cut
            code = self._handle(buffer[position], buffer[start:end])
            if code:
                return self._loop_rc_handle(code)
            position = end
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle(self, head: int, body: bytes) -> MQTTErrorCode:
        self._in_packet = {
            "command": head,
            "have_remaining": 1,
            "remaining_count": [],
            "remaining_mult": 1,
            "remaining_length": len(body),
            "packet": bytearray(body),
            "to_process": 0,
            "pos": 0,
        }
        return self._packet_handle()


class _Closing(ssl.SSLSocket):
    """Closed when the handshake fails: the library leaves it open, and each attempt at a bad certificate costs one."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def make_client(config: SessionConfig, deliver: Deliver) -> PlainClient:
    """Return a client told everything of `config`, not connected yet."""
    client = (ChunkedClient if config.chunked else PlainClient)(config.client_id, deliver)
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.read_pause_s = config.read_pause_s
    if config.username:
        client.username_pw_set(config.username, config.password)
    if config.tls:
        context = ssl.create_default_context(cafile=config.ca_file)
        context.sslsocket_class = _Closing
        client.tls_set_context(context)
    if config.will is not None:
        client.will_set(config.will.topic, config.will.payload, qos=1, retain=config.will.retain)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = config.session_expiry_s
    properties.ReceiveMaximum = config.receive_maximum
    client.connect_async(
        config.host, config.port, keepalive=config.keepalive_s, clean_start=config.clean_start, properties=properties
    )
    return client
