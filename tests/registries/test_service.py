"""Names, login servers, what is in force, the admin user and usage, on every database."""

from __future__ import annotations

import base64
import random
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from controlplane.domain.tiers import GIB, TIB, Tier
from controlplane.kernel.clock import SystemClock
from controlplane.kernel.errors import Failure
from controlplane.kernel.ids import RandomIds
from controlplane.kernel.states import ProvisioningState
from controlplane.persistence import registries as store
from controlplane.persistence import resources
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.registries import RegistryRow
from controlplane.persistence.resources import ResourceRow
from controlplane.services import registries, registry_rules
from controlplane.services.registries import NewRegistry
from controlplane.services.registry_credentials import AdminUser, PasswordName
from controlplane.services.vault import Vault
from controlplane.settings.model import Settings
from tests.support.ports import accepts

DOMAIN = Settings(login_server_mode="domain", login_domain="azurecr.example", port=8443)
PROPERTIES = registry_rules.complete({}, Tier.BASIC)
CHOSEN = registry_rules.settings_of(Tier.BASIC, PROPERTIES)
KEY = "/subscriptions/s/resourcegroups/g/providers/microsoft.containerregistry/registries/"


def new(name: str) -> NewRegistry:
    return NewRegistry(KEY + name.lower(), name, "eastus", CHOSEN)


@pytest.fixture
def demo(database: Database) -> RegistryRow:
    with database.write() as tx:
        return registries.create(tx, DOMAIN, new("Demo01"))[0]


@pytest.fixture
def admin() -> AdminUser:
    return AdminUser(Vault({"k1": base64.b64decode("A" * 43 + "=")}), RandomIds(), SystemClock())


def reread(tx: Transaction, row: RegistryRow) -> RegistryRow:
    found = store.by_id(tx, row.id)
    assert found is not None
    return found


def port_settings(ports: str) -> Settings:
    return Settings(login_server_mode="port", login_ports=ports)


def free_range(length: int) -> int:
    """Return the first of so many ports that are all free."""
    for _ in range(50):
        first = random.randrange(20_000, 31_000)  # below the ports that outgoing connections take
        if not any(accepts(port) for port in range(first, first + length)):
            return first
    raise AssertionError("no free ports")


def child(row: RegistryRow, kind: str, name: str) -> ResourceRow:
    resource_id = f"{row.key}/{kind}/{name}"
    return ResourceRow(
        key=resource_id.lower(),
        id=resource_id,
        type=f"microsoft.containerregistry/registries/{kind}".lower(),
        name=name,
        parent_key=row.key,
        subscription="s",
        group_key=None,
        location=None,
        tags=None,
        members={},
        properties={},
        provisioning_state=ProvisioningState.SUCCEEDED,
        version=1,
        system_data={},
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


# --- names and login servers


def test_a_name_is_free_until_somebody_has_it_in_any_case(database: Database) -> None:
    with database.write() as tx:
        assert registries.availability(tx, "Demo01").available
        registries.create(tx, DOMAIN, new("Demo01"))
        taken = registries.availability(tx, "DEMO01")
        assert (taken.available, taken.reason) == (False, "AlreadyExists")
        assert taken.message == "The registry DEMO01 is already in use."
        with pytest.raises(Failure) as refused:
            registries.create(tx, DOMAIN, replace(new("dEmO01"), key="/elsewhere"))
    assert (refused.value.kind.code, refused.value.kind.status) == ("RegistryNameAlreadyInUse", 409)


def test_a_bad_name_is_told_with_the_rule(database: Database) -> None:
    with database.read() as tx:
        found = registries.availability(tx, "no-dashes")
    assert (found.available, found.reason) == (False, "Invalid")
    assert "5 to 50" in (found.message or "")


def test_a_login_server_behind_dns_is_known_before(database: Database) -> None:
    assert registries.expected_login_server(DOMAIN, "Demo01") == "demo01.azurecr.example:8443"
    assert registries.expected_login_server(port_settings("5001-5009"), "Demo01") is None
    with database.write() as tx:
        row, host = registries.create(tx, DOMAIN, new("Demo01"))
        assert host == "demo01.azurecr.example:8443"
        assert store.by_host(tx, host) == (row, "login", "eastus")
        assert registries.ports(tx, DOMAIN, row.key) == []


def test_ports_of_others_are_passed_over(database: Database) -> None:
    first = free_range(3)
    settings = port_settings(f"{first}-{first + 2}")
    with socket.socket() as other, database.write() as tx:
        other.bind(("127.0.0.1", first + 1))
        other.listen()
        row, host = registries.create(tx, settings, new("demo01"))
        assert registries.ports(tx, settings, row.key) == [(host, first)] == [(f"localhost:{first}", first)]
        assert registries.create(tx, settings, new("demo02"))[1] == f"localhost:{first + 2}"
        with pytest.raises(Failure, match="ACRCTL_LOGIN_PORTS") as refused:
            registries.create(tx, settings, new("demo03"))
    assert refused.value.kind.code == "LoginServerPortsExhausted"


def test_a_deleted_registry_gives_its_name_and_port_back(database: Database) -> None:
    first = free_range(1)
    settings = port_settings(f"{first}-{first}")
    for _ in range(2):
        with database.write() as tx:
            assert registries.create(tx, settings, new("demo01"))[1] == f"localhost:{first}"
        with database.write() as tx:
            registries.forget(tx, new("demo01").key)
            registries.forget(tx, new("demo01").key)


def test_of_many_who_want_one_name_at_once_one_gets_it(database: Database) -> None:
    def attempt(caller: int) -> str:
        try:
            with database.write() as tx:
                registries.create(tx, DOMAIN, replace(new("wanted"), key=f"/callers/{caller}"))
        except Failure as failure:
            return failure.kind.code
        return "created"

    with ThreadPoolExecutor(10) as pool:
        ended = Counter(pool.map(attempt, range(40)))
    assert ended == {"created": 1, "RegistryNameAlreadyInUse": 39}


def test_registries_made_at_once_get_ports_of_their_own(database: Database) -> None:
    first = free_range(40)
    settings = port_settings(f"{first}-{first + 39}")

    def attempt(number: int) -> str:
        with database.write() as tx:
            return registries.create(tx, settings, new(f"demo{number:02}"))[1]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(attempt, range(24)))) == 24


def test_a_login_server_is_open_once_something_listens() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        registries.wait_until_open("localhost", port)
    with pytest.raises(Failure) as waited:
        registries.wait_until_open("localhost:1", port, patience=0.1)
    assert waited.value.retryable


# --- what is in force


def test_settings_that_did_not_change_leave_the_stamp(database: Database, demo: RegistryRow) -> None:
    with database.write() as tx:
        registries.put_in_force(tx, demo.key, CHOSEN)
        assert reread(tx, demo) == demo
        registries.put_in_force(tx, demo.key, replace(CHOSEN, anonymous_pull=True))
        after = reread(tx, demo)
    assert (after.anonymous_pull, after.stamp) == (True, demo.stamp + 1)


def test_opening_and_closing_act_once(database: Database, demo: RegistryRow) -> None:
    with database.write() as tx:
        for _ in range(2):
            registries.open_to_clients(tx, demo.key)
        assert (reread(tx, demo).ready, reread(tx, demo).stamp) == (True, demo.stamp + 1)
        for _ in range(2):
            registries.close_to_clients(tx, demo.key)
        assert (reread(tx, demo).ready, reread(tx, demo).stamp) == (False, demo.stamp + 2)


# --- the admin user


def test_a_registry_starts_with_two_passwords(
    database: Database, demo: RegistryRow, admin: AdminUser
) -> None:
    with database.write() as tx:
        admin.create(tx, demo.id)
        first, second = admin.show(tx, demo.id)
        stored = store.admin_passwords(tx, demo.id)
    assert (first.name, second.name) == ("password", "password2")
    assert first.value.startswith("acrpwd_")
    assert len(first.value) >= 50
    assert first.value != second.value
    assert first.value not in repr(first)
    assert all(password.value not in repr(stored) for password in (first, second))


def test_a_renewed_password_replaces_one_and_moves_the_stamp(
    database: Database, demo: RegistryRow, admin: AdminUser
) -> None:
    with database.write() as tx:
        admin.create(tx, demo.id)
        old = admin.show(tx, demo.id)
        admin.renew(tx, demo.id, PasswordName.SECOND)
        now = admin.show(tx, demo.id)
        rows = store.admin_passwords(tx, demo.id)
        assert reread(tx, demo).stamp == demo.stamp + 1
    assert (now[0], now[1].name) == (old[0], old[1].name)
    assert now[1].value != old[1].value
    assert [row.version for row in rows] == [1, 2]
    assert admin.match(rows, old[1].value) is None
    assert admin.match(rows, now[0].value) == rows[0]
    assert admin.match(rows, now[1].value) == rows[1]
    assert admin.match(rows, "") is None


# --- tiers and usage


def test_usage_counts_what_is_there(database: Database, demo: RegistryRow) -> None:
    with database.write() as tx:
        for kind, name in (
            ("webhooks", "hook01"),
            ("webhooks", "hook02"),
            ("scopeMaps", "m1"),
            ("tokens", "t1"),
        ):
            resources.insert(tx, child(demo, kind, name))
        store.add_size(tx, demo.id, 12_345)
        used = registries.usages(tx, reread(tx, demo))
    assert used == [
        {"name": "Size", "limit": 10 * GIB, "currentValue": 12_345, "unit": "Bytes"},
        {"name": "Webhooks", "limit": 2, "currentValue": 2, "unit": "Count"},
        {"name": "ScopeMaps", "limit": 100, "currentValue": 1, "unit": "Count"},
        {"name": "Tokens", "limit": 100, "currentValue": 1, "unit": "Count"},
    ]


def test_premium_has_further_counters(database: Database, demo: RegistryRow) -> None:
    with database.write() as tx:
        resources.insert(tx, child(demo, "replications", "westus"))
        premium = replace(CHOSEN, tier=Tier.PREMIUM, ip_rules=("203.0.113.7", "10.0.0.0/8"))
        registries.put_in_force(tx, demo.key, premium)
        used = registries.usages(tx, reread(tx, demo))
    assert [(row["name"], row["limit"], row["currentValue"]) for row in used] == [
        ("Size", 500 * GIB, 0),
        ("Webhooks", 500, 0),
        ("ScopeMaps", 50_000, 0),
        ("Tokens", 50_000, 0),
        ("Geo-replications", -1, 2),
        ("IPRules", 200, 2),
        ("VNetRules", 100, 0),
        ("PrivateEndpoints", 200, 0),
    ]


def test_a_tier_that_cannot_hold_what_is_there_is_refused(database: Database, demo: RegistryRow) -> None:
    with database.write() as tx:
        for number in range(3):
            resources.insert(tx, child(demo, "webhooks", f"hook0{number}"))
        store.add_size(tx, demo.id, 41 * TIB)
        with pytest.raises(Failure) as refused:
            registries.refuse_tier(tx, reread(tx, demo), {"anonymousPullEnabled": True}, Tier.BASIC)
        registries.refuse_tier(tx, reread(tx, demo), PROPERTIES, Tier.PREMIUM)
    assert refused.value.kind.code == "SkuUpdateNotSupported"
    for part in ("Registry size", "anonymous pull", "3 webhooks"):
        assert part in refused.value.message
