"""Guards requests to addresses that somebody wrote into the system: only public ones are called (contract 7).

Asked by every line for its addresses, and by the API when one is written. Promises that none is given out that is not
public, however its name is spelt or resolved, unless the operator named its network. The connection goes to the very
address that was checked.
"""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx2

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[list[str]]]

SETTINGS = "FIRETOWER_SUBSCRIPTION_NETWORKS (for what the county wrote, in FIRETOWER_COUNTY_NETWORKS)"
REMEMBERED_S = 30.0
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))  # RFC 6052, RFC 8215
_COMPATIBLE = ip_network("::/96")  # RFC 4291 2.5.5.1, deprecated, and still routed in places
_TRANSLATED = ip_network("::ffff:0:0:0/96")  # RFC 2765 2.1
# not public by their registries, though Python 3.11 calls them global: RFC 6890 (some clouds keep their metadata
# there), RFC 7526, RFC 3879, RFC 9602
_RESERVED = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "5f00::/16")))


class AddressRefused(Exception):
    """No address of the name is public, or in a network that the operator named."""


def refusal(address: str, networks: Sequence[Network]) -> str | None:
    """Say why no connection may be made to an IP address; None when it may."""
    bare = ip_address(address.partition("%")[0])
    for one in (bare, *_inside(bare)):
        if any(one.version == network.version and one in network for network in networks):
            return None
    for one in (bare, *_inside(bare)):
        kind = _kind(one)
        if kind is not None:
            return f"it leads to {kind} address, whose network is not named in {SETTINGS}"
    return None


def refusal_of_url(url: str, networks: Sequence[Network]) -> str | None:
    """Say why an address that is written may never be called, as far as it can be told without asking for names."""
    host = httpx2.URL(url).host.removesuffix(".")  # a name may end in the root's point
    if host == "localhost" or host.endswith(".localhost"):  # it has both, and one that may be called is enough
        return refusal("::1", networks) and refusal("127.0.0.1", networks)
    try:
        # as the resolver reads it: 127.1, 0x7f000001 and 2130706433 are numbers, too
        host = socket.inet_ntoa(socket.inet_aton(host)) if ":" not in host else str(ip_address(host))
    except (OSError, ValueError):
        return None
    return refusal(host, networks)


def _inside(address: Address) -> list[Address]:
    """Return the IPv4 addresses that an IPv6 address carries: translators and tunnels lead there."""
    if isinstance(address, IPv4Address):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in (*_NAT64, _COMPATIBLE, _TRANSLATED)):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]


def _kind(address: Address) -> str | None:
    if address.is_unspecified:
        return "the unspecified"
    if address.is_loopback:
        return "a loopback"
    if address.is_link_local:
        return "a link-local"
    if address.is_multicast:
        return "a multicast"
    reserved = any(address in network for network in _RESERVED)
    return None if address.is_global and not reserved else "a private"


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name, in the system's order.

    In a thread of its own: names for which a foreign server never answers must not use up the few threads in which the
    loop resolves the desk's name, nor keep a program that ends.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[str]] = loop.create_future()

    def look_up() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as failed:
            answer(failed)
        else:
            answer(list(dict.fromkeys(str(row[4][0]) for row in rows)))

    def answer(found: list[str] | Exception) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(finish, found)

    def finish(found: list[str] | Exception) -> None:
        if done.done():
            return
        if isinstance(found, Exception):
            done.set_exception(found)
        else:
            done.set_result(found)

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    return await done


@cache
def tls() -> ssl.SSLContext:
    """Return what certificates are checked by: the same for all receivers, and a tenth of a second to make."""
    context = httpx2.create_ssl_context(trust_env=False)
    context.set_alpn_protocols(["http/1.1"])
    return context


class CheckedAddresses:
    """Finds the addresses of a name, each of them checked. The answer is used again for `remembered_s`.

    Without `networks` none is refused: for what stands in the operator's own settings.
    """

    def __init__(
        self, networks: Sequence[Network] | None, resolve: Resolve = resolve, remembered_s: float = REMEMBERED_S
    ) -> None:
        self._networks, self._resolve, self._remembered_s = networks, resolve, remembered_s
        self._checked: tuple[float, tuple[str, int], list[str]] | None = None

    async def of(self, host: str, port: int) -> list[str]:
        """Return the addresses of `host`, at least one.

        Raises:
            AddressRefused: none of them is public. Of several, those that are not are left out and never called.
            OSError: the name cannot be resolved.
        """
        now = time.monotonic()
        if self._checked is not None and self._checked[1] == (host, port) and now < self._checked[0]:
            return self._checked[2]
        found = await self._resolve(host, port)
        if not found:
            raise OSError("the name has no address")
        networks = self._networks
        whys = {address: None if networks is None else refusal(address, networks) for address in found}
        addresses = [address for address, why in whys.items() if why is None]
        if not addresses:
            raise AddressRefused(whys[found[0]])
        self._checked = (now + self._remembered_s, (host, port), addresses)
        return addresses


def anywhere() -> CheckedAddresses:
    """Return addresses of what the operator's own settings name: not checked, and asked for at every connection."""
    return CheckedAddresses(None, remembered_s=0.0)
