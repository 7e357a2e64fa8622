"""What a broker says when we connect: that it refuses us, or what it takes. Beyond that it hangs up, at every try.

Pure; the session asks at each connection, because a broker may come back with other limits.
"""

from dataclasses import dataclass
from typing import Any

from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from services.core.errors import BadSetting
from services.core.mqtt_config import PublishRefused, SessionConfig

WINDOW_CAP = 1000  # unanswered publishes even if the broker sets no limit
REFUSED_LOGIN = frozenset({0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C})  # MQTT 5, 3.2.2.2: trying again cannot help


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one connection."""

    window: int = WINDOW_CAP  # publishes it may owe us an answer for
    largest: int | None = None  # packet in bytes; None: any
    retains: bool = True  # keeps messages for whoever comes later

    def refusal(self, topic: str, payload: bytes | bytearray, properties: Properties | None) -> PublishRefused | None:
        """Return why a QoS 1 publish cannot be sent, with the cure; None: it can."""
        if self.largest is None:
            return None
        more = 1 if properties is None else len(properties.pack())  # type: ignore[no-untyped-call]
        longest = 1 + 4 + 2 + len(topic.encode()) + 2 + more + len(payload)  # its length taken as four bytes
        if longest <= self.largest:
            return None
        return PublishRefused(
            f"{len(payload)} bytes for {topic} are more than the broker takes in a packet ({self.largest} bytes): "
            "raise max_packet_size at the broker"
        )


def login_refusal(reason: ReasonCode, config: SessionConfig) -> BadSetting | None:
    """Return the fault and its cure where trying again cannot help."""
    if reason.value not in REFUSED_LOGIN:
        return None
    return BadSetting(
        f"{config.setting}: the broker at {config.host}:{config.port} refused user '{config.username}' ({reason}); "
        "correct user and password in the URL"
    )


def limits_of(properties: Any, config: SessionConfig) -> Limits:
    """Return what the broker takes by its CONNACK (MQTT 5, 3.2.2.3).

    Raises:
        BadSetting: it takes no QoS 1.
    """
    if getattr(properties, "MaximumQoS", 1) == 0:
        raise BadSetting(
            f"{config.setting}: the broker at {config.host}:{config.port} takes no QoS 1, without which messages are "
            "lost; raise max_qos at the broker"
        )
    return Limits(
        window=min(WINDOW_CAP, getattr(properties, "ReceiveMaximum", WINDOW_CAP)),
        largest=getattr(properties, "MaximumPacketSize", None),
        retains=bool(getattr(properties, "RetainAvailable", 1)),
    )
