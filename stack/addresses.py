"""Where everything of one running system is, and how `endpoints.json` says it.

Called by `stack.up`. Promises: the keys are the contract's (section 1); what does not exist is empty or null.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from services.core.log import logger
from services.core.mqtt_config import port_of
from services.core.settings import AlertsSettings, ApiSettings, GatewaySettings
from services.core.text import describe_error
from stack.accounts import FLEET, PROVISIONER, SERVICES
from stack.first_admin import NOBODY, Admin
from stack.mosquitto import Mosquitto
from stack.state import write_private

log = logger(__name__)

# where a server listens: a client on this machine takes loopback
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def _reachable(host: str) -> str:
    return _ANY.get(host, host)


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@dataclass
class Addresses:
    """Starts from the settings; what we start ourselves fills in the rest."""

    database: str
    mqtt: str
    mqtt_provisioner: str
    api_host: str
    api_port: int
    gateway_host: str
    gateway_port: int
    dispatch: str
    mqtt_devices: str = ""
    mqtt_max_connections: int = 0
    mqtt_fleet: str = ""
    database_copier: str = ""  # of the embedded database, for the backup tools
    reserve: Path | None = None  # the file on the embedded database's disk that keeps room for fires
    storage_dirs: tuple[Path, ...] = ()  # whose disks are watched beside our own
    metrics_host: str = "127.0.0.1"
    admin: Admin = NOBODY

    @classmethod
    def of(cls, alerts: AlertsSettings, api: ApiSettings, gateway: GatewaySettings) -> "Addresses":
        """As the environment says."""
        return cls(
            database=api.database_url,
            mqtt=api.mqtt_url,
            mqtt_provisioner=api.mqtt_url,
            api_host=api.api_host,
            api_port=api.api_port,
            gateway_host=gateway.gateway_host,
            gateway_port=gateway.gateway_port,
            dispatch=alerts.dispatch_url,
            storage_dirs=alerts.storage_dirs,
            metrics_host=alerts.metrics_host,
        )

    def use_broker(self, broker: Mosquitto, *, fleet: bool) -> None:
        """Take the embedded broker's accounts."""
        self.mqtt = broker.url(SERVICES)
        self.mqtt_provisioner = broker.url(PROVISIONER)
        self.mqtt_devices = f"mqtt://{broker.host}:{broker.port}"
        self.mqtt_max_connections = broker.max_connections
        self.mqtt_fleet = broker.url(FLEET) if fleet else ""

    def metrics(self, port: int) -> str:
        """Where one of our programs says its figures."""
        return f"http://{_in_address(_reachable(self.metrics_host))}:{port}/metrics"

    @property
    def api(self) -> str:
        """The API and the dashboard."""
        return f"http://{_in_address(_reachable(self.api_host))}:{self.api_port}"

    def endpoints(self, pids: dict[str, int], *, programs: bool = True) -> dict[str, Any]:
        """The content of `endpoints.json`; without `programs`, the servers alone, there is no API and no gateway."""
        mqtt, fleet = urlsplit(self.mqtt_devices or self.mqtt), urlsplit(self.mqtt_fleet)
        return {
            "mqtt": {
                "host": mqtt.hostname,
                "port": port_of(mqtt),
                "fleet": {"username": unquote(fleet.username or ""), "password": unquote(fleet.password or "")},
            },
            "database": self.database,
            "api": self.api if programs else None,
            "admin": {
                "username": self.admin.username,
                "password": self.admin.password,
                "api_key": self.admin.api_key,
            }
            if programs
            else None,
            "gateway": {"host": _reachable(self.gateway_host), "port": self.gateway_port} if programs else None,
            "dispatch": self.dispatch or None,
            "processes": pids,
        }


class EndpointsFile:
    """`endpoints.json` on a disk that may be full: what could not be written is written as soon as there is room."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_stale = False  # what stands there, if anything, is not what was last noted

    def note(self, endpoints: dict[str, Any]) -> None:
        """Write where everything is, readable for its owner alone."""
        text = json.dumps(endpoints, indent=1, ensure_ascii=False)
        try:
            write_private(self.path, text + "\n")
        except OSError as error:
            if not self.is_stale:
                log.error("endpoints_not_written", path=str(self.path), error=describe_error(error))  # noqa: TRY400
            self.is_stale = True
        else:
            self.is_stale = False

    def forget(self) -> None:
        """Remove the file: the system is not ready."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
