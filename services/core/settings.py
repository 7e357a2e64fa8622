"""Settings per program, read once in main from FIRETOWER_* and passed down; no other module reads the environment."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.core.errors import BadSetting


def _scheme(*allowed: str, empty: bool = False) -> AfterValidator:
    def check(value: str) -> str:
        if empty and not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in allowed or not parts.hostname:
            raise ValueError(f"must look like {allowed[0]}://host:port")
        return value

    return AfterValidator(check)


MqttUrl = Annotated[str, _scheme("mqtt", "mqtts")]
DatabaseUrl = Annotated[str, _scheme("postgresql", "postgres")]
OptionalHttpUrl = Annotated[str, _scheme("http", "https", empty=True)]
Port = Annotated[int, Field(ge=0, le=65_535)]


def _areas(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class Settings(BaseSettings):
    """What every program takes."""

    model_config = SettingsConfigDict(env_prefix="FIRETOWER_", frozen=True, extra="ignore")

    database_url: DatabaseUrl = "postgresql://firetower@127.0.0.1:5432/firetower"
    state_dir: Path = Path(".firetower")
    log_level: Annotated[str, Field(pattern="^(?i:debug|info|warning|error)$")] = "info"
    log_format: Annotated[str, Field(pattern="^(auto|json|console)$")] = "auto"
    metrics_port: Port | None = None  # this program's own Prometheus port; unset: none
    metrics_host: str = "127.0.0.1"  # open it no further than to a network that only your own machines reach
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
            name = "FIRETOWER_" + "_".join(str(part) for part in first["loc"]).upper()
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

    ingest_areas: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[0-9]{6,12}$")], ...], NoDecode, BeforeValidator(_areas)
    ] = ()
    retention_days: Annotated[int, Field(ge=365)] = 400  # GB 50440-2007 3.3: records are kept at least one year


class AlertsSettings(Settings):
    """firetower alerts."""

    dispatch_url: OptionalHttpUrl = ""
    dispatch_secret: SecretStr = SecretStr("")
    heartbeat_url: OptionalHttpUrl = ""
    retention_days: Annotated[int, Field(ge=365)] = 400  # closed alarms; the same variable as ingest's
    audit_secret: SecretStr = SecretStr("")  # signs the anchors; empty: one is made in the state folder


class ApiSettings(MqttSettings):
    """firetower api."""

    api_host: str = "127.0.0.1"
    api_port: Port = 8000
    basemap: str = ""  # a .pmtiles file, "tianditu:<key>", or empty for a plain ground
    layers_dir: Path | None = None  # GeoJSON shapes shown on the map
    secure_cookies: bool = False  # true behind TLS


class GatewaySettings(MqttSettings):
    """firetower gateway."""

    gateway_host: str = "127.0.0.1"
    gateway_port: Port = 26875
    gateway_area: Annotated[str, Field(pattern=r"^[0-9]{6,12}$")] = "140931"


class DeskSettings(Settings):
    """firetower desk."""

    desk_host: str = "127.0.0.1"
    desk_port: Port = 8119
    dispatch_secret: SecretStr = SecretStr("")
