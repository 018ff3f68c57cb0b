"""Which addresses the service may connect to on somebody else's behalf.

A service URI or an upstream is named by a user, and the service's own network is not theirs to reach:
loopback, link-local, private, shared, multicast and reserved addresses are refused, also inside an IPv6
address that embeds them, unless an operator has named their network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read networks in CIDR notation.

    Raises:
        ValueError: one of them is none; it is named.
    """
    return tuple(ip_network(text.strip()) for text in texts if text.strip())


def is_reachable(text: str, allowed: Sequence[Network]) -> bool:
    """Tell whether the service may connect to an address (without a zone)."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return all(_is_open(form, allowed) for form in (address, *_embedded(address)))


def _is_open(address: Address, allowed: Sequence[Network]) -> bool:
    if any(address.version == network.version and address in network for network in allowed):
        return True
    if isinstance(address, IPv6Address) and _embedded(address):
        return True  # what it embeds decides
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded(address: Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that packets to an IPv6 address may end at."""
    if isinstance(address, IPv4Address):
        return ()
    last = IPv4Address(int(address) & 0xFFFFFFFF)
    found = [address.ipv4_mapped, address.sixtofour]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        found.append(last)
    if address.teredo is not None:
        found.extend(address.teredo)
    return tuple(one for one in found if one is not None)
