"""Settings per program, read once in main from FIRETOWER_* and passed down; no other module reads the environment."""

import base64
import os
import re
import socket
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.core.city.xf3017 import read_codes
from services.core.errors import BadSetting
from services.core.listening import address_family
from services.core.push_keys import ORDER, to_bytes

_ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f]+")  # a blank within it would fail only at the first fire
# what our driver knows of the choices in an address; a wrong one would look like a database that is away
_DATABASE_CHOICES = MappingProxyType(
    {
        "target_session_attrs": ("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
        "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    }
)


def _scheme(*allowed: str, empty: bool = False) -> AfterValidator:
    def check(value: str) -> str:
        if value or not empty:
            _check_address(value, *allowed)
        return value

    return AfterValidator(check)


def _check_address(value: str, *schemes: str) -> None:
    try:
        parts = urlsplit(value)
        good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number or too large, or a broken [IPv6] address
        good = False
    if not good:
        raise ValueError(f"must look like {schemes[0]}://host:port")
    if not _ADDRESS.fullmatch(value):
        raise ValueError("must not contain blanks or control characters")


def _database(value: str) -> str:
    """Take an address with one host or several, each with a port of its own: the primary is found among them."""
    scheme, _, rest = value.partition("://")
    end = min((place for mark in "/?#" if (place := rest.find(mark)) >= 0), default=len(rest))
    account, at, hosts = rest[:end].rpartition("@")
    for host in hosts.split(","):
        _check_address(f"{scheme}://{account}{at}{host}{rest[end:]}", "postgresql", "postgres")
    for name, chosen in parse_qsl(urlsplit(f"//h{rest[end:]}").query):
        if chosen not in _DATABASE_CHOICES.get(name, (chosen,)):
            raise ValueError(f"{name} must be one of {', '.join(_DATABASE_CHOICES[name])}")
    return value


Network = IPv4Network | IPv6Network
MqttUrl = Annotated[str, _scheme("mqtt", "mqtts")]
DatabaseUrl = Annotated[str, AfterValidator(_database)]
OptionalHttpUrl = Annotated[str, _scheme("http", "https", empty=True)]
Port = Annotated[int, Field(ge=0, le=65_535)]


def _basemap(value: str) -> str:
    if value and not value.startswith("tianditu:") and not Path(value).is_file():
        raise ValueError("must be a .pmtiles file that exists, or tianditu:<key>")
    return value


def _tile_url(value: str) -> str:
    try:
        parts = urlsplit(value.format(server=0, layer="vec", x=0, y=0, z=0, key="k"))
    except (KeyError, IndexError, ValueError):
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or any(f"{{{n}}}" not in value for n in "xyz"):
        raise ValueError("must be an http(s) address with {layer}, {x}, {y}, {z}, {key} and perhaps {server}")
    return value


def _areas(value: object) -> object:
    if not isinstance(value, str):
        return value
    areas = tuple(part.strip() for part in value.split(",") if part.strip())
    for area in areas:
        _area(area)
    return areas


def _paths(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(Path(part) for part in value.split(os.pathsep) if part)


def _area(value: str) -> str:
    if not re.fullmatch("[0-9]{6,12}", value):
        raise ValueError(f"{value!r} is no area code of 6 to 12 digits; several are separated by commas")
    return value


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    try:
        return tuple(ip_network(part) for part in parts)
    except ValueError as error:
        raise ValueError(f"{error}; must be networks as 10.20.0.0/16, separated by commas") from None


def _level(value: str) -> str:
    if value.lower() not in {"debug", "info", "warning", "error"}:
        raise ValueError("must be debug, info, warning or error")
    return value


def _own_host(value: str) -> str:
    """Refuse what we cannot listen on: an empty host would mean every network, a foreign one would fail only later."""
    if not value:
        raise ValueError("is empty; 127.0.0.1 is this machine alone, 0.0.0.0 all its networks")
    try:
        socket.create_server((value, 0), family=address_family(value)).close()
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{value!r} is no address of this machine: {error}") from None
    return value


def _webhook_secret(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    try:
        good = not secret or (secret.startswith("whsec_") and bool(base64.b64decode(secret[6:], validate=True)))
    except ValueError:
        good = False
    if not good:
        raise ValueError("must look like whsec_ and base64")
    return value


def _contact(value: str) -> str:
    if value and not re.fullmatch(r"mailto:[^\s@]+@[^\s@]+|https://[^\s/]+(/\S*)?", value):
        raise ValueError("must look like mailto:duty@county.example or https://county.example/contact")
    return value


def _push_key(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    try:
        good = not secret or 0 < int.from_bytes(to_bytes(secret)) < ORDER
    except ValueError:
        good = False
    if not good:
        raise ValueError("must be the private key of P-256 in base64url, as VAPID tools write it")
    return value


def _codes(value: Path | None) -> Path | None:
    if value is not None:
        try:
            read_codes(value.read_bytes())
        except OSError as error:
            raise ValueError(f"cannot be read: {error}") from None
    return value


def _folder(value: object) -> object:
    if value == "":  # a variable of a script that was never set: it would be the folder where we happen to stand
        raise ValueError("is empty; name a folder, . is the one you are in")
    return value


Folder = Annotated[Path, BeforeValidator(_folder)]
OwnHost = Annotated[str, AfterValidator(_own_host)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]


class Settings(BaseSettings):
    """What every program takes."""

    model_config = SettingsConfigDict(env_prefix="FIRETOWER_", frozen=True, extra="ignore")

    database_url: DatabaseUrl = "postgresql://firetower@127.0.0.1:5432/firetower"
    state_dir: Folder = Path(".firetower")
    log_level: Annotated[str, AfterValidator(_level)] = "info"
    log_format: Annotated[str, Field(pattern="^(auto|json|console)$")] = "auto"
    metrics_port: Port | None = None  # this program's own Prometheus port; unset: none
    metrics_host: OwnHost = "127.0.0.1"  # open it no further than to a network that only your own machines reach
    ready_file: Path | None = None  # touched when the program is ready

    @classmethod
    def read(cls) -> Self:
        """Read the environment.

        Raises:
            BadSetting: a value cannot be used; the message is one line that names it.
        """
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            name = f"FIRETOWER_{first['loc'][0]}".upper()
            raise BadSetting(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None


class MqttSettings(Settings):
    """For programs that talk to the broker. User and password are part of the URL."""

    mqtt_url: MqttUrl = "mqtt://127.0.0.1:1883"

    @property
    def mqtt(self) -> SplitResult:
        """The broker's address in parts."""
        return urlsplit(self.mqtt_url)


class IngestSettings(MqttSettings):
    """firetower ingest."""

    mqtt_max_connections: Annotated[int, Field(ge=0)] = 0  # of devices at the broker; 0: not known, nothing is judged
    ingest_areas: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_areas)] = ()
    retention_days: Annotated[int, Field(ge=365)] = 400  # GB 50440-2007 3.3: records are kept at least one year
    reserve_file: Path | None = None  # kept by `up` on the database's disk; while it is empty readings wait


class OutboundSettings(Settings):
    """For programs that call, or take, addresses that somebody wrote into the system (contract 7)."""

    # where receivers may stand that are not public: for everybody, and for what a county's administrator wrote
    subscription_networks: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = ()
    county_networks: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = ()

    def allowed_networks(self, *, county: bool) -> tuple[Network, ...]:
        """Return the networks that are open to addresses which the county, or anybody, wrote."""
        return self.subscription_networks + (self.county_networks if county else ())


class PushSettings(OutboundSettings):
    """firetower push."""

    # how push services reach the operator; empty: there is no way out, and no browser is called
    web_push_contact: Annotated[str, AfterValidator(_contact)] = ""
    web_push_key: Annotated[SecretStr, AfterValidator(_push_key)] = SecretStr("")  # empty: one is made in the database


class AlertsSettings(OutboundSettings):
    """firetower alerts."""

    dispatch_url: OptionalHttpUrl = ""
    dispatch_secret: WebhookSecret = SecretStr("")
    dispatch_format: Literal["firetower", "xf3017"] = "firetower"
    dispatch_codes: Annotated[Path | None, AfterValidator(_codes)] = None  # a file: what the brigade calls things
    heartbeat_url: OptionalHttpUrl = ""
    storage_dirs: Annotated[
        tuple[Path, ...], NoDecode, BeforeValidator(_paths)
    ] = ()  # disks watched beside STATE_DIR's
    retention_days: Annotated[int, Field(ge=365)] = 400  # closed alarms; the same variable as ingest's
    audit_secret: SecretStr = SecretStr("")  # signs the anchors; empty: one is made in the state folder


class ApiSettings(MqttSettings, OutboundSettings):
    """firetower api."""

    device_mqtt_url: Annotated[str, _scheme("mqtt", "mqtts", empty=True)] = ""  # what devices are told; empty: mqtt_url
    api_host: OwnHost = "127.0.0.1"
    api_port: Port = 8000
    basemap: Annotated[str, AfterValidator(_basemap)] = ""  # a .pmtiles file, "tianditu:<key>", empty: a plain ground
    tianditu_url: Annotated[str, AfterValidator(_tile_url)] = (  # a mirror of it inside a closed network has another
        "https://t{server}.tianditu.gov.cn/DataServer?T={layer}_w&x={x}&y={y}&l={z}&tk={key}"
    )
    layers_dir: Path | None = None  # GeoJSON shapes shown on the map
    secure_cookies: bool = False  # true behind TLS
    # whose X-Forwarded-For, -Proto, -Host and -Prefix are believed: the proxy in front of us. Empty: nobody's, not even
    # this machine's
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = ()


class GatewaySettings(MqttSettings):
    """firetower gateway."""

    gateway_host: OwnHost = "127.0.0.1"
    gateway_port: Port = 26875
    gateway_area: Annotated[str, AfterValidator(_area)] = "140931"


class BackupSettings(Settings):
    """firetower backup, and `up` where it keeps one."""

    backup_dir: Path | None = None  # empty: no schedule
    backup_database_url: Annotated[str, _scheme("postgresql", "postgres", empty=True)] = ""  # of a role that replicates
    backup_passphrase_file: Path | None = None  # its first line encrypts everything that is kept
    backup_keep: Annotated[int, Field(ge=1)] = 7  # base copies, each with the log after it
    backup_every_h: Annotated[float, Field(gt=0)] = 24
    backup_also: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_paths)] = ()  # files and folders beside ours
    basemap: str = ""
    layers_dir: Path | None = None

    @property
    def also(self) -> tuple[Path, ...]:
        """What is copied beside the state folder: what was named, and the maps."""
        maps = (
            Path(self.basemap) if self.basemap and not self.basemap.startswith("tianditu:") else None,
            self.layers_dir,
        )
        return (*self.backup_also, *(path for path in maps if path is not None))


class DeskSettings(Settings):
    """firetower desk."""

    desk_host: OwnHost = "127.0.0.1"
    desk_port: Port = 8119
    dispatch_secret: WebhookSecret = SecretStr("")
