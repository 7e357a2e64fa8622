"""Where a request comes from, as it is counted: of IPv6 the network. Pure."""

import ipaddress

_IPV6_NETWORK = 64  # bits: one line has as many addresses as it likes


def place_of(address: str) -> str:
    """Return what counts as one address: of IPv6 the network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False))
    return str(parsed.ipv4_mapped or parsed) if isinstance(parsed, ipaddress.IPv6Address) else address
