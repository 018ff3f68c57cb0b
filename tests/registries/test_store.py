"""The store of registries, on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from controlplane.domain.tiers import Tier
from controlplane.persistence import registries
from controlplane.persistence.database import Database
from controlplane.persistence.registries import LOGIN, EndpointRow, RegistryRow, RegistrySettings

SETTINGS = RegistrySettings(
    tier=Tier.PREMIUM,
    admin_enabled=True,
    anonymous_pull=False,
    role_assignment_mode="LegacyRegistryPermissions",
    arm_tokens_accepted=True,
    public_access=True,
    default_action="Deny",
    ip_rules=("203.0.113.0/24", "198.51.100.7"),
)
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture
def demo(database: Database) -> RegistryRow:
    with database.write() as tx:
        row = registries.insert(tx, "/subscriptions/s/demo01", "Demo01", SETTINGS)
    assert row is not None
    return row


def test_a_new_registry_is_not_ready_and_empty(demo: RegistryRow) -> None:
    assert (demo.name, demo.size, demo.stamp, demo.ready) == ("demo01", 0, 1, False)
    assert demo.settings == SETTINGS


def test_a_registry_is_found_by_key_name_and_id(database: Database, demo: RegistryRow) -> None:
    with database.read() as tx:
        assert registries.by_key(tx, "/subscriptions/s/demo01") == demo
        assert registries.by_name(tx, "DEMO01") == demo
        assert registries.by_id(tx, demo.id) == demo
        assert registries.by_name(tx, "demo02") is None


def test_a_name_is_had_once_whatever_its_case(database: Database, demo: RegistryRow) -> None:
    with database.write() as tx:
        assert registries.insert(tx, "/subscriptions/other/demo01", "dEMO01", SETTINGS) is None
        # The transaction goes on after a refusal.
        assert registries.by_name(tx, "demo01") == demo


def test_an_update_moves_the_stamp_only_when_it_revokes(database: Database, demo: RegistryRow) -> None:
    wider = replace(SETTINGS, default_action="Allow", ip_rules=())
    with database.write() as tx:
        registries.update(tx, demo.id, wider, revokes=False)
        after = registries.by_id(tx, demo.id)
        assert after is not None
        assert (after.settings, after.stamp) == (wider, demo.stamp)
        registries.update(tx, demo.id, SETTINGS, revokes=True)
        after = registries.by_id(tx, demo.id)
        assert after is not None
        assert (after.settings, after.stamp) == (SETTINGS, demo.stamp + 1)


def test_opening_and_closing_move_the_stamp(database: Database, demo: RegistryRow) -> None:
    with database.write() as tx:
        registries.set_ready(tx, demo.id, True)
        registries.bump_stamp(tx, demo.id)
        registries.add_size(tx, demo.id, 5_000_000_000)
        registries.add_size(tx, demo.id, -1)
        after = registries.by_id(tx, demo.id)
    assert after is not None
    assert (after.ready, after.stamp, after.size) == (True, demo.stamp + 2, 4_999_999_999)


def test_a_host_leads_to_its_registry(database: Database, demo: RegistryRow) -> None:
    with database.write() as tx:
        assert registries.add_endpoint(tx, EndpointRow("localhost:5001", demo.id, LOGIN, "eastus", 5001))
        assert registries.by_host(tx, "LOCALHOST:5001") == (demo, LOGIN, "eastus")
        assert registries.by_host(tx, "localhost:5002") is None


def test_hosts_and_ports_are_had_once(database: Database, demo: RegistryRow) -> None:
    login = EndpointRow("localhost:5001", demo.id, LOGIN, "eastus", 5001)
    with database.write() as tx:
        assert registries.add_endpoint(tx, login)
        assert not registries.add_endpoint(tx, replace(login, port=5002))
        assert not registries.add_endpoint(tx, replace(login, host="localhost:5002"))
        # Any number of hosts may have no port of their own.
        assert registries.add_endpoint(tx, EndpointRow("a.example", demo.id, "data", "eastus"))
        assert registries.add_endpoint(tx, EndpointRow("b.example", demo.id, "data", "westus"))
        assert [row.host for row in registries.endpoints(tx, demo.id)] == [
            "localhost:5001", "a.example", "b.example",
        ]  # fmt: skip
        assert registries.taken_ports(tx) == {5001}
        assert registries.all_ports(tx) == [(5001, "localhost:5001")]


def test_released_endpoints_can_be_had_again(database: Database, demo: RegistryRow) -> None:
    login = EndpointRow("localhost:5001", demo.id, LOGIN, "eastus", 5001)
    with database.write() as tx:
        registries.add_endpoint(tx, login)
        registries.remove_endpoint(tx, login.host)
        assert registries.add_endpoint(tx, login)


def test_a_password_is_versioned(database: Database, demo: RegistryRow) -> None:
    with database.write() as tx:
        registries.put_admin_password(tx, demo.id, "password2", "sealed-b", NOW)
        registries.put_admin_password(tx, demo.id, "password", "sealed-a", NOW)
        registries.put_admin_password(tx, demo.id, "password", "sealed-c", NOW)
        first, second = registries.admin_passwords(tx, demo.id)
    assert (first.name, first.value, first.version, first.created_at) == ("password", "sealed-c", 2, NOW)
    assert (second.name, second.value, second.version) == ("password2", "sealed-b", 1)


def test_deletion_takes_hosts_and_passwords_along(database: Database, demo: RegistryRow) -> None:
    with database.write() as tx:
        registries.add_endpoint(tx, EndpointRow("localhost:5001", demo.id, LOGIN, "eastus", 5001))
        registries.put_admin_password(tx, demo.id, "password", "sealed", NOW)
        registries.delete(tx, demo.id)
        assert registries.by_host(tx, "localhost:5001") is None
        assert registries.taken_ports(tx) == frozenset()
        assert registries.admin_passwords(tx, demo.id) == []
        assert registries.insert(tx, "/elsewhere/demo01", "demo01", SETTINGS) is not None


def test_a_registry_without_children_counts_none(database: Database, demo: RegistryRow) -> None:
    with database.read() as tx:
        assert registries.children(tx, demo.key) == {}
