"""Where a program of ours listens: a taken address is said in one line. Used by API, gateway, settings and `up`."""

import socket

from services.core.errors import CannotListen


def address_family(host: str) -> socket.AddressFamily:
    """The kind of socket that listens on `host`."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def listen_on(host: str, port: int, settings: str) -> socket.socket:
    """Return a socket that listens; `settings` are the names of those that say where.

    Raises:
        CannotListen: the address is taken, is not of this machine, or may not be used by us.
    """
    try:
        return socket.create_server((host, port), family=address_family(host))
    except OSError as error:
        raise CannotListen(f"{settings}: {error}") from error
