"""What settings say in one text: lists, regions and their URLs, networks, ranges of ports."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network

_REGION = re.compile("[a-z0-9]{1,50}")
_LAST_PORT = 65535


def listed(text: str) -> tuple[str, ...]:
    """Return the members of a list that is separated by commas."""
    return tuple(member for one in text.split(",") if (member := one.strip()))


def region_urls(text: str) -> dict[str, str]:
    """Return the URL of each region that has one.

    Raises:
        ValueError: a row is not ``region=URL``.
    """
    found = {}
    for row in listed(text):
        name, equals, url = row.partition("=")
        if not equals or "://" not in url:
            raise ValueError("ACRCTL_REGIONS: must be region=URL, separated by commas")
        found[name.strip()] = url.strip()
    return found


def refuse_no_regions(names: Iterable[str]) -> None:
    """Return when all are names that a region may have.

    Raises:
        ValueError: one is not; it is named.
    """
    for name in names:
        if _REGION.fullmatch(name) is None:
            raise ValueError(f"'{name}' is not the name of a region (lower-case letters and digits)")


def networks(variable: str, text: str) -> tuple[Network, ...]:
    """Return the networks of a list of them.

    Raises:
        ValueError: one is none; the variable is named.
    """
    try:
        return tuple(ip_network(one) for one in listed(text))
    except ValueError as error:
        raise ValueError(f"{variable}: {error}") from error


def port_range(variable: str, text: str) -> tuple[int, int]:
    """Return the first and the last port of a range; one port is a range as well.

    Raises:
        ValueError: it is none; the variable is named.
    """
    first, _, last = text.partition("-")
    if first.isdigit() and (last or first).isdigit() and 1 <= int(first) <= int(last or first) <= _LAST_PORT:
        return int(first), int(last or first)
    raise ValueError(f"{variable} must be a range such as 5001-5199")
