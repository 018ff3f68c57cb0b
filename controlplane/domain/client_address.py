"""Whom a request comes from, when proxies stand between.

To ``X-Forwarded-For`` each proxy appends the address it was asked from. Everything in it may have been sent
by the client itself, except for what trusted proxies have appended: so it is read from the right, and the
first address that is no trusted proxy's is the client.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Networks = Sequence[IPv4Network | IPv6Network]
UNREADABLE = ""


def client_address(peer: str, forwarded: str, trusted: Networks) -> str:
    """Return the client's address.

    Args:
        peer: the other end of the socket.
        forwarded: ``X-Forwarded-For``, the lines of it joined with commas.
        trusted: networks of the proxies that are believed.

    A trusted proxy that tells nothing is the client itself. What it tells and is no address (``unknown``,
    say) gives ``UNREADABLE``, which no rule of a registry names.
    """
    client = _read(peer)
    if client is None:
        return peer
    for text in reversed(forwarded.split(",") if forwarded.strip() else []):
        if not _is_in(client, trusted):
            break
        told = _read(_without_port(text.strip()))
        if told is None:
            return UNREADABLE
        client = told
    return str(client)


def _is_in(address: IPv4Address | IPv6Address, networks: Networks) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _without_port(text: str) -> str:
    """Some proxies name the port as well: ``203.0.113.5:4711``, ``[2001:db8::5]:4711``."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _read(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
