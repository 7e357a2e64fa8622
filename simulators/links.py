"""Which connection carries which device: thousands share one through the fleet account, a few have their own account.

Called by `simulators.main` and tests. Promises: every device has exactly one connection; a device with an account of
its own has a last will; what arrives for shared devices comes in on one wildcard subscription.
"""

import secrets
from collections.abc import Callable, Mapping
from urllib.parse import SplitResult

import orjson

from services.core.clock import Clock
from services.core.mqtt import SessionConfig, Will
from services.core.topics import ROOT, Channel, Topic
from simulators.device import Link
from simulators.twin import Twin

DEVICES_PER_LINK = 2500
ALL_DOWN = f"{ROOT}/+/+/+/down/#"


class Links:
    """Connections made on demand. Set `on_down` before they run: it gets what arrives for any device."""

    def __init__(
        self,
        url: SplitResult,
        clock: Clock,
        *,
        own_passwords: Mapping[str, str] | None = None,
    ) -> None:
        self.all: list[Link] = []
        self.on_down: Callable[[Topic, bytes], None] = lambda _topic, _payload: None
        self._url = url
        self._clock = clock
        self._own = own_passwords or {}
        self._shared = 0

    def for_twin(self, twin: Twin) -> Link:
        """Return the connection of `twin`."""
        password = self._own.get(twin.code)
        if password is not None:
            return self._add(self._own_config(twin, password))
        if self._shared % DEVICES_PER_LINK == 0:
            self._add(self._shared_config(listens=self._shared == 0))
            self._newest_shared = self.all[-1]
        self._shared += 1
        return self._newest_shared

    def _add(self, config: SessionConfig) -> Link:
        link = Link(config, self._clock, on_down=lambda topic, payload: self.on_down(topic, payload))  # noqa: PLW0108  set later
        self.all.append(link)
        return link

    def _shared_config(self, *, listens: bool) -> SessionConfig:
        # a fresh id at every start: two fleets side by side must not take each other's session
        client_id = f"firetower.fleet.{secrets.token_hex(6)}"
        return SessionConfig.from_url(
            self._url, client_id, filters=(ALL_DOWN,) if listens else (), clean_start=True, session_expiry_s=60
        )

    def _own_config(self, twin: Twin, password: str) -> SessionConfig:
        will = Will(f"{twin.base}/{Channel.STATUS}", orjson.dumps({"online": False, "ts": 0}))
        config = SessionConfig.from_url(
            self._url, twin.code, filters=(f"{twin.base}/down/#",), max_outgoing=600, session_expiry_s=86_400, will=will
        )
        return SessionConfig(
            **{name: getattr(config, name) for name in config.__dataclass_fields__}
            | {"username": twin.code, "password": password}
        )
