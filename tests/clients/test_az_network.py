"""Unmodified az on network rules, the public network, identities, and on what this service does not have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.conftest import Service

pytestmark = pytest.mark.clients
GROUP, NAME = "az-network", "aznetwork01"


@pytest.fixture(scope="module")
def registry(az: Service) -> Iterator[str]:
    az.az("group", "create", "-n", GROUP, "-l", "eastus", "-o", "none")
    az.az("acr", "create", "-n", NAME, "-g", GROUP, "--sku", "Premium", "-o", "none")
    yield NAME
    az.az("group", "delete", "-n", GROUP, "--yes")


def test_network_rules_are_added_listed_and_removed(az: Service, registry: str) -> None:
    added = az.az("acr", "network-rule", "add", "-n", registry, "--ip-address", "198.51.100.0/24").json()
    rule = {"action": "Allow", "ipAddressOrRange": "198.51.100.0/24"}
    assert added["networkRuleSet"]["ipRules"] == [rule]
    assert az.az("acr", "network-rule", "list", "-n", registry).json()["ipRules"] == [rule]
    left = az.az("acr", "network-rule", "remove", "-n", registry, "--ip-address", "198.51.100.0/24").json()
    assert left["networkRuleSet"]["ipRules"] == []


def test_the_public_network_closes_and_opens(az: Service, registry: str) -> None:
    def refused() -> bool:
        return az.az("acr", "repository", "list", "-n", registry, check=False).code != 0

    denied = az.az("acr", "update", "-n", registry, "--default-action", "Deny").json()
    assert denied["networkRuleSet"]["defaultAction"] == "Deny"
    assert refused()
    az.az("acr", "update", "-n", registry, "--default-action", "Allow")
    closed = az.az("acr", "update", "-n", registry, "--public-network-enabled", "false").json()
    assert closed["publicNetworkAccess"] == "Disabled"
    assert refused()
    assert closed["networkRuleSet"]["defaultAction"] == "Deny"  # az sends that as well
    az.az("acr", "update", "-n", registry, "--public-network-enabled", "true", "--default-action", "Allow")
    assert not refused()


def test_an_identity_is_assigned_shown_and_removed(az: Service, registry: str) -> None:
    assigned = az.az("acr", "identity", "assign", "-n", registry, "--identities", "[system]").json()
    assert assigned["identity"]["type"] == "SystemAssigned"
    shown = az.az("acr", "identity", "show", "-n", registry).json()
    assert shown["principalId"] == assigned["identity"]["principalId"]
    az.az("acr", "identity", "remove", "-n", registry, "--identities", "[system]")
    assert (az.az("acr", "show", "-n", registry).json()["identity"] or {}).get("type", "None") == "None"


@pytest.mark.parametrize(
    "command", ["private-endpoint-connection list", "connected-registry list", "agentpool list", "task list"]
)
def test_what_cannot_exist_is_listed_as_nothing(az: Service, registry: str, command: str) -> None:
    assert az.az("acr", *command.split(), "-r", registry).json() == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("agentpool create -n pool", "Building images is not supported"),
        ("private-endpoint-connection approve -n any", "ResourceNotFound"),
    ],
)
def test_what_is_not_there_is_refused_by_name(az: Service, registry: str, command: str, words: str) -> None:
    refused = az.az("acr", *command.split(), "-r", registry, check=False)
    assert refused.code != 0
    assert words in refused.err
