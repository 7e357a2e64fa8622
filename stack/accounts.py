"""The accounts and roles of the broker, as mosquitto's dynamic-security plug-in keeps them.

Called by `stack.mosquitto` and the set-up of the production broker. Promises: deny by default; a device writes only
its own `up` topics and reads only its own `down` topics; service names contain a `.`, which no device name can.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

SERVICES = "firetower.services"  # ingest, gateway: every topic of ours and $SYS
PROVISIONER = "firetower.api"  # the same, and may create and remove device accounts
FLEET = "firetower.fleet"  # simulators, bench and tests: every device at once; embedded stack only
DEVICE_ROLE = "device"
RELAYS = "relay."  # begins the account of a township's relay, and the role that lists its areas; the API makes both

_ITERATIONS = 1000  # the plug-in's own choice is of this order; passwords here are long and random


def _allow(acltype: str, topic: str) -> dict[str, Any]:
    return {"acltype": acltype, "topic": topic, "priority": 0, "allow": True}


def _write(topic: str) -> list[dict[str, Any]]:
    return [_allow("publishClientSend", topic)]


def _read(topic: str) -> list[dict[str, Any]]:
    return [_allow("subscribePattern", topic), _allow("publishClientReceive", topic)]


_ROLES: dict[str, list[dict[str, Any]]] = {
    DEVICE_ROLE: [*_write("fire/v1/+/+/%u/up/#"), *_read("fire/v1/+/+/%u/down/#")],
    "services": [
        *_write("fire/v1/#"),
        *_read("fire/v1/#"),
        *_write("firetower/#"),
        *_read("firetower/#"),
        *_read("$SYS/#"),
    ],
    "provisioner": [*_write("$CONTROL/dynamic-security/v1"), *_read("$CONTROL/dynamic-security/#")],
    "fleet": [*_write("fire/v1/+/+/+/up/#"), *_read("fire/v1/+/+/+/down/#")],
}
_ROLES_OF = {SERVICES: ["services"], PROVISIONER: ["services", "provisioner"], FLEET: ["fleet"]}


def encode_password(password: str) -> str:
    """A password as the plug-in stores it: PBKDF2 with SHA-512, salted."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def account(username: str, password: str, roles: list[str]) -> dict[str, Any]:
    """One client of the plug-in's file."""
    return {
        "username": username,
        "encoded_password": encode_password(password),
        "roles": [{"rolename": name} for name in roles],
    }


def is_made(username: str) -> bool:
    """Whether the API made the account: of a device, or of a township's relay."""
    return "." not in username or username.startswith(RELAYS)


def accounts_file(passwords: Mapping[str, str], known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The plug-in's file: our roles and the accounts of `passwords`; what the API made, as `known` has it, is kept.

    `passwords` names which of SERVICES, PROVISIONER and FLEET exist.
    """
    made = known or {}
    kept = [client for client in made.get("clients", []) if is_made(client["username"])]
    relays = [role for role in made.get("roles", []) if role["rolename"].startswith(RELAYS)]
    return {
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": False,
            "subscribe": False,
            "unsubscribe": True,
        },
        "clients": [account(name, password, _ROLES_OF[name]) for name, password in passwords.items()] + kept,
        "groups": [],
        "roles": [{"rolename": name, "acls": acls} for name, acls in _ROLES.items()] + relays,
    }
