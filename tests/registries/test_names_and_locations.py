"""Names of registries and regions."""

from __future__ import annotations

import pytest

from controlplane.domain import locations, names


@pytest.mark.parametrize("name", ["abcde", "ABCDE", "12345", "a" * 50, "Demo01"])
def test_letters_and_digits_name_a_registry(name: str) -> None:
    assert names.is_registry_name(name)


@pytest.mark.parametrize(
    "name", ["", "abcd", "a" * 51, "demo-01", "demo_01", "demo.01", "demo 01", "dému01", "demo01\n", "demo٣٣"]
)
def test_anything_else_does_not(name: str) -> None:
    assert not names.is_registry_name(name)
    found = names.bad_registry_name(name)
    assert (found.available, found.reason) == (False, "Invalid")


@pytest.mark.parametrize(
    ("port", "host"),
    [(443, "demo01.azurecr.example.com"), (8443, "demo01.azurecr.example.com:8443")],
)
def test_a_login_server_behind_dns_is_in_lower_case(port: int, host: str) -> None:
    assert names.domain_login_server("Demo01", "azurecr.Example.com", port) == host


def test_a_region_has_one_spelling() -> None:
    known = ("eastus", "westeurope", "my dc")
    assert locations.find("East US", known) == "eastus"
    assert locations.find("WESTEUROPE", known) == "westeurope"
    assert locations.find("mydc", known) == "mydc"
    assert locations.find("westus", known) is None
    assert locations.find("", known) is None


def test_a_region_is_displayed_as_people_read_it() -> None:
    assert locations.display_name("eastus2") == "East US 2"
    assert locations.display_name("basement") == "basement"
