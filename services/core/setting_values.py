"""Values that settings may have: each is checked when it is read, and refused with a sentence that names the cure.

Used by settings. A refusal is a ValueError, which becomes the one line that a program ends with.
"""

import base64
import errno
import os
import re
import socket
import unicodedata
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from services.core.city.xf3017 import read_codes
from services.core.database_words import refuse_words
from services.core.listening import address_family
from services.core.push_keys import ORDER, to_bytes

TIANDITU = "https://t{server}.tianditu.gov.cn/DataServer?T={layer}_w&x={x}&y={y}&l={z}&tk={key}"
_ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f]+")  # a blank within it would fail only at the first fire
_UNSEEN = ("Cc", "Cf")  # control characters; marks of order and of no width
_ENCODED = "with / as %2F, # as %23, ? as %3F, @ as %40, [ as %5B and % as %25 in user and password"


def refuse_odd_text(value: object) -> object:
    """Refuse what a file of settings or a page added to a value: a line end, a mark that nobody sees, quotes.

    `docker run --env-file` and others read no quotes; a folder of that name would be made, and used.
    """
    if isinstance(value, str):
        for place, character in enumerate(value, 1):
            if unicodedata.category(character) in _UNSEEN:  # and nothing of what may be a secret is shown
                raise ValueError(
                    f"has a character in it that nobody sees, {character!a} at place {place} of {len(value)}:"
                    " a file written on Windows ends lines so, and what is copied from a page may have one"
                )
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            raise ValueError("is in quotes that are part of the value; leave them out")
    return value


def scheme(*allowed: str, empty: bool = False) -> AfterValidator:
    """Return the check of an address with one of these schemes; with `empty` there may be none."""

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
        account = f", {_ENCODED}" if "http" not in schemes and "@" in value else ""
        raise ValueError(f"must look like {schemes[0]}://host:port{account}")
    if not _ADDRESS.fullmatch(value):
        raise ValueError("must not contain blanks or control characters")
    rest = f"{parts.path}{parts.query.partition('=')[0]}"
    if "http" not in schemes and ("#" in value or "@" in rest):  # an account cut in two: its name is taken for the host
        raise ValueError(f"must look like {schemes[0]}://user:password@host:port, {_ENCODED}")


def _database(value: str) -> str:
    """Take an address with one host or several, each with a port of its own: the primary is found among them."""
    scheme, _, rest = value.partition("://")
    end = min((place for mark in "/?#" if (place := rest.find(mark)) >= 0), default=len(rest))
    account, at, hosts = rest[:end].rpartition("@")
    for host in hosts.split(","):
        _check_address(f"{scheme}://{account}{at}{host}{rest[end:]}", "postgresql", "postgres")
    refuse_words(urlsplit(f"//h{rest[end:]}").query)
    return value


Network = IPv4Network | IPv6Network
MqttUrl = Annotated[str, scheme("mqtt", "mqtts")]
DatabaseUrl = Annotated[str, AfterValidator(_database)]
OptionalHttpUrl = Annotated[str, scheme("http", "https", empty=True)]
Port = Annotated[int, Field(ge=0, le=65_535)]
# GB 50440-2007 3.3: records are kept at least one year; and at most as long as there is a date so far back
RetentionDays = Annotated[int, Field(ge=365, le=36_500)]


def _basemap(value: str) -> str:
    """Take a file that is not there: fires do not wait for a picture, whose disk may come later than we do."""
    if value and not value.startswith("tianditu:") and not _may_be_a_map(Path(value)):
        raise ValueError("must be a .pmtiles file, or tianditu:<key>")
    return value


def _may_be_a_map(file: Path) -> bool:
    return file.suffix == ".pmtiles" or file.is_file()


def _tile_url(value: str) -> str:
    value = value or TIANDITU  # compose sets what nobody gave
    try:
        parts, others = (urlsplit(value.format(server=0, layer="vec", x=n, y=n, z=n, key="k")) for n in (0, 1))
    except (KeyError, IndexError, ValueError):
        parts = others = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or any(f"{{{n}}}" not in value for n in "xyz"):
        raise ValueError("must be an http(s) address with {layer}, {x}, {y}, {z}, {key} and perhaps {server}")
    if parts.netloc != others.netloc:
        raise ValueError("{x}, {y} and {z} belong behind the host: tiles of one server come over the same connections")
    return value


def _areas(value: object) -> object:
    if not isinstance(value, str):
        return value
    areas = tuple(part.strip() for part in value.split(",") if part.strip())
    for area in areas:
        _area(area)
    return areas


def _tls_addresses(value: object) -> object:
    if not isinstance(value, str):
        return value
    addresses = tuple(part.strip() for part in value.split(",") if part.strip())
    for address in addresses:
        if not address.startswith(("mqtts://", "https://")):
            raise ValueError("must be addresses as https://host or mqtts://host:port, separated by commas")
        _check_address(address, "mqtts", "https")
    return addresses


def _paths(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(Path(part) for part in map(_without_blanks_at_ends, value.split(os.pathsep)) if part)


def _without_blanks_at_ends(value: str) -> str:
    if value != value.strip():
        raise ValueError(f"{value!r} has a blank at an end, which would be part of the name")
    return value


def _path(value: object) -> object:
    """Take an empty value for none, as scripts and compose set what nobody gave: as a path it would be where we are."""
    if isinstance(value, str):
        return _without_blanks_at_ends(value) or None
    return value


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
    """Refuse what this machine cannot listen on; an IP address may be away, as a network may come later than we do.

    An empty host would mean every network.
    """
    if not value:
        raise ValueError("is empty; 127.0.0.1 is this machine alone, 0.0.0.0 all its networks")
    try:
        socket.create_server((value, 0), family=address_family(value)).close()
    except (OSError, UnicodeError) as error:
        away = isinstance(error, OSError) and error.errno == errno.EADDRNOTAVAIL
        if not (away and _is_ip_address(value)):
            raise ValueError(f"{value!r} is no address of this machine: {error}") from None
    return value


def _is_ip_address(value: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(value))
    return False


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
    """Refuse a file with other content; one that cannot be read now is read by alerts as soon as it can be."""
    with suppress(OSError):
        if value is not None:
            read_codes(value.read_bytes())
    return value


def _folder(value: object) -> object:
    if value == "":  # a variable of a script that was never set: it would be the folder where we happen to stand
        raise ValueError("is empty; name a folder, . is the one you are in")
    return _without_blanks_at_ends(value) if isinstance(value, str) else value


def _no_file(path: Path) -> Path:
    """Refuse what can be no folder because a file stands there, or on the way to it."""
    there = next((one for one in (path, *path.parents) if os.path.exists(one)), path)  # noqa: PTH110  raises nothing
    if os.path.exists(there) and not os.path.isdir(there):  # noqa: PTH110, PTH112
        raise ValueError(f"{there} is a file; name a folder")
    return path


Folder = Annotated[Path, BeforeValidator(_folder), AfterValidator(_no_file)]
OptionalPath = Annotated[Path | None, BeforeValidator(_path)]
OwnHost = Annotated[str, AfterValidator(_own_host)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]
Level = Annotated[str, AfterValidator(_level)]
Area = Annotated[str, AfterValidator(_area)]
Areas = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_areas)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
TlsAddresses = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_tls_addresses)]
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_paths)]
Contact = Annotated[str, AfterValidator(_contact)]
PushKey = Annotated[SecretStr, AfterValidator(_push_key)]
CodesFile = Annotated[Path | None, BeforeValidator(_path), AfterValidator(_codes)]
Basemap = Annotated[str, AfterValidator(_basemap)]
TileUrl = Annotated[str, AfterValidator(_tile_url)]
OptionalMqttUrl = Annotated[str, scheme("mqtt", "mqtts", empty=True)]
OptionalDatabaseUrl = Annotated[str, scheme("postgresql", "postgres", empty=True)]
