"""IP access rules of a registry: which are valid, and whom they admit.

A rule is an IPv4 address or network in CIDR notation, as in ACR. Rules only ever allow; whether an address
that none of them names gets in is the rule set's default action.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

_HOST_PREFIX = "/32"


class DefaultAction(StrEnum):
    """What happens to an address that no rule names, as the wire spells it."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """Who may reach a registry over the network. ``rules`` are normalised CIDR texts."""

    public_access: bool
    default_action: DefaultAction
    rules: tuple[str, ...]


def normalise_rule(text: str) -> str:
    """Return the one spelling of a rule: a single address without a prefix length, a network with it.

    Raises:
        ValueError: not IPv4, not an address or network, or a network with host bits set.
    """
    try:
        network = IPv4Network(text.strip())
    except ValueError:
        raise ValueError(
            f"'{text}' is neither an IPv4 address nor an IPv4 network in CIDR notation such as 203.0.113.0/24"
        ) from None
    return str(network).removesuffix(_HOST_PREFIX)


def admits(policy: NetworkPolicy, address: str) -> bool:
    """Tell whether a client at ``address`` may reach the registry.

    An IPv4 client of an IPv6 socket (``::ffff:203.0.113.5``) counts as the IPv4 client it is. An address
    that cannot be read is admitted only where everybody is.
    """
    if not policy.public_access:
        return False
    if policy.default_action is DefaultAction.ALLOW:
        return True
    client = _ipv4(address)
    return client is not None and _named(policy.rules, client)


def _named(rules: Sequence[str], client: IPv4Address) -> bool:
    return any(client in IPv4Network(rule) for rule in rules)


def _ipv4(address: str) -> IPv4Address | None:
    try:
        client = ip_address(address.strip().strip("[]"))
    except ValueError:
        return None
    return client.ipv4_mapped if isinstance(client, IPv6Address) else client
