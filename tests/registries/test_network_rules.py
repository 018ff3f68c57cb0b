"""IP access rules: what they may be, and whom they admit."""

from __future__ import annotations

import pytest

from controlplane.domain.network_rules import (
    DefaultAction,
    NetworkPolicy,
    admits,
    normalise_rule,
)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7/32", "203.0.113.7"),
        (" 203.0.113.0/24 ", "203.0.113.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_a_rule_has_one_spelling(given: str, kept: str) -> None:
    assert normalise_rule(given) == kept


@pytest.mark.parametrize(
    "given",
    ["", "host.example", "203.0.113.7/24", "203.0.113.0/33", "203.0.113", "2001:db8::/32", "010.0.0.1", "-1"],
)
def test_what_is_no_ipv4_address_or_network_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="neither an IPv4 address nor"):
        normalise_rule(given)


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("203.0.113.200", True),
        ("198.51.100.7", True),
        ("::ffff:198.51.100.7", True),
        ("198.51.100.8", False),
        ("2001:db8::1", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_only_named_addresses_pass_when_others_are_denied(address: str, admitted: bool) -> None:
    policy = NetworkPolicy(True, DefaultAction.DENY, ("203.0.113.0/24", "198.51.100.7"))
    assert admits(policy, address) is admitted


def test_everybody_passes_when_the_default_is_allow() -> None:
    policy = NetworkPolicy(True, DefaultAction.ALLOW, ("203.0.113.0/24",))
    assert admits(policy, "192.0.2.1")
    assert admits(policy, "2001:db8::1")


def test_nobody_passes_without_public_access() -> None:
    assert not admits(NetworkPolicy(False, DefaultAction.ALLOW, ("203.0.113.7",)), "203.0.113.7")
