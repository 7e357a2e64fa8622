"""Device profiles: how vendors differ, as data (data/profiles.json, or a file of the operator with the same shape).

Read once by main; link.py and meaning.py are handed the profile of their device.
"""

from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.core.contracts import READING_FIELDS
from services.core.errors import BadSetting
from services.core.topics import Kind
from services.gateway.tables import DATA

DEFAULT = "standard"
HexBytes = Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$")]


class AnalogRule(BaseModel):
    """Where a measured quantity goes: the first rule that fits wins. `factor` brings it into the unit of the field."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    analog: Annotated[int, Field(ge=0, le=255)]
    systems: tuple[int, ...] = ()
    components: tuple[int, ...] = ()
    kind: Kind
    field: str
    factor: float = 1
    resolution: float | None = None  # of a user-defined type; a standard type brings its own

    def fits(self, analog: int, system: int | None, component: int | None) -> bool:
        """Say whether an object of these codes goes this way."""
        return (
            analog == self.analog
            and (not self.systems or system in self.systems)
            and (not self.components or component in self.components)
        )


class Profile(BaseModel):
    """How one model of transmission device speaks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    networks: tuple[IPv4Network | IPv6Network, ...]
    component_address: Literal["low_high", "high_low", "flat"] = "low_high"
    utc_offset_min: Annotated[int, Field(ge=-840, le=840)] = 480
    checksum: Literal["sum8", "xor8"] = "sum8"
    heartbeats: dict[HexBytes, HexBytes] = {}  # private one-byte data units and the reply to each
    idle_probe_s: Annotated[float, Field(gt=0)] = 60
    silence_limit_s: Annotated[float, Field(gt=0, le=7200)] = 7200  # GB 50440-2007: polled at most every 2 h
    clock_sync_s: Annotated[float, Field(ge=0)] = 86_400  # 0: never
    analogs: tuple[AnalogRule, ...] = ()

    def allows(self, host: str) -> bool:
        """Say whether a device of this profile may call from `host`."""
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network for network in self.networks)


Profiles = MappingProxyType[str, Profile]


def load_profiles(path: Path | None = None) -> Profiles:
    """Read the built-in profiles, and those of `path` over them.

    Raises:
        BadSetting: a profile cannot be used; the message names it and its field.
    """
    raw: dict[str, dict[str, object]] = {}
    shape = TypeAdapter(dict[str, dict[str, object]])
    for source in filter(None, (DATA / "profiles.json", path)):
        try:
            raw |= shape.validate_json(source.read_bytes())
        except (OSError, ValidationError) as error:
            raise BadSetting(f"{source}: {str(error).splitlines()[0]}; expected an object of profiles") from None
    profiles: dict[str, Profile] = {}
    for name, body in raw.items():
        base = body.get("extends")
        if base is not None and base not in profiles:
            raise BadSetting(f"profile {name} extends {base}, which must stand before it")
        merged = {key: value for key, value in body.items() if key != "extends"}
        if base is not None:
            parent = profiles[str(base)].model_dump()
            own = merged.get("analogs")
            merged = parent | merged
            if isinstance(own, list):
                merged["analogs"] = [*own, *parent["analogs"]]
        try:
            profiles[name] = profile = Profile.model_validate(merged)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadSetting(f"profile {name}, {where}: {first['msg']}") from None
        for rule in profile.analogs:
            if rule.field not in READING_FIELDS[rule.kind]:
                raise BadSetting(f"profile {name}, analogs: a reading of kind {rule.kind} has no field {rule.field}")
    return Profiles(profiles)
