"""Guards requests to addresses that somebody wrote into the system: only public ones are called (contract 7).

Used by alerts for contacts and gateways, and by the API when an address is written. Promises that no connection is made
to an address that is not public, however its name is spelt or resolved, unless the operator named its network. The name
is resolved once per request, and the connection goes to the very address that was checked.
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
REMEMBERED_S, KEPT_OPEN_S = 30.0, 30.0
NEXT_ADDRESS_S = 2.0  # how long one of several addresses of a name may take to answer
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))  # RFC 6052, RFC 8215
_COMPATIBLE = ip_network("::/96")  # RFC 4291 2.5.5.1, deprecated, and still routed in places
_TRANSLATED = ip_network("::ffff:0:0:0/96")  # RFC 2765 2.1
# not public by their registries, though Python 3.11 calls them global: RFC 6890 (some clouds keep their metadata
# there), RFC 7526, RFC 3879, RFC 9602
_RESERVED = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "5f00::/16")))


class AddressRefused(Exception):
    """The address is not public, and its network is not among those that the operator named."""


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
    if host == "localhost" or host.endswith(".localhost"):
        host = "127.0.0.1"
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
    """Finds the addresses of a name, each of them checked. The answer is used again for `remembered_s`."""

    def __init__(
        self, networks: Sequence[Network], resolve: Resolve = resolve, remembered_s: float = REMEMBERED_S
    ) -> None:
        self._networks, self._resolve, self._remembered_s = networks, resolve, remembered_s
        self._checked: tuple[float, tuple[str, int], list[str]] | None = None

    async def of(self, host: str, port: int) -> list[str]:
        """Return the addresses of `host`, at least one.

        Raises:
            AddressRefused: one of them is not public. One is enough: the name's owner chooses their order.
            OSError: the name cannot be resolved.
        """
        now = time.monotonic()
        if self._checked is not None and self._checked[1] == (host, port) and now < self._checked[0]:
            return self._checked[2]
        addresses = await self._resolve(host, port)
        for address in addresses:
            why = refusal(address, self._networks)
            if why is not None:
                raise AddressRefused(why)
        if not addresses:
            raise OSError("the name has no address")
        self._checked = (now + self._remembered_s, (host, port), addresses)
        return addresses


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends a request to a checked address of its host: no connection is made to another.

    None is kept: an open connection would be found by its address, not by the name in its certificate.
    """

    def __init__(self, networks: Sequence[Network], resolve: Resolve = resolve) -> None:
        self._addresses = CheckedAddresses(networks, resolve, remembered_s=0.0)
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
        self._inner = httpx2.AsyncHTTPTransport(verify=tls(), trust_env=False, limits=limits)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Resolve, check, connect; the next address when one does not answer.

        Raises:
            AddressRefused: one of the addresses is not public.
        """
        url = request.url
        addresses = await self._addresses.of(url.host, url.port or (443 if url.scheme == "https" else 80))
        for address in addresses[:-1]:
            with contextlib.suppress(httpx2.ConnectError, httpx2.ConnectTimeout):  # before anything was sent
                return await self._send(request, address, connect_s=NEXT_ADDRESS_S)
        return await self._send(request, addresses[-1])

    async def _send(self, request: httpx2.Request, address: str, connect_s: float | None = None) -> httpx2.Response:
        extensions = dict(request.extensions)
        if connect_s is not None:
            given = extensions.get("timeout", {})
            extensions["timeout"] = {**given, "connect": min(given.get("connect") or connect_s, connect_s)}
        if request.url.host != address:
            extensions["sni_hostname"] = request.url.raw_host.decode("ascii")  # the certificate is the name's
        straight = httpx2.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,  # Host among them, as the name was written
            stream=request.stream,
            extensions=extensions,
        )
        return await self._inner.handle_async_request(straight)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()
