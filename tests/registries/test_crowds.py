"""Many callers at once, and what waits for the world outside."""

from __future__ import annotations

import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from controlplane.persistence import content_repositories
from controlplane.persistence import registries as store
from controlplane.persistence.database import Database
from controlplane.services.graph import Services
from controlplane.settings.model import Settings
from tests.api.deployment import Template
from tests.registries.conftest import Arm, serve, started
from tests.support.ports import free_port

BASIC = {"location": "eastus", "sku": {"name": "Basic"}}


@pytest.fixture
def anywhere(database: Database, settings: Settings) -> Arm:
    """The API on each kind of database."""
    return started(settings, database)


def test_of_a_hundred_writers_of_one_name_one_wins(anywhere: Arm) -> None:
    arm = anywhere
    groups = [f"group{number}" for number in range(10)]
    for group in groups:
        arm.ensure_group(group)

    def attempt(caller: int) -> tuple[int, str]:
        reply = arm.put("wanted", BASIC, group=groups[caller % 10])
        return reply.status, "" if reply.status < 400 else reply.code

    with ThreadPoolExecutor(16) as pool:
        ended = Counter(pool.map(attempt, range(100)))
    # In the winner's own group the others meet its operation; elsewhere they meet its name.
    assert ended[201, ""] == 1
    assert ended == {(201, ""): 1, (409, "Conflict"): 9, (409, "RegistryNameAlreadyInUse"): 90}
    arm.settle()
    (winner,) = arm.list_all().json["value"]
    assert winner["properties"]["provisioningState"] == "Succeeded"


def test_renewals_of_a_password_at_once_all_count(anywhere: Arm) -> None:
    arm = anywhere
    arm.create("demo01", adminUserEnabled=True)

    def renew(_: int) -> int:
        return arm.post("demo01", "regenerateCredential", {"name": "password"}).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(renew, range(16))) == {200}
    with arm.database.read() as tx:
        row = store.by_name(tx, "demo01")
        assert row is not None
        assert [password.version for password in store.admin_passwords(tx, row.id)] == [17, 1]


def test_a_registry_with_a_port_of_its_own_is_ready_when_the_port_is_open(
    services: Services, template: Template
) -> None:
    port = free_port()
    settings: Settings = services.settings.model_copy(
        update={"login_server_mode": "port", "login_ports": f"{port}-{port}"}
    )
    arm = serve(replace(services, settings=settings), template.owner, template.token)
    reply = arm.put("demo01", BASIC)
    assert reply.json["properties"]["loginServer"] == f"localhost:{port}"
    refused = arm.put("demo02", BASIC)
    assert (refused.status, refused.code) == (409, "LoginServerPortsExhausted")
    assert arm.check_name("demo03").json == {"nameAvailable": True}
    with socket.socket() as forwarder:
        forwarder.bind(("127.0.0.1", port))
        forwarder.listen()
        arm.settle()
    assert arm.get("demo01").json["properties"]["provisioningState"] == "Succeeded"
    arm.delete("demo01")
    arm.settle()
    assert arm.put("demo02", BASIC).json["properties"]["loginServer"] == f"localhost:{port}"


def test_a_port_that_stays_closed_leaves_the_operation_waiting(
    services: Services, template: Template
) -> None:
    port = free_port()
    settings = services.settings.model_copy(
        update={"login_server_mode": "port", "login_ports": f"{port}-{port}"}
    )
    arm = serve(replace(services, settings=settings), template.owner, template.token)
    arm.put("demo01", BASIC)
    arm.settle()
    assert arm.get("demo01").json["properties"]["provisioningState"] == "Creating"
    with arm.database.read() as tx:
        row = store.by_name(tx, "demo01")
    assert row is not None
    assert not row.ready


def test_a_deletion_takes_the_content_along(arm: Arm) -> None:
    arm.create("demo01")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with arm.database.write() as tx:
        row = store.by_name(tx, "demo01")
        assert row is not None
        for number in range(3):
            content_repositories.ensure(tx, row.id, f"hello/{number}", now)
    arm.delete("demo01")
    arm.settle()
    with arm.database.read() as tx:
        assert content_repositories.any_names(tx, row.id, 10) == []
        assert store.by_id(tx, row.id) is None
