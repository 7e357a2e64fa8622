"""What an MQTT session is told and what it says: configuration, deliveries, errors, client ids.

Pure data; services.core.mqtt hands all of it on, so that callers import one module.
"""

import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote

from services.core.errors import BadSetting, Fenced, FiretowerError

SESSION_EXPIRY_S = 7 * 24 * 3600
_SUFFIX = re.compile(rb"([0-9a-f]{16})\s*")


class SessionTakenOver(Fenced):
    """Another client connected with our client id; this process must end."""


class PublishRefused(FiretowerError):
    """The broker answered a publish with an error."""


class SessionClosed(FiretowerError):
    """The session was stopped before the broker answered."""


class OutgoingFull(FiretowerError):
    """More publishes wait for their PUBACK than `max_outgoing` allows."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes when the connection dies without a goodbye."""

    topic: str
    payload: bytes
    retain: bool = True


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """How to connect. `client_id` names the durable session: two clients with one id take it from each other."""

    client_id: str
    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    ca_file: Path | None = None  # None: the system's certificate authorities
    filters: tuple[str, ...] = ()
    optional_filters: tuple[str, ...] = ()  # a refusal of these is only logged
    receive_maximum: int = 100
    read_pause_s: float = 0.0  # how long bytes gather between two reads: fewer system calls here and at the broker
    max_outgoing: int = 10_000
    session_expiry_s: int = SESSION_EXPIRY_S
    retain_as_published: bool = False  # live messages keep the flag they were published with
    clean_start: bool = False
    keepalive_s: int = 10
    will: Will | None = None
    chunked: bool = True
    setting: str = "FIRETOWER_MQTT_URL"  # where address and account come from, for what is said to people

    @classmethod
    def from_url(cls, url: SplitResult, client_id: str, **rest: Any) -> "SessionConfig":
        """Read address, account and TLS from a parsed mqtt:// or mqtts:// URL."""
        tls = url.scheme == "mqtts"
        return cls(
            client_id=client_id,
            host=url.hostname or "127.0.0.1",
            port=port_of(url),
            username=unquote(url.username or ""),
            password=unquote(url.password or ""),
            tls=tls,
            **rest,
        )


def port_of(url: SplitResult) -> int:
    """Return the port of a broker's address: the named one, else that which IANA gave MQTT, or MQTT over TLS."""
    return url.port or (8883 if url.scheme == "mqtts" else 1883)


@dataclass(slots=True)
class Delivery:
    """One message from the broker. It stays the broker's until `Session.ack`."""

    topic: str
    payload: bytes
    qos: int
    retain: bool  # a stored copy sent because we subscribed; with `retain_as_published` live ones may bear it too
    dup: bool
    packet_id: int
    generation: int
    marks: Sequence[tuple[str, str]] = ()  # user properties
    left_s: int | None = None  # until the broker would have thrown it away, where its publisher said when


def service_client_id(state_dir: Path, program: str) -> str:
    """Return `firetower.<program>.<random>`, the same for every start with this state folder.

    The random part keeps others from taking the session: a broker compares client ids, not user names.

    Raises:
        BadSetting: the state folder cannot be made or read, or keeps nothing.
    """
    path = state_dir / "client-ids" / program
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        known = _SUFFIX.fullmatch(path.read_bytes()) if path.exists() else None
        suffix = known[1].decode() if known is not None else _keep_suffix(path)
    except OSError as error:
        raise BadSetting(f"FIRETOWER_STATE_DIR: {state_dir} cannot be used: {error}") from error
    return f"firetower.{program}.{suffix}"


def _keep_suffix(path: Path) -> str:
    """Make one and write it whole: what a power cut left of a file would be no id, or one that anybody can guess."""
    suffix, fresh = secrets.token_hex(8), path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(suffix)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return suffix
