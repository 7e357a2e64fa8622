"""One MQTT 5 session on the asyncio loop: deliveries with a late ack, publishes with an awaitable PUBACK.

Ingest, gateway, API and simulators use it. It reconnects by itself with capped jitter, keeps its session at the broker
(clean start off, never unsubscribes), and drops acks of a connection that is gone: the broker sends those again.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import ConnectFlags, DisconnectFlags, MQTTMessageInfo
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from services.core.backoff import pause_s
from services.core.clock import wait_at_most
from services.core.errors import BadSetting
from services.core.log import logger
from services.core.mqtt_client import make_client
from services.core.mqtt_config import (
    Delivery,
    OutgoingFull,
    PublishRefused,
    SessionClosed,
    SessionConfig,
    SessionTakenOver,
    Will,
    service_client_id,
)
from services.core.mqtt_limits import limits_of, login_refusal
from services.core.mqtt_outgoing import Marks, Outgoing, properties_of
from services.core.text import describe_error

__all__ = [
    "Delivery", "OutgoingFull", "PublishRefused", "Session", "SessionClosed", "SessionConfig", "SessionTakenOver",
    "Will", "service_client_id",
]  # fmt: skip

_TLS_CURE = (
    "the certificate has to be in date and to name the host of the address; where its authority is the county's own,"
    " SSL_CERT_FILE names a file with that authority; mqtts:// belongs to the port for TLS"
)
log = logger(__name__)

BACKOFF_FIRST_S = 0.2
BACKOFF_CAP_S = 5.0
READY_TIMEOUT_S = 10.0
SESSION_TAKEN_OVER = 0x8E
FILTERS_PER_SUBSCRIBE = 100


def _ignore(*_: object) -> None:
    return None


def _close_unused(opening: "asyncio.Future[Any]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


class Session:
    """A durable session that outlives its connections. Run `run()` as a task; everything else is called on its loop.

    `on_delivery` is called from the read path and must not block; who takes many gives `on_deliveries` instead, which
    is called with the run of messages that one read of the socket brought. `on_connected` gets whether the broker still
    knew the session; `on_lost` is called when a connection ends. An error raised in a callback ends `run()`.
    """

    def __init__(
        self,
        config: SessionConfig,
        *,
        on_delivery: Callable[[Delivery], None] = _ignore,
        on_deliveries: Callable[[Sequence[Delivery]], None] | None = None,
        on_connected: Callable[[bool], None] = _ignore,
        on_lost: Callable[[], None] = _ignore,
    ) -> None:
        self.config = config
        self.generation = 0  # counts connections; deliveries carry it
        self.session_present = False
        self.stale_acks = 0
        self._on_delivery = on_delivery
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._ready = asyncio.Event()
        self._lost = asyncio.Event()
        self._stopped = asyncio.Event()
        self._failure: BaseException | None = None
        self._subscribing: dict[int, tuple[str, ...]] = {}
        self._client = make_client(config, on_deliveries or self._deliver)
        self._outgoing = Outgoing(config.max_outgoing, self._send)
        self._tls_told = ""  # why no TLS connection was made, as it was told last
        self._client.on_connect = self._connack
        self._client.on_subscribe = self._suback
        self._client.on_publish = self._puback
        self._client.on_disconnect = self._disconnected

    # --- for the owner ---

    @property
    def connected(self) -> bool:
        """True while connected and subscribed."""
        return self._ready.is_set()

    @property
    def largest_packet(self) -> int | None:
        """What the broker takes, in bytes; None: it sets no limit."""
        return self._outgoing.limits.largest

    @property
    def outgoing(self) -> int:
        """Publishes without a PUBACK."""
        return len(self._outgoing)

    async def ready(self) -> None:
        """Wait until connected and subscribed."""
        await self._ready.wait()

    def ack(self, deliveries: Iterable[Delivery]) -> int:
        """Acknowledge in order; return how many belonged to a connection that is gone and were dropped."""
        generation = self.generation if self._client.socket() is not None else -1
        current: list[int] = []
        stale = 0
        for delivery in deliveries:
            if delivery.qos == 0:
                continue
            if delivery.generation == generation:
                current.append(delivery.packet_id)
            else:
                stale += 1
        self._client.ack_many(current)
        self.stale_acks += stale
        return stale

    def submit(
        self, topic: str, payload: bytes, *, retain: bool = False, marks: Marks = (), expires_s: int | None = None
    ) -> asyncio.Future[None]:
        """Send at QoS 1; the future ends with the PUBACK. While disconnected it waits and is sent on reconnect.

        `marks` are user properties; a message with any costs its receiver more than one without. After `expires_s` the
        broker throws away what it keeps for a receiver that is not connected (MQTT 5, 3.3.2.3.3).

        Raises:
            OutgoingFull: too many wait already; await `room()` first.
        """
        future = self._outgoing.submit(topic, payload, retain, properties_of(marks, expires_s))
        self._pump()
        return future

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False, expires_s: int | None = None) -> None:
        """Send as `submit` does and wait for the PUBACK, through reconnects if need be."""
        await self.room()
        await self.submit(topic, payload, retain=retain, expires_s=expires_s)

    async def room(self) -> None:
        """Wait until another publish may be submitted."""
        await self._outgoing.room()

    async def run(self) -> None:
        """Keep the session connected until `stop()`.

        Raises:
            SessionTakenOver: another client uses our id.
            BadSetting: the broker refuses the account or a subscription.
        """
        attempt = 0
        try:
            while not self._stopped.is_set():
                if await self._connect() and await self._stay():
                    attempt = 0
                if self._failure is not None:
                    raise self._failure
                await wait_at_most(self._stopped, pause_s(attempt, first_s=BACKOFF_FIRST_S, cap_s=BACKOFF_CAP_S))
                attempt += 1
        finally:
            self._close()

    async def stop(self, flush_s: float = 1.0) -> None:
        """Say goodbye and end `run()`. The session and its subscriptions stay at the broker."""
        self._stopped.set()
        if self._client.is_connected():
            self._client.disconnect()
            if not await wait_at_most(self._lost, flush_s):
                log.warning("mqtt_disconnect_not_sent", client_id=self.config.client_id)
        self._lost.set()

    def _tell_unreachable(self, error: OSError) -> None:
        """Tell it; what no second attempt mends, a certificate above all, once as a warning."""
        said = describe_error(error)
        if isinstance(error, ssl.SSLError) and said != self._tls_told:
            self._tls_told = said
            log.warning("mqtt_tls_failed", client_id=self.config.client_id, error=said, cure=_TLS_CURE)
        else:
            log.info("mqtt_unreachable", client_id=self.config.client_id, error=said)

    def _pump(self) -> None:
        if self._ready.is_set():
            self._outgoing.pump()

    def _send(self, topic: str, payload: bytes, retain: bool, properties: Properties | None) -> MQTTMessageInfo:
        return self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)

    # --- connecting ---

    async def _connect(self) -> bool:
        self._lost.clear()
        opening = asyncio.get_running_loop().run_in_executor(None, self._client.open_socket)
        try:
            opened = await asyncio.shield(opening)
        except OSError as error:
            self._tell_unreachable(error)
            return False
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unused)
            raise
        self.generation += 1
        self._client.generation = self.generation
        self._subscribing.clear()
        self._client.start(opened, self._guard)
        return True

    async def _stay(self) -> bool:
        """Watch keepalive until the connection is lost; return whether it ever got ready."""
        since = asyncio.get_running_loop().time()
        while not self._lost.is_set():
            if not await wait_at_most(self._lost, 1.0):
                self._guard(self._client.loop_misc)
                if not self.connected and asyncio.get_running_loop().time() - since > READY_TIMEOUT_S:
                    self._lost.set()
        was_ready = self.connected
        self._close()
        return was_ready

    def _close(self) -> None:
        self._client.hang_up()
        self._not_ready()
        if self._stopped.is_set() or self._failure is not None:
            self._outgoing.close()

    def _not_ready(self) -> None:
        if self._ready.is_set():
            self._ready.clear()
            self._on_lost()

    def _guard(self, step: Callable[[], object]) -> None:
        """Run a step of the network loop; its error ends `run()` instead of vanishing in the event loop."""
        try:
            step()
        except Exception as error:  # noqa: BLE001  handed to run(), which raises it
            self._failure = self._failure or error
            self._lost.set()

    # --- callbacks of the library, all on the loop ---

    def _connack(
        self, _client: PahoClient, _data: Any, flags: ConnectFlags, reason: ReasonCode, properties: Any
    ) -> None:
        config = self.config
        if reason.is_failure:
            self._failure = login_refusal(reason, config) or self._failure
            log.warning("mqtt_refused", client_id=config.client_id, reason=str(reason))
            return
        self._outgoing.keep(limits_of(properties, config), self._client.unanswered(), self._client.forget)
        self.session_present = flags.session_present
        filters = config.filters + config.optional_filters
        for start in range(0, len(filters), FILTERS_PER_SUBSCRIBE):
            names = filters[start : start + FILTERS_PER_SUBSCRIBE]
            # stored copies only for a new subscription, so that a reconnect does not repeat all of them
            options = SubscribeOptions(
                qos=1,
                retainAsPublished=config.retain_as_published,
                retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB,
            )
            _code, packet_id = self._client.subscribe([(name, options) for name in names])
            if packet_id is not None:
                self._subscribing[packet_id] = names
        if not self._subscribing:
            self._get_ready()

    def _suback(self, _client: PahoClient, _data: Any, packet_id: int, reasons: list[ReasonCode], _rest: Any) -> None:
        for name, reason in zip(self._subscribing.pop(packet_id, ()), reasons, strict=False):
            if reason.is_failure and name in self.config.optional_filters:
                log.warning("mqtt_subscription_refused", client_id=self.config.client_id, filter=name)
            elif reason.is_failure:
                raise BadSetting(
                    f"{self.config.setting}: user '{self.config.username}' may not subscribe to {name} ({reason}); "
                    "give the account that right at the broker"
                )
        if not self._subscribing:
            self._get_ready()

    def _get_ready(self) -> None:
        log.info("mqtt_connected", client_id=self.config.client_id, session_present=self.session_present)
        self._ready.set()
        asyncio.get_running_loop().call_soon(self._guard, self._pump)  # after the library's own re-sends
        self._on_connected(self.session_present)

    def _puback(self, _client: PahoClient, _data: Any, packet_id: int, reason: ReasonCode, _rest: Any) -> None:
        if self._outgoing.answered(packet_id, reason):
            asyncio.get_running_loop().call_soon(self._guard, self._pump)

    def _disconnected(
        self, _client: PahoClient, _data: Any, flags: DisconnectFlags, reason: ReasonCode, _: Any
    ) -> None:
        if flags.is_disconnect_packet_from_server and reason.value == SESSION_TAKEN_OVER:
            self._failure = SessionTakenOver(
                f"another client connected as {self.config.client_id}; this process gives way"
            )
        if not self._stopped.is_set():
            log.warning("mqtt_connection_lost", client_id=self.config.client_id, reason=str(reason))
        self._lost.set()

    def _deliver(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            self._on_delivery(delivery)
