"""Settings per program, read once in main from FIRETOWER_* and passed down; no other module reads the environment."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.core.errors import BadSetting
from services.core.setting_values import (
    TIANDITU,
    Area,
    Areas,
    Basemap,
    CodesFile,
    Contact,
    DatabaseUrl,
    Folder,
    Level,
    MqttUrl,
    Network,
    Networks,
    OptionalDatabaseUrl,
    OptionalHttpUrl,
    OptionalMqttUrl,
    OptionalPath,
    OwnHost,
    Paths,
    Port,
    PushKey,
    RetentionDays,
    TileUrl,
    TlsAddresses,
    WebhookSecret,
    refuse_odd_text,
)


class Settings(BaseSettings):
    """What every program takes."""

    model_config = SettingsConfigDict(env_prefix="FIRETOWER_", frozen=True, extra="ignore")

    database_url: DatabaseUrl = "postgresql://firetower@127.0.0.1:5432/firetower"
    state_dir: Folder = Path(".firetower")
    log_level: Level = "info"
    log_format: Annotated[str, Field(pattern="^(auto|json|console)$")] = "auto"
    metrics_port: Port | None = None  # this program's own Prometheus port; unset: none
    metrics_host: OwnHost = "127.0.0.1"  # open it no further than to a network that only your own machines reach
    ready_file: OptionalPath = None  # touched when the program is ready

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, value: object, info: ValidationInfo) -> object:
        # The evidence that is there was signed with the key as it is, odd or not.
        return value if info.field_name == "audit_secret" else refuse_odd_text(value)

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
    ingest_areas: Areas = ()
    retention_days: RetentionDays = 400
    reserve_file: OptionalPath = None  # kept by `up` on the database's disk; while it is empty readings wait


class OutboundSettings(Settings):
    """For programs that call, or take, addresses that somebody wrote into the system (contract 7)."""

    # where receivers may stand that are not public: for everybody, and for what a county's administrator wrote
    subscription_networks: Networks = ()
    county_networks: Networks = ()

    def allowed_networks(self, *, county: bool) -> tuple[Network, ...]:
        """Return the networks that are open to addresses which the county, or anybody, wrote."""
        return self.subscription_networks + (self.county_networks if county else ())


class PushSettings(OutboundSettings):
    """firetower push."""

    # how push services reach the operator; empty: there is no way out, and no browser is called
    web_push_contact: Contact = ""
    web_push_key: PushKey = SecretStr("")  # empty: one is made in the database


class AlertsSettings(OutboundSettings):
    """firetower alerts."""

    dispatch_url: OptionalHttpUrl = ""
    dispatch_secret: WebhookSecret = SecretStr("")
    dispatch_format: Literal["firetower", "xf3017"] = "firetower"
    dispatch_codes: CodesFile = None  # a file: what the brigade calls things
    heartbeat_url: OptionalHttpUrl = ""
    storage_dirs: Paths = ()  # disks watched beside STATE_DIR's
    retention_days: RetentionDays = 400  # closed alarms; the same variable as ingest's
    audit_secret: SecretStr = SecretStr("")  # signs the anchors; empty: one is made in the state folder
    relay_mqtt_url: OptionalMqttUrl = ""  # set: the county alone tells 119
    # whose certificates are watched: what is named here, and what has TLS of the other programs' addresses
    watch_certificates: TlsAddresses = ()
    mqtt_url: OptionalMqttUrl = ""
    device_mqtt_url: OptionalMqttUrl = ""
    relay_api_url: OptionalHttpUrl = ""


class ApiSettings(MqttSettings, OutboundSettings):
    """firetower api."""

    device_mqtt_url: OptionalMqttUrl = ""  # what devices are told; empty: mqtt_url
    api_host: OwnHost = "127.0.0.1"
    api_port: Port = 8000
    retention_days: RetentionDays = 400  # the same variable as ingest's: older months have no report
    basemap: Basemap = ""  # a .pmtiles file, "tianditu:<key>", empty: a plain ground
    tianditu_url: TileUrl = TIANDITU  # a mirror of it inside a closed network has another; empty: its own
    layers_dir: OptionalPath = None  # GeoJSON shapes shown on the map
    secure_cookies: bool = False  # true behind TLS
    # whose X-Forwarded-For, -Proto, -Host and -Prefix are believed: the proxy in front of us. Empty: nobody's, not even
    # this machine's
    trusted_proxies: Networks = ()


class GatewaySettings(MqttSettings):
    """firetower gateway."""

    gateway_host: OwnHost = "127.0.0.1"
    gateway_port: Port = 26875
    gateway_area: Area = "140931"


class RelaySettings(Settings):
    """firetower relay, and `up` where it starts one. All four belong to one county."""

    relay_mqtt_url: OptionalMqttUrl = ""  # with the account relay.<name>
    relay_api_url: OptionalHttpUrl = ""
    relay_api_key: SecretStr = SecretStr("")
    relay_areas: Areas = ()  # exact codes, as in the topics

    @property
    def relay_mqtt(self) -> SplitResult:
        """The county's broker in parts."""
        return urlsplit(self.relay_mqtt_url)

    def require_whole(self) -> None:
        """Refuse to start with a part of them.

        Raises:
            BadSetting: one is missing.
        """
        for name in ("relay_mqtt_url", "relay_api_url", "relay_api_key", "relay_areas"):
            value = getattr(self, name)
            if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
                cure = "the county's POST /api/v1/townships gives account and key, and was told the areas"
                raise BadSetting(f"FIRETOWER_{name.upper()}: is empty; {cure}")


class BackupSettings(Settings):
    """firetower backup, and `up` where it keeps one."""

    backup_dir: OptionalPath = None  # empty: no schedule
    backup_database_url: OptionalDatabaseUrl = ""  # of a role that replicates
    backup_passphrase_file: OptionalPath = None  # its first line encrypts everything that is kept
    backup_keep: Annotated[int, Field(ge=1)] = 7  # base copies, each with the log after it
    backup_every_h: Annotated[float, Field(gt=0, le=1_000_000)] = 24
    backup_also: Paths = ()  # files and folders beside ours
    basemap: str = ""
    layers_dir: OptionalPath = None

    @property
    def also(self) -> tuple[Path, ...]:
        """What is copied beside the state folder: what was named, and the maps."""
        maps = (
            Path(self.basemap) if self.basemap and not self.basemap.startswith("tianditu:") else None,
            self.layers_dir,
        )
        return (*self.backup_also, *(path for path in maps if path is not None))


class UpSettings(Settings):
    """What `firetower up` alone takes."""

    broker_port: Annotated[int, Field(ge=1, le=65_535)] | None = None  # embedded: where a proxy finds it


class DeskSettings(Settings):
    """firetower desk."""

    desk_host: OwnHost = "127.0.0.1"
    desk_port: Port = 8119
    dispatch_secret: WebhookSecret = SecretStr("")
