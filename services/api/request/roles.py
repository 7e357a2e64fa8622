"""Who may do what: roles and their permissions. Pure; asked by every request.

Promises denial by default: a role that is not listed here has no permission.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from services.api.request.scope import Scope


class Role(StrEnum):
    """What a person or key is."""

    WALL = "wall"  # a screen nobody sits at: it watches, and stays signed in over a restart
    VIEWER = "viewer"
    DUTY_OFFICER = "duty_officer"
    MAINTAINER = "maintainer"
    ADMINISTRATOR = "administrator"

    @classmethod
    def _missing_(cls, value: object) -> "Role | None":
        return {"duty": cls.DUTY_OFFICER, "admin": cls.ADMINISTRATOR}.get(str(value))


class Permission(StrEnum):
    """What a route asks for."""

    WATCH = "watch"  # what a wall shows: the live state, no names or numbers of people
    READ = "read"
    ACT = "act"  # judge alarms, start drills, release notices
    OPERATE = "operate"  # test windows, out of service, commands to devices
    MAINTAIN = "maintain"  # the registry, credentials, rejects
    ADMINISTER = "administer"  # people, keys, rules, policies, contacts, the audit


_READING = frozenset({Permission.WATCH, Permission.READ})
ROLES: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.WALL: frozenset({Permission.WATCH}),
        Role.VIEWER: _READING,
        Role.DUTY_OFFICER: _READING | {Permission.ACT, Permission.OPERATE},
        Role.MAINTAINER: _READING | {Permission.OPERATE, Permission.MAINTAIN},
        Role.ADMINISTRATOR: frozenset(Permission),
    }
)


@dataclass(frozen=True, slots=True)
class Who:
    """The person or key behind a request."""

    actor: str  # user:<name> or key:<name>, as it stands in the audit
    name: str
    role: Role
    scope: Scope
    language: str = "zh"
    person_id: int | None = None
    session: bytes | None = None  # hash of the cookie's token
    key: bytes | None = None  # hash of the API key
    session_until: datetime | None = None
    person_name: str = ""  # as people know them, where they have one

    @property
    def at_desk(self) -> bool:
        """Whether a duty room depends on it: its places are kept when others take many."""
        return self.role is Role.WALL or self.may(Permission.ACT)

    def may(self, permission: Permission) -> bool:
        """Whether the role holds `permission`."""
        return permission in ROLES.get(self.role, frozenset())
