"""Credentials, usage and name checks, through the management API."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.domain.tiers import GIB
from controlplane.persistence import registries as store
from tests.registries.conftest import STABLE, Arm


def test_credentials_are_the_registrys_name_and_two_passwords(arm: Arm) -> None:
    arm.create("Demo01", adminUserEnabled=True)
    answer = arm.post("Demo01", "listCredentials")
    assert answer.status == 200
    assert answer.json["username"] == "Demo01"
    first, second = answer.json["passwords"]
    assert (first["name"], second["name"]) == ("password", "password2")
    assert first["value"] != second["value"]
    assert arm.post("demo01", "listCredentials").json == answer.json


@pytest.mark.parametrize(
    ("call", "body"), [("listCredentials", None), ("regenerateCredential", {"name": "password"})]
)
def test_a_disabled_admin_user_has_no_credentials(arm: Arm, call: str, body: Any) -> None:
    arm.create("demo01")
    refused = arm.post("demo01", call, body)
    assert (refused.status, refused.code) == (400, "UnAuthorizedForCredentialOperations")


def test_passwords_outlive_a_pause_of_the_admin_user(arm: Arm) -> None:
    arm.create("demo01", adminUserEnabled=True)
    before = arm.post("demo01", "listCredentials").json
    for enabled in (False, True):
        arm.done(arm.patch("demo01", {"properties": {"adminUserEnabled": enabled}}))
    assert arm.post("demo01", "listCredentials").json == before


def test_one_password_is_renewed_at_a_time(arm: Arm) -> None:
    arm.create("demo01", adminUserEnabled=True)
    before = arm.post("demo01", "listCredentials").json["passwords"]
    with arm.database.read() as tx:
        row = store.by_name(tx, "demo01")
    after = arm.post("demo01", "regenerateCredential", {"name": "password2"}).json
    assert after["passwords"][0] == before[0]
    assert after["passwords"][1]["value"] != before[1]["value"]
    assert arm.post("demo01", "listCredentials").json == after
    with arm.database.read() as tx:
        renewed = store.by_name(tx, "demo01")
    assert row is not None
    assert renewed is not None
    assert renewed.stamp == row.stamp + 1


@pytest.mark.parametrize("body", [{}, {"name": "password3"}, {"name": None}, {"name": "password", "x": 1}])
def test_a_password_must_be_named(arm: Arm, body: Any) -> None:
    arm.create("demo01", adminUserEnabled=True)
    refused = arm.post("demo01", "regenerateCredential", body)
    assert (refused.status, refused.code) == (400, "InvalidRequestContent")


def test_passwords_are_shown_nowhere_else(arm: Arm) -> None:
    arm.create("demo01", adminUserEnabled=True)
    values = [password["value"] for password in arm.post("demo01", "listCredentials").json["passwords"]]
    shown = arm.get("demo01").text + arm.list_all().text
    assert not any(value in shown for value in values)


def test_usage_shows_real_numbers(arm: Arm) -> None:
    arm.create("demo01", sku="Standard")
    with arm.database.write() as tx:
        row = store.by_name(tx, "demo01")
        assert row is not None
        store.add_size(tx, row.id, 777)
    answer = arm.call("GET", "demo01", "listUsages")
    assert answer.status == 200
    used = {row["name"]: (row["currentValue"], row["limit"], row["unit"]) for row in answer.json["value"]}
    assert used["Size"] == (777, 100 * GIB, "Bytes")
    assert used["Webhooks"] == (0, 10, "Count")
    assert "IPRules" not in used


@pytest.mark.parametrize("call", ["listCredentials", "regenerateCredential"])
def test_calls_on_a_missing_registry_find_nothing(arm: Arm, call: str) -> None:
    missing = arm.post("demo01", call, {"name": "password"} if call.startswith("r") else None)
    assert (missing.status, missing.code) == (404, "ResourceNotFound")
    assert arm.call("GET", "demo01", "listUsages").status == 404


def test_a_free_name_comes_with_its_login_server(arm: Arm) -> None:
    answer = arm.check_name("Demo01")
    assert answer.status == 200
    assert answer.json == {"nameAvailable": True, "availableLoginServerName": "demo01.azurecr.test:8443"}
    assert arm.check_name("Demo01", version=STABLE).json == {"nameAvailable": True}


def test_a_taken_name_is_told_in_any_case(arm: Arm) -> None:
    arm.put("demo01", {"location": "eastus", "sku": {"name": "Basic"}})
    assert arm.check_name("DEMO01").json == {
        "nameAvailable": False,
        "reason": "AlreadyExists",
        "message": "The registry DEMO01 is already in use.",
    }


@pytest.mark.parametrize("name", ["", "abcd", "a" * 51, "demo-01", "démo01", "demo01\n"])
def test_a_bad_name_is_told(arm: Arm, name: str) -> None:
    answer = arm.check_name(name).json
    assert (answer["nameAvailable"], answer["reason"]) == (False, "Invalid")
    assert "5 to 50" in answer["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "demo01"},
        {"type": "Microsoft.ContainerRegistry/registries"},
        {"name": 5, "type": "Microsoft.ContainerRegistry/registries"},
        {"name": "demo01", "type": "Microsoft.Storage/storageAccounts"},
    ],
)
def test_a_name_check_needs_a_name_and_the_type(arm: Arm, body: Any) -> None:
    refused = arm.check(body)
    assert (refused.status, refused.code) == (400, "InvalidRequestContent")


def test_a_generated_label_is_refused(arm: Arm) -> None:
    body = {
        "name": "demo01",
        "type": "Microsoft.ContainerRegistry/registries",
        "autoGeneratedDomainNameLabelScope": "NoReuse",
    }
    assert arm.check(body).code == "FeatureNotSupported"
    assert arm.check({**body, "autoGeneratedDomainNameLabelScope": "Unsecure"}).json["nameAvailable"] is True
