"""Build and parse topics: fire/v1/{area}/{kind}/{device}/{direction}/{channel}. Nothing else knows their shape."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

ROOT = "fire/v1"


class Kind(StrEnum):
    """What a device is."""

    HYDRANT = "hydrant"
    ELECTRICAL = "electrical"
    WATER = "water"
    PANEL = "panel"


class Channel(StrEnum):
    """What a message is, with its direction."""

    TELEMETRY = "up/telemetry"
    EVENT = "up/event"
    STATUS = "up/status"
    ACK = "down/ack"
    COMMAND = "down/command"


AREA_PATTERN = r"[0-9]{6,12}"  # GB/T 2260 county code and the codes below it
DEVICE_PATTERN = r"[A-Za-z0-9_-]{1,64}"

_TOPIC = re.compile(rf"fire/v1/({AREA_PATTERN})/({'|'.join(Kind)})/({DEVICE_PATTERN})/({'|'.join(Channel)})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Topic:
    """One device's topic."""

    area: str
    kind: Kind
    device: str
    channel: Channel
    base: str = field(init=False, repr=False, compare=False)  # the part that all topics of the device share

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", f"{ROOT}/{self.area}/{self.kind}/{self.device}")

    def __str__(self) -> str:
        return f"{self.base}/{self.channel}"


LONGEST = 128  # no topic of ours is as long; MQTT allows 64 KiB, and a memory of many such would fill the machine's


def parse_topic(topic: str) -> Topic | None:
    """Return the parts of `topic`, or None when it is not one of ours."""
    return find_parts(topic) if len(topic) <= LONGEST else None


@lru_cache(maxsize=65_536)
def find_parts(topic: str) -> Topic | None:
    """Return the same of a topic that is short enough to be remembered."""
    match = _TOPIC.fullmatch(topic)
    if match is None:
        return None
    area, kind, device, channel = match.groups()
    return Topic(area, Kind(kind), device, Channel(channel))


_ITS_PLACE = re.compile(rf"{ROOT}/[^/]*/[^/]*/({DEVICE_PATTERN})/", re.ASCII)


def device_in(topic: str) -> str:
    """Return the device that `topic` names in its place, whatever is wrong with the rest; empty: it names none."""
    match = _ITS_PLACE.match(topic)
    return "" if match is None else match[1]


EVERY_CHANNEL = "up/#"  # what devices may write, channels that do not exist included


def subscription(channel: str, area: str = "+") -> str:
    """Return the filter for one channel of every device of `area` (default: of all areas)."""
    return f"{ROOT}/{area}/+/+/{channel}"
