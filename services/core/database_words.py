"""The words behind the ? of a database's address: what each means for our driver, and which it cannot keep.

Called by settings, which refuses the address, and by services.core.primary, which connects. People write what libpq
knows; asyncpg hands a word that it does not know to the server as a setting, which then refuses every session, and that
looks like a database that is away.

Sources: "Parameter Key Words" of libpq (PostgreSQL 18, https://www.postgresql.org/docs/18/libpq-connect.html),
`_parse_connect_dsn_and_args` of asyncpg 0.32, and for server_settings.txt, what a session may set, `pg_settings` of
PostgreSQL 15 to 18 with what it does not show: settings that are NO_SHOW_ALL in guc_tables.c (role, seed ...), and the
older names that guc.c still takes (sort_mem, vacuum_mem). A server that does not know one of them says so itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

ATTRIBUTES = "target_session_attrs"
_TIMEOUT = "connect_timeout"
# what our driver takes, and where there is a choice, which; a wrong one would look like a database that is away
_TAKEN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    dict.fromkeys(
        ("host", "port", "dbname", "database", "user", "password", "passfile", "service", "krbsrvname", "options"), ()
    )
    | dict.fromkeys(("sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword"), ())
    | dict.fromkeys(("ssl_min_protocol_version", "ssl_max_protocol_version"), ())
    | {
        ATTRIBUTES: ("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
        "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
        "sslnegotiation": ("postgres", "direct"),
        "gsslib": ("gssapi", "sspi"),
    }
)
# What we do without, by its values (none named: any): what we settle ourselves, a wish that is met by doing nothing, or
# something that is only offered. A demand that our driver cannot keep is refused: the operator counts on it.
_WITHOUT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "keepalives": (),  # services.core.db looks for vanished servers itself
        "keepalives_idle": (),
        "keepalives_interval": (),
        "keepalives_count": (),
        "tcp_user_timeout": (),
        "fallback_application_name": (),  # every session of ours has a name
        "client_encoding": (),  # always UTF-8
        "load_balance_hosts": (),  # the primary is looked for, in the order of the address
        "sslcompression": (),
        "sslsni": (),
        "sslkeylogfile": (),
        "gssdelegation": (),
        "gssencmode": ("disable", "prefer"),
        "channel_binding": ("disable", "prefer"),
        "sslcertmode": ("allow",),
        "min_protocol_version": ("3.0",),
        "max_protocol_version": (),
        "requiressl": ("0",),
    }
)
_CANNOT = frozenset(
    {"hostaddr", "require_auth", "requirepeer", "sslcrldir", "servicefile", "replication"}
    | {"scram_client_key", "scram_server_key"}
    | {"oauth_issuer", "oauth_client_id", "oauth_client_secret", "oauth_scope"}
)
_SETTINGS = frozenset(Path(__file__).with_name("server_settings.txt").read_text(encoding="ascii").split())


@dataclass(frozen=True)
class Words:
    """What an address says to the driver: `address` without what it does not know."""

    address: str
    attribute: str | None  # the kind of server that is wanted
    timeout_s: float | None  # to be connected within; None: as long as the caller waits
    without: tuple[str, ...]  # the names of what was left out


def refuse_words(query: str) -> None:
    """Refuse words that would make the server, or our driver, refuse every session.

    Raises:
        ValueError: what it is, and the cure.
    """
    for name, value in _pairs(query):
        choices = _TAKEN.get(name, ())
        if choices and value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}")
        if name == _TIMEOUT and not value.removeprefix("-").isdecimal():
            raise ValueError(f"{name} must be a number of seconds")
        if name == "ssl" and value != "true":
            raise ValueError("ssl must be true; what else there is has the name sslmode")
        if name in _CANNOT or (_WITHOUT.get(name) and value not in _WITHOUT[name]):
            raise ValueError(f"our driver cannot keep what {name} asks for: leave it out")
        if not _is_known(name):
            shown = repr(name) if "@" not in query else "a name behind the ?"  # which may be half of a password
            raise ValueError(f"neither PostgreSQL nor our driver knows {shown}: correct it or leave it out")


def read_words(dsn: str) -> Words:
    """Take from an address what we settle ourselves."""
    parts = urlsplit(dsn)
    try:
        pairs = _pairs(parts.query)
    except ValueError:  # an address that no settings checked: the driver says what is wrong
        return Words(dsn, None, None, ())
    told = dict(pairs)
    without = tuple(name for name, _ in pairs if name in _WITHOUT)
    kept = [
        ("sslmode", "require") if pair == ("ssl", "true") else pair  # as libpq reads what JDBC's addresses have
        for pair in pairs
        if pair[0] not in {*without, ATTRIBUTES, _TIMEOUT}
    ]
    limit = told.get(_TIMEOUT, "")
    timeout_s = float(limit) if limit.isdecimal() and float(limit) > 0 else None  # libpq: 0 and less is for ever
    bare = dsn if kept == pairs else urlunsplit(parts._replace(query=urlencode(kept)))
    return Words(bare, told.get(ATTRIBUTES), timeout_s, without)


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError:
        raise ValueError("behind the ? there must be name=value, several separated by &") from None


def _is_known(name: str) -> bool:
    # with a point it is the setting of an extension, which the server takes whatever it is
    ours = name in _TAKEN or name in _WITHOUT or name in {_TIMEOUT, "ssl"}
    return ours or name.lower() in _SETTINGS or "." in name
